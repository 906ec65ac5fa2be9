//! SHA-256 of 32 bytes in circuit: one block.

use ark_bn254::Fr;
use ark_ff::{BigInteger, One, PrimeField};

use super::bits::{pack, power, witness_bit};
use crate::system::{Bit, Builder, Num};

const START: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

const ROUND: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// A word of 32 bits, lowest first.
type Word = Vec<Bit>;

/// The digest of 32 bytes as two halves of 128 bits. Bits come byte by byte, each byte's highest first.
///
/// Every bit of the message must be known to be one.
///
/// # Panics
///
/// Unless there are 256 bits.
pub fn digest(c: &mut Builder, message: &[Bit]) -> [Num; 2] {
    assert_eq!(message.len(), 256, "one block of 32 bytes");
    let word = |bits: &[Bit]| bits.iter().rev().cloned().collect();
    let mut block: Vec<Word> = message.chunks(32).map(word).collect();
    block.push(constant(0x8000_0000));
    block.resize(15, constant(0));
    block.push(constant(256));
    let state = compress(c, block);
    let half = |words: &[Num]| {
        Num::combine(
            words
                .iter()
                .enumerate()
                .map(|(i, word)| (power(32 * (3 - i)), word)),
        )
    };
    [half(&state[..4]), half(&state[4..])]
}

fn compress(c: &mut Builder, block: Vec<Word>) -> Vec<Num> {
    let schedule = schedule(c, block);
    let start: Vec<Word> = START.iter().map(|word| constant(*word)).collect();
    let mut state = start.clone();
    for (word, k) in schedule.iter().zip(ROUND) {
        let [a, b, x, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(|i: usize| state[i].clone());
        let big1 = rotations(c, &e, [6, 11, 25]);
        let choice = zip3(&e, &f, &g, |e, f, g| choose(c, e, f, g));
        let k = Num::constant(Fr::from(k));
        let first = sum(&[pack(&h), pack(&big1), pack(&choice), k, pack(word)]);
        let big0 = rotations(c, &a, [2, 13, 22]);
        let majority = zip3(&a, &b, &x, |p, q, r| majority(c, p, q, r));
        let new_e = truncate(c, &(&pack(&d) + &first), 3);
        let new_a = truncate(c, &sum(&[first, pack(&big0), pack(&majority)]), 3);
        state = vec![new_a, a, b, x, new_e, e, f, g];
    }
    let add = |(word, start): (&Word, &Word)| pack(&truncate(c, &(&pack(word) + &pack(start)), 1));
    state.iter().zip(&start).map(add).collect()
}

fn schedule(c: &mut Builder, block: Vec<Word>) -> Vec<Word> {
    let mut words = block;
    for i in 16..64 {
        let small0 = turns_and_shift(c, &words[i - 15], [7, 18], 3);
        let small1 = turns_and_shift(c, &words[i - 2], [17, 19], 10);
        let parts = [
            pack(&words[i - 16]),
            pack(&small0),
            pack(&words[i - 7]),
            pack(&small1),
        ];
        words.push(truncate(c, &sum(&parts), 2));
    }
    words
}

/// The lower 32 bits of a sum below 2^(32 + extra).
fn truncate(c: &mut Builder, num: &Num, extra: usize) -> Word {
    let value = num.value().into_bigint();
    if num.as_constant().is_some() {
        return (0..32).map(|i| Bit::constant(value.get_bit(i))).collect();
    }
    let bit = |i| witness_bit(c, "sha.bit", value.get_bit(i));
    let mut bits: Vec<Bit> = (0..32 + extra).map(bit).collect();
    c.group("sum", |c| c.equal(&pack(&bits), num));
    bits.truncate(32);
    bits
}

fn rotations(c: &mut Builder, word: &[Bit], by: [usize; 3]) -> Word {
    let bit = |i: usize| {
        let [x, y, z] = by.map(|n| &word[(i + n) % 32]);
        let first = xor(c, x, y);
        xor(c, &first, z)
    };
    (0..32).map(bit).collect()
}

fn turns_and_shift(c: &mut Builder, word: &[Bit], turns: [usize; 2], shift: usize) -> Word {
    let bit = |i: usize| {
        let [x, y] = turns.map(|n| &word[(i + n) % 32]);
        let first = xor(c, x, y);
        match word.get(i + shift) {
            Some(shifted) => xor(c, &first, shifted),
            None => first,
        }
    };
    (0..32).map(bit).collect()
}

fn xor(c: &mut Builder, a: &Bit, b: &Bit) -> Bit {
    let product = c.mul(a.num(), b.num());
    let minus_two = -Fr::from(2u64);
    Bit::proved(Num::combine([
        (Fr::one(), a.num()),
        (Fr::one(), b.num()),
        (minus_two, &product),
    ]))
}

fn choose(c: &mut Builder, bit: &Bit, yes: &Bit, no: &Bit) -> Bit {
    Bit::proved(super::bits::select(c, bit, yes.num(), no.num()))
}

fn majority(c: &mut Builder, x: &Bit, y: &Bit, z: &Bit) -> Bit {
    let both = c.mul(x.num(), y.num());
    let minus_two = -Fr::from(2u64);
    let one = Num::combine([
        (Fr::one(), x.num()),
        (Fr::one(), y.num()),
        (minus_two, &both),
    ]);
    let third = c.mul(z.num(), &one);
    Bit::proved(&both + &third)
}

fn zip3(a: &[Bit], b: &[Bit], d: &[Bit], mut f: impl FnMut(&Bit, &Bit, &Bit) -> Bit) -> Word {
    a.iter()
        .zip(b)
        .zip(d)
        .map(|((a, b), d)| f(a, b, d))
        .collect()
}

fn sum(parts: &[Num]) -> Num {
    Num::combine(parts.iter().map(|part| (Fr::one(), part)))
}

fn constant(word: u32) -> Word {
    (0..32).map(|i| Bit::constant(word >> i & 1 == 1)).collect()
}
