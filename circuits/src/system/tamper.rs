//! What an attacker, or a programmer who forgets a constraint, could do. For tests alone: it does not exist elsewhere.

use std::collections::BTreeMap;

use ark_bn254::Fr;

use super::{Builder, Circuit, Mode, System};
use crate::error::Error;

/// Replaces values and removes one group of constraints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tamper {
    removed: Vec<&'static str>,
    values: Vec<(&'static str, usize, Fr)>,
    seen: BTreeMap<&'static str, usize>,
}

impl Tamper {
    /// Replaces the value of the `nth` column taken under `label`.
    pub(crate) fn set(mut self, label: &'static str, nth: usize, value: impl Into<Fr>) -> Self {
        self.values.push((label, nth, value.into()));
        self
    }

    /// Drops every constraint of `group` and of the groups within it.
    pub(crate) fn without(mut self, group: &'static str) -> Self {
        self.removed.push(group);
        self
    }

    pub(super) fn removes(&self, group: &str) -> bool {
        self.removed.iter().any(|removed| is_within(group, removed))
    }

    pub(super) fn value(&mut self, label: &'static str, honest: Fr) -> Fr {
        let nth = self.seen.entry(label).or_default();
        let wanted = self.values.iter().find(|(l, n, _)| *l == label && n == nth);
        *nth += 1;
        wanted.map_or(honest, |(_, _, value)| *value)
    }

    /// The tampered system.
    pub(crate) fn system(&self, circuit: &dyn Circuit) -> System {
        let mut builder = Builder::tampered(Mode::Structure, self.clone());
        circuit.build(&mut builder);
        builder.into_parts().0
    }

    /// Whether `circuit` accepts the tampered assignment.
    pub(crate) fn check(&self, circuit: &dyn Circuit) -> Result<(), Error> {
        let mut builder = Builder::tampered(Mode::Structure, self.clone());
        circuit.build(&mut builder);
        for (label, nth, _) in &self.values {
            let seen = builder.tamper.seen.get(label).copied().unwrap_or(0);
            assert!(
                *nth < seen,
                "no column {label} {nth}: the test tampers with nothing"
            );
        }
        let (system, assignment) = builder.into_parts();
        system.check(&assignment)
    }
}

/// `attack` is refused because of `group`, and would be accepted without it.
pub(crate) fn resists(circuit: &dyn Circuit, attack: &Tamper, group: &'static str) {
    resists_in_turn(circuit, attack, &[group]);
}

/// `attack` is refused because of the first group; without that because of the next, and so on; and accepted without
/// all of them.
pub(crate) fn resists_in_turn(circuit: &dyn Circuit, attack: &Tamper, groups: &[&'static str]) {
    let mut open = attack.clone();
    for group in groups {
        match open.check(circuit) {
            Err(Error::WitnessRefused { group: by }) => {
                assert!(is_within(&by, group), "refused by {by}, not by {group}");
            }
            other => panic!("the attack on {group} ended with {other:?}"),
        }
        open = open.without(group);
    }
    let ended = open.check(circuit);
    assert!(
        ended.is_ok(),
        "without {groups:?} the attack still fails: {ended:?}"
    );
}

fn is_within(group: &str, outer: &str) -> bool {
    group
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
