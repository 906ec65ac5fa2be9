use alloy_primitives::{Address, B256};

use super::*;
use crate::system::tamper::{Tamper, resists, resists_in_turn};

/// More than one hash of 15, and few constraints.
const N: usize = 17;
const START: u64 = 1_800_000_000_000;
const MINUTE: u32 = 60_000;

fn context() -> Context {
    Context::new(DOMAIN, 4242, Address::repeat_byte(1), B256::repeat_byte(7))
}

/// A freezer: -25 to -15 °C in thousandths, a reading every two minutes at least.
fn terms() -> Terms {
    Terms {
        low: encode(-25_000),
        high: encode(-15_000),
        gap: 2 * MINUTE,
    }
}

fn readings(celsius: &[i32]) -> Vec<Reading> {
    let at = |(i, c): (usize, &i32)| Reading {
        time: START + i as u64 * u64::from(MINUTE),
        value: encode(c * 1000),
    };
    celsius.iter().enumerate().map(at).collect()
}

fn session(readings: Vec<Reading>) -> Session {
    Session::new(context(), Fr::from(5u64), readings, terms(), N).unwrap()
}

fn cold() -> Session {
    session(readings(&[-20; 4]))
}

fn none() -> Tamper {
    Tamper::default()
}

#[test]
fn a_cold_chain_that_held_is_stated() {
    for celsius in [&[-20][..], &[-25, -15, -20], &[-18; N]] {
        let session = session(readings(celsius));

        assert!(session.public().result);
        none().check(&session).unwrap();
    }
}

#[test]
fn a_broken_one_is_stated_as_broken() {
    for celsius in [&[-14][..], &[-20, -26], &[-20, -20, 4, -20]] {
        let session = session(readings(celsius));

        assert!(!session.public().result);
        none().check(&session).unwrap();
    }
}

#[test]
fn a_long_gap_breaks_it_and_the_longest_allowed_does_not() {
    let mut late = readings(&[-20; 3]);
    late[2].time = late[1].time + u64::from(2 * MINUTE);
    assert!(session(late.clone()).public().result);

    late[2].time += 1;
    let broken = session(late);

    assert!(!broken.public().result);
    none().check(&broken).unwrap();
}

#[test]
fn extremes_are_ordered() {
    assert!(
        encode(i32::MIN) < encode(-1) && encode(-1) < encode(0) && encode(0) < encode(i32::MAX)
    );
    let wide = Terms {
        low: 0,
        high: u32::MAX,
        gap: u32::MAX,
    };
    let extreme = vec![
        Reading {
            time: 0,
            value: encode(i32::MIN),
        },
        Reading {
            time: u64::from(u32::MAX),
            value: encode(i32::MAX),
        },
    ];
    let session = Session::new(context(), Fr::zero(), extreme, wide, N).unwrap();

    assert!(session.public().result);
    none().check(&session).unwrap();
}

#[test]
fn the_structure_is_as_documented() {
    let small = Session::blank(N).system();
    let more = Session::blank(N + 1).system();

    // Both have two hashes; a reading is 178 constraints beside its share of a hash.
    assert_eq!(small.constraints.len(), 4_469);
    assert_eq!(more.constraints.len() - small.constraints.len(), 178);
    assert_eq!(Session::blank(CAPACITY).system().constraints.len(), 56_035);
    assert_eq!(small.unread_inputs(), Vec::<&str>::new());
    assert_eq!(small, cold().system(), "values leave no trace");
}

#[test]
fn no_readings_too_many_and_times_past_their_range_are_refused() {
    let new = |readings| Session::new(context(), Fr::zero(), readings, terms(), N);

    assert!(matches!(new(vec![]), Err(Error::Size { got: 0, .. })));
    assert!(matches!(new(readings(&[-20; N + 1])), Err(Error::Size { got, .. }) if got == N + 1));
    let far = vec![Reading {
        time: 1 << TIME_BITS,
        value: 0,
    }];
    assert!(matches!(new(far), Err(Error::TimeOutOfRange { at: 0, .. })));
}

#[test]
fn time_that_goes_back_or_stands_still_is_refused() {
    for shift in [1, 2] {
        let mut back = readings(&[-20; 3]);
        back[2].time = back[1].time + 1 - shift;
        let refused = Session::new(context(), Fr::zero(), back.clone(), terms(), N);
        assert!(matches!(refused, Err(Error::TimeNotRising { at: 2 })));

        let mut statement = cold();
        statement.public.digest = digest(Fr::from(5u64), &back, N).unwrap();
        statement.public.span = span(3, START, back[2].time);
        statement.readings = back;
        // A negative step is also past the gap; the attacker says so.
        statement.public.result = shift == 1;
        let groups: &[&str] = match shift {
            1 => &["order"],
            // A negative step is no number that could be compared with the gap.
            _ => &["order", "verdict"],
        };
        resists_in_turn(&statement, &none(), groups);
    }
}

