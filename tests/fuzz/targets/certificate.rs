//! A finality certificate as a client sends it, and votes as a peer does.
#![no_main]

use causeway_adapter_hosted::{certificate::FinalityCertificate, scheme};
use commonware_codec::{Decode, Encode};
use libfuzzer_sys::fuzz_target;

/// Validators of the set that votes.
const SET: usize = 7;

fuzz_target!(|raw: &[u8]| {
    if let Ok(certificate) = FinalityCertificate::from_bytes(raw) {
        assert_eq!(certificate.to_bytes().as_ref(), raw);
    }
    if let Ok(votes) = scheme::Certificate::decode_cfg(bytes::Bytes::copy_from_slice(raw), &SET) {
        assert!(!votes.signatures.is_empty() && votes.signatures.len() <= SET);
        assert_eq!(votes.encode().as_ref(), raw);
    }
});
