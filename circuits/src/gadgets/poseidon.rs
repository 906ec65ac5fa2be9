//! Poseidon in circuit: 240 constraints for two inputs (three for each S-box whose input is not constant).

use ark_bn254::Fr;

use crate::poseidon::Parameters;
use crate::system::{Builder, Num};

/// Poseidon of 1 to 16 numbers; the same numbers as [`crate::poseidon::hash`].
pub fn hash(c: &mut Builder, inputs: &[Num]) -> Num {
    c.group("poseidon", |c| {
        let parameters = Parameters::of(inputs.len());
        let mut state = vec![Num::zero()];
        state.extend_from_slice(inputs);
        for (round, constants) in parameters.constants.iter().enumerate() {
            for (lane, constant) in state.iter_mut().zip(constants) {
                *lane = &*lane + &Num::constant(*constant);
            }
            let boxed = if parameters.is_full(round) {
                state.len()
            } else {
                1
            };
            for lane in &mut state[..boxed] {
                *lane = fifth_power(c, lane);
            }
            let last = round + 1 == parameters.rounds();
            let rows = if last {
                &parameters.matrix[..1]
            } else {
                &parameters.matrix[..]
            };
            let mix = |row: &Vec<Fr>| Num::combine(row.iter().copied().zip(&state));
            state = rows.iter().map(mix).collect();
        }
        state.swap_remove(0)
    })
}

/// Poseidon of a tag and numbers: a hash made for one purpose is never one of another.
pub fn tagged(c: &mut Builder, tag: Fr, inputs: &[Num]) -> Num {
    let all: Vec<Num> = std::iter::once(Num::constant(tag))
        .chain(inputs.iter().cloned())
        .collect();
    hash(c, &all)
}

fn fifth_power(c: &mut Builder, x: &Num) -> Num {
    let square = c.mul(x, x);
    let fourth = c.mul(&square, &square);
    c.mul(&fourth, x)
}
