//! The world state of a hosted chain as a persistent value.
//!
//! A [`WorldState`] is cheap to clone and shares everything unchanged with the state it came from, so each executed
//! block keeps its own and forks, recent reads and proofs need no undo. Both the flat maps and the tries are resident
//! in memory; docs/adr/0003 says what that costs.

use std::{convert::Infallible, fmt, sync::Arc};

use alloy_consensus::{EMPTY_ROOT_HASH, constants::KECCAK_EMPTY};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::TrieAccount;
use ethrex_crypto::NativeCrypto;
use ethrex_trie::{NodeRef, Trie};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    database::BundleState,
    primitives::{StorageKey, StorageValue},
    state::AccountInfo,
};

/// How many block hashes `BLOCKHASH` reaches back.
const HASH_WINDOW: u64 = 256;

/// One account.
#[derive(Clone)]
pub struct Account {
    /// Transactions sent, or contracts made.
    pub nonce: u64,
    /// Native points, wei.
    pub balance: U256,
    /// keccak256 of the code.
    pub code_hash: B256,
    /// Slots that are not zero.
    pub storage: imbl::HashMap<U256, U256>,
    /// Root of the storage trie.
    pub storage_root: B256,
    trie: NodeRef,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            nonce: 0,
            balance: U256::ZERO,
            code_hash: KECCAK_EMPTY,
            storage: imbl::HashMap::new(),
            storage_root: EMPTY_ROOT_HASH,
            trie: NodeRef::default(),
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("nonce", &self.nonce)
            .field("balance", &self.balance)
            .field("code_hash", &self.code_hash)
            .field("storage_root", &self.storage_root)
            .field("slots", &self.storage.len())
            .finish()
    }
}

/// Every account, every slot, every code, and the trie over them, at one block.
#[derive(Clone)]
pub struct WorldState {
    accounts: imbl::HashMap<Address, Arc<Account>>,
    code: imbl::HashMap<B256, Bytecode>,
    hashes: imbl::OrdMap<u64, B256>,
    trie: NodeRef,
    root: B256,
}

impl Default for WorldState {
    fn default() -> Self {
        Self {
            accounts: imbl::HashMap::new(),
            code: imbl::HashMap::new(),
            hashes: imbl::OrdMap::new(),
            trie: NodeRef::default(),
            root: EMPTY_ROOT_HASH,
        }
    }
}

impl fmt::Debug for WorldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorldState")
            .field("root", &self.root)
            .field("accounts", &self.accounts.len())
            .finish()
    }
}

/// Proof that an account has, or lacks, what a header's state root says (EIP-1186).
#[derive(Clone, Debug)]
pub struct AccountProof {
    /// The account, empty when it does not exist.
    pub account: Account,
    /// Trie nodes from the root down, RLP.
    pub proof: Vec<Bytes>,
    /// For each asked slot: key, value, nodes.
    pub slots: Vec<(U256, U256, Vec<Bytes>)>,
}

/// Nonce, balance, code hash.
pub type AccountFields = (u64, U256, B256);

/// What one block changed, in the form the store writes.
#[derive(Clone, Debug, Default)]
pub struct StateDelta {
    /// Accounts with their new nonce, balance and code hash; `None` when gone.
    pub accounts: Vec<(Address, Option<AccountFields>)>,
    /// Accounts whose storage was wiped before `slots` apply.
    pub wiped: Vec<Address>,
    /// Slots with their new value; zero when gone.
    pub slots: Vec<(Address, U256, U256)>,
    /// New code by hash.
    pub code: Vec<(B256, Bytes)>,
}

impl WorldState {
    /// Root of the state trie.
    pub const fn root(&self) -> B256 {
        self.root
    }

    /// An account, if it exists.
    pub fn account(&self, address: Address) -> Option<&Account> {
        self.accounts.get(&address).map(AsRef::as_ref)
    }

    /// Number of accounts.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there is no account at all.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Nonce of an account, zero when it does not exist.
    pub fn nonce(&self, address: Address) -> u64 {
        self.account(address).map_or(0, |a| a.nonce)
    }

    /// Balance of an account, zero when it does not exist.
    pub fn balance(&self, address: Address) -> U256 {
        self.account(address).map_or(U256::ZERO, |a| a.balance)
    }

    /// Value of a slot.
    pub fn slot(&self, address: Address, key: U256) -> U256 {
        self.account(address)
            .and_then(|a| a.storage.get(&key).copied())
            .unwrap_or_default()
    }

    /// Code by its hash.
    pub fn code(&self, hash: B256) -> Option<&Bytecode> {
        self.code.get(&hash)
    }

