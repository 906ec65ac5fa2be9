//! The bindings against the artifacts they are made from.

use alloy_json_abi::JsonAbi;
use alloy_sol_types::{SolCall, SolError, SolEvent};

use super::*;

fn artifact(name: &str) -> serde_json::Value {
    let path = format!("{}/artifacts/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn abi(name: &str) -> JsonAbi {
    serde_json::from_value(artifact(name)["abi"].clone()).unwrap()
}

#[test]
fn selectors_and_topics_are_those_of_the_artifact() {
    let abi = abi("HashTimeLock");

    assert_eq!(
        abi.functions["lock"][0].selector(),
        HashTimeLock::lockCall::SELECTOR
    );
    assert_eq!(
        abi.functions["claimBatch"][0].selector(),
        HashTimeLock::claimBatchCall::SELECTOR
    );
    assert_eq!(
        abi.functions["lockFor"][0].selector(),
        HashTimeLock::lockForCall::SELECTOR
    );
    assert_eq!(
        abi.events["Locked"][0].selector(),
        HashTimeLock::Locked::SIGNATURE_HASH
    );
    assert_eq!(
        abi.errors["LockNotOpen"][0].selector(),
        HashTimeLock::LockNotOpen::SELECTOR
    );
}

#[test]
fn bytecode_is_that_of_the_artifact() {
    let expected = artifact("ValidatorSet")["bytecode"]
        .as_str()
        .unwrap()
        .to_owned();

    assert_eq!(
        format!("0x{}", hex::encode(&ValidatorSet::BYTECODE)),
        expected
    );
}

#[test]
fn every_artifact_names_its_compiler() {
    for name in [
        "CallExecutor",
        "DataMarket",
        "DeviceMirror",
        "DeviceRegistry",
        "DeliveryAgreement",
        "EventHub",
        "Evidence",
        "EvidenceRoll",
        "FeedAggregator",
        "Gateway",
        "HashTimeLock",
        "ILockHooks",
        "IMessageHooks",
        "LightClient",
        "PointsToken",
        "PegMint",
        "PegToken",
        "PegVault",
        "Settlement",
        "SettlementEscrow",
        "ValidatorSet",
        "AlarmVerifier",
        "CredentialDesk",
        "DeviceSessions",
        "HashLinkVerifier",
        "MedianVerifier",
        "MeteredToken",
        "OwnedAnchors",
        "RightVerifier",
        "SessionCondition",
        "SessionVerifier",
        "SumVerifier",
        "VerifierRegistry",
    ] {
        let version = artifact(name)["compiler"]["version"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(version.starts_with("0.8.37+commit."), "{name}: {version}");
    }
}

#[test]
fn lock_state_numbers_are_those_of_the_contract() {
    let states = [
        LockState::None,
        LockState::Open,
        LockState::Claimed,
        LockState::Refunded,
    ];

    for (number, state) in states.into_iter().enumerate() {
        assert_eq!(LockState::from_number(number as u8), Some(state));
    }
    assert_eq!(LockState::from_number(4), None);
}

#[test]
fn the_validator_set_hash_is_that_of_the_contract() {
    let votes: Vec<_> = (1..=4u8)
        .map(|i| alloy_primitives::Address::left_padding_from(&[i]))
        .collect();

    // `setHash(0)` of a deployed contract with these votes.
    let expected = "0x5fea21907852182c18fa1b024e765a7eb9cad63965b5ed2435f95f3c9fe67b32";
    assert_eq!(validator_set_hash(0, &votes).to_string(), expected);
}
