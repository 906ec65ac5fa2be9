//! Inclusion in the tries of a block.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, Encodable};
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};

use crate::{Broken, file::Slot};

/// The slot has this value in the state of `root`.
pub(crate) fn slot(root: B256, slot: &Slot) -> Result<(), Broken> {
    let account =
        TrieAccount::decode(&mut slot.account.as_ref()).map_err(|_| Broken::AccountMalformed)?;
    if alloy_rlp::encode(account) != slot.account {
        return Err(Broken::AccountMalformed);
    }
    let key = Nibbles::unpack(keccak256(slot.address));
    path(
        root,
        key,
        Some(slot.account.to_vec()),
        &slot.account_nodes,
        "state",
    )?;
    let key = Nibbles::unpack(keccak256(slot.key));
    let value = (slot.value != U256::ZERO).then(|| alloy_rlp::encode(slot.value));
    path(
        account.storage_root,
        key,
        value,
        &slot.slot_nodes,
        "storage",
    )
}

/// `value` stands at `index` of the list with this root: transactions, receipts.
pub(crate) fn listed(
    root: B256,
    index: u64,
    value: &Bytes,
    nodes: &[Bytes],
    name: &'static str,
) -> Result<(), Broken> {
    let mut key = Vec::new();
    index.encode(&mut key);
    path(
        root,
        Nibbles::unpack(key),
        Some(value.to_vec()),
        nodes,
        name,
    )
}

fn path(
    root: B256,
    key: Nibbles,
    value: Option<Vec<u8>>,
    nodes: &[Bytes],
    name: &'static str,
) -> Result<(), Broken> {
    verify_proof(root, key, value, nodes).map_err(|_| Broken::Path { root: name })
}
