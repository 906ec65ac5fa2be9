//! Rank-1 constraint systems: how a statement becomes equations, and which equation does what.
//!
//! A [`Builder`] follows a statement with its values. In [`Mode::Structure`] it also records the equations, once per
//! circuit; in [`Mode::Values`] it computes the assignment alone, which is what every proof after the first costs.
//! Every constraint belongs to a named group, so a refused witness names the rule it breaks, and tests can remove one
//! group and see that exactly its attack then succeeds.

use alloy_primitives::{B256, Keccak256};
use ark_bn254::Fr;
use ark_ff::{One, Zero};

use crate::error::Error;
use crate::field::to_be_bytes;

mod num;
#[cfg(test)]
pub(crate) mod tamper;

pub use num::{Bit, Num};

/// Column of the constant one.
pub const ONE: u32 = 0;

/// One side of a constraint: (column, coefficient), columns ascending, no zero coefficient.
pub type Row = Vec<(u32, Fr)>;

/// A constraint `a * b = c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// The three linear combinations.
    pub sides: [Row; 3],
    /// Index of the group in [`System::groups`].
    pub group: u16,
}

/// The equations of a circuit, without values.
///
/// Columns are numbered: the constant one, the public inputs in order, the rest of the witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Names of the public inputs, in order.
    pub inputs: Vec<&'static str>,
    /// Number of columns that are neither the constant nor a public input.
    pub witnesses: usize,
    /// Every constraint, in order.
    pub constraints: Vec<Constraint>,
    /// Names of the groups, `outer/inner`.
    pub groups: Vec<String>,
}

impl System {
    /// Number of columns.
    pub fn columns(&self) -> usize {
        1 + self.inputs.len() + self.witnesses
    }

    /// Hash of the equations: two circuits with one hash are the same circuit.
    pub fn hash(&self) -> B256 {
        let mut hash = Keccak256::new();
        hash.update((self.inputs.len() as u64).to_be_bytes());
        hash.update((self.witnesses as u64).to_be_bytes());
        for side in self.constraints.iter().flat_map(|c| &c.sides) {
            hash.update((side.len() as u64).to_be_bytes());
            for (column, coefficient) in side {
                hash.update(column.to_be_bytes());
                hash.update(to_be_bytes(coefficient));
            }
        }
        hash.finalize()
    }

    /// Public inputs that no constraint reads. Such an input could be replaced by anyone (its key point is then only
    /// what the reduction adds), so keys for such a circuit are not made.
    pub fn unread_inputs(&self) -> Vec<&'static str> {
        let mut read = vec![false; self.inputs.len()];
        for (column, _) in self
            .constraints
            .iter()
            .flat_map(|c| c.sides.iter().flatten())
        {
            let column = *column as usize;
            if (1..=read.len()).contains(&column) {
                read[column - 1] = true;
            }
        }
        let unread = self.inputs.iter().zip(read).filter(|(_, read)| !read);
        unread.map(|(name, _)| *name).collect()
    }

    /// Checks an assignment (all columns, the constant included).
    ///
    /// # Errors
    ///
    /// Names the group of the first constraint that does not hold.
    pub fn check(&self, assignment: &[Fr]) -> Result<(), Error> {
        if assignment.len() != self.columns() {
            return Err(Error::AssignmentLength {
                got: assignment.len(),
                expected: self.columns(),
            });
        }
        let value = |row: &Row| {
            row.iter()
                .map(|(column, k)| assignment[*column as usize] * k)
                .sum()
        };
        for constraint in &self.constraints {
            let [a, b, c]: [Fr; 3] = constraint.sides.each_ref().map(value);
            if a * b != c {
                let group = self.groups[usize::from(constraint.group)].clone();
                return Err(Error::WitnessRefused { group });
            }
        }
        Ok(())
    }
}

/// What a [`Builder`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Equations and values.
    Structure,
    /// Values alone.
    Values,
}

/// Follows a statement, collecting its equations and its assignment.
#[derive(Debug)]
pub struct Builder {
    mode: Mode,
    inputs: Vec<&'static str>,
    assignment: Vec<Fr>,
    constraints: Vec<Constraint>,
    groups: Vec<String>,
    /// Stack of group indices; the last one is charged.
    within: Vec<u16>,
    #[cfg(test)]
    tamper: tamper::Tamper,
}

