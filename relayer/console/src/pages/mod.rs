//! One module per page: what it needs, and how it is shown.

pub mod alarms;
pub mod chains;
pub mod devices;
pub mod evidence;
pub mod explorer;
pub mod feeds;
pub mod found;
pub mod health;
pub mod log;
pub mod members;
pub mod messages;
pub mod overview;
pub mod problem;
pub mod proofs;
pub mod sealed;
pub mod start;
pub mod supply;
pub mod transfer;
pub mod transfers;
