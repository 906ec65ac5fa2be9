//! The Merkle tree over a segment: the tree, paths and proofs of RFC 6962, section 2.1, with SHA-256.
//!
//! It answers for every size it has had, because heads that were signed and anchored are older than the tree.

use std::ops::Range;

use alloy_primitives::B256;
use sha2::{Digest as _, Sha256};

/// The tree, with every node that can no longer change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `full[level][i]` is the node over leaves `i << level .. (i + 1) << level`, once all of them exist.
    full: Vec<Vec<B256>>,
}

/// Why there is no root or proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// It never had so many leaves.
    #[error("the tree has {len} leaves, {got} are meant")]
    TooFew {
        /// Leaves it has.
        len: u64,
        /// Leaves meant.
        got: u64,
    },
    /// There is no such leaf in a tree of that size.
    #[error("no leaf {index} among {size}")]
    NoLeaf {
        /// Which.
        index: u64,
        /// Among so many.
        size: u64,
    },
}

/// The hash of an entry, which is its leaf.
pub fn leaf(entry: &[u8]) -> B256 {
    B256::from_slice(
        &Sha256::new()
            .chain_update([0])
            .chain_update(entry)
            .finalize(),
    )
}

fn node(left: B256, right: B256) -> B256 {
    let hash = Sha256::new().chain_update([1]).chain_update(left);
    B256::from_slice(&hash.chain_update(right).finalize())
}

impl Tree {
    /// Appends a leaf.
    pub fn push(&mut self, leaf: B256) {
        let mut new = leaf;
        for level in 0.. {
            if self.full.len() == level {
                self.full.push(Vec::new());
            }
            let nodes = &mut self.full[level];
            nodes.push(new);
            match nodes.as_slice() {
                [.., left, right] if nodes.len().is_multiple_of(2) => new = node(*left, *right),
                // A left child waits for its sibling.
                _ => return,
            }
        }
    }

    /// Leaves so far.
    pub fn len(&self) -> u64 {
        self.full.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether it has no leaf.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The root when there were `size` leaves; of none, the hash of nothing.
    ///
    /// # Errors
    /// [`TreeError::TooFew`].
    pub fn root(&self, size: u64) -> Result<B256, TreeError> {
        self.had(size)?;
        if size == 0 {
            return Ok(B256::from_slice(&Sha256::digest([])));
        }
        Ok(self.over(0..size))
    }

    /// What proves that leaf `index` is in the tree of `size` leaves.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<B256>, TreeError> {
        self.had(size)?;
        if index >= size {
            return Err(TreeError::NoLeaf { index, size });
        }
        let mut path = Vec::new();
        let mut range = 0..size;
        while range.end - range.start > 1 {
            let (left, right) = halves(&range);
            let (down, beside) = if left.contains(&index) {
                (left, right)
            } else {
                (right, left)
            };
            path.push(self.over(beside));
            range = down;
        }
        path.reverse();
        Ok(path)
    }

    /// What proves that the tree of `old` leaves is the beginning of that of `new`.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<B256>, TreeError> {
        self.had(new)?;
        if old > new {
            let (len, got) = (new, old);
            return Err(TreeError::TooFew { len, got });
        }
        let mut path = Vec::new();
        if old == 0 || old == new {
            return Ok(path);
        }
        let mut range = 0..new;
        let mut whole = true;
        while range.end != old {
            let (left, right) = halves(&range);
            if old <= left.end {
                path.push(self.over(right));
                range = left;
            } else {
                path.push(self.over(left));
                range = right;
                whole = false;
            }
        }
        if !whole {
            path.push(self.over(range));
        }
        path.reverse();
        Ok(path)
    }

    const fn had_at_most(len: u64, size: u64) -> Result<(), TreeError> {
        if size > len {
            return Err(TreeError::TooFew { len, got: size });
        }
        Ok(())
    }

    fn had(&self, size: u64) -> Result<(), TreeError> {
        Self::had_at_most(self.len(), size)
    }

    /// The node over a range that is not empty and lies within the tree, as the RFC splits it.
    fn over(&self, range: Range<u64>) -> B256 {
        let width = range.end - range.start;
        if width.is_power_of_two() {
            // Ranges of the RFC's splits begin at a multiple of their width.
            let level = width.trailing_zeros();
            return self.full[level as usize][(range.start >> level) as usize];
        }
        let (left, right) = halves(&range);
        node(self.over(left), self.over(right))
    }
}

