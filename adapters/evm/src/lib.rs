//! Any external chain that speaks Ethereum JSON-RPC.
//!
//! ```text
//! EvmConfig --connect--> EvmChain: ChainReader + ChainWriter + ContractReader
//!                          |- panel    several nodes asked at once, a quorum must say the same
//!                          |- rpc      one node: bounded answers, bounded time, JSON-RPC over HTTP(S)
//!                          |- refusal  the words in which nodes refuse, by kind
//!                          |- abi      calls, events and errors of HashTimeLock and ERC-20 (ethers-contract)
//!                          |- fees     EIP-1559 or legacy prices, replacement steps
//!                          '- keys     Web3 keystores, signatures (ethers-signers)
//! ```
//!
//! Promises: nothing read is returned unless [`EvmConfig::quorum`] nodes said the same; a node that dissents is named; a
//! final block that changes afterwards is an error for ever after; fees never pass the configured limit.
//! Refuses: a node of another chain, a `HashTimeLock` without code, passwords on the command line (there is no such key).
//! A node's URL may hold a secret: only its host and port appear in errors and logs.
//!
//! ethers is deprecated upstream and lives in this crate alone; see docs/adr/0005-ethers-component-crates.md.

mod abi;
mod chain;
mod config;
mod error;
mod fees;
mod keys;
mod panel;
mod prove;
mod refusal;
mod rpc;
mod writer;

#[cfg(test)]
mod tests;

pub use chain::{EvmChain, connect, connect_to_deploy};
pub use config::{Account, EvmConfig, FeeKind, Fees, Finality, Password, Tls};
pub use error::ConnectError;