impl Builder {
    /// An empty system.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            inputs: Vec::new(),
            assignment: vec![Fr::one()],
            constraints: Vec::new(),
            groups: vec!["statement".into()],
            within: vec![0],
            #[cfg(test)]
            tamper: tamper::Tamper::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn tampered(mode: Mode, tamper: tamper::Tamper) -> Self {
        Self {
            tamper,
            ..Self::new(mode)
        }
    }

    /// Takes the next public input.
    ///
    /// # Panics
    ///
    /// When a witness was taken before: columns of public inputs come first.
    pub fn public(&mut self, name: &'static str, value: Fr) -> Num {
        assert_eq!(
            self.assignment.len(),
            1 + self.inputs.len(),
            "public inputs come first"
        );
        self.inputs.push(name);
        self.column(name, value)
    }

    /// Takes a value the prover knows. The label is for tests; it constrains nothing.
    pub fn witness(&mut self, label: &'static str, value: Fr) -> Num {
        self.column(label, value)
    }

    /// Requires `a * b = c`.
    pub fn enforce(&mut self, a: &Num, b: &Num, c: &Num) {
        #[cfg(test)]
        if self
            .tamper
            .removes(&self.groups[usize::from(*self.within.last().unwrap_or(&0))])
        {
            return;
        }
        if self.mode == Mode::Structure {
            let sides = [a.row(), b.row(), c.row()];
            let group = self.within.last().copied().unwrap_or(0);
            self.constraints.push(Constraint { sides, group });
        }
    }

    /// Requires `a = b`.
    pub fn equal(&mut self, a: &Num, b: &Num) {
        self.enforce(&(a - b), &Num::one(), &Num::zero());
    }

    /// The product: a column and a constraint, or neither when a factor is constant.
    pub fn mul(&mut self, a: &Num, b: &Num) -> Num {
        if let Some(k) = a.as_constant() {
            return b.scale(k);
        }
        if let Some(k) = b.as_constant() {
            return a.scale(k);
        }
        let product = self.witness("product", a.value() * b.value());
        self.enforce(a, b, &product);
        product
    }

    /// Charges the constraints made by `inside` to a group within the present one.
    pub fn group<T>(&mut self, name: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.within.last().copied().unwrap_or(0);
        let full = match outer {
            0 => name.to_owned(),
            _ => format!("{}/{name}", self.groups[usize::from(outer)]),
        };
        let index = match self.groups.iter().rposition(|known| *known == full) {
            Some(index) => index,
            None => {
                self.groups.push(full);
                self.groups.len() - 1
            }
        };
        self.within.push(index as u16);
        let out = inside(self);
        self.within.pop();
        out
    }

    /// The assignment: the constant, public inputs, witness.
    pub fn into_assignment(self) -> Vec<Fr> {
        self.assignment
    }

    /// The equations and the assignment.
    pub fn into_parts(self) -> (System, Vec<Fr>) {
        let witnesses = self.assignment.len() - 1 - self.inputs.len();
        let Self {
            inputs,
            constraints,
            groups,
            assignment,
            ..
        } = self;
        (
            System {
                inputs,
                witnesses,
                constraints,
                groups,
            },
            assignment,
        )
    }

    fn column(&mut self, label: &'static str, value: Fr) -> Num {
        #[cfg(test)]
        let value = self.tamper.value(label, value);
        #[cfg(not(test))]
        let _ = label;
        let column = self.assignment.len() as u32;
        self.assignment.push(value);
        match self.mode {
            Mode::Structure => Num::variable(column, value),
            Mode::Values => Num::unrecorded(value),
        }
    }
}

/// Something that can be stated with values: a statement with its public inputs and its witness.
pub trait Circuit: Send + Sync {
    /// Name of the statement and its sizes, such as `right-20`. One name, one system.
    fn name(&self) -> String;

    /// Takes the public inputs in order, then states.
    fn build(&self, builder: &mut Builder);

    /// The system, whatever the values.
    fn system(&self) -> System {
        let mut builder = Builder::new(Mode::Structure);
        self.build(&mut builder);
        builder.into_parts().0
    }

    /// The assignment of these values.
    fn assignment(&self) -> Vec<Fr> {
        let mut builder = Builder::new(Mode::Values);
        self.build(&mut builder);
        builder.into_assignment()
    }
}

impl Num {
    fn row(&self) -> Row {
        self.terms()
            .iter()
            .filter(|(_, k)| !k.is_zero())
            .copied()
            .collect()
    }
}
