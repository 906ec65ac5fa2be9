//! Writing snarkjs' zkey, so that snarkjs proves the very circuits we do: for comparison alone. Nobody contributed to
//! such a key, and [`zkey::read`](super::zkey::read) refuses it for that.

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, PrimeField};

use super::binary::{modulus, write};
use crate::error::{Error, Fault};
use crate::groth16::Compiled;

/// Bytes in which snarkjs keeps its hash of the circuit.
const CIRCUIT_HASH: usize = 64;

/// The bytes of a key in the Circom reduction.
pub(crate) fn unsafe_key(
    key: &ark_groth16::ProvingKey<Bn254>,
    circuit: &Compiled,
) -> Result<Vec<u8>, Error> {
    let system = circuit.system();
    let mut header = Vec::new();
    for modulus in [modulus::<Fq>(), modulus::<Fr>()] {
        header.extend(32u32.to_le_bytes());
        header.extend(modulus);
    }
    for count in [system.columns(), system.inputs.len(), circuit.domain()] {
        header.extend(u32::try_from(count).map_err(|_| encoding())?.to_le_bytes());
    }
    header.extend([g1(&key.vk.alpha_g1), g1(&key.beta_g1)].concat());
    header.extend([g2(&key.vk.beta_g2), g2(&key.vk.gamma_g2)].concat());
    header.extend(g1(&key.delta_g1));
    header.extend(g2(&key.vk.delta_g2));
    let points = |points: &[G1Affine]| points.iter().flat_map(g1).collect::<Vec<u8>>();
    let sections = [
        (1, 1u32.to_le_bytes().to_vec()),
        (2, header),
        (3, points(&key.vk.gamma_abc_g1)),
        (4, coefficients(circuit)?),
        (5, points(&key.a_query)),
        (6, points(&key.b_g1_query)),
        (7, key.b_g2_query.iter().flat_map(g2).collect()),
        (8, points(&key.l_query)),
        (9, points(&key.h_query)),
        (10, vec![0; CIRCUIT_HASH + 4]),
    ];
    Ok(write(b"zkey", 1, &sections))
}

/// A and B, then the rows that carry the public inputs.
fn coefficients(circuit: &Compiled) -> Result<Vec<u8>, Error> {
    let system = circuit.system();
    let mut out = Vec::new();
    let mut count = 0u32;
    let mut one = |side: u32, row: usize, column: u32, value: &Fr| {
        let row = u32::try_from(row).map_err(|_| encoding())?;
        out.extend([side, row, column].map(u32::to_le_bytes).concat());
        out.extend(twice_montgomery(value)?);
        count += 1;
        Ok::<_, Error>(())
    };
    for (row, constraint) in system.constraints.iter().enumerate() {
        for (side, terms) in [(0, &constraint.sides[0]), (1, &constraint.sides[1])] {
            for (column, value) in terms {
                one(side, row, *column, value)?;
            }
        }
    }
    for column in 0..=system.inputs.len() {
        let number = u32::try_from(column).map_err(|_| encoding())?;
        one(
            0,
            system.constraints.len() + column,
            number,
            &Fr::from(1u64),
        )?;
    }
    Ok([&count.to_le_bytes()[..], &out].concat())
}

fn twice_montgomery(value: &Fr) -> Result<Vec<u8>, Error> {
    let twice = Fr::from_bigint(value.0).ok_or_else(encoding)?;
    Ok(limbs(&twice.0))
}

/// The identity is two zeros.
fn g1(point: &G1Affine) -> Vec<u8> {
    match point.xy() {
        Some((x, y)) => [x, y].map(|c| limbs(&c.0)).concat(),
        None => vec![0; 64],
    }
}

fn g2(point: &G2Affine) -> Vec<u8> {
    match point.xy() {
        Some((x, y)) => [x.c0, x.c1, y.c0, y.c1].map(|c| limbs(&c.0)).concat(),
        None => vec![0; 128],
    }
}

/// As it is held: in Montgomery form.
fn limbs(number: &BigInt<4>) -> Vec<u8> {
    number
        .0
        .iter()
        .flat_map(|limb| limb.to_le_bytes())
        .collect()
}

fn encoding() -> Error {
    Error::Internal(Fault::Encoding)
}
