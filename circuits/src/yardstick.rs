//! What others need for the same circuit, for measurements: the proof library by itself, and snarkjs.

use ark_bn254::{Bn254, Fr};
use ark_groth16::Groth16;
use ark_groth16::r1cs_to_qap::LibsnarkReduction;
use rand_chacha03::ChaCha20Rng;
use rand_chacha03::rand_core::SeedableRng;

use crate::error::{Error, Fault};
use crate::format::zkey_write;
use crate::groth16::{CircomReduction, Compiled, ProvingKey, Replay, random};

/// Proves an assignment as a user of the bare library would: its constraint system is filled and proved, and neither
/// assignment, nor points, nor proof are checked.
///
/// # Errors
///
/// When the library fails.
pub fn bare_proof(key: &ProvingKey, circuit: &Compiled, assignment: &[Fr]) -> Result<(), Error> {
    let replay = Replay::with_values(circuit.system(), assignment);
    let proof = Groth16::<Bn254, LibsnarkReduction>::create_random_proof_with_reduction(
        replay,
        key.inner(),
        &mut random()?,
    );
    proof.map(drop).map_err(|_| Error::Internal(Fault::Prove))
}

/// A zkey under which snarkjs proves this circuit. Its secret is known to everybody and nobody contributed.
///
/// # Errors
///
/// When the library fails.
pub fn snarkjs_key(circuit: &Compiled) -> Result<Vec<u8>, Error> {
    let key = Groth16::<Bn254, CircomReduction>::generate_random_parameters_with_reduction(
        Replay::new(circuit.system()),
        &mut ChaCha20Rng::from_seed([7; 32]),
    );
    let key = key.map_err(|_| Error::Internal(Fault::Setup))?;
    zkey_write::unsafe_key(&key, circuit)
}
