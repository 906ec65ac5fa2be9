//! The Poseidon hash, as circomlib computes it.
//!
//! Parameters: field of BN254's scalars, S-box x^5, t = inputs + 1 lanes, 8 full rounds, and per t = 2.. the partial
//! rounds of [`PARTIAL_ROUNDS`]. Constants and matrix come from the Grain generator of the Poseidon paper, without
//! skipping. The state starts as (0, inputs...) and the hash is lane 0: arkworks' sponge squeezes lane 1 of the same
//! permutation and gives another number.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{Field, Zero};

/// Full rounds, half before and half after the partial ones.
pub const FULL_ROUNDS: usize = 8;

/// Partial rounds for t = 2, 3, ... 17.
pub const PARTIAL_ROUNDS: [usize; 16] = [
    56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68,
];

/// The most inputs of one hash.
pub const MAX_INPUTS: usize = 16;

/// Constants of one width.
#[derive(Debug)]
pub struct Parameters {
    /// Added before the S-box: by round, then by lane.
    pub constants: Vec<Vec<Fr>>,
    /// The matrix: new lane `i` is the sum of `matrix[i][j] * lane j`.
    pub matrix: Vec<Vec<Fr>>,
    /// Partial rounds.
    pub partial: usize,
}

impl Parameters {
    /// Constants for this many inputs.
    ///
    /// # Panics
    ///
    /// For no inputs, or more than [`MAX_INPUTS`].
    pub fn of(inputs: usize) -> &'static Self {
        static ALL: [OnceLock<Parameters>; MAX_INPUTS] = [const { OnceLock::new() }; MAX_INPUTS];
        ALL[inputs - 1].get_or_init(|| {
            let partial = PARTIAL_ROUNDS[inputs - 1];
            let full = FULL_ROUNDS as u64;
            let (constants, matrix) =
                find_poseidon_ark_and_mds::<Fr>(254, inputs, full, partial as u64, 0);
            Self {
                constants,
                matrix,
                partial,
            }
        })
    }

    /// Number of rounds.
    pub fn rounds(&self) -> usize {
        FULL_ROUNDS + self.partial
    }

    /// Whether every lane goes through the S-box in this round.
    pub fn is_full(&self, round: usize) -> bool {
        round < FULL_ROUNDS / 2 || round >= FULL_ROUNDS / 2 + self.partial
    }
}

/// Poseidon of 1 to 16 field elements.
///
/// # Panics
///
/// For no inputs, or more than [`MAX_INPUTS`]. Every caller passes an array of fixed length.
pub fn hash(inputs: &[Fr]) -> Fr {
    let parameters = Parameters::of(inputs.len());
    let mut state = vec![Fr::zero()];
    state.extend_from_slice(inputs);
    for (round, constants) in parameters.constants.iter().enumerate() {
        for (lane, constant) in state.iter_mut().zip(constants) {
            *lane += constant;
        }
        let boxed = if parameters.is_full(round) {
            state.len()
        } else {
            1
        };
        for lane in &mut state[..boxed] {
            *lane = lane.square().square() * *lane;
        }
        state = mix(&parameters.matrix, &state);
    }
    state[0]
}

fn mix(matrix: &[Vec<Fr>], state: &[Fr]) -> Vec<Fr> {
    let row = |row: &Vec<Fr>| row.iter().zip(state).map(|(m, lane)| *m * lane).sum();
    matrix.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::to_decimal;

    fn of(inputs: &[u64]) -> String {
        let inputs: Vec<Fr> = inputs.iter().map(|x| Fr::from(*x)).collect();
        to_decimal(&hash(&inputs))
    }

    /// Published with circomlib's own tests.
    #[test]
    fn published_vectors_hold() {
        let vectors: [(&[u64], &str); 6] = [
            (
                &[1],
                "18586133768512220936620570745912940619677854269274689475585506675881198879027",
            ),
            (
                &[1, 2],
                "7853200120776062878684798364095072458815029376092732009249414926327459813530",
            ),
            (
                &[1, 2, 3, 4],
                "18821383157269793795438455681495246036402687001665670618754263018637548127333",
            ),
            (
                &[1, 2, 0, 0, 0],
                "1018317224307729531995786483840663576608797660851238720571059489595066344487",
            ),
            (
                &[3, 4, 0, 0, 0],
                "5811595552068139067952687508729883632420015185677766880877743348592482390548",
            ),
            (
                &[1, 2, 0, 0, 0, 0],
                "15336558801450556532856248569924170992202208561737609669134139141992924267169",
            ),
        ];
        for (inputs, expected) in vectors {
            assert_eq!(of(inputs), expected, "Poseidon({inputs:?})");
        }
    }

    #[test]
    fn arkworks_own_sponge_gives_another_number() {
        use ark_crypto_primitives::sponge::poseidon::{PoseidonConfig, PoseidonSponge};
        use ark_crypto_primitives::sponge::{CryptographicSponge, FieldBasedCryptographicSponge};
        let (constants, matrix) = find_poseidon_ark_and_mds::<Fr>(254, 2, 8, 57, 0);
        let config = PoseidonConfig::new(8, 57, 5, matrix, constants, 2, 1);
        let mut sponge = PoseidonSponge::new(&config);
        sponge.absorb(&Fr::from(1u64));
        sponge.absorb(&Fr::from(2u64));

        let lane_1: Fr = sponge.squeeze_native_field_elements(1)[0];

        assert_ne!(to_decimal(&lane_1), of(&[1, 2]));
    }

    #[test]
    #[should_panic(expected = "overflow")]
    fn nothing_has_no_hash() {
        hash(&[]);
    }
}
