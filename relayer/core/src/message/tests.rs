use alloy_primitives::{Address, B256, Bytes};

use super::*;
use crate::explain::{self, Actor};

const A: ChainId = ChainId(1);
const B: ChainId = ChainId(2);
const DEADLINE: u64 = 100;
const PATIENCE: Patience = Patience {
    retries: 2,
    pause: 10,
};

fn sent() -> Sent {
    let way = Way {
        lane: LaneId(3),
        from: A,
        to: B,
    };
    Sent {
        id: MessageId { way, index: 7 },
        order: Order::Unordered,
        kind: Kind::Call,
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        deadline: Timestamp(DEADLINE),
        gas_limit: 200_000,
        leaf: B256::repeat_byte(4),
    }
}

fn at(seconds: u64) -> Now {
    let clock = Clock {
        proven: Timestamp(seconds),
        latest: Timestamp(seconds),
    };
    Now::new([(A, clock), (B, clock)])
}

fn done(status: Status) -> Event {
    let (result, ack) = (Bytes::from_static(b"42"), 5);
    Event::Done {
        status,
        result,
        ack,
    }
}

/// Applies events, each at its time; every one must be accepted.
fn run(events: &[(u64, Event)]) -> (State, Vec<Effect>) {
    let mut all = Vec::new();
    let state = events.iter().fold(begin(sent()), |state, (time, event)| {
        let (next, effects) = step(&state, event, &at(*time), &PATIENCE).expect("accepted");
        all.extend(effects);
        next
    });
    (state, all)
}

#[test]
fn a_message_goes_there_and_its_result_comes_home() {
    let (state, asked) = run(&[
        (1, Event::Rooted { count: 8 }),
        (2, done(Status::Executed)),
        (3, Event::RootedBack { count: 6 }),
        (4, Event::Acknowledged(Status::Executed)),
    ]);

    assert_eq!(state.stage(), Stage::Acknowledged);
    assert!(asked.is_empty(), "the lanes did it all: {asked:?}");
}

#[test]
fn a_root_over_fewer_items_proves_nothing() {
    let state = begin(sent());

    let refused = step(&state, &Event::Rooted { count: 7 }, &at(1), &PATIENCE);

    assert_eq!(refused.map_err(|e| e.why), Err(Why::Known));
}

#[test]
fn what_was_not_delivered_is_timed_out_only_past_its_deadline() {
    let (_, early) = run(&[(DEADLINE, Event::Tick)]);
    let (state, asked) = run(&[(DEADLINE + 1, Event::Tick)]);

    assert!(early.is_empty());
    let (id, after) = (sent().id, Timestamp(DEADLINE));
    assert_eq!(asked, [Effect::TimeOut { id, after }]);
    assert_eq!(state.stage(), Stage::Expired);
}

#[test]
fn a_kept_message_is_retried_with_growing_pauses_and_then_given_up() {
    let failed = |purpose| Event::Failed {
        purpose,
        failure: Failure::Overdue,
    };

    let (state, asked) = run(&[
        (1, Event::Kept),
        (11, Event::Tick),
        (12, failed(Purpose::Retry)),
        (20, Event::Tick),
        (32, Event::Tick),
        (33, failed(Purpose::Retry)),
        (90, Event::Tick),
        (DEADLINE + 1, Event::Tick),
    ]);

    let purposes: Vec<Purpose> = asked.iter().map(Effect::purpose).collect();
    assert_eq!(purposes, [Purpose::Retry, Purpose::Retry, Purpose::GiveUp]);
    assert_eq!(state.stage(), Stage::Failed);
}

#[test]
fn the_operator_may_retry_at_once() {
    let (_, asked) = run(&[(1, Event::Kept), (2, Event::Retry)]);

    assert!(matches!(asked[..], [Effect::Retry { .. }]));
}

#[test]
fn a_chain_that_contradicts_itself_changes_nothing() {
    let (state, _) = run(&[(1, done(Status::Executed))]);

    for event in [Event::TimedOut, Event::Expired] {
        let refused = step(&state, &event, &at(2), &PATIENCE);
        assert_eq!(refused.map_err(|e| e.why), Err(Why::Contradiction));
    }
}

#[test]
fn what_has_ended_stays_ended_but_its_hook_is_run_again() {
    let (state, asked) = run(&[
        (1, Event::Acknowledged(Status::Failed)),
        (2, Event::HookFailed),
    ]);

    assert_eq!(asked, [Effect::RunHook { id: sent().id }]);
    assert!(step(&state, &Event::TimedOut, &at(3), &PATIENCE).is_err());
    assert!(step(&state, &Event::HookFailed, &at(3), &PATIENCE).is_err());
    assert!(step(&state, &Event::HookRun, &at(3), &PATIENCE).is_ok());
}

#[test]
fn a_message_id_reads_back_from_its_text() {
    let id = sent().id;

    assert_eq!(id.to_string(), "1-2-3-7");
    assert_eq!("1-2-3-7".parse(), Ok(id));
    for wrong in ["", "1-2-3", "1-2-3-7-9", "1-2-x-7", "1-2-4294967296-7"] {
        assert_eq!(wrong.parse::<MessageId>(), Err(PeerBadMessageId));
    }
}

#[test]
fn an_explanation_names_who_may_act_and_until_when() {
    let told = explain::message(&begin(sent()), &at(40), &explain::Names::default());

    assert_eq!(told.next, Actor::AnyRelayer);
    assert_eq!(told.until.map(|until| until.seconds_left), Some(60));
    assert!(told.to_string().contains("1-2-3-7"));
}
