//! What ports and locks say, and what is said to them.

use alloy_primitives::{B256, Bytes};
use alloy_sol_types::{SolCall as _, SolEvent as _, SolValue, sol};
use causeway_adapter_api::{ChainId, Lock, LockId, RawLog, Timestamp};
use causeway_contracts::{HashTimeLock, PegMint};
use causeway_core::peg::{Port, Promise, Route, memo};

use crate::crossing::{CrossingError, Evidence};

sol! {
    /// Evidence of `IPegPort.checkRefund`.
    struct RefundEvidence { Point checkpoint; bytes[] accountProof; bytes[] storageProof; }
    /// See `contracts/src/LightClientTypes.sol`.
    struct Point { uint64 height; uint64 timestamp; bytes32 stateRoot; }
}

/// What one log says.
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time; plain values keep `match` plain"
)]
pub(super) enum Heard {
    Locked {
        id: LockId,
        lock: Lock,
        memo: Bytes,
    },
    LockClaimed {
        id: LockId,
        preimage: B256,
    },
    LockRefunded {
        id: LockId,
    },
    Opened {
        id: LockId,
        ready_at: Timestamp,
        paid: bool,
    },
    Paid {
        id: LockId,
    },
    Claimed {
        id: LockId,
        preimage: B256,
    },
    Port(Port),
}

/// Reads a log of a `HashTimeLock` or a port; `None` for one the peg has no use for. Both ports speak the same words.
pub(super) fn hear(log: &RawLog) -> Option<Heard> {
    let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone())?;
    Some(match *log.topics.first()? {
        HashTimeLock::Locked::SIGNATURE_HASH => {
            let e = HashTimeLock::Locked::decode_log(&raw).ok()?.data;
            Heard::Locked {
                id: LockId(e.id),
                lock: read_lock(&e.lock)?,
                memo: e.memo,
            }
        }
        HashTimeLock::Claimed::SIGNATURE_HASH => {
            let e = HashTimeLock::Claimed::decode_log(&raw).ok()?.data;
            Heard::LockClaimed {
                id: LockId(e.id),
                preimage: e.preimage,
            }
        }
        HashTimeLock::Refunded::SIGNATURE_HASH => {
            let e = HashTimeLock::Refunded::decode_log(&raw).ok()?.data;
            Heard::LockRefunded { id: LockId(e.id) }
        }
        PegMint::PegOpened::SIGNATURE_HASH => {
            let e = PegMint::PegOpened::decode_log(&raw).ok()?.data;
            Heard::Opened {
                id: LockId(e.id),
                ready_at: Timestamp(e.claimableAt),
                paid: e.paid,
            }
        }
        PegMint::PegPaid::SIGNATURE_HASH => {
            let e = PegMint::PegPaid::decode_log(&raw).ok()?.data;
            Heard::Paid { id: LockId(e.id) }
        }
        PegMint::PegClaimed::SIGNATURE_HASH => {
            let e = PegMint::PegClaimed::decode_log(&raw).ok()?.data;
            Heard::Claimed {
                id: LockId(e.id),
                preimage: e.preimage,
            }
        }
        PegMint::PegPaused::SIGNATURE_HASH => Heard::Port(Port::Paused),
        PegMint::PegUnpaused::SIGNATURE_HASH => Heard::Port(Port::Running),
        _ => return None,
    })
}

/// `HashTimeLock.lock` with the memo that tells everybody where it goes.
pub(super) fn lock(
    chain: ChainId,
    lock: &Lock,
    route: &Route,
    promise: &Promise,
) -> Result<Bytes, CrossingError> {
    let call = HashTimeLock::lockCall {
        l: written(chain, lock)?,
        memo: memo(route, promise).into(),
    };
    Ok(call.abi_encode().into())
}

/// `open` of the destination's port.
pub(super) fn open(
    chain: ChainId,
    lock: &Lock,
    promise: &Promise,
    evidence: Evidence,
) -> Result<Bytes, CrossingError> {
    let call = PegMint::openCall {
        l: written(chain, lock)?,
        terms: PegMint::PegTerms {
            recipient: promise.recipient,
            nonce: promise.nonce,
        },
        checkpoint: PegMint::Checkpoint {
            height: evidence.checkpoint.height.0,
            timestamp: evidence.checkpoint.time.0,
            stateRoot: evidence.checkpoint.state_root,
        },
        accountProof: evidence.account_nodes,
        storageProof: evidence.slot_nodes,
    };
    Ok(call.abi_encode().into())
}

/// `claim` of the destination's port with a secret that is public.
pub(super) fn claim(chain: ChainId, lock: &Lock, preimage: B256) -> Result<Bytes, CrossingError> {
    let l = written(chain, lock)?;
    Ok(PegMint::claimCall { l, preimage }.abi_encode().into())
}

/// The same up to the secret, which is its last word.
pub(super) fn claim_without_secret(chain: ChainId, lock: &Lock) -> Result<Bytes, CrossingError> {
    let whole = claim(chain, lock, B256::ZERO)?;
    Ok(whole.slice(..whole.len().saturating_sub(B256::len_bytes())))
}

/// `collect` of the origin's port.
pub(super) fn collect(chain: ChainId, lock: &Lock, preimage: B256) -> Result<Bytes, CrossingError> {
    let l = written(chain, lock)?;
    Ok(PegMint::collectCall { l, preimage }.abi_encode().into())
}

/// `HashTimeLock.refundWith` a proof that the other port did not pay.
pub(super) fn refund(
    chain: ChainId,
    lock: &Lock,
    evidence: Evidence,
) -> Result<Bytes, CrossingError> {
    let absence = RefundEvidence {
        checkpoint: Point {
            height: evidence.checkpoint.height.0,
            timestamp: evidence.checkpoint.time.0,
            stateRoot: evidence.checkpoint.state_root,
        },
        accountProof: evidence.account_nodes,
        storageProof: evidence.slot_nodes,
    };
    let call = HashTimeLock::refundWithCall {
        l: written(chain, lock)?,
        evidence: absence.abi_encode_params().into(),
    };
    Ok(call.abi_encode().into())
}

/// A lock as one of the contracts writes it: all of them write the same eight words.
fn written<L: SolValue + From<<L::SolType as alloy_sol_types::SolType>::RustType>>(
    chain: ChainId,
    lock: &Lock,
) -> Result<L, CrossingError> {
    let words = lock.words()?.concat();
    L::abi_decode(&words).map_err(|_| CrossingError::NodeMalformed {
        chain,
        contract: "HashTimeLock",
    })
}

fn read_lock(lock: &HashTimeLock::Lock) -> Option<Lock> {
    let words = lock.abi_encode();
    let words: Vec<B256> = words.chunks_exact(32).map(B256::from_slice).collect();
    Lock::from_words(words.as_slice().try_into().ok()?)
}
