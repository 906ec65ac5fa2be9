//! snarkjs' JSON: decimal strings, points with a third coordinate of one, real parts before imaginary ones.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::field::{from_decimal, to_decimal};
use crate::groth16::{Proof, VerifyingKey};

const PROTOCOL: &str = "groth16";
const CURVE: &str = "bn128";

type G1 = [String; 3];
type G2 = [[String; 2]; 3];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofJson {
    pi_a: G1,
    pi_b: G2,
    pi_c: G1,
    protocol: String,
    curve: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyJson {
    protocol: String,
    curve: String,
    #[serde(rename = "nPublic")]
    inputs: usize,
    vk_alpha_1: G1,
    vk_beta_2: G2,
    vk_gamma_2: G2,
    vk_delta_2: G2,
    /// snarkjs writes it and never reads it; nor do we.
    #[serde(default, skip_serializing)]
    #[allow(dead_code)]
    vk_alphabeta_12: Option<serde_json::Value>,
    #[serde(rename = "IC")]
    ic: Vec<G1>,
}

/// Writes a proof.
///
/// # Errors
///
/// Never, for what exists.
pub fn write_proof(proof: &Proof) -> Result<String, Error> {
    serde_json::to_string_pretty(&to_json(proof)).map_err(Error::Json)
}

pub(super) fn to_json(proof: &Proof) -> ProofJson {
    let (a, b, c) = proof.coordinates();
    ProofJson {
        pi_a: write_g1(a),
        pi_b: write_g2(b),
        pi_c: write_g1(c),
        protocol: PROTOCOL.into(),
        curve: CURVE.into(),
    }
}

/// Reads a proof.
///
/// # Errors
///
/// When it is not snarkjs' JSON of a Groth16 proof on this curve, or its points are not fit.
pub fn read_proof(text: &str) -> Result<Proof, Error> {
    from_json(&serde_json::from_str(text).map_err(Error::Json)?)
}

pub(super) fn from_json(json: &ProofJson) -> Result<Proof, Error> {
    check(&json.protocol, &json.curve)?;
    Proof::from_coordinates(
        read_g1(&json.pi_a)?,
        read_g2(&json.pi_b)?,
        read_g1(&json.pi_c)?,
    )
}

/// Writes public inputs.
///
/// # Errors
///
/// Never, for what exists.
pub fn write_inputs(inputs: &[Fr]) -> Result<String, Error> {
    let decimals: Vec<String> = inputs.iter().map(to_decimal).collect();
    serde_json::to_string_pretty(&decimals).map_err(Error::Json)
}

/// Reads public inputs.
///
/// # Errors
///
/// When it is not an array of decimal strings below the modulus.
pub fn read_inputs(text: &str) -> Result<Vec<Fr>, Error> {
    let decimals: Vec<String> = serde_json::from_str(text).map_err(Error::Json)?;
    decimals
        .iter()
        .map(|decimal| from_decimal(decimal))
        .collect()
}

/// Writes a verifying key.
///
/// # Errors
///
/// Never, for what exists.
pub fn write_key(key: &VerifyingKey) -> Result<String, Error> {
    let g1 = |p: &G1Affine| write_g1([p.x, p.y]);
    let g2 = |p: &G2Affine| write_g2([[p.x.c0, p.x.c1], [p.y.c0, p.y.c1]]);
    let inner = key.inner();
    let json = KeyJson {
        protocol: PROTOCOL.into(),
        curve: CURVE.into(),
        inputs: key.inputs(),
        vk_alpha_1: g1(&inner.alpha_g1),
        vk_beta_2: g2(&inner.beta_g2),
        vk_gamma_2: g2(&inner.gamma_g2),
        vk_delta_2: g2(&inner.delta_g2),
        vk_alphabeta_12: None,
        ic: inner.gamma_abc_g1.iter().map(g1).collect(),
    };
    serde_json::to_string_pretty(&json).map_err(Error::Json)
}

/// Reads a verifying key for the circuit of this name.
///
/// # Errors
///
/// When it is not snarkjs' JSON of a Groth16 key on this curve, or the key is not safe.
pub fn read_key(text: &str, circuit: &str) -> Result<VerifyingKey, Error> {
    let json: KeyJson = serde_json::from_str(text).map_err(Error::Json)?;
    check(&json.protocol, &json.curve)?;
    if json.ic.len() != json.inputs.saturating_add(1) {
        return Err(Error::JsonField {
            field: "IC",
            expected: "one point more than nPublic",
        });
    }
    let g1 = |p: &G1| read_g1(p).map(|[x, y]| G1Affine::new_unchecked(x, y));
    let g2 = |p: &G2| {
        let [x, y] = read_g2(p)?.map(|[real, imaginary]| Fq2::new(real, imaginary));
        Ok::<_, Error>(G2Affine::new_unchecked(x, y))
    };
    let key = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: g1(&json.vk_alpha_1)?,
        beta_g2: g2(&json.vk_beta_2)?,
        gamma_g2: g2(&json.vk_gamma_2)?,
        delta_g2: g2(&json.vk_delta_2)?,
        gamma_abc_g1: json.ic.iter().map(g1).collect::<Result<_, _>>()?,
    };
    VerifyingKey::new(key, circuit)
}

fn check(protocol: &str, curve: &str) -> Result<(), Error> {
    if protocol != PROTOCOL {
        return Err(Error::JsonField {
            field: "protocol",
            expected: PROTOCOL,
        });
    }
    if curve != CURVE {
        return Err(Error::JsonField {
            field: "curve",
            expected: CURVE,
        });
    }
    Ok(())
}

fn write_g1([x, y]: [Fq; 2]) -> G1 {
    [to_decimal(&x), to_decimal(&y), "1".into()]
}

fn write_g2([x, y]: [[Fq; 2]; 2]) -> G2 {
    let pair = |[real, imaginary]: [Fq; 2]| [to_decimal(&real), to_decimal(&imaginary)];
    [pair(x), pair(y), ["1".into(), "0".into()]]
}

fn read_g1([x, y, z]: &G1) -> Result<[Fq; 2], Error> {
    match z.as_str() {
        "1" => Ok([from_decimal(x)?, from_decimal(y)?]),
        // snarkjs writes the identity as 0, 1, 0.
        "0" => Err(Error::PointIsIdentity),
        _ => Err(Error::JsonField {
            field: "third coordinate",
            expected: "1",
        }),
    }
}

fn read_g2([x, y, z]: &G2) -> Result<[[Fq; 2]; 2], Error> {
    let pair = |[real, imaginary]: &[String; 2]| {
        Ok::<_, Error>([from_decimal(real)?, from_decimal(imaginary)?])
    };
    match [z[0].as_str(), z[1].as_str()] {
        ["1", "0"] => Ok([pair(x)?, pair(y)?]),
        ["0", "0"] => Err(Error::PointIsIdentity),
        _ => Err(Error::JsonField {
            field: "third coordinate",
            expected: "1, 0",
        }),
    }
}
