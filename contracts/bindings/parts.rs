//! The Merkle tree over the secrets of a lock in parts.
//!
//! Leaf i is `keccak256(keccak256(abi.encode(uint256 i, bytes32 sha256(preimage_i))))`; two children are hashed in
//! sorted order; a node without a sibling moves up unchanged. The root is the lock's `hashlock`.

use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolValue;

/// Most parts a lock can have.
pub const MAX_PARTS: usize = 240;

/// Returns the leaf of part `index`, whose secret has this sha256 hash.
pub fn leaf(index: usize, secret_hash: B256) -> B256 {
    keccak256(keccak256((U256::from(index), secret_hash).abi_encode()))
}

/// Returns the root over the parts' secret hashes, or `None` without or with too many parts.
pub fn root(secret_hashes: &[B256]) -> Option<B256> {
    if secret_hashes.len() > MAX_PARTS {
        return None;
    }
    let mut level = leaves(secret_hashes);
    while level.len() > 1 {
        level = parents(&level);
    }
    level.first().copied()
}

/// Returns the path from part `index` to the root, for `claimPart`, or `None` where there is no such part.
pub fn proof(secret_hashes: &[B256], mut index: usize) -> Option<Vec<B256>> {
    if index >= secret_hashes.len() || secret_hashes.len() > MAX_PARTS {
        return None;
    }
    let mut level = leaves(secret_hashes);
    let mut path = Vec::new();
    while level.len() > 1 {
        path.extend(level.get(index ^ 1));
        level = parents(&level);
        index /= 2;
    }
    Some(path)
}

fn leaves(secret_hashes: &[B256]) -> Vec<B256> {
    secret_hashes
        .iter()
        .enumerate()
        .map(|(index, hash)| leaf(index, *hash))
        .collect()
}

fn parents(level: &[B256]) -> Vec<B256> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => parent(*left, *right),
            rest => rest[0],
        })
        .collect()
}

fn parent(left: B256, right: B256) -> B256 {
    let (low, high) = if left <= right {
        (left, right)
    } else {
        (right, left)
    };
    keccak256([low.0, high.0].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret_hashes(count: usize) -> Vec<B256> {
        (0..count).map(|i| keccak256([i as u8])).collect()
    }

    proptest! {
        #[test]
        fn every_path_leads_to_the_root(count in 1..=MAX_PARTS, pick: prop::sample::Index) {
            let hashes = secret_hashes(count);
            let index = pick.index(count);

            let path = proof(&hashes, index).unwrap();

            let reached = path.into_iter().fold(leaf(index, hashes[index]), parent);
            prop_assert_eq!(Some(reached), root(&hashes));
        }
    }

    #[test]
    fn no_part_and_too_many_parts_have_no_root() {
        assert_eq!(root(&[]), None);
        assert_eq!(root(&secret_hashes(MAX_PARTS + 1)), None);
    }

    #[test]
    fn a_part_that_does_not_exist_has_no_path() {
        assert_eq!(proof(&secret_hashes(3), 3), None);
    }

    #[test]
    fn swapping_two_secrets_changes_the_root() {
        let hashes = secret_hashes(4);
        let swapped = [hashes[1], hashes[0], hashes[2], hashes[3]];

        assert_ne!(root(&hashes), root(&swapped));
    }
}
