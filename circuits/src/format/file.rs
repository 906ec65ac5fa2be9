//! A proof with its statement, as one JSON file: what `causeway proof make` writes. Nothing in it is private.

use alloy_primitives::B256;
use ark_bn254::Fr;
use serde::{Deserialize, Serialize};

use super::json::{ProofJson, from_json, to_json};
use crate::error::Error;
use crate::field::{from_decimal, to_decimal};
use crate::groth16::{Proof, Verified, VerifyingKey};
use crate::registered::Registered;

/// Version that is written and read.
pub const VERSION: u32 = 1;
/// Longest proof file.
pub const MAX_FILE: u64 = 64 << 10;

/// A proof and what it proves.
#[derive(Clone, Debug)]
pub struct ProofFile {
    /// Of which circuit.
    pub circuit: Registered,
    /// Hash of the verifying key.
    pub key: B256,
    /// The public inputs, in order.
    pub inputs: Vec<Fr>,
    /// The proof.
    pub proof: Proof,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    version: u32,
    circuit: String,
    key: B256,
    inputs: Vec<String>,
    proof: ProofJson,
}

impl ProofFile {
    /// Writes the file.
    ///
    /// # Errors
    ///
    /// Never, for what exists.
    pub fn write(&self) -> Result<String, Error> {
        let json = FileJson {
            version: VERSION,
            circuit: self.circuit.circuit().to_owned(),
            key: self.key,
            inputs: self.inputs.iter().map(to_decimal).collect(),
            proof: to_json(&self.proof),
        };
        serde_json::to_string_pretty(&json).map_err(Error::Json)
    }

    /// Reads a file. That the proof verifies is not said by that: see [`ProofFile::verify`].
    ///
    /// # Errors
    ///
    /// When it is too long, not such JSON, of another version, of no registered circuit, an input is not below the
    /// modulus, or a point is not fit.
    pub fn read(text: &str) -> Result<Self, Error> {
        let got = text.len() as u64;
        if got > MAX_FILE {
            return Err(Error::FileTooLong { got, max: MAX_FILE });
        }
        let json: FileJson = serde_json::from_str(text).map_err(Error::Json)?;
        if json.version != VERSION {
            return Err(Error::ProofFileVersion {
                got: json.version,
                expected: VERSION,
            });
        }
        let inputs = json.inputs.iter().map(|decimal| from_decimal(decimal));
        Ok(Self {
            circuit: Registered::named(&json.circuit)?,
            key: json.key,
            inputs: inputs.collect::<Result<_, _>>()?,
            proof: from_json(&json.proof)?,
        })
    }

    /// Checks the proof under `key`.
    ///
    /// # Errors
    ///
    /// When the key is another than the file names, there are too many or too few inputs, or the proof does not verify.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Verified, Error> {
        let expected = key.hash();
        if self.key != expected {
            return Err(Error::KeyOfAnotherProof {
                got: self.key,
                expected,
            });
        }
        key.verify(&self.inputs, &self.proof)
    }
}
