//! Calls and events by the names of our contracts.

use std::{collections::HashMap, sync::OnceLock};

use alloy_dyn_abi::{DynSolValue, EventExt as _, JsonAbiExt as _};
use alloy_json_abi::{Event, Function, JsonAbi};
use alloy_primitives::{B256, Log, Selector, hex};
use causeway_console::pages::explorer::Decoded;

/// Longest value that is shown, characters.
const SHOWN: usize = 600;

macro_rules! artifacts {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/artifacts/", $name, ".json")))),*]
    };
}

/// Our contracts; of two that say the same, the first is named.
const ARTIFACTS: [(&str, &str); 29] = artifacts![
    "HashTimeLock",
    "PointsToken",
    "PegVault",
    "PegMint",
    "PegToken",
    "Gateway",
    "CallExecutor",
    "LightClient",
    "ValidatorSet",
    "SettlementEscrow",
    "Settlement",
    "DeliveryAgreement",
    "EventHub",
    "VerifierRegistry",
    "SessionCondition",
    "CredentialDesk",
    "MeteredToken",
    "OwnedAnchors",
    "DeviceSessions",
    "DeviceRegistry",
    "DeviceMirror",
    "FeedAggregator",
    "Evidence",
    "EvidenceRoll",
    "DataMarket",
    "MemberRegistry",
    "Election",
    "LogAnchor",
    "SealedContent",
];

#[derive(Default)]
struct Known {
    events: HashMap<(B256, usize), (&'static str, Event)>,
    calls: HashMap<Selector, (&'static str, Function)>,
}

/// What a call says; `None` when no contract of ours has it.
pub(super) fn call(data: &[u8]) -> Option<Decoded> {
    let (selector, arguments) = data.split_first_chunk::<4>()?;
    let (contract, function) = known().calls.get(&Selector::from(*selector))?;
    let values = function.abi_decode_input(arguments).ok()?;
    let named = function
        .inputs
        .iter()
        .map(|input| (input.name.clone(), input.ty.clone()));
    Some(decoded(contract, &function.name, named.zip(values)))
}

/// What an event says; `None` when no contract of ours says it.
pub(super) fn event(log: &Log) -> Option<Decoded> {
    let topic = log.topics().first()?;
    let (contract, event) = known().events.get(&(*topic, log.topics().len()))?;
    let found = event.decode_log(&log.data).ok()?;
    let (mut indexed, mut body) = (found.indexed.into_iter(), found.body.into_iter());
    let arguments: Option<Vec<_>> = event
        .inputs
        .iter()
        .map(|input| {
            let value = if input.indexed {
                indexed.next()
            } else {
                body.next()
            };
            Some(((input.name.clone(), input.ty.clone()), value?))
        })
        .collect();
    Some(decoded(contract, &event.name, arguments?.into_iter()))
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let mut all = Known::default();
        for (contract, artifact) in ARTIFACTS {
            for event in abi(artifact).events().cloned().collect::<Vec<_>>() {
                let topics = 1 + event.inputs.iter().filter(|input| input.indexed).count();
                all.events
                    .entry((event.selector(), topics))
                    .or_insert((contract, event));
            }
            for function in abi(artifact).functions().cloned().collect::<Vec<_>>() {
                all.calls
                    .entry(function.selector())
                    .or_insert((contract, function));
            }
        }
        all
    })
}

/// The interface in an artifact; the tests read every one.
fn abi(artifact: &str) -> JsonAbi {
    let value: serde_json::Value = serde_json::from_str(artifact).unwrap_or_default();
    serde_json::from_value(value["abi"].clone()).unwrap_or_default()
}

fn decoded(
    contract: &str,
    name: &str,
    arguments: impl Iterator<Item = ((String, String), DynSolValue)>,
) -> Decoded {
    let arguments = arguments.map(|((name, kind), value)| {
        let mut text = String::new();
        write(&mut text, &value);
        if text.chars().count() > SHOWN {
            text = text.chars().take(SHOWN).chain(['…']).collect();
        }
        (name, kind, text)
    });
    Decoded {
        contract: contract.to_owned(),
        name: name.to_owned(),
        arguments: arguments.collect(),
    }
}

fn write(text: &mut String, value: &DynSolValue) {
    // What is longer is cut off anyway.
    if text.len() > 4 * SHOWN {
        return;
    }
    match value {
        DynSolValue::Bool(it) => text.push_str(&it.to_string()),
        DynSolValue::Int(it, _) => text.push_str(&it.to_string()),
        DynSolValue::Uint(it, _) => text.push_str(&it.to_string()),
        DynSolValue::Address(it) => text.push_str(&it.to_string()),
        DynSolValue::String(it) => text.push_str(it),
        DynSolValue::Bytes(it) => text.push_str(&hex::encode_prefixed(&it[..it.len().min(SHOWN)])),
        DynSolValue::FixedBytes(word, size) => {
            text.push_str(&hex::encode_prefixed(&word[..(*size).min(32)]))
        }
        DynSolValue::Function(it) => text.push_str(&it.to_string()),
        DynSolValue::Array(all) | DynSolValue::FixedArray(all) => list(text, '[', all, ']'),
        DynSolValue::Tuple(all) => list(text, '(', all, ')'),
        #[allow(unreachable_patterns)] // the kinds of values depend on the library's features
        other => text.push_str(&other.sol_type_name().unwrap_or_default()),
    }
}

fn list(text: &mut String, open: char, all: &[DynSolValue], close: char) {
    text.push(open);
    for (index, one) in all.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write(text, one);
    }
    text.push(close);
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};
    use alloy_sol_types::{SolCall as _, SolEvent as _};
    use causeway_contracts::{PointsToken, hash_time_lock::HashTimeLock};

    use super::*;

    #[test]
    fn every_artifact_has_an_interface() {
        for (name, artifact) in ARTIFACTS {
            assert!(abi(artifact).functions().count() > 0, "{name}");
        }
    }

    #[test]
    fn a_call_is_told_by_its_names() {
        let data = PointsToken::approveCall {
            spender: Address::repeat_byte(7),
            value: U256::from(5),
        };

        let told = call(&data.abi_encode()).unwrap();

        assert_eq!(
            (told.contract.as_str(), told.name.as_str()),
            ("PointsToken", "approve")
        );
        assert_eq!(told.arguments[1].2, "5");
        assert_eq!(told.arguments[0].0, "spender");
    }

    #[test]
    fn an_event_is_told_by_its_names() {
        let event = HashTimeLock::Claimed {
            id: B256::repeat_byte(1),
            hashlock: B256::repeat_byte(4),
            preimage: B256::repeat_byte(2),
            by: Address::repeat_byte(3),
        };
        let log = Log {
            address: Address::ZERO,
            data: event.encode_log_data(),
        };

        let told = super::event(&log).unwrap();

        assert_eq!(
            (told.contract.as_str(), told.name.as_str()),
            ("HashTimeLock", "Claimed")
        );
        assert!(
            told.arguments
                .iter()
                .any(|(_, _, value)| *value == B256::repeat_byte(2).to_string())
        );
    }

    #[test]
    fn what_is_not_ours_is_not_named() {
        assert_eq!(call(&[]), None);
        assert_eq!(call(&[1, 2, 3]), None);
        assert_eq!(call(&[0xde, 0xad, 0xbe, 0xef, 1]), None);
        let approve = PointsToken::approveCall::SELECTOR;
        assert_eq!(call(&approve), None);
        let log = Log::new_unchecked(Address::ZERO, vec![B256::ZERO], vec![1].into());
        assert_eq!(event(&log), None);
    }
}
