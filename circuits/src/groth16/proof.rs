//! Proofs, and statements that were verified.

use alloy_primitives::B256;
use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::Pairing;
use ark_ff::{Field, PrimeField, UniformRand};
use ark_groth16::Groth16;

use super::VerifyingKey;
use crate::error::Error;
use crate::field::to_be_bytes;

/// A proof whose points are on their curves, in their groups, and not the identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof(ark_groth16::Proof<Bn254>);

impl Proof {
    /// Takes the coordinates of A, B (real and imaginary part of each) and C.
    ///
    /// # Errors
    ///
    /// When a point is off its curve, out of its subgroup, or the identity.
    pub fn from_coordinates(a: [Fq; 2], b: [[Fq; 2]; 2], c: [Fq; 2]) -> Result<Self, Error> {
        let g1 = |[x, y]: [Fq; 2]| G1Affine::new_unchecked(x, y);
        let [x, y] = b.map(|[real, imaginary]| Fq2::new(real, imaginary));
        let b = G2Affine::new_unchecked(x, y);
        Self::from_library(ark_groth16::Proof {
            a: g1(a),
            b,
            c: g1(c),
        })
    }

    pub(super) fn from_library(proof: ark_groth16::Proof<Bn254>) -> Result<Self, Error> {
        let (a, b, c) = (&proof.a, &proof.b, &proof.c);
        if a.is_zero() || b.is_zero() || c.is_zero() {
            return Err(Error::PointIsIdentity);
        }
        if !a.is_on_curve() || !b.is_on_curve() || !c.is_on_curve() {
            return Err(Error::PointOffCurve);
        }
        if !b.is_in_correct_subgroup_assuming_on_curve() {
            return Err(Error::PointOutOfSubgroup);
        }
        Ok(Self(proof))
    }

    /// The coordinates of A, B (real and imaginary part of each) and C.
    pub fn coordinates(&self) -> ([Fq; 2], [[Fq; 2]; 2], [Fq; 2]) {
        let (a, b, c) = (&self.0.a, &self.0.b, &self.0.c);
        ([a.x, a.y], [[b.x.c0, b.x.c1], [b.y.c0, b.y.c1]], [c.x, c.y])
    }

    pub(crate) fn inner(&self) -> &ark_groth16::Proof<Bn254> {
        &self.0
    }
}

/// A statement whose proof was verified. It has no other constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    circuit: B256,
    inputs: Vec<Fr>,
}

impl Verified {
    pub(super) fn new(circuit: B256, inputs: Vec<Fr>) -> Self {
        Self { circuit, inputs }
    }

    /// What contracts call the circuit.
    pub fn circuit(&self) -> B256 {
        self.circuit
    }

    /// The public inputs.
    pub fn inputs(&self) -> &[Fr] {
        &self.inputs
    }

    /// What is accepted once: see [`statement_of`](super::statement_of).
    pub fn statement(&self) -> B256 {
        let words: Vec<[u8; 32]> = self.inputs.iter().map(to_be_bytes).collect();
        super::statement_of(self.circuit, &words)
    }
}

impl VerifyingKey {
    /// Checks many proofs under one key, about three times faster than one by one.
    ///
    /// The equations are added with random weights of 128 bits, so a false one passes with probability 2^-128.
    ///
    /// # Errors
    ///
    /// When one has the wrong number of inputs or does not verify; which one is not said.
    pub fn verify_batch(&self, batch: &[(Vec<Fr>, Proof)]) -> Result<Vec<Verified>, Error> {
        let expected = self.inputs();
        if let Some((inputs, _)) = batch.iter().find(|(inputs, _)| inputs.len() != expected) {
            return Err(Error::InputCount {
                got: inputs.len(),
                expected,
            });
        }
        let mut rng = super::random()?;
        let weights: Vec<Fr> = batch
            .iter()
            .map(|_| Fr::from(u128::rand(&mut rng)))
            .collect();
        let bases = &self.inner().gamma_abc_g1;
        let mut scalars = vec![weights.iter().sum::<Fr>()];
        scalars.extend((0..expected).map(|i| {
            batch
                .iter()
                .zip(&weights)
                .map(|((inputs, _), w)| inputs[i] * w)
                .sum::<Fr>()
        }));
        let inputs = msm(bases, &scalars);
        let cs: Vec<G1Affine> = batch.iter().map(|(_, proof)| proof.0.c).collect();
        let c = msm(&cs, &weights);

        let prepared = self.prepared();
        let mut left: Vec<<Bn254 as Pairing>::G1Prepared> = batch
            .iter()
            .zip(&weights)
            .map(|((_, p), w)| (p.0.a * w).into())
            .collect();
        let mut right: Vec<<Bn254 as Pairing>::G2Prepared> =
            batch.iter().map(|(_, proof)| proof.0.b.into()).collect();
        left.extend([inputs.into(), c.into()]);
        right.extend([
            prepared.gamma_g2_neg_pc.clone(),
            prepared.delta_g2_neg_pc.clone(),
        ]);
        let product = Bn254::multi_pairing(left, right).0;
        if product != prepared.alpha_g1_beta_g2.pow(scalars[0].into_bigint()) {
            return Err(Error::ProofRefused);
        }
        Ok(batch
            .iter()
            .map(|(inputs, _)| Verified::new(self.circuit_id(), inputs.clone()))
            .collect())
    }
}

fn msm(bases: &[G1Affine], scalars: &[Fr]) -> ark_bn254::G1Projective {
    bases
        .iter()
        .zip(scalars)
        .map(|(base, scalar)| *base * scalar)
        .sum()
}

/// Another proof of the same statement, as anyone can make it.
///
/// For tests of those who accept statements.
///
/// # Errors
///
/// When the system gives no randomness.
pub fn rerandomised(key: &VerifyingKey, proof: &Proof) -> Result<Proof, Error> {
    let mut rng = super::random()?;
    let other = Groth16::<Bn254>::rerandomize_proof(key.inner(), &proof.0, &mut rng);
    Proof::from_library(other)
}

/// Another proof of the same statement: A and B negated.
///
/// # Errors
///
/// Never for a proof that exists.
pub fn negated(proof: &Proof) -> Result<Proof, Error> {
    let ark_groth16::Proof { a, b, c } = proof.0.clone();
    Proof::from_library(ark_groth16::Proof { a: -a, b: -b, c })
}
