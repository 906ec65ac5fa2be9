//! What goes wrong between the relayer and a chain, grouped by who is at fault.

use std::time::Duration;

use alloy_primitives::{Address, Bytes};

use crate::types::{ChainId, Height};

/// What to do after an error. Retrying lives in the daemon alone; adapters never retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same call may succeed after this long.
    After(Duration),
    /// The same call will not succeed; look at the chain and decide anew.
    Never,
    /// Nothing will succeed until a person acts (wrong chain, missing key).
    Fatal,
}

/// An error of a chain adapter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The node does not answer.
    #[error("node of {chain} does not answer while {doing}")]
    NodeUnreachable {
        /// Which chain.
        chain: String,
        /// What was asked.
        doing: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The node took longer than the adapter waits.
    #[error("node of {chain} took longer than {limit:?} while {doing}")]
    Timeout {
        /// Which chain.
        chain: String,
        /// What was asked.
        doing: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// The node answered with something that cannot be.
    #[error("node of {chain} answered nonsense: expected {expected}, got {got}")]
    NodeMalformed {
        /// Which chain.
        chain: String,
        /// What was expected.
        expected: &'static str,
        /// What came, shortened.
        got: String,
    },
    /// The node serves another chain.
    #[error(
        "configured for chain {expected}, the node serves chain {got}: check the URL or the chain id"
    )]
    ConfigWrongChain {
        /// As configured.
        expected: ChainId,
        /// As the node says.
        got: ChainId,
    },
    /// No key for this account.
    #[error("no key for account {account} on {chain}: add its keystore to the configuration")]
    ConfigUnknownAccount {
        /// Which chain.
        chain: String,
        /// Whose key is missing.
        account: Address,
    },
    /// More heights than one call may ask for.
    #[error("asked for {got} heights at once, at most {max}")]
    RangeTooWide {
        /// Asked for.
        got: u64,
        /// Allowed.
        max: u64,
    },
    /// Asked about a block that is not final yet.
    #[error("height {got} is not final, the newest final block is {tip}")]
    NotFinal {
        /// Asked for.
        got: Height,
        /// The newest.
        tip: Height,
    },
    /// Asked about the state after a block whose state is no longer kept.
    #[error("the state after height {got} is no longer kept, the oldest is {oldest}")]
    StatePruned {
        /// Asked for.
        got: Height,
        /// The oldest.
        oldest: Height,
    },
    /// Asked for a block, a transaction or events of which the node keeps no more than the header.
    #[error(
        "block {got} was pruned, the oldest that is kept is {oldest}: evidence of older transactions needs an archive node"
    )]
    HistoryPruned {
        /// Asked for.
        got: Height,
        /// The oldest.
        oldest: Height,
    },
    /// The nonce is used already: the transaction, or another one, got there first.
    #[error("nonce {got} of {account} is used, next is {next}")]
    NonceTooLow {
        /// Whose.
        account: Address,
        /// Offered.
        got: u64,
        /// Needed.
        next: u64,
    },
    /// A transaction with this nonce waits already and this one does not pay enough to replace it.
    #[error("fee too low to replace the waiting transaction with nonce {nonce} of {account}")]
    Underpriced {
        /// Whose.
        account: Address,
        /// Which nonce.
        nonce: u64,
    },
    /// The account cannot pay.
    #[error("account {account} on {chain} cannot pay: {detail}")]
    InsufficientFunds {
        /// Which chain.
        chain: String,
        /// Who.
        account: Address,
        /// Have and need, in the node's words.
        detail: String,
    },
    /// The contract says no.
    #[error("the contract refuses: {reason}")]
    Reverted {
        /// Name and arguments of the contract's error, decoded where known.
        reason: String,
        /// Raw revert data.
        data: Bytes,
    },
    /// The pool is full or the node limits us.
    #[error("node of {chain} is busy: {detail}")]
    Busy {
        /// Which chain.
        chain: String,
        /// The node's words.
        detail: String,
    },
    /// The node refuses for a reason none of the others names.
    #[error("node of {chain} refuses with code {code}: {message}")]
    NodeRefused {
        /// Which chain.
        chain: String,
        /// JSON-RPC error code, 0 where there is none.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// A value that no valid order has.
    #[error("order cannot be encoded: {0}")]
    BugBadOrder(&'static str),
}

impl ChainError {
    /// What to do now.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::NodeUnreachable { .. } | Self::Timeout { .. } | Self::NodeMalformed { .. } => {
                Retry::After(Duration::from_secs(2))
            }
            Self::Busy { .. } | Self::NotFinal { .. } => Retry::After(Duration::from_secs(1)),
            Self::InsufficientFunds { .. } => Retry::After(Duration::from_secs(15)),
            Self::RangeTooWide { .. }
            | Self::StatePruned { .. }
            | Self::HistoryPruned { .. }
            | Self::NonceTooLow { .. }
            | Self::Underpriced { .. }
            | Self::Reverted { .. }
            | Self::NodeRefused { .. } => Retry::Never,
            Self::ConfigWrongChain { .. }
            | Self::ConfigUnknownAccount { .. }
            | Self::BugBadOrder(_) => Retry::Fatal,
        }
    }
}
