use ark_bn254::Fr;
use ark_ff::{Field, MontFp, One, Zero};
use sha2::Digest;

use super::*;
use crate::babyjub::{self, BASE, Point, SecretKey, Signature};
use crate::poseidon::Parameters;
use crate::system::tamper::{Tamper, resists};
use crate::system::{Builder, Circuit, Num};

/// A gadget as a circuit of its own.
struct Probe<F>(F);

impl<F: Fn(&mut Builder) + Send + Sync> Circuit for Probe<F> {
    fn name(&self) -> String {
        "probe".into()
    }

    fn build(&self, builder: &mut Builder) {
        (self.0)(builder);
    }
}

fn none() -> Tamper {
    Tamper::default()
}

fn cost(gadget: impl Fn(&mut Builder) + Send + Sync) -> usize {
    Probe(gadget).system().constraints.len()
}

#[test]
fn poseidon_in_circuit_is_poseidon() {
    for n in [1u64, 2, 5, 16] {
        let inputs: Vec<Fr> = (0..n).map(|i| Fr::from(i + 7)).collect();
        let probe = Probe(|c: &mut Builder| {
            let nums: Vec<Num> = inputs.iter().map(|x| c.witness("x", *x)).collect();
            let hash = c.group("inside", |c| poseidon::hash(c, &nums));
            let expected = Num::constant(crate::poseidon::hash(&inputs));
            c.group("output", |c| c.equal(&hash, &expected));
        });

        none().check(&probe).unwrap();
        resists(&probe, &none().set("x", 0, Fr::from(1u64)), "output");
        let inside = none().set("product", 9, Fr::from(1u64)).check(&probe);
        let Err(crate::Error::WitnessRefused { group }) = inside else {
            panic!("accepted");
        };
        assert_eq!(group, "inside/poseidon");
    }
}

/// Who could choose what is inside of a hash would choose the hash.
#[test]
fn a_hash_that_was_not_computed_is_refused() {
    let inputs = [Fr::from(7u64), Fr::from(8u64)];
    let wanted = crate::poseidon::hash(&inputs) + Fr::one();
    let probe = Probe(|c: &mut Builder| {
        let nums = inputs.map(|x| c.witness("x", x));
        let hash = c.group("inside", |c| poseidon::hash(c, &nums));
        c.group("output", |c| c.equal(&hash, &Num::constant(wanted)));
    });
    // The last product enters the output by one factor alone.
    let last = probe.system().witnesses - inputs.len() - 1;
    let assignment = probe.assignment();
    let honest = assignment[assignment.len() - 1];
    let factor = Parameters::of(inputs.len()).matrix[0][inputs.len()];
    let forged = honest + factor.inverse().unwrap();

    let attack = none().set("product", last, forged);

    resists(&probe, &attack, "inside/poseidon");
}

#[test]
fn costs_are_as_documented() {
    let two = |c: &mut Builder| [(); 2].map(|()| c.witness("x", Fr::from(9u64)));
    let hash = cost(|c| {
        let inputs = two(c);
        poseidon::hash(c, &inputs);
    });
    let range = cost(|c| {
        let [x, _] = two(c);
        bits::range(c, &x, 64);
    });
    let canonical = cost(|c| {
        let [x, _] = two(c);
        bits::canonical(c, &x);
    });
    let level = cost(|c| {
        let [x, _] = two(c);
        merkle::root(c, &x, &crate::merkle::Path::blank(1));
    });
    let sha256 = cost(|c| {
        let bits: Vec<_> = (0..256).map(|_| bits::witness_bit(c, "m", false)).collect();
        sha256::digest(c, &bits);
    });

    assert_eq!([hash, range, canonical, level], [240, 65, 407, 242]);
    assert_eq!(sha256 - 256, 25_468);
    assert_eq!(signature_cost(), 4_968);
}

fn signature_cost() -> usize {
    cost(|c| {
        let key = curve::PointVar {
            x: c.witness("x", BASE[0]),
            y: c.witness("y", BASE[1]),
        };
        let message = c.witness("m", Fr::one());
        eddsa::verify(c, &key, &message, &eddsa::SignatureValues::blank());
    })
}

