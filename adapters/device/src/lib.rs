//! Devices: what they sign, how it travels, and how an operator takes it in.
//!
//! | module | for | I/O |
//! |---|---|---|
//! | [`names`], [`decimal`], [`reading`] | what a reading is made of | none |
//! | [`keys`] | hardware and feed keys, their files | key files |
//! | [`wire`] | SenML in JSON and CBOR, COSE_Sign1: one spelling each | none |
//! | [`directory`], [`check`], [`evidence`], [`refusal`] | who may say what; why a reading is refused | none |
//! | [`merkle`] | the tree over a period | none |
//! | [`sink`], [`archive`], [`ledger`] | stored before it is confirmed | SQLite |
//! | [`ingest`] | HTTPS with mutual TLS, MQTT | network |
//! | [`client`] | a connection to an operator | network |
//! | [`resident`] | the process beside the sensor | all |
//! | [`fleet`] | many simulated devices that speak the real protocol | network |
//!
//! What never happens here: a reading is confirmed before it is on disk; a number is signed twice; part of a batch is
//! taken; a queue, body or buffer grows without a stated maximum; a private key is read from a file that others can read.

pub mod archive;
pub mod check;
pub mod client;
pub mod decimal;
pub mod directory;
pub mod evidence;
pub mod fleet;
pub mod ingest;
pub mod keys;
pub mod ledger;
pub mod merkle;
pub mod names;
pub mod reading;
pub mod refusal;
pub mod resident;
pub mod sink;
pub mod tls;
pub mod wire;

#[cfg(test)]
mod world;
