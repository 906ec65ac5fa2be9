//! The only caller of the proof library.
//!
//! Its `verify_proof` takes surplus inputs and unchecked points, and any key. Here a [`VerifyingKey`] exists only if it is safe,
//! a [`Proof`] only if its points are on their curves and in their groups, and [`VerifyingKey::verify`] counts the
//! inputs; what it returns, a [`Verified`], has no other constructor.
//!
//! A proof is not an identity: from one anyone makes others of the same statement (negate A and B, or re-randomise),
//! and they verify, here and on chain. A statement is: [`Verified::statement`] depends on circuit and inputs alone,
//! and [`Register`] accepts each once (V8).

mod key;
mod proof;
mod reduction;
mod register;

pub use key::{Origin, ProvingKey, VerifyingKey};
pub use proof::{Proof, Verified, negated, rerandomised};
pub use reduction::CircomReduction;
pub use register::Register;

use alloy_primitives::{B256, Keccak256, keccak256};
use ark_bn254::{Bn254, Fr};
use ark_ff::UniformRand;
use ark_groth16::Groth16;
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Matrix, SynthesisError, Variable,
};
use rand_chacha03::ChaCha20Rng;
use rand_chacha03::rand_core::SeedableRng;

use crate::error::{Error, Fault};
use crate::system::{Circuit, Row, System};

/// A circuit made ready once for all its proofs.
#[derive(Debug)]
pub struct Compiled {
    name: String,
    system: System,
    hash: B256,
    matrices: Vec<Matrix<Fr>>,
}

impl Compiled {
    /// Records the equations of a circuit; its values do not matter.
    ///
    /// # Errors
    ///
    /// When no constraint reads one of its public inputs.
    pub fn new(circuit: &dyn Circuit) -> Result<Self, Error> {
        let system = circuit.system();
        if let Some(input) = system.unread_inputs().first() {
            return Err(Error::InputUnread { input });
        }
        let side = |side: usize| -> Matrix<Fr> {
            let row = |row: &Row| {
                row.iter()
                    .map(|(column, k)| (*k, *column as usize))
                    .collect()
            };
            system
                .constraints
                .iter()
                .map(|c| row(&c.sides[side]))
                .collect()
        };
        let (hash, matrices) = (system.hash(), (0..3).map(side).collect());
        Ok(Self {
            name: circuit.name(),
            system,
            hash,
            matrices,
        })
    }

    /// Its name, such as `right-20`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What contracts call it.
    pub fn id(&self) -> B256 {
        circuit_id(&self.name)
    }

    /// Hash of its equations.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// Its equations.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// Size of the evaluation domain: the next power of two.
    pub fn domain(&self) -> usize {
        (self.system.constraints.len() + self.system.inputs.len() + 1).next_power_of_two()
    }

    /// Bytes that proving takes beside the key, from above: vectors of the domain, the assignment in three forms, and
    /// the buckets of the multiplications.
    pub fn memory(&self) -> u64 {
        let (domain, columns) = (self.domain() as u64, self.system.columns() as u64);
        domain * 32 * 8 + columns * 32 * 6 + (8 << 20)
    }
}

/// What contracts call a circuit: Keccak-256 of its name.
pub fn circuit_id(name: &str) -> B256 {
    keccak256(name)
}

/// What is accepted once: `keccak256(circuit ‖ inputs)`. The key and the proof do not enter.
pub fn statement_of(circuit: B256, inputs: &[[u8; 32]]) -> B256 {
    let mut hash = Keccak256::new();
    hash.update(circuit);
    inputs.iter().for_each(|input| hash.update(input));
    hash.finalize()
}

/// Makes a development key: always the same for the same circuit, and known to everybody who reads this.
///
/// # Errors
///
/// When the proof library fails, or the key is not safe.
pub fn development_key(circuit: &Compiled) -> Result<ProvingKey, Error> {
    let seed = [b"causeway/development key/1/", circuit.hash.as_slice()].concat();
    let mut rng = ChaCha20Rng::from_seed(keccak256(seed).0);
    let key = Groth16::<Bn254, LibsnarkReduction>::generate_random_parameters_with_reduction(
        Replay::new(&circuit.system),
        &mut rng,
    );
    let key = key.map_err(|_| Error::Internal(Fault::Setup))?;
    ProvingKey::new(key, Origin::Development, circuit)
}

