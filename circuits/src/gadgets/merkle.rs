//! Membership in a binary Merkle tree of Poseidon hashes: 242 constraints a level.

use ark_bn254::Fr;
use ark_ff::One;

use super::bits::{select, witness_bit};
use super::poseidon;
use crate::merkle::Path;
use crate::system::{Bit, Builder, Num};

/// The root that `leaf` has under a path the prover knows, and the bits of the leaf's index, lowest first.
///
/// The index is whatever the prover says, but in one tree one path leads to one leaf.
pub fn root(c: &mut Builder, leaf: &Num, path: &Path) -> (Num, Vec<Bit>) {
    let mut node = leaf.clone();
    let mut index = Vec::with_capacity(path.siblings.len());
    for (level, sibling) in path.siblings.iter().enumerate() {
        let right = witness_bit(c, "path.bit", path.index >> level & 1 == 1);
        let sibling = c.witness("path.sibling", *sibling);
        let first = select(c, &right, &sibling, &node);
        let second = Num::combine([
            (Fr::one(), &sibling),
            (Fr::one(), &node),
            (-Fr::one(), &first),
        ]);
        node = poseidon::hash(c, &[first, second]);
        index.push(right);
    }
    (node, index)
}
