//! States, events and effects of a settlement. What is stored keeps its names: variants are added, never renamed.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{Asset, ChainId, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::swap::{Account, Clock, Failure, Now, Unexpected, Why};

/// What the escrow holds and for whom; it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deal {
    /// Its id: keccak256 over the public chain, the escrow contract and everything below.
    pub id: B256,
    /// The chain of the escrow.
    pub public: ChainId,
    /// The chain of the business.
    pub consortium: ChainId,
    /// Whose asset it is.
    pub initiator: Address,
    /// The other party.
    pub counterparty: Address,
    /// What is locked.
    pub asset: Asset,
    /// How much.
    pub amount: U256,
    /// By the consortium's clock: no verdict comes into being from here on.
    pub deadline: Timestamp,
    /// The contract that must conclude the same outcome; `Settlement` itself when the parties' word is enough.
    pub business: Address,
    /// Digest of the private terms.
    pub terms_digest: B256,
    /// Tells otherwise equal deals apart.
    pub salt: B256,
}

/// What the business came to, without its private data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// Digest of the private result.
    pub digest: B256,
    /// How much of the amount the counterparty gets.
    pub to_counterparty: U256,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Whose asset it is.
    Initiator,
    /// The other one.
    Counterparty,
}

/// Which part this daemon has in a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It holds a party's key.
    Party(Party),
    /// It carries, releases and refunds for whoever is offline.
    Carrier,
}

impl Role {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Party(Party::Initiator) => "initiator",
            Self::Party(Party::Counterparty) => "counterparty",
            Self::Carrier => "carrier",
        }
    }
}

/// What the initiator set out to do; decided once, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plan {
    /// The deal.
    pub deal: Deal,
    /// The escrow contract, which takes an ERC-20.
    pub escrow: Address,
    /// Neither approval nor escrow is sent from this time of the public chain on.
    pub open_by: Timestamp,
    /// Seconds a confirmation needs to become final on the consortium chain.
    pub settle: u64,
    /// Seconds a verdict may be on its way through the gateway before it is proved instead.
    pub patience: u64,
}

/// How far the escrow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escrow {
    /// The ERC-20 approval is asked for.
    Approving,
    /// It is asked for.
    Opening,
    /// A final block shows it.
    Open {
        /// Whether the verdict is recorded in it.
        recorded: bool,
    },
    /// The parties were paid their shares.
    Released,
    /// The initiator was paid back.
    Refunded,
}

/// How far the business is, as the consortium chain shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Business {
    /// No verdict yet.
    Pending,
    /// There is one, for ever.
    Published {
        /// Which.
        outcome: Outcome,
        /// Not proved by us before this time of the consortium: it comes through the gateway.
        prove_at: Timestamp,
    },
}

/// A party's signed word, from the events of `Settlement`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Word {
    /// What it stands for.
    pub outcome: Outcome,
    /// Its EIP-712 signature.
    pub signature: Bytes,
}

/// What was already asked of the executor, so that nothing is asked twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// Our confirmation.
    pub confirm: bool,
    /// The proof of the verdict.
    pub prove: bool,
    /// The release.
    pub release: bool,
    /// The refund.
    pub refund: bool,
}

/// One settlement, from its escrow to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// What it is about.
    pub plan: Plan,
    /// Our part.
    pub role: Role,
    /// The asset.
    pub escrow: Escrow,
    /// The verdict.
    pub business: Business,
    /// The initiator's word.
    pub initiator: Option<Word>,
    /// The counterparty's word.
    pub counterparty: Option<Word>,
    /// What our operator wants confirmed, until a final block shows it.
    pub wish: Option<Outcome>,
    /// What is under way.
    pub asked: Asked,
    /// How it ended.
    pub ended: Option<End>,
}

/// The stored form, with its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stored {
    /// First form.
    #[serde(rename = "v1")]
    V1(State),
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        Self::V1(state)
    }
}

impl From<Stored> for State {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::V1(state) => state,
        }
    }
}

/// How a settlement ended. Exactly one of these, and then nothing more happens to it (S11).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The parties were paid their shares.
    Released,
    /// The initiator was paid back.
    Refunded,
    /// The escrow was never opened.
    Abandoned(Reason),
}

/// Why a settlement was abandoned. Nothing was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The operator took it back.
    Cancelled,
    /// The escrow was not opened and can no longer be.
    NotOpened(Failure),
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// ERC-20 approval before the escrow.
    Approve,
    /// The escrow.
    Open,
    /// Our word on the consortium chain.
    Confirm,
    /// Recording the verdict in the escrow by a state proof.
    Prove,
    /// Paying the parties.
    Release,
    /// Paying the initiator back, against a proof of absence.
    Refund,
}

