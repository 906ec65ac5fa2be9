//! How a mock transaction looks on the wire: everything the chain needs is in the bytes, as on a real chain, so a
//! transaction stored before a restart can be sent after it.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use crate::{Action, Bump, ChainError, Lock, Preimage, PreparedTx, TxId, Wanted, codec};

/// A decoded transaction.
#[derive(Clone, Debug)]
pub(super) struct Tx {
    pub(super) chain: u64,
    pub(super) account: Address,
    pub(super) nonce: u64,
    pub(super) bump: Bump,
    pub(super) action: Action,
}

impl Tx {
    pub(super) fn seal(&self) -> Result<PreparedTx, ChainError> {
        let raw = self.encode()?;
        Ok(PreparedTx {
            id: TxId(keccak256(&raw)),
            account: self.account,
            nonce: self.nonce,
            raw,
        })
    }

    fn encode(&self) -> Result<Bytes, ChainError> {
        let mut out = Vec::new();
        out.extend(self.chain.to_be_bytes());
        out.extend(self.account);
        out.extend(self.nonce.to_be_bytes());
        out.push(self.bump.0);
        match &self.action {
            Action::Lock { lock, wanted } => {
                out.push(LOCK);
                out.extend(lock.words()?.concat());
                out.extend(wanted.map(|wanted| wanted.to_memo()).unwrap_or_default());
            }
            Action::Claim { lock, preimage } => {
                out.push(CLAIM);
                out.extend(lock.words()?.concat());
                out.extend(preimage.expose());
            }
            Action::Refund { lock } => {
                out.push(REFUND);
                out.extend(lock.words()?.concat());
            }
            Action::Approve {
                token,
                spender,
                amount,
            } => {
                out.push(APPROVE);
                out.extend(token.iter().chain(spender.iter()));
                out.extend(amount.to_be_bytes::<32>());
            }
            Action::Call { to, value, data } => {
                out.push(if to.is_some() { CALL } else { CREATE });
                out.extend(to.unwrap_or_default());
                out.extend(value.to_be_bytes::<32>());
                out.extend(data);
            }
        }
        Ok(out.into())
    }

    /// `None` for bytes no [`Tx::seal`] wrote.
    pub(super) fn decode(raw: &[u8]) -> Option<Self> {
        let mut input = Input(raw);
        Some(Self {
            chain: u64::from_be_bytes(input.take()?),
            account: Address::from(input.take::<20>()?),
            nonce: u64::from_be_bytes(input.take()?),
            bump: Bump(u8::from_be_bytes(input.take()?)),
            action: action(input)?,
        })
    }
}

fn action(mut input: Input<'_>) -> Option<Action> {
    let [tag] = input.take()?;
    let action = match tag {
        LOCK => {
            let lock = input.lock()?;
            let wanted = if input.0.is_empty() {
                None
            } else {
                Some(Wanted::from_memo(input.rest())?)
            };
            Action::Lock { lock, wanted }
        }
        CLAIM => Action::Claim {
            lock: input.lock()?,
            preimage: Preimage::new(input.take()?),
        },
        REFUND => Action::Refund {
            lock: input.lock()?,
        },
        APPROVE => Action::Approve {
            token: Address::from(input.take::<20>()?),
            spender: Address::from(input.take::<20>()?),
            amount: U256::from_be_bytes(input.take::<32>()?),
        },
        CALL | CREATE => {
            let to = Address::from(input.take::<20>()?);
            Action::Call {
                to: (tag == CALL).then_some(to),
                value: U256::from_be_bytes(input.take::<32>()?),
                data: Bytes::copy_from_slice(input.rest()),
            }
        }
        _ => return None,
    };
    input.0.is_empty().then_some(action)
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn lock(&mut self) -> Option<Lock> {
        let words: [B256; 8] = codec::words(&self.take::<256>()?)?;
        Lock::from_words(&words)
    }
}

const LOCK: u8 = 0;
const CLAIM: u8 = 1;
const REFUND: u8 = 2;
const APPROVE: u8 = 3;
const CALL: u8 = 4;
const CREATE: u8 = 5;
