//! What the relay knows: lanes, items, what both chains said about them, orders of its tasks.

mod query;
mod take;
mod tasks;
mod write;

use alloy_primitives::{Address, B256, Bytes};
use causeway_adapter_api::{ChainId, Height, TxId};
use causeway_core::{
    lane::Order,
    message::{MessageId, Now, Patience, State},
};
use sqlx::{Sqlite, Transaction};

use super::rows::CursorPath;
use crate::relay::abi::Said;

/// One thing a gateway said, and where.
#[derive(Clone, Debug)]
pub struct RelayFact {
    /// In which block.
    pub height: Height,
    /// Which log of it.
    pub index: u64,
    /// In which transaction.
    pub tx: TxId,
    /// Time of the block.
    pub time: u64,
    /// What.
    pub said: Said,
}

/// A lane as its gateway opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRow {
    /// Where.
    pub chain: ChainId,
    /// Its number.
    pub lane: u32,
    /// The other chain.
    pub remote: ChainId,
    /// The other gateway.
    pub remote_gateway: Address,
    /// Light client of the other chain.
    pub client: Address,
    /// In which order its messages are executed.
    pub order: Order,
}

/// An item of a lane.
#[derive(Clone, Debug)]
pub struct ItemRow {
    /// Its number.
    pub index: u64,
    /// Whether it is a message.
    pub is_message: bool,
    /// Its leaf.
    pub leaf: B256,
    /// Its content.
    pub body: Bytes,
    /// Of an ack: number of the message that came the other way.
    pub about: Option<u64>,
    /// In which block it was appended.
    pub height: Height,
    /// Whether nothing is left to be done with it at its destination.
    pub done: bool,
    /// Local milliseconds at which it was first seen.
    pub since_ms: u64,
}

/// A message as it stands.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Its state machine.
    pub state: State,
    /// Its content.
    pub body: Bytes,
    /// In which block it was sent.
    pub height: Height,
    /// In which transaction.
    pub tx: TxId,
    /// How often it changed.
    pub revision: u64,
    /// Local milliseconds at which it was first seen.
    pub created_at: u64,
    /// The sender's failed hook, as it is run again.
    pub hook: Option<Bytes>,
}

/// One line of a message's history.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct SaidRow {
    /// Id of the chain that said it.
    pub chain: u64,
    /// In which block.
    pub height: u64,
    /// What: sent, executed, failed, refused, expired, given_up, skipped, acknowledged, timed_out, hook_failed, hook_run.
    pub said: String,
    /// In which transaction.
    pub tx: String,
    /// Height of the other chain whose certificate proved it, where something had to be proved.
    pub proved_at: Option<u64>,
    /// What was returned, or why it failed.
    pub result: Option<String>,
    /// Time of the block, seconds.
    pub time: u64,
}

/// Something new about a message, for who listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageNews {
    /// Which message.
    pub id: MessageId,
    /// What, as in its history.
    pub said: String,
    /// Which chain said it.
    pub chain: ChainId,
    /// In which block.
    pub height: Height,
    /// In which transaction.
    pub tx: TxId,
    /// Time of the block, seconds.
    pub time: u64,
}

/// Messages of one direction of a lane that have not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenMessages {
    /// Chain they were sent from.
    pub source: ChainId,
    /// Which lane.
    pub lane: u32,
    /// Where they stand.
    pub stage: String,
    /// How many.
    pub count: u64,
    /// Local milliseconds at which the oldest was first seen.
    pub oldest_ms: u64,
}

/// How far a batch of facts was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenIn {
    /// All of it.
    All,
    /// Up to this height, not including it: something there is about an item that the other chain has not shown yet.
    Before(Height),
}

/// What a batch of facts is read by.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// The chain that was read.
    pub chain: ChainId,
    /// Its gateway.
    pub gateway: Address,
    /// By which path.
    pub path: CursorPath,
    /// What is known of time.
    pub now: &'a Now,
    /// How patiently failures are retried.
    pub patience: &'a Patience,
    /// Local milliseconds.
    pub at_ms: u64,
}

type Tx<'a> = Transaction<'a, Sqlite>;
