//! A chain this process hosts: consensus from commonware, execution from revm, Ethereum JSON-RPC in front.
//!
//! What a chain is (pure functions over values): [`spec`], [`block`], [`state`], [`execute`].
//! What one validator keeps: [`ledger`] over [`store`]. What waits: [`pool`].
//! How transactions are signed with a key of this process: [`sign`].
//! How validators agree: [`scheme`], [`certificate`], [`engine`]; [`host`] runs them. Who broke it: [`equivocation`].
//! How a node without a seat keeps up and how it begins: [`follow`], [`snapshot`].
//! What the rest of the process uses: [`node`]; what the world does: [`rpc`], behind [`tls`] where it must be.

pub mod adapter;
pub mod block;
pub mod certificate;
pub mod engine;
pub mod equivocation;
pub mod execute;
pub mod follow;
mod gossip;
pub mod host;
pub mod ledger;
pub mod node;
pub mod pool;
mod prove;
pub mod rpc;
pub mod scheme;
pub mod sign;
pub mod snapshot;
pub mod spec;
pub mod state;
pub mod store;
pub mod tls;
pub mod yardstick;