/// A range of at least two leaves, split at the largest power of two below its width.
fn halves(range: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let width = range.end - range.start;
    let half = 1 << (u64::BITS - 1 - (width - 1).leading_zeros());
    let middle = range.start + half;
    (range.start..middle, middle..range.end)
}

/// Whether `leaf` is number `index` of the tree of `size` leaves with this root (RFC 9162, section 2.1.3.2).
pub fn is_included(leaf: B256, index: u64, size: u64, path: &[B256], root: B256) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(*beside, hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node(hash, *beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Whether the tree of `old` leaves is the beginning of that of `new` (RFC 9162, section 2.1.4.2).
pub fn is_consistent(old: (u64, B256), new: (u64, B256), path: &[B256]) -> bool {
    if old.0 > new.0 {
        return false;
    }
    if old.0 == new.0 {
        return path.is_empty() && old.1 == new.1;
    }
    if old.0 == 0 {
        return path.is_empty();
    }
    let first = old.0.is_power_of_two().then_some(old.1);
    let mut path = first.into_iter().chain(path.iter().copied());
    let (mut at, mut last) = (old.0 - 1, new.0 - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let Some(start) = path.next() else {
        return false;
    };
    let (mut before, mut now) = (start, start);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = node(beside, before);
            now = node(beside, now);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            now = node(now, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && before == old.1 && now == new.1
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, hex};

    use super::*;

    /// Leaves and roots that implementations of Certificate Transparency are tested with.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [B256; 9] = [
        b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        b256!("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        b256!("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        b256!("aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        b256!("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        b256!("4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
        b256!("76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        b256!("ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
        b256!("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ];

    fn known() -> Tree {
        let mut tree = Tree::default();
        for text in LEAVES {
            tree.push(leaf(&hex::decode(text).expect("hexadecimal")));
        }
        tree
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let tree = known();

        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(tree.root(size as u64), Ok(*root), "{size}");
        }
    }

    #[test]
    fn every_leaf_of_every_size_is_proved_and_no_other_place_is() {
        let mut tree = Tree::default();
        let leaves: Vec<B256> = (0..40_u8).map(|n| leaf(&[n])).collect();
        leaves.iter().for_each(|leaf| tree.push(*leaf));

        for size in 1..=40 {
            let root = tree.root(size).expect("in range");
            for index in 0..size {
                let path = tree.inclusion(index, size).expect("in range");
                let of = leaves[index as usize];
                assert!(
                    is_included(of, index, size, &path, root),
                    "{index} of {size}"
                );
                assert!(!is_included(leaf(b"x"), index, size, &path, root));
                assert!(size == 1 || !is_included(of, (index + 1) % size, size, &path, root));
                let longer = [path.as_slice(), &[root]].concat();
                assert!(!is_included(of, index, size, &longer, root));
            }
        }
    }

    #[test]
    fn every_beginning_is_proved_and_no_other_root_is() {
        let mut tree = Tree::default();
        (0..40_u8).for_each(|n| tree.push(leaf(&[n])));

        for new in 0..=40 {
            let now = (new, tree.root(new).expect("in range"));
            for old in 0..=new {
                let before = (old, tree.root(old).expect("in range"));
                let path = tree.consistency(old, new).expect("in range");
                assert!(is_consistent(before, now, &path), "{old} of {new}");
                if old > 0 {
                    assert!(!is_consistent((old, leaf(b"x")), now, &path));
                }
                if old > 0 && old < new {
                    assert!(!is_consistent(before, (new, leaf(b"x")), &path));
                    assert!(!is_consistent(before, now, &path[1..]), "{old} of {new}");
                }
            }
        }
    }

    #[test]
    fn what_the_tree_never_had_is_refused() {
        let tree = known();

        assert!(tree.root(9).is_err());
        assert!(tree.inclusion(8, 8).is_err());
        assert!(tree.inclusion(0, 9).is_err());
        assert!(tree.consistency(5, 4).is_err());
        assert!(tree.consistency(5, 9).is_err());
    }
}
