//! What is stored keeps its form: each file holds the bytes of one value. Changing a file is a reviewed act; a change of
//! form gets a new version of [`Stored`], and old files stay.

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{Asset, ChainId, Hashlock, Lock, LockId, Terms, Timestamp, Wanted};
use causeway_core::swap::{
    self, Account, Effect, Event, Failure, Leg, Plan, Purpose, Secret, Seen, State, Stored,
};
use serde::{Serialize, de::DeserializeOwned};

fn seen() -> Seen {
    let terms = Terms {
        public_claim_at: Timestamp(1_000),
        refund_at: Timestamp(2_000),
        public_refund_at: Timestamp(3_000),
        parts: 1,
        hook_flags: 0,
        salt: (1 << 112) - 1,
    };
    let lock = Lock {
        hashlock: Hashlock(B256::repeat_byte(1)),
        sender: Address::repeat_byte(2),
        recipient: Address::repeat_byte(3),
        asset: Asset::Token(Address::repeat_byte(4)),
        amount: U256::MAX,
        deposit: U256::from(5),
        terms,
        hooks: Address::ZERO,
    };
    Seen {
        chain: ChainId(6),
        id: LockId(B256::repeat_byte(7)),
        lock,
    }
}

fn wanted() -> Wanted {
    let recipient = Address::repeat_byte(8);
    Wanted {
        chain: ChainId(9),
        asset: Asset::Native,
        amount: U256::from(10),
        recipient,
    }
}

fn plan() -> Plan {
    let give = Leg {
        chain: seen().chain,
        lock: seen().lock,
    };
    let spender = Address::repeat_byte(11);
    Plan {
        give,
        spender,
        margin: 12,
        settle: 13,
        lock_by: Timestamp(14),
    }
}

fn states() -> Vec<Stored> {
    let accounts = vec![Account {
        chain: ChainId(6),
        address: Address::repeat_byte(15),
    }];
    let mut ended = swap::join(plan(), seen()).0;
    if let State::Party(party) = &mut ended {
        let failure = Failure::Refused("LockExists".into());
        party.ended = Some(swap::Outcome::Abandoned(swap::Reason::NotLocked(failure)));
        party.preimage = Some(B256::repeat_byte(16));
    }
    vec![
        swap::initiate(plan(), wanted()).0.into(),
        swap::adopt_initiator(seen(), wanted()).into(),
        swap::watch(seen(), accounts).into(),
        ended.into(),
    ]
}

fn events() -> Vec<Event> {
    let (chain, id) = (ChainId(6), LockId(B256::repeat_byte(7)));
    let failure = Failure::NeverSent;
    vec![
        Event::Locked(seen()),
        Event::Claimed {
            chain,
            id,
            preimage: B256::repeat_byte(17),
        },
        Event::Refunded { chain, id },
        Event::Approved,
        Event::Failed {
            purpose: Purpose::Claim,
            id: Some(id),
            failure,
        },
        Event::Failed {
            purpose: Purpose::Lock,
            id: None,
            failure: Failure::Unable("key".into()),
        },
        Event::Tick,
        Event::Cancel,
    ]
}

fn effects() -> Vec<Effect> {
    let address = Address::repeat_byte(18);
    let account = Account {
        chain: ChainId(6),
        address,
    };
    vec![
        Effect::Approve {
            account,
            token: Address::repeat_byte(4),
            spender: Address::repeat_byte(11),
            amount: U256::from(19),
            not_after: Timestamp(20),
        },
        Effect::Lock {
            leg: plan().give,
            wanted: Some(wanted()),
            not_after: Timestamp(21),
        },
        Effect::Claim {
            seen: seen(),
            account: address,
            secret: Secret::Own,
            start_before: Some(Timestamp(22)),
            purpose: Purpose::Claim,
        },
        Effect::Claim {
            seen: seen(),
            account: address,
            secret: Secret::Public(B256::repeat_byte(17)),
            start_before: None,
            purpose: Purpose::Carry,
        },
        Effect::Refund {
            seen: seen(),
            account: address,
        },
    ]
}

fn same_bytes<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
    name: &str,
) {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let written = serde_json::to_string_pretty(value).expect("serialises") + "\n";
    if std::env::var_os("CAUSEWAY_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &written).expect("golden file is writable");
    }
    let golden = std::fs::read_to_string(&path).expect("golden file");

    assert_eq!(written, golden, "{name}: the stored form changed");
    assert_eq!(&serde_json::from_str::<T>(&golden).expect("parses"), value);
}

#[test]
fn stored_states_keep_their_form() {
    same_bytes(&states(), "states.v1");
}

#[test]
fn stored_events_keep_their_form() {
    same_bytes(&events(), "events.v1");
}

#[test]
fn stored_effects_keep_their_form() {
    same_bytes(&effects(), "effects.v1");
}
