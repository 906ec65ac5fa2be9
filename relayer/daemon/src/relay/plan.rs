//! Looks at what is open and asks for what is missing. All it knows is in the store and on the chains; what it keeps in
//! memory only spares work.

mod deliver;
mod due;
mod task;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use alloy_primitives::Address;
use causeway_adapter_api::{ChainId, Height, Tip};
use causeway_core::{lane::Order, message::Now, tree::Tree};
use futures::future::select_all;
use tokio::time::Instant;
use tracing::{debug, warn};

use self::task::Payer;
use super::{
    Follower, RelayError, Shared, Site,
    proofs::{handover_by, update_to},
};
use crate::store::{CursorPath, LaneRow, OrderId, StoreError};

/// Carries between all gateways, one look after the other.
pub(super) struct Runner {
    shared: Arc<Shared>,
    /// Trees by source and lane, as far as they were needed.
    trees: HashMap<(ChainId, u32), Tree>,
    /// Tasks that failed: how often in a row, when to try again, and which order told so.
    failed: HashMap<String, Failed>,
    /// The newest epoch each light client is known to have, by its chain and address.
    epochs: HashMap<(ChainId, Address), u64>,
    /// Epoch length of each provable chain.
    lengths: HashMap<ChainId, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    times: u8,
    until: Instant,
    order: OrderId,
}

/// One direction of a lane with both its ends.
#[derive(Clone, Debug)]
struct Route {
    lane: u32,
    order: Order,
    from: Site,
    to: Site,
    /// Light client of `from`, on `to`.
    client: Address,
}

/// What one look is based on.
struct Look {
    tips: HashMap<ChainId, Tip>,
    now: Now,
    /// Tasks under way before the chains were read: what they did may not have been seen yet.
    busy: HashSet<String>,
}

