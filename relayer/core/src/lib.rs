//! The decisions of the relayer, and nothing that acts on them.
//!
//! Everything here is a function of its arguments: no clock, socket, database, task or randomness. Time arrives as
//! [`swap::Now`], chance arrives as a number, and what is to be done leaves as [`swap::Effect`]. The daemon stores
//! what these functions return before it acts on it (V7), so a restart resumes from the same state.
//!
//! * [`swap`]: the life of a two-party swap, for its initiator, its counterparty and a watchtower. Rules T1..T20 are in
//!   docs/transfers.md.
//! * [`margin`]: how far apart two deadlines must be, from what was measured (V4).
//! * [`offer`]: whether a lock seen on one chain is answered with a lock on the other, and with which.
//! * [`explain`]: where a transfer is, who may act next, until when, and what happens if nobody does.
//! * [`message`]: the life of a cross-chain message; [`lane`]: what a lane has to deliver, [`batch`]: in which portions,
//!   [`tree`]: the Merkle tree it is proved with, [`client`]: how a light client is brought to a block. Rules M1..M17 are in
//!   docs/messages.md.
//! * [`peg`]: an asset leaves its home chain or comes back, for its user and for a carrier. Rules P1..P16.
//! * [`settlement`]: a public asset released by a proved consortium result. Rules S1..S12.
//! * [`feed`]: one operator's part in a feed of device data, rounds, reports and alarms. Rules F1..F14 in docs/oracle.md.
//! * [`supply`]: whether every pegged token is backed (V1).
//! * [`log`]: the event log, its bytes, its tree, and that nothing is missing from it (V5).
//! * [`retry`]: when to try again, when to replace a stuck transaction, when to stop.
//!
//! What never happens here: a secret that is not public yet is never held ([`swap::Secret::Own`] names it, the
//! daemon's store keeps it), and no amount or deadline is computed with unchecked arithmetic.

pub mod batch;
pub mod client;
pub mod explain;
pub mod feed;
pub mod lane;
pub mod log;
pub mod margin;
pub mod message;
pub mod offer;
pub mod peg;
pub mod retry;
pub mod settlement;
pub mod supply;
pub mod swap;
pub mod tree;
