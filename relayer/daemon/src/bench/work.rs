//! Pre-signed load.

use std::fmt;

use alloy_consensus::TxEip1559;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall, sol};
use causeway_adapter_hosted::sign::sign_1559;
use causeway_contracts::{HashTimeLock, LockTerms, PointsToken, deploy_code};
use clap::ValueEnum;
use secp256k1::SecretKey;
use sha2::{Digest as _, Sha256};

/// Chain id of every chain the bench starts.
pub(super) const CHAIN_ID: u64 = 7_001;

sol! {
    function transfer(address to, uint256 amount) external returns (bool);
    function mint(address to, uint256 amount) external;
}

/// What the transactions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Work {
    /// Transfers of native points.
    Native,
    /// Transfers of an ERC-20.
    Erc20,
    /// Native locks in a `HashTimeLock`.
    Lock,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Erc20 => "erc20",
            Self::Lock => "lock",
        })
    }
}

/// A signed transaction.
pub(super) struct Signed {
    pub(super) hash: B256,
    pub(super) raw: Bytes,
}

/// Accounts and what they send. Their keys are derived from their index and hold value on throw-away chains alone.
pub(super) struct Workload {
    pub(super) work: Work,
    keys: Vec<(SecretKey, Address)>,
}

impl Workload {
    pub(super) fn new(work: Work, accounts: u64) -> Self {
        let keys = (0..accounts)
            .map(|i| {
                // INVARIANT: a hash is zero or above the group order with probability 2^-128.
                let key =
                    SecretKey::from_byte_array(keccak256(format!("causeway bench account {i}")).0)
                        .expect("a hash is a key");
                (key, causeway_adapter_hosted::scheme::address_of(&key))
            })
            .collect();
        Self { work, keys }
    }

    /// The key and address of the first account.
    pub(super) fn first(&self) -> (&SecretKey, Address) {
        let (key, address) = &self.keys[0];
        (key, *address)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.keys.iter().map(|(_, address)| *address)
    }

    /// Contracts and balances the work needs; all sent by the first account, nonces from 0.
    pub(super) fn set_up(&self) -> Vec<Bytes> {
        let (key, first) = &self.keys[0];
        let mut nonce = 0;
        let mut send = |to: TxKind, input: Bytes, gas: u64| {
            nonce += 1;
            sign(key, nonce - 1, to, U256::ZERO, input, gas)
        };
        match self.work {
            Work::Native => Vec::new(),
            Work::Lock => vec![send(
                TxKind::Create,
                HashTimeLock::BYTECODE.clone(),
                8_000_000,
            )],
            Work::Erc20 => {
                let constructor = PointsToken::constructorCall {
                    name_: "Bench".into(),
                    symbol_: "BENCH".into(),
                    minter_: *first,
                };
                let code = deploy_code(&PointsToken::BYTECODE, &constructor);
                let mut all = vec![send(TxKind::Create, code, 8_000_000)];
                let token = first.create(0);
                for to in self.addresses() {
                    let input = mintCall {
                        to,
                        amount: U256::from(10).pow(U256::from(24)),
                    }
                    .abi_encode()
                    .into();
                    all.push(send(TxKind::Call(token), input, 120_000));
                }
                all
            }
        }
    }

    /// The transaction at a place of the load: account after account in turn, each with its nonces in order. The first
    /// account begins after its transactions of the set-up.
    pub(super) fn transaction(&self, place: usize) -> Signed {
        let account = place % self.keys.len();
        let start = if account == 0 { self.set_up_count() } else { 0 };
        let raw = self.of_account(account, start + (place / self.keys.len()) as u64);
        Signed {
            hash: keccak256(&raw),
            raw,
        }
    }

    const fn set_up_count(&self) -> u64 {
        match self.work {
            Work::Native => 0,
            Work::Lock => 1,
            Work::Erc20 => 1 + self.keys.len() as u64,
        }
    }

    fn of_account(&self, account: usize, nonce: u64) -> Bytes {
        let (key, sender) = &self.keys[account];
        let to = self.keys[(account + 1 + nonce as usize) % self.keys.len()].1;
        let contract = self.keys[0].1.create(0);
        match self.work {
            Work::Native => sign(
                key,
                nonce,
                TxKind::Call(to),
                U256::ONE,
                Bytes::new(),
                21_000,
            ),
            Work::Erc20 => {
                let input = transferCall {
                    to,
                    amount: U256::ONE,
                }
                .abi_encode()
                .into();
                sign(
                    key,
                    nonce,
                    TxKind::Call(contract),
                    U256::ZERO,
                    input,
                    80_000,
                )
            }
            Work::Lock => {
                let preimage = keccak256([sender.as_slice(), &nonce.to_be_bytes()].concat());
                let lock = causeway_contracts::Lock {
                    hashlock: B256::from(<[u8; 32]>::from(Sha256::digest(preimage))),
                    sender: *sender,
                    recipient: to,
                    token: Address::ZERO,
                    amount: U256::ONE,
                    deposit: U256::ZERO,
                    terms: far_terms(nonce),
                    hooks: Address::ZERO,
                };
                let input = HashTimeLock::lockCall {
                    l: lock,
                    memo: Bytes::new(),
                }
                .abi_encode()
                .into();
                sign(
                    key,
                    nonce,
                    TxKind::Call(contract),
                    U256::ONE,
                    input,
                    150_000,
                )
            }
        }
    }
}

/// Windows long enough for any run of the bench.
fn far_terms(salt: u64) -> U256 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let terms = LockTerms::whole(now + 43_200, now + 86_400, now + 129_600, u128::from(salt));
    // INVARIANT: seconds of this century fit in 40 bits.
    terms.pack().expect("times fit their fields")
}

pub(super) fn sign(
    key: &SecretKey,
    nonce: u64,
    to: TxKind,
    value: U256,
    input: Bytes,
    gas_limit: u64,
) -> Bytes {
    let tx = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit,
        max_fee_per_gas: 1_000_000_000_000,
        max_priority_fee_per_gas: 1,
        to,
        value,
        access_list: Default::default(),
        input,
    };
    // The EIP-2718 encoding of a typed transaction hashes to its hash.
    sign_1559(key, tx).encoded_2718().into()
}
