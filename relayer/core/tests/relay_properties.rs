//! What holds of a peg and of a message for any sequence of events, in any order, with any times.

use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{Asset, ChainId, Height, Lock, LockId, Preimage, Terms, Timestamp};
use causeway_core::{
    message::{self, LaneId, MessageId, Patience, Way},
    peg::{self, Clock, Failure, Leg, Now, Plan, Promise, Route, Secret, Seen},
};
use proptest::prelude::*;

const A: ChainId = ChainId(1);
const B: ChainId = ChainId(2);
const T: u64 = 40;
const R: u64 = 60;
const SETTLE: u64 = 5;

fn secret() -> B256 {
    B256::repeat_byte(9)
}

fn seen() -> Seen {
    let lock = Lock {
        hashlock: Preimage::new(secret().0).hashlock(),
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        asset: Asset::Native,
        amount: U256::from(10),
        deposit: U256::ZERO,
        terms: Terms {
            public_claim_at: Timestamp(T),
            refund_at: Timestamp(R),
            public_refund_at: Timestamp(R + 10),
            parts: 1,
            hook_flags: peg::REFUND_GUARD,
            salt: 0,
        },
        hooks: Address::repeat_byte(2),
    };
    Seen {
        chain: A,
        id: LockId(B256::repeat_byte(3)),
        lock,
    }
}

fn route() -> Route {
    Route {
        kind: peg::Kind::PegIn,
        to: B,
        port: Address::repeat_byte(4),
    }
}

fn promise() -> Promise {
    Promise {
        recipient: Address::repeat_byte(5),
        nonce: U256::from(6),
    }
}

fn user() -> peg::State {
    let give = Leg {
        chain: A,
        lock: seen().lock,
    };
    let plan = Plan {
        give,
        spender: Address::ZERO,
        route: route(),
        promise: promise(),
        settle: SETTLE,
        lock_by: Timestamp(10),
    };
    peg::start(plan).0
}

fn start(carrier: bool) -> peg::State {
    if carrier {
        peg::carry(seen(), Height(1), route(), promise())
    } else {
        user()
    }
}

fn now(seconds: u64) -> Now {
    let clock = Clock {
        proven: Timestamp(seconds),
        latest: Timestamp(seconds + 1),
    };
    Now::new([(A, clock), (B, clock)])
}

fn some_event() -> impl Strategy<Value = peg::Event> {
    use peg::{Event, Port, Purpose};

    let purposes = prop::sample::select(vec![
        Purpose::Lock,
        Purpose::Open,
        Purpose::OpenPaid,
        Purpose::Reveal,
        Purpose::Claim,
        Purpose::Collect,
        Purpose::Refund,
    ]);
    let failures = prop::sample::select(vec![Failure::NeverSent, Failure::Overdue]);
    let preimages = prop::sample::select(vec![secret(), B256::ZERO]);
    prop_oneof![
        3 => Just(Event::Locked { seen: seen(), height: Height(1) }),
        2 => preimages.clone().prop_map(|preimage| Event::Collected { preimage }),
        1 => Just(Event::Refunded),
        3 => (0_u64..30, any::<bool>())
            .prop_map(|(at, paid)| Event::Opened { ready_at: Timestamp(at), paid }),
        2 => preimages.prop_map(|preimage| Event::Claimed { preimage }),
        1 => prop::sample::select(vec![Port::Paused, Port::Running]).prop_map(Event::Port),
        1 => Just(Event::Approved),
        2 => (purposes, failures).prop_map(|(purpose, failure)| Event::Failed { purpose, failure }),
        4 => Just(Event::Tick),
        1 => Just(Event::Cancel),
    ]
}

fn some_history() -> impl Strategy<Value = Vec<(u64, peg::Event)>> {
    // Times only grow.
    prop::collection::vec((0_u64..9, some_event()), 0..40).prop_map(|steps| {
        let mut time = 0;
        let timed = |(pause, event)| {
            time += pause;
            (time, event)
        };
        steps.into_iter().map(timed).collect()
    })
}

type Trace = Vec<(u64, peg::State, Vec<peg::Effect>)>;

