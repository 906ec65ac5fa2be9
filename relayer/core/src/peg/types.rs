//! States, events and effects of a peg. What is stored keeps its names: variants are added, never renamed.

use std::fmt;

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{ChainId, Hashlock, Height, LockId, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::swap::{
    Account, Clock, Failure, Fate, Leg, NoReveal, Now, Reveal, Secret, Seen, TransferId,
    Unexpected, Why,
};

/// Which way the asset goes. Both are the same protocol with the chains exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// From its home chain: locked there, minted on the side.
    PegIn,
    /// Back home: locked and destroyed on the side, released at home.
    PegOut,
}

impl Kind {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PegIn => "peg_in",
            Self::PegOut => "peg_out",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the salt of the lock commits to: who is paid at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promise {
    /// Who is paid.
    pub recipient: Address,
    /// Tells otherwise equal locks apart.
    pub nonce: U256,
}

/// Where the asset goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// Which way.
    pub kind: Kind,
    /// The destination chain.
    pub to: ChainId,
    /// The destination's port.
    pub port: Address,
}

/// What the user set out to do; decided once, never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plan {
    /// The lock at the origin: `T` is its `public_claim_at`, `R` its `refund_at`.
    pub give: Leg,
    /// Who may take an ERC-20 from us: the `HashTimeLock` of the origin.
    pub spender: Address,
    /// Where it goes.
    pub route: Route,
    /// Who is paid there.
    pub promise: Promise,
    /// Seconds a claim needs to become final at the destination.
    pub settle: u64,
    /// Neither approval nor lock is sent from this time of the origin on.
    pub lock_by: Timestamp,
}

/// How far the lock at the origin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The ERC-20 approval is asked for.
    Approving,
    /// The lock is asked for.
    Locking,
    /// A final block shows it.
    Placed {
        /// Its id.
        id: LockId,
        /// The block that made it.
        height: Height,
        /// How it stands; claimed means collected by the port.
        fate: Fate,
    },
}

/// How far the id is at the destination's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Not opened.
    Absent,
    /// Opened.
    Opened {
        /// Not claimed before this time of the destination.
        ready_at: Timestamp,
        /// Opened, or marked, against a lock proved claimed: `T` is no limit (P8).
        paid: bool,
    },
    /// The recipient was paid, for ever.
    Claimed,
}

/// Whether the destination's port pays at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// It does.
    Running,
    /// The guardian paused it.
    Paused,
}

/// Which part this daemon has in a peg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Locks, holds the secret.
    User {
        /// Whether the secret may be used.
        reveal: Reveal,
    },
    /// Opens, carries and refunds for whoever is offline; has no key of the user.
    Carrier,
}

impl Role {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Carrier => "carrier",
        }
    }
}

/// What was already asked of the executor, so that nothing is asked twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// Opening against an open lock.
    pub open: bool,
    /// Opening, or marking, against a claimed lock.
    pub open_paid: bool,
    /// A claim with our own secret.
    pub reveal: bool,
    /// A claim with the public secret.
    pub claim: bool,
    /// Collecting the lock.
    pub collect: bool,
    /// Its refund.
    pub refund: bool,
}

/// One peg, from its lock to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// What it is about.
    pub plan: Plan,
    /// Our part.
    pub role: Role,
    /// The lock.
    pub origin: Origin,
    /// The id at the other side.
    pub destination: Destination,
    /// Whether the destination's port pays.
    pub port: Port,
    /// The secret, once a chain shows it.
    pub preimage: Option<B256>,
    /// What is under way.
    pub asked: Asked,
    /// How it ended.
    pub ended: Option<Outcome>,
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

/// How a peg ended. Exactly one of these, and then nothing more happens to it (P14).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The recipient was paid and the lock collected.
    Completed,
    /// The lock went back.
    Refunded,
    /// It was never made.
    Abandoned(Reason),
}

/// Why a peg was abandoned. Nothing was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The operator took it back.
    Cancelled,
    /// The lock was not made and can no longer be made.
    NotLocked(Failure),
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// ERC-20 approval before the lock.
    Approve,
    /// The lock.
    Lock,
    /// Opening at the destination against an open lock.
    Open,
    /// Opening, or marking, at the destination against a claimed lock.
    OpenPaid,
    /// Claim with our own secret.
    Reveal,
    /// Claim with the public secret.
    Claim,
    /// Moving the lock into the port.
    Collect,
    /// Giving the lock back to its sender, against a proof of absence.
    Refund,
}

impl Purpose {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Lock => "lock",
            Self::Open => "open",
            Self::OpenPaid => "open_paid",
            Self::Reveal => "reveal",
            Self::Claim => "claim",
            Self::Collect => "collect",
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
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time; plain values keep `match` plain"
)]
pub enum Event {
    /// A final block of the origin shows the lock.
    Locked {
        /// The lock.
        seen: Seen,
        /// In which block.
        height: Height,
    },
    /// A final block of the origin shows that the lock was claimed for the port.
    Collected {
        /// The secret, public from here on.
        preimage: B256,
    },
    /// A final block of the origin shows that the lock went back.
    Refunded,
    /// A final block of the destination shows that the id was opened, or marked paid.
    Opened {
        /// Not claimed before.
        ready_at: Timestamp,
        /// Against a lock proved claimed.
        paid: bool,
    },
    /// A final block of the destination shows that the recipient was paid.
    Claimed {
        /// The secret, public from here on.
        preimage: B256,
    },
    /// A final block of the destination shows that its port was paused or goes on.
    Port(Port),
    /// Our approval is final.
    Approved,
    /// The executor stopped trying.
    Failed {
        /// To do what.
        purpose: Purpose,
        /// Why.
        failure: Failure,
    },
    /// Time passed.
    Tick,
    /// The operator wants the money back.
    Cancel,
}

