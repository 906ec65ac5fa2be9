//! The Merkle tree of a lane: depth 32, filled from the left, grown by one leaf per item and never changed otherwise.
//!
//! ```text
//!   level 2            root of the first four
//!   level 1        n(0,1)            n(2,3)          a node is keccak256(left, right)
//!   level 0      l0      l1        l2      0         what no leaf has reached is an empty subtree, known in advance
//! ```
//!
//! A range proof carries the siblings that a verifier cannot compute: from the lowest level up, first the one left of the
//! range, then the one right of it; an empty subtree is never carried. The contract's `Gateway` verifies exactly this.

use std::ops::Range;

use alloy_primitives::{B256, keccak256};

/// Levels above the leaves.
pub const DEPTH: usize = 32;

/// Leaves a tree can hold.
pub const CAPACITY: u64 = 1 << DEPTH;

/// The tree of one lane, with every node that can no longer change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// `full[level][i]` is the node over leaves `i << level .. (i + 1) << level`, once all of them exist.
    full: Vec<Vec<B256>>,
}

/// Why there is no root or proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// More leaves are meant than the tree has.
    #[error("leaves: expected at most {len}, got {got}")]
    TooFew {
        /// Leaves it has.
        len: u64,
        /// Leaves meant.
        got: u64,
    },
    /// A range of no leaves proves nothing.
    #[error("the range is empty")]
    Empty,
    /// No lane grows past this.
    #[error("the tree is full")]
    Full,
    /// The path is longer or shorter than range and count say.
    #[error("path: expected {expected} siblings, got {got}")]
    PathLength {
        /// Siblings needed.
        expected: usize,
        /// Siblings given.
        got: usize,
    },
}

/// The parent of two nodes.
pub fn node(left: B256, right: B256) -> B256 {
    let mut both = [0_u8; 64];
    both[..32].copy_from_slice(left.as_slice());
    both[32..].copy_from_slice(right.as_slice());
    keccak256(both)
}

/// Roots of empty subtrees by level; a leaf that does not exist is zero.
pub fn empty_nodes() -> [B256; DEPTH + 1] {
    let mut nodes = [B256::ZERO; DEPTH + 1];
    for level in 0..DEPTH {
        nodes[level + 1] = node(nodes[level], nodes[level]);
    }
    nodes
}

impl Tree {
    /// A tree of these leaves, in order.
    ///
    /// # Errors
    /// [`TreeError::Full`].
    pub fn from_leaves(leaves: impl IntoIterator<Item = B256>) -> Result<Self, TreeError> {
        let mut tree = Self::default();
        leaves.into_iter().try_for_each(|leaf| tree.push(leaf))?;
        Ok(tree)
    }

    /// Appends a leaf.
    ///
    /// # Errors
    /// [`TreeError::Full`] after [`CAPACITY`] leaves.
    pub fn push(&mut self, leaf: B256) -> Result<(), TreeError> {
        if self.len() >= CAPACITY {
            return Err(TreeError::Full);
        }
        let mut new = leaf;
        for level in 0.. {
            if self.full.len() == level {
                self.full.push(Vec::new());
            }
            let nodes = &mut self.full[level];
            nodes.push(new);
            // A left child waits for its sibling.
            let [.., left, right] = nodes.as_slice() else {
                break;
            };
            if nodes.len() % 2 == 1 {
                break;
            }
            new = node(*left, *right);
        }
        Ok(())
    }