impl Purpose {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Open => "open",
            Self::Confirm => "confirm",
            Self::Prove => "prove",
            Self::Release => "release",
            Self::Refund => "refund",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Our approval is final.
    Approved,
    /// A final block of the public chain shows the escrow open.
    Opened,
    /// A final block of the consortium shows a party's word.
    Confirmed {
        /// Whose.
        by: Party,
        /// Which.
        word: Word,
    },
    /// A final block of the consortium shows the verdict.
    Published(Outcome),
    /// A final block of the public chain shows the verdict recorded in the escrow.
    Recorded,
    /// A final block of the public chain shows the parties paid.
    Released,
    /// A final block of the public chain shows the initiator paid back.
    Refunded,
    /// The executor stopped trying.
    Failed {
        /// To do what.
        purpose: Purpose,
        /// Why.
        failure: Failure,
    },
    /// Time passed.
    Tick,
    /// The operator has seen the private data and wants this outcome confirmed (S12).
    Confirm(Outcome),
    /// The operator wants no escrow.
    Cancel,
}

impl Event {
    /// Its name in history and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Opened => "opened",
            Self::Confirmed { .. } => "confirmed",
            Self::Published(_) => "published",
            Self::Recorded => "recorded",
            Self::Released => "released",
            Self::Refunded => "refunded",
            Self::Failed { .. } => "failed",
            Self::Tick => "tick",
            Self::Confirm(_) => "confirm",
            Self::Cancel => "cancel",
        }
    }
}

/// What the executor is to do. It is stored with the state that asked for it, before it is done. But for the first three
/// anyone may do it, and done by somebody else is done (S11).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Let the escrow take the amount, on the public chain.
    Approve {
        /// Who pays, where.
        account: Account,
        /// The ERC-20.
        token: Address,
        /// Who may take it.
        spender: Address,
        /// How much.
        amount: U256,
        /// Not sent from this time on.
        not_after: Timestamp,
    },
    /// Open the escrow, on the public chain; the initiator sends.
    Open {
        /// The deal.
        deal: Deal,
        /// Not sent from this time on.
        not_after: Timestamp,
    },
    /// Sign the outcome as this party and post it, on the consortium chain.
    Confirm {
        /// The deal.
        deal: Deal,
        /// As whom.
        party: Party,
        /// What to sign.
        outcome: Outcome,
        /// Not sent for the first time from here on.
        start_before: Timestamp,
    },
    /// Record the verdict in the escrow by a state proof of the consortium, where the gateway does not bring it.
    Prove {
        /// The deal.
        deal: Deal,
        /// The verdict's outcome.
        outcome: Outcome,
    },
    /// Pay the parties their shares, on the public chain. No deadline; pursued until the escrow is closed.
    Release {
        /// The deal.
        deal: Deal,
        /// The verdict's outcome.
        outcome: Outcome,
        /// The initiator's signature of it.
        initiator: Bytes,
        /// The counterparty's signature of it.
        counterparty: Bytes,
    },
    /// Pay the initiator back, on the public chain. Pursued until the escrow is closed.
    Refund {
        /// The deal.
        deal: Deal,
        /// The proving block of the consortium is of this time or later: the deadline.
        not_before: Timestamp,
    },
}

impl Effect {
    /// What it is for.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Approve { .. } => Purpose::Approve,
            Self::Open { .. } => Purpose::Open,
            Self::Confirm { .. } => Purpose::Confirm,
            Self::Prove { .. } => Purpose::Prove,
            Self::Release { .. } => Purpose::Release,
            Self::Refund { .. } => Purpose::Refund,
        }
    }

    /// The chain it is sent to.
    pub const fn chain(&self) -> ChainId {
        match self {
            Self::Approve { account, .. } => account.chain,
            Self::Confirm { deal, .. } => deal.consortium,
            Self::Open { deal, .. }
            | Self::Prove { deal, .. }
            | Self::Release { deal, .. }
            | Self::Refund { deal, .. } => deal.public,
        }
    }
}

/// A word for where a settlement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The ERC-20 approval is under way.
    Approving,
    /// The escrow is under way.
    Opening,
    /// The escrow is open; the business is going on.
    Business,
    /// There is a verdict, on its way to the escrow.
    Carrying,
    /// The verdict is recorded; the parties are to be paid.
    Releasing,
    /// The refund is under way.
    Refunding,
    /// Over.
    Ended,
}

impl State {
    /// How it ended, once it has.
    pub const fn outcome(&self) -> Option<&End> {
        self.ended.as_ref()
    }

    /// Where it is, in a word.
    pub const fn stage(&self) -> Stage {
        match (&self.ended, self.escrow, &self.business) {
            (Some(_), ..) | (None, Escrow::Released | Escrow::Refunded, _) => Stage::Ended,
            (None, Escrow::Approving, _) => Stage::Approving,
            (None, Escrow::Opening, _) => Stage::Opening,
            (None, Escrow::Open { recorded: true }, _) => Stage::Releasing,
            (None, Escrow::Open { .. }, Business::Published { .. }) => Stage::Carrying,
            (None, Escrow::Open { .. }, Business::Pending) if self.asked.refund => Stage::Refunding,
            (None, Escrow::Open { .. }, Business::Pending) => Stage::Business,
        }
    }
}
