//! The oracle: feeds.

pub mod feeds;
