//! The Merkle tree of a lane, as `Gateway` builds and checks it (docs/messages.md, "The tree"): neighbours are paired level
//! by level, the last of an odd number goes up as it is (the shape of RFC 6962). It grows by one leaf per item and is never
//! changed otherwise.
//!
//! ```text
//!   leaves a b c d e   ->   (ab) (cd) e   ->   ((ab)(cd)) e   ->   top = (((ab)(cd)) e)
//! ```

use std::ops::Range;

use alloy_primitives::{Address, B256, Keccak256, keccak256};
use causeway_adapter_api::ChainId;

use crate::lane::LaneId;

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
    /// No leaves are meant: nothing has a root, and an empty range proves nothing.
    #[error("no leaves are meant")]
    Empty,
    /// The path is longer or shorter than range and count say.
    #[error("path: expected {expected} siblings, got {got}")]
    PathLength {
        /// Siblings needed.
        expected: usize,
        /// Siblings given.
        got: usize,
    },
}

/// What an item is, in its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LeafKind {
    /// A message to a contract of the other chain.
    Message = 1,
    /// What became of a message that came the other way.
    Ack = 2,
}

/// The two ends of one direction of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Where items are appended.
    pub from: (ChainId, Address),
    /// Where they are delivered.
    pub to: (ChainId, Address),
    /// Which lane.
    pub lane: LaneId,
}

impl Ends {
    /// What makes leaves and roots of this direction of this lane unlike all others.
    pub fn domain(&self) -> B256 {
        let Self { from, to, lane } = self;
        words([
            keccak256("causeway.lane.v1"),
            number(from.0.0),
            from.1.into_word(),
            number(to.0.0),
            to.1.into_word(),
            number(lane.0.into()),
        ])
    }
}

/// The leaf of an item; of a message also its id.
pub fn leaf(domain: B256, index: u64, kind: LeafKind, body: &[u8]) -> B256 {
    let kind = number(kind as u64);
    words([domain, number(index), kind, keccak256(body)])
}

/// The parent of two nodes.
pub fn node(left: B256, right: B256) -> B256 {
    words([left, right])
}

/// The root that a gateway stores, over the top of a tree of `count` leaves.
pub fn root(domain: B256, count: u64, top: B256) -> B256 {
    words([domain, number(count), top])
}

