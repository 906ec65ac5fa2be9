//! Persist points, and how crash tests stop the process at one.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use super::StoreError;

macro_rules! persist_points {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Every moment at which something is made durable. A restart after any of them comes to the same outcome (V7).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PersistPoint { $($(#[$doc])* $variant,)* }

        impl PersistPoint {
            /// All of them, for stories that visit each.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in `CAUSEWAY_CRASH_AT`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

persist_points! {
    /// A new transfer, its secret, its first orders.
    TransferCreated = "transfer_created",
    /// An event of a chain, the states it changed, the orders that follow.
    EventApplied = "event_applied",
    /// A step that no chain event caused: a tick, a command.
    TransferStepped = "transfer_stepped",
    /// How far a chain was read.
    CursorMoved = "cursor_moved",
    /// Whether a lock is answered.
    LockDecided = "lock_decided",
    /// A signed transaction.
    TxPrepared = "tx_prepared",
    /// That a transaction is about to be sent.
    TxSending = "tx_sending",
    /// After a transaction was sent, before anything else; there is nothing to write, so both edges are one moment.
    TxSent = "tx_sent",
    /// That a transaction can no longer succeed.
    TxVoided = "tx_voided",
    /// What an order came to, and the step that follows.
    OrderClosed = "order_closed",
    /// What the relay read of a gateway.
    RelayRead = "relay_read",
    /// A step of a message.
    RelayStepped = "relay_stepped",
    /// A call of the relay that is to be sent.
    RelayCalled = "relay_called",
    /// A new transfer that lives on proofs, its secret, what it asks for first.
    CrossingCreated = "crossing_created",
    /// What a chain said about such transfers, the states it changed.
    CrossingRead = "crossing_read",
    /// How far a chain was read for them.
    CrossingCursor = "crossing_cursor",
    /// A step of such a transfer that no chain caused: a tick, a command, the end of an order.
    CrossingStepped = "crossing_stepped",
    /// An effect of such a transfer that is an order now.
    CrossingOrdered = "crossing_ordered",
    /// What the supply statement read of a chain.
    SupplyRead = "supply_read",
    /// A supply statement; what it asks for follows.
    SupplyStated = "supply_stated",
    /// What the aggregator of a feed said.
    FeedRead = "feed_read",
    /// A step of an operator, with the reports that it wants sent.
    FeedStepped = "feed_stepped",
    /// Entries of the event log, and how far their chain was read.
    LogAppended = "log_appended",
}

/// Just before or just after the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// Before: nothing of it is on disk.
    Before,
    /// After: all of it is on disk, nothing was done about it.
    After,
}

/// One moment: the `nth` time (from 1) that `edge` of `point` is reached. Written `tx_prepared.after` or
/// `tx_prepared.after:2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultPoint {
    /// Which persist point.
    pub point: PersistPoint,
    /// Before or after its commit.
    pub edge: Edge,
    /// Which time.
    pub nth: u32,
}

impl fmt::Display for FaultPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = if self.edge == Edge::Before {
            "before"
        } else {
            "after"
        };
        write!(f, "{}.{edge}:{}", self.point.name(), self.nth)
    }
}

/// `CAUSEWAY_CRASH_AT` names no persist point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no persist point {0:?}: write <name>.before or <name>.after, with :<n> for the n-th time")]
pub struct ConfigBadFaultPoint(String);

impl FromStr for FaultPoint {
    type Err = ConfigBadFaultPoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || ConfigBadFaultPoint(text.to_owned());
        let (moment, nth) = text.split_once(':').unwrap_or((text, "1"));
        let (name, edge) = moment.split_once('.').ok_or_else(bad)?;
        let point = PersistPoint::ALL
            .iter()
            .copied()
            .find(|p| p.name() == name)
            .ok_or_else(bad)?;
        let edge = match edge {
            "before" => Edge::Before,
            "after" => Edge::After,
            _ => return Err(bad()),
        };
        let nth = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(bad)?;
        Ok(Self { point, edge, nth })
    }
}

/// What happens at a fault point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFault {
    /// The process aborts, as if killed.
    Abort,
    /// The store stops working, as seen by a process that is no more: for tests within one process.
    Fail,
}

/// Visits persist points; shared by everything that writes.
#[derive(Clone, Debug, Default)]
pub struct Faults(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    at: FaultPoint,
    then: OnFault,
    visits: AtomicU32,
    dead: AtomicBool,
}

impl Faults {
    /// Never stops.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Stops at `at`.
    pub fn at(at: FaultPoint, then: OnFault) -> Self {
        Self(Some(Arc::new(Armed {
            at,
            then,
            visits: AtomicU32::new(0),
            dead: AtomicBool::new(false),
        })))
    }

    /// Whether the fault point was reached.
    pub fn struck(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|armed| armed.dead.load(Ordering::SeqCst))
    }

    /// A dead process writes nothing.
    pub(super) fn alive(&self) -> Result<(), StoreError> {
        match &self.0 {
            Some(armed) if armed.dead.load(Ordering::SeqCst) => {
                Err(StoreError::Injected(armed.at.to_string()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn visit(&self, point: PersistPoint, edge: Edge) -> Result<(), StoreError> {
        self.alive()?;
        let Some(armed) = &self.0 else { return Ok(()) };
        if armed.at.point != point || armed.at.edge != edge {
            return Ok(());
        }
        if armed.visits.fetch_add(1, Ordering::SeqCst) + 1 != armed.at.nth {
            return Ok(());
        }
        match armed.then {
            OnFault::Abort => std::process::abort(),
            OnFault::Fail => {
                armed.dead.store(true, Ordering::SeqCst);
                self.alive()
            }
        }
    }
}