impl Event {
    /// Its name in history and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "locked",
            Self::Collected { .. } => "collected",
            Self::Refunded => "refunded",
            Self::Opened { .. } => "opened",
            Self::Claimed { .. } => "claimed",
            Self::Port(_) => "port",
            Self::Approved => "approved",
            Self::Failed { .. } => "failed",
            Self::Tick => "tick",
            Self::Cancel => "cancel",
        }
    }
}

/// What the executor is to do. It is stored with the state that asked for it, before it is done. But for the first two
/// anyone may do it, and done by somebody else is done (P13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Let `spender` take `amount` of `token`, at the origin.
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
    /// Make the lock, at the origin.
    Lock {
        /// The lock; its sender sends.
        leg: Leg,
        /// Where it goes; with `promise` it makes the memo.
        route: Route,
        /// Who is paid there.
        promise: Promise,
        /// Not sent from this time on.
        not_after: Timestamp,
    },
    /// Open the id at the destination, by a block of the origin that shows the lock open.
    Open {
        /// The lock.
        seen: Seen,
        /// Where.
        route: Route,
        /// Who is to be paid.
        promise: Promise,
        /// The proving block is this one or later.
        from: Height,
        /// Not sent from this time of the destination on: `T`.
        not_after: Timestamp,
    },
    /// Open the id at the destination, or mark it paid, by a block of the origin that shows the lock claimed. No
    /// deadline.
    OpenPaid {
        /// The lock.
        seen: Seen,
        /// Where.
        route: Route,
        /// Who is to be paid.
        promise: Promise,
    },
    /// Claim at the destination for the recipient.
    Claim {
        /// The lock.
        seen: Seen,
        /// Where.
        route: Route,
        /// Who is paid.
        promise: Promise,
        /// With which secret. Sending our own makes it public.
        secret: Secret,
        /// Not sent for the first time from here on; once sent, it is pursued. `None`: no deadline.
        start_before: Option<Timestamp>,
    },
    /// Move the lock into the port, at the origin. No deadline; pursued until it is closed.
    Collect {
        /// The lock.
        seen: Seen,
        /// The secret.
        preimage: B256,
    },
    /// Give the lock back to its sender, at the origin. Pursued until it is closed.
    Refund {
        /// The lock.
        seen: Seen,
        /// Where it would have gone.
        route: Route,
        /// The proving block of the destination is of this time or later: `T`.
        not_before: Timestamp,
    },
}

impl Effect {
    /// What it is for.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Approve { .. } => Purpose::Approve,
            Self::Lock { .. } => Purpose::Lock,
            Self::Open { .. } => Purpose::Open,
            Self::OpenPaid { .. } => Purpose::OpenPaid,
            Self::Claim {
                secret: Secret::Own,
                ..
            } => Purpose::Reveal,
            Self::Claim { .. } => Purpose::Claim,
            Self::Collect { .. } => Purpose::Collect,
            Self::Refund { .. } => Purpose::Refund,
        }
    }

    /// The chain it is sent to.
    pub const fn chain(&self) -> ChainId {
        match self {
            Self::Approve { account, .. } => account.chain,
            Self::Lock { leg, .. } => leg.chain,
            Self::Open { route, .. } | Self::OpenPaid { route, .. } | Self::Claim { route, .. } => {
                route.to
            }
            Self::Collect { seen, .. } | Self::Refund { seen, .. } => seen.chain,
        }
    }
}

/// A word for where a peg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The ERC-20 approval is under way.
    Approving,
    /// The lock is under way.
    Locking,
    /// The lock is final; the destination is to be opened.
    Opening,
    /// The destination is open; the user is to claim.
    Waiting,
    /// The claim is under way.
    Claiming,
    /// The recipient was paid; the lock is to be collected.
    Collecting,
    /// The lock was collected; the recipient is to be paid.
    Owing,
    /// The refund is under way.
    Refunding,
    /// Over.
    Ended,
}

impl State {
    /// The name of the transfer.
    pub fn id(&self) -> TransferId {
        self.hashlock().into()
    }

    /// What the secret opens.
    pub const fn hashlock(&self) -> Hashlock {
        self.plan.give.lock.hashlock
    }

    /// `T`: the destination pays only before it, unless the lock is proved claimed.
    pub const fn t(&self) -> Timestamp {
        self.plan.give.lock.terms.public_claim_at
    }

    /// How it ended, once it has.
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.ended.as_ref()
    }

    /// Where it is, in a word.
    pub const fn stage(&self) -> Stage {
        if self.ended.is_some() {
            return Stage::Ended;
        }
        match (self.origin, self.destination) {
            (Origin::Approving, _) => Stage::Approving,
            (Origin::Locking, _) => Stage::Locking,
            (
                Origin::Placed {
                    fate: Fate::Claimed,
                    ..
                },
                _,
            ) => Stage::Owing,
            (Origin::Placed { .. }, Destination::Claimed) => Stage::Collecting,
            (Origin::Placed { .. }, _) if self.asked.refund => Stage::Refunding,
            (Origin::Placed { .. }, _) if self.asked.reveal || self.asked.claim => Stage::Claiming,
            (Origin::Placed { .. }, Destination::Absent) => Stage::Opening,
            (Origin::Placed { .. }, Destination::Opened { .. }) => Stage::Waiting,
        }
    }

    /// The lock as it stands at the origin.
    pub(crate) const fn seen(&self) -> Option<(Seen, Height, Fate)> {
        match self.origin {
            Origin::Placed { id, height, fate } => {
                let (chain, lock) = (self.plan.give.chain, self.plan.give.lock);
                Some((Seen { chain, id, lock }, height, fate))
            }
            Origin::Approving | Origin::Locking => None,
        }
    }
}