impl Tree {
    /// A tree of these leaves, in order.
    pub fn from_leaves(leaves: impl IntoIterator<Item = B256>) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: B256) {
        let mut new = leaf;
        for level in 0.. {
            if self.full.len() == level {
                self.full.push(Vec::new());
            }
            let nodes = &mut self.full[level];
            nodes.push(new);
            // A left child waits for its sibling.
            if !nodes.len().is_multiple_of(2) {
                break;
            }
            let [.., left, right] = nodes.as_slice() else {
                break;
            };
            new = node(*left, *right);
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

    /// Leaf number `index`.
    pub fn leaf(&self, index: u64) -> Option<B256> {
        self.kept(0, index)
    }

    /// The top when there were `count` leaves.
    ///
    /// # Errors
    /// [`TreeError::Empty`], [`TreeError::TooFew`].
    pub fn top(&self, count: u64) -> Result<B256, TreeError> {
        self.check(&(0..count), count)?;
        Ok(self.value(levels(count), 0, count))
    }

    /// Range path: what proves the leaves `range` against the top of `count` leaves.
    ///
    /// # Errors
    /// [`TreeError::Empty`], [`TreeError::TooFew`].
    pub fn prove(&self, range: Range<u64>, count: u64) -> Result<Vec<B256>, TreeError> {
        self.check(&range, count)?;
        let beside = |step: Step| {
            let nodes = step.left.into_iter().chain(step.right);
            nodes.map(move |index| self.value(step.level, index, count))
        };
        Ok(Siblings::new(range, count).flat_map(beside).collect())
    }

    /// Peak path: what proves leaf `index` against the peak it lies under in a tree of `count` leaves.
    ///
    /// # Errors
    /// [`TreeError::TooFew`].
    pub fn peak_path(&self, index: u64, count: u64) -> Result<Vec<B256>, TreeError> {
        self.check(&(index..index.saturating_add(1)), count)?;
        // The highest bit in which they differ is set in `count`: the peak of that level covers the leaf.
        let peak = (u64::BITS - 1).saturating_sub((index ^ count).leading_zeros());
        let sibling = |level: u32| (index >> level) ^ 1;
        let path = (0..peak).map(|level| self.value(level as usize, sibling(level), count));
        Ok(path.collect())
    }

    fn check(&self, range: &Range<u64>, count: u64) -> Result<(), TreeError> {
        let len = self.len();
        if range.is_empty() {
            Err(TreeError::Empty)
        } else if count > len {
            Err(TreeError::TooFew { len, got: count })
        } else if range.end > count {
            let (len, got) = (count, range.end);
            Err(TreeError::TooFew { len, got })
        } else {
            Ok(())
        }
    }

    fn kept(&self, level: usize, index: u64) -> Option<B256> {
        let nodes = self.full.get(level)?;
        nodes.get(usize::try_from(index).ok()?).copied()
    }

    /// The node over leaves `index << level ..` of a tree of `count` leaves, which has at least one of them.
    fn value(&self, level: usize, index: u64, count: u64) -> B256 {
        let complete = (index + 1) << level <= count;
        if let Some(kept) = self.kept(level, index).filter(|_| complete || level == 0) {
            return kept;
        }
        // At most one node per level is not complete: this recursion is one path down.
        let below = level.saturating_sub(1);
        let left = self.value(below, 2 * index, count);
        if (2 * index + 1) << below >= count {
            return left;
        }
        node(left, self.value(below, 2 * index + 1, count))
    }
}

/// The top that `leaves`, beginning at `first`, have with `path` in a tree of `count` leaves: what the contract computes.
///
/// # Errors
/// [`TreeError`] when range, count and path do not belong together.
pub fn top_of(leaves: &[B256], first: u64, count: u64, path: &[B256]) -> Result<B256, TreeError> {
    let end = first.saturating_add(leaves.len() as u64);
    if leaves.is_empty() {
        return Err(TreeError::Empty);
    }
    if end > count {
        let (len, got) = (count, end);
        return Err(TreeError::TooFew { len, got });
    }
    let steps: Vec<Step> = Siblings::new(first..end, count).collect();
    let expected = steps.iter().map(Step::carried).sum();
    if path.len() != expected {
        let got = path.len();
        return Err(TreeError::PathLength { expected, got });
    }
    let mut given = path.iter().copied();
    let mut row = leaves.to_vec();
    for step in steps {
        if step.left.is_some() {
            row.splice(0..0, given.next());
        }
        if step.right.is_some() {
            row.extend(given.next());
        }
        row = row.chunks(2).map(pair).collect();
    }
    Ok(row[0])
}

/// Two nodes' parent; one alone goes up as it is.
fn pair(nodes: &[B256]) -> B256 {
    match nodes {
        [left, right] => node(*left, *right),
        _ => nodes[0],
    }
}

/// Levels above the leaves of a tree of `count` leaves.
const fn levels(count: u64) -> usize {
    (u64::BITS - count.saturating_sub(1).leading_zeros()) as usize
}

fn number(value: u64) -> B256 {
    B256::left_padding_from(&value.to_be_bytes())
}

fn words<const N: usize>(words: [B256; N]) -> B256 {
    let mut hasher = Keccak256::new();
    words.iter().for_each(|word| hasher.update(word));
    hasher.finalize()
}

/// What one level of a range path carries.
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

/// Walks a range from the leaves to the top.
struct Siblings {
    level: usize,
    /// Nodes of this level that the verifier has: first and last.
    first: u64,
    last: u64,
    /// Nodes of this level.
    width: u64,
}

impl Siblings {
    const fn new(range: Range<u64>, count: u64) -> Self {
        Self {
            level: 0,
            first: range.start,
            last: range.end - 1,
            width: count,
        }
    }
}

impl Iterator for Siblings {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.width <= 1 {
            return None;
        }
        let left = (self.first % 2 == 1).then(|| self.first - 1);
        let right = self.last.is_multiple_of(2) && self.last + 1 < self.width;
        let step = Step {
            level: self.level,
            left,
            right: right.then(|| self.last + 1),
        };
        (self.first, self.last) = (self.first / 2, self.last / 2);
        self.width = self.width.div_ceil(2);
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

    /// The top by the definition, level by level.
    fn naive(leaves: &[B256]) -> B256 {
        let mut row = leaves.to_vec();
        while row.len() > 1 {
            row = row.chunks(2).map(pair).collect();
        }
        row[0]
    }

    #[test]
    fn every_top_on_the_way_is_that_of_the_definition() {
        let all = leaves(37);
        let tree = Tree::from_leaves(all.clone());

        for count in 1..=37 {
            assert_eq!(
                tree.top(count),
                Ok(naive(&all[..count as usize])),
                "{count}"
            );
        }
    }

    #[test]
    fn every_range_of_every_count_is_proved() {
        let all = leaves(19);
        let tree = Tree::from_leaves(all.clone());

        for count in 1..=19 {
            for first in 0..count {
                for end in first + 1..=count {
                    let path = tree.prove(first..end, count).expect("in range");
                    let range = &all[first as usize..end as usize];

                    assert_eq!(top_of(range, first, count, &path), tree.top(count));
                }
            }
        }
    }

    #[test]
    fn every_leaf_is_proved_against_its_peak() {
        let all = leaves(19);
        let tree = Tree::from_leaves(all.clone());

        for count in 1..=19_u64 {
            for index in 0..count {
                let path = tree.peak_path(index, count).expect("in range");
                let climb = |(level, acc): (u32, B256), sibling: &B256| {
                    let right = (index >> level) & 1 == 1;
                    let up = if right {
                        node(*sibling, acc)
                    } else {
                        node(acc, *sibling)
                    };
                    (level + 1, up)
                };
                let (level, got) = path.iter().fold((0, all[index as usize]), climb);

                // The peak is a set bit of the count, and the complete subtree that begins where it should.
                assert_eq!(count >> level & 1, 1, "{index} of {count}");
                let begin = (count >> (level + 1)) << (level + 1);
                let under = &all[begin as usize..(begin + (1 << level)) as usize];
                assert_eq!(got, naive(under), "{index} of {count}");
            }
        }
    }

    #[test]
    fn the_whole_tree_needs_no_path() {
        let tree = Tree::from_leaves(leaves(13));

        assert_eq!(tree.prove(0..13, 13), Ok(Vec::new()));
    }

    #[test]
    fn a_leaf_at_another_place_has_another_top() {
        let all = leaves(8);
        let tree = Tree::from_leaves(all.clone());
        let path = tree.prove(2..4, 8).expect("in range");

        assert_ne!(top_of(&all[2..4], 4, 8, &path), tree.top(8));
        assert_ne!(top_of(&[all[3], all[2]], 2, 8, &path), tree.top(8));
    }

    #[test]
    fn surplus_and_missing_siblings_are_refused() {
        let all = leaves(8);
        let tree = Tree::from_leaves(all.clone());
        let mut path = tree.prove(2..4, 8).expect("in range");

        path.push(B256::ZERO);
        let (expected, got) = (2, 3);
        assert_eq!(
            top_of(&all[2..4], 2, 8, &path),
            Err(TreeError::PathLength { expected, got })
        );
        assert!(top_of(&all[2..4], 2, 8, &path[..1]).is_err());
    }

    #[test]
    fn ranges_outside_the_tree_are_refused() {
        let tree = Tree::from_leaves(leaves(3));

        assert_eq!(tree.prove(1..1, 3), Err(TreeError::Empty));
        assert!(tree.prove(2..4, 3).is_err());
        assert!(tree.top(4).is_err());
        assert_eq!(tree.top(0), Err(TreeError::Empty));
        assert!(tree.peak_path(3, 3).is_err());
        assert!(top_of(&[], 0, 1, &[]).is_err());
        assert!(top_of(&leaves(1), u64::MAX, u64::MAX, &[]).is_err());
    }

    #[test]
    fn another_direction_or_kind_or_number_has_another_leaf() {
        let from = (ChainId(1), Address::repeat_byte(1));
        let to = (ChainId(2), Address::repeat_byte(2));
        let lane = LaneId(1);
        let there = Ends { from, to, lane }.domain();
        let back = Ends {
            from: to,
            to: from,
            lane,
        }
        .domain();

        let all = [
            leaf(there, 0, LeafKind::Message, b"x"),
            leaf(back, 0, LeafKind::Message, b"x"),
            leaf(there, 1, LeafKind::Message, b"x"),
            leaf(there, 0, LeafKind::Ack, b"x"),
            leaf(there, 0, LeafKind::Message, b"y"),
        ];

        let mut distinct = all.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
    }
}
