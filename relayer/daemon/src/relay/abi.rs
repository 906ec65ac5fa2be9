//! What the relay says to gateways and light clients, and what they say (docs/messages.md).

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall as _, SolEvent as _};
use causeway_adapter_api::{Certificate, Checkpoint, FinalityProof, RawLog};
use causeway_contracts::{Gateway, LightClient, gateway, light_client};
use causeway_core::message::Status;

/// Attributes of a message (ERC-7786): call data of functions that no contract has.
pub(super) mod attribute {
    alloy_sol_types::sol! {
        /// The last second of the destination in which the message is executed.
        function deadline(uint64 second) external;
        /// Gas of its execution.
        function gasLimit(uint64 gas) external;
        /// On the ordered lane.
        function ordered() external;
        /// The recipient is called with the payload.
        function rawCall() external;
    }
}

/// Bytes of a message's body before its payload.
const MESSAGE_HEAD: usize = 57;
/// Bytes of an acknowledgement's body before its result.
const ACK_HEAD: usize = 41;
/// Kind of a leaf that is only passed.
pub(super) const LEAF: u8 = 0;
/// Kind of a message.
pub const MESSAGE: u8 = 1;
/// Kind of an acknowledgement.
pub const ACK: u8 = 2;

/// What a gateway said in one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A lane was opened.
    LaneOpened {
        /// Its number.
        lane: u32,
        /// The other chain.
        remote: u64,
        /// The other gateway.
        remote_gateway: Address,
        /// Light client of the other chain.
        client: Address,
        /// Whether in order.
        ordered: bool,
    },
    /// An item was appended to this side of a lane.
    Appended {
        /// Which lane.
        lane: u32,
        /// Its number.
        index: u64,
        /// Message or acknowledgement.
        kind: u8,
        /// Its content.
        body: Bytes,
    },
    /// A root of the other side is known.
    RootProved {
        /// Which lane.
        lane: u32,
        /// Which root.
        root: B256,
        /// Height of the other chain that proved it.
        height: u64,
    },
    /// An item of the other side was processed.
    Processed {
        /// Which lane.
        lane: u32,
        /// Its number there.
        index: u64,
        /// How.
        how: Processed,
        /// What it returned, or why it failed.
        result: Bytes,
    },
    /// A message of this side got its result.
    Acknowledged {
        /// Which lane.
        lane: u32,
        /// Its number.
        index: u64,
        /// How it ended.
        status: Status,
        /// What the recipient returned.
        result: Bytes,
    },
    /// A message of this side was proved not to have been delivered.
    TimedOut {
        /// Which lane.
        lane: u32,
        /// Its number.
        index: u64,
    },
    /// A sender's hook failed.
    HookFailed {
        /// The message's leaf.
        id: B256,
        /// Whose hook.
        sender: Address,
        /// What is run again.
        data: Bytes,
    },
    /// It went through.
    HookRun {
        /// The message's leaf.
        id: B256,
    },
}

/// What became of an item at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processed {
    /// The recipient took it.
    Executed,
    /// It failed and is kept.
    Failed,
    /// Its recipient is forbidden.
    Refused,
    /// It came too late.
    Expired,
    /// It was given up.
    GivenUp,
    /// Somebody else was first.
    Skipped,
}

impl Processed {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::GivenUp => "given_up",
            Self::Skipped => "skipped",
        }
    }
}

