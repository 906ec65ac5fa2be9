use alloy_primitives::{Address, B256};

use super::*;
use crate::babyjub::SecretKey;
use crate::merkle::Tree;
use crate::statement::session::encode;
use crate::system::tamper::{Tamper, resists, resists_in_turn};

const ROUND: u64 = 9;

fn feed() -> Context {
    Context::new(DOMAIN, 4242, Address::repeat_byte(1), B256::repeat_byte(7))
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32]).unwrap()
}

fn tree() -> Tree {
    let leaves = [0, 1, 2, 3].map(|seed| reading::leaf(key(seed).public()));
    Tree::new(2, leaves.to_vec()).unwrap()
}

fn seen(seed: u8, value: i32, feed: &Context, round: u64) -> Observation {
    let (key, value) = (key(seed), encode(value));
    let path = tree().path(usize::from(seed).min(3)).unwrap();
    let signature = key.sign(message(feed, round, value));
    Observation::new(value, key.public().twisted(), path, signature)
}

fn median(values: &[(u8, i32)]) -> Median {
    let seen = |(seed, value): &(u8, i32)| seen(*seed, *value, &feed(), ROUND);
    Median::new(
        feed(),
        ROUND,
        tree().root(),
        values.iter().map(seen).collect(),
    )
    .unwrap()
}

fn three() -> Median {
    median(&[(0, 5), (1, -7), (3, 20)])
}

fn none() -> Tamper {
    Tamper::default()
}

#[test]
fn the_middle_value_is_the_median() {
    let cases: [(&[(u8, i32)], i32); 5] = [
        (&[(0, 5), (1, -7), (3, 20)], 5),
        (&[(0, 4), (1, 4), (2, 4)], 4),
        (&[(0, 4), (1, 9), (2, 4)], 4),
        (&[(0, 1), (1, 2), (2, 3), (3, 4)], 3),
        (&[(2, i32::MIN)], i32::MIN),
    ];
    for (values, expected) in cases {
        let statement = median(values);
        assert_eq!(statement.public().median, encode(expected));
        none().check(&statement).unwrap();
    }
    assert_eq!(three().public().mask, 0b1011);
}

#[test]
fn the_structure_is_as_documented() {
    let registered = Median::blank(OPERATORS, DEPTH).unwrap().system();
    let one_less = Median::blank(OPERATORS - 1, DEPTH).unwrap().system();

    assert_eq!(registered.constraints.len(), 46_254);
    assert_eq!(
        registered.constraints.len() - one_less.constraints.len(),
        6_601
    );
    assert_eq!(registered.unread_inputs(), Vec::<&str>::new());
    assert_eq!(
        Median::blank(3, 2).unwrap().system(),
        three().system(),
        "values leave no trace"
    );
}

#[test]
fn no_operators_too_many_and_trees_too_deep_are_refused() {
    let refused = Median::new(feed(), ROUND, Fr::zero(), vec![]);
    assert!(matches!(
        refused,
        Err(Error::Size {
            what: "operators",
            got: 0,
            ..
        })
    ));
    assert!(matches!(
        Median::blank(5, 2),
        Err(Error::Size {
            what: "operators",
            got: 5,
            ..
        })
    ));
    assert!(matches!(
        Median::blank(1, 8),
        Err(Error::Size {
            what: "levels",
            got: 8,
            ..
        })
    ));
}

#[test]
fn a_strange_operator_is_refused() {
    resists(&median(&[(0, 5), (1, -7), (9, 20)]), &none(), "membership");
}

#[test]
fn an_observation_of_another_feed_or_round_is_refused() {
    let other = Context {
        round: B256::ZERO,
        ..feed()
    };
    for last in [seen(3, 20, &other, ROUND), seen(3, 20, &feed(), ROUND - 1)] {
        let observations = vec![
            seen(0, 5, &feed(), ROUND),
            seen(1, -7, &feed(), ROUND),
            last,
        ];
        let statement = Median::new(feed(), ROUND, tree().root(), observations).unwrap();

        resists(&statement, &none(), "signature");
    }
}

#[test]
fn one_operator_twice_is_refused() {
    let mut twice = median(&[(0, 5), (1, -7), (1, -7)]);
    twice.public.mask = 1 + 2 + 2;

    resists(&twice, &none(), "distinct");
}

#[test]
fn a_mask_that_names_others_is_refused() {
    let mut other = three();
    other.public.mask = 0b0111;

    resists(&other, &none(), "mask");
}

#[test]
fn a_value_that_wraps_around_is_refused() {
    let huge = power(VALUE_BITS) + Fr::from(encode(20));
    let mut statement = three();
    let inputs = [observation_tag(), feed().input(), Fr::from(ROUND), huge];
    statement.observations[2].signed.signature = key(3).sign(native::hash(&inputs)).into();

    let attack = none().set("value", 2, huge);

    resists_in_turn(&statement, &attack, &["value", "median"]);
}

#[test]
fn another_value_than_the_median_is_refused() {
    for wrong in [-7, 4, 6, 20, i32::MIN, i32::MAX] {
        let mut statement = three();
        statement.public.median = encode(wrong);

        resists(&statement, &none(), "median");
    }
}
