//! What an attacker, or a programmer who forgets a constraint, could do. For tests alone: it does not exist elsewhere.

use std::collections::BTreeMap;

use ark_bn254::Fr;

use super::{Builder, Circuit, Mode, System};
use crate::error::Error;

/// Replaces values and removes one group of constraints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tamper {
    removed: Option<&'static str>,
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
        self.removed = Some(group);
        self
    }

    pub(super) fn removes(&self, group: &str) -> bool {
        self.removed.is_some_and(|removed| {
            group
                .strip_prefix(removed)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
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
    match attack.check(circuit) {
        Err(Error::WitnessRefused { group: by }) => {
            let named = by == group || by.starts_with(&format!("{group}/"));
            assert!(named, "refused by {by}, not by {group}");
        }
        other => panic!("the attack on {group} ended with {other:?}"),
    }
    let open = attack.clone().without(group).check(circuit);
    assert!(
        open.is_ok(),
        "without {group} the attack still fails: {open:?}"
    );
}
