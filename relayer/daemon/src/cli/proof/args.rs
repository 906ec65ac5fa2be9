//! What can be said to `causeway proof`.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use alloy_primitives::{Address, B256};
use clap::{Args, Subcommand, ValueEnum};

const MAKE: &str = "\
Example:
  causeway proof example session > witness.json      values that everybody knows; put yours there
  causeway proof make witness.json --out proof.json
  causeway proof submit proof.json --from consortium:alice

The witness is private: it is read from the file, or from stdin with `-`, and never written anywhere.";

const SESSION: &str = "\
Example:
  causeway proof session did:odin:10.cold.7 --since 1763733600000 --until 1763737200000 --min 2 --max 8 --max-gap 90000 \\
    --chain-id 7701 --contract 0x... --round 0x... --out proof.json

Whoever may read the readings may prove. What the contract compares with is on record by `causeway reading record`.";

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
    /// Prove what a device's readings were, straight from the operators' archives; none of them is shown
    #[command(after_help = SESSION)]
    Session(Box<Session>),
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
    #[command(flatten)]
    pub(super) how: How,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Session {
    /// The device's DID: the readings come from the daemon. Or a file that `causeway reading session` wrote
    #[arg(value_name = "DID|FILE")]
    pub(super) from_readings: String,
    #[command(flatten)]
    pub(super) when: Option<When>,
    /// Lowest value allowed, in the feed's unit
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub(super) min: String,
    /// Highest value allowed
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub(super) max: String,
    /// Longest step between two readings, milliseconds
    #[arg(long, value_name = "MS")]
    pub(super) max_gap: u32,
    /// Id of the chain that the proof is for
    #[arg(long, value_name = "ID")]
    pub(super) chain_id: u64,
    /// The contract that acts on it: a `SessionCondition`
    #[arg(long, value_name = "ADDRESS")]
    pub(super) contract: Address,
    /// What it opens: the id of the lock
    #[arg(long, value_name = "ID")]
    pub(super) round: B256,
    #[command(flatten)]
    pub(super) how: How,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct When {
    /// Milliseconds since 1970: begins with the last reading not after this
    #[arg(long, value_name = "MS", required = false)]
    pub(in crate::cli) since: u64,
    /// Ends with the first reading not before this
    #[arg(long, value_name = "MS", required = false)]
    pub(in crate::cli) until: u64,
    /// Name of the feed, where the device speaks for several
    #[arg(long, value_name = "FEED")]
    pub(in crate::cli) feed: Option<String>,
    /// A group of readers that you are in
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) group: Option<u64>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct How {
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