    /// Leaves so far.
    pub fn len(&self) -> u64 {
        self.full.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether it has no leaf.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaf number `index`.
    pub fn leaf(&self, index: u64) -> Option<B256> {
        let leaves = self.full.first()?;
        leaves.get(usize::try_from(index).ok()?).copied()
    }

    /// The root when there were `count` leaves.
    ///
    /// # Errors
    /// [`TreeError::TooFew`].
    pub fn root(&self, count: u64) -> Result<B256, TreeError> {
        self.check(count)?;
        Ok(self.value(DEPTH, 0, count, &empty_nodes()))
    }

    /// Siblings that prove the leaves `range` against the root of `count` leaves.
    ///
    /// # Errors
    /// [`TreeError::Empty`], [`TreeError::TooFew`].
    pub fn prove(&self, range: Range<u64>, count: u64) -> Result<Vec<B256>, TreeError> {
        self.check(count)?;
        if range.is_empty() {
            return Err(TreeError::Empty);
        }
        if range.end > count {
            return Err(TreeError::TooFew {
                len: count,
                got: range.end,
            });
        }
        let empty = empty_nodes();
        let mut path = Vec::new();
        for step in Siblings::new(range, count) {
            path.extend(
                step.left
                    .map(|index| self.value(step.level, index, count, &empty)),
            );
            path.extend(
                step.right
                    .map(|index| self.value(step.level, index, count, &empty)),
            );
        }
        Ok(path)
    }

    fn check(&self, count: u64) -> Result<(), TreeError> {
        let len = self.len();
        if count > len {
            Err(TreeError::TooFew { len, got: count })
        } else {
            Ok(())
        }
    }

    /// The node over leaves `index << level ..` of a tree of `count` leaves.
    fn value(&self, level: usize, index: u64, count: u64, empty: &[B256; DEPTH + 1]) -> B256 {
        if index << level >= count {
            return empty[level];
        }
        if (index + 1) << level <= count {
            let kept = self.full.get(level).and_then(|nodes| {
                let index = usize::try_from(index).ok()?;
                nodes.get(index).copied()
            });
            if let Some(kept) = kept {
                return kept;
            }
        }
        // At most one node per level is neither full nor empty: this recursion is one path down.
        let below = level.saturating_sub(1);
        node(
            self.value(below, 2 * index, count, empty),
            self.value(below, 2 * index + 1, count, empty),
        )
    }
}

/// The root that `leaves`, beginning at `first`, have with `path` in a tree of `count` leaves: what the contract computes.
///
/// # Errors
/// [`TreeError`] when range, count and path do not belong together.
pub fn root_of(leaves: &[B256], first: u64, count: u64, path: &[B256]) -> Result<B256, TreeError> {
    if leaves.is_empty() {
        return Err(TreeError::Empty);
    }
    let end = first.saturating_add(leaves.len() as u64);
    if end > count || count > CAPACITY {
        let len = count.min(CAPACITY);
        return Err(TreeError::TooFew { len, got: end });
    }
    let steps: Vec<Step> = Siblings::new(first..end, count).collect();
    let expected = steps.iter().map(Step::carried).sum();
    if path.len() != expected {
        return Err(TreeError::PathLength {
            expected,
            got: path.len(),
        });
    }
    let (empty, mut given) = (empty_nodes(), path.iter().copied());
    let mut row = leaves.to_vec();
    for step in steps {
        if step.left.is_some() {
            row.insert(0, given.next().unwrap_or_default());
        }
        if step.right.is_some() {
            row.push(given.next().unwrap_or_default());
        }
        if row.len() % 2 == 1 {
            row.push(empty[step.level]);
        }
        row = row.chunks(2).map(|pair| node(pair[0], pair[1])).collect();
    }
    Ok(row[0])
}

/// What one level of a range proof carries.
struct Step {
    level: usize,
    left: Option<u64>,
    right: Option<u64>,
}

impl Step {
    const fn carried(&self) -> usize {
        self.left.is_some() as usize + self.right.is_some() as usize
    }
}

/// Walks a range from the leaves to the root.
struct Siblings {
    level: usize,
    /// Nodes of this level that the verifier has: first and last.
    first: u64,
    last: u64,
    /// Nodes of this level that are not empty.
    filled: u64,
}

impl Siblings {
    const fn new(range: Range<u64>, count: u64) -> Self {
        Self {
            level: 0,
            first: range.start,
            last: range.end - 1,
            filled: count,
        }
    }
}

impl Iterator for Siblings {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.level == DEPTH {
            return None;
        }
        let left = (self.first % 2 == 1).then(|| self.first - 1);
        let right =
            (self.last.is_multiple_of(2) && self.last + 1 < self.filled).then(|| self.last + 1);
        let step = Step {
            level: self.level,
            left,
            right,
        };
        (self.first, self.last) = (self.first / 2, self.last / 2);
        self.filled = self.filled.div_ceil(2);
        self.level += 1;
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(n: u64) -> Vec<B256> {
        (0..n).map(|i| keccak256(i.to_be_bytes())).collect()
    }

    /// The root by the definition, level by level.
    fn naive(leaves: &[B256]) -> B256 {
        let (mut row, empty) = (leaves.to_vec(), empty_nodes());
        for level in 0..DEPTH {
            if row.len() % 2 == 1 {
                row.push(empty[level]);
            }
            row = row.chunks(2).map(|pair| node(pair[0], pair[1])).collect();
        }
        row.first().copied().unwrap_or(empty[DEPTH])
    }

    #[test]
    fn every_root_on_the_way_is_that_of_the_definition() {
        let all = leaves(21);
        let tree = Tree::from_leaves(all.clone()).expect("fits");

        for count in 0..=21 {
            assert_eq!(
                tree.root(count),
                Ok(naive(&all[..count as usize])),
                "{count}"
            );
        }
    }

    #[test]
    fn every_range_of_every_count_is_proved() {
        let all = leaves(13);
        let tree = Tree::from_leaves(all.clone()).expect("fits");

        for count in 1..=13 {
            for first in 0..count {
                for end in first + 1..=count {
                    let path = tree.prove(first..end, count).expect("in range");
                    let range = &all[first as usize..end as usize];

                    assert_eq!(root_of(range, first, count, &path), tree.root(count));
                }
            }
        }
    }

    #[test]
    fn the_whole_tree_needs_no_path() {
        let tree = Tree::from_leaves(leaves(13)).expect("fits");

        assert_eq!(tree.prove(0..13, 13), Ok(Vec::new()));
    }

    #[test]
    fn a_leaf_at_another_place_has_another_root() {
        let all = leaves(8);
        let tree = Tree::from_leaves(all.clone()).expect("fits");
        let path = tree.prove(2..4, 8).expect("in range");

        assert_ne!(root_of(&all[2..4], 4, 8, &path), tree.root(8));
        assert_ne!(root_of(&[all[3], all[2]], 2, 8, &path), tree.root(8));
    }

    #[test]
    fn surplus_and_missing_siblings_are_refused() {
        let all = leaves(8);
        let tree = Tree::from_leaves(all.clone()).expect("fits");
        let mut path = tree.prove(2..4, 8).expect("in range");

        path.push(B256::ZERO);
        assert_eq!(
            root_of(&all[2..4], 2, 8, &path),
            Err(TreeError::PathLength {
                expected: 2,
                got: 3
            })
        );
        assert!(root_of(&all[2..4], 2, 8, &path[..1]).is_err());
    }

    #[test]
    fn ranges_outside_the_tree_are_refused() {
        let tree = Tree::from_leaves(leaves(3)).expect("fits");

        assert_eq!(tree.prove(1..1, 3), Err(TreeError::Empty));
        assert!(tree.prove(2..4, 3).is_err());
        assert!(tree.root(4).is_err());
        assert!(root_of(&[], 0, 1, &[]).is_err());
        assert!(root_of(&leaves(1), u64::MAX, u64::MAX, &[]).is_err());
    }
}
