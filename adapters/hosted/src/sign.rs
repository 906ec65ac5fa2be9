//! Signing transactions with a raw key, for the relayer's accounts and for loads and tests.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_primitives::{Signature, U256};
use secp256k1::{Message, SECP256K1, SecretKey};

/// Signs an EIP-1559 transaction. The same key and transaction always give the same signature (RFC 6979).
pub fn sign_1559(key: &SecretKey, tx: TxEip1559) -> TxEnvelope {
    let (id, compact) = SECP256K1
        .sign_ecdsa_recoverable(Message::from_digest(tx.signature_hash().0), key)
        .serialize_compact();
    let (r, s) = compact.split_at(32);
    let signature = Signature::new(
        U256::from_be_slice(r),
        U256::from_be_slice(s),
        i32::from(id) == 1,
    );
    TxEnvelope::Eip1559(tx.into_signed(signature))
}

#[cfg(test)]
mod tests {
    use alloy_consensus::transaction::SignerRecoverable as _;
    use alloy_primitives::keccak256;

    use super::*;
    use crate::scheme::address_of;

    #[test]
    fn a_signed_transaction_recovers_to_the_address_of_its_key() {
        for i in 0..8 {
            let key = SecretKey::from_byte_array(keccak256([i]).0).unwrap();
            let tx = TxEip1559 {
                chain_id: 1,
                nonce: u64::from(i),
                ..Default::default()
            };

            let signed = sign_1559(&key, tx);

            assert_eq!(signed.recover_signer().unwrap(), address_of(&key));
        }
    }
}
