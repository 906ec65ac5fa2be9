//! The vocabulary shared by the relayer and every adapter.

use std::fmt;

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// EIP-155 chain id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub u64);

/// Number of a block; genesis is 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Height(pub u64);

/// Seconds since the Unix epoch, as chains count them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// Hash of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TxId(pub B256);

/// Id of a lock in one `HashTimeLock` contract: `keccak256(abi.encode(lock))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LockId(pub B256);

/// SHA-256 of a 32-byte preimage (or, for a lock in parts, the Merkle root over such hashes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hashlock(pub B256);

macro_rules! display_inner {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
    )*};
}
display_inner!(ChainId, Height, Timestamp, TxId, LockId, Hashlock);

impl Height {
    /// The height after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Timestamp {
    /// This time moved `seconds` later, stopping at the largest value.
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this time, zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The secret that opens a hash lock: exactly 32 bytes. Zeroised on drop, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Preimage([u8; 32]);

impl Preimage {
    /// Wraps 32 secret bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash lock this preimage opens: SHA-256 over the 32 bytes (FIPS 180-4).
    pub fn hashlock(&self) -> Hashlock {
        Hashlock(B256::from(<[u8; 32]>::from(Sha256::digest(self.0))))
    }

    /// The secret itself, for the one call that reveals it.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Preimage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preimage(..)")
    }
}

/// What is moved: the chain's native points or an ERC-20 token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asset {
    /// The points that pay for gas.
    Native,
    /// An ERC-20 contract.
    Token(Address),
}

impl Asset {
    /// The address the contracts use: zero for native points.
    pub const fn address(self) -> Address {
        match self {
            Self::Native => Address::ZERO,
            Self::Token(token) => token,
        }
    }
}

impl From<Address> for Asset {
    fn from(address: Address) -> Self {
        if address.is_zero() {
            Self::Native
        } else {
            Self::Token(address)
        }
    }
}

/// The windows of a lock and the rest of its packed terms.
///
/// ```text
/// lock ---- only recipient ---- public_claim_at ---- anyone ---- refund_at ---- only sender ---- public_refund_at ---- anyone
///      '------------------ CLAIM by preimage ------------------' '------------------------ REFUND -------------------------'
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// From here anyone may complete a claim; the recipient is paid, the caller earns the safety deposit.
    pub public_claim_at: Timestamp,
    /// The deadline: no claim from here on, the sender may refund.
    pub refund_at: Timestamp,
    /// From here anyone may complete a refund; the sender is paid, the caller earns the safety deposit.
    pub public_refund_at: Timestamp,
    /// Number of equal parts the lock may be claimed in; 1 for a whole lock.
    pub parts: u16,
    /// Bit 0: a claim condition is asked; bit 1: a refund guard is asked.
    pub hook_flags: u8,
    /// Tells otherwise equal locks apart; 112 bits. Stored and sent as decimal text: JSON readers lose such numbers.
    #[serde(with = "decimal_text")]
    pub salt: u128,
}

/// A 128-bit number as decimal text.
mod decimal_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// One hash time lock, as its contract knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lock {
    /// What opens it.
    pub hashlock: Hashlock,
    /// Who is paid by a refund.
    pub sender: Address,
    /// Who is paid by a claim.
    pub recipient: Address,
    /// What is locked.
    pub asset: Asset,
    /// How much, in the asset's smallest unit.
    pub amount: U256,
    /// Native points on top, for whoever completes the lock.
    pub deposit: U256,
    /// Windows, parts, salt.
    pub terms: Terms,
    /// Contract asked by `hook_flags`; zero when no flag is set.
    pub hooks: Address,
}

/// What the sender of a lock wants on the other chain; travels in the memo of its `Locked` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// Where the counterparty locks.
    pub chain: ChainId,
    /// What it locks.
    pub asset: Asset,
    /// How much.
    pub amount: U256,
    /// In whose favour.
    pub recipient: Address,
}

/// Where a lock stands at a final block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// No such lock was ever made; or it was refunded whole after its deadline, which the contract forgets: its
    /// `Refunded` event tells.
    Unknown,
    /// Open; for a lock in parts, bit i of `claimed` is set when part i is claimed.
    Open {
        /// Bitmap of claimed parts.
        claimed: U256,
    },
    /// Claimed, or refunded early or in part: it will never open again.
    Closed,
}

