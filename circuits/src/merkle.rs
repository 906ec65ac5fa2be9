//! Binary Merkle trees of Poseidon hashes, as the circuits read them.
//!
//! A node is `Poseidon(left, right)`; a leaf is a field element that is itself a tagged hash of what it stands for, so
//! no node can pass for a leaf. An empty or revoked place holds zero, which is no such hash.

use ark_bn254::Fr;
use ark_ff::Zero;

use crate::error::Error;
use crate::poseidon;

/// Deepest tree: 2^32 leaves.
pub const MAX_DEPTH: usize = 32;

/// Where a leaf stands, and the siblings from the leaf up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Index of the leaf.
    pub index: u64,
    /// Siblings, the leaf's own first.
    pub siblings: Vec<Fr>,
}

impl Path {
    /// A path of zeros, for a circuit without values.
    pub fn blank(depth: usize) -> Self {
        Self {
            index: 0,
            siblings: vec![Fr::zero(); depth],
        }
    }

    /// The root of the tree in which `leaf` stands at this path.
    pub fn root(&self, leaf: Fr) -> Fr {
        let levels = self.siblings.iter().enumerate();
        levels.fold(leaf, |node, (level, sibling)| {
            parent(self.index, level, node, *sibling)
        })
    }
}

/// A tree that holds its leaves.
#[derive(Clone, Debug)]
pub struct Tree {
    /// By level from the leaves up; places past the end are empty.
    levels: Vec<Vec<Fr>>,
    /// Root of an empty tree by height.
    empty: Vec<Fr>,
}

impl Tree {
    /// A tree of 2^depth places, the first of which hold `leaves`.
    ///
    /// # Errors
    ///
    /// When the tree is deeper than [`MAX_DEPTH`] or has fewer places than leaves.
    pub fn new(depth: usize, leaves: Vec<Fr>) -> Result<Self, Error> {
        if depth == 0 || depth > MAX_DEPTH || leaves.len() as u64 > 1 << depth {
            return Err(Error::TreeSize {
                depth,
                leaves: leaves.len(),
            });
        }
        let mut empty = vec![Fr::zero()];
        for level in 0..depth {
            empty.push(poseidon::hash(&[empty[level]; 2]));
        }
        let mut levels = vec![leaves];
        for height in 0..depth {
            let join = |pair: &[Fr]| {
                poseidon::hash(&[pair[0], pair.get(1).copied().unwrap_or(empty[height])])
            };
            levels.push(levels[height].chunks(2).map(join).collect());
        }
        Ok(Self { levels, empty })
    }

    /// The root.
    pub fn root(&self) -> Fr {
        let depth = self.levels.len() - 1;
        self.levels[depth]
            .first()
            .copied()
            .unwrap_or(self.empty[depth])
    }

    /// The path of a leaf.
    ///
    /// # Errors
    ///
    /// When the index is past the last leaf.
    pub fn path(&self, index: usize) -> Result<Path, Error> {
        if index >= self.levels[0].len() {
            return Err(Error::LeafUnknown {
                index,
                leaves: self.levels[0].len(),
            });
        }
        let sibling = |height: usize| {
            let at = (index >> height) ^ 1;
            self.levels[height]
                .get(at)
                .copied()
                .unwrap_or(self.empty[height])
        };
        let siblings = (0..self.levels.len() - 1).map(sibling).collect();
        Ok(Path {
            index: index as u64,
            siblings,
        })
    }

    /// Puts another leaf in a place: zero revokes it.
    ///
    /// # Errors
    ///
    /// When the index is past the last leaf.
    pub fn replace(&mut self, index: usize, leaf: Fr) -> Result<(), Error> {
        let path = self.path(index)?;
        self.levels[0][index] = leaf;
        let mut node = leaf;
        for (level, sibling) in path.siblings.iter().enumerate() {
            node = parent(path.index, level, node, *sibling);
            self.levels[level + 1][index >> (level + 1)] = node;
        }
        Ok(())
    }
}

fn parent(index: u64, level: usize, node: Fr, sibling: Fr) -> Fr {
    match index >> level & 1 {
        0 => poseidon::hash(&[node, sibling]),
        _ => poseidon::hash(&[sibling, node]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u64) -> Vec<Fr> {
        (1..=n).map(Fr::from).collect()
    }

    #[test]
    fn every_leaf_has_a_path_to_the_root() {
        for n in 1..=9 {
            let tree = Tree::new(4, leaves(n)).unwrap();
            for (index, leaf) in leaves(n).into_iter().enumerate() {
                assert_eq!(tree.path(index).unwrap().root(leaf), tree.root());
            }
        }
    }

    #[test]
    fn empty_places_are_zeros() {
        let short = Tree::new(3, leaves(5)).unwrap();
        let mut full = leaves(5);
        full.resize(8, Fr::zero());

        assert_eq!(short.root(), Tree::new(3, full).unwrap().root());
    }

    #[test]
    fn replacing_a_leaf_is_building_anew() {
        let mut tree = Tree::new(3, leaves(5)).unwrap();

        tree.replace(2, Fr::zero()).unwrap();

        let mut changed = leaves(5);
        changed[2] = Fr::zero();
        assert_eq!(tree.root(), Tree::new(3, changed).unwrap().root());
        assert!(matches!(
            tree.replace(5, Fr::zero()),
            Err(Error::LeafUnknown { .. })
        ));
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(matches!(Tree::new(0, vec![]), Err(Error::TreeSize { .. })));
        assert!(matches!(Tree::new(33, vec![]), Err(Error::TreeSize { .. })));
        assert!(matches!(
            Tree::new(1, leaves(3)),
            Err(Error::TreeSize { .. })
        ));
    }
}
