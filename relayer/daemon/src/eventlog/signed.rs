//! Signatures of heads.

use alloy_primitives::{Address, Signature};
use causeway_core::log::Head;

/// Who signed a head; `None` when the signature is none.
pub fn recovered(head: &Head, signature: &[u8]) -> Option<Address> {
    let signature = Signature::from_raw(signature).ok()?;
    if signature.normalize_s().is_some() {
        return None;
    }
    signature.recover_address_from_prehash(&head.digest()).ok()
}

/// Whether the keeper signed a head.
pub fn is_signed_by(head: &Head, keeper: Address, signature: &[u8]) -> bool {
    recovered(head, signature) == Some(keeper)
}