/// Every state on the way, with the effects that led to it.
fn trace(first: peg::State, history: &[(u64, peg::Event)]) -> Trace {
    let mut states = vec![(0, first, Vec::new())];
    for (time, event) in history {
        let (_, state, _) = states.last().expect("there is a first one");
        if let Ok((next, effects)) = peg::step(state, event, &now(*time)) {
            states.push((*time, next, effects));
        }
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_stored_peg_read_back_goes_on_the_same(carrier: bool, history in some_history(), cut in 0_usize..40) {
        let cut = cut.min(history.len());
        let whole = trace(start(carrier), &history);
        let (_, middle, _) = trace(start(carrier), &history[..cut]).pop().expect("not empty");

        let text = serde_json::to_string(&peg::Stored::from(middle)).expect("serialises");
        let back: peg::Stored = serde_json::from_str(&text).expect("parses");

        let (_, resumed, _) = trace(back.into(), &history[cut..]).pop().expect("not empty");
        prop_assert_eq!(&resumed, &whole.last().expect("not empty").1);
    }

    #[test]
    fn a_peg_that_has_ended_stays_ended(carrier: bool, history in some_history(), more in some_event()) {
        let (_, last, _) = trace(start(carrier), &history).pop().expect("not empty");
        if last.outcome().is_some() {
            prop_assert!(peg::step(&last, &more, &now(1_000)).is_err());
        }
    }

    #[test]
    fn the_secret_is_used_once_both_sides_open_and_in_time(history in some_history()) {
        let mut revealed = 0;
        for (time, state, effects) in trace(user(), &history) {
            for effect in effects {
                if let peg::Effect::Claim { secret: Secret::Own, start_before, .. } = effect {
                    revealed += 1;
                    prop_assert!(matches!(state.origin, peg::Origin::Placed { fate: peg::Fate::Open, .. }), "no lock");
                    prop_assert!(matches!(state.destination, peg::Destination::Opened { .. }), "not open");
                    prop_assert!(time + 1 + SETTLE < T);
                    prop_assert_eq!(start_before, Some(Timestamp(T - SETTLE)));
                }
            }
        }
        prop_assert!(revealed <= 1);
    }

    #[test]
    fn a_refund_is_asked_for_only_past_both_times_and_when_nothing_was_paid(carrier: bool, history in some_history()) {
        let from = if carrier { R + 10 } else { R };
        for (time, state, effects) in trace(start(carrier), &history) {
            for effect in effects {
                if let peg::Effect::Refund { not_before, .. } = effect {
                    prop_assert!(time >= from && time >= T);
                    prop_assert_eq!(not_before, Timestamp(T));
                    prop_assert_ne!(state.destination, peg::Destination::Claimed);
                }
            }
        }
    }

    #[test]
    fn a_message_takes_any_events_and_never_asks_for_what_is_not_due(
        steps in prop::collection::vec((0_u64..9, 0_u8..9), 0..40)
    ) {
        let way = Way { lane: LaneId(1), from: A, to: B };
        let mut state = message::begin(message::Sent {
            id: MessageId { way, index: 0 },
            order: message::Order::Unordered,
            kind: message::Kind::Message,
            sender: Address::ZERO,
            recipient: Address::ZERO,
            deadline: Timestamp(T),
            gas_limit: 0,
            leaf: B256::ZERO,
        });
        let mut time = 0;
        for (pause, number) in steps {
            time += pause;
            let failure = Failure::Overdue;
            let event = match number {
                0 => message::Event::Rooted { count: 1 },
                1 => message::Event::Kept,
                2 => message::Event::Done { status: message::Status::Executed, result: Bytes::new(), ack: 0 },
                3 => message::Event::Expired,
                4 => message::Event::TimedOut,
                5 => message::Event::Failed { purpose: message::Purpose::Retry, failure },
                6 => message::Event::Failed { purpose: message::Purpose::TimeOut, failure },
                7 => message::Event::Retry,
                _ => message::Event::Tick,
            };
            let Ok((next, effects)) = message::step(&state, &event, &now(time), &Patience::default()) else {
                continue;
            };
            for effect in effects {
                match effect {
                    message::Effect::Retry { .. } => prop_assert!(time < T),
                    message::Effect::GiveUp { .. } | message::Effect::TimeOut { .. } => prop_assert!(time > T),
                    message::Effect::RunHook { .. } => prop_assert!(next.outcome().is_some()),
                }
            }
            state = next;
        }
    }
}
