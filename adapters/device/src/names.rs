//! Names of devices, feeds and units: what they are made of, and nothing else passes.

use std::fmt;

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// A name is not made as docs/devices.md says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not `did:odin:` and a number.
    #[error(
        "a device is named did:odin: and 1 to {MAX_NUMBER} characters of a-z, 0-9, '.', ':', '-'"
    )]
    Did,
    /// Not a feed's name.
    #[error("a feed's name has 1 to {MAX_FEED} characters of a-z, 0-9, '.', '/', '-'")]
    Feed,
    /// Not a unit.
    #[error("a unit has 1 to {MAX_UNIT} characters of A-Z, a-z, 0-9, '/', '%', '.', '-', '*', '^'")]
    Unit,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $valid:ident, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text if it is such a name.
            ///
            /// # Errors
            /// Says what the name is made of.
            pub fn new(text: &str) -> Result<Self, NameError> {
                if $valid(text) { Ok(Self(text.to_owned())) } else { Err(NameError::$error) }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A device's DID, `did:odin:<number>`.
    Did,
    is_did,
    Did
);
name!(
    /// A feed's name, such as `cold/7/temperature`.
    FeedName,
    is_feed,
    Feed
);
name!(
    /// A unit of the SenML registry, such as `Cel`.
    Unit,
    is_unit,
    Unit
);

impl Did {
    /// The ODIN number: what follows `did:odin:`.
    pub fn number(&self) -> &str {
        self.0.strip_prefix(METHOD).unwrap_or_default()
    }

    /// The DID of an ODIN number.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn of_number(number: &str) -> Result<Self, NameError> {
        Self::new(&format!("{METHOD}{number}"))
    }
}

impl FeedName {
    /// The feed's id.
    pub fn id(&self) -> B256 {
        keccak256(self.0.as_bytes())
    }

    /// The name as one level of a topic: `/` written as `_`, which no name has.
    pub fn topic_level(&self) -> String {
        self.0.replace('/', "_")
    }

    /// Reads the level of a topic.
    ///
    /// # Errors
    /// When it is no feed's.
    pub fn of_topic_level(level: &str) -> Result<Self, NameError> {
        if level.contains('/') {
            return Err(NameError::Feed);
        }
        Self::new(&level.replace('_', "/"))
    }
}

fn is_did(text: &str) -> bool {
    text.strip_prefix(METHOD)
        .is_some_and(|number| made_of(number, MAX_NUMBER, b".:-", false))
}

fn is_feed(text: &str) -> bool {
    made_of(text, MAX_FEED, b"./-", false)
}

fn is_unit(text: &str) -> bool {
    made_of(text, MAX_UNIT, b"/%.-*^", true)
}

fn made_of(text: &str, max: usize, marks: &[u8], upper: bool) -> bool {
    let fits = |b: u8| {
        b.is_ascii_lowercase()
            || b.is_ascii_digit()
            || marks.contains(&b)
            || upper && b.is_ascii_uppercase()
    };
    (1..=max).contains(&text.len()) && text.bytes().all(fits)
}

const METHOD: &str = "did:odin:";
/// Longest ODIN number: a DID has at most 128 characters.
pub const MAX_NUMBER: usize = 119;
/// Longest name of a feed.
pub const MAX_FEED: usize = 64;
/// Longest unit.
pub const MAX_UNIT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        assert_eq!(
            Did::new("did:odin:10.cold-7").unwrap().number(),
            "10.cold-7"
        );
        for bad in [
            "did:odin:",
            "did:odin:A",
            "did:web:x",
            "did:odin:a/b",
            "did:odin:a_b",
            "",
        ] {
            assert_eq!(Did::new(bad), Err(NameError::Did), "{bad}");
        }
        assert_eq!(Did::of_number(&"9".repeat(120)), Err(NameError::Did));
        for bad in ["", "Cold", "a_b", "a+b", "a#b", "ä"] {
            assert_eq!(FeedName::new(bad), Err(NameError::Feed), "{bad}");
        }
        for bad in ["", "\"", "C el", "12345678901234567"] {
            assert_eq!(Unit::new(bad), Err(NameError::Unit), "{bad}");
        }
    }

    #[test]
    fn a_topic_level_is_a_feed_and_back() {
        let feed = FeedName::new("cold/7/temperature").unwrap();

        let level = feed.topic_level();

        assert_eq!(level, "cold_7_temperature");
        assert_eq!(FeedName::of_topic_level(&level), Ok(feed));
        assert_eq!(FeedName::of_topic_level("a/b"), Err(NameError::Feed));
    }
}
