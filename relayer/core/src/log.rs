//! The event log: every event of the bridge's contracts on every chain, and the daemon's own acts (docs/regulator.md).
//!
//! ```text
//!  segment 7001: e0 <- e1 <- e2 ...   events of a chain, in (height, index) order      \
//!  segment 7002: e0 <- e1 ...                                                           > root over the chains \
//!  segment 0:    a0 <- a1 <- a2 ...   acts of this daemon                               -> root of the acts     > head, signed, anchored
//! ```
//!
//! One segment for each chain, so that the order within it is the chain's own and anybody who reads the chain makes the same
//! bytes and the same root, and a chain that stands still holds up no other (docs/adr/0015-event-log.md). The one order over
//! all segments is [`Entry::place`]. Each entry names the hash of the one before; the hashes are the leaves of a Merkle tree of
//! the shape of RFC 6962.
//!
//! * [`entry`]: what is written, and its one encoding. [`tree`]: roots, inclusion and consistency.
//! * [`Follower`]: checks or grows a segment entry by entry, and names the first that does not hold.
//! * [`head`]: what is signed and anchored. [`lanes`]: that no number of a lane is missing (V5).

pub mod entry;
pub mod head;
pub mod lanes;
pub mod tree;

use alloy_primitives::B256;

pub use self::{
    entry::{Act, Body, ChainEvent, Entry, VERSION},
    head::{Head, SegmentHead},
    lanes::{Gap, Lanes},
    tree::{Tree, TreeError},
};

/// The segment of the daemon's own acts: no chain has the id 0.
pub const ACTS: u64 = 0;

/// Why a log is not what its keeper said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// It is no entry.
    #[error("entry {position} of segment {segment} cannot be read")]
    Unreadable {
        /// Of which segment.
        segment: u64,
        /// Which entry.
        position: u64,
    },
    /// Another encoding of what it says.
    #[error("entry {position} of segment {segment} is not in its one encoding")]
    NotCanonical {
        /// Of which segment.
        segment: u64,
        /// Which entry.
        position: u64,
    },
    /// Of a version that is not known.
    #[error(
        "entry {position} of segment {segment} has version {got}, expected {VERSION}: use a newer program"
    )]
    Version {
        /// Of which segment.
        segment: u64,
        /// Which entry.
        position: u64,
        /// Its version.
        got: u64,
    },
    /// Another entry stands at its place: one was removed, added, or two were exchanged.
    #[error(
        "entry {position} of segment {segment} is missing: entry {got} of segment {of} stands at its place"
    )]
    Misplaced {
        /// Of which segment.
        segment: u64,
        /// Which entry should be there.
        position: u64,
        /// Number of the one that is.
        got: u64,
        /// Segment of the one that is.
        of: u64,
    },
    /// What is kept beside it, to be asked for, says something else than the entry.
    #[error("entry {position} of segment {segment} is not what is kept beside it")]
    Beside {
        /// Of which segment.
        segment: u64,
        /// Which entry.
        position: u64,
    },
    /// It does not name the entry before: that one, or this one, was changed.
    #[error(
        "entry {} of segment {segment} or the one after it was changed: entry {position} names another hash",
        position.saturating_sub(1)
    )]
    Link {
        /// Of which segment.
        segment: u64,
        /// Which entry.
        position: u64,
    },
    /// Within a chain's segment it is older than the one before.
    #[error(
        "entry {position} of segment {segment} stands in a block before that of the entry before it"
    )]
    Order {
        /// Of which segment.
        segment: u64,
        /// Which entry.
        position: u64,
    },
    /// An act in a chain's segment, or an event among the acts.
    #[error("entry {position} of segment {segment} does not belong into this segment")]
    Foreign {
        /// Of which segment.
        segment: u64,
        /// Which entry.
        position: u64,
    },
    /// Fewer entries than a head says.
    #[error(
        "segment {segment} ends after {got} entries: entry {got} is missing, the head says {expected}"
    )]
    Short {
        /// Which segment.
        segment: u64,
        /// As the head says.
        expected: u64,
        /// As there are.
        got: u64,
    },
    /// The entries give another root than the head's.
    #[error(
        "the first {size} entries of segment {segment} have root {got}, the head says {expected}"
    )]
    Root {
        /// Which segment.
        segment: u64,
        /// So many entries.
        size: u64,
        /// As the head says.
        expected: B256,
        /// As it is.
        got: B256,
    },
}

/// One segment, checked or written from its beginning on.
#[derive(Clone, Debug)]
pub struct Follower {
    segment: u64,
    tree: Tree,
    last: B256,
    /// Height and index of the newest event.
    newest: Option<(u64, u64)>,
}

impl Follower {
    /// An empty segment.
    pub fn new(segment: u64) -> Self {
        Self {
            segment,
            tree: Tree::default(),
            last: B256::ZERO,
            newest: None,
        }
    }

    /// Appends what happened `at` a second; returns its bytes and hash.
    ///
    /// # Errors
    /// [`Broken::Order`], [`Broken::Foreign`]: nothing is appended then.
    pub fn append(&mut self, at: u64, body: Body) -> Result<(Entry, Vec<u8>), Broken> {
        let entry = Entry {
            v: VERSION,
            at,
            body,
            segment: self.segment,
            position: self.tree.len(),
            previous: self.last,
        };
        let newest = self.fits(&entry)?;
        let bytes = entry.encode();
        self.push(&bytes, newest);
        Ok((entry, bytes))
    }

    /// Takes the next entry as it is kept.
    ///
    /// # Errors
    /// The first thing that is wrong with it: nothing is taken then.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Entry, Broken> {
        let (segment, position) = (self.segment, self.tree.len());
        let entry = Entry::decode(bytes).map_err(|fault| fault.at(segment, position))?;
        if (entry.segment, entry.position) != (segment, position) {
            return Err(Broken::Misplaced {
                segment,
                position,
                got: entry.position,
                of: entry.segment,
            });
        }
        if entry.previous != self.last {
            return Err(Broken::Link { segment, position });
        }
        let newest = self.fits(&entry)?;
        self.push(bytes, newest);
        Ok(entry)
    }

    /// Its tree.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Entries so far.
    pub fn len(&self) -> u64 {
        self.tree.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Height and index of the newest event of a chain.
    pub const fn newest(&self) -> Option<(u64, u64)> {
        self.newest
    }

    /// Compares with what a head says.
    ///
    /// # Errors
    /// [`Broken::Short`], [`Broken::Root`].
    pub fn check(&self, head: &SegmentHead) -> Result<(), Broken> {
        let (segment, got) = (self.segment, self.len());
        let root = self.tree.root(head.size).map_err(|_| Broken::Short {
            segment,
            expected: head.size,
            got,
        })?;
        if root == head.root {
            return Ok(());
        }
        Err(Broken::Root {
            segment,
            size: head.size,
            expected: head.root,
            got: root,
        })
    }

    fn fits(&self, entry: &Entry) -> Result<Option<(u64, u64)>, Broken> {
        let (segment, position) = (self.segment, entry.position);
        match &entry.body {
            Body::Act(_) if segment == ACTS => Ok(None),
            Body::Event(event) if segment != ACTS => {
                let place = (event.height, event.index);
                if self.newest.is_some_and(|newest| newest >= place) {
                    return Err(Broken::Order { segment, position });
                }
                Ok(Some(place))
            }
            _ => Err(Broken::Foreign { segment, position }),
        }
    }

    fn push(&mut self, bytes: &[u8], newest: Option<(u64, u64)>) {
        self.last = tree::leaf(bytes);
        self.tree.push(self.last);
        self.newest = newest;
    }
}
