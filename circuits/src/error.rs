//! Everything this crate refuses, by name.

use std::path::PathBuf;

use alloy_primitives::{B256, U256};

use crate::field::Field;

/// Why something was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // -- numbers and points
    /// A number at or above the modulus. It is never reduced.
    #[error("{got} is not below the modulus of the {field}")]
    NotCanonical {
        /// The field.
        field: Field,
        /// The number.
        got: U256,
    },
    /// Text that is not a plain decimal number.
    #[error("text of {length} bytes is not a plain decimal number")]
    NotDecimal {
        /// Its length.
        length: usize,
    },
    /// Coordinates that satisfy no curve equation.
    #[error("the point is not on its curve")]
    PointOffCurve,
    /// A point of the wrong order.
    #[error("the point is outside the prime subgroup")]
    PointOutOfSubgroup,
    /// The identity, where a real point is due.
    #[error("the point is the identity")]
    PointIsIdentity,
    /// A signature's scalar at or above the subgroup's order.
    #[error("the signature's scalar is not below the subgroup's order")]
    ScalarNotCanonical,

    // -- trees and statements
    /// A tree with no level, too many levels, or too many leaves.
    #[error("a tree of depth {depth} cannot hold {leaves} leaves")]
    TreeSize {
        /// Its depth.
        depth: usize,
        /// Its leaves.
        leaves: usize,
    },
    /// No such leaf.
    #[error("leaf {index} of {leaves} does not exist")]
    LeafUnknown {
        /// The index asked for.
        index: usize,
        /// How many there are.
        leaves: usize,
    },
    /// A statement of a size its circuit does not have.
    #[error("{got} {what}, the circuit takes {min} to {max}")]
    Size {
        /// Of what.
        what: &'static str,
        /// How many came.
        got: usize,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A reading that is not later than the one before.
    #[error("reading {at} is not later than the one before it")]
    TimeNotRising {
        /// Which one.
        at: usize,
    },
    /// A reading whose time is past its range.
    #[error("the time of reading {at} has more than {bits} bits")]
    TimeOutOfRange {
        /// Which one.
        at: usize,
        /// The range.
        bits: usize,
    },
    /// A witness that does not satisfy its statement.
    #[error("the witness breaks the rule `{group}`")]
    WitnessRefused {
        /// The group of constraints that refused.
        group: String,
    },
    /// An assignment of another circuit.
    #[error("an assignment of {got} columns for a circuit of {expected}")]
    AssignmentLength {
        /// Columns that came.
        got: usize,
        /// Columns of the circuit.
        expected: usize,
    },
    /// A public input that no constraint reads: anyone could replace it.
    #[error("no constraint reads the public input `{input}`")]
    InputUnread {
        /// Its name.
        input: &'static str,
    },

    // -- proofs
    /// Too many or too few public inputs.
    #[error("{got} public inputs, the key takes {expected}")]
    InputCount {
        /// How many came.
        got: usize,
        /// How many the key takes.
        expected: usize,
    },
    /// The pairing equation does not hold.
    #[error("the proof does not verify")]
    ProofRefused,
    /// A statement that was accepted before, whatever the bytes of its proof.
    #[error("statement {hash} was accepted before")]
    StatementSeen {
        /// Its hash.
        hash: B256,
    },
    /// A registry of statements that is full.
    #[error("the register of {max} statements is full")]
    RegisterFull {
        /// Its limit.
        max: usize,
    },

    // -- keys
    /// A key with which false statements can be proved, or inputs exchanged.
    #[error("unsafe key: {0}")]
    KeyUnsafe(KeyFault),
    /// A key for another circuit.
    #[error("the key is for circuit {got}, not for {expected}")]
    KeyOfAnotherCircuit {
        /// Hash of the circuit the key names.
        got: B256,
        /// Hash of the circuit it is wanted for.
        expected: B256,
    },
    /// A key file that ends early or late.
    #[error("key file {path}: {got} bytes, {expected} expected")]
    KeyFileTruncated {
        /// The file.
        path: PathBuf,
        /// Its length.
        got: u64,
        /// The length it states, or that its start needs.
        expected: u64,
    },
    /// A key file whose content is not what was written.
    #[error("key file {path}: the content does not match its checksum")]
    KeyFileCorrupt {
        /// The file.
        path: PathBuf,
    },
    /// A file that is no key file, or of another version.
    #[error("{path} is not a key file of this version")]
    KeyFileUnknown {
        /// The file.
        path: PathBuf,
    },
    /// A key file of another circuit.
    #[error("key file {path} is for circuit {got}, not for {expected}")]
    KeyFileSwapped {
        /// The file.
        path: PathBuf,
        /// Hash of the circuit it is for.
        got: B256,
        /// Hash of the circuit it is wanted for.
        expected: B256,
    },
    /// A file that could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    // -- formats
    /// No registered circuit has this name.
    #[error(
        "no such statement; `right`, `alarm`, `session`, `hashlink`, `sum` and `median` are registered"
    )]
    CircuitUnknown,
    /// A witness file that is not JSON. It says where and not what: the values are private.
    #[error("witness file, line {line} column {column}: {problem}")]
    Witness {
        /// Line, from 1.
        line: usize,
        /// Column.
        column: usize,
        /// What is wrong.
        problem: WitnessFault,
    },
    /// A field of a witness file that is missing or of another kind. Its name is one of the statement's.
    #[error(
        "witness file: `{field}` is missing or not of its kind; `causeway proof example` shows it"
    )]
    WitnessField {
        /// Its name.
        field: String,
    },
    /// A witness file with more than the statement's fields.
    #[error(
        "witness file: there is a field that the statement does not have, or one twice; `causeway proof example` shows all"
    )]
    WitnessSurplus,
    /// More bytes than such a file can have.
    #[error("the file has {got} bytes, at most {max} are read")]
    FileTooLong {
        /// How many it has.
        got: u64,
        /// The most.
        max: u64,
    },
    /// A proof file of another version.
    #[error("proof file of version {got}, this program reads version {expected}")]
    ProofFileVersion {
        /// Its version.
        got: u32,
        /// The one that is read.
        expected: u32,
    },
    /// A proof file made under another key.
    #[error("the proof was made under key {got}, this key is {expected}")]
    KeyOfAnotherProof {
        /// Hash of the key the proof names.
        got: B256,
        /// Hash of the key it was checked with.
        expected: B256,
    },
    /// JSON of another shape than expected.
    #[error("not the JSON that was expected")]
    Json(#[source] serde_json::Error),
    /// A field with a value we do not support.
    #[error("`{field}` is not {expected}")]
    JsonField {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Calldata of the wrong length.
    #[error("calldata of {got} bytes, {expected} expected")]
    CalldataLength {
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A binary file that is not what its first bytes say.
    #[error("{format} file: {problem}")]
    Binary {
        /// The format.
        format: &'static str,
        /// What is wrong.
        problem: BinaryFault,
    },

    // -- proving
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A proof that needs more memory than the prover may use.
    #[error("proving needs about {needs} bytes, the limit is {limit}")]
    TooMuchMemory {
        /// Estimated need.
        needs: u64,
        /// The limit.
        limit: u64,
    },
    /// More proofs waiting than the queue holds.
    #[error("{waiting} proofs are waiting, the queue holds no more")]
    QueueFull {
        /// How many wait.
        waiting: usize,
    },
    /// The prover was stopped.
    #[error("the prover was stopped")]
    Stopped,
    /// The proof library or the system refused what it should not have.
    #[error("bug or exhausted system: {0}")]
    Internal(Fault),
}

/// What makes a verifying key unsafe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// With gamma = delta anyone proves anything.
    #[error("gamma equals delta")]
    GammaIsDelta,
    /// Delta as nobody contributed to it: anyone proves anything.
    #[error("delta is the generator")]
    DeltaIsGenerator,
    /// A ceremony's key to which nobody contributed.
    #[error("nobody contributed to it: run `snarkjs zkey contribute` and `zkey beacon` first")]
    NoContribution,
    /// An element that is the identity.
    #[error("an element is the identity")]
    Identity,
    /// The point of a public input is the identity: that input could be anything.
    #[error("the point of an input is the identity")]
    InputIsIdentity,
    /// Too many or too few input points.
    #[error("the number of input points is wrong")]
    InputPoints,
}

/// What is wrong with a witness file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessFault {
    /// Not JSON.
    #[error("this is not JSON")]
    Syntax,
    /// It ends early.
    #[error("the file ends early")]
    Truncated,
}

