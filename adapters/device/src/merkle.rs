//! The tree over the readings of one period: RFC 6962 with SHA-256. A leaf is a reading's digest.

use alloy_primitives::B256;
use sha2::{Digest as _, Sha256};

/// The way from a leaf to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Which leaf.
    pub index: u64,
    /// Of how many.
    pub count: u64,
    /// Siblings, the leaf's own first.
    pub siblings: Vec<B256>,
}

impl Path {
    /// The root that this path leads to from a reading's digest; none if it has not the length that index and count demand.
    pub fn root(&self, digest: B256) -> Option<B256> {
        let (mut index, mut last) = (self.index, self.count.checked_sub(1)?);
        if index > last {
            return None;
        }
        let mut node = leaf(digest);
        let mut siblings = self.siblings.iter();
        while last > 0 {
            if index % 2 == 1 {
                node = parent(*siblings.next()?, node);
            } else if index < last {
                node = parent(node, *siblings.next()?);
            }
            (index, last) = (index / 2, last / 2);
        }
        siblings.next().is_none().then_some(node)
    }
}

/// The root over these digests, in order; none for nothing.
pub fn root(digests: &[B256]) -> Option<B256> {
    let mut level: Vec<B256> = digests.iter().copied().map(leaf).collect();
    while level.len() > 1 {
        level = above(&level);
    }
    level.first().copied()
}

/// The way of the leaf `index` to the root over these digests.
pub fn path(digests: &[B256], index: usize) -> Option<Path> {
    digests.get(index)?;
    let mut level: Vec<B256> = digests.iter().copied().map(leaf).collect();
    let (mut at, mut siblings) = (index, Vec::new());
    while level.len() > 1 {
        siblings.extend(level.get(at ^ 1));
        level = above(&level);
        at /= 2;
    }
    Some(Path {
        index: u64::try_from(index).ok()?,
        count: u64::try_from(digests.len()).ok()?,
        siblings,
    })
}

/// The last of an odd number goes up as it is.
fn above(level: &[B256]) -> Vec<B256> {
    let join = |pair: &[B256]| match pair {
        [left, right] => parent(*left, *right),
        lone => lone.first().copied().unwrap_or_default(),
    };
    level.chunks(2).map(join).collect()
}

fn leaf(digest: B256) -> B256 {
    B256::new(
        Sha256::new()
            .chain_update([0])
            .chain_update(digest)
            .finalize()
            .into(),
    )
}

fn parent(left: B256, right: B256) -> B256 {
    let hash = Sha256::new().chain_update([1]).chain_update(left);
    B256::new(hash.chain_update(right).finalize().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digests(count: usize) -> Vec<B256> {
        (0..count)
            .map(|i| B256::left_padding_from(&i.to_be_bytes()))
            .collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_has_a_way_to_the_root() {
        for count in 1..40 {
            let digests = digests(count);
            let root = root(&digests).unwrap();
            for (index, digest) in digests.iter().enumerate() {
                let path = path(&digests, index).unwrap();
                assert_eq!(path.root(*digest), Some(root), "{index} of {count}");
                assert_ne!(path.root(B256::repeat_byte(9)), Some(root));
            }
        }
        assert_eq!(root(&[]), None);
        assert_eq!(path(&digests(3), 3), None);
    }

    proptest! {
        #[test]
        fn a_way_proves_its_own_place_alone(count in 1usize..200, index in 0usize..200, other in 0u64..200) {
            let digests = digests(count);
            let index = index % count;
            let (root, good) = (root(&digests).unwrap(), path(&digests, index).unwrap());

            let elsewhere = Path { index: other, ..good.clone() };
            if elsewhere != good {
                prop_assert_ne!(elsewhere.root(digests[index]), Some(root));
            }
            let mut longer = good.clone();
            longer.siblings.push(B256::ZERO);
            prop_assert_eq!(longer.root(digests[index]), None);
            let mut shorter = good;
            if shorter.siblings.pop().is_some() {
                prop_assert_eq!(shorter.root(digests[index]), None);
            }
        }
    }
}
