//! The circuits that contracts know: one size of each statement, with a verifier contract each.
//!
//! A statement of another size is another circuit with another key. What is here is what `contracts/src/verifiers`, the
//! local profile and the command line agree on.

use crate::error::Error;
use crate::groth16::Compiled;
use crate::statement::{alarm, hashlink, median, right, session, sum};
use crate::system::Circuit;

/// A statement at the size contracts know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Registered {
    /// [`right`].
    Right,
    /// [`alarm`].
    Alarm,
    /// [`session`].
    Session,
    /// [`hashlink`].
    HashLink,
    /// [`sum`].
    Sum,
    /// [`median`].
    Median,
}

impl Registered {
    /// All of them, in the order they are registered on a chain.
    pub const ALL: [Self; 6] = [
        Self::Right,
        Self::Alarm,
        Self::Session,
        Self::HashLink,
        Self::Sum,
        Self::Median,
    ];

    /// The one whose statement or circuit has this name: `session`, or `session-256`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn named(name: &str) -> Result<Self, Error> {
        let found = Self::ALL
            .into_iter()
            .find(|r| r.statement() == name || r.circuit() == name);
        found.ok_or(Error::CircuitUnknown)
    }

    /// Name of the statement.
    pub const fn statement(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Alarm => "alarm",
            Self::Session => "session",
            Self::HashLink => "hashlink",
            Self::Sum => "sum",
            Self::Median => "median",
        }
    }

    /// Name of the circuit, the statement with its size.
    pub const fn circuit(self) -> &'static str {
        match self {
            Self::Right => "right-20",
            Self::Alarm => "alarm-20",
            Self::Session => "session-256",
            Self::HashLink => "hashlink",
            Self::Sum => "sum-8-10",
            Self::Median => "median-7-4",
        }
    }

    /// Name of the verifier contract.
    pub const fn contract(self) -> &'static str {
        match self {
            Self::Right => "RightVerifier",
            Self::Alarm => "AlarmVerifier",
            Self::Session => "SessionVerifier",
            Self::HashLink => "HashLinkVerifier",
            Self::Sum => "SumVerifier",
            Self::Median => "MedianVerifier",
        }
    }

    /// What is proved, in one sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Right => {
                "I hold an unexpired right of at least this level, used once in this scope"
            }
            Self::Alarm => {
                "an admitted device signed a reading over the limit; which and how much stays hidden"
            }
            Self::Session => {
                "whether all anchored readings of a device stayed within limits, without a long gap"
            }
            Self::HashLink => "one preimage opens a SHA-256 lock and a Poseidon lock",
            Self::Sum => "the total over the admitted meters' signed readings of a period",
            Self::Median => "the median of what distinct admitted operators signed this round",
        }
    }

    /// The circuit without values.
    ///
    /// # Errors
    ///
    /// Never, for these sizes.
    pub fn blank(self) -> Result<Box<dyn Circuit>, Error> {
        Ok(match self {
            Self::Right => Box::new(right::Right::blank(right::DEPTH)),
            Self::Alarm => Box::new(alarm::Alarm::blank(alarm::DEPTH)),
            Self::Session => Box::new(session::Session::blank(session::CAPACITY)),
            Self::HashLink => Box::new(hashlink::HashLink::blank()),
            Self::Sum => Box::new(sum::Sum::blank(sum::METERS, sum::DEPTH)?),
            Self::Median => Box::new(median::Median::blank(median::OPERATORS, median::DEPTH)?),
        })
    }

    /// The circuit made ready.
    ///
    /// # Errors
    ///
    /// Never, for these circuits.
    pub fn compile(self) -> Result<Compiled, Error> {
        Compiled::new(self.blank()?.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_circuits() {
        for registered in Registered::ALL {
            let blank = registered.blank().unwrap();

            assert_eq!(blank.name(), registered.circuit());
            assert_eq!(
                Registered::named(registered.statement()).unwrap(),
                registered
            );
            assert_eq!(Registered::named(registered.circuit()).unwrap(), registered);
        }
        assert!(matches!(
            Registered::named("session-16"),
            Err(Error::CircuitUnknown)
        ));
    }
}