    /// Code of an account, empty for a plain one.
    pub fn code_of(&self, address: Address) -> Bytes {
        self.account(address)
            .and_then(|a| self.code.get(&a.code_hash))
            .map(Bytecode::original_bytes)
            .unwrap_or_default()
    }

    /// The accounts in no order, for the store.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &Account)> {
        self.accounts
            .iter()
            .map(|(address, account)| (address, account.as_ref()))
    }

    /// All code by hash, for the store.
    pub fn codes(&self) -> impl Iterator<Item = (&B256, &Bytecode)> {
        self.code.iter()
    }

    /// Makes a hash available to `BLOCKHASH` and forgets the one that fell out of the window.
    pub fn remember_block(&mut self, number: u64, hash: B256) {
        self.hashes.insert(number, hash);
        if let Some(old) = number.checked_sub(HASH_WINDOW) {
            self.hashes.remove(&old);
        }
    }

    /// Sets a genesis account.
    pub fn set_account(&mut self, address: Address, balance: U256, code: Bytes) {
        let mut account = Account {
            balance,
            ..Default::default()
        };
        if !code.is_empty() {
            account.nonce = 1; // EIP-161: a contract starts at one.
            account.code_hash = self.add_code(code);
        }
        self.install(address, account);
    }

    /// Puts an account in place, replacing what was there.
    pub fn install(&mut self, address: Address, account: Account) {
        let mut trie = Trie::new_temp_with_root(self.trie.clone());
        insert_account(&mut trie, address, &account);
        self.accounts.insert(address, Arc::new(account));
        self.seal(trie);
    }

    /// Registers code and returns its hash.
    pub fn add_code(&mut self, code: Bytes) -> B256 {
        let code = Bytecode::new_raw(code);
        let hash = code.hash_slow();
        self.code.insert(hash, code);
        hash
    }

    /// The state after a block whose execution changed `bundle`, and the changes in the store's form.
    pub fn apply(&self, bundle: &BundleState) -> (Self, StateDelta) {
        let mut next = self.clone();
        let mut delta = StateDelta::default();
        for (hash, code) in &bundle.contracts {
            if next.code.insert(*hash, code.clone()).is_none() {
                delta.code.push((*hash, code.original_bytes()));
            }
        }
        let mut trie = Trie::new_temp_with_root(next.trie.clone());
        for (address, change) in &bundle.state {
            let Some(info) = &change.info else {
                if next.accounts.remove(address).is_some() {
                    remove(&mut trie, keccak256(address));
                    delta.accounts.push((*address, None));
                    delta.wiped.push(*address);
                }
                continue;
            };
            let mut account = next
                .accounts
                .get(address)
                .map(|a| (**a).clone())
                .unwrap_or_default();
            if change.was_destroyed() {
                (account.storage, account.trie) = (imbl::HashMap::new(), NodeRef::default());
                account.storage_root = EMPTY_ROOT_HASH;
                delta.wiped.push(*address);
            }
            account.nonce = info.nonce;
            account.balance = info.balance;
            account.code_hash = info.code_hash;
            let slots = change
                .storage
                .iter()
                .filter(|(_, slot)| slot.is_changed() || change.was_destroyed());
            account.write(
                slots.map(|(key, slot)| (*key, slot.present_value)),
                |key, value| {
                    delta.slots.push((*address, key, value));
                },
            );
            insert_account(&mut trie, *address, &account);
            delta.accounts.push((
                *address,
                Some((account.nonce, account.balance, account.code_hash)),
            ));
            next.accounts.insert(*address, Arc::new(account));
        }
        next.seal(trie);
        (next, delta)
    }

    /// Rebuilds a state from what the store kept; slots must belong to accounts given.
    pub fn rebuild(
        accounts: impl Iterator<Item = (Address, u64, U256, B256)>,
        slots: impl Iterator<Item = (Address, U256, U256)>,
        code: impl Iterator<Item = Bytes>,
    ) -> Self {
        let mut state = Self::default();
        for code in code {
            state.add_code(code);
        }
        let mut stored: std::collections::HashMap<Address, Vec<(U256, U256)>> = Default::default();
        for (address, key, value) in slots {
            stored.entry(address).or_default().push((key, value));
        }
        let mut trie = Trie::new_temp();
        for (address, nonce, balance, code_hash) in accounts {
            let mut account = Account {
                nonce,
                balance,
                code_hash,
                ..Default::default()
            };
            account.write(stored.remove(&address).into_iter().flatten(), |_, _| ());
            insert_account(&mut trie, address, &account);
            state.accounts.insert(address, Arc::new(account));
        }
        state.seal(trie);
        state
    }

    /// Proves an account and some of its slots (EIP-1186).
    pub fn prove(&self, address: Address, keys: &[U256]) -> AccountProof {
        let account = self.account(address).cloned().unwrap_or_default();
        let slots = keys
            .iter()
            .map(|key| {
                let value = account.storage.get(key).copied().unwrap_or_default();
                (
                    *key,
                    value,
                    nodes(&account.trie, keccak256(key.to_be_bytes::<32>())),
                )
            })
            .collect();
        AccountProof {
            proof: nodes(&self.trie, keccak256(address)),
            account,
            slots,
        }
    }

    fn seal(&mut self, trie: Trie) {
        self.root = root_of(&trie);
        self.trie = trie.root;
    }
}

