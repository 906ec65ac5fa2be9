use super::*;
use crate::batch::Carried::{Bare, Whole};

const POLICY: Policy = Policy {
    items: 4,
    bare: 4,
    bytes: 10_000,
    gas: 1_000_000,
    enough: 3,
    linger_ms: 100,
    urgent: 5,
    flights: 2,
};

fn way() -> Way {
    Way {
        lane: LaneId(1),
        from: ChainId(1),
        to: ChainId(2),
    }
}

fn item(index: u64) -> Event {
    let deadline = Timestamp(1_000);
    Event::Appended(Item {
        index,
        leaf: B256::repeat_byte(index as u8),
        what: What::Message { deadline },
        bytes: 100,
        gas: 10_000,
    })
}

fn at(seconds: u64, ms: u64) -> Moment {
    let clock = Clock {
        proven: Timestamp(seconds),
        latest: Timestamp(seconds),
    };
    Moment { to: clock, ms }
}

/// Applies events at one moment; every one must be accepted.
fn run(lane: Lane, moment: Moment, events: &[Event]) -> (Lane, Vec<Effect>) {
    let mut all = Vec::new();
    let lane = events.iter().fold(lane, |lane, event| {
        let (next, effects) = step(&lane, event, &moment, &POLICY).expect("accepted");
        all.extend(effects);
        next
    });
    (lane, all)
}

fn batches(effects: &[Effect]) -> Vec<Batch> {
    let batch = |Effect::Deliver { batch, .. }: &Effect| batch.clone();
    effects.iter().map(batch).collect()
}

fn batch(first: u64, items: &[crate::batch::Carried]) -> Batch {
    let items = items.to_vec();
    Batch { first, items }
}

#[test]
fn the_first_item_goes_at_once_and_the_next_ones_gather_behind_it() {
    let lane = Lane::new(way(), Order::Unordered);

    let (lane, first) = run(lane, at(0, 0), &[Event::Tip(Height(5)), item(0)]);
    let (lane, none) = run(lane, at(0, 10), &[item(1), item(2)]);
    let (_, second) = run(lane, at(0, 110), &[Event::Tick]);

    assert_eq!(
        first,
        [Effect::Deliver {
            way: way(),
            count: 1,
            prove: Some(Height(5)),
            batch: batch(0, &[Whole])
        }]
    );
    assert!(none.is_empty());
    assert_eq!(batches(&second), [batch(1, &[Whole, Whole])]);
}

#[test]
fn a_root_that_is_known_already_is_not_proved_again() {
    let lane = Lane::new(way(), Order::Unordered);

    let (_, sent) = run(lane, at(0, 0), &[Event::Rooted(1), item(0)]);

    assert!(matches!(
        sent[..],
        [Effect::Deliver {
            count: 1,
            prove: None,
            ..
        }]
    ));
}

#[test]
fn what_somebody_else_delivered_is_passed_bare() {
    let lane = Lane::new(way(), Order::Unordered);
    let (mut lane, _) = run(lane, at(0, 0), &[item(0)]);
    lane = run(lane, at(0, 0), &[item(1)]).0;
    lane = run(lane, at(0, 0), &[Event::Done(0)]).0;
    assert_eq!(
        lane.flights,
        [batch(1, &[Whole])],
        "the next one goes when the lane is idle"
    );

    lane = run(lane, at(0, 0), &[item(2), item(3), Event::Done(2)]).0;
    lane = run(lane, at(0, 0), &[Event::Refused(batch(1, &[Whole]))]).0;
    let (_, sent) = run(lane, at(0, 200), &[Event::Tick]);

    // Item 3 went alone when the lane became idle; item 1 pauses after its refusal and goes then.
    assert_eq!(batches(&sent), [batch(1, &[Whole])]);
}

#[test]
fn an_item_that_spoils_its_batch_ends_up_alone() {
    let mut lane = Lane::new(way(), Order::Ordered);
    let events: Vec<Event> = (0..5).map(item).collect();
    lane = run(lane, at(0, 0), &events).0;
    assert_eq!(lane.flights, [batch(0, &[Whole])]);
    lane = run(lane, at(0, 0), &[Event::Done(0)]).0;
    assert_eq!(lane.flights, [batch(1, &[Whole; 4])]);

    lane = run(lane, at(0, 0), &[Event::Refused(batch(1, &[Whole; 4]))]).0;
    assert_eq!(lane.flights, [batch(1, &[Whole; 2])]);
    lane = run(lane, at(0, 0), &[Event::Refused(batch(1, &[Whole; 2]))]).0;
    assert_eq!(lane.flights, [batch(1, &[Whole])]);
    lane = run(lane, at(0, 0), &[Event::Refused(batch(1, &[Whole]))]).0;

    assert!(
        lane.flights.is_empty(),
        "it pauses, and on an ordered lane the rest behind it"
    );
    assert_eq!(wake(&lane, &at(0, 0), &POLICY), Some(100));
    let (_, sent) = run(lane, at(0, 100), &[Event::Tick]);
    assert_eq!(batches(&sent), [batch(1, &[Whole; 4])]);
}

#[test]
fn an_expired_message_goes_only_on_an_ordered_lane() {
    let late = at(1_001, 0);

    let (_, unordered) = run(Lane::new(way(), Order::Unordered), late, &[item(0)]);
    let (_, ordered) = run(Lane::new(way(), Order::Ordered), late, &[item(0)]);

    assert!(unordered.is_empty());
    assert_eq!(batches(&ordered), [batch(0, &[Whole])]);
}

#[test]
fn a_number_out_of_turn_or_twice_is_no_fact() {
    let lane = run(Lane::new(way(), Order::Unordered), at(0, 0), &[item(0)]).0;

    for event in [
        item(0),
        item(2),
        Event::Done(7),
        Event::Rooted(0),
        Event::Tip(Height(0)),
    ] {
        assert!(
            step(&lane, &event, &at(0, 0), &POLICY).is_err(),
            "{event:?}"
        );
    }
}

#[test]
fn a_delivery_is_update_proof_and_items_in_one() {
    let view = View {
        epoch_length: 10,
        epoch: 0,
        grace_until: Timestamp(0),
        latest: Height(3),
        frozen: false,
    };
    let batch = batch(0, &[Whole, Bare, Whole]);
    let effect = Effect::Deliver {
        way: way(),
        count: 3,
        prove: Some(Height(12)),
        batch: batch.clone(),
    };

    let calls = calls(&effect, &view, Timestamp(0)).expect("reachable");

    assert_eq!(
        calls,
        [
            Call::Update(client::Step::Update(Height(9))),
            Call::Update(client::Step::Handover(1)),
            Call::Update(client::Step::Update(Height(12))),
            Call::ProveRoot(Height(12)),
            Call::Deliver { count: 3, batch },
        ]
    );
}
