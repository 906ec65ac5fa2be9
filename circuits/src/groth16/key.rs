//! Keys, and what makes one unsafe.

use alloy_primitives::{B256, Keccak256, U256};
use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_groth16::{Groth16, PreparedVerifyingKey};

use super::{Compiled, Proof, Verified, circuit_id};
use crate::error::{Error, KeyFault};
use crate::field::{from_u256, to_be_bytes};

/// Who made a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This program, from a seed everybody knows: whoever wants to can prove anything with it.
    Development,
    /// A ceremony of several parties, run by snarkjs; safe if one of them was honest.
    Ceremony,
}

/// A key that makes proofs, with the verifying key of those.
#[derive(Clone, Debug)]
pub struct ProvingKey {
    inner: ark_groth16::ProvingKey<Bn254>,
    verifying: VerifyingKey,
    origin: Origin,
    circuit: B256,
}

impl ProvingKey {
    /// Takes a key for a circuit.
    ///
    /// # Errors
    ///
    /// When its parts have not the circuit's sizes, or the verifying key is not safe.
    pub(crate) fn new(
        inner: ark_groth16::ProvingKey<Bn254>,
        origin: Origin,
        circuit: &Compiled,
    ) -> Result<Self, Error> {
        let (columns, inputs) = (circuit.system().columns(), circuit.system().inputs.len());
        let h = match origin {
            Origin::Development => circuit.domain() - 1,
            Origin::Ceremony => circuit.domain(),
        };
        let sizes = [
            inner.a_query.len(),
            inner.b_g1_query.len(),
            inner.b_g2_query.len(),
        ];
        let fits = sizes == [columns; 3]
            && inner.l_query.len() == columns - inputs - 1
            && inner.h_query.len() == h
            && inner.vk.gamma_abc_g1.len() == inputs + 1;
        if !fits {
            return Err(Error::KeyUnsafe(KeyFault::InputPoints));
        }
        let verifying = VerifyingKey::new(inner.vk.clone(), circuit.name())?;
        Ok(Self {
            inner,
            verifying,
            origin,
            circuit: circuit.hash(),
        })
    }

    /// The verifying key.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Who made it.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Hash of the equations it is for.
    pub fn circuit(&self) -> B256 {
        self.circuit
    }

    pub(crate) fn inner(&self) -> &ark_groth16::ProvingKey<Bn254> {
        &self.inner
    }

    pub(crate) fn expect_circuit(&self, compiled: &Compiled) -> Result<(), Error> {
        if self.circuit != compiled.hash() {
            return Err(Error::KeyOfAnotherCircuit {
                got: self.circuit,
                expected: compiled.hash(),
            });
        }
        Ok(())
    }
}

/// A key that checks proofs, known to be safe to use.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    prepared: PreparedVerifyingKey<Bn254>,
    id: B256,
}

impl VerifyingKey {
    /// Takes a key for the circuit of this name.
    ///
    /// # Errors
    ///
    /// When a point is off its curve, out of its subgroup or the identity; when gamma and delta are equal or opposite;
    /// when delta is the generator, or its opposite, to which nobody contributed.
    pub fn new(inner: ark_groth16::VerifyingKey<Bn254>, circuit: &str) -> Result<Self, Error> {
        check_g1(&inner.alpha_g1)?;
        let [beta, gamma, delta] = [inner.beta_g2, inner.gamma_g2, inner.delta_g2];
        for point in [&beta, &gamma, &delta] {
            check_g2(point)?;
        }
        if gamma == delta || gamma == -delta {
            return Err(Error::KeyUnsafe(KeyFault::GammaIsDelta));
        }
        if delta == G2Affine::generator() || delta == -G2Affine::generator() {
            return Err(Error::KeyUnsafe(KeyFault::DeltaIsGenerator));
        }
        if inner.gamma_abc_g1.is_empty() {
            return Err(Error::KeyUnsafe(KeyFault::InputPoints));
        }
        for point in &inner.gamma_abc_g1 {
            match check_g1(point) {
                Err(Error::KeyUnsafe(KeyFault::Identity)) => {
                    return Err(Error::KeyUnsafe(KeyFault::InputIsIdentity));
                }
                other => other?,
            }
        }
        let prepared = ark_groth16::prepare_verifying_key(&inner);
        Ok(Self {
            prepared,
            id: circuit_id(circuit),
        })
    }

