//! What the operators of a configuration agree on, and how patient each of them is.

use alloy_primitives::B256;
use causeway_adapter_api::ChainId;

use super::{Band, Millis, Place, Round};

/// Fewest operators: 3f + 1 with f = 1.
pub(super) const MIN_OPERATORS: u8 = 4;
/// Most operators: as many as the contract takes.
pub(super) const MAX_OPERATORS: u8 = 31;

/// How long things take. No agreement is needed on these, but the nearer operators are the sooner a round ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pace {
    /// How long a leader waits for more observations than it needs.
    pub gather: Millis,
    /// After how long without a report messages are sent again.
    pub resend: Millis,
    /// After how long without an answer the next round begins; doubled with each failed round, up to 64 times.
    pub patience: Millis,
    /// How long each operator waits for the one before it to send the report to a chain.
    pub stage: Millis,
    /// How old a sample or report may be.
    pub fresh: Millis,
    /// How far clocks differ.
    pub skew: Millis,
}

/// One operator's settings, as written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Digest of the configuration, as the contracts have it.
    pub config: B256,
    /// How many operators there are.
    pub operators: u8,
    /// Which of them we are.
    pub me: Place,
    /// Where answers go.
    pub chains: Vec<ChainId>,
    /// The least plausible value.
    pub min: i128,
    /// The greatest plausible value.
    pub max: i128,
    /// When an answer is an alarm.
    pub band: Band,
    /// By how much a sample must differ from the last answer to begin a round.
    pub deviation: u128,
    /// After how long a round begins anyway.
    pub heartbeat: Millis,
    /// How patient we are.
    pub pace: Pace,
}

/// Settings that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSettings {
    /// No f with n = 3f + 1.
    #[error(
        "operators: {got} are not 3f + 1 from {MIN_OPERATORS} to {MAX_OPERATORS}; add or remove some"
    )]
    ConfigOperators {
        /// How many.
        got: u8,
    },
    /// We are none of them.
    #[error("place: {got} of {operators} operators; the account is not in the configuration")]
    ConfigPlace {
        /// Which.
        got: u8,
        /// Of how many.
        operators: u8,
    },
    /// No chain, or one twice.
    #[error("chains: name at least one, each once")]
    ConfigChains,
    /// Nothing is plausible.
    #[error("plausible range: {min} is not below {max}")]
    ConfigRange {
        /// From.
        min: i128,
        /// To.
        max: i128,
    },
    /// The digest, the deviation or a time is zero.
    #[error("{field} is zero")]
    ConfigZero {
        /// Which.
        field: &'static str,
    },
}

/// Settings that were checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules(Settings);

impl Settings {
    /// Checks the settings (V6).
    ///
    /// # Errors
    /// [`BadSettings`] names what makes no sense.
    pub fn check(self) -> Result<Rules, BadSettings> {
        let (got, operators) = (self.me.0, self.operators);
        if !(MIN_OPERATORS..=MAX_OPERATORS).contains(&operators) || operators % 3 != 1 {
            return Err(BadSettings::ConfigOperators { got: operators });
        }
        if got >= operators {
            return Err(BadSettings::ConfigPlace { got, operators });
        }
        let mut chains = self.chains.clone();
        chains.sort_unstable();
        chains.dedup();
        if chains.is_empty() || chains.len() != self.chains.len() {
            return Err(BadSettings::ConfigChains);
        }
        let (min, max) = (self.min, self.max);
        if min >= max {
            return Err(BadSettings::ConfigRange { min, max });
        }
        let zeros = [
            ("config", self.config.is_zero()),
            ("deviation", self.deviation == 0),
            ("heartbeat", self.heartbeat.0 == 0),
            ("resend", self.pace.resend.0 == 0),
            ("patience", self.pace.patience.0 == 0),
            ("fresh", self.pace.fresh.0 == 0),
        ];
        match zeros.into_iter().find(|(_, zero)| *zero) {
            Some((field, _)) => Err(BadSettings::ConfigZero { field }),
            None => Ok(Rules(self)),
        }
    }
}

impl Rules {
    /// 2f + 1: what observations and signatures need.
    pub const fn quorum(&self) -> usize {
        (self.0.operators - self.faulty()) as usize
    }

    /// f + 1: among so many is an honest one.
    pub const fn some_honest(&self) -> usize {
        self.faulty() as usize + 1
    }

    /// F2: who leads a round.
    pub const fn leader(&self, round: Round) -> Place {
        // Below the number of operators, which is a u8.
        #[expect(clippy::cast_possible_truncation, reason = "the remainder fits")]
        Place((round.0 % self.0.operators as u32) as u8)
    }

    /// F9: how many others send a round's report before us.
    pub fn turn(&self, round: Round) -> u64 {
        let n = u64::from(self.0.operators);
        (u64::from(self.0.me.0) + n - u64::from(self.leader(round).0)) % n
    }

    const fn faulty(&self) -> u8 {
        (self.0.operators - 1) / 3
    }
}

impl std::ops::Deref for Rules {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0
    }
}
