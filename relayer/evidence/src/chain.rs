//! From a genesis block to a final one: sets, headers, certificates (docs/rpc.md, "Finality certificates").

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, U256, b256, keccak256};
use alloy_rlp::Decodable;
use secp256k1::{
    Message, SECP256K1,
    ecdsa::{RecoverableSignature, RecoveryId},
};

use crate::{
    Broken,
    file::{Chain, Finality, Handover, Set},
    trie,
};

/// Fewer tolerate no fault.
const MIN_VALIDATORS: usize = 4;
/// No set is larger.
const MAX_VALIDATORS: usize = 101;
/// Where the `ValidatorSet` keeps the hash of the next epoch's vote addresses.
const VOTES_HASH_SLOT: B256 =
    b256!("0x0000000000000000000000000000000000000000000000000000000000000002");
/// Purpose of the votes' domain.
const DOMAIN: &str = "causeway.finality.v1";
/// Kind of a vote that finalises.
const FINALIZE: u64 = 2;

/// What is proved of a chain so far: the set of every epoch from 0 on.
pub(crate) struct Epochs<'a> {
    chain: &'a Chain,
    domain: B256,
    sets: Vec<&'a [Address]>,
}

impl<'a> Epochs<'a> {
    /// The founding set, as the genesis state names it.
    pub(crate) fn founding(chain: &'a Chain, genesis: &Header) -> Result<Self, Broken> {
        if genesis.number != 0 {
            return Err(Broken::GenesisNumber(genesis.number));
        }
        if chain.epoch_length == 0 {
            return Err(Broken::EpochEmpty);
        }
        check_set(&chain.founding, chain, genesis.state_root)?;
        Ok(Self {
            chain,
            domain: domain(chain.id, keccak256(&chain.genesis)),
            sets: vec![&chain.founding.votes],
        })
    }

    /// The newest epoch whose set is known.
    pub(crate) fn newest(&self) -> u64 {
        // There is always the founding set.
        u64::try_from(self.sets.len())
            .unwrap_or(u64::MAX)
            .saturating_sub(1)
    }

    /// Takes in the next epoch's set.
    pub(crate) fn hand_over(&mut self, handover: &'a Handover) -> Result<(), Broken> {
        let last = self.check(&handover.finality)?;
        let epoch = self.newest();
        let next = epoch
            .checked_add(1)
            .and_then(|next| next.checked_mul(self.chain.epoch_length));
        let expected = next.map_or(u64::MAX, |next| next.saturating_sub(1));
        if last.number != expected {
            let got = last.number;
            return Err(Broken::HandoverHeight {
                epoch,
                got,
                expected,
            });
        }
        check_set(&handover.next, self.chain, last.state_root)?;
        self.sets.push(&handover.next.votes);
        Ok(())
    }

    /// Returns the first header, once the headers and the certificate show that its block is final.
    pub(crate) fn check(&self, finality: &Finality) -> Result<Header, Broken> {
        let mut headers = Vec::with_capacity(finality.headers.len());
        let mut hash = None;
        for (index, raw) in finality.headers.iter().enumerate() {
            let header = header(raw, index)?;
            if hash.is_some_and(|parent| parent != header.parent_hash) {
                return Err(Broken::HeaderNotLinked { index });
            }
            hash = Some(keccak256(raw));
            headers.push(header);
        }
        let (Some(certified), Some(hash)) = (headers.last(), hash) else {
            return Err(Broken::HeadersEmpty);
        };
        let (got, height) = (finality.epoch, certified.number);
        let expected = height / self.chain.epoch_length.max(1);
        if got != expected {
            return Err(Broken::EpochWrong {
                height,
                got,
                expected,
            });
        }
        let set = usize::try_from(got)
            .ok()
            .and_then(|epoch| self.sets.get(epoch));
        let newest = self.newest();
        let set = set.ok_or(Broken::EpochUnknown { got, newest })?;
        check_votes(finality, self.digest(finality, hash), set)?;
        Ok(headers.swap_remove(0))
    }