    /// Number of public inputs.
    pub fn inputs(&self) -> usize {
        self.inner().gamma_abc_g1.len() - 1
    }

    /// What contracts call its circuit.
    pub fn circuit_id(&self) -> B256 {
        self.id
    }

    /// Checks a proof of a statement.
    ///
    /// # Errors
    ///
    /// When there are too many or too few inputs, or the proof does not verify.
    pub fn verify(&self, inputs: &[Fr], proof: &Proof) -> Result<Verified, Error> {
        if inputs.len() != self.inputs() {
            return Err(Error::InputCount {
                got: inputs.len(),
                expected: self.inputs(),
            });
        }
        match Groth16::<Bn254>::verify_proof(&self.prepared, proof.inner(), inputs) {
            Ok(true) => Ok(Verified::new(self.id, inputs.to_vec())),
            _ => Err(Error::ProofRefused),
        }
    }

    /// Checks a proof of a statement whose inputs are numbers from outside.
    ///
    /// # Errors
    ///
    /// As [`VerifyingKey::verify`], and when an input is not below the modulus.
    pub fn verify_words(&self, inputs: &[U256], proof: &Proof) -> Result<Verified, Error> {
        let inputs: Vec<Fr> = inputs
            .iter()
            .map(|w| from_u256(*w))
            .collect::<Result<_, _>>()?;
        self.verify(&inputs, proof)
    }

    /// Hash of the key's words as the EVM reads them: what contracts know it by.
    pub fn hash(&self) -> B256 {
        let mut hash = Keccak256::new();
        self.words().iter().for_each(|word| hash.update(word));
        hash.finalize()
    }

    /// Alpha, beta, gamma, delta, then a point for the constant and each input, as the EVM's precompiles take them.
    pub fn words(&self) -> Vec<[u8; 32]> {
        let key = self.inner();
        let mut words = g1_words(&key.alpha_g1).to_vec();
        for point in [&key.beta_g2, &key.gamma_g2, &key.delta_g2] {
            words.extend(g2_words(point));
        }
        words.extend(key.gamma_abc_g1.iter().flat_map(g1_words));
        words
    }

    /// The words of -alpha, -gamma and -delta.
    pub(crate) fn negated_words(&self) -> [Vec<[u8; 32]>; 3] {
        let key = self.inner();
        let [gamma, delta] = [-key.gamma_g2, -key.delta_g2].map(|point| g2_words(&point).to_vec());
        [g1_words(&-key.alpha_g1).to_vec(), gamma, delta]
    }

    pub(crate) fn inner(&self) -> &ark_groth16::VerifyingKey<Bn254> {
        &self.prepared.vk
    }

    pub(super) fn prepared(&self) -> &PreparedVerifyingKey<Bn254> {
        &self.prepared
    }
}

pub(crate) fn g1_words(point: &G1Affine) -> [[u8; 32]; 2] {
    [to_be_bytes(&point.x), to_be_bytes(&point.y)]
}

/// The EVM takes the imaginary part first.
pub(crate) fn g2_words(point: &G2Affine) -> [[u8; 32]; 4] {
    [point.x.c1, point.x.c0, point.y.c1, point.y.c0].map(|part| to_be_bytes(&part))
}

fn check_g1(point: &G1Affine) -> Result<(), Error> {
    if point.is_zero() {
        return Err(Error::KeyUnsafe(KeyFault::Identity));
    }
    // The curve of G1 has prime order: on the curve is in the group.
    if point.is_on_curve() {
        Ok(())
    } else {
        Err(Error::PointOffCurve)
    }
}

fn check_g2(point: &G2Affine) -> Result<(), Error> {
    if point.is_zero() {
        return Err(Error::KeyUnsafe(KeyFault::Identity));
    }
    if !point.is_on_curve() {
        return Err(Error::PointOffCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(Error::PointOutOfSubgroup);
    }
    Ok(())
}
