//! Points leave the public chain and come back, by the hash-locked peg: carol is the user, dave carries. Nothing is
//! believed but certificates (docs/transfers.md, rules P1..).

use std::time::Instant;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use causeway_adapter_api::{
    Action, Asset, Bump, ChainReader as _, ChainWriter as _, ContractReader as _, FinalityProof,
    Height, Order, Preimage, Provable as _, StateProof,
};
use causeway_adapter_hosted::adapter::HostedChain;
use causeway_contracts::{
    HashTimeLock, Lock, LockTerms, PegMemo, PegMint, PegToken, PointsToken, lock_id,
    peg::{LOCKS_SLOT, mapping_slot},
    terms::REFUND_GUARD,
};
use causeway_core::explain::decimal;
use serde_json::{Value, json};

use super::{DemoError, POINT, Stage, follow::LOOK, points};
use crate::{
    contracts::{Peg, finalised},
    local::{CAROL, DAVE},
    relay::abi,
};

/// Points that leave and come back, smallest units.
const PEGGED: u128 = 11 * POINT;
/// Seconds until the other side pays no more.
const WINDOW: u64 = 90;
/// Seconds from there until the lock goes back, and again until anybody sends it back.
const MARGIN: u64 = 60;
/// Longest wait for a certificate.
const LIMIT_SECONDS: u64 = 60;

/// What came of one crossing.
pub(super) struct Crossed {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// Both chains as the user and the carrier see them.
pub(super) struct Pegging<'a> {
    stage: &'a Stage<'a>,
    peg: Peg,
    locks: Address,
    /// By carol and by dave.
    public: [HostedChain; 2],
    consortium: [HostedChain; 2],
}

/// One way over the peg.
struct Way<'a> {
    origin: &'a [HostedChain; 2],
    destination: &'a [HostedChain; 2],
    token: Address,
}

impl<'a> Pegging<'a> {
    pub(super) fn new(stage: &'a Stage<'a>) -> Option<Self> {
        let chains = &stage.daemon.chains;
        let both = |hosting| {
            Some([
                chains.as_account(hosting, CAROL)?,
                chains.as_account(hosting, DAVE)?,
            ])
        };
        Some(Self {
            peg: chains.peg()?,
            locks: stage.public.chain.info().hash_time_lock,
            public: both(stage.public)?,
            consortium: both(stage.consortium)?,
            stage,
        })
    }

    /// Carol's public points become pegged points of the consortium chain.
    pub(super) async fn peg_in(&self) -> Result<Crossed, DemoError> {
        let way = Way {
            origin: &self.public,
            destination: &self.consortium,
            token: points(self.stage.public).address(),
        };
        let (height, hash) = self.cross(&way).await?;
        let (held, minted) = self.books().await?;
        let ok = held == minted && held == U256::from(PEGGED);
        Ok(Crossed {
            ok,
            text: format!(
                "11 public points are pegged points of carol; the vault holds {}, minted are {}; proved by \
                 public block {height}",
                decimal(held, 18),
                decimal(minted, 18)
            ),
            found: json!({
                "hashlock": hash, "held": held.to_string(), "minted": minted.to_string(),
                "certificates": { "public": height },
            }),
        })
    }

    /// They come back: burned there, released here.
    pub(super) async fn peg_out(&self) -> Result<Crossed, DemoError> {
        let way = Way {
            origin: &self.consortium,
            destination: &self.public,
            token: self.peg.pegged,
        };
        let (height, hash) = self.cross(&way).await?;
        let (held, minted) = self.books().await?;
        Ok(Crossed {
            ok: held.is_zero() && minted.is_zero(),
            text: format!(
                "carol has her 11 points back; the vault holds {}, minted are {}; proved by consortium block \
                 {height}",
                decimal(held, 18),
                decimal(minted, 18)
            ),
            found: json!({
                "hashlock": hash, "held": held.to_string(), "minted": minted.to_string(),
                "certificates": { "consortium": height },
            }),
        })
    }

