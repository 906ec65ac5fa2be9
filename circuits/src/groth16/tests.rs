use std::sync::OnceLock;

use alloy_primitives::{Address, U256};
use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{One, PrimeField, Zero};

use super::*;
use crate::context::Context;
use crate::error::KeyFault;
use crate::field::to_u256;
use crate::format::{evm, json};
use crate::merkle::Tree;
use crate::statement::right::{self, Ask, Grant, Right};
use crate::system::{Builder, Num};

struct World {
    compiled: Compiled,
    key: ProvingKey,
    proof: Proof,
    inputs: Vec<Fr>,
}

fn statement(chain: u64) -> Right {
    let secret = Fr::from(4711u64);
    let grant = Grant {
        holder: right::holder(secret),
        level: 3,
        expiry: 100,
    };
    let tree = Tree::new(2, vec![grant.leaf()]).unwrap();
    let scope = Context::new(right::DOMAIN, chain, Address::ZERO, B256::ZERO);
    let ask = Ask {
        scope,
        min: 2,
        now: 99,
        signal: Fr::from(5u64),
    };
    Right::new(secret, grant, tree.path(0).unwrap(), ask)
}

/// One key and one proof serve all tests of this file.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let compiled = Compiled::new(&statement(1)).unwrap();
        let key = development_key(&compiled).unwrap();
        let (proof, inputs) = prove(&key, &compiled, &statement(1)).unwrap();
        World {
            compiled,
            key,
            proof,
            inputs,
        }
    })
}

#[test]
fn a_proof_verifies_for_its_statement_alone() {
    let World {
        key, proof, inputs, ..
    } = world();
    let verified = key.verifying().verify(inputs, proof).unwrap();
    assert_eq!(verified.inputs(), statement(1).public().inputs());

    for i in 0..inputs.len() {
        let mut other = inputs.clone();
        other[i] += Fr::one();
        assert!(
            matches!(
                key.verifying().verify(&other, proof),
                Err(Error::ProofRefused)
            ),
            "{i}"
        );
    }
    let elsewhere = statement(2).public().inputs();
    assert!(matches!(
        key.verifying().verify(&elsewhere, proof),
        Err(Error::ProofRefused)
    ));
}

#[test]
fn too_many_or_too_few_inputs_are_refused() {
    let World {
        key, proof, inputs, ..
    } = world();
    let longer = [&inputs[..], &[Fr::zero()]].concat();

    for wrong in [&inputs[..5], &longer, &[]] {
        let refused = key.verifying().verify(wrong, proof);
        assert!(matches!(
            refused,
            Err(Error::InputCount { expected: 6, .. })
        ));
        let batch = key
            .verifying()
            .verify_batch(&[(wrong.to_vec(), proof.clone())]);
        assert!(matches!(batch, Err(Error::InputCount { expected: 6, .. })));
    }
    // What the library itself says to a surplus input.
    let library =
        Groth16::<Bn254>::verify_proof(key.verifying().prepared(), proof.inner(), &longer);
    assert!(
        library.unwrap(),
        "if this fails the library has learnt to count"
    );
}

#[test]
fn inputs_past_the_modulus_are_refused_not_reduced() {
    let World {
        key, proof, inputs, ..
    } = world();
    let words: Vec<U256> = inputs.iter().map(to_u256).collect();
    key.verifying().verify_words(&words, proof).unwrap();

    for i in 0..words.len() {
        let mut alias = words.clone();
        alias[i] += to_u256(&-Fr::one()) + U256::ONE;
        let refused = key.verifying().verify_words(&alias, proof);
        assert!(matches!(refused, Err(Error::NotCanonical { .. })), "{i}");
    }
}

/// Malleability: these are valid proofs by bytes of their own, and one statement.
#[test]
fn other_bytes_of_one_statement_verify_and_are_accepted_once() {
    let World {
        key, proof, inputs, ..
    } = world();
    let mut register = Register::new(10);
    let first = key.verifying().verify(inputs, proof).unwrap();
    register.accept(&first).unwrap();

    for other in [
        negated(proof).unwrap(),
        rerandomised(key.verifying(), proof).unwrap(),
    ] {
        assert_ne!(&other, proof);
        let verified = key.verifying().verify(inputs, &other).unwrap();
        assert_eq!(verified.statement(), first.statement());
        assert!(matches!(
            register.accept(&verified),
            Err(Error::StatementSeen { .. })
        ));
    }
}

#[test]
fn a_full_register_refuses() {
    let World {
        key, proof, inputs, ..
    } = world();
    let verified = key.verifying().verify(inputs, proof).unwrap();

    assert!(matches!(
        Register::new(0).accept(&verified),
        Err(Error::RegisterFull { max: 0 })
    ));
}