/// What is wrong with a binary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BinaryFault {
    /// Other first bytes.
    #[error("other first bytes")]
    Magic,
    /// Another version.
    #[error("another version")]
    Version,
    /// It ends inside something.
    #[error("ends early")]
    Truncated,
    /// A section is missing.
    #[error("a section is missing")]
    Missing,
    /// A section appears twice.
    #[error("a section appears twice")]
    Twice,
    /// A section's length disagrees with the header.
    #[error("a section has the wrong length")]
    Length,
    /// Another curve or field.
    #[error("another curve")]
    Curve,
    /// Another proof system.
    #[error("another proof system")]
    Protocol,
    /// Counts or coefficients of another circuit.
    #[error("made for another circuit")]
    OtherCircuit,
}

/// What should not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The proof library's setup failed.
    #[error("key generation failed")]
    Setup,
    /// The proof library's prover failed.
    #[error("proving failed")]
    Prove,
    /// A fresh proof did not verify under its own key.
    #[error("a fresh proof does not verify")]
    Unverified,
    /// The system gave no randomness.
    #[error("no randomness")]
    Randomness,
    /// The system gave no thread.
    #[error("no thread")]
    Thread,
    /// Bytes of a key could not be encoded or decoded.
    #[error("encoding of a key")]
    Encoding,
}
