//! Calls, events and errors of `HashTimeLock` and ERC-20, through ethers-contract.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{
    Action, Asset, ChainError, EventKind, Hashlock, Lock, LockId, LockState, Preimage, Terms,
    Wanted,
};
use ethers_contract::BaseContract;
use ethers_core::{
    abi::{Abi, Token, ethabi::AbiError, parse_abi},
    types as eth,
};

use crate::{ConnectError, rpc::Log};

/// A transaction or call, before nonce and price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// Callee; a deployment when `None`.
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
}

/// The interfaces this adapter speaks.
pub(crate) struct Contracts {
    lock: BaseContract,
    token: BaseContract,
    /// Errors by selector.
    errors: HashMap<[u8; 4], AbiError>,
    /// Events by first topic.
    events: HashMap<B256, &'static str>,
}

impl Contracts {
    pub(crate) fn load() -> Result<Self, ConnectError> {
        let (lock_abi, points_abi) = (abi_of(HASH_TIME_LOCK)?, abi_of(POINTS_TOKEN)?);
        let token_abi = parse_abi(&[
            "function approve(address spender, uint256 amount) returns (bool)",
            "function balanceOf(address owner) view returns (uint256)",
        ])
        .map_err(|e| ConnectError::BugBadAbi(e.into()))?;
        let all = lock_abi
            .errors
            .values()
            .chain(points_abi.errors.values())
            .flatten();
        let errors = all.map(|error| (selector(error), error.clone())).collect();
        let mut events = HashMap::new();
        for name in EVENTS {
            let event = lock_abi
                .event(name)
                .map_err(|e| ConnectError::BugBadAbi(e.into()))?;
            events.insert(B256::from(event.signature().0), name);
        }
        Ok(Self {
            lock: lock_abi.into(),
            token: token_abi.into(),
            errors,
            events,
        })
    }

    /// First topics of the events we read.
    pub(crate) fn topics(&self) -> Vec<B256> {
        let mut topics: Vec<_> = self.events.keys().copied().collect();
        topics.sort();
        topics
    }

    /// What to send for `action`.
    pub(crate) fn body(&self, contract: Address, action: &Action) -> Result<Body, ChainError> {
        let to_lock = |value, data| Body {
            to: Some(contract),
            value,
            data,
        };
        Ok(match action {
            Action::Lock { lock, wanted } => {
                let memo = wanted.map(|wanted| wanted.to_memo()).unwrap_or_default();
                let args = (lock_token(lock)?, Token::Bytes(memo.to_vec()));
                to_lock(lock.attached()?, encoded(self.lock.encode("lock", args))?)
            }
            Action::Claim { lock, preimage } => {
                let args = (
                    lock_token(lock)?,
                    Token::FixedBytes(preimage.expose().to_vec()),
                );
                to_lock(U256::ZERO, encoded(self.lock.encode("claim", args))?)
            }
            Action::Refund { lock } => to_lock(
                U256::ZERO,
                encoded(self.lock.encode("refund", (lock_token(lock)?,)))?,
            ),
            Action::Approve {
                token,
                spender,
                amount,
            } => {
                let args = (address_token(*spender), number_token(*amount));
                let data = encoded(self.token.encode("approve", args))?;
                Body {
                    to: Some(*token),
                    value: U256::ZERO,
                    data,
                }
            }
            Action::Call { to, value, data } => Body {
                to: *to,
                value: *value,
                data: data.clone(),
            },
        })
    }

    /// Call data that asks for a lock's state.
    pub(crate) fn state_call(&self, id: LockId) -> Result<Bytes, ChainError> {
        encoded(
            self.lock
                .encode("stateOf", (Token::FixedBytes(id.0.to_vec()),)),
        )
    }

    /// Reads the answer to [`Contracts::state_call`].
    pub(crate) fn state(&self, answer: &[u8]) -> Option<LockState> {
        let mut tokens = Words(
            self.lock
                .decode_output_raw("stateOf", answer)
                .ok()?
                .into_iter(),
        );
        let (state, claimed) = (tokens.number()?, tokens.number()?);
        Some(match u8::try_from(state).ok()? {
            0 => LockState::Unknown,
            1 => LockState::Open { claimed },
            2 | 3 => LockState::Closed,
            _ => return None,
        })
    }

    /// Call data that asks for a token balance.
    pub(crate) fn balance_call(&self, owner: Address) -> Result<Bytes, ChainError> {
        encoded(self.token.encode("balanceOf", (address_token(owner),)))
    }

    /// Reads the answer to [`Contracts::balance_call`].
    pub(crate) fn balance(&self, answer: &[u8]) -> Option<U256> {
        Words(
            self.token
                .decode_output_raw("balanceOf", answer)
                .ok()?
                .into_iter(),
        )
        .number()
    }

    /// Reads a log. `None` when it is not what the contract writes: the node lies, or another contract stands there.
    pub(crate) fn event(&self, log: &Log) -> Option<(LockId, EventKind)> {
        let name = *self.events.get(log.topics.first()?)?;
        let topics = log.topics.iter().map(|topic| eth::H256(topic.0)).collect();
        let data = eth::Bytes::from(log.data.to_vec());
        let tokens = self.lock.decode_event_raw(name, topics, data).ok()?;
        let mut words = Words(tokens.into_iter());
        let id = LockId(words.word()?);
        let kind = match name {
            "Locked" => {
                let (hashlock, recipient) = (words.word()?, words.address()?);
                let lock = words.lock()?;
                let consistent =
                    (lock.hashlock.0, lock.recipient, lock.id().ok()?) == (hashlock, recipient, id);
                let wanted = Wanted::from_memo(&words.bytes()?);
                consistent.then_some(EventKind::Locked { lock, wanted })?
            }
            "Claimed" => {
                let (hashlock, preimage) =
                    (Hashlock(words.word()?), Preimage::new(words.word()?.0));
                let by = words.address()?;
                (preimage.hashlock() == hashlock).then_some(EventKind::Claimed { preimage, by })?
            }
            "PartClaimed" => EventKind::PartClaimed {
                index: u16::try_from(words.number()?).ok()?,
                preimage: Preimage::new(words.word()?.0),
                amount: words.number()?,
            },
            _ => EventKind::Refunded {
                amount: words.number()?,
                by: words.address()?,
            },
        };
        Some((id, kind))
    }

