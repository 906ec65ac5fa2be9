//! Equations in iden3's r1cs format, version 1: what a ceremony starts from.
//!
//! Our columns are already in its order: the constant, public inputs, the rest. No column counts as an output.

use ark_bn254::Fr;

use super::binary;
use crate::system::System;

/// Writes the equations.
pub fn write(system: &System) -> Vec<u8> {
    let columns = system.columns() as u32;
    let mut header = 32u32.to_le_bytes().to_vec();
    header.extend(binary::modulus::<Fr>());
    let private = system.witnesses as u32;
    for count in [columns, 0, system.inputs.len() as u32, private] {
        header.extend(count.to_le_bytes());
    }
    header.extend(u64::from(columns).to_le_bytes());
    header.extend((system.constraints.len() as u32).to_le_bytes());

    let mut constraints = Vec::new();
    for side in system.constraints.iter().flat_map(|c| &c.sides) {
        constraints.extend((side.len() as u32).to_le_bytes());
        for (column, coefficient) in side {
            constraints.extend(column.to_le_bytes());
            constraints.extend(binary::number(coefficient));
        }
    }
    let labels = (0..u64::from(columns)).flat_map(u64::to_le_bytes).collect();
    binary::write(b"r1cs", 1, &[(1, header), (2, constraints), (3, labels)])
}