#[test]
fn ranges_end_where_they_say() {
    let probe = |value: Fr| {
        Probe(move |c: &mut Builder| {
            let x = c.witness("x", value);
            bits::range(c, &x, 8);
        })
    };

    none().check(&probe(Fr::from(255u64))).unwrap();
    resists(&probe(Fr::from(256u64)), &none(), "range");
    resists(&probe(-Fr::one()), &none(), "range");
    // A bit of 2 where the number has a one in the next place.
    let odd = none()
        .set("bit", 0, Fr::from(2u64))
        .set("bit", 1, Fr::zero());
    resists(&probe(Fr::from(2u64)), &odd, "range/boolean");
}

#[test]
fn comparisons_are_right_at_their_edges() {
    for (a, b) in [
        (0u64, 0u64),
        (0, 255),
        (255, 0),
        (254, 255),
        (255, 254),
        (255, 255),
    ] {
        let probe = Probe(move |c: &mut Builder| {
            let (a_num, b_num) = (c.witness("a", Fr::from(a)), c.witness("b", Fr::from(b)));
            let bit = bits::is_at_most(c, &a_num, &b_num, 8);
            c.equal(bit.num(), &Num::constant(Fr::from(a <= b)));
        });
        none().check(&probe).unwrap();

        let strict = Probe(move |c: &mut Builder| {
            let (a_num, b_num) = (c.witness("a", Fr::from(a)), c.witness("b", Fr::from(b)));
            bits::at_most(c, &a_num, &b_num, 8);
        });
        match a <= b {
            true => none().check(&strict).unwrap(),
            false => resists(&strict, &none(), "order"),
        }
    }
}

#[test]
fn zero_is_told_from_the_rest() {
    for value in [0u64, 1, 77] {
        let probe = Probe(move |c: &mut Builder| {
            let x = c.witness("x", Fr::from(value));
            let zero = bits::is_zero(c, &x);
            c.equal(zero.num(), &Num::constant(Fr::from(value == 0)));
        });
        none().check(&probe).unwrap();
        if value != 0 {
            // Claiming that 77 is zero.
            let lie = Probe(move |c: &mut Builder| {
                let x = c.witness("x", Fr::from(value));
                let zero = bits::is_zero(c, &x);
                c.equal(zero.num(), &Num::one());
            });
            let attack = none().set("inverse", 0, Fr::zero());
            assert!(attack.check(&lie).is_err());
            let attack = attack.set("product", 0, Fr::zero());
            resists(&lie, &attack, "zero");
        }
    }
}

/// The bits of `value + r`, which fit into 254 for small values, are the same number and another bit string.
#[test]
fn the_second_form_of_a_number_is_refused() {
    let r = crate::field::to_u256(&-Fr::one()) + alloy_primitives::U256::ONE;
    let alias = r + alloy_primitives::U256::from(5);
    let probe = Probe(|c: &mut Builder| {
        let x = c.witness("x", Fr::from(5u64));
        bits::canonical(c, &x);
    });
    none().check(&probe).unwrap();

    let attack = (0..254).fold(none(), |t, i| t.set("bit", i, Fr::from(alias.bit(i))));

    resists(&probe, &attack, "canonical");
}

#[test]
fn bounds_are_exact() {
    let bound = Fr::from(0b1011_0010u64);
    for value in 0..256u64 {
        let probe = Probe(move |c: &mut Builder| {
            let bits: Vec<_> = (0..8)
                .map(|i| bits::witness_bit(c, "b", value >> i & 1 == 1))
                .collect();
            bits::below_or_equal(c, &bits, &bound);
        });
        assert_eq!(
            none().check(&probe).is_ok(),
            value <= 0b1011_0010,
            "{value}"
        );
    }
}

#[test]
fn sha256_in_circuit_is_sha256() {
    for fill in [0u8, 0xff, 0x5a] {
        let probe = Probe(move |c: &mut Builder| {
            let message = [fill; 32];
            let bits: Vec<_> = message
                .iter()
                .flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1 == 1))
                .map(|bit| bits::witness_bit(c, "m", bit))
                .collect();
            let halves = sha256::digest(c, &bits);
            let digest = sha2::Sha256::digest(message);
            for (half, bytes) in halves.iter().zip(digest.chunks(16)) {
                let expected = u128::from_be_bytes(bytes.try_into().unwrap());
                c.equal(half, &Num::constant(Fr::from(expected)));
            }
        });
        none().check(&probe).unwrap();
        assert!(
            none()
                .set("m", 3, Fr::from(fill == 0))
                .check(&probe)
                .is_err()
        );
    }
}

