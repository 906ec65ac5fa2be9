//! What a verifier contract takes: words of 32 bytes, imaginary parts before real ones.
//!
//! `A.x A.y | B.x1 B.x0 B.y1 B.y0 | C.x C.y | inputs`, without a selector.

use ark_bn254::Fr;

use crate::error::Error;
use crate::field::{from_be_bytes, to_be_bytes};
use crate::groth16::Proof;

/// Words of a proof.
const PROOF_WORDS: usize = 8;

/// The words of a proof and its inputs.
pub fn words(proof: &Proof, inputs: &[Fr]) -> Vec<[u8; 32]> {
    let (a, [x, y], c) = proof.coordinates();
    let points = [a[0], a[1], x[1], x[0], y[1], y[0], c[0], c[1]];
    let inputs = inputs.iter().map(to_be_bytes);
    points.iter().map(to_be_bytes).chain(inputs).collect()
}

/// The same as bytes.
pub fn write(proof: &Proof, inputs: &[Fr]) -> Vec<u8> {
    words(proof, inputs).concat()
}

/// Reads the bytes of a proof and exactly `count` inputs.
///
/// # Errors
///
/// When the length is another, a number is not below its modulus, or a point is not fit.
pub fn read(bytes: &[u8], count: usize) -> Result<(Proof, Vec<Fr>), Error> {
    let expected = count.saturating_add(PROOF_WORDS).saturating_mul(32);
    if bytes.len() != expected {
        return Err(Error::CalldataLength {
            got: bytes.len(),
            expected,
        });
    }
    let (words, _) = bytes.as_chunks::<32>();
    let point = |i: usize| from_be_bytes(&words[i]);
    let a = [point(0)?, point(1)?];
    let b = [[point(3)?, point(2)?], [point(5)?, point(4)?]];
    let c = [point(6)?, point(7)?];
    let inputs = words[PROOF_WORDS..]
        .iter()
        .map(from_be_bytes)
        .collect::<Result<_, _>>()?;
    Ok((Proof::from_coordinates(a, b, c)?, inputs))
}
