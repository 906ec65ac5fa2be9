//! What holds of a swap for any sequence of events, in any order, with any times.

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{Asset, ChainId, Lock, LockId, Preimage, Terms, Timestamp, Wanted};
use causeway_core::swap::{
    Account, Clock, Effect, Event, Failure, Fate, Give, Leg, Now, Outcome, Plan, Purpose, Reason,
    Secret, Seen, State, Take, initiate, join, step, watch,
};
use proptest::prelude::*;

const A: ChainId = ChainId(1);
const B: ChainId = ChainId(2);
const T_B: u64 = 40;
const T_A: u64 = 80;
const SETTLE: u64 = 5;

fn secret() -> Preimage {
    Preimage::new([9; 32])
}

fn seen(chain: ChainId, sender: u8, recipient: u8, refund_at: u64, amount: u64) -> Seen {
    let terms = Terms {
        public_claim_at: Timestamp(refund_at - 10),
        refund_at: Timestamp(refund_at),
        public_refund_at: Timestamp(refund_at + 10),
        parts: 1,
        hook_flags: 0,
        salt: 0,
    };
    let lock = Lock {
        hashlock: secret().hashlock(),
        sender: Address::repeat_byte(sender),
        recipient: Address::repeat_byte(recipient),
        asset: Asset::Native,
        amount: U256::from(amount),
        deposit: U256::from(1),
        terms,
        hooks: Address::ZERO,
    };
    let id = LockId(B256::repeat_byte(
        amount as u8 ^ chain.0 as u8 ^ refund_at as u8,
    ));
    Seen { chain, id, lock }
}

fn on_a() -> Seen {
    seen(A, 1, 2, T_A, 100)
}

fn on_b() -> Seen {
    seen(B, 2, 1, T_B, 50)
}

fn plan(own: Seen) -> Plan {
    let give = Leg {
        chain: own.chain,
        lock: own.lock,
    };
    Plan {
        give,
        spender: Address::ZERO,
        margin: 30,
        settle: SETTLE,
        lock_by: Timestamp(30),
    }
}

fn start(role: u8) -> State {
    let recipient = Address::repeat_byte(1);
    let wanted = Wanted {
        chain: B,
        asset: Asset::Native,
        amount: U256::from(50),
        recipient,
    };
    match role {
        0 => initiate(plan(on_a()), wanted).0,
        1 => join(plan(on_b()), on_a()).0,
        _ => watch(
            on_a(),
            [A, B]
                .map(|chain| Account {
                    chain,
                    address: Address::ZERO,
                })
                .into(),
        ),
    }
}

/// Locks that are right, too small, too long, and on the wrong chain.
fn some_lock() -> impl Strategy<Value = Seen> {
    prop_oneof![
        4 => Just(on_a()),
        4 => Just(on_b()),
        1 => Just(seen(B, 2, 1, T_B, 49)),
        1 => Just(seen(B, 2, 1, T_A, 50)),
        1 => Just(Seen { chain: ChainId(3), ..on_b() }),
    ]
}

fn some_purpose() -> impl Strategy<Value = Purpose> {
    prop::sample::select(vec![
        Purpose::Approve,
        Purpose::Lock,
        Purpose::Claim,
        Purpose::Carry,
        Purpose::Refund,
    ])
}

fn some_failure() -> impl Strategy<Value = Failure> {
    prop::sample::select(vec![
        Failure::NeverSent,
        Failure::Overdue,
        Failure::Refused("no".into()),
    ])
}

fn some_event() -> impl Strategy<Value = Event> {
    let preimage = B256::from(*secret().expose());
    let claimed = move |s: Seen| Event::Claimed {
        chain: s.chain,
        id: s.id,
        preimage,
    };
    prop_oneof![
        4 => some_lock().prop_map(Event::Locked),
        4 => some_lock().prop_map(claimed),
        1 => some_lock().prop_map(|s| Event::Claimed { chain: s.chain, id: s.id, preimage: B256::ZERO }),
        3 => some_lock().prop_map(|s| Event::Refunded { chain: s.chain, id: s.id }),
        1 => Just(Event::Approved),
        2 => (some_purpose(), some_lock(), some_failure())
            .prop_map(|(purpose, s, failure)| Event::Failed { purpose, id: Some(s.id), failure }),
        4 => Just(Event::Tick),
        1 => Just(Event::Cancel),
    ]
}

fn some_history() -> impl Strategy<Value = Vec<(u64, Event)>> {
    // Times only grow.
    prop::collection::vec((0_u64..12, some_event()), 0..40).prop_map(|steps| {
        let mut time = 0;
        let timed = |(pause, event)| {
            time += pause;
            (time, event)
        };
        steps.into_iter().map(timed).collect()
    })
}

fn now(seconds: u64) -> Now {
    let clock = Clock {
        proven: Timestamp(seconds),
        latest: Timestamp(seconds + 1),
    };
    Now::new([(A, clock), (B, clock)])
}

/// Every state on the way, with the effects that led to it.
fn trace(first: State, history: &[(u64, Event)]) -> Vec<(u64, State, Vec<Effect>)> {
    let mut states = vec![(0, first, Vec::new())];
    for (time, event) in history {
        let (_, state, _) = states.last().expect("there is a first one");
        if let Ok((next, effects)) = step(state, event, &now(*time)) {
            states.push((*time, next, effects));
        }
    }
    states
}