    fn digest(&self, finality: &Finality, block: B256) -> B256 {
        let number = |n: u64| B256::from(U256::from(n));
        let words = [
            self.domain,
            number(FINALIZE),
            number(finality.epoch),
            number(finality.view),
            number(finality.parent_view),
            block,
        ];
        keccak256(words.concat())
    }
}

/// Reads a header that is in its one encoding.
pub(crate) fn header(raw: &[u8], index: usize) -> Result<Header, Broken> {
    let malformed = Broken::HeaderMalformed { index };
    match Header::decode(&mut &*raw) {
        Ok(header) if alloy_rlp::encode(&header) == raw => Ok(header),
        _ => Err(malformed),
    }
}

/// `keccak256(abi.encode("causeway.finality.v1", chainId, genesisHash))`.
fn domain(chain: u64, genesis: B256) -> B256 {
    let mut text = [0; 32];
    text[..DOMAIN.len()].copy_from_slice(DOMAIN.as_bytes());
    let words = [
        B256::from(U256::from(3 * 32)),
        B256::from(U256::from(chain)),
        genesis,
        B256::from(U256::from(DOMAIN.len())),
        B256::from(text),
    ];
    keccak256(words.concat())
}

fn check_set(set: &Set, chain: &Chain, root: B256) -> Result<(), Broken> {
    let (address, key) = (set.slot.address, set.slot.key);
    if address != chain.validator_set || key != VOTES_HASH_SLOT {
        return Err(Broken::SetSlot { address, key });
    }
    let (got, min, max) = (set.votes.len(), MIN_VALIDATORS, MAX_VALIDATORS);
    if !(min..=max).contains(&got) {
        return Err(Broken::SetSize { got, min, max });
    }
    for (index, vote) in set.votes.iter().enumerate() {
        let before = set.votes.iter().take(index);
        if vote.is_zero() || before.clone().any(|other| other == vote) {
            return Err(Broken::SetMember(index));
        }
    }
    trie::slot(root, &set.slot)?;
    let got = keccak256(
        set.votes
            .iter()
            .flat_map(|vote| vote.0.0)
            .collect::<Vec<u8>>(),
    );
    if U256::from_be_bytes(got.0) != set.slot.value {
        return Err(Broken::SetWrong {
            got,
            expected: set.slot.value,
        });
    }
    Ok(())
}

fn check_votes(finality: &Finality, digest: B256, set: &[Address]) -> Result<(), Broken> {
    let (got, size) = (finality.signers.len(), set.len());
    let needed = size.saturating_sub(size.saturating_sub(1) / 3);
    if got < needed {
        return Err(Broken::Quorum { got, needed, size });
    }
    let ascending = finality.signers.is_sorted_by(|a, b| a < b);
    if !ascending || got != finality.signatures.len() {
        return Err(Broken::Signers { size });
    }
    for (index, (signer, signature)) in finality
        .signers
        .iter()
        .zip(&finality.signatures)
        .enumerate()
    {
        let expected = *set
            .get(usize::from(*signer))
            .ok_or(Broken::Signers { size })?;
        if recover(digest, signature) != Some(expected) {
            return Err(Broken::Signature { index, expected });
        }
    }
    Ok(())
}

/// Who signed; `None` for nonsense, and for the second form of a signature (s above half the order, v not 27 or 28).
fn recover(digest: B256, signature: &[u8]) -> Option<Address> {
    let (rs, v) = signature.split_at_checked(64)?;
    let [v @ (27 | 28)] = v else {
        return None;
    };
    let id = RecoveryId::try_from(i32::from(*v) - 27).ok()?;
    let signature = RecoverableSignature::from_compact(rs, id).ok()?;
    let mut low = signature.to_standard();
    low.normalize_s();
    if low != signature.to_standard() {
        return None;
    }
    let key = SECP256K1
        .recover_ecdsa(Message::from_digest(digest.0), &signature)
        .ok()?;
    Some(Address::from_raw_public_key(
        &key.serialize_uncompressed()[1..],
    ))
}
