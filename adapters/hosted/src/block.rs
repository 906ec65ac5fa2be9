//! Blocks of a hosted chain: an Ethereum header and body, with the block hash as the digest consensus votes on.

use std::{ops::RangeBounds, sync::Arc};

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, TxEnvelope, constants::EMPTY_WITHDRAWALS, proofs,
};
use alloy_eips::{eip2718::Encodable2718, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{B64, B256, Bloom, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, Encodable};
use bytes::BufMut;
use commonware_codec::{
    Buf, EncodeSize, Error as CodecError, RangeCfg, Read, Write, varint::MAX_U32_VARINT_SIZE,
};
use commonware_consensus::{BoundedBlock, Heightable, types::Height};
use commonware_cryptography::{Digestible, sha256::Digest};

/// Largest encoded block a validator makes or accepts, in bytes.
pub const MAX_BLOCK_BYTES: usize = 4 << 20;

/// A block: header, transactions, and the bytes it travels and is stored as. Cloning is cheap.
#[derive(Clone)]
pub struct Block(Arc<Inner>);

struct Inner {
    hash: B256,
    header: Header,
    transactions: Vec<TxEnvelope>,
    /// RLP of `[header, transactions, [], []]`, as Ethereum encodes a block (Yellow Paper, section 4.3).
    raw: Bytes,
}

impl Block {
    /// Seals a header over its body.
    pub fn new(header: Header, transactions: Vec<TxEnvelope>) -> Self {
        let body = alloy_consensus::BlockBody {
            transactions,
            ommers: Vec::<Header>::new(),
            withdrawals: Some(Default::default()),
        };
        let block = alloy_consensus::Block { header, body };
        let mut raw = Vec::with_capacity(block.length());
        block.encode(&mut raw);
        Self(Arc::new(Inner {
            hash: block.header.hash_slow(),
            header: block.header,
            transactions: block.body.transactions,
            raw: raw.into(),
        }))
    }

    /// Reads a block from its RLP.
    ///
    /// # Errors
    /// Fails on anything that is not one canonical block with an empty withdrawal list and no ommers.
    pub fn decode(raw: &[u8]) -> Result<Self, alloy_rlp::Error> {
        let mut rest = raw;
        let block = alloy_consensus::Block::<TxEnvelope>::decode(&mut rest)?;
        if !rest.is_empty() {
            return Err(alloy_rlp::Error::UnexpectedLength);
        }
        let empty_withdrawals = block
            .body
            .withdrawals
            .as_ref()
            .is_some_and(|w| w.is_empty());
        if !block.body.ommers.is_empty() || !empty_withdrawals {
            return Err(alloy_rlp::Error::Custom(
                "a block has no ommers and an empty withdrawal list",
            ));
        }
        // The library takes transactions whose length prefix is wrong; two byte strings must never be one block.
        let block = Self::new(block.header, block.body.transactions);
        if block.raw().as_ref() != raw {
            return Err(alloy_rlp::Error::Custom("not the canonical encoding"));
        }
        Ok(block)
    }

    /// keccak256 of the RLP of the header.
    pub fn hash(&self) -> B256 {
        self.0.hash
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The number of the block.
    pub fn number(&self) -> u64 {
        self.0.header.number
    }

    /// The transactions in order.
    pub fn transactions(&self) -> &[TxEnvelope] {
        &self.0.transactions
    }

    /// RLP of the whole block.
    pub fn raw(&self) -> &Bytes {
        &self.0.raw
    }

    /// When the proposer made it, in milliseconds since the Unix epoch.
    pub fn time_ms(&self) -> u64 {
        time_ms(&self.0.header)
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block")
            .field("number", &self.number())
            .field("hash", &self.hash())
            .field("transactions", &self.transactions().len())
            .finish()
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        // The hash covers the header, the header covers the body by its transactions root; a body that does not match
        // its header is refused before it gets here, but equality must not depend on that.
        self.0.raw == other.0.raw
    }
}

impl Eq for Block {}

/// Reads the millisecond time a header carries in `extraData`: eight bytes, big endian.
pub fn time_ms(header: &Header) -> u64 {
    <[u8; 8]>::try_from(header.extra_data.as_ref())
        .map_or(header.timestamp * 1000, u64::from_be_bytes)
}

/// What a proposer decides about a block before it is executed.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Who gets the fees.
    pub beneficiary: alloy_primitives::Address,
}

/// A header with every field that does not depend on execution.
pub fn child_header(
    parent: &Block,
    attributes: Attributes,
    gas_limit: u64,
    base_fee: u64,
) -> Header {
    Header {
        parent_hash: parent.hash(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: attributes.beneficiary,
        difficulty: U256::ZERO,
        number: parent.number() + 1,
        gas_limit,
        timestamp: attributes.time_ms / 1000,
        extra_data: Bytes::copy_from_slice(&attributes.time_ms.to_be_bytes()),
        // Not a beacon: a value every node derives alike and that differs from block to block.
        mix_hash: keccak256(parent.hash()),
        nonce: B64::ZERO,
        base_fee_per_gas: Some(base_fee),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        logs_bloom: Bloom::ZERO,
        ..Default::default()
    }
}

/// Root of the transaction trie (Yellow Paper, section 4.3).
pub fn transactions_root(transactions: &[TxEnvelope]) -> B256 {
    proofs::calculate_transaction_root(transactions)
}

/// Bytes one transaction adds to a block.
pub fn encoded_len(transaction: &TxEnvelope) -> usize {
    // A typed transaction is an RLP string inside the block: at most 9 bytes of header on top.
    transaction.encode_2718_len() + 9
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.raw.0.write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        self.0.raw.0.encode_size()
    }
}

impl Read for Block {
    type Cfg = RangeCfg<usize>;

    fn read_cfg(buf: &mut impl Buf, cfg: &Self::Cfg) -> Result<Self, CodecError> {
        let raw = bytes::Bytes::read_cfg(buf, cfg)?;
        Self::decode(&raw).map_err(|_| CodecError::Invalid("Block", "not the RLP of one block"))
    }
}

impl Digestible for Block {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        Digest(self.0.hash.0)
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.number())
    }
}

impl commonware_consensus::Block for Block {
    fn parent(&self) -> Digest {
        Digest(self.0.header.parent_hash.0)
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(cfg: &Self::Cfg) -> usize {
        let longest = match cfg.end_bound() {
            std::ops::Bound::Included(longest) => *longest,
            std::ops::Bound::Excluded(end) => end.saturating_sub(1),
            std::ops::Bound::Unbounded => MAX_BLOCK_BYTES,
        };
        MAX_U32_VARINT_SIZE + longest
    }
}
