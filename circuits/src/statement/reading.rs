//! What devices, meters and operators sign, and the trees that admit them. No statement of its own.

use ark_bn254::Fr;

use crate::babyjub::Point;
use crate::context::tag;
use crate::gadgets::curve::PointVar;
use crate::gadgets::eddsa::{self, SignatureValues};
use crate::gadgets::{merkle, poseidon};
use crate::merkle::Path;
use crate::poseidon as native;
use crate::system::{Bit, Builder, Num};

/// Bits of a time.
pub const TIME_BITS: usize = 64;
/// Bits of a value, lifted as [`super::session::encode`] does.
pub const VALUE_BITS: usize = 32;

/// The leaf of an admitted key. A revoked one is replaced by zero.
pub fn leaf(key: Point) -> Fr {
    leaf_of(key.twisted())
}

/// The leaf of a key given by its twisted coordinates, whatever they are.
pub(super) fn leaf_of([x, y]: [Fr; 2]) -> Fr {
    native::hash(&[leaf_tag(), x, y])
}

/// One reading, as the device signs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which number of the device's readings this is.
    pub sequence: u64,
    /// When.
    pub time: u64,
    /// The value, lifted.
    pub value: u32,
}

impl Reading {
    /// What is signed.
    pub fn message(&self) -> Fr {
        let Self {
            sequence,
            time,
            value,
        } = *self;
        native::hash(&[
            reading_tag(),
            Fr::from(sequence),
            Fr::from(time),
            Fr::from(value),
        ])
    }
}

pub(super) fn reading_tag() -> Fr {
    tag("causeway/reading/1")
}

fn leaf_tag() -> Fr {
    tag("causeway/key/leaf/1")
}

/// A key with its place in a tree and its signature.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Twisted coordinates of the key.
    pub key: [Fr; 2],
    /// Its place.
    pub path: Path,
    /// Its signature.
    pub signature: SignatureValues,
}

impl Signed {
    pub(super) fn blank(depth: usize) -> Self {
        let key = crate::babyjub::BASE;
        Self {
            key,
            path: Path::blank(depth),
            signature: SignatureValues::blank(),
        }
    }
}

/// Requires that a key in the tree of `root` signed `message`; gives the bits of its place, and its signature's S.
///
/// Groups: `membership`, `signature`.
pub(super) fn signed(
    c: &mut Builder,
    root: &Num,
    message: &Num,
    signed: &Signed,
) -> (Vec<Bit>, Num) {
    let (key, index) = c.group("membership", |c| {
        let key = PointVar::witness(c, ["key.x", "key.y"], signed.key);
        let leaf = poseidon::tagged(c, leaf_tag(), &[key.x.clone(), key.y.clone()]);
        let (climbed, index) = merkle::root(c, &leaf, &signed.path);
        c.equal(&climbed, root);
        (key, index)
    });
    let s = c.group("signature", |c| {
        eddsa::verify(c, &key, message, &signed.signature)
    });
    (index, s)
}
