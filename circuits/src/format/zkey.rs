//! Keys that a ceremony made, in snarkjs' zkey format, version 1.
//!
//! The file repeats the equations it is for; they are compared with ours, coefficient by coefficient, so a key of
//! another circuit is refused however alike its sizes are. Every point is checked to be on its curve, and those in
//! G2 to be in the subgroup.

use alloy_primitives::{B256, keccak256};
use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInt, PrimeField, Zero};

use super::binary::{Reader, Sections};
use crate::error::{BinaryFault, Error, KeyFault};
use crate::field::Named;
use crate::groth16::{Compiled, Origin, ProvingKey};
use crate::system::Row;

/// Groth16 in the first section.
const GROTH16: u32 = 1;

/// A key and the hash of the ceremony's transcript, which is recorded on chain.
#[derive(Debug)]
pub struct Imported {
    /// The key.
    pub key: ProvingKey,
    /// Keccak-256 of the section that lists the contributions.
    pub transcript: B256,
    /// How many contributed, a beacon included.
    pub contributions: u32,
}

/// Reads a key for a circuit.
///
/// # Errors
///
/// When the file is damaged, for another curve, another proof system, another circuit, or not safe.
pub fn read(bytes: &[u8], circuit: &Compiled) -> Result<Imported, Error> {
    let sections = Sections::read("zkey", b"zkey", 1, bytes)?;
    let mut protocol = sections.section(1)?;
    if protocol.u32()? != GROTH16 {
        return Err(protocol.fault(BinaryFault::Protocol));
    }
    let mut header = sections.section(2)?;
    header.field::<Fq>()?;
    header.field::<Fr>()?;
    let counts = [header.u32()?, header.u32()?, header.u32()?].map(|count| count as usize);
    let (columns, inputs) = (circuit.system().columns(), circuit.system().inputs.len());
    if counts != [columns, inputs, circuit.domain()] {
        return Err(header.fault(BinaryFault::OtherCircuit));
    }
    let (alpha_g1, beta_g1) = (g1(&mut header)?, g1(&mut header)?);
    let (beta_g2, gamma_g2) = (g2(&mut header)?, g2(&mut header)?);
    let (delta_g1, delta_g2) = (g1(&mut header)?, g2(&mut header)?);
    header.end()?;
    compare(sections.section(4)?, circuit)?;

    let vk = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1,
        beta_g2,
        gamma_g2,
        delta_g2,
        gamma_abc_g1: points(sections.section(3)?, inputs + 1, g1)?,
    };
    let inner = ark_groth16::ProvingKey {
        vk,
        beta_g1,
        delta_g1,
        a_query: points(sections.section(5)?, columns, g1)?,
        b_g1_query: points(sections.section(6)?, columns, g1)?,
        b_g2_query: points(sections.section(7)?, columns, g2)?,
        l_query: points(sections.section(8)?, columns - inputs - 1, g1)?,
        h_query: points(sections.section(9)?, circuit.domain(), g1)?,
    };
    let mut record = sections.section(10)?;
    // The hash of the circuit as snarkjs sees it, then the contributions.
    record.take(64)?;
    let contributions = record.u32()?;
    if contributions == 0 {
        return Err(Error::KeyUnsafe(KeyFault::NoContribution));
    }
    let transcript = keccak256(sections.section(10)?.rest());
    let key = ProvingKey::new(inner, Origin::Ceremony, circuit)?;
    Ok(Imported {
        key,
        transcript,
        contributions,
    })
}

/// Compares the coefficients of A and B, and the rows that carry the public inputs, with ours. C is not in the file:
/// snarkjs proves `C = A * B` row by row, so ours must be checked against the witness, which [`crate::groth16::prove`]
/// does, and against the points, which checking every fresh proof does.
fn compare(mut section: Reader<'_>, circuit: &Compiled) -> Result<(), Error> {
    let system = circuit.system();
    let mut sides: [Vec<Row>; 2] = [0, 1].map(|side| {
        let mut rows: Vec<Row> = system
            .constraints
            .iter()
            .map(|c| c.sides[side].clone())
            .collect();
        let carried = (0..=system.inputs.len() as u32).map(|column| match side {
            0 => vec![(column, Fr::from(1u64))],
            _ => Vec::new(),
        });
        rows.extend(carried);
        rows
    });
    let total: usize = sides.iter().flatten().map(Vec::len).sum();
    if section.u32()? as usize != total {
        return Err(section.fault(BinaryFault::OtherCircuit));
    }
    for _ in 0..total {
        let [side, row, column] = [section.u32()?, section.u32()?, section.u32()?];
        // Written in Montgomery form twice over.
        let value = twice_montgomery(section.array()?)
            .ok_or_else(|| section.fault(BinaryFault::OtherCircuit))?;
        let ours = sides
            .get_mut(side as usize)
            .and_then(|rows| rows.get_mut(row as usize));
        let place = ours.and_then(|row| {
            Some((
                row.iter().position(|(c, k)| *c == column && *k == value)?,
                row,
            ))
        });
        match place {
            Some((at, row)) => drop(row.swap_remove(at)),
            None => return Err(section.fault(BinaryFault::OtherCircuit)),
        }
    }
    section.end()
}

fn points<P>(
    mut section: Reader<'_>,
    count: usize,
    mut one: impl FnMut(&mut Reader<'_>) -> Result<P, Error>,
) -> Result<Vec<P>, Error> {
    let points = (0..count)
        .map(|_| one(&mut section))
        .collect::<Result<_, _>>()?;
    section.end()?;
    Ok(points)
}

fn g1(reader: &mut Reader<'_>) -> Result<G1Affine, Error> {
    let (x, y) = (coordinate(reader)?, coordinate(reader)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G1Affine::zero());
    }
    let point = G1Affine::new_unchecked(x, y);
    if point.is_on_curve() {
        Ok(point)
    } else {
        Err(Error::PointOffCurve)
    }
}

fn g2(reader: &mut Reader<'_>) -> Result<G2Affine, Error> {
    let x = Fq2::new(coordinate(reader)?, coordinate(reader)?);
    let y = Fq2::new(coordinate(reader)?, coordinate(reader)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G2Affine::zero());
    }
    let point = G2Affine::new_unchecked(x, y);
    if !point.is_on_curve() {
        return Err(Error::PointOffCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(Error::PointOutOfSubgroup);
    }
    Ok(point)
}

/// A coordinate in Montgomery form, the representative below the modulus.
fn coordinate(reader: &mut Reader<'_>) -> Result<Fq, Error> {
    let words = words(reader.array()?);
    if words >= Fq::MODULUS {
        let got = alloy_primitives::U256::from_limbs(words.0);
        return Err(Error::NotCanonical {
            field: Fq::FIELD,
            got,
        });
    }
    Ok(Fq::new_unchecked(words))
}

fn twice_montgomery(bytes: [u8; 32]) -> Option<Fr> {
    let words = words(bytes);
    if words >= Fr::MODULUS {
        return None;
    }
    let once = Fr::new_unchecked(words).into_bigint();
    Some(Fr::new_unchecked(once))
}

fn words(bytes: [u8; 32]) -> BigInt<4> {
    let (chunks, _) = bytes.as_chunks::<8>();
    BigInt::new([0, 1, 2, 3].map(|i: usize| u64::from_le_bytes(chunks[i])))
}
