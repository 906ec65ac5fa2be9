//! Keys from encrypted keystores, and signatures.

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::{Address, Bytes, keccak256};
use causeway_adapter_api::{ChainError, PreparedTx, TxId};
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_signers::{LocalWallet, Signer};
use zeroize::Zeroizing;

use crate::{Account, ConnectError, Password};

/// Wallets by address. Their keys are wiped from memory on drop (k256) and printed nowhere.
pub(crate) struct Keys {
    wallets: BTreeMap<Address, LocalWallet>,
}

impl Keys {
    /// Opens every keystore. Slow by design of the format: call it where blocking is allowed.
    pub(crate) fn open(accounts: &[Account], chain_id: u64) -> Result<Self, ConnectError> {
        let mut wallets = BTreeMap::new();
        for account in accounts {
            let wallet = open(account)?.with_chain_id(chain_id);
            let address = Address::from(wallet.address().0);
            if wallets.insert(address, wallet).is_some() {
                return Err(ConnectError::ConfigAccountTwice(address));
            }
        }
        Ok(Self { wallets })
    }

    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.wallets.keys().copied().collect()
    }

    pub(crate) fn knows(&self, account: Address) -> bool {
        self.wallets.contains_key(&account)
    }

    /// Signs; `None` when there is no key for `account`.
    pub(crate) fn sign(
        &self,
        account: Address,
        nonce: u64,
        tx: &TypedTransaction,
    ) -> Option<Result<PreparedTx, ChainError>> {
        let wallet = self.wallets.get(&account)?;
        let signed = wallet.sign_transaction_sync(tx).map(|signature| {
            let raw = Bytes::from(tx.rlp_signed(&signature).0);
            PreparedTx {
                id: TxId(keccak256(&raw)),
                account,
                nonce,
                raw,
            }
        });
        Some(signed.map_err(|_| ChainError::BugBadOrder("the transaction cannot be signed")))
    }
}

fn open(account: &Account) -> Result<LocalWallet, ConnectError> {
    let path = &account.keystore;
    let password = read_password(&account.password, path)?;
    // A missing file is another mistake than a wrong password: look before decrypting.
    fs::metadata(path).map_err(|source| ConnectError::ConfigUnreadable {
        path: path.clone(),
        source,
    })?;
    let bad = |source| ConnectError::ConfigBadKeystore {
        path: path.clone(),
        source,
    };
    let secret = eth_keystore::decrypt_key(path, password.as_bytes()).map_err(|e| bad(e.into()))?;
    let secret = Zeroizing::new(secret);
    if secret.len() != 32 {
        return Err(bad("the key is not 32 bytes long".into()));
    }
    LocalWallet::from_bytes(&secret).map_err(|e| bad(e.into()))
}

fn read_password(password: &Password, keystore: &Path) -> Result<Zeroizing<String>, ConnectError> {
    match password {
        Password::Env(name) => {
            std::env::var(name)
                .map(Zeroizing::new)
                .map_err(|_| ConnectError::ConfigNoPassword {
                    name: name.clone(),
                    keystore: keystore.to_path_buf(),
                })
        }
        Password::File(path) => {
            let text = fs::read_to_string(path).map(Zeroizing::new);
            let text = text.map_err(|source| ConnectError::ConfigUnreadable {
                path: path.clone(),
                source,
            })?;
            Ok(Zeroizing::new(
                text.lines().next().unwrap_or_default().to_owned(),
            ))
        }
    }
}
