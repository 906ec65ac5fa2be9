//! Statements accepted so far.

use std::collections::HashSet;

use alloy_primitives::B256;

use super::Verified;
use crate::error::Error;

/// Accepts each statement once, in memory; `VerifierRegistry` does it on chain, the daemon's store across restarts.
#[derive(Debug)]
pub struct Register {
    seen: HashSet<B256>,
    max: usize,
}

impl Register {
    /// A register of at most `max` statements.
    pub fn new(max: usize) -> Self {
        Self {
            seen: HashSet::new(),
            max,
        }
    }

    /// Accepts a statement.
    ///
    /// # Errors
    ///
    /// When it was accepted before, or the register is full.
    pub fn accept(&mut self, verified: &Verified) -> Result<B256, Error> {
        let hash = verified.statement();
        if self.seen.contains(&hash) {
            return Err(Error::StatementSeen { hash });
        }
        if self.seen.len() >= self.max {
            return Err(Error::RegisterFull { max: self.max });
        }
        self.seen.insert(hash);
        Ok(hash)
    }
}