#[test]
fn coordinates_past_the_modulus_are_refused() {
    let World { proof, inputs, .. } = world();
    let bytes = evm::write(proof, inputs);
    let q = to_u256(&-Fq::one()) + U256::ONE;
    for i in 0..8 {
        let mut alias = bytes.clone();
        let word = U256::from_be_slice(&alias[32 * i..32 * (i + 1)]) + q;
        alias[32 * i..32 * (i + 1)].copy_from_slice(&word.to_be_bytes::<32>());
        assert!(
            matches!(evm::read(&alias, 6), Err(Error::NotCanonical { .. })),
            "{i}"
        );
    }
}

#[test]
fn points_off_curve_out_of_subgroup_or_at_infinity_are_refused() {
    let (a, b, c) = world().proof.coordinates();
    let zero = [Fq::zero(); 2];

    let off = Proof::from_coordinates([a[0], a[0]], b, c);
    assert!(matches!(off, Err(Error::PointOffCurve)));
    let off = Proof::from_coordinates(a, [b[0], b[0]], c);
    assert!(matches!(off, Err(Error::PointOffCurve)));
    let infinity = Proof::from_coordinates(a, b, zero);
    assert!(matches!(
        infinity,
        Err(Error::PointOffCurve | Error::PointIsIdentity)
    ));
    let outside = outside_subgroup();
    let parts = |f: Fq2| [f.c0, f.c1];
    let out = Proof::from_coordinates(a, [parts(outside.x), parts(outside.y)], c);
    assert!(matches!(out, Err(Error::PointOutOfSubgroup)));
}

