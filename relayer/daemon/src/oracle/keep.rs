//! Closes periods, anchors them where an operator here is the stream's keeper, rolls anchors up to the public chain, and brings
//! what devices show against themselves to the registry.
//!
//! Nothing is remembered: what is missing is seen by looking at archive and chain, so a crash repeats a question at most. An
//! order has a name of its own in the store, so none is asked for twice at once.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, B256};
use alloy_sol_types::SolCall;
use causeway_adapter_api::{Chain, ChainId, Height, Tip};
use causeway_adapter_device::{archive::Period, ledger::system_clock};
use causeway_contracts::{DeviceRegistry, Evidence};
use metrics::counter;
use tracing::{info, warn};

use super::{Operator, OracleError, Shared, admit};
use crate::store::{RelayCall, StoreError};

/// Works until the daemon stops.
pub(super) async fn keep(shared: Arc<Shared>, operator: Arc<Operator>) {
    let stop = shared.stop.clone();
    loop {
        match stop.run_until_cancelled(look(&shared, &operator)).await {
            None | Some(Err(OracleError::Store(StoreError::Injected(_)))) => return,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                warn!(operator = operator.name(), %error, "periods are not kept for now");
            }
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_none()
        {
            return;
        }
    }
}

async fn look(shared: &Shared, operator: &Operator) -> Result<(), OracleError> {
    let failed = |source| operator.failed(source);
    let closed = operator.archive().close_periods(system_clock()()).await;
    for period in closed.map_err(failed)? {
        info!(operator = operator.name(), feed = %period.feed, period = period.period, readings = period.count, "a period is over");
    }
    let ours = shared.config.feeds.iter();
    let ours = ours.filter(|feed| feed.keeper.as_deref() == Some(operator.name()));
    let mut keeps = false;
    for feed in ours {
        keeps = true;
        anchor(shared, operator, feed.feed.name.id()).await?;
    }
    if keeps {
        roll_up(shared, operator.account()).await?;
    }
    if shared.config.slash {
        accuse(shared, operator).await?;
    }
    Ok(())
}

/// Anchors the next period of a stream, if it is over and the chain's own clock is past it.
async fn anchor(shared: &Shared, operator: &Operator, stream: B256) -> Result<(), OracleError> {
    let site = shared.config.site;
    let desk = Desk::at(shared, site.consortium).await?;
    let next: Evidence::nextOfReturn = desk
        .ask("Evidence", site.evidence, Evidence::nextOfCall { stream })
        .await?;
    let periods = operator.archive().periods(stream).await;
    let periods = periods.map_err(|source| operator.failed(source))?;
    let due = periods
        .into_iter()
        .find(|period| period.period == next.period);
    let Some((period, root)) = due.and_then(|period| Some((period.clone(), period.root?))) else {
        return Ok(());
    };
    if desk.tip.time.0.saturating_mul(1_000) < period.until {
        return Ok(());
    }
    let Period {
        period: number,
        from,
        until,
        count,
        digest,
        ..
    } = period;
    let anchor = Evidence::Anchor {
        stream,
        period: number,
        from,
        until,
        count,
        root,
        digest,
    };
    let call = RelayCall {
        task: format!("anchor:{stream}:{number}"),
        to: site.evidence,
        data: Evidence::anchorCall { a: anchor }.abi_encode().into(),
        ..RelayCall::default()
    };
    order(shared, site.consortium, operator.account(), &call).await
}

/// Sends the root over all anchors to the public chain, when there are new ones.
async fn roll_up(shared: &Shared, account: Address) -> Result<(), OracleError> {
    let site = shared.config.site;
    let desk = Desk::at(shared, site.consortium).await?;
    let state: Evidence::stateReturn = desk
        .ask("Evidence", site.evidence, Evidence::stateCall {})
        .await?;
    if state.count == state.rolledUp {
        return Ok(());
    }
    let call = RelayCall {
        task: format!("roll-up:{}:{}", site.evidence, state.count),
        to: site.evidence,
        data: Evidence::rollUpCall {}.abi_encode().into(),
        ..RelayCall::default()
    };
    order(shared, site.consortium, account, &call).await
}

/// Brings evidence to the registry, as long as there is something to lose.
async fn accuse(shared: &Shared, operator: &Operator) -> Result<(), OracleError> {
    let accused = operator.archive().accused().await;
    let accused = accused.map_err(|source| operator.failed(source))?;
    if accused.is_empty() {
        return Ok(());
    }
    let site = shared.config.site;
    let desk = Desk::at(shared, site.public).await?;
    for evidence in accused {
        let device = evidence.readings[0].0.device;
        let stake: DeviceRegistry::stakeOfReturn = desk
            .ask(
                "DeviceRegistry",
                site.registry,
                DeviceRegistry::stakeOfCall { id: device },
            )
            .await?;
        if stake.deposit.is_zero() {
            continue;
        }
        let call = admit::slash(&site, &evidence);
        let offence = evidence.offence.code();
        if shared
            .store
            .add_call(site.public, operator.account(), &call)
            .await?
            .is_some()
        {
            warn!(operator = operator.name(), %device, offence, "a device contradicted itself; its deposit is taken");
            counter!("causeway_device_slashes_total", "offence" => offence).increment(1);
            shared.driver.knock(site.public, operator.account());
        }
    }
    Ok(())
}

/// Stores an order, unless the same is under way, and wakes its lane.
async fn order(
    shared: &Shared,
    chain: ChainId,
    account: Address,
    call: &RelayCall,
) -> Result<(), OracleError> {
    if shared.store.add_call(chain, account, call).await?.is_some() {
        info!(task = call.task, %chain, "asked for");
        shared.driver.knock(chain, account);
    }
    Ok(())
}

/// A chain as of its newest final block.
struct Desk<'a> {
    chain: &'a dyn Chain,
    id: ChainId,
    tip: Tip,
}

impl<'a> Desk<'a> {
    async fn at(shared: &'a Shared, id: ChainId) -> Result<Self, OracleError> {
        let chain = shared.chain(id)?;
        let tip = chain.finalized().await?;
        Ok(Self { chain, id, tip })
    }

    async fn ask<C: SolCall>(
        &self,
        contract: &'static str,
        to: Address,
        call: C,
    ) -> Result<C::Return, OracleError> {
        let height: Height = self.tip.height;
        let answer = self
            .chain
            .call(to, call.abi_encode().into(), height)
            .await?;
        C::abi_decode_returns(&answer).map_err(|_| OracleError::NodeMalformed {
            contract,
            chain: self.id,
        })
    }
}

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(2);
