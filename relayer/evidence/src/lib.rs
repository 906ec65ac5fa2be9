//! Files that prove what crossed, to somebody who has nothing but the file and trusts nobody who made it.
//!
//! ```text
//!  genesis --founding set--> epoch 0 --handover--> epoch 1 ... epoch n --certificate--> block --inclusion path--> event
//! ```
//!
//! * [`mod@file`]: what stands in a file, and its bytes (deterministic CBOR, RFC 8949 section 4.2). `*.evidence`.
//! * [`verify`](mod@verify): reads one, checks link after link, names the first that is broken.
//! * [`Chains`]: what a reader knows of chains beforehand; without it the genesis blocks named in the file are assumed.
//!
//! A path of its own: the check shares no code with the node, the light client contract or whoever writes files, who share
//! its [`mod@file`] format alone; it does no I/O. What
//! never happens here: a byte that is not bound to the chain's genesis by hashes and signatures counts as proved.

mod broken;
mod chain;
mod fact;
pub mod file;
mod trie;
pub mod verify;

pub use broken::Broken;
pub use verify::{Chains, Finding, Known, Link, Proven, Report, Verdict, verify};