    /// Lock at the origin, opening by proof, claim, and the port paid at the origin. Returns the proving height.
    async fn cross(&self, way: &Way<'_>) -> Result<(Height, B256), DemoError> {
        let ([user, carrier], [user_there, carrier_there]) = (way.origin, way.destination);
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| DemoError::Pair)?;
        let secret = Preimage::new(secret);
        let now = user.finalized().await?.time.0;
        let carol = self.stage.carol;
        let memo = PegMemo {
            destination_chain_id: user_there.info().id.0,
            destination_port: self.peg.port,
            recipient: carol,
            nonce: U256::from(now),
        };
        let hashlock = secret.hashlock().0;
        let times = [
            now + WINDOW,
            now + WINDOW + MARGIN,
            now + WINDOW + 2 * MARGIN,
        ];
        let terms = LockTerms {
            hook_flags: REFUND_GUARD,
            ..LockTerms::whole(times[0], times[1], times[2], memo.salt(hashlock))
        };
        let lock = Lock {
            hashlock,
            sender: carol,
            recipient: self.peg.port,
            token: way.token,
            amount: U256::from(PEGGED),
            deposit: U256::ZERO,
            terms: terms.pack().map_err(|_| DemoError::Pair)?,
            hooks: self.peg.port,
        };
        let approve = PointsToken::approveCall {
            spender: self.locks,
            value: lock.amount,
        };
        act(user, carol, way.token, approve).await?;
        let call = HashTimeLock::lockCall {
            l: lock.clone(),
            memo: memo.encode(),
        };
        act(user, carol, self.locks, call).await?;
        let (proof, state) = self.lock_proof(carrier, &lock).await?;
        let opening = self.opening(&lock, &memo, &proof, state);
        let dave = self.stage.dave;
        send(
            carrier_there,
            dave,
            self.peg.client,
            abi::client_update(&proof),
        )
        .await?;
        act(carrier_there, dave, self.peg.port, opening).await?;
        let preimage = B256::from(*secret.expose());
        let l = port_lock(&lock);
        let claim = PegMint::claimCall {
            l: l.clone(),
            preimage,
        };
        act(user_there, carol, self.peg.port, claim).await?;
        // The secret is public now: anyone carries it home.
        act(
            carrier,
            dave,
            self.peg.port,
            PegMint::collectCall { l, preimage },
        )
        .await?;
        Ok((proof.checkpoint.height, hashlock))
    }

    /// The lock in the state of a certified block.
    async fn lock_proof(
        &self,
        origin: &HostedChain,
        lock: &Lock,
    ) -> Result<(FinalityProof, StateProof), DemoError> {
        let from = origin.finalized().await?.height;
        let began = Instant::now();
        loop {
            let tip = origin.finalized().await?.height;
            match origin.finality(tip).await {
                Ok(proof) if tip >= from => {
                    let slot = mapping_slot(lock_id(lock), LOCKS_SLOT);
                    let state = origin.state(self.locks, &[slot], tip).await?;
                    return Ok((proof, state));
                }
                _ if began.elapsed().as_secs() > LIMIT_SECONDS => {
                    return Err(DemoError::Late {
                        what: "a certificate".into(),
                        seconds: LIMIT_SECONDS,
                    });
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    fn opening(
        &self,
        lock: &Lock,
        memo: &PegMemo,
        proof: &FinalityProof,
        state: StateProof,
    ) -> PegMint::openCall {
        let storage = state.slots.into_iter().next();
        PegMint::openCall {
            l: port_lock(lock),
            terms: PegMint::PegTerms {
                recipient: memo.recipient,
                nonce: memo.nonce,
            },
            checkpoint: PegMint::Checkpoint {
                height: proof.checkpoint.height.0,
                timestamp: proof.checkpoint.time.0,
                stateRoot: proof.checkpoint.state_root,
            },
            accountProof: state.nodes,
            storageProof: storage.map(|slot| slot.nodes).unwrap_or_default(),
        }
    }

    /// What the vault holds, and what is minted.
    async fn books(&self) -> Result<(U256, U256), DemoError> {
        let home = Asset::Token(points(self.stage.public).address());
        let held = self.public[0].balance(home, self.peg.port).await?;
        let chain = &self.consortium[0];
        let (question, at) = (
            PegToken::totalSupplyCall {},
            chain.finalized().await?.height,
        );
        let data = question.abi_encode().into();
        let answer = chain.call(self.peg.pegged, data, at).await?;
        let minted = PegToken::totalSupplyCall::abi_decode_returns(&answer)
            .map_err(|_| DemoError::Answer("totalSupply"))?;
        Ok((held, minted))
    }
}

pub(super) async fn act(
    chain: &HostedChain,
    account: Address,
    to: Address,
    call: impl SolCall,
) -> Result<(), DemoError> {
    send(chain, account, to, call.abi_encode().into()).await
}

async fn send(
    chain: &HostedChain,
    account: Address,
    to: Address,
    data: Bytes,
) -> Result<(), DemoError> {
    let order = Order {
        account,
        action: Action::Call {
            to: Some(to),
            value: U256::ZERO,
            data,
        },
    };
    let nonce = chain.next_nonce(account).await?;
    let tx = chain.prepare(&order, nonce, Bump(0)).await?;
    chain.broadcast(&tx).await?;
    Ok(finalised(chain, tx.id).await?)
}

fn port_lock(lock: &Lock) -> PegMint::Lock {
    PegMint::Lock {
        hashlock: lock.hashlock,
        sender: lock.sender,
        recipient: lock.recipient,
        token: lock.token,
        amount: lock.amount,
        deposit: lock.deposit,
        terms: lock.terms,
        hooks: lock.hooks,
    }
}
