//! The daemon: chains, storage, the driver of transfers, the API and the command line, put together.
//!
//! * [`config`]: one TOML file, checked before anything starts.
//! * [`keys`]: keystores, the development CA. [`local`]: what the local profile makes by itself.
//! * [`datadir`]: the directory that one daemon owns.
//! * [`hosting`]: validators, JSON-RPC and adapters of the hosted chains. [`contracts`]: deploying what transfers need.
//! * [`external`]: external chains, connected.
//! * [`store`]: what is remembered. [`drive`]: what is done about it.
//! * [`oracle`]: devices, and the operators that take their readings.
//! * [`election`]: elections of the public chain's producers.
//! * [`members`]: what the consortium's members decide.
//! * [`eventlog`]: every event of every chain and every act, so that nothing is hidden. [`alarms`]: who is told what.
//! * [`api`]: REST. [`metrics`]: Prometheus.
//! * `sites`: where gateways, pegs and settlements are.
//! * [`daemon`]: all of it, started in order and stopped in reverse. [`cli`]: the command line over it.

// Errors of starting up carry what a person needs to act; none is on a hot path.
#![allow(clippy::result_large_err)]

pub mod alarms;
pub mod api;
pub mod bench;
pub mod cli;
pub mod config;
pub mod contracts;
pub mod crossing;
pub mod daemon;
pub mod datadir;
pub mod demo;
pub mod drive;
pub mod election;
pub mod eventlog;
pub mod evidence;
pub mod external;
mod faults;
pub mod hosting;
pub mod keys;
pub mod local;
mod logs;
pub mod members;
pub mod metrics;
mod open_files;
pub mod oracle;
pub mod relay;
mod sites;
pub mod store;
pub mod supply;