impl Runner {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            trees: HashMap::new(),
            failed: HashMap::new(),
            epochs: HashMap::new(),
            lengths: HashMap::new(),
        }
    }

    /// Works until the relay stops.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let mut closed = self.shared.driver.closed_calls();
        let mut tips = HashMap::new();
        loop {
            match stop.run_until_cancelled(self.look()).await {
                None => return,
                Some(Ok(seen)) => tips = seen,
                Some(Err(RelayError::Store(StoreError::Injected(_)))) => return,
                Some(Err(error)) => warn!(%error, "the relay looks again"),
            }
            let news = self.shared.config.chains().into_iter().map(|chain| {
                let after = tips.get(&chain).map_or(Height(0), |tip: &Tip| tip.height);
                let shared = &self.shared;
                Box::pin(async move {
                    match shared.chain(chain) {
                        Ok(chain) => chain.finalized_after(after).await.is_ok(),
                        Err(_) => false,
                    }
                })
            });
            tokio::select! {
                () = stop.cancelled() => return,
                _ = closed.changed() => {}
                () = tokio::time::sleep(self.shared.config.poll) => {}
                (true, _, _) = select_all(news) => {}
            }
        }
    }

    /// Reads what is new, then asks for what is missing.
    async fn look(&mut self) -> Result<HashMap<ChainId, Tip>, RelayError> {
        let shared = Arc::clone(&self.shared);
        let busy = shared.store.live_tasks().await?.into_iter().collect();
        let mut tips = HashMap::new();
        for chain in shared.config.chains() {
            tips.insert(chain, shared.chain(chain)?.finalized().await?);
        }
        let now = Now::new(
            tips.iter()
                .map(|(chain, tip): (&ChainId, &Tip)| (*chain, shared.clock(tip.time))),
        );
        // Twice: what one chain says of the other's items may come before the items themselves.
        for _ in 0..2 {
            let mut whole = true;
            for site in &shared.config.sites {
                let end = tips[&site.chain].height;
                whole &= shared.sync(*site, CursorPath::Live, end, &now).await?;
            }
            if whole {
                break;
            }
        }
        if !shared.config.carry {
            return Ok(tips);
        }
        let look = Look { tips, now, busy };
        for follower in &shared.config.clients {
            if let Err(error) = self.hand_over(follower, &look).await {
                let Follower { of, on, .. } = follower;
                warn!(%of, %on, %error, "light client not followed, trying again");
            }
        }
        let lanes = shared.store.relay_lanes().await?;
        for route in routes(&shared.config.sites, &lanes) {
            let done = self.route(&route, &look).await;
            self.report(done, route.from.chain, route.lane)?;
        }
        self.due(&lanes, &look).await?;
        Ok(look.tips)
    }

    /// A chain in trouble holds up its own lanes alone.
    fn report(
        &self,
        done: Result<(), RelayError>,
        chain: ChainId,
        lane: u32,
    ) -> Result<(), RelayError> {
        match done {
            Err(RelayError::Store(error)) => Err(error.into()),
            Err(error) => {
                warn!(%chain, lane, %error, "lane not carried, trying again");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Blocks of one epoch of a chain.
    async fn epoch_length(&mut self, chain: ChainId) -> Result<u64, RelayError> {
        if let Some(length) = self.lengths.get(&chain) {
            return Ok(*length);
        }
        let length = self.shared.provable(chain)?.anchor().await?.epoch_length;
        self.lengths.insert(chain, length.max(1));
        Ok(length.max(1))
    }

    async fn route(&mut self, route: &Route, look: &Look) -> Result<(), RelayError> {
        self.hand_over(&route.follower(), look).await?;
        self.deliver(route, look).await
    }

    /// Brings a light client to its chain's newest epoch, one epoch after the other. However many it missed: a chain tells
    /// of each how it gave over.
    async fn hand_over(&mut self, follower: &Follower, look: &Look) -> Result<(), RelayError> {
        let Follower { of, on, client, .. } = *follower;
        let newest = look.tips[&of].height.0 / self.epoch_length(of).await?;
        let known = self.epochs.get(&(on, client)).copied();
        if known.is_some_and(|known| known >= newest) {
            return Ok(());
        }
        let at = look.tips[&on].height;
        let view = self.shared.view(on, client, at).await?;
        self.epochs.insert((on, client), view.epoch);
        if view.frozen || view.epoch >= newest {
            return Ok(());
        }
        let Some(handover) = self.shared.handover(of, view.epoch).await? else {
            let epoch = view.epoch;
            debug!(chain = %of, epoch, "the epoch's last block has no certificate yet");
            return Ok(());
        };
        let last = handover.finality.checkpoint.height;
        let recorded = self.shared.recorded(on, client, at, last.0);
        let (step, data) = if recorded.await? {
            ("handover", handover_by(handover))
        } else {
            ("update", update_to(&handover))
        };
        let task = format!("{step}:{of}:{on}:{client}:{}", last.0);
        let payer = Payer {
            chain: on,
            account: follower.account,
        };
        self.ask(payer, task, client, data, look).await
    }
}

impl Route {
    /// The light client that the lane hangs on.
    const fn follower(&self) -> Follower {
        Follower {
            of: self.from.chain,
            on: self.to.chain,
            client: self.client,
            account: self.to.account,
        }
    }
}

/// Both directions of every lane that is open on both sides, between our gateways.
fn routes(sites: &[Site], lanes: &[LaneRow]) -> impl Iterator<Item = Route> {
    let site = |chain: ChainId| sites.iter().find(move |site| site.chain == chain).copied();
    lanes.iter().filter_map(move |row| {
        let (from, to) = (site(row.chain)?, site(row.remote)?);
        let other = lanes.iter().find(|other| {
            other.chain == row.remote && other.lane == row.lane && other.remote == row.chain
        })?;
        let meant = row.remote_gateway == to.gateway && other.remote_gateway == from.gateway;
        meant.then_some(Route {
            lane: row.lane,
            order: row.order,
            from,
            to,
            client: other.client,
        })
    })
}