/// Proves a statement, having checked that it holds, and checks the proof.
///
/// # Errors
///
/// When the key or the statement is of another circuit, or the witness breaks a rule, which is named.
pub fn prove(
    key: &ProvingKey,
    compiled: &Compiled,
    circuit: &dyn Circuit,
) -> Result<(Proof, Vec<Fr>), Error> {
    key.expect_circuit(compiled)?;
    let assignment = checked_assignment(compiled, circuit)?;
    prove_assignment(key, compiled, &assignment)
}

/// The assignment of a statement that holds.
pub(crate) fn checked_assignment(
    compiled: &Compiled,
    circuit: &dyn Circuit,
) -> Result<Vec<Fr>, Error> {
    let assignment = circuit.assignment();
    compiled.system.check(&assignment)?;
    Ok(assignment)
}

/// Proves an assignment that was checked.
pub(crate) fn prove_assignment(
    key: &ProvingKey,
    compiled: &Compiled,
    assignment: &[Fr],
) -> Result<(Proof, Vec<Fr>), Error> {
    let proof = match key.origin() {
        Origin::Development => with_reduction::<LibsnarkReduction>(key, compiled, assignment)?,
        Origin::Ceremony => with_reduction::<CircomReduction>(key, compiled, assignment)?,
    };
    let inputs = assignment[1..=compiled.system.inputs.len()].to_vec();
    match key.verifying().verify(&inputs, &proof) {
        Ok(_) => Ok((proof, inputs)),
        Err(_) => Err(Error::Internal(Fault::Unverified)),
    }
}

fn with_reduction<Q: R1CSToQAP>(
    key: &ProvingKey,
    compiled: &Compiled,
    assignment: &[Fr],
) -> Result<Proof, Error> {
    let mut rng = random()?;
    let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
    let proof = Groth16::<Bn254, Q>::create_proof_with_reduction_and_matrices(
        key.inner(),
        r,
        s,
        &compiled.matrices,
        compiled.system.inputs.len() + 1,
        compiled.system.constraints.len(),
        assignment,
    );
    Proof::from_library(proof.map_err(|_| Error::Internal(Fault::Prove))?)
}

/// A generator seeded by the system.
pub(crate) fn random() -> Result<ChaCha20Rng, Error> {
    let mut seed = zeroize::Zeroizing::new([0u8; 32]);
    getrandom::fill(seed.as_mut()).map_err(|_| Error::Internal(Fault::Randomness))?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

/// Hands recorded equations to the library, with an assignment or without.
pub(crate) struct Replay<'a> {
    system: &'a System,
    assignment: Option<&'a [Fr]>,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(system: &'a System) -> Self {
        Self {
            system,
            assignment: None,
        }
    }

    pub(crate) fn with_values(system: &'a System, assignment: &'a [Fr]) -> Self {
        Self {
            system,
            assignment: Some(assignment),
        }
    }
}

impl ConstraintSynthesizer<Fr> for Replay<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let (inputs, columns_total) = (self.system.inputs.len(), self.system.columns());
        let value = |column: usize| {
            let known = self.assignment.and_then(|values| values.get(column));
            known.copied().ok_or(SynthesisError::AssignmentMissing)
        };
        let mut columns = vec![Variable::One];
        for column in 1..columns_total {
            columns.push(match column <= inputs {
                true => cs.new_input_variable(|| value(column))?,
                false => cs.new_witness_variable(|| value(column))?,
            });
        }
        for constraint in &self.system.constraints {
            let [a, b, c] = constraint.sides.each_ref().map(|side| {
                let terms = side
                    .iter()
                    .map(|(column, k)| (*k, columns[*column as usize]));
                LinearCombination(terms.collect())
            });
            cs.enforce_r1cs_constraint(|| a, || b, || c)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
