use alloy_primitives::{Address, B256};

use super::*;
use crate::error::Error;
use crate::gadgets::bits::power;
use crate::merkle::Tree;
use crate::system::tamper::{Tamper, resists};

const SECRET: u64 = 4711;
const NOW: u64 = 1_800_000_000;

fn ask() -> Ask {
    let round = B256::repeat_byte(7);
    let scope = Context::new(DOMAIN, 4242, Address::repeat_byte(1), round);
    Ask {
        scope,
        min: 3,
        now: NOW,
        signal: Fr::from(99u64),
    }
}

fn grant(level: u16, expiry: u64) -> Grant {
    Grant {
        holder: holder(Fr::from(SECRET)),
        level,
        expiry,
    }
}

fn right(level: u16, expiry: u64, ask: Ask) -> Right {
    let grant = grant(level, expiry);
    let other = Grant {
        holder: holder(Fr::from(1u64)),
        ..grant
    };
    let tree = Tree::new(3, vec![other.leaf(), grant.leaf(), other.leaf()]).unwrap();
    Right::new(Fr::from(SECRET), grant, tree.path(1).unwrap(), ask)
}

fn none() -> Tamper {
    Tamper::default()
}

#[test]
fn a_holder_is_believed_up_to_level_and_last_second() {
    for (level, expiry) in [(3, NOW), (4, NOW + 1), (u16::MAX, u64::MAX)] {
        none().check(&right(level, expiry, ask())).unwrap();
    }
}

#[test]
fn the_structure_is_as_documented() {
    let system = Right::blank(DEPTH).system();

    assert_eq!(system.constraints.len(), 5_878);
    assert_eq!(
        system.inputs,
        ["root", "scope", "nullifier", "min", "now", "signal"]
    );
    assert_eq!(system.unread_inputs(), Vec::<&str>::new());
    assert_eq!(
        Right::blank(3).system(),
        right(3, NOW, ask()).system(),
        "values leave no trace"
    );
}

#[test]
fn a_right_outside_the_tree_is_refused() {
    let mut forged = right(3, NOW, ask());
    forged.public.root = Fr::from(1u64);

    resists(&forged, &none(), "membership");
}

#[test]
fn a_revoked_right_is_refused() {
    let granted = grant(3, NOW);
    let mut tree = Tree::new(3, vec![granted.leaf(), granted.leaf()]).unwrap();
    let mut statement = Right::new(Fr::from(SECRET), granted, tree.path(1).unwrap(), ask());
    tree.replace(1, Fr::zero()).unwrap();

    statement.public.root = tree.root();

    resists(&statement, &none(), "membership");
}

#[test]
fn a_path_bit_that_is_no_bit_is_refused() {
    let attack = none().set("path.bit", 0, Fr::from(5u64));
    let mut statement = right(3, NOW, ask());
    // The attacker chooses the root that the false bit leads to, to isolate the rule.
    let refused = attack.check(&statement);
    assert!(
        matches!(refused, Err(Error::WitnessRefused { group }) if group == "membership/boolean")
    );

    statement.public.root = {
        let leaf = statement.grant.leaf();
        let sibling = statement.path.siblings[0];
        let first = leaf + Fr::from(5u64) * (sibling - leaf);
        let mut above = statement.path.clone();
        above.siblings.remove(0);
        above.index >>= 1;
        above.root(native::hash(&[first, leaf + sibling - first]))
    };
    resists(&statement, &attack, "membership/boolean");
}

#[test]
fn a_lower_level_is_refused() {
    resists(&right(2, NOW, ask()), &none(), "level");
}

#[test]
fn a_level_past_its_range_is_refused() {
    let level = power(LEVEL_BITS) + Fr::from(1u64);
    let attack = none().set("level", 0, level);
    let mut statement = right(3, NOW, ask());
    let leaf = native::hash(&[leaf_tag(), statement.grant.holder, level, Fr::from(NOW)]);
    statement.public.root = statement.path.root(leaf);

    resists(&statement, &attack, "level");
}

#[test]
fn a_minimum_that_wraps_around_is_refused() {
    let attack = none().set("min", 0, -Fr::from(5u64));

    resists(&right(3, NOW, ask()), &attack, "level");
    resists(&right(3, NOW, ask()), &attack, "level/range");
}

#[test]
fn an_expired_right_is_refused() {
    resists(&right(3, NOW - 1, ask()), &none(), "expiry");
}

#[test]
fn a_time_that_wraps_around_is_refused() {
    resists(
        &right(3, NOW, ask()),
        &none().set("now", 0, -Fr::from(1u64)),
        "expiry/range",
    );
}

#[test]
fn another_nullifier_is_refused() {
    let mut again = right(3, NOW, ask());
    again.public.nullifier += Fr::from(1u64);

    resists(&again, &none(), "nullifier");
}

#[test]
fn the_scope_of_another_chain_is_refused() {
    let mut elsewhere = right(3, NOW, ask());
    let there = Ask {
        scope: Context {
            chain: 1,
            ..ask().scope
        },
        ..ask()
    };
    elsewhere.public.scope = there.scope.input();

    resists(&elsewhere, &none(), "nullifier");
}

#[test]
fn one_holder_has_one_nullifier_in_a_scope_and_another_in_the_next() {
    let first = right(3, NOW, ask()).public().nullifier;
    let other_right = right(
        9,
        NOW + 5,
        Ask {
            signal: Fr::from(1u64),
            ..ask()
        },
    );
    let next = Ask {
        scope: Context {
            round: B256::ZERO,
            ..ask().scope
        },
        ..ask()
    };

    assert_eq!(other_right.public().nullifier, first);
    assert_ne!(right(3, NOW, next).public().nullifier, first);
}

#[test]
fn without_its_constraint_the_signal_is_read_by_nothing() {
    let open = none().without("signal").system(&Right::blank(3));

    assert_eq!(open.unread_inputs(), ["signal"]);
}
