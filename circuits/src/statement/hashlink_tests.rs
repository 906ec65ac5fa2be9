use alloy_primitives::{Address, B256};
use ark_ff::One;

use super::*;
use crate::system::tamper::{Tamper, resists, resists_in_turn};

fn link(fill: u8) -> HashLink {
    let context = Context::new(DOMAIN, 4242, Address::repeat_byte(1), B256::repeat_byte(7));
    HashLink::new(context, [fill; 32])
}

fn none() -> Tamper {
    Tamper::default()
}

#[test]
fn one_preimage_opens_both_locks() {
    none().check(&link(0x5a)).unwrap();
}

#[test]
fn the_structure_is_as_documented() {
    let system = HashLink::blank().system();

    assert_eq!(system.constraints.len(), 25_986);
    assert_eq!(system.unread_inputs(), Vec::<&str>::new());
    assert_eq!(system, link(7).system(), "values leave no trace");
}

#[test]
fn a_poseidon_lock_of_another_preimage_is_refused() {
    let mut crossed = link(1);
    crossed.public.lock = link(2).public.lock;

    resists(&crossed, &none(), "lock");
}

#[test]
fn a_sha256_lock_of_another_preimage_is_refused() {
    let mut crossed = link(1);
    crossed.public.low += Fr::one();
    resists(&crossed, &none(), "sha256");

    let mut crossed = link(1);
    crossed.public.high += Fr::one();
    resists(&crossed, &none(), "sha256");
}

#[test]
fn a_bit_that_is_none_is_refused() {
    let attack = none().set("preimage", 9, Fr::from(2u64));

    resists_in_turn(&link(1), &attack, &["preimage/boolean", "sha256", "lock"]);
}

#[test]
fn without_its_constraint_the_context_is_read_by_nothing() {
    let open = none().without("context").system(&HashLink::blank());

    assert_eq!(open.unread_inputs(), ["context"]);
}
