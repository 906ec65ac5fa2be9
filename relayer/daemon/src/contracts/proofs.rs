//! Deploying what proofs need, on a chain of the local profile: verifiers under development keys, their registry, and
//! the contracts that act on statements.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{Action, Chain};
use causeway_circuits::registered::Registered;
use causeway_contracts::{
    CredentialDesk, DeviceSessions, MeteredToken, OwnedAnchors, SessionCondition, VerifierRegistry,
    deploy_code, verifiers,
};

use super::{Contracts, DeployError, MESSAGING, PEG, first_of_messaging, stages};

/// Seconds for which a root counts.
const ROOT_LIFE: u64 = 24 * 3_600;
/// Seconds of a metered period.
pub const PERIOD: u64 = 60;
/// Smallest units minted for each watt-hour: a token is a kilowatt-hour.
pub const UNIT: u64 = 1_000_000_000_000_000;

/// Where the contracts of proofs are in the local profile: the same addresses on both chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// The `VerifierRegistry`.
    pub registry: Address,
    /// The `OwnedAnchors`.
    pub anchors: Address,
    /// The `SessionCondition` that asks `DeviceSessions`: on the word of the demo feed's operators.
    pub condition: Address,
    /// The `CredentialDesk`.
    pub desk: Address,
    /// The `MeteredToken`.
    pub metered: Address,
    /// The `DeviceSessions` of the demo's feed.
    pub sessions: Address,
    /// A `SessionCondition` that asks the `OwnedAnchors`: for trials.
    pub owned_condition: Address,
}

impl Proofs {
    /// Where a deployer puts them, after the peg.
    pub fn of(deployer: Address, holders: usize) -> Self {
        let at = |number| deployer.create(first(holders) + number);
        let after = VERIFIERS_AT + Registered::ALL.len() as u64;
        Self {
            registry: at(0),
            anchors: at(1),
            condition: at(after),
            desk: at(after + 1),
            metered: at(after + 2),
            sessions: at(after + 3),
            owned_condition: at(after + 4),
        }
    }

    fn verifier(deployer: Address, holders: usize, number: u64) -> Address {
        deployer.create(first(holders) + VERIFIERS_AT + number)
    }
}

/// The registry and the anchors come before the verifiers.
const VERIFIERS_AT: u64 = 2;

/// Transactions of [`ensure_proofs`]: every verifier is deployed and registered, and five contracts act on them.
pub(super) const PROOFS: u64 = VERIFIERS_AT + 2 * Registered::ALL.len() as u64 + 5;

const fn first(holders: usize) -> u64 {
    first_of_messaging(holders) + MESSAGING + PEG
}

/// Name of the issuers' set in `OwnedAnchors`.
pub fn issuers() -> B256 {
    keccak256("causeway/issuers/1")
}

/// Name of the meters' set in `OwnedAnchors`.
pub fn meters() -> B256 {
    keccak256("causeway/meters/1")
}

/// Deploys on `chain` what proofs need, where it is missing, and registers the verifiers; returns how many transactions
/// were sent. The peg comes first. `registrar` anchors digests and sets, `beneficiary` gets what is metered, the operators of
/// the aggregator `feed` put sessions of devices on record; it may come later.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_proofs(
    chain: &dyn Chain,
    deployer: Address,
    holders: usize,
    registrar: Address,
    beneficiary: Address,
    feed: Address,
) -> Result<usize, DeployError> {
    let at = Proofs::of(deployer, holders);
    let registry = VerifierRegistry::constructorCall {
        administrator_: deployer,
        // Keys of the local profile are everybody's: registry, events and contracts say so.
        developmentAllowed_: true,
    };
    let anchors = OwnedAnchors::constructorCall {
        owner_: registrar,
        rootLife_: U256::from(ROOT_LIFE),
    };
    let condition = |anchors_| SessionCondition::constructorCall {
        locks_: Contracts::of(deployer).hash_time_lock,
        registry_: at.registry,
        anchors_,
    };
    let sessions = DeviceSessions::constructorCall { aggregator_: feed };
    let desk = CredentialDesk::constructorCall {
        registry_: at.registry,
        anchors_: at.anchors,
        set_: issuers(),
    };
    let metered = MeteredToken::constructorCall {
        name_: "Metered energy".into(),
        symbol_: "kWh".into(),
        config: MeteredToken::Config {
            registry: at.registry,
            anchors: at.anchors,
            set: meters(),
            beneficiary,
            length: PERIOD,
            unit: UNIT,
        },
    };
    let mut creations = vec![
        create(deploy_code(&VerifierRegistry::BYTECODE, &registry)),
        create(deploy_code(&OwnedAnchors::BYTECODE, &anchors)),
    ];
    creations.extend(Registered::ALL.map(|circuit| create(verifier_code(circuit))));
    creations.extend([
        create(deploy_code(
            &SessionCondition::BYTECODE,
            &condition(at.sessions),
        )),
        create(deploy_code(&CredentialDesk::BYTECODE, &desk)),
        create(deploy_code(&MeteredToken::BYTECODE, &metered)),
        create(deploy_code(&DeviceSessions::BYTECODE, &sessions)),
        create(deploy_code(
            &SessionCondition::BYTECODE,
            &condition(at.anchors),
        )),
    ]);
    let register = |number| {
        let call = VerifierRegistry::registerCall {
            verifier: Proofs::verifier(deployer, holders, number),
            transcript: B256::ZERO,
        };
        Action::Call {
            to: Some(at.registry),
            value: U256::ZERO,
            data: call.abi_encode().into(),
        }
    };
    let registrations = (0..Registered::ALL.len() as u64).map(register).collect();
    let both = [creations, registrations];
    stages(chain, deployer, first(holders), both).await
}

fn verifier_code(circuit: Registered) -> Bytes {
    match circuit {
        Registered::Right => verifiers::RightVerifier::BYTECODE.clone(),
        Registered::Alarm => verifiers::AlarmVerifier::BYTECODE.clone(),
        Registered::Session => verifiers::SessionVerifier::BYTECODE.clone(),
        Registered::HashLink => verifiers::HashLinkVerifier::BYTECODE.clone(),
        Registered::Sum => verifiers::SumVerifier::BYTECODE.clone(),
        Registered::Median => verifiers::MedianVerifier::BYTECODE.clone(),
    }
}

fn create(data: Bytes) -> Action {
    Action::Call {
        to: None,
        value: U256::ZERO,
        data,
    }
}