fn verifies(key: [Fr; 2], message: Fr, signature: Signature) -> impl Circuit {
    Probe(move |c: &mut Builder| {
        let key = curve::PointVar::witness(c, ["key.x", "key.y"], key);
        let message = c.witness("message", message);
        eddsa::verify(c, &key, &message, &signature.into());
    })
}

/// Made by circomlibjs 0.1.7 for the key 0001020304..., message 1234.
fn vector() -> ([Fr; 2], Signature) {
    let key = [
        MontFp!("13277427435165878497778222415993513565335242147425444199013288855685581939618"),
        MontFp!("13622229784656158136036771217484571176836296686641868549125388198837476602820"),
    ];
    let r = [
        MontFp!("11220723668893468001994760120794694848178115379170651044669708829805665054484"),
        MontFp!("2367470421002446880004241260470975644531657398480773647535134774673409612366"),
    ];
    let s: Fr =
        MontFp!("2010143491207902444122668013146870263468969134090678646686512037244361350365");
    (key, Signature::from_twisted(r, s).unwrap())
}

#[test]
fn a_signature_of_circomlibjs_verifies_in_circuit() {
    let (key, signature) = vector();

    none()
        .check(&verifies(key, Fr::from(1234u64), signature))
        .unwrap();
}

#[test]
fn our_signatures_verify_in_circuit_and_others_do_not() {
    let secret = SecretKey::from_seed(&[7; 32]).unwrap();
    let key = secret.public().twisted();
    let message = Fr::from(42u64);
    let signature = secret.sign(message);
    none().check(&verifies(key, message, signature)).unwrap();

    resists(
        &verifies(key, message + Fr::one(), signature),
        &none(),
        "equation/equal",
    );
    let other = SecretKey::from_seed(&[8; 32]).unwrap().public().twisted();
    resists(
        &verifies(other, message, signature),
        &none(),
        "equation/equal",
    );
    let honest = verifies(key, message, signature);
    let s = signature.s() + Fr::one();
    resists(&honest, &none().set("signature.s", 0, s), "equation/equal");
}

#[test]
fn a_scalar_past_the_order_is_refused() {
    let secret = SecretKey::from_seed(&[7; 32]).unwrap();
    // One whose second form has no more bits than the first.
    let fits = |message: &Fr| secret.sign(*message).s() + babyjub::order() < bits::power(251);
    let message = (0u64..).map(Fr::from).find(fits).unwrap();
    let signature = secret.sign(message);
    let honest = verifies(secret.public().twisted(), message, signature);
    let alias = signature.s() + babyjub::order();

    assert!(Signature::from_twisted(signature.r.twisted(), alias).is_err());
    resists(
        &honest,
        &none().set("signature.s", 0, alias),
        "scalar/canonical",
    );
}

#[test]
fn a_key_off_the_curve_is_refused() {
    let secret = SecretKey::from_seed(&[7; 32]).unwrap();
    let honest = verifies(secret.public().twisted(), Fr::one(), secret.sign(Fr::one()));

    let refused = none().set("key.x", 0, Fr::from(3u64)).check(&honest);

    let Err(crate::Error::WitnessRefused { group }) = refused else {
        panic!("accepted")
    };
    assert_eq!(group, "on curve");
}

/// With the key (0, -1), of order two, eight times the key is the identity and S * B8 = R is a signature of anything.
#[test]
fn a_key_of_small_order_is_refused() {
    let nonce = Point::base();
    let forged = Signature::from_twisted(nonce.twisted(), Fr::one()).unwrap();
    for key in [[Fr::zero(), -Fr::one()], [Fr::zero(), Fr::one()]] {
        resists(
            &verifies(key, Fr::from(666u64), forged),
            &none(),
            "key/order",
        );
    }
}
