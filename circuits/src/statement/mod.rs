//! The statements. Each module's documentation is the specification: the mathematics, the public inputs in order, the
//! witness, what it costs, and the attacks with the group of constraints that resists each. docs/circuits.md has them
//! in one place.
//!
//! A statement's `new` takes what the prover knows and computes the public inputs; it does not judge. A witness that
//! breaks a rule is refused when it is proved, with the name of the rule.

pub mod alarm;
pub mod hashlink;
pub mod median;
pub mod reading;
pub mod right;
pub mod session;
pub mod sum;

use crate::system::{Builder, Num};

/// Makes a constraint read a public input that a statement otherwise only carries.
///
/// Without one, the input's point in the key would be whatever the reduction adds, and exchanging the input would rest
/// on that alone.
fn bind(c: &mut Builder, group: &str, input: &Num) {
    c.group(group, |c| {
        c.mul(input, input);
    });
}