/// A point on the twist that is not in the subgroup: nearly every point is such.
fn outside_subgroup() -> G2Affine {
    (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), false))
        .find(|p| !p.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

#[test]
fn a_proof_under_another_circuits_key_is_refused() {
    let World {
        key,
        inputs,
        proof,
        compiled,
    } = world();
    let other = Compiled::new(&Right::blank(3)).unwrap();
    let other_key = development_key(&other).unwrap();

    assert!(matches!(
        other_key.verifying().verify(inputs, proof),
        Err(Error::ProofRefused)
    ));
    let crossed = prove(&other_key, compiled, &statement(1));
    assert!(matches!(crossed, Err(Error::KeyOfAnotherCircuit { .. })));
    let crossed = prove(key, compiled, &Right::blank(3));
    assert!(matches!(crossed, Err(Error::AssignmentLength { .. })));
    assert_ne!(
        key.verifying().circuit_id(),
        other_key.verifying().circuit_id()
    );
}

#[test]
fn unsafe_keys_are_refused() {
    let good = world().key.verifying().inner().clone();
    let fault = |change: fn(&mut ark_groth16::VerifyingKey<Bn254>)| {
        let mut key = good.clone();
        change(&mut key);
        match VerifyingKey::new(key, "right-2") {
            Err(Error::KeyUnsafe(fault)) => fault,
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(fault(|k| k.delta_g2 = k.gamma_g2), KeyFault::GammaIsDelta);
    assert_eq!(fault(|k| k.delta_g2 = -k.gamma_g2), KeyFault::GammaIsDelta);
    assert_eq!(
        fault(|k| k.delta_g2 = G2Affine::generator()),
        KeyFault::DeltaIsGenerator
    );
    assert_eq!(
        fault(|k| k.delta_g2 = -G2Affine::generator()),
        KeyFault::DeltaIsGenerator
    );
    assert_eq!(fault(|k| k.alpha_g1 = G1Affine::zero()), KeyFault::Identity);
    assert_eq!(fault(|k| k.beta_g2 = G2Affine::zero()), KeyFault::Identity);
    assert_eq!(
        fault(|k| k.gamma_abc_g1[3] = G1Affine::zero()),
        KeyFault::InputIsIdentity
    );
    assert_eq!(fault(|k| k.gamma_abc_g1.clear()), KeyFault::InputPoints);
    let mut outside = good.clone();
    outside.gamma_g2 = outside_subgroup();
    assert!(matches!(
        VerifyingKey::new(outside, "right-2"),
        Err(Error::PointOutOfSubgroup)
    ));
}

/// What `gamma = delta` and `gamma = -delta` would allow, and why both are refused: a false statement verifies.
#[test]
fn with_gamma_equal_or_opposite_to_delta_anything_is_proved() {
    let World { key, inputs, .. } = world();
    let mut lie = inputs.clone();
    lie[0] += Fr::one();
    for sign in [Fr::one(), -Fr::one()] {
        let mut unsafe_key = key.verifying().inner().clone();
        unsafe_key.delta_g2 = (unsafe_key.gamma_g2 * sign).into();
        let prepared = ark_groth16::prepare_verifying_key(&unsafe_key);
        let sum = Groth16::<Bn254>::prepare_inputs(&prepared, &lie).unwrap();
        let forged = ark_groth16::Proof {
            a: unsafe_key.alpha_g1,
            b: unsafe_key.beta_g2,
            c: (sum * -sign).into(),
        };

        assert!(Groth16::<Bn254>::verify_proof(&prepared, &forged, &lie).unwrap());
    }
}

#[test]
fn batches_verify_and_one_false_statement_spoils_them() {
    let World {
        key,
        proof,
        inputs,
        compiled,
    } = world();
    let (second, other) = prove(key, compiled, &statement(2)).unwrap();
    let mut batch = vec![(inputs.clone(), proof.clone()), (other, second)];
    let verified = key.verifying().verify_batch(&batch).unwrap();
    assert_eq!(verified[0].inputs(), inputs);
    assert!(key.verifying().verify_batch(&[]).unwrap().is_empty());

    batch[1].0[2] += Fr::one();

    assert!(matches!(
        key.verifying().verify_batch(&batch),
        Err(Error::ProofRefused)
    ));
}

#[test]
fn a_witness_that_breaks_a_rule_is_refused_by_its_name() {
    let World { key, compiled, .. } = world();
    let secret = Fr::from(4711u64);
    let grant = Grant {
        holder: right::holder(secret),
        level: 1,
        expiry: 100,
    };
    let tree = Tree::new(2, vec![grant.leaf()]).unwrap();
    let scope = Context::new(right::DOMAIN, 1, Address::ZERO, B256::ZERO);
    let ask = Ask {
        scope,
        min: 2,
        now: 99,
        signal: Fr::from(5u64),
    };
    let low = Right::new(secret, grant, tree.path(0).unwrap(), ask);

    let refused = prove(key, compiled, &low);

    assert!(matches!(refused, Err(Error::WitnessRefused { group }) if group == "level/order/sum"));
}

#[test]
fn a_circuit_that_leaves_an_input_unread_gets_no_key() {
    struct Careless;
    impl Circuit for Careless {
        fn name(&self) -> String {
            "careless".into()
        }
        fn build(&self, c: &mut Builder) {
            let [a, _signal] = ["a", "signal"].map(|name| c.public(name, Fr::one()));
            c.equal(&a, &Num::one());
        }
    }

    assert!(matches!(
        Compiled::new(&Careless),
        Err(Error::InputUnread { input: "signal" })
    ));
}

#[test]
fn formats_give_back_what_they_took() {
    let World {
        key, proof, inputs, ..
    } = world();
    let key = key.verifying();

    assert_eq!(
        &json::read_proof(&json::write_proof(proof).unwrap()).unwrap(),
        proof
    );
    assert_eq!(
        &json::read_inputs(&json::write_inputs(inputs).unwrap()).unwrap(),
        inputs
    );
    let read = json::read_key(&json::write_key(key).unwrap(), "right-2").unwrap();
    assert_eq!(read.inner(), key.inner());
    assert_eq!(read.hash(), key.hash());
    let (p, i) = evm::read(&evm::write(proof, inputs), 6).unwrap();
    assert_eq!((&p, &i), (proof, inputs));
}

#[test]
fn calldata_has_the_imaginary_part_first() {
    let World { proof, inputs, .. } = world();
    let (_, b, _) = proof.coordinates();
    let words = evm::words(proof, inputs);

    assert_eq!(words[2], crate::field::to_be_bytes(&b[0][1]));
    assert_eq!(words[3], crate::field::to_be_bytes(&b[0][0]));
    for length in [0, words.len() * 32 - 1, words.len() * 32 + 32] {
        let refused = evm::read(&vec![0; length], 6);
        assert!(matches!(refused, Err(Error::CalldataLength { .. })));
    }
}

#[test]
fn json_of_another_kind_is_refused() {
    let World { key, proof, .. } = world();
    let text = json::write_proof(proof).unwrap();
    for (from, to) in [
        ("groth16", "plonk"),
        ("bn128", "bls12381"),
        ("\"pi_c\"", "\"pi_d\""),
    ] {
        assert!(json::read_proof(&text.replace(from, to)).is_err(), "{to}");
    }
    let extra = text.replacen('{', "{\"more\": 1,", 1);
    assert!(matches!(json::read_proof(&extra), Err(Error::Json(_))));
    let key = json::write_key(key.verifying()).unwrap();
    let fewer = key.replace("\"nPublic\": 6", "\"nPublic\": 5");
    assert!(matches!(
        json::read_key(&fewer, "x"),
        Err(Error::JsonField { field: "IC", .. })
    ));
}

#[test]
fn development_keys_are_always_the_same() {
    let World { compiled, key, .. } = world();
    let again = development_key(compiled).unwrap();

    let bytes = |key| crate::keys::encode(key, B256::ZERO).unwrap();
    assert_eq!(bytes(key), bytes(&again));
    assert_eq!(key.origin(), Origin::Development);
}

#[test]
fn the_modulus_of_the_library_is_the_one_of_the_precompiles() {
    let r = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
    assert_eq!(Fr::MODULUS.to_string(), r);
}
