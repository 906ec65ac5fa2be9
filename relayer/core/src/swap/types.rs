//! States, events and effects of a swap. What is stored keeps its names: variants are added, never renamed.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256, FixedBytes, U256};
use causeway_adapter_api::{Asset, ChainId, Hashlock, Lock, LockId, Preimage, Timestamp, Wanted};
use serde::{Deserialize, Serialize};

/// Name of a transfer in public: the first half of its hash lock. Both parties and a watchtower of one swap share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransferId(pub FixedBytes<16>);

impl From<Hashlock> for TransferId {
    fn from(hashlock: Hashlock) -> Self {
        Self(FixedBytes::from_slice(&hashlock.0[..16]))
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A transfer id is 32 hexadecimal digits, with or without `0x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transfer id is 32 hexadecimal digits")]
pub struct PeerBadTransferId;

impl FromStr for TransferId {
    type Err = PeerBadTransferId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| PeerBadTransferId)
    }
}

/// Which part this daemon has in a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Locks first, holds the secret.
    Initiator,
    /// Answers with a lock on the other chain.
    Counterparty,
    /// Completes for the offline in public windows and earns the safety deposit; has no key of the parties.
    Watchtower,
}

impl Role {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Counterparty => "counterparty",
            Self::Watchtower => "watchtower",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of one chain's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Clock {
    /// Time of the newest final block **all of whose events were applied**: what it permits is permitted.
    pub proven: Timestamp,
    /// The latest it may be by now, local clock and skew included: what it forbids is not begun.
    pub latest: Timestamp,
}

/// What is known of the chains' times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Now(Vec<(ChainId, Clock)>);

impl Now {
    /// Collects clocks; of two for one chain the last counts.
    pub fn new(clocks: impl IntoIterator<Item = (ChainId, Clock)>) -> Self {
        Self(clocks.into_iter().collect())
    }

    /// The clock of `chain`. For a chain never heard of nothing is permitted and everything is late.
    pub fn of(&self, chain: ChainId) -> Clock {
        let unknown = Clock {
            proven: Timestamp(0),
            latest: Timestamp(u64::MAX),
        };
        self.0
            .iter()
            .rev()
            .find(|(id, _)| *id == chain)
            .map_or(unknown, |(_, clock)| *clock)
    }
}

/// A lock on its chain, before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leg {
    /// Where.
    pub chain: ChainId,
    /// All its terms.
    pub lock: Lock,
}

/// A lock that a final block shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    /// Where.
    pub chain: ChainId,
    /// Its id there.
    pub id: LockId,
    /// All its terms.
    pub lock: Lock,
}

/// An account of ours on one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Where.
    pub chain: ChainId,
    /// Which.
    pub address: Address,
}

/// What a party set out to do; decided once, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plan {
    /// The lock we make.
    pub give: Leg,
    /// Who may take an ERC-20 from us: the `HashTimeLock` of the chain we give on.
    pub spender: Address,
    /// Seconds that must lie between the two deadlines (V4).
    pub margin: u64,
    /// Seconds a claim needs to become final on the chain of the counterparty's lock.
    pub settle: u64,
    /// No lock of ours is sent from this time of the chain we give on.
    pub lock_by: Timestamp,
}

/// How a lock ended, or that it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Neither claimed nor refunded.
    Open,
    /// Its recipient was paid.
    Claimed,
    /// Its sender was paid back.
    Refunded,
}

/// How far our own lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Give {
    /// The ERC-20 approval is asked for.
    Approving,
    /// The lock is asked for.
    Locking,
    /// A final block shows it.
    Placed {
        /// Its id.
        id: LockId,
        /// How it stands.
        fate: Fate,
    },
}

/// How far the other party's lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time; plain values keep `match` plain"
)]
pub enum Take {
    /// None seen that gives what was asked.
    Unseen {
        /// What was wrong with the last one that did not.
        refused: Option<Mismatch>,
    },
    /// A final block shows it, and it gives what was asked.
    Seen {
        /// The lock.
        seen: Seen,
        /// How it stands.
        fate: Fate,
    },
}

/// Whether the initiator may still make its secret public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reveal {
    /// Once both locks are final and matched.
    Allowed,
    /// Never; the lock will be refunded.
    Never(NoReveal),
}

/// Why a secret stays secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoReveal {
    /// The operator asked for the refund.
    Cancelled,
    /// The store that held it is gone.
    SecretLost,
    /// A claim would not be final before the counterparty's deadline.
    TooLate,
}

/// What only one of the parties has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Locks first.
    Initiator {
        /// What its lock asks for.
        wanted: Wanted,
        /// Whether the secret may be used.
        reveal: Reveal,
    },
    /// Locks second.
    Counterparty,
}

/// What was already asked of the executor, so that nothing is asked twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// Claim of the other party's lock.
    pub claim: bool,
    /// Claim of our own lock for its recipient, in the public window, for the deposit.
    pub carry: bool,
    /// Refund of our own lock.
    pub refund: bool,
}

/// One party's side of a swap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Party {
    /// What it set out to do.
    pub plan: Plan,
    /// Which party.
    pub side: Side,
    /// Our lock.
    pub give: Give,
    /// Theirs.
    pub take: Take,
    /// The secret, once a chain shows it.
    pub preimage: Option<B256>,
    /// What is under way.
    pub asked: Asked,
    /// How it ended.
    pub ended: Option<Outcome>,
}

/// A lock that a watchtower looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Watched {
    /// The lock.
    pub seen: Seen,
    /// How it stands.
    pub fate: Fate,
    /// Whether its claim was asked for.
    pub claim: bool,
    /// Whether its refund was asked for.
    pub refund: bool,
}

/// A watchtower's view of all locks under one hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Watchtower {
    /// The hash.
    pub hashlock: Hashlock,
    /// Who pays and is rewarded, by chain.
    pub accounts: Vec<Account>,
    /// The locks, at most [`MAX_WATCHED`].
    pub watched: Vec<Watched>,
    /// The secret, once a chain shows it.
    pub preimage: Option<B256>,
    /// How it ended.
    pub ended: Option<Outcome>,
}

/// Locks one watchtower record looks after; who makes more of one hash pays a deposit for each in vain.
pub const MAX_WATCHED: usize = 16;

/// Where a transfer stands, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time; plain values keep `match` plain"
)]
pub enum State {
    /// Initiator or counterparty.
    Party(Party),
    /// Watchtower.
    Watchtower(Watchtower),
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

/// A word for where a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The ERC-20 approval is under way.
    Approving,
    /// Our lock is under way.
    Locking,
    /// Our lock is final; the other party is to act.
    Waiting,
    /// Our claim is under way.
    Claiming,
    /// We were paid; our own lock is still open.
    Carrying,
    /// Our refund is under way.
    Refunding,
    /// Looking after the locks of others.
    Watching,
    /// Over.
    Ended,
}

impl State {
    /// Which part we have.
    pub const fn role(&self) -> Role {
        match self {
            Self::Party(Party {
                side: Side::Initiator { .. },
                ..
            }) => Role::Initiator,
            Self::Party(Party {
                side: Side::Counterparty,
                ..
            }) => Role::Counterparty,
            Self::Watchtower(_) => Role::Watchtower,
        }
    }

    /// The hash that ties its locks together.
    pub const fn hashlock(&self) -> Hashlock {
        match self {
            Self::Party(party) => party.plan.give.lock.hashlock,
            Self::Watchtower(tower) => tower.hashlock,
        }
    }

    /// The name of the transfer.
    pub fn id(&self) -> TransferId {
        self.hashlock().into()
    }

    /// How it ended, once it has.
    pub const fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Party(party) => party.ended.as_ref(),
            Self::Watchtower(tower) => tower.ended.as_ref(),
        }
    }

    /// Where it is, in a word.
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Party(party) => party.stage(),
            Self::Watchtower(Watchtower { ended: Some(_), .. }) => Stage::Ended,
            Self::Watchtower(_) => Stage::Watching,
        }
    }
}

impl Party {
    /// Where it is, in a word.
    pub const fn stage(&self) -> Stage {
        match (&self.ended, &self.give, &self.take) {
            (Some(_), ..) => Stage::Ended,
            (None, Give::Approving, _) => Stage::Approving,
            (None, Give::Locking, _) => Stage::Locking,
            (None, Give::Placed { .. }, _) if self.asked.refund => Stage::Refunding,
            (
                None,
                Give::Placed { .. },
                Take::Seen {
                    fate: Fate::Claimed,
                    ..
                },
            ) => Stage::Carrying,
            (None, Give::Placed { .. }, _) if self.asked.claim => Stage::Claiming,
            (None, Give::Placed { .. }, _) => Stage::Waiting,
        }
    }

    /// The chain on which the other party locks.
    pub const fn take_chain(&self) -> Option<ChainId> {
        match (&self.take, &self.side) {
            (Take::Seen { seen, .. }, _) => Some(seen.chain),
            (_, Side::Initiator { wanted, .. }) => Some(wanted.chain),
            (_, Side::Counterparty) => None,
        }
    }
}

/// What is to be done with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Let the contract take our ERC-20.
    Approve,
    /// Make our lock.
    Lock,
    /// Claim what is ours.
    Claim,
    /// Claim for somebody else in the public window.
    Carry,
    /// Take a lock back for its sender.
    Refund,
}

impl Purpose {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Lock => "lock",
            Self::Claim => "claim",
            Self::Carry => "carry",
            Self::Refund => "refund",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why the executor stopped trying.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Its time was over before anything was sent: nobody has seen it.
    NeverSent,
    /// It was sent, and can no longer succeed.
    Overdue,
    /// The contract refuses, with this reason. Nothing that was sent can still succeed.
    Refused(String),
    /// A person must act: a key or the right chain is missing.
    Unable(String),
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time; plain values keep `match` plain"
)]
pub enum Event {
    /// A final block shows a new lock.
    Locked(Seen),
    /// A final block shows a claim.
    Claimed {
        /// Where.
        chain: ChainId,
        /// Which lock.
        id: LockId,
        /// The secret, public from here on.
        preimage: B256,
    },
    /// A final block shows a refund.
    Refunded {
        /// Where.
        chain: ChainId,
        /// Which lock.
        id: LockId,
    },
    /// Our approval is final.
    Approved,
    /// The executor stopped trying.
    Failed {
        /// To do what.
        purpose: Purpose,
        /// With which lock, where it exists.
        id: Option<LockId>,
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
            Self::Locked(_) => "locked",
            Self::Claimed { .. } => "claimed",
            Self::Refunded { .. } => "refunded",
            Self::Approved => "approved",
            Self::Failed { .. } => "failed",
            Self::Tick => "tick",
            Self::Cancel => "cancel",
        }
    }
}

/// Which secret a claim uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// Ours, from the store; sending the claim makes it public.
    Own,
    /// This one, which a chain already shows.
    Public(B256),
}

/// What the executor is to do. It is stored with the state that asked for it, before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Let `spender` take `amount` of `token`, beside what other open transfers of the account need.
    Approve {
        /// Who pays, where.
        account: Account,
        /// The ERC-20.
        token: Address,
        /// Who may take it.
        spender: Address,
        /// How much this transfer needs.
        amount: U256,
        /// Not sent from this time on.
        not_after: Timestamp,
    },
    /// Make our lock.
    Lock {
        /// The lock; its sender sends.
        leg: Leg,
        /// What it asks for.
        wanted: Option<Wanted>,
        /// Not sent from this time on.
        not_after: Timestamp,
    },
    /// Claim a lock for its recipient.
    Claim {
        /// The lock.
        seen: Seen,
        /// Who sends.
        account: Address,
        /// With which secret.
        secret: Secret,
        /// Not sent for the first time from here on; once sent, it is pursued until the lock's deadline.
        start_before: Option<Timestamp>,
        /// [`Purpose::Claim`] or [`Purpose::Carry`].
        purpose: Purpose,
    },
    /// Give a lock back to its sender. Pursued until it is closed.
    Refund {
        /// The lock.
        seen: Seen,
        /// Who sends.
        account: Address,
    },
}

impl Effect {
    /// What it is for.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Approve { .. } => Purpose::Approve,
            Self::Lock { .. } => Purpose::Lock,
            Self::Claim { purpose, .. } => *purpose,
            Self::Refund { .. } => Purpose::Refund,
        }
    }

    /// Who sends it, where.
    pub const fn account(&self) -> Account {
        match self {
            Self::Approve { account, .. } => *account,
            Self::Lock { leg, .. } => Account {
                chain: leg.chain,
                address: leg.lock.sender,
            },
            Self::Claim { seen, account, .. } | Self::Refund { seen, account } => Account {
                chain: seen.chain,
                address: *account,
            },
        }
    }

    /// The lock it is about, where it exists already.
    pub const fn lock_id(&self) -> Option<LockId> {
        match self {
            Self::Approve { .. } | Self::Lock { .. } => None,
            Self::Claim { seen, .. } | Self::Refund { seen, .. } => Some(seen.id),
        }
    }
}

/// How a transfer ended. Exactly one of these, and then nothing more happens to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// We have what we asked for.
    Completed,
    /// We have back what we gave.
    Refunded,
    /// Neither, for this reason.
    Abandoned(Reason),
}

/// Why a transfer was abandoned.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The operator took it back before anything was locked.
    Cancelled,
    /// Our lock was not made and can no longer be made. Nothing was given.
    NotLocked(Failure),
    /// Our lock was claimed and theirs went back. Only an outage longer than the declared budget leads here.
    Lost,
}

/// Why a lock of the other party does not give what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Mismatch {
    /// Another asset.
    #[error("asset: expected {expected:?}, got {got:?}")]
    Asset {
        /// Asked for.
        expected: Asset,
        /// Locked.
        got: Asset,
    },
    /// Too little.
    #[error("amount: expected at least {expected}, got {got}")]
    Amount {
        /// Asked for.
        expected: U256,
        /// Locked.
        got: U256,
    },
    /// In favour of somebody else.
    #[error("recipient: expected {expected}, got {got}")]
    Recipient {
        /// Asked for.
        expected: Address,
        /// Locked.
        got: Address,
    },
    /// Its deadline is too near to ours.
    #[error("deadline: expected at most {expected}, got {got}")]
    Deadline {
        /// The latest that leaves the margin.
        expected: Timestamp,
        /// Locked until.
        got: Timestamp,
    },
    /// It is divided, or asks a contract before it opens.
    #[error("shape: expected one part and no hooks, got {parts} parts and hook flags {hook_flags}")]
    Shape {
        /// Parts.
        parts: u16,
        /// Flags.
        hook_flags: u8,
    },
}

/// An event that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} changes nothing: {why}")]
pub struct Unexpected {
    /// Name of the event.
    pub event: &'static str,
    /// Why.
    pub why: Why,
}

/// Why an event changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// The transfer has ended.
    #[error("the transfer has ended")]
    Ended,
    /// It is known already.
    #[error("it is known already")]
    Known,
    /// It belongs to another transfer.
    #[error("it belongs to another transfer")]
    Foreign,
    /// The preimage does not open the lock.
    #[error("the preimage does not open the lock")]
    WrongPreimage,
    /// The claim may have been sent: there is no way back.
    #[error("the secret may be public: there is no way back")]
    PointOfNoReturn,
    /// This role never gets such an event.
    #[error("this role never gets such an event")]
    WrongRole,
    /// It contradicts what a final block showed before: a chain took something back, or a node lies.
    #[error("it contradicts what a final block showed before")]
    Contradiction,
    /// As many locks as one record looks after are looked after.
    #[error("{MAX_WATCHED} locks of this hash are watched already")]
    Full,
}

/// Returns whether `preimage` opens `hashlock`.
pub fn opens(preimage: B256, hashlock: Hashlock) -> bool {
    Preimage::new(preimage.0).hashlock() == hashlock
}