/// What happened to a lock.
// A lock is 300 bytes; events come in pages of some hundreds, and a box for each would be one more thing to unwrap.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was made.
    Locked {
        /// All its terms.
        lock: Lock,
        /// What its sender wants elsewhere; `None` when the memo is empty or not of a form we know.
        wanted: Option<Wanted>,
    },
    /// It was claimed as a whole.
    Claimed {
        /// The revealed secret; public from here on.
        preimage: Preimage,
        /// Who sent the claim.
        by: Address,
    },
    /// One part of it was claimed.
    PartClaimed {
        /// Which part.
        index: u16,
        /// The revealed secret of that part.
        preimage: Preimage,
        /// How much was paid.
        amount: U256,
    },
    /// What was left of it went back.
    Refunded {
        /// How much went back.
        amount: U256,
        /// Who sent the refund.
        by: Address,
    },
}

/// One event of a `HashTimeLock`, in chain order by `(height, index)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which lock.
    pub lock_id: LockId,
    /// What happened.
    pub kind: EventKind,
    /// In which block.
    pub height: Height,
    /// Hash of that block.
    pub block: B256,
    /// Time of that block.
    pub time: Timestamp,
    /// In which transaction.
    pub tx: TxId,
    /// Index of the log within the block.
    pub index: u64,
}

/// A final block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its number.
    pub height: Height,
    /// Its hash.
    pub hash: B256,
    /// Its time.
    pub time: Timestamp,
}

/// Heights from `from` to `to`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeightRange {
    /// First height.
    pub from: Height,
    /// Last height.
    pub to: Height,
}

/// What does not change about a chain while the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainInfo {
    /// Its id.
    pub id: ChainId,
    /// Its name in configuration and on the page.
    pub name: String,
    /// Its `HashTimeLock`.
    pub hash_time_lock: Address,
}

/// What a transaction is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make `lock`; an ERC-20 must be approved first. Native amount and deposit are attached.
    Lock {
        /// The lock, `sender` being the account that sends.
        lock: Lock,
        /// What is wanted elsewhere, if anything.
        wanted: Option<Wanted>,
    },
    /// Reveal the preimage.
    Claim {
        /// The lock.
        lock: Lock,
        /// Its secret.
        preimage: Preimage,
    },
    /// Give a lock back after its deadline.
    Refund {
        /// The lock.
        lock: Lock,
    },
    /// Let `spender` take `amount` of `token`.
    Approve {
        /// The ERC-20.
        token: Address,
        /// Who may take it.
        spender: Address,
        /// At most how much.
        amount: U256,
    },
    /// Any other call, or a deployment when `to` is `None`.
    Call {
        /// Callee.
        to: Option<Address>,
        /// Native points attached.
        value: U256,
        /// Call data or creation code.
        data: Bytes,
    },
}

/// One transaction to be made: who sends it and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// One of the writer's accounts.
    pub account: Address,
    /// What to do.
    pub action: Action,
}

/// A signed transaction. It is stored before it is broadcast (V7), so that a restart sends the same one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedTx {
    /// Its hash.
    pub id: TxId,
    /// Its sender.
    pub account: Address,
    /// Its nonce.
    pub nonce: u64,
    /// Signed bytes in the chain's own encoding.
    pub raw: Bytes,
}

impl fmt::Debug for PreparedTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A claim that was not broadcast yet carries a secret: the bytes stay out of logs.
        f.debug_struct("PreparedTx")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("nonce", &self.nonce)
            .field("bytes", &self.raw.len())
            .finish()
    }
}

/// What the chain knows of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxStatus {
    /// Never heard of, or dropped.
    Unknown,
    /// In the pool, or in a block that is not final yet.
    Pending,
    /// In a final block.
    Final {
        /// Which.
        at: Tip,
        /// Whether it did what it was to do; a reverted transaction is final too.
        succeeded: bool,
        /// Address of the contract it made, for a deployment.
        created: Option<Address>,
        /// Fee paid, in native points.
        fee: U256,
    },
}

/// How urgent a replacement is: 0 for the first attempt, each step raises the fee by at least an eighth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bump(pub u8);

/// Formats bytes for people and logs.
pub fn short_hex(bytes: &[u8]) -> String {
    hex::encode(bytes.get(..4).unwrap_or(bytes))
}
