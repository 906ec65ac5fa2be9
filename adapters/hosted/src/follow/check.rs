//! What a reader believes: blocks under a certificate of the validators it knows, and nothing else. Pure.

use alloy_primitives::{Address, B256};

use crate::{
    block::{self, Block},
    certificate::{CertificateError, FinalityCertificate},
};

/// A block that is said to be final, and its certificate where it has one of its own.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The block.
    pub block: Block,
    /// For this very block; a later one proves it as well.
    pub certificate: Option<FinalityCertificate>,
}

/// How what a source sends cannot be what the validators made final.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lie {
    /// A block out of order.
    #[error("block {got} where block {expected} belongs")]
    Number {
        /// What came.
        got: u64,
        /// What was asked for.
        expected: u64,
    },
    /// A block on another parent.
    #[error("block {number} does not follow the block before it")]
    Parent {
        /// Which.
        number: u64,
    },
    /// Transactions that are not those of the header.
    #[error("the transactions of block {number} are not those of its header")]
    Body {
        /// Which.
        number: u64,
    },
    /// A certificate of another block.
    #[error("the certificate of block {number} is for another block")]
    OtherBlock {
        /// Which.
        number: u64,
    },
    /// A certificate of another epoch.
    #[error(
        "the certificate of block {number} is of epoch {got}, the block is of epoch {expected}"
    )]
    Epoch {
        /// Which.
        number: u64,
        /// In the certificate.
        got: u64,
        /// The block's.
        expected: u64,
    },
    /// A certificate that its epoch's validators did not make.
    #[error("the certificate of block {number}: {source}")]
    Certificate {
        /// Which.
        number: u64,
        /// What is wrong.
        #[source]
        source: CertificateError,
    },
}

/// What is known before a batch is read.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Domain of the chain's votes.
    pub domain: B256,
    /// Blocks per epoch.
    pub epoch_length: u64,
    /// Vote addresses of the epoch of the first block, in the order of the contract.
    pub votes: &'a [Address],
    /// Number and hash of the newest block that is known to be final.
    pub tip: (u64, B256),
}

impl Known<'_> {
    /// How many of `sealed`, from the first on, are proved to be final: up to the last that has a certificate and is of the
    /// first one's epoch. Who validates in the next epoch is in the state after this one.
    ///
    /// # Errors
    /// Names the first thing that cannot be.
    pub fn proven(&self, sealed: &[Sealed]) -> Result<usize, Lie> {
        let (mut number, mut parent) = self.tip;
        let epoch = (number + 1) / self.epoch_length;
        let mut proven = 0;
        for (index, Sealed { block, certificate }) in sealed.iter().enumerate() {
            number += 1;
            let got = block.number();
            if got != number {
                let expected = number;
                return Err(Lie::Number { got, expected });
            }
            if number / self.epoch_length != epoch {
                break;
            }
            let header = block.header();
            if header.parent_hash != parent {
                return Err(Lie::Parent { number });
            }
            if block::transactions_root(block.transactions()) != header.transactions_root {
                return Err(Lie::Body { number });
            }
            parent = block.hash();
            if let Some(certificate) = certificate {
                self.certified(number, parent, epoch, certificate)?;
                proven = index + 1;
            }
        }
        Ok(proven)
    }

    fn certified(
        &self,
        number: u64,
        hash: B256,
        expected: u64,
        certificate: &FinalityCertificate,
    ) -> Result<(), Lie> {
        if certificate.block_hash != hash {
            return Err(Lie::OtherBlock { number });
        }
        let got = certificate.epoch;
        if got != expected {
            return Err(Lie::Epoch {
                number,
                got,
                expected,
            });
        }
        certificate
            .verify(self.domain, self.votes)
            .map_err(|source| Lie::Certificate { number, source })
    }
}
