use alloy_primitives::{Address, B256};

use super::*;
use crate::babyjub::SecretKey;
use crate::gadgets::bits::power;
use crate::merkle::Tree;
use crate::system::tamper::{Tamper, resists};

const DEPTH: usize = 2;

fn period() -> Context {
    Context::new(DOMAIN, 4242, Address::repeat_byte(1), B256::repeat_byte(7))
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32]).unwrap()
}

fn tree() -> Tree {
    let leaves = [0, 1, 2, 3].map(|seed| reading::leaf(key(seed).public()));
    Tree::new(DEPTH, leaves.to_vec()).unwrap()
}

fn part(seed: u8, value: u64, period: &Context) -> Part {
    let key = key(seed);
    let path = tree().path(usize::from(seed).min(3)).unwrap();
    Part::new(
        value,
        key.public().twisted(),
        path,
        key.sign(message(period, value)),
    )
}

fn sum(parts: Vec<Part>) -> Sum {
    Sum::new(period(), tree().root(), parts).unwrap()
}

fn honest() -> Sum {
    sum(vec![part(0, 10, &period()), part(2, 32, &period())])
}

fn none() -> Tamper {
    Tamper::default()
}

#[test]
fn metered_values_add_up() {
    none().check(&honest()).unwrap();
    assert_eq!(honest().public().total, 42);
    let most = sum(vec![
        part(1, u64::MAX, &period()),
        part(3, u64::MAX, &period()),
    ]);
    none().check(&most).unwrap();
    assert_eq!(most.public().total, 2 * u128::from(u64::MAX));
}

#[test]
fn the_structure_is_as_documented() {
    let count = |meters, depth| {
        Sum::blank(meters, depth)
            .unwrap()
            .system()
            .constraints
            .len()
    };
    let more = count(3, 4) - count(2, 4);

    assert_eq!(more, 6_787);
    assert_eq!(count(2, 4) - count(2, 3), 2 * 242 + 1);
    assert_eq!(count(METERS, super::DEPTH), 66_188);
    let blank = Sum::blank(2, DEPTH).unwrap().system();
    assert_eq!(blank.unread_inputs(), Vec::<&str>::new());
    assert_eq!(blank, honest().system(), "values leave no trace");
}

#[test]
fn no_meters_cannot_be_stated() {
    let refused = Sum::new(period(), Fr::zero(), vec![]);

    assert!(matches!(refused, Err(Error::Size { got: 0, min: 1, .. })));
}

#[test]
fn a_strange_or_revoked_meter_is_refused() {
    let strange = sum(vec![part(0, 10, &period()), part(9, 32, &period())]);
    resists(&strange, &none(), "membership");

    let mut without = tree();
    without.replace(2, Fr::zero()).unwrap();
    let parts = [0, 2].map(|seed| {
        let mut part = part(seed, 10, &period());
        part.signed.path = without.path(usize::from(seed)).unwrap();
        part
    });
    let revoked = Sum::new(period(), without.root(), parts.to_vec()).unwrap();
    resists(&revoked, &none(), "membership");
}

#[test]
fn another_value_or_period_than_was_signed_is_refused() {
    let mut raised = part(2, 32, &period());
    raised.value = 33;
    resists(
        &sum(vec![part(0, 10, &period()), raised]),
        &none(),
        "signature",
    );

    let before = Context {
        round: B256::ZERO,
        ..period()
    };
    resists(
        &sum(vec![part(0, 10, &period()), part(2, 32, &before)]),
        &none(),
        "signature",
    );
}

#[test]
fn counting_a_meter_twice_is_refused() {
    let twice = sum(vec![part(2, 32, &period()), part(2, 32, &period())]);
    resists(&twice, &none(), "distinct");

    let backwards = sum(vec![part(2, 32, &period()), part(0, 10, &period())]);
    resists(&backwards, &none(), "distinct");
}

#[test]
fn a_value_that_wraps_around_is_refused() {
    // Minus ten, duly signed by a meter that colludes.
    let negative = -Fr::from(10u64);
    let mut statement = honest();
    let colluding = key(2);
    let inputs = [meter_tag(), period().input(), negative];
    statement.parts[1].signed.signature = colluding.sign(native::hash(&inputs)).into();
    statement.public.total = 0;
    let start = native::hash(&[sum_tag(), period().input()]);
    let first = native::hash(&[start, Fr::zero(), Fr::from(10u64)]);
    statement.public.digest = native::hash(&[first, Fr::from(2u64), negative]);

    resists(&statement, &none().set("value", 1, negative), "value");
    assert!(negative > power(VALUE_BITS));
}

#[test]
fn another_total_or_list_is_refused() {
    let mut more = honest();
    more.public.total += 1;
    resists(&more, &none(), "total");

    let mut other = honest();
    other.public.digest += Fr::one();
    resists(&other, &none(), "digest");
}
