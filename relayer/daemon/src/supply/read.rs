//! What both chains show of a peg: logs of locks and ports, and calls at the heights of a statement.

use alloy_primitives::{B256, U256};
use alloy_sol_types::{SolCall, SolEvent as _, SolValue as _};
use causeway_adapter_api::{Asset, Chain, ChainError, Height, HeightRange, Lock, LockId, RawLog};
use causeway_contracts::{HashTimeLock, LightClient, PegMint, PegToken, PegVault};
use causeway_core::{peg::REFUND_GUARD, supply::Cut};

use super::{Shared, SupplyError, Watched};
use crate::{
    crossing::peg::{PegPort, PegSite},
    store::{SupplyFact, SupplyRead},
};

/// What is called at the heights of a cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) held: U256,
    pub(super) supply: U256,
    pub(super) home_paused: bool,
    pub(super) side_paused: bool,
}

impl Shared {
    /// Final heights of both chains that contain every act either relies on.
    pub(super) async fn cut(&self, site: &PegSite) -> Result<Cut, SupplyError> {
        let (home, side) = (self.chain(site.home.chain)?, self.chain(site.side.chain)?);
        let mut at_side = side.finalized().await?.height;
        let mut at_home = home.finalized().await?.height;
        for _ in 0..TRIES {
            let cut = Cut {
                home: at_home,
                side: at_side,
                side_knows: newest_known(side, &site.side, at_side).await?,
                home_knows: newest_known(home, &site.home, at_home).await?,
            };
            if cut.check().is_ok() {
                return Ok(cut);
            }
            // A light client knows final blocks alone, so these are final as well.
            at_home = at_home.max(cut.side_knows);
            at_side = at_side.max(cut.home_knows);
        }
        Err(SupplyError::NotYet {
            home: at_home,
            side: at_side,
        })
    }

    /// Takes in what an end's locks and port said up to `end`.
    pub(super) async fn follow(
        &self,
        peg: &Watched,
        (here, there): (&PegPort, &PegPort),
        end: Height,
    ) -> Result<(), SupplyError> {
        let chain = self.chain(here.chain)?;
        let stored = self.store.supply_cursor(&peg.name, here.chain).await?;
        let mut next = stored.unwrap_or(here.start);
        let mut width = self.config.max_range.max(1);
        while next <= end {
            let to = Height(next.0.saturating_add(width - 1).min(end.0));
            let range = HeightRange { from: next, to };
            let logs = match chain.logs(&[here.locks, here.port], range).await {
                Ok(logs) => logs,
                Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                    width = max.clamp(1, width - 1);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let facts = logs.iter().filter_map(|log| read(here, there, log));
            let read = SupplyRead {
                peg: &peg.name,
                chain: here.chain,
                facts: facts.collect(),
                next: to.next(),
            };
            self.store.read_supply(&read).await?;
            next = to.next();
        }
        Ok(())
    }

    /// The vault's balance, the token's supply and whether the ports are paused, at the heights of the cut.
    pub(super) async fn figures(&self, site: &PegSite, cut: &Cut) -> Result<Figures, SupplyError> {
        let home = Desk {
            chain: self.chain(site.home.chain)?,
            at: cut.home,
        };
        let side = Desk {
            chain: self.chain(site.side.chain)?,
            at: cut.side,
        };
        let (vault, mint) = (site.home.port, site.side.port);
        let token = site.side.asset.address();
        let held = home.word(vault, "held()", PegVault::heldCall {}).await?;
        let supply = side.word(token, "totalSupply()", PegToken::totalSupplyCall {});
        let supply = supply.await?;
        let home_paused = home
            .word(vault, "paused()", PegVault::pausedCall {})
            .await?;
        let side_paused = side.word(mint, "paused()", PegMint::pausedCall {}).await?;
        Ok(Figures {
            held,
            supply,
            home_paused: !home_paused.is_zero(),
            side_paused: !side_paused.is_zero(),
        })
    }
}

async fn newest_known(chain: &dyn Chain, end: &PegPort, at: Height) -> Result<Height, SupplyError> {
    let call = LightClient::latestHeightCall {};
    let desk = Desk { chain, at };
    let known = desk.word(end.client, "latestHeight()", call).await?;
    Ok(Height(known.saturating_to()))
}

/// A chain as of one block.
struct Desk<'a> {
    chain: &'a dyn Chain,
    at: Height,
}

impl Desk<'_> {
    async fn word(
        &self,
        to: alloy_primitives::Address,
        name: &'static str,
        call: impl SolCall,
    ) -> Result<U256, SupplyError> {
        let data = call.abi_encode().into();
        let answer = self.chain.call(to, data, self.at).await?;
        let word = U256::try_from_be_slice(&answer).filter(|_| answer.len() == 32);
        word.ok_or_else(|| SupplyError::NodeMalformed {
            chain: self.chain.info().id,
            call: name,
            got: answer.len(),
        })
    }
}

/// What a log says about a transfer of the peg; `None` for any other.
fn read(here: &PegPort, there: &PegPort, log: &RawLog) -> Option<SupplyFact> {
    let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone())?;
    let topic = *log.topics.first()?;
    if log.address == here.port {
        if topic != PegMint::PegClaimed::SIGNATURE_HASH {
            return None;
        }
        // Both ports speak the same words.
        let e = PegMint::PegClaimed::decode_log(&raw).ok()?.data;
        return Some(SupplyFact::Paid {
            origin: there.chain,
            id: LockId(e.id),
            amount: e.amount,
        });
    }
    if log.address != here.locks {
        return None;
    }
    match topic {
        HashTimeLock::Locked::SIGNATURE_HASH => {
            let e = HashTimeLock::Locked::decode_log(&raw).ok()?.data;
            let words = e.lock.abi_encode();
            let words: Vec<B256> = words.chunks_exact(32).map(B256::from_slice).collect();
            let lock = Lock::from_words(words.as_slice().try_into().ok()?)?;
            is_for(here, &lock).then_some(SupplyFact::Locked {
                id: LockId(e.id),
                amount: lock.amount,
            })
        }
        HashTimeLock::Claimed::SIGNATURE_HASH => {
            let e = HashTimeLock::Claimed::decode_log(&raw).ok()?.data;
            Some(SupplyFact::Collected { id: LockId(e.id) })
        }
        HashTimeLock::Refunded::SIGNATURE_HASH => {
            let e = HashTimeLock::Refunded::decode_log(&raw).ok()?.data;
            Some(SupplyFact::Refunded { id: LockId(e.id) })
        }
        _ => None,
    }
}

/// Whether a port could be made to pay for the lock. Its memo is not asked: the chains do not read it either, so a lock
/// with a bad one may still be opened by who made it.
fn is_for(here: &PegPort, lock: &Lock) -> bool {
    let shape = lock.terms.parts == 1 && lock.terms.hook_flags == REFUND_GUARD;
    let port = lock.recipient == here.port && lock.hooks == here.port;
    shape && port && same(lock.asset, here.asset)
}

fn same(a: Asset, b: Asset) -> bool {
    a.address() == b.address()
}

/// Times that heights are looked for which belong together, before the next round.
const TRIES: u32 = 8;
