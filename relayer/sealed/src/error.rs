//! What can be wrong.

use alloy_primitives::{Address, B256};

/// Why a content is not sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Nothing, or too much.
    #[error("the content is {got} bytes, 1 to {max} can be sealed")]
    Size {
        /// How many bytes.
        got: usize,
        /// The most.
        max: usize,
    },
    /// One share alone, or more than there are holders.
    #[error(
        "{needed} of {holders} shares cannot open it: at least 2 must be needed, and as many held"
    )]
    Threshold {
        /// How many are to open it.
        needed: u32,
        /// How many there are.
        holders: usize,
    },
    /// A party's key takes nothing.
    #[error("nothing can be sealed to the key of {0}: it must publish another one")]
    PartyKey(Address),
    /// The cipher takes no more.
    #[error("the content cannot be encrypted")]
    Cipher,
}

/// What is wrong with a share or a sealed key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// Sealed to another key, for another content or purpose, or changed.
    #[error("it does not open with this key: it was sealed to another one, or changed")]
    NotForThisKey,
    /// Opened, and no share of this content.
    #[error("it is not what the content's commitments say")]
    NotOnPolynomial,
    /// The recipient's key takes nothing.
    #[error("nothing can be sealed to the recipient's key")]
    Recipient,
    /// Commitments that are none.
    #[error("the commitments are not {needed} points of the curve")]
    Points {
        /// How many there should be.
        needed: u32,
    },
    /// Too few good shares.
    #[error("{good} shares are good, {needed} are needed")]
    TooFew {
        /// How many.
        good: usize,
        /// How many are needed.
        needed: u32,
    },
}

/// Why a file does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another file.
    #[error("the file's digest is {got}, the chain says {expected}: ask for the file again")]
    Digest {
        /// The chain's.
        expected: B256,
        /// The file's.
        got: B256,
    },
    /// A file of another version, or no sealed file.
    #[error("it is no sealed file of version 1")]
    Format,
    /// The key opens another file.
    #[error(
        "the key does not open the file, though both are as the owner registered them: the owner sealed it wrongly"
    )]
    Key,
    /// What is in it is not what was committed to.
    #[error(
        "the content is not what the owner committed to: it answers to {got}, the chain says {expected}"
    )]
    Commitment {
        /// The chain's.
        expected: B256,
        /// The content's.
        got: B256,
    },
}
