//! What a device shows against itself: two of its signed readings, which anyone may bring to the registry.

use alloy_primitives::B256;

use crate::reading::Signed;

/// How a device contradicted itself (docs/devices.md, "Evidence against a device").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// Two readings of one number.
    Equivocation,
    /// A reading that does not name the one before.
    BrokenLink,
    /// A first reading that names one before.
    FalseStart,
}

impl Offence {
    /// Its name in answers, metrics and the database; kept.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Equivocation => "equivocation",
            Self::BrokenLink => "broken_link",
            Self::FalseStart => "false_start",
        }
    }

    /// The offence of a name.
    pub fn of_code(code: &str) -> Option<Self> {
        let all = [Self::Equivocation, Self::BrokenLink, Self::FalseStart];
        all.into_iter().find(|offence| offence.code() == code)
    }
}

/// Two readings that a contract can judge alone. Both signatures were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    offence: Offence,
    first: Signed,
    second: Signed,
}

impl Evidence {
    /// What two readings of one device, in the order of their numbers, show against it; the registry judges alike.
    pub fn of(first: &Signed, second: &Signed) -> Option<Self> {
        let (a, b) = (first.body, second.body);
        if first.chain() != second.chain() {
            return None;
        }
        let offence = if a.sequence == b.sequence && a.digest() != b.digest() {
            Offence::Equivocation
        } else if a.sequence == 1 && a.previous != B256::ZERO {
            Offence::FalseStart
        } else if a.sequence.checked_add(1) == Some(b.sequence) && b.previous != a.digest() {
            Offence::BrokenLink
        } else {
            return None;
        };
        Some(Self {
            offence,
            first: *first,
            second: *second,
        })
    }

    /// What it is.
    pub fn offence(&self) -> Offence {
        self.offence
    }

    /// The readings, in the order of their numbers.
    pub fn readings(&self) -> [&Signed; 2] {
        [&self.first, &self.second]
    }
}
