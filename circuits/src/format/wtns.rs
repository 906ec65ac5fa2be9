//! An assignment in iden3's witness format, version 2: what snarkjs proves. It is the secret itself; write it for
//! tests, or where the device's owner keeps it.

use ark_bn254::Fr;

use super::binary;

/// Writes an assignment, all columns.
pub fn write(assignment: &[Fr]) -> Vec<u8> {
    let mut header = 32u32.to_le_bytes().to_vec();
    header.extend(binary::modulus::<Fr>());
    header.extend((assignment.len() as u32).to_le_bytes());
    let values = assignment.iter().flat_map(binary::number).collect();
    binary::write(b"wtns", 2, &[(1, header), (2, values)])
}