#[test]
fn other_readings_than_the_anchored_are_refused() {
    let mut broken = session(readings(&[-20, 4, -20]));
    broken.readings[1].value = encode(-20_000);
    broken.public.result = true;

    resists(&broken, &none(), "digest");
}

#[test]
fn another_device_is_refused() {
    let mut other = cold();
    other.device = Fr::from(6u64);

    resists(&other, &none(), "digest");
}

#[test]
fn leaving_out_the_broken_end_is_refused() {
    let mut cut = session(readings(&[-20, -20, 4]));
    cut.readings.pop();
    cut.public.span = span(2, START, cut.readings[1].time);
    cut.public.result = true;

    resists(&cut, &none(), "digest");
}

#[test]
fn a_hole_in_the_middle_is_refused() {
    let mut hole = session(readings(&[-20, -20, -20]));
    let attack = none()
        .set("present", 0, Fr::zero())
        .set("step", 0, Fr::zero())
        .set("step", 1, Fr::from(MINUTE));
    let words = [
        Reading {
            time: START,
            value: encode(-20_000),
        },
        Reading {
            time: START + u64::from(MINUTE),
            value: encode(-20_000),
        },
    ];
    let mut inputs = vec![
        native::hash(&[session_tag(), Fr::from(5u64)]),
        word(&words[0]),
        Fr::zero(),
        word(&words[1]),
    ];
    inputs.resize(16, Fr::zero());
    let mut second = vec![native::hash(&inputs)];
    second.resize(16, Fr::zero());
    hole.public.digest = native::hash(&second);
    hole.public.span = span(2, START, words[1].time);

    resists(&hole, &attack, "count");
}

#[test]
fn a_start_that_wraps_around_is_refused() {
    let mut early = cold();
    early.readings[0].time = 1 << TIME_BITS;
    early.readings.truncate(1);
    let mut inputs = vec![
        native::hash(&[session_tag(), Fr::from(5u64)]),
        word(&early.readings[0]),
    ];
    inputs.resize(16, Fr::zero());
    let mut second = vec![native::hash(&inputs)];
    second.resize(16, Fr::zero());
    early.public.digest = native::hash(&second);
    early.public.span = span(1, 1 << TIME_BITS, 1 << TIME_BITS);

    resists(&early, &none(), "time");
}

#[test]
fn a_value_past_its_range_is_refused() {
    // value + 2^32 with a mark that is one less... the word is the same number, the value is another.
    let session = cold();
    let value = Fr::from(encode(-20_000)) + power(VALUE_BITS);
    let attack = none().set("value", 0, value);

    resists_in_turn(&session, &attack, &["value", "verdict", "digest"]);
}

#[test]
fn another_count_start_or_end_is_refused() {
    let honest = cold().public().span;
    for shift in [Fr::one(), power(16), power(64)] {
        let mut statement = cold();
        statement.public.span = honest + shift;

        resists(&statement, &none(), "span");
    }
}

#[test]
fn wider_limits_than_stated_are_refused() {
    let mut statement = session(readings(&[-20, 4]));
    statement.public.result = true;

    resists(
        &statement,
        &none().set("high", 0, Fr::from(u32::MAX)),
        "limit",
    );
}

#[test]
fn limits_that_wrap_around_are_refused() {
    let mut statement = session(readings(&[-20, 4]));
    statement.public.result = true;
    let high = Fr::from(terms().high) + Fr::one();
    let low = Fr::from(terms().low) - power(VALUE_BITS);
    let attack = none().set("high", 0, high).set("low", 0, low);

    resists_in_turn(&statement, &attack, &["limit/range", "verdict"]);
}

#[test]
fn a_gap_past_its_range_is_refused() {
    let attack = none().set("gap", 0, power(STEP_BITS));

    resists_in_turn(&cold(), &attack, &["gap", "verdict"]);
}

#[test]
fn a_false_verdict_is_refused_both_ways() {
    let mut broken = session(readings(&[-20, 4]));
    broken.public.result = true;
    resists(&broken, &none(), "verdict");

    let mut whole = cold();
    whole.public.result = false;
    resists(&whole, &none(), "verdict");
}

#[test]
fn without_its_constraint_the_context_is_read_by_nothing() {
    let open = none().without("context").system(&Session::blank(1));

    assert_eq!(open.unread_inputs(), ["context"]);
}
