//! Deploying what devices and feeds need, on the pair of the local profile.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{Action, Chain, ChainId};
use causeway_contracts::{
    DataMarket, DeviceMirror, DeviceRegistry, Evidence, EvidenceRoll, FeedAggregator, deploy_code,
    oracle::feed_id,
};

use super::{DeployError, Messaging, SETTLEMENT_PUBLIC, first_of_settling, stages};

/// The feed of the local profile.
pub const DEMO_FEED: &str = "cold-chain/temperature";
/// Unit of its readings.
pub const DEMO_UNIT: &str = "Cel";
/// Digits behind the point of its readings and answers.
pub const DEMO_DECIMALS: u8 = 2;
/// What its readings and answers may be, in units of the last digit: -40 to 60 degrees.
pub const DEMO_RANGE: (i64, i64) = (-4_000, 6_000);

/// The least deposit of a device, smallest units: ten points.
pub const DEVICE_DEPOSIT: u128 = 10 * 10_u128.pow(18);
/// Parts of 10,000 of a slashed deposit for whoever gave the evidence.
const REPORTER_SHARE: u16 = 2_000;
/// Seconds for which a root counts.
const ROOT_LIFE: u64 = 24 * 3_600;
/// When an answer of the demo's feed is an alarm: outside of 2 to 8 degrees for two seconds of data.
const ALARM: (i128, i128, u128, u32) = (200, 800, 50, 2);
/// By how much the sample must differ to begin a round: half a degree.
const DEVIATION: u128 = 50;
/// Seconds after which a round begins anyway.
const HEARTBEAT: u32 = 20;
/// Seconds without an answer after which the feed may be called stale.
const STALE_AFTER: u32 = 90;

/// Transactions of [`ensure_oracle`] on the public chain.
pub(super) const ORACLE_PUBLIC: u64 = 4;
/// Transactions of [`ensure_settlement`](super::ensure_settlement) on the consortium chain.
const SETTLING_CONSORTIUM: u64 = 2;

/// Transactions of [`ensure_oracle`] on the consortium chain.
const ORACLE_CONSORTIUM: u64 = 4;

/// The deployer's next nonce on the consortium chain after [`ensure_oracle`].
pub(super) const fn after_consortium(holders: usize) -> u64 {
    first_of_settling(holders) + SETTLING_CONSORTIUM + ORACLE_CONSORTIUM
}

/// Where the contracts of devices and feeds are in the local profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleAt {
    /// `DeviceRegistry`, on the public chain.
    pub registry: Address,
    /// `EvidenceRoll`, on the public chain.
    pub roll: Address,
    /// `DataMarket`, on the public chain.
    pub market: Address,
    /// The demo feed's first `FeedAggregator`, on the public chain.
    pub feed_home: Address,
    /// `DeviceMirror`, on the consortium chain.
    pub mirror: Address,
    /// `Evidence`, on the consortium chain.
    pub evidence: Address,
    /// The demo feed's twin, on the consortium chain. The contract demands another address than that of `feed_home`.
    pub feed_twin: Address,
}

impl OracleAt {
    /// Where a deployer puts them, after what settlements need.
    pub fn of(deployer: Address, holders: usize) -> Self {
        let settling = first_of_settling(holders);
        let public = |number| deployer.create(settling + SETTLEMENT_PUBLIC + number);
        let consortium = |number| deployer.create(settling + SETTLING_CONSORTIUM + number);
        Self {
            registry: public(0),
            roll: public(1),
            feed_home: public(2),
            market: public(3),
            mirror: consortium(0),
            evidence: consortium(1),
            feed_twin: consortium(2),
        }
    }
}

/// Which end of devices and feeds a chain has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OracleEnd {
    /// Devices are admitted here, and their data offered.
    Public {
        /// The other chain.
        consortium: ChainId,
        /// Seconds from a device's exit or revocation to its deposit's return.
        exit_delay: u32,
    },
    /// Devices are mirrored here, and their data anchored.
    Consortium {
        /// The other chain.
        public: ChainId,
        /// Anchors the periods of the demo's feed.
        keeper: Address,
    },
}

/// How the demo's feed is made on both chains: the configuration with which both aggregators are deployed.
pub fn demo_config(operators: &[Address]) -> FeedAggregator::FeedConfig {
    let mut sorted = operators.to_vec();
    // The contract takes them in ascending order alone.
    sorted.sort_unstable();
    let (low, high, hysteresis, duration) = ALARM;
    FeedAggregator::FeedConfig {
        operators: sorted
            .iter()
            .flat_map(|a| a.to_vec())
            .collect::<Vec<_>>()
            .into(),
        min: i128::from(DEMO_RANGE.0),
        max: i128::from(DEMO_RANGE.1),
        alarm: FeedAggregator::AlarmBand {
            low,
            high,
            hysteresis,
            duration,
        },
        deviation: DEVIATION,
        heartbeat: HEARTBEAT,
        staleAfter: STALE_AFTER,
    }
}