/// Builds a state account by account, so that beside the state itself little is held.
#[derive(Default)]
pub struct StateBuilder {
    state: WorldState,
    trie: Option<Trie>,
}

impl StateBuilder {
    /// Adds code and returns its hash.
    pub fn code(&mut self, code: Bytes) -> B256 {
        self.state.add_code(code)
    }

    /// Whether this code was added.
    pub fn has_code(&self, hash: B256) -> bool {
        self.state.code(hash).is_some()
    }

    /// Adds an account, or more slots of one that was added before.
    pub fn account(
        &mut self,
        address: Address,
        (nonce, balance, code_hash): AccountFields,
        slots: impl Iterator<Item = (U256, U256)>,
    ) {
        let known = self.state.accounts.get(&address);
        let mut account = known.map(|a| (**a).clone()).unwrap_or_default();
        (account.nonce, account.balance, account.code_hash) = (nonce, balance, code_hash);
        account.write(slots, |_, _| ());
        let trie = self.trie.get_or_insert_with(Trie::new_temp);
        insert_account(trie, address, &account);
        self.state.accounts.insert(address, Arc::new(account));
    }

    /// The state.
    pub fn finish(mut self) -> WorldState {
        if let Some(trie) = self.trie {
            self.state.seal(trie);
        }
        self.state
    }
}

impl Account {
    /// Writes slots and brings the storage root up to date; `written` sees each slot once.
    fn write(
        &mut self,
        slots: impl Iterator<Item = (U256, U256)>,
        mut written: impl FnMut(U256, U256),
    ) {
        let mut slots = slots.peekable();
        if slots.peek().is_none() {
            return;
        }
        let mut trie = Trie::new_temp_with_root(self.trie.clone());
        for (key, value) in slots {
            let path = keccak256(key.to_be_bytes::<32>());
            if value.is_zero() {
                if self.storage.remove(&key).is_some() {
                    remove(&mut trie, path);
                }
            } else {
                self.storage.insert(key, value);
                insert(&mut trie, path, alloy_rlp::encode(value));
            }
            written(key, value);
        }
        self.storage_root = root_of(&trie);
        self.trie = trie.root;
    }
}

fn insert_account(trie: &mut Trie, address: Address, account: &Account) {
    let value = TrieAccount {
        nonce: account.nonce,
        balance: account.balance,
        storage_root: account.storage_root,
        code_hash: account.code_hash,
    };
    insert(trie, keccak256(address), alloy_rlp::encode(value));
}

fn insert(trie: &mut Trie, path: B256, value: Vec<u8>) {
    // INVARIANT: every node of the trie is in memory, so no look-up in the (empty) database can fail.
    trie.insert(path.to_vec(), value)
        .expect("all trie nodes are resident");
}

fn remove(trie: &mut Trie, path: B256) {
    // INVARIANT: every node of the trie is in memory, so no look-up in the (empty) database can fail.
    trie.remove(path.as_slice())
        .expect("all trie nodes are resident");
}

fn root_of(trie: &Trie) -> B256 {
    B256::from(trie.hash_no_commit(&NativeCrypto).0)
}

fn nodes(root: &NodeRef, path: B256) -> Vec<Bytes> {
    let trie = Trie::new_temp_with_root(root.clone());
    // INVARIANT: every node of the trie is in memory, so no look-up in the (empty) database can fail.
    let proof = trie
        .get_proof(path.as_slice())
        .expect("all trie nodes are resident");
    proof.into_iter().map(Bytes::from).collect()
}

impl DatabaseRef for WorldState {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.account(address).map(|a| AccountInfo {
            nonce: a.nonce,
            balance: a.balance,
            code_hash: a.code_hash,
            // Handing the code over here saves revm a second look-up by hash.
            code: Some(self.code.get(&a.code_hash).cloned().unwrap_or_default()),
            ..Default::default()
        }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.code.get(&hash).cloned().unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, key: StorageKey) -> Result<StorageValue, Infallible> {
        Ok(self.slot(address, key))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(self.hashes.get(&number).copied().unwrap_or_default())
    }
}