/// Reads a gateway's log; `None` for one the relay has no use for.
pub fn read(log: &RawLog) -> Option<Said> {
    let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone())?;
    let topic = *log.topics.first()?;
    let processed = |lane, index, how, result| Said::Processed {
        lane,
        index,
        how,
        result,
    };
    Some(match topic {
        Gateway::LaneOpened::SIGNATURE_HASH => {
            let e = Gateway::LaneOpened::decode_log(&raw).ok()?.data;
            Said::LaneOpened {
                lane: e.lane,
                remote: e.remoteChainId,
                remote_gateway: e.remoteGateway,
                client: e.client,
                ordered: e.ordered,
            }
        }
        Gateway::ItemAppended::SIGNATURE_HASH => {
            let e = Gateway::ItemAppended::decode_log(&raw).ok()?.data;
            Said::Appended {
                lane: e.lane,
                index: e.index,
                kind: e.kind,
                body: e.body,
            }
        }
        Gateway::RootProved::SIGNATURE_HASH => {
            let e = Gateway::RootProved::decode_log(&raw).ok()?.data;
            Said::RootProved {
                lane: e.lane,
                root: e.root,
                height: e.height,
            }
        }
        Gateway::MessageExecuted::SIGNATURE_HASH => {
            let e = Gateway::MessageExecuted::decode_log(&raw).ok()?.data;
            processed(e.lane, e.index, Processed::Executed, e.result)
        }
        Gateway::MessageFailed::SIGNATURE_HASH => {
            let e = Gateway::MessageFailed::decode_log(&raw).ok()?.data;
            processed(e.lane, e.index, Processed::Failed, e.reason)
        }
        Gateway::MessageRefused::SIGNATURE_HASH => {
            let e = Gateway::MessageRefused::decode_log(&raw).ok()?.data;
            processed(e.lane, e.index, Processed::Refused, Bytes::new())
        }
        Gateway::MessageExpired::SIGNATURE_HASH => {
            let e = Gateway::MessageExpired::decode_log(&raw).ok()?.data;
            processed(e.lane, e.index, Processed::Expired, Bytes::new())
        }
        Gateway::MessageGivenUp::SIGNATURE_HASH => {
            let e = Gateway::MessageGivenUp::decode_log(&raw).ok()?.data;
            processed(e.lane, e.index, Processed::GivenUp, Bytes::new())
        }
        Gateway::ItemSkipped::SIGNATURE_HASH => {
            let e = Gateway::ItemSkipped::decode_log(&raw).ok()?.data;
            processed(e.lane, e.index, Processed::Skipped, Bytes::new())
        }
        Gateway::MessageAcknowledged::SIGNATURE_HASH => {
            let e = Gateway::MessageAcknowledged::decode_log(&raw).ok()?.data;
            Said::Acknowledged {
                lane: e.lane,
                index: e.index,
                status: status(e.outcome)?,
                result: e.result,
            }
        }
        Gateway::MessageTimedOut::SIGNATURE_HASH => {
            let e = Gateway::MessageTimedOut::decode_log(&raw).ok()?.data;
            Said::TimedOut {
                lane: e.lane,
                index: e.index,
            }
        }
        Gateway::HookFailed::SIGNATURE_HASH => {
            let e = Gateway::HookFailed::decode_log(&raw).ok()?.data;
            Said::HookFailed {
                id: e.messageId,
                sender: e.sender,
                data: e.data,
            }
        }
        Gateway::HookRun::SIGNATURE_HASH => {
            let e = Gateway::HookRun::decode_log(&raw).ok()?.data;
            Said::HookRun { id: e.messageId }
        }
        _ => return None,
    })
}

/// A message, read from its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageBody {
    /// Bit 0: raw call; bit 1: notify the sender.
    pub flags: u8,
    /// The last second in which it is executed.
    pub deadline: u64,
    /// Gas its execution may use.
    pub gas_limit: u64,
    /// Who sent it.
    pub sender: Address,
    /// Who is called.
    pub recipient: Address,
    /// What it says.
    pub payload: Bytes,
}

impl MessageBody {
    /// Reads the body of a message; `None` when it is none.
    pub fn read(body: &[u8]) -> Option<Self> {
        let (head, payload) = body.split_at_checked(MESSAGE_HEAD)?;
        Some(Self {
            flags: head[0],
            deadline: u64::from_be_bytes(head[1..9].try_into().ok()?),
            gas_limit: u64::from_be_bytes(head[9..17].try_into().ok()?),
            sender: Address::from_slice(&head[17..37]),
            recipient: Address::from_slice(&head[37..57]),
            payload: Bytes::copy_from_slice(payload),
        })
    }

    /// Whether the recipient is called with the payload as call data.
    pub const fn is_call(&self) -> bool {
        self.flags & 1 == 1
    }
}

/// An acknowledgement, read from its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AckBody {
    /// Number of the message that came the other way.
    pub index: u64,
    /// How it ended.
    pub status: Status,
    /// What the recipient returned.
    pub result: Bytes,
}

impl AckBody {
    /// Reads the body of an acknowledgement; `None` when it is none.
    pub fn read(body: &[u8]) -> Option<Self> {
        let (head, result) = body.split_at_checked(ACK_HEAD)?;
        Some(Self {
            index: u64::from_be_bytes(head[..8].try_into().ok()?),
            status: status(head[40])?,
            result: Bytes::copy_from_slice(result),
        })
    }
}

const fn status(outcome: u8) -> Option<Status> {
    match outcome {
        1 => Some(Status::Executed),
        2 => Some(Status::Failed),
        3 => Some(Status::Refused),
        _ => None,
    }
}

/// Slot of a gateway's root of a lane.
pub(super) fn root_slot(lane: u32) -> B256 {
    slot(u64::from(lane), B256::ZERO)
}

/// Slot with the delivered bit of a message.
pub(super) fn delivered_slot(lane: u32, index: u64) -> B256 {
    slot(index >> 8, slot(u64::from(lane), B256::with_last_byte(1)))
}