fn fates(state: &State) -> Option<(Option<Fate>, Option<Fate>)> {
    let State::Party(party) = state else {
        return None;
    };
    let give = match party.give {
        Give::Placed { fate, .. } => Some(fate),
        _ => None,
    };
    let take = match party.take {
        Take::Seen { fate, .. } => Some(fate),
        Take::Unseen { .. } => None,
    };
    Some((give, take))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn replay_gives_the_same_states_and_effects(role in 0_u8..3, history in some_history()) {
        prop_assert_eq!(trace(start(role), &history), trace(start(role), &history));
    }

    #[test]
    fn a_stored_state_read_back_goes_on_the_same(role in 0_u8..3, history in some_history(), cut in 0_usize..40) {
        let cut = cut.min(history.len());
        let whole = trace(start(role), &history);
        let (_, middle, _) = trace(start(role), &history[..cut]).pop().expect("not empty");

        let text = serde_json::to_string(&middle).expect("serialises");
        let back: State = serde_json::from_str(&text).expect("parses");

        let (_, resumed, _) = trace(back, &history[cut..]).pop().expect("not empty");
        prop_assert_eq!(&resumed, &whole.last().expect("not empty").1);
    }

    #[test]
    fn what_has_ended_stays_ended(role in 0_u8..3, history in some_history(), more in some_event()) {
        let (_, last, _) = trace(start(role), &history).pop().expect("not empty");
        if last.outcome().is_some() {
            prop_assert!(step(&last, &more, &now(1_000)).is_err());
        }
    }

    #[test]
    fn a_repeated_event_changes_nothing(role in 0_u8..3, history in some_history()) {
        let once = trace(start(role), &history);
        let twice: Vec<_> = history.iter().flat_map(|step| [step.clone(), step.clone()]).collect();
        // A tick, a failure and a cancellation are not facts of a chain: they may be told again.
        let facts = |h: &[(u64, Event)]| h.iter().all(|(_, e)| !matches!(e, Event::Failed { .. }));
        if facts(&history) {
            let twice = trace(start(role), &twice);
            prop_assert_eq!(&once.last().expect("one").1, &twice.last().expect("one").1);
        }
    }

    #[test]
    fn outcomes_agree_with_what_happened_to_the_locks(role in 0_u8..2, history in some_history()) {
        for (_, state, _) in trace(start(role), &history) {
            let (give, take) = fates(&state).expect("a party");
            match state.outcome() {
                Some(Outcome::Completed) => prop_assert_eq!(take, Some(Fate::Claimed)),
                Some(Outcome::Refunded) => prop_assert_eq!(give, Some(Fate::Refunded)),
                Some(Outcome::Abandoned(Reason::Lost)) => prop_assert_eq!(give, Some(Fate::Claimed)),
                Some(Outcome::Abandoned(_)) => prop_assert_eq!(give, None),
                None => {}
            }
        }
    }

    #[test]
    fn one_lock_is_made_and_claimed_at_most_once(role in 0_u8..2, history in some_history()) {
        let states = trace(start(role), &history);
        let effects = || states.iter().flat_map(|(_, _, effects)| effects);
        let own = |e: &&Effect| matches!(e, Effect::Claim { secret: Secret::Own, .. });
        let public = |e: &&Effect| matches!(e, Effect::Claim { secret: Secret::Public(_), .. });

        prop_assert!(effects().filter(|e| e.purpose() == Purpose::Lock).count() <= 1);
        prop_assert!(effects().filter(own).count() <= 1);
        prop_assert!(effects().filter(|e| public(e) && e.purpose() == Purpose::Claim).count() <= 1);
    }

    #[test]
    fn the_own_secret_is_used_only_with_both_locks_open_and_time_to_settle(history in some_history()) {
        for (time, state, effects) in trace(start(0), &history) {
            for effect in effects {
                if let Effect::Claim { secret: Secret::Own, seen, start_before, .. } = effect {
                    prop_assert_eq!(fates(&state), Some((Some(Fate::Open), Some(Fate::Open))));
                    prop_assert!(time + 1 + SETTLE < T_B);
                    prop_assert_eq!(start_before, Some(Timestamp(T_B - SETTLE)));
                    prop_assert_eq!(seen, on_b());
                }
            }
        }
    }

    #[test]
    fn windows_are_respected(role in 0_u8..3, history in some_history()) {
        for (time, _, effects) in trace(start(role), &history) {
            for effect in effects {
                match effect {
                    Effect::Refund { seen, .. } if role < 2 => prop_assert!(time >= seen.lock.terms.refund_at.0),
                    Effect::Refund { seen, .. } => prop_assert!(time >= seen.lock.terms.public_refund_at.0),
                    Effect::Claim { seen, purpose: Purpose::Carry, .. } => {
                        prop_assert!(time >= seen.lock.terms.public_claim_at.0);
                        prop_assert!(time < seen.lock.terms.refund_at.0);
                    }
                    Effect::Claim { seen, .. } => prop_assert!(time < seen.lock.terms.refund_at.0),
                    Effect::Approve { .. } | Effect::Lock { .. } => {}
                }
            }
        }
    }
}
