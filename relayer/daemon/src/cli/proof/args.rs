//! What can be said to `causeway proof`.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use alloy_primitives::Address;
use clap::{Args, Subcommand, ValueEnum};

const MAKE: &str = "\
Example:
  causeway proof example session > witness.json      values that everybody knows; put yours there
  causeway proof make witness.json --out proof.json
  causeway proof submit proof.json --from consortium:alice

The witness is private: it is read from the file, or from stdin with `-`, and never written anywhere.";

const CEREMONY: &str = "\
Example, the production path; snarkjs runs the ceremony:
  causeway proof r1cs right --out right.r1cs
  npx snarkjs groth16 setup right.r1cs phase1.ptau right_0.zkey
  npx snarkjs zkey contribute right_0.zkey right_1.zkey           each party, on its own machine
  npx snarkjs zkey beacon right_1.zkey right_final.zkey <beacon> 10
  npx snarkjs zkey verify right.r1cs phase1.ptau right_final.zkey
  causeway proof import right right_final.zkey --out right.key --solidity RightVerifier.sol

The answer has the transcript's hash for `VerifierRegistry.register`.";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// What can be proved, with the constraints and public inputs of each statement
    Statements,
    /// Print a witness file of a statement, with values that everybody knows
    Example {
        /// Name of the statement
        statement: String,
    },
    /// Make development keys, or find those that were made
    #[command(
        after_help = "Examples:\n  causeway proof keys\n  causeway proof keys session right --keys ./keys\n\n\
        A development key's secret is known to everybody: whoever wants to can prove anything under it."
    )]
    Keys {
        /// Names of statements; all without one
        statements: Vec<String>,
        #[command(flatten)]
        keys: KeysFolder,
    },
    /// Prove a statement from a witness file
    #[command(after_help = MAKE)]
    Make(Make),
    /// Check a proof file
    Verify {
        /// The proof
        #[arg(value_name = "FILE")]
        proof: PathBuf,
        /// A verifying key in snarkjs' JSON, instead of a key file
        #[arg(long, value_name = "FILE", conflicts_with = "key")]
        verifying_key: Option<PathBuf>,
        #[command(flatten)]
        key: KeyChoice,
    },
    /// Write a proof in the forms of others
    #[command(
        after_help = "Examples:\n  causeway proof export proof.json --to snarkjs --out folder\n  causeway proof export proof.json --to calldata"
    )]
    Export {
        /// The proof
        #[arg(value_name = "FILE")]
        proof: PathBuf,
        /// snarkjs: proof.json, public.json and verification_key.json in --out; calldata: words and calls on stdout
        #[arg(long, value_enum)]
        to: Form,
        /// An existing folder
        #[arg(long, value_name = "DIR", required_if_eq("to", "snarkjs"))]
        out: Option<PathBuf>,
        #[command(flatten)]
        key: KeyChoice,
    },
    /// Have a chain's `VerifierRegistry` accept a statement for an account of the daemon
    Submit {
        /// The proof
        #[arg(value_name = "FILE")]
        proof: PathBuf,
        /// For whom, where
        #[arg(long, value_name = "CHAIN:ACCOUNT")]
        from: String,
        /// The registry [default: the one the daemon knows]
        #[arg(long, value_name = "ADDRESS")]
        registry: Option<Address>,
    },
    /// The circuits a chain has verifiers for, and its contracts of proofs
    Circuits {
        /// Name or id of the chain
        chain: String,
    },
    /// Write a circuit's equations for a ceremony
    #[command(after_help = CEREMONY)]
    R1cs {
        /// Name of the statement
        statement: String,
        /// The file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a key file, and a verifier contract, from the result of a ceremony
    #[command(after_help = CEREMONY)]
    Import {
        /// Name of the statement
        statement: String,
        /// What the ceremony ended with
        zkey: PathBuf,
        /// The key file for `causeway proof make --key`
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Where the verifier contract goes
        #[arg(long, value_name = "FILE")]
        solidity: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum Form {
    /// snarkjs' JSON
    Snarkjs,
    /// What contracts take
    Calldata,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Make {
    /// The witness; `-` for stdin
    #[arg(value_name = "WITNESS")]
    pub(super) witness: PathBuf,
    /// Where the proof goes
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) key: KeyChoice,
    /// Threads that prove
    #[arg(long, default_value = "2")]
    pub(super) threads: NonZeroUsize,
    /// Most memory that proving takes beside the key, in megabytes
    #[arg(long, value_name = "MB", default_value = "512")]
    pub(super) memory: NonZeroU64,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct KeysFolder {
    /// Where development keys are kept [default: proving-keys in the data directory]
    #[arg(long, value_name = "DIR")]
    pub(super) keys: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct KeyChoice {
    /// A key file of a ceremony; the development key without it
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    #[command(flatten)]
    pub(super) folder: KeysFolder,
}
