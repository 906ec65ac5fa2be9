//! States, events and effects of one message. What is stored keeps its names: variants are added, never renamed.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes};
use causeway_adapter_api::{ChainId, Timestamp};
use serde::{Deserialize, Serialize};

pub use crate::lane::{LaneId, Order, Way};
pub use crate::swap::{Clock, Failure, Now, Unexpected, Why};

/// Name of a message: its lane, direction and number, which no other message ever has (V5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageId {
    /// On which way it went.
    pub way: Way,
    /// Its number there.
    pub index: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Way { lane, from, to } = self.way;
        write!(f, "{from}-{to}-{lane}-{}", self.index)
    }
}

/// A message id is `from-to-lane-number`, four decimal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message id is four decimal numbers: from-to-lane-number")]
pub struct PeerBadMessageId;

impl std::str::FromStr for MessageId {
    type Err = PeerBadMessageId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Result<Vec<u64>, _> = text.split('-').map(str::parse).collect();
        let Ok([from, to, lane, index]) = numbers.as_deref() else {
            return Err(PeerBadMessageId);
        };
        let way = Way {
            lane: LaneId(u32::try_from(*lane).map_err(|_| PeerBadMessageId)?),
            from: ChainId(*from),
            to: ChainId(*to),
        };
        Ok(Self { way, index: *index })
    }
}

/// How the recipient is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `receiveMessage` of ERC-7786.
    Message,
    /// Any function; what it returns is the result.
    Call,
}

/// What a final block of the source shows of a message; it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sent {
    /// Which.
    pub id: MessageId,
    /// In which order its lane executes.
    pub order: Order,
    /// How the recipient is called.
    pub kind: Kind,
    /// Who sent it.
    pub sender: Address,
    /// Who is called, on the destination.
    pub recipient: Address,
    /// The last second of the destination in which it is executed.
    pub deadline: Timestamp,
    /// Gas its execution may use.
    pub gas_limit: u64,
    /// Its leaf in the lane's tree.
    pub leaf: B256,
}

/// How an execution ended, or that it was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// M11: the recipient took it.
    Executed,
    /// M10: it failed, and nobody made it succeed before its deadline.
    Failed,
    /// M8: its recipient is forbidden or has no code.
    Refused,
}

/// How far a message is at its destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum There {
    /// Not delivered.
    Waiting {
        /// Whether a root over it is known there.
        proved: bool,
    },
    /// It was executed without success and is kept: anyone may retry it until its deadline.
    Kept {
        /// Not retried by us before this time of the destination.
        retry_at: Timestamp,
        /// Retries of ours so far.
        retries: u8,
    },
    /// M6: it came after its deadline, was not executed and never will be.
    Expired,
    /// It has its result, which is on its way home.
    Done {
        /// How it ended.
        status: Status,
        /// What the recipient returned.
        result: Bytes,
        /// Number of the acknowledgement on the way back.
        ack: u64,
        /// Whether a root over the acknowledgement is known at home.
        proved: bool,
    },
}

/// What was already asked of the executor, so that nothing is asked twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// A retry.
    pub retry: bool,
    /// Giving up.
    pub give_up: bool,
    /// The time-out.
    pub time_out: bool,
}

/// One message, from its sending to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// What was sent.
    pub sent: Sent,
    /// How far it is at its destination.
    pub there: There,
    /// What is under way.
    pub asked: Asked,
    /// How it ended at home.
    pub ended: Option<Outcome>,
    /// Whether its sender was told.
    pub hook: Hook,
}

/// How the call to the sender of a message that ended went (M14). It changes nothing about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// Not called, not asked for, or it went through.
    Quiet,
    /// It failed and is kept; we run it again.
    Kept,
    /// It failed again for us; somebody must look.
    Left,
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

/// How a message ended. Exactly one of these, and then nothing more happens to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its result came home, proved.
    Acknowledged(Status),
    /// It was proved not to have been delivered, and its sender undid what it had done.
    TimedOut,
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Executing a kept message again.
    Retry,
    /// Sending home the failure of a kept message after its deadline.
    GiveUp,
    /// Proving at home that it was not delivered.
    TimeOut,
    /// Running the sender's hook again.
    RunHook,
}

