//! A block as a peer sends it, and a transaction as a client does: read to the one encoding of a value, or refused.
#![no_main]

use alloy_consensus::TxEnvelope;
use alloy_eips::{Decodable2718, Encodable2718};
use causeway_adapter_hosted::block::Block;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    if let Ok(block) = Block::decode(raw) {
        let again = Block::new(block.header().clone(), block.transactions().to_vec());
        assert_eq!(again.raw().as_ref(), raw);
    }
    if let Ok(transaction) = TxEnvelope::decode_2718_exact(raw) {
        assert_eq!(transaction.encoded_2718(), raw);
    }
});
