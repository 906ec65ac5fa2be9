//! Signing what is not a transaction.

use std::{collections::BTreeMap, fmt};

use alloy_primitives::{Address, B256, Bytes};
use causeway_sealed::SealingKey;
use secp256k1::{Message, SECP256K1, SecretKey};

use super::{address_of, sealing_key};

/// Keys of our accounts, for words that are signed beside transactions. Never printed.
#[derive(Clone, Default)]
pub struct Signers(BTreeMap<Address, SecretKey>);

impl Signers {
    /// Collects keys under their addresses.
    pub fn new(keys: impl IntoIterator<Item = SecretKey>) -> Self {
        Self(
            keys.into_iter()
                .map(|key| (address_of(&key), key))
                .collect(),
        )
    }

    /// Whether the key of `account` is here.
    pub fn hold(&self, account: Address) -> bool {
        self.0.contains_key(&account)
    }

    /// The sealing key of an account. `None` without its key.
    pub fn sealing(&self, account: Address) -> Option<SealingKey> {
        let key = self.0.get(&account)?;
        Some(sealing_key(key))
    }

    /// The signature of `digest`: r, s and 27 or 28, as contracts take it. `None` without the key. The same key and digest
    /// always give the same signature (RFC 6979).
    pub fn sign(&self, account: Address, digest: B256) -> Option<Bytes> {
        let key = self.0.get(&account)?;
        let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), key);
        let (id, compact) = signature.serialize_compact();
        let parity = if i32::from(id) == 1 { 28 } else { 27 };
        Some([compact.as_slice(), &[parity]].concat().into())
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signers").field(&self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Signature, keccak256};

    use super::*;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_byte_array(keccak256([seed]).0).expect("a hash is a key")
    }

    #[test]
    fn a_signature_recovers_to_its_account() {
        for seed in 0..8 {
            let account = address_of(&key(seed));
            let digest = keccak256([seed, seed]);

            let signature = Signers::new([key(seed)]).sign(account, digest);

            let signature = signature.expect("the key is there");
            let parsed = Signature::from_raw(&signature).expect("65 bytes");
            let signer = parsed.recover_address_from_prehash(&digest).ok();
            assert_eq!(signer, Some(account));
            assert!(
                parsed.normalize_s().is_none(),
                "the contract takes the low s alone"
            );
        }
    }

    #[test]
    fn nothing_is_signed_for_an_account_of_somebody_else() {
        let signers = Signers::new([key(1)]);

        assert_eq!(signers.sign(address_of(&key(2)), B256::ZERO), None);
    }

    #[test]
    fn keys_are_not_printed() {
        let printed = format!("{:?}", Signers::new([key(1)]));

        assert!(
            !printed.contains(&key(1).display_secret().to_string()),
            "{printed}"
        );
        assert!(
            printed
                .to_lowercase()
                .contains(&format!("{:x}", address_of(&key(1)))),
            "{printed}"
        );
    }
}