impl Purpose {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::GiveUp => "give_up",
            Self::TimeOut => "time_out",
            Self::RunHook => "run_hook",
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
    /// A final block of the destination shows a known root with so many items of the way there.
    Rooted {
        /// Items under it.
        count: u64,
    },
    /// A final block of the destination shows that it was executed without success and is kept; once more for each
    /// retry that fails.
    Kept,
    /// A final block of the destination shows its result, in the acknowledgement it appended: executed, refused, or
    /// given up.
    Done {
        /// How it ended.
        status: Status,
        /// What the recipient returned.
        result: Bytes,
        /// Number of the acknowledgement on the way back.
        ack: u64,
    },
    /// A final block of the destination shows that it came after its deadline.
    Expired,
    /// A final block of the source shows a known root with so many items of the way back.
    RootedBack {
        /// Items under it.
        count: u64,
    },
    /// A final block of the source shows that its result came home.
    Acknowledged(Status),
    /// A final block of the source shows that it was timed out.
    TimedOut,
    /// A final block of the source shows that the sender's hook failed and is kept.
    HookFailed,
    /// A final block of the source shows that the kept hook went through.
    HookRun,
    /// The executor stopped trying.
    Failed {
        /// To do what.
        purpose: Purpose,
        /// Why.
        failure: Failure,
    },
    /// Time passed.
    Tick,
    /// The operator wants a kept message executed again now, or a kept hook run again.
    Retry,
}

impl Event {
    /// Its name in history and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Rooted { .. } => "rooted",
            Self::Kept => "kept",
            Self::Done { .. } => "done",
            Self::Expired => "expired",
            Self::RootedBack { .. } => "rooted_back",
            Self::Acknowledged(_) => "acknowledged",
            Self::TimedOut => "timed_out",
            Self::HookFailed => "hook_failed",
            Self::HookRun => "hook_run",
            Self::Failed { .. } => "failed",
            Self::Tick => "tick",
            Self::Retry => "retry",
        }
    }
}

/// What the executor is to do. It is stored with the state that asked for it, before it is done. Anyone may do it, and
/// done by somebody else is done. Bringing items across is the business of [`crate::lane`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Execute the kept message again, at its destination.
    Retry {
        /// Which.
        id: MessageId,
        /// Not sent for the first time from here on.
        start_before: Timestamp,
    },
    /// Send home the failure of the kept message, at its destination. Pursued until it has its result.
    GiveUp {
        /// Which.
        id: MessageId,
    },
    /// Prove at home that it was not delivered, by the state of a block of the destination later than its deadline.
    /// Pursued until it has ended.
    TimeOut {
        /// Which.
        id: MessageId,
        /// The proving block's time is later than this.
        after: Timestamp,
    },
    /// Run the sender's kept hook again, at home.
    RunHook {
        /// Which.
        id: MessageId,
    },
}

impl Effect {
    /// What it is for.
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::Retry { .. } => Purpose::Retry,
            Self::GiveUp { .. } => Purpose::GiveUp,
            Self::TimeOut { .. } => Purpose::TimeOut,
            Self::RunHook { .. } => Purpose::RunHook,
        }
    }

    /// The chain it is sent to.
    pub const fn chain(&self) -> ChainId {
        match self {
            Self::Retry { id, .. } | Self::GiveUp { id } => id.way.to,
            Self::TimeOut { id, .. } | Self::RunHook { id } => id.way.from,
        }
    }
}

/// How patiently a kept message is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// Retries of ours before we leave it to others.
    pub retries: u8,
    /// Seconds before the first retry; doubled for each further one.
    pub pause: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            retries: 3,
            pause: 10,
        }
    }
}

/// A word for where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// On its source alone.
    Sent,
    /// Its destination knows a root over it.
    Proved,
    /// Executed; the result is on its way home.
    Executed,
    /// Executed without success; kept, or on its way home as failed.
    Failed,
    /// Its result came home.
    Acknowledged,
    /// Past its deadline without delivery.
    Expired,
    /// Undone at home.
    TimedOut,
}

impl Stage {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Proved => "proved",
            Self::Executed => "executed",
            Self::Failed => "failed",
            Self::Acknowledged => "acknowledged",
            Self::Expired => "expired",
            Self::TimedOut => "timed_out",
        }
    }
}

impl State {
    /// Where it is, in a word.
    pub const fn stage(&self) -> Stage {
        match (&self.ended, &self.there) {
            (Some(Outcome::Acknowledged(_)), _) => Stage::Acknowledged,
            (Some(Outcome::TimedOut), _) => Stage::TimedOut,
            (None, There::Waiting { .. }) if self.asked.time_out => Stage::Expired,
            (None, There::Waiting { proved: false }) => Stage::Sent,
            (None, There::Waiting { proved: true }) => Stage::Proved,
            (None, There::Expired) => Stage::Expired,
            (None, There::Kept { .. }) => Stage::Failed,
            (None, There::Done { status, .. }) => match status {
                Status::Executed => Stage::Executed,
                Status::Failed | Status::Refused => Stage::Failed,
            },
        }
    }

    /// How it ended, once it has.
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.ended.as_ref()
    }
}
