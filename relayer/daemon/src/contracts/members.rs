//! Deploying who governs the consortium chain of the local profile, and handing over to it.

use alloy_primitives::{Address, B256, U256, aliases::U40};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{Action, Chain};
use causeway_adapter_hosted::spec::{VALIDATOR_SET, ValidatorEntry};
use causeway_contracts::{
    Gateway, MemberRegistry, PegMint, SealedContent, ValidatorSet, deploy_code,
};

use super::{DeployError, Messaging, Peg, oracle, stages};

/// Seconds in which votes are cast.
const VOTE_PERIOD: u64 = 3_600;
/// Seconds from passing to execution: the least that the contract takes.
const DELAY: u64 = 60;
/// Seconds in which what has passed can be executed.
const WINDOW: u64 = 24 * 3_600;

/// Class of a call that members decide by a quorum, after the delay.
const GUARDED: u8 = 1;
/// Class of a call that f + 1 of members and observers decide, at once.
const PAUSE: u8 = 2;

/// A founding organisation of the local profile.
#[derive(Clone, Debug)]
pub struct Founder {
    /// Its name.
    pub name: String,
    /// The account it votes by.
    pub account: Address,
    /// Whether it reads and votes on pauses alone.
    pub observes: bool,
    /// SHA-256 of its certificates.
    pub certificates: Vec<B256>,
    /// Its validators.
    pub validators: Vec<ValidatorEntry>,
}

/// Where the `MemberRegistry` is, on the consortium chain of the local profile.
pub fn member_registry(deployer: Address, holders: usize) -> Address {
    deployer.create(oracle::after_consortium(holders))
}

/// Contracts that pass to the members.
const GOVERNED: u64 = 3;

/// Where the `SealedContent` is, on the consortium chain of the local profile.
pub fn sealed_content(deployer: Address, holders: usize) -> Address {
    deployer.create(after_taking_over(holders))
}

/// The deployer's next nonce on the consortium chain once the registry has taken over: an offer and a taking each.
const fn after_taking_over(holders: usize) -> u64 {
    oracle::after_consortium(holders) + 1 + 2 * GOVERNED
}

/// Deals the validators of a chain to so many organisations, in order, as evenly as that goes; `None` when one of them had
/// more than f, which the registry refuses (G7).
pub fn dealt<T: Clone>(validators: &[T], organisations: usize) -> Option<Vec<Vec<T>>> {
    let faults = validators.len().checked_sub(1)? / 3;
    let (each, more) = (
        validators.len() / organisations,
        validators.len() % organisations,
    );
    let mut left = validators.iter().cloned();
    let shares: Vec<Vec<T>> = (0..organisations)
        .map(|i| left.by_ref().take(each + usize::from(i < more)).collect())
        .collect();
    shares
        .iter()
        .all(|share| share.len() <= faults)
        .then_some(shares)
}

/// Deploys the `MemberRegistry` on the consortium chain, hands validators, gateway and port over to it, and deploys the
/// `SealedContent` that it decides on, where that is missing; returns how many transactions were sent. [`ensure_oracle`](super::ensure_oracle) comes first.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_members(
    chain: &dyn Chain,
    deployer: Address,
    holders: usize,
    founders: &[Founder],
) -> Result<usize, DeployError> {
    let first = oracle::after_consortium(holders);
    let registry = member_registry(deployer, holders);
    let gateway = Messaging::of(deployer, holders).gateway;
    let port = Peg::of(deployer, holders).port;
    let governed: [Address; GOVERNED as usize] = [VALIDATOR_SET, gateway, port];
    let call = |to: Address, data: Vec<u8>| Action::Call {
        to: Some(to),
        value: U256::ZERO,
        data: data.into(),
    };
    let offer = ValidatorSet::offerAdministrationCall { to: registry };
    let offers = governed.iter().map(|at| call(*at, offer.abi_encode()));
    let takings = governed.iter().map(|at| {
        let taking = MemberRegistry::takeOverCall { target: *at };
        call(registry, taking.abi_encode())
    });
    let creation = Action::Call {
        to: None,
        value: U256::ZERO,
        data: deploy_code(
            &MemberRegistry::BYTECODE,
            &MemberRegistry::constructorCall {
                set: VALIDATOR_SET,
                founders: founders.iter().map(terms).collect(),
                periods: [VOTE_PERIOD, DELAY, WINDOW].map(U40::from),
                calls: calls(gateway, port, sealed_content(deployer, holders)),
            },
        ),
    };
    // Who takes over asks for what was offered: the stages of offering and taking are two.
    let made = stages(chain, deployer, first, [vec![creation], offers.collect()]).await?;
    let taken = stages(
        chain,
        deployer,
        first + 1 + GOVERNED,
        [takings.collect(), Vec::new()],
    )
    .await?;
    let sealing = Action::Call {
        to: None,
        value: U256::ZERO,
        data: deploy_code(
            &SealedContent::BYTECODE,
            &SealedContent::constructorCall {
                registry_: registry,
            },
        ),
    };
    let last = after_taking_over(holders);
    let sealed = stages(chain, deployer, last, [vec![sealing], Vec::new()]).await?;
    Ok(made + taken + sealed)
}

/// What members may decide beside what the registry does itself.
fn calls(gateway: Address, port: Address, sealed: Address) -> Vec<MemberRegistry::Allowed> {
    let allowed = |target, selector: [u8; 4], class| MemberRegistry::Allowed {
        target,
        selector: selector.into(),
        class,
    };
    vec![
        allowed(gateway, Gateway::pauseCall::SELECTOR, PAUSE),
        allowed(gateway, Gateway::unpauseCall::SELECTOR, GUARDED),
        allowed(gateway, Gateway::setLimitCall::SELECTOR, GUARDED),
        allowed(gateway, Gateway::denyTargetCall::SELECTOR, GUARDED),
        allowed(port, PegMint::pauseCall::SELECTOR, PAUSE),
        allowed(port, PegMint::unpauseCall::SELECTOR, GUARDED),
        allowed(port, PegMint::setLimitsCall::SELECTOR, GUARDED),
        allowed(sealed, SealedContent::openCall::SELECTOR, GUARDED),
    ]
}

fn terms(founder: &Founder) -> MemberRegistry::Terms {
    let validator = |entry: &ValidatorEntry| MemberRegistry::Validator {
        vote: entry.vote,
        network: entry.network,
        endpoint: entry.endpoint.clone(),
    };
    MemberRegistry::Terms {
        name: founder.name.clone(),
        account: founder.account,
        role: if founder.observes { 2 } else { 1 },
        certificates: founder.certificates.clone(),
        validators: founder.validators.iter().map(validator).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validators_are_dealt_in_their_order() {
        assert_eq!(
            dealt(&[1, 2, 3, 4], 4),
            Some(vec![vec![1], vec![2], vec![3], vec![4]])
        );
        assert_eq!(
            dealt(&[1, 2, 3, 4, 5, 6, 7], 4),
            Some(vec![vec![1, 2], vec![3, 4], vec![5, 6], vec![7]])
        );
    }

    #[test]
    fn nobody_is_dealt_more_validators_than_may_fail() {
        assert_eq!(dealt(&[1, 2, 3, 4, 5], 4), None);
        assert_eq!(dealt(&[1, 2, 3], 4), None);
        assert_eq!(dealt::<u8>(&[], 4), None);
    }
}