fn slot(key: u64, base: B256) -> B256 {
    let mut words = [0; 64];
    words[24..32].copy_from_slice(&key.to_be_bytes());
    words[32..].copy_from_slice(base.as_slice());
    alloy_primitives::keccak256(words)
}

/// A checkpoint as gateways take it.
pub(super) const fn checkpoint(of: &Checkpoint) -> gateway::Gateway::Checkpoint {
    gateway::Gateway::Checkpoint {
        height: of.height.0,
        timestamp: of.time.0,
        stateRoot: of.state_root,
    }
}

/// Bit field of a certificate's signers.
fn signers(of: &Certificate) -> U256 {
    let bits = of.signers.iter();
    bits.fold(U256::ZERO, |bits, signer| bits | (U256::ONE << *signer))
}

/// Vote addresses as the contracts take them: 20 bytes each.
pub(super) fn packed(votes: &[Address]) -> Bytes {
    votes.concat().into()
}

/// The gateway's `update`, to be one of several calls.
pub(super) fn update_call(lane: u32, proof: &FinalityProof) -> Bytes {
    let of = &proof.certificate;
    let certificate = gateway::Gateway::Certificate {
        epoch: of.epoch,
        viewNumber: of.view,
        parentView: of.parent_view,
        signers: signers(of),
        signatures: of.signatures.concat().into(),
    };
    Gateway::updateCall {
        lane,
        headers: proof.headers.clone(),
        certificate,
        votes: packed(&proof.votes),
    }
    .abi_encode()
    .into()
}

/// The light client's own `update`.
pub(crate) fn client_update(proof: &FinalityProof) -> Bytes {
    let of = &proof.certificate;
    let certificate = light_client::LightClient::Certificate {
        epoch: of.epoch,
        viewNumber: of.view,
        parentView: of.parent_view,
        signers: signers(of),
        signatures: of.signatures.concat().into(),
    };
    LightClient::updateCall {
        headers: proof.headers.clone(),
        certificate,
        votes: packed(&proof.votes),
    }
    .abi_encode()
    .into()
}

/// Several calls of a gateway in one transaction.
pub(super) fn multicall(calls: Vec<Bytes>) -> Bytes {
    Gateway::multicallCall { data: calls }.abi_encode().into()
}

/// An account of an EVM chain in the form of ERC-7930.
pub fn interoperable(chain: u64, account: Address) -> Bytes {
    let id = chain.to_be_bytes();
    let id = &id[id.iter().position(|b| *b != 0).unwrap_or(7)..];
    let mut out = vec![0, 1, 0, 0, u8::try_from(id.len()).unwrap_or(8)];
    out.extend_from_slice(id);
    out.push(20);
    out.extend_from_slice(account.as_slice());
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_body_is_read_as_it_is_written() {
        let mut raw = vec![3];
        raw.extend(9_u64.to_be_bytes());
        raw.extend(7_u64.to_be_bytes());
        raw.extend([1; 20]);
        raw.extend([2; 20]);
        raw.extend(b"hi");

        let body = MessageBody::read(&raw).expect("a body");

        assert_eq!((body.flags, body.deadline, body.gas_limit), (3, 9, 7));
        assert_eq!(body.sender, Address::repeat_byte(1));
        assert_eq!(body.recipient, Address::repeat_byte(2));
        assert_eq!(body.payload, Bytes::from_static(b"hi"));
        assert!(body.is_call());
        assert_eq!(MessageBody::read(&raw[..56]), None);
    }

    #[test]
    fn an_ack_body_with_an_unknown_outcome_is_none() {
        let mut raw = vec![0; 41];
        raw[7] = 5;
        raw[40] = 1;

        let body = AckBody::read(&raw).expect("a body");
        assert_eq!((body.index, body.status), (5, Status::Executed));
        for outcome in [0, 4] {
            raw[40] = outcome;
            assert_eq!(AckBody::read(&raw), None);
        }
        assert_eq!(AckBody::read(&raw[..40]), None);
    }

    #[test]
    fn slots_are_those_of_the_paper() {
        use alloy_primitives::keccak256;
        use alloy_sol_types::SolValue;
        let root = keccak256((U256::from(7), U256::ZERO).abi_encode());
        let inner = keccak256((U256::from(7), U256::ONE).abi_encode());
        let bits = keccak256((U256::from(2), inner).abi_encode());

        assert_eq!(root_slot(7), root);
        assert_eq!(delivered_slot(7, 513), bits);
    }

    #[test]
    fn an_address_of_a_chain_is_written_without_leading_zeros() {
        let bytes = interoperable(0x2329, Address::repeat_byte(0xab));

        assert_eq!(bytes[..8], [0, 1, 0, 0, 2, 0x23, 0x29, 20]);
        assert_eq!(bytes[8..], [0xab; 20]);
    }
}
