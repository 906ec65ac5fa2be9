//! What the driver is told.

use std::{fmt, sync::Arc, time::Duration};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Asset, ChainId, Height};
use causeway_core::{
    explain::Names,
    margin::{ChainTiming, Windows},
    offer::Offer,
    retry::Policy,
    swap::Account,
};

/// Everything that decides how the driver acts. `Default` suits two chains that finalise within seconds.
#[derive(Clone, Debug)]
pub struct DriveConfig {
    /// Which locks are answered, and with what.
    pub offers: Vec<Offer>,
    /// Seconds a party may be down and lose nothing; part of every margin.
    pub outage_budget: u64,
    /// Seconds that clocks may differ; part of every margin.
    pub clock_skew: u64,
    /// Lengths of the windows that are not computed.
    pub windows: Windows,
    /// What is assumed of a chain until [`MIN_SAMPLES`] of its transactions were measured.
    pub assumed: ChainTiming,
    /// The same for chains that are slower than the others.
    pub assumed_of: Vec<(ChainId, ChainTiming)>,
    /// Completing for others; `None` is off.
    pub watchtower: Option<WatchtowerConfig>,
    /// Where reading a chain begins, usually the height of its contract. Height 0 where none is given.
    pub start_heights: Vec<(ChainId, Height)>,
    /// Heights asked for at once.
    pub max_range: u64,
    /// Pause between two reads of the slow second path.
    pub rescan_pause: Duration,
    /// Pause between two whole rescans.
    pub rescan_every: Duration,
    /// How often an order is looked at when no block arrives.
    pub poll: Duration,
    /// Retrying and replacing.
    pub retry: Policy,
    /// What people call chains and assets.
    pub names: Names,
    /// The local clock; tests bring their own.
    pub wall: WallClock,
}

/// Completing for whoever is offline.
#[derive(Clone, Debug)]
pub struct WatchtowerConfig {
    /// Who pays and is rewarded, at most one for each chain.
    pub accounts: Vec<Account>,
    /// Locks with a smaller deposit are not looked after.
    pub min_deposit: U256,
}

/// A swap that this daemon begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapRequest {
    /// Who gives, where.
    pub from: Account,
    /// What.
    pub give_asset: Asset,
    /// How much.
    pub give_amount: U256,
    /// Safety deposit in native points, for whoever completes our lock.
    pub deposit: U256,
    /// The other party's account on the chain we give on.
    pub counterparty: Address,
    /// Where we are to be paid; one of our accounts there.
    pub to: Account,
    /// What we want.
    pub want_asset: Asset,
    /// How much.
    pub want_amount: U256,
}

/// Milliseconds since the Unix epoch, as the host counts them.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl WallClock {
    /// A clock of the test's own.
    pub fn new(milliseconds: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(milliseconds))
    }

    /// Milliseconds now.
    pub fn millis(&self) -> u64 {
        (self.0)()
    }

    /// Whole seconds now.
    pub fn seconds(&self) -> u64 {
        self.millis() / 1000
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock(..)")
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::new(|| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since.map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
        })
    }
}

impl Default for DriveConfig {
    fn default() -> Self {
        Self {
            offers: Vec::new(),
            outage_budget: 60,
            clock_skew: 2,
            windows: Windows {
                private_refund: 60,
                slack: 5,
            },
            assumed: ChainTiming {
                inclusion_ms: 3_000,
                finality_ms: 2_000,
            },
            assumed_of: Vec::new(),
            watchtower: None,
            start_heights: Vec::new(),
            max_range: 500,
            rescan_pause: Duration::from_millis(500),
            rescan_every: Duration::from_secs(3600),
            poll: Duration::from_millis(500),
            retry: Policy::default(),
            names: Names::default(),
            wall: WallClock::default(),
        }
    }
}

/// Measurements below which a chain's times are assumed.
pub const MIN_SAMPLES: usize = 20;
