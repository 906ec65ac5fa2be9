use alloy_primitives::{Address, B256};

use super::*;
use crate::babyjub::{SecretKey, order};
use crate::merkle::Tree;
use crate::statement::session::encode;
use crate::system::tamper::{Tamper, resists, resists_in_turn};

const TIME: u64 = 1_800_000_000;

fn policy() -> Context {
    Context::new(DOMAIN, 4242, Address::repeat_byte(1), B256::repeat_byte(7))
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32]).unwrap()
}

fn tree() -> Tree {
    Tree::new(
        2,
        [1, 2, 3]
            .map(|seed| reading::leaf(key(seed).public()))
            .to_vec(),
    )
    .unwrap()
}

fn reading(celsius: i32, time: u64) -> Reading {
    Reading {
        sequence: 12,
        time,
        value: encode(celsius * 1000),
    }
}

fn signed_by(seed: u8, place: usize, reading: Reading) -> Signed {
    let key = key(seed);
    let signature = key.sign(reading.message()).into();
    Signed {
        key: key.public().twisted(),
        path: tree().path(place).unwrap(),
        signature,
    }
}

fn alarm(celsius: i32, time: u64) -> Alarm {
    let reading = reading(celsius, time);
    let between = [TIME, TIME + 60];
    Alarm::new(
        policy(),
        encode(8_000),
        between,
        reading,
        signed_by(2, 1, reading),
    )
}

fn none() -> Tamper {
    Tamper::default()
}

#[test]
fn a_reading_over_the_limit_alarms_from_first_to_last_second() {
    for (celsius, time) in [(9, TIME), (100, TIME + 60)] {
        none().check(&alarm(celsius, time)).unwrap();
    }
    assert_eq!(alarm(9, TIME).public().root, tree().root());
}

#[test]
fn the_structure_is_as_documented() {
    let system = Alarm::blank(DEPTH).system();

    assert_eq!(system.constraints.len(), 11_084);
    assert_eq!(system.unread_inputs(), Vec::<&str>::new());
    assert_eq!(
        Alarm::blank(2).system(),
        alarm(9, TIME).system(),
        "values leave no trace"
    );
}

#[test]
fn a_stranger_or_a_revoked_device_is_refused() {
    let reading = reading(9, TIME);
    let mut stranger = Alarm::new(
        policy(),
        encode(0),
        [TIME, TIME],
        reading,
        signed_by(9, 1, reading),
    );
    stranger.public.root = tree().root();
    resists(&stranger, &none(), "membership");

    let mut without = tree();
    without.replace(1, Fr::zero()).unwrap();
    let mut revoked = alarm(9, TIME);
    revoked.public.root = without.root();
    resists(&revoked, &none(), "membership");
}

#[test]
fn another_reading_than_was_signed_is_refused() {
    let signed = signed_by(2, 1, reading(7, TIME));
    let forged = Alarm::new(
        policy(),
        encode(8_000),
        [TIME, TIME],
        reading(9, TIME),
        signed,
    );

    resists(&forged, &none(), "signature");
}

#[test]
fn a_second_form_of_a_signature_is_refused() {
    let fits = |sequence: &u64| {
        let reading = Reading {
            sequence: *sequence,
            ..reading(9, TIME)
        };
        signed_by(2, 1, reading).signature.s + order() < power(251)
    };
    let reading = Reading {
        sequence: (0..).find(fits).unwrap(),
        ..reading(9, TIME)
    };
    let mut signed = signed_by(2, 1, reading);
    signed.signature.s += order();
    let twice = Alarm::new(policy(), encode(8_000), [TIME, TIME], reading, signed);

    resists(&twice, &none(), "signature/scalar/canonical");
}

#[test]
fn a_reading_at_or_below_the_limit_is_refused() {
    for celsius in [8, 7, -300] {
        resists(&alarm(celsius, TIME), &none(), "limit");
    }
}

#[test]
fn a_limit_that_wraps_around_is_refused() {
    resists(
        &alarm(-20, TIME),
        &none().set("limit", 0, -Fr::from(5u64)),
        "limit/range",
    );
}

#[test]
fn a_reading_before_or_after_the_window_is_refused() {
    for time in [TIME - 1, TIME + 61] {
        resists(&alarm(9, time), &none(), "window");
    }
}

#[test]
fn a_window_of_other_parts_is_refused() {
    let attack = none().set("from", 0, Fr::zero());
    resists(&alarm(9, TIME - 1), &attack, "window");

    // The same sum of parts that wrap around.
    let attack =
        none()
            .set("from", 0, Fr::from(TIME) - power(64))
            .set("until", 0, Fr::from(TIME + 61));
    resists_in_turn(
        &alarm(9, TIME + 61),
        &attack,
        &["window/range", "window/order"],
    );
}

#[test]
fn another_nullifier_or_policy_is_refused() {
    let mut again = alarm(9, TIME);
    again.public.nullifier += Fr::one();
    resists(&again, &none(), "nullifier");

    let mut elsewhere = alarm(9, TIME);
    elsewhere.public.policy = Context {
        chain: 1,
        ..policy()
    }
    .input();
    resists(&elsewhere, &none(), "nullifier");
}

#[test]
fn a_key_off_the_curve_is_refused() {
    let mut statement = alarm(9, TIME);
    statement.signed.key[0] += Fr::one();
    let leaf = reading::leaf_of(statement.signed.key);
    statement.public.root = statement.signed.path.root(leaf);

    resists_in_turn(&statement, &none(), &["membership/on curve", "signature"]);
}