/// Deploys `chain`'s end of devices and feeds, where it is missing; returns how many transactions were sent.
/// [`ensure_settlement`](super::ensure_settlement) comes first, on both chains.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_oracle(
    chain: &dyn Chain,
    deployer: Address,
    holders: usize,
    operators: &[Address],
    end: OracleEnd,
) -> Result<usize, DeployError> {
    let at = OracleAt::of(deployer, holders);
    let gateway = Messaging::of(deployer, holders).gateway;
    let settling = first_of_settling(holders);
    match end {
        OracleEnd::Public {
            consortium,
            exit_delay,
        } => {
            let home = chain.info().id;
            let creations = vec![
                create(registry_code(
                    &at, gateway, deployer, consortium, exit_delay,
                )),
                create(deploy_code(
                    &EvidenceRoll::BYTECODE,
                    &EvidenceRoll::constructorCall {
                        gateway,
                        consortiumChainId: U256::from(consortium.0),
                        evidence: at.evidence,
                        rootLife_: U256::from(ROOT_LIFE),
                    },
                )),
            ];
            let market = DataMarket::constructorCall {
                registry_: at.registry,
            };
            // A feed asks for its own address, which a simulation knows only of the next transaction: it is the first of
            // its stage. The market asks for a registry that is there.
            let market = vec![
                create(feed_code(&at, home, deployer, operators)),
                create(deploy_code(&DataMarket::BYTECODE, &market)),
            ];
            stages(
                chain,
                deployer,
                settling + SETTLEMENT_PUBLIC,
                [creations, market],
            )
            .await
        }
        OracleEnd::Consortium { public, keeper } => {
            let creations = vec![
                create(deploy_code(
                    &DeviceMirror::BYTECODE,
                    &DeviceMirror::constructorCall {
                        gateway_: gateway,
                        publicChainId_: U256::from(public.0),
                        registry_: at.registry,
                    },
                )),
                create(deploy_code(
                    &Evidence::BYTECODE,
                    &Evidence::constructorCall {
                        administrator_: deployer,
                        gateway,
                        publicChainId: U256::from(public.0),
                        roll: at.roll,
                        rootLife_: U256::from(ROOT_LIFE),
                    },
                )),
            ];
            let keeper = Evidence::setKeeperCall {
                stream: feed_id(DEMO_FEED),
                keeper,
            };
            let keeper = vec![
                create(feed_code(&at, public, deployer, operators)),
                Action::Call {
                    to: Some(at.evidence),
                    value: U256::ZERO,
                    data: keeper.abi_encode().into(),
                },
            ];
            stages(
                chain,
                deployer,
                settling + SETTLING_CONSORTIUM,
                [creations, keeper],
            )
            .await
        }
    }
}

fn registry_code(
    at: &OracleAt,
    gateway: Address,
    treasury: Address,
    consortium: ChainId,
    exit_delay: u32,
) -> Bytes {
    let config = DeviceRegistry::RegistryConfig {
        gateway,
        consortiumChainId: U256::from(consortium.0),
        mirror: at.mirror,
        treasury,
        minimumDeposit: alloy_primitives::Uint::from(DEVICE_DEPOSIT),
        exitDelay: alloy_primitives::Uint::from(exit_delay),
        reporterShare: REPORTER_SHARE,
    };
    deploy_code(
        &DeviceRegistry::BYTECODE,
        &DeviceRegistry::constructorCall { c: config },
    )
}

fn feed_code(at: &OracleAt, home: ChainId, administrator: Address, operators: &[Address]) -> Bytes {
    let arguments = FeedAggregator::constructorCall {
        feed_: demo_feed(),
        homeChainId: U256::from(home.0),
        home: at.feed_home,
        administrator_: administrator,
        decimals_: DEMO_DECIMALS,
        description_: DEMO_FEED.into(),
        config: demo_config(operators),
    };
    deploy_code(&FeedAggregator::BYTECODE, &arguments)
}

/// Id of the demo's feed.
pub fn demo_feed() -> B256 {
    feed_id(DEMO_FEED)
}

fn create(data: Bytes) -> Action {
    Action::Call {
        to: None,
        value: U256::ZERO,
        data,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_contract_has_an_address_of_its_own_so_that_twins_are_told_apart() {
        let at = OracleAt::of(Address::repeat_byte(7), 4);

        let public = [at.registry, at.roll, at.market, at.feed_home];
        let consortium = [at.mirror, at.evidence, at.feed_twin];
        for all in [&public[..], &consortium[..]] {
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        }
        assert_ne!(at.feed_home, at.feed_twin);
    }

    #[test]
    fn operators_of_the_demo_feed_are_in_ascending_order() {
        let operators = [4, 2, 3, 1].map(Address::repeat_byte);

        let config = demo_config(&operators);

        let expected: Vec<u8> = (1..=4).flat_map(|byte| [byte; 20]).collect();
        assert_eq!(config.operators.to_vec(), expected);
    }
}
