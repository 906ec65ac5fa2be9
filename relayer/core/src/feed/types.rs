//! States, events and effects of one operator's feed. What is stored keeps its names: variants are added, never renamed.

use std::{collections::BTreeMap, fmt};

use alloy_primitives::Bytes;
use causeway_adapter_api::{ChainId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Alarm, Report};

/// Milliseconds since 1970 by the operator's own clock, or a span of them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// This time and `span` more.
    pub const fn plus(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span, `count` times.
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// The second it lies in.
    pub const fn seconds(self) -> Timestamp {
        Timestamp(self.0 / 1_000)
    }

    /// The first millisecond of a second.
    pub const fn from_seconds(time: Timestamp) -> Self {
        Self(time.0.saturating_mul(1_000))
    }
}

/// An operator, by its place among the sorted accounts of the configuration.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Place(pub u8);

/// Number of a round; the first is 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Round(pub u32);

impl Round {
    /// The one after it; the last one stays.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What our own view of the devices says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sample {
    /// In units of the feed's last decimal.
    pub value: i128,
    /// When it was measured.
    pub at: Millis,
}

/// What an operator says it saw, for one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observation {
    /// For which round.
    pub round: Round,
    /// What.
    pub sample: Sample,
}

/// An observation with its operator's signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedObservation {
    /// What is signed.
    pub observation: Observation,
    /// The signature.
    pub signature: Bytes,
}

/// A leader's report, with what it was made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// The report.
    pub report: Report,
    /// The signed observations it was made of.
    pub parts: BTreeMap<Place, SignedObservation>,
}

/// A report with a quorum's signatures: what a chain takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Complete {
    /// The report.
    pub report: Report,
    /// 2f + 1 signatures of it.
    pub signatures: BTreeMap<Place, Bytes>,
}

/// An answer that a final block of a chain shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// Its round.
    pub round: Round,
    /// The median.
    pub value: i128,
    /// The time of the data.
    pub observed_at: Timestamp,
}

/// What is known of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    /// Which.
    pub chain: ChainId,
    /// Its last answer.
    pub answer: Option<Answer>,
    /// The last round that was requested there.
    pub requested: Round,
    /// Whether an alarm is on there.
    pub alarm: Alarm,
    /// The last round we sent there, and when.
    pub sent: Option<(Round, Millis)>,
}

/// One operator's feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct State {
    /// The round we are in, or were in last.
    pub round: Round,
    /// Since when 2f + 1 operators are in it.
    pub since: Option<Millis>,
    /// When we last observed in it.
    pub observed: Option<Millis>,
    /// How many rounds have gone by without an answer on every chain.
    pub attempts: u8,
    /// Our view of the devices.
    pub sample: Option<Sample>,
    /// The chains, in the order of the settings.
    pub seen: Vec<Seen>,
    /// The newest observation of each operator.
    pub heard: BTreeMap<Place, SignedObservation>,
    /// What we proposed in this round.
    pub proposal: Option<Proposal>,
    /// Who signed it.
    pub signatures: BTreeMap<Place, Bytes>,
    /// What we signed last; nothing else of that round, or of an earlier one, is ever signed (F6).
    pub signed: Option<Report>,
    /// The newest complete report, and since when we have it.
    pub complete: Option<(Complete, Millis)>,
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

/// What was observed. Messages are verified: see [`super::Roster::open`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The devices say something.
    Sampled(Sample),
    /// A final block shows a request.
    Requested {
        /// Where.
        chain: ChainId,
        /// For which round.
        round: Round,
    },
    /// A final block shows an answer.
    Answered {
        /// Where.
        chain: ChainId,
        /// Which.
        answer: Answer,
    },
    /// An operator observed something, perhaps we.
    Observed {
        /// Who.
        from: Place,
        /// What.
        signed: SignedObservation,
    },
    /// An operator proposes a report, perhaps we.
    Proposed {
        /// Who.
        from: Place,
        /// Which.
        proposal: Proposal,
    },
    /// An operator signed our proposal, perhaps we.
    Signed {
        /// Who.
        from: Place,
        /// Of which round the proposal is.
        round: Round,
        /// The signature.
        signature: Bytes,
    },
    /// A report is complete, whoever says so.
    Completed(Complete),
    /// Time passed.
    Tick,
}

impl Event {
    /// Its name in history and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sampled(_) => "sampled",
            Self::Requested { .. } => "requested",
            Self::Answered { .. } => "answered",
            Self::Observed { .. } => "observed",
            Self::Proposed { .. } => "proposed",
            Self::Signed { .. } => "signed",
            Self::Completed(_) => "completed",
            Self::Tick => "tick",
        }
    }
}

/// What the executor is to do. It is stored with the state that asked for it, before it is done. What goes to all operators
/// comes back to us as an event, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Sign the observation and send it to all operators.
    Observe(Observation),
    /// Send the proposal to all operators.
    Propose(Proposal),
    /// Sign the report and send the signature to its leader.
    Sign {
        /// The report.
        report: Report,
        /// Its leader.
        to: Place,
    },
    /// Send the complete report to all operators.
    Publish(Complete),
    /// Send the complete report to a chain, at our expense. That it has it already is success.
    Transmit {
        /// Which chain.
        chain: ChainId,
        /// What.
        complete: Complete,
    },
}

/// Why an event changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It says nothing new.
    #[error("it is known already")]
    Known,
    /// There is no such operator, or no such chain.
    #[error("it is not of this feed")]
    Foreign,
    /// The round is over, or it is before the one we are in.
    #[error("its round is over")]
    OldRound,
    /// F2: another operator leads that round.
    #[error("its sender does not lead that round")]
    NotLeader,
    /// F5: the report is not what its observations make, or they are too few.
    #[error("the report is not what its observations make")]
    NotItsObservations,
    /// F3: no device could have measured that.
    #[error("the value is not plausible")]
    Implausible,
    /// F7: the data is from the future, too old, or older than the last answer's.
    #[error("the time of the data is refused")]
    TimeRefused,
    /// F6: another report of that round was signed.
    #[error("another report of that round was signed")]
    SignedAnother,
    /// We have proposed nothing in that round.
    #[error("nothing was proposed in that round")]
    NoProposal,
}

/// An event that changes nothing: the state is left untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not expected: {why}")]
pub struct Unexpected {
    /// Name of the event.
    pub event: &'static str,
    /// Why.
    pub why: Why,
}
