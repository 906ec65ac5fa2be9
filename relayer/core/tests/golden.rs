//! What is stored keeps its form: each file holds the bytes of one value. Changing a file is a reviewed act; a change of
//! form gets a new version of [`Stored`], and old files stay.

use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{
    Asset, ChainId, Hashlock, Height, Lock, LockId, Terms, Timestamp, Wanted,
};
use causeway_core::swap::{
    self, Account, Effect, Event, Failure, Leg, Plan, Purpose, Secret, Seen, State, Stored,
};
use causeway_core::{
    feed,
    lane::{LaneId, Way},
    message, peg, settlement,
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

fn lane() -> Way {
    Way {
        lane: LaneId(1),
        from: ChainId(6),
        to: ChainId(9),
    }
}

fn messages() -> Vec<message::Stored> {
    let sent = message::Sent {
        id: message::MessageId {
            way: lane(),
            index: 7,
        },
        order: message::Order::Ordered,
        kind: message::Kind::Call,
        sender: Address::repeat_byte(2),
        recipient: Address::repeat_byte(3),
        deadline: Timestamp(1_000),
        gas_limit: 200_000,
        leaf: B256::repeat_byte(4),
    };
    let (waiting, mut kept, mut ended) = (
        message::begin(sent),
        message::begin(sent),
        message::begin(sent),
    );
    kept.there = message::There::Kept {
        retry_at: Timestamp(900),
        retries: 2,
    };
    ended.there = message::There::Done {
        status: message::Status::Executed,
        result: Bytes::from_static(&[1, 2]),
        ack: 5,
        proved: true,
    };
    ended.ended = Some(message::Outcome::Acknowledged(message::Status::Executed));
    [waiting, kept, ended].map(Into::into).into()
}

fn pegs() -> Vec<peg::Stored> {
    let route = peg::Route {
        kind: peg::Kind::PegOut,
        to: ChainId(9),
        port: Address::repeat_byte(5),
    };
    let promise = peg::Promise {
        recipient: Address::repeat_byte(6),
        nonce: U256::from(7),
    };
    let plan = peg::Plan {
        give: plan().give,
        spender: Address::repeat_byte(11),
        route,
        promise,
        settle: 12,
        lock_by: Timestamp(13),
    };
    let mut open = peg::carry(seen(), Height(14), route, promise);
    open.destination = peg::Destination::Opened {
        ready_at: Timestamp(15),
        paid: true,
    };
    open.preimage = Some(B256::repeat_byte(16));
    [peg::start(plan).0, open].map(Into::into).into()
}

fn settlements() -> Vec<settlement::Stored> {
    let deal = settlement::Deal {
        id: B256::repeat_byte(1),
        public: ChainId(6),
        consortium: ChainId(9),
        initiator: Address::repeat_byte(2),
        counterparty: Address::repeat_byte(3),
        asset: Asset::Native,
        amount: U256::from(100),
        deadline: Timestamp(1_000),
        business: Address::repeat_byte(4),
        terms_digest: B256::repeat_byte(5),
        salt: B256::repeat_byte(6),
    };
    let plan = settlement::Plan {
        deal,
        escrow: Address::repeat_byte(7),
        open_by: Timestamp(8),
        settle: 9,
        patience: 10,
    };
    let outcome = settlement::Outcome {
        digest: B256::repeat_byte(11),
        to_counterparty: U256::from(60),
    };
    let mut published = settlement::join(plan, settlement::Role::Carrier);
    published.business = settlement::Business::Published {
        outcome,
        prove_at: Timestamp(12),
    };
    let signature = Bytes::from_static(&[13]);
    published.initiator = Some(settlement::Word { outcome, signature });
    [settlement::start(plan).0, published]
        .map(Into::into)
        .into()
}

/// A feed at its first sample and one with everything in it, extreme values among them.
fn feeds() -> Vec<feed::Stored> {
    let pace = feed::Pace {
        gather: feed::Millis(1),
        resend: feed::Millis(2),
        patience: feed::Millis(3),
        stage: feed::Millis(4),
        fresh: feed::Millis(5),
        skew: feed::Millis(6),
    };
    let settings = feed::Settings {
        config: B256::repeat_byte(1),
        operators: 4,
        me: feed::Place(1),
        chains: vec![ChainId(6), ChainId(9)],
        min: i128::MIN,
        max: i128::MAX,
        band: feed::Band {
            low: -1,
            high: 1,
            hysteresis: 1,
            duration: 7,
        },
        deviation: 1,
        heartbeat: feed::Millis(8),
        pace,
    };
    let first = feed::begin(&settings.check().expect("sound"), feed::Round(9));
    let parts = [(0, i128::MIN), (1, -425), (3, i128::MAX)].map(|(place, value)| {
        let sample = feed::Sample {
            value,
            at: feed::Millis(1_800_000_000_123),
        };
        let round = feed::Round(10);
        let signed = feed::SignedObservation {
            observation: feed::Observation { round, sample },
            signature: Bytes::from_static(&[11]),
        };
        (feed::Place(place), signed)
    });
    let parts: std::collections::BTreeMap<_, _> = parts.into();
    let report = feed::Report::of(&parts).expect("parts");
    let signatures: std::collections::BTreeMap<_, _> =
        [(feed::Place(2), Bytes::from_static(&[12]))].into();
    let complete = feed::Complete {
        report: report.clone(),
        signatures: signatures.clone(),
    };
    let mut full = first.clone();
    full.round = feed::Round(10);
    full.since = Some(feed::Millis(13));
    full.observed = Some(feed::Millis(14));
    full.attempts = 15;
    full.sample = parts
        .get(&feed::Place(1))
        .map(|part| part.observation.sample);
    full.seen[0].answer = Some(feed::Answer {
        round: feed::Round(9),
        value: -1,
        observed_at: Timestamp(16),
    });
    full.seen[0].alarm = feed::Alarm {
        raised: true,
        since: Some(Timestamp(17)),
    };
    full.seen[1].sent = Some((feed::Round(10), feed::Millis(18)));
    full.heard = parts.clone();
    full.proposal = Some(feed::Proposal {
        report: report.clone(),
        parts,
    });
    full.signatures = signatures;
    full.signed = Some(report);
    full.complete = Some((complete, feed::Millis(19)));
    [first, full].map(Into::into).into()
}

#[test]
fn stored_feeds_keep_their_form() {
    same_bytes(&feeds(), "feeds.v1");
}

#[test]
fn stored_messages_pegs_and_settlements_keep_their_form() {
    same_bytes(&messages(), "messages.v1");
    same_bytes(&pegs(), "pegs.v1");
    same_bytes(&settlements(), "settlements.v1");
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
