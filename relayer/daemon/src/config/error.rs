//! Why a configuration is refused; each message ends with what to do.

use std::path::PathBuf;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not there or may not be read.
    #[error("cannot read the configuration {}: pass --config with a file that exists, or none for the local profile", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("configuration {} is refused: {source}; `causeway config example full` explains every key", file.display())]
    Malformed {
        /// Which file.
        file: PathBuf,
        /// What and where.
        #[source]
        source: Box<figment::Error>,
    },
    /// A value out of range.
    #[error("{key} is {got}, expected {expected}")]
    Value {
        /// Which key.
        key: String,
        /// What it is.
        got: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A value that does not go together with the others of its section.
    #[error("{key} must {must}")]
    Must {
        /// Which key.
        key: String,
        /// What it must be.
        must: &'static str,
    },
    /// An address of a node that cannot be used. It is not shown: it may hold a secret.
    #[error("{key} cannot be used: {why}; expected http://HOST[:PORT][/PATH] or https://...")]
    NodeUrl {
        /// Which key.
        key: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A key without which nothing can start.
    #[error("{key} is missing: {why}")]
    Missing {
        /// Which key.
        key: String,
        /// What it is for and how to make it.
        why: &'static str,
    },
    /// A name that no section has.
    #[error("{key} names {got}, which no {section} section has: add one or correct the name")]
    UnknownName {
        /// Which key.
        key: String,
        /// The name.
        got: String,
        /// Which kind of section was looked for.
        section: &'static str,
    },
    /// Something that only the local profile does by itself.
    #[error("{key} is for the local profile alone and the profile is {profile:?}: {instead}")]
    LocalOnly {
        /// Which key.
        key: String,
        /// The profile.
        profile: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A key of the local profile, which everybody knows how to open.
    #[error(
        "{} is a test key of a local profile and the profile is {profile:?}: \
         make a key of your own with `causeway key new`", path.display()
    )]
    TestKey {
        /// Which file.
        path: PathBuf,
        /// The profile.
        profile: String,
    },
}
