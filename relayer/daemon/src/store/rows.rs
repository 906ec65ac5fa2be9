//! What is read back, as types.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, Bytes, FixedBytes, U256};
use causeway_adapter_api::{Bump, ChainId, PreparedTx, Timestamp, Wanted};
use causeway_core::swap::{
    Account, Effect, Event, Fate, PeerBadTransferId, Role, Seen, State, TransferId,
};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// Name of one record: a transfer, and our part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The transfer.
    pub id: TransferId,
    /// Our part.
    pub role: Role,
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id, self.role)
    }
}

impl From<&State> for RecordKey {
    fn from(state: &State) -> Self {
        Self {
            id: state.id(),
            role: state.role(),
        }
    }
}

/// One transfer as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its name.
    pub key: RecordKey,
    /// Where it stands.
    pub state: State,
    /// How often it changed.
    pub revision: u64,
    /// Local seconds at which it was made.
    pub created_at: u64,
    /// Local seconds of its last change.
    pub updated_at: u64,
}

/// One change of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransitionRow {
    /// Which transfer.
    pub key: RecordKey,
    /// The revision it led to; 0 is the beginning.
    pub seq: u64,
    /// What caused it, `None` at the beginning.
    pub event: Option<Event>,
    /// What it asked for.
    pub effects: Vec<Effect>,
    /// Where it led.
    pub stage: String,
    /// Local seconds.
    pub at: u64,
}

/// Number of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct OrderId(pub i64);

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// No transaction of it is under way.
    Waiting,
    /// At least one transaction of it may be under way.
    Sent,
    /// It did what it was to do, or somebody else did.
    Done,
    /// It was given up.
    Failed,
}

impl OrderStatus {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub(super) fn from_name(name: &str) -> Result<Self, StoreError> {
        let all = [Self::Waiting, Self::Sent, Self::Done, Self::Failed];
        all.into_iter()
            .find(|s| s.name() == name)
            .ok_or_else(|| unreadable("order status", name))
    }
}

/// One order with its transactions that may still be under way.
#[derive(Clone, Debug)]
pub struct OrderRow {
    /// Its number.
    pub id: OrderId,
    /// What is to be done, and for whom.
    pub work: Work,
    /// How far it is.
    pub status: OrderStatus,
    /// Whether a transaction of it may have been seen by others.
    pub exposed: bool,
    /// Its transactions, oldest first, all with one nonce.
    pub txs: Vec<TxRow>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Work {
    /// A step of a transfer.
    Transfer {
        /// Which transfer asked for it.
        key: RecordKey,
        /// Which step.
        effect: Effect,
    },
    /// A call of the relay.
    Call(RelayCall),
}

impl Work {
    /// What it is for, in a word, for logs.
    pub const fn purpose(&self) -> &'static str {
        match self {
            Self::Transfer { effect, .. } => effect.purpose().name(),
            Self::Call(_) => "relay",
        }
    }

    /// The error of a contract that means that it is done already.
    pub const fn moot(&self) -> Option<FixedBytes<4>> {
        match self {
            Self::Transfer { .. } => None,
            Self::Call(call) => call.moot,
        }
    }
}

/// A call that the relay wants made, or a step of a transfer that lives on proofs. It is not sealed: everything in it is
/// public on one chain already, or is when it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayCall {
    /// Which task wants it; one order at a time for each.
    pub task: String,
    /// Callee.
    pub to: Address,
    /// Call data.
    pub data: Bytes,
    /// Native points attached.
    #[serde(default)]
    pub value: U256,
    /// Not begun from this time of its chain on; once others may have seen it, it is pursued.
    #[serde(default)]
    pub start_before: Option<Timestamp>,
    /// Neither begun nor begun again from this time of its chain on.
    #[serde(default)]
    pub not_after: Option<Timestamp>,
    /// The sealed secret of this transfer follows the call data: it is put there when the transaction is signed.
    #[serde(default)]
    pub reveals: Option<TransferId>,
    /// Instead of call data: an approval of an ERC-20 at `to`.
    #[serde(default)]
    pub allows: Option<Allowed>,
    /// The contract's error, by its selector, that means that somebody else did it: then it is done.
    #[serde(default)]
    pub moot: Option<FixedBytes<4>>,
}

/// An approval, which covers all that waits to be locked, and at least this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// Who may take it.
    pub spender: Address,
    /// How much.
    pub at_least: U256,
}

/// One signed transaction of an order.
#[derive(Clone, Debug)]
pub struct TxRow {
    /// The transaction.
    pub tx: PreparedTx,
    /// Its fee step.
    pub bump: Bump,
    /// Local milliseconds of the first broadcast, `None` before it.
    pub sent_at: Option<u64>,
}

/// A lock that a chain showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLock {
    /// The lock.
    pub seen: Seen,
    /// What its sender wants elsewhere.
    pub wanted: Option<Wanted>,
    /// How it stands.
    pub fate: Fate,
    /// The secret, once shown.
    pub preimage: Option<alloy_primitives::B256>,
    /// Why it was not answered, for people.
    pub refusal: Option<String>,
}

/// By which path a chain is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CursorPath {
    /// Following the newest final block.
    Live,
    /// From the start, slowly, again.
    Rescan,
}

impl CursorPath {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Rescan => "rescan",
        }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// From sending to the block.
    Inclusion,
    /// From the block to its finality seen here.
    Finality,
    /// From one final block to the next.
    Block,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Inclusion => "inclusion",
            Self::Finality => "finality",
            Self::Block => "block",
        }
    }
}

pub(super) fn unreadable(what: &'static str, detail: impl fmt::Display) -> StoreError {
    StoreError::BugUnreadable {
        what,
        detail: detail.to_string(),
    }
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| unreadable(what, e))
}

/// Everything stored as JSON is bounded: a transfer has a bounded number of locks.
pub(super) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    let text = serde_json::to_string(value).map_err(|e| unreadable(what, e))?;
    if text.len() > MAX_JSON {
        return Err(StoreError::PeerOversized {
            what,
            max: MAX_JSON,
            got: text.len(),
        });
    }
    Ok(text)
}

pub(super) fn key(id: &str, role: &str) -> Result<RecordKey, StoreError> {
    let id = id
        .parse()
        .map_err(|e: PeerBadTransferId| unreadable("transfer id", e))?;
    let roles = [Role::Initiator, Role::Counterparty, Role::Watchtower];
    let role = roles
        .into_iter()
        .find(|r| r.name() == role)
        .ok_or_else(|| unreadable("role", role))?;
    Ok(RecordKey { id, role })
}

pub(super) fn parse<T: FromStr<Err: fmt::Display>>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|e| unreadable(what, e))
}

pub(super) fn account_text(account: Account) -> String {
    address_text(account.address)
}

pub(super) fn address_text(address: Address) -> String {
    format!("{address:#x}")
}

/// SQLite integers are signed; ids and heights keep their bits.
pub(super) const fn signed(value: u64) -> i64 {
    value.cast_signed()
}

pub(super) const fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}

pub(super) const fn chain(id: ChainId) -> i64 {
    signed(id.0)
}

pub(super) const fn fate_name(fate: Fate) -> &'static str {
    match fate {
        Fate::Open => "open",
        Fate::Claimed => "claimed",
        Fate::Refunded => "refunded",
    }
}

pub(super) fn fate(name: &str) -> Result<Fate, StoreError> {
    let all = [Fate::Open, Fate::Claimed, Fate::Refunded];
    all.into_iter()
        .find(|f| fate_name(*f) == name)
        .ok_or_else(|| unreadable("fate", name))
}

const MAX_JSON: usize = 256 * 1024;