    /// Name and arguments of a revert, as far as it is known.
    pub(crate) fn reason(&self, data: &[u8]) -> String {
        let Some((selector, args)) = data.split_first_chunk::<4>() else {
            return "no reason given".into();
        };
        let named = self
            .errors
            .get(selector)
            .and_then(|error| Some((error, error.decode(args).ok()?)));
        match named {
            Some((error, args)) => format!("{}({})", error.name, join(&args)),
            None => standard_reason(*selector, args).unwrap_or_else(|| {
                format!(
                    "unknown error {}",
                    alloy_primitives::hex::encode_prefixed(selector)
                )
            }),
        }
    }
}

/// `Error(string)` of `require`, `Panic(uint256)` of `assert` and arithmetic.
fn standard_reason(selector: [u8; 4], args: &[u8]) -> Option<String> {
    use ethers_core::abi::{ParamType, decode};
    let (kind, name) = match selector {
        [0x08, 0xc3, 0x79, 0xa0] => (ParamType::String, "Error"),
        [0x4e, 0x48, 0x7b, 0x71] => (ParamType::Uint(256), "Panic"),
        _ => return None,
    };
    let tokens = decode(&[kind], args).ok()?;
    Some(format!("{name}({})", join(&tokens)))
}

/// Arguments for people: numbers in decimal, the rest in hex, bounded.
fn join(tokens: &[Token]) -> String {
    let shown = tokens.iter().take(8).map(|token| match token {
        Token::Uint(number) | Token::Int(number) => number.to_string(),
        Token::Address(address) => Address::from(address.0).to_string(),
        Token::FixedBytes(bytes) | Token::Bytes(bytes) => {
            alloy_primitives::hex::encode_prefixed(bytes.get(..32).unwrap_or(bytes))
        }
        Token::String(text) => text.chars().filter(|c| !c.is_control()).take(200).collect(),
        Token::Bool(value) => value.to_string(),
        Token::Array(_) | Token::FixedArray(_) | Token::Tuple(_) => "..".into(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Decoded tokens, taken one by one.
struct Words(std::vec::IntoIter<Token>);

impl Words {
    fn word(&mut self) -> Option<B256> {
        self.0
            .next()?
            .into_fixed_bytes()
            .and_then(|bytes| B256::try_from(bytes.as_slice()).ok())
    }

    fn address(&mut self) -> Option<Address> {
        self.0
            .next()?
            .into_address()
            .map(|address| Address::from(address.0))
    }

    fn number(&mut self) -> Option<U256> {
        self.0
            .next()?
            .into_uint()
            .map(|number| U256::from_limbs(number.0))
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        self.0.next()?.into_bytes()
    }

    fn lock(&mut self) -> Option<Lock> {
        let mut words = Self(self.0.next()?.into_tuple()?.into_iter());
        Some(Lock {
            hashlock: Hashlock(words.word()?),
            sender: words.address()?,
            recipient: words.address()?,
            asset: Asset::from(words.address()?),
            amount: words.number()?,
            deposit: words.number()?,
            terms: Terms::unpacked(words.number()?),
            hooks: words.address()?,
        })
    }
}

fn lock_token(lock: &Lock) -> Result<Token, ChainError> {
    Ok(Token::Tuple(vec![
        Token::FixedBytes(lock.hashlock.0.to_vec()),
        address_token(lock.sender),
        address_token(lock.recipient),
        address_token(lock.asset.address()),
        number_token(lock.amount),
        number_token(lock.deposit),
        number_token(lock.terms.packed()?),
        address_token(lock.hooks),
    ]))
}

const fn address_token(address: Address) -> Token {
    Token::Address(eth::H160(address.0.0))
}

pub(crate) const fn number(number: U256) -> eth::U256 {
    eth::U256(number.into_limbs())
}

const fn number_token(value: U256) -> Token {
    Token::Uint(number(value))
}

fn encoded<E>(data: Result<eth::Bytes, E>) -> Result<Bytes, ChainError> {
    data.map(|data| Bytes::from(data.0))
        .map_err(|_| ChainError::BugBadOrder("its arguments do not fit the contract"))
}

fn selector(error: &AbiError) -> [u8; 4] {
    let [a, b, c, d, ..] = error.signature().0;
    [a, b, c, d]
}

fn abi_of(artifact: &str) -> Result<Abi, ConnectError> {
    let bad = |e: serde_json::Error| ConnectError::BugBadAbi(e.into());
    let mut artifact: serde_json::Value = serde_json::from_str(artifact).map_err(bad)?;
    serde_json::from_value(artifact["abi"].take()).map_err(bad)
}

const EVENTS: [&str; 4] = ["Locked", "Claimed", "PartClaimed", "Refunded"];

/// The committed artifacts themselves: what is deployed is what is spoken.
const HASH_TIME_LOCK: &str = include_str!("../../../contracts/artifacts/HashTimeLock.json");
const POINTS_TOKEN: &str = include_str!("../../../contracts/artifacts/PointsToken.json");
