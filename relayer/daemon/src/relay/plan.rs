//! Looks at what is open and asks for what is missing. All it knows is in the store and on the chains; what it keeps in
//! memory only spares work.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{ChainId, FinalityProof, Height, Timestamp, Tip};
use causeway_core::{
    batch::{self, Batch, Candidate, Carried, Decision, Load, Policy},
    lane::Order,
    message::{self, Event, Failure, Hook, Now, Purpose},
    tree::{self, Ends, Tree},
};
use futures::future::select_all;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    RelayError, Shared, Site,
    abi::{
        ACK, Gateway, LEAF, MESSAGE, MessageBody, SolItem, checkpoint, delivered_slot, multicall,
        root_slot, update_call,
    },
};
use crate::store::{
    CursorPath, ItemRow, LaneRow, MessageRow, OrderId, OrderStatus, RelayCall, StoreError,
};

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
            let news = self.shared.config.sites.iter().map(|site| {
                let after = tips
                    .get(&site.chain)
                    .map_or(Height(0), |tip: &Tip| tip.height);
                let shared = &self.shared;
                Box::pin(async move {
                    match shared.chain(site.chain) {
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
        for site in &shared.config.sites {
            tips.insert(site.chain, shared.chain(site.chain)?.finalized().await?);
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
        for site in &shared.config.sites {
            if let Err(error) = self.keep_epoch(site.chain, &look).await {
                debug!(chain = %site.chain, %error, "epoch not kept yet");
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

    async fn keep_epoch(&mut self, chain: ChainId, look: &Look) -> Result<(), RelayError> {
        let length = match self.lengths.get(&chain) {
            Some(length) => *length,
            None => {
                let length = self.shared.provable(chain)?.anchor().await?.epoch_length;
                self.lengths.insert(chain, length);
                length
            }
        };
        let tip = look.tips[&chain].height;
        self.shared.keep_last_epoch(chain, length, tip).await
    }

    async fn route(&mut self, route: &Route, look: &Look) -> Result<(), RelayError> {
        self.hand_over(route, look).await?;
        self.deliver(route, look).await
    }

    /// Brings the light client on the destination to the source's newest epoch, one epoch after the other.
    async fn hand_over(&mut self, route: &Route, look: &Look) -> Result<(), RelayError> {
        let (from, to) = (route.from.chain, route.to.chain);
        let Some(length) = self.lengths.get(&from).copied() else {
            return Ok(());
        };
        let newest = look.tips[&from].height.0 / length.max(1);
        let known = self.epochs.get(&(to, route.client)).copied();
        if known.is_some_and(|known| known >= newest) {
            return Ok(());
        }
        let at = look.tips[&to].height;
        let view = self.shared.view(to, route.client, at).await?;
        self.epochs.insert((to, route.client), view.epoch);
        if view.frozen || view.epoch >= newest {
            return Ok(());
        }
        let Some(last) = self.shared.kept_epoch(from, view.epoch).await? else {
            let epoch = view.epoch;
            debug!(chain = %from, epoch, "no proof of the epoch's last block is kept yet");
            return Ok(());
        };
        let recorded = self.shared.recorded(to, route.client, at, last.height());
        let (step, data) = if recorded.await? {
            ("handover", last.handover())
        } else {
            ("update", last.update())
        };
        let task = format!("{step}:{from}:{to}:{}:{}", route.client, last.height());
        self.ask(route.to, task, route.client, data, look).await
    }

    /// Delivers what is open on one direction of a lane, in one transaction.
    async fn deliver(&mut self, route: &Route, look: &Look) -> Result<(), RelayError> {
        let (from, to, lane) = (route.from.chain, route.to.chain, route.lane);
        let task = format!("deliver:{from}:{to}:{lane}");
        if !self.free(&task, look).await? {
            return Ok(());
        }
        let open = self
            .shared
            .store
            .relay_open_items(from, lane, CANDIDATES)
            .await?;
        if open.is_empty() {
            return Ok(());
        }
        let Some(proof) = self.shared.certified(from, look.tips[&from].height).await? else {
            return Ok(());
        };
        let height = proof.checkpoint.height;
        let count = self.shared.store.relay_count_at(from, lane, height).await?;
        let clock = look.now.of(to);
        let ready = open
            .iter()
            .filter(|item| item.index < count)
            .filter_map(|item| candidate(item, route.order, clock.latest));
        let policy = self.policy(&task);
        let now_ms = self.shared.config.wall.millis();
        let Decision::Send(batch) = batch::decide(&policy, Load::Idle, now_ms, ready) else {
            return Ok(());
        };
        let known = self.epochs.get(&(to, route.client)).copied();
        if known.is_some_and(|known| proof.certificate.epoch > known) {
            return Ok(()); // The handover comes first.
        }
        let domain = ends(route).domain();
        let tree = self.tree(from, lane, count).await?;
        let top = tree.top(count)?;
        let path = tree.prove(batch.first..batch.end(), count)?;
        let root = tree::root(domain, count, top);
        let mut calls = Vec::new();
        if !self.shared.store.relay_root_known(to, lane, root).await? {
            calls.extend(self.root_calls(route, &proof, root).await?);
        }
        let items = self.items(route, &batch).await?;
        let deliver = Gateway::deliverCall {
            lane,
            root,
            count,
            first: batch.first,
            items,
            path,
        };
        calls.push(deliver.abi_encode().into());
        debug!(%from, %to, lane, first = batch.first, items = batch.items.len(), %height, "delivering");
        self.ask(route.to, task, route.to.gateway, multicall(calls), look)
            .await
    }

    /// The calls that make the destination know the lane's root.
    async fn root_calls(
        &mut self,
        route: &Route,
        proof: &FinalityProof,
        root: B256,
    ) -> Result<Vec<Bytes>, RelayError> {
        let (from, lane, height) = (route.from, route.lane, proof.checkpoint.height);
        let state = self
            .shared
            .provable(from.chain)?
            .state(from.gateway, &[root_slot(lane)], height)
            .await?;
        let slot = state.slots.into_iter().next();
        let Some(slot) = slot.filter(|slot| slot.value == U256::from_be_bytes(root.0)) else {
            self.trees.remove(&(from.chain, lane));
            return Err(RelayError::NodeWrongRoot {
                chain: from.chain,
                lane,
                height,
            });
        };
        let prove = Gateway::proveRootCall {
            lane,
            checkpoint: checkpoint(&proof.checkpoint),
            accountProof: state.nodes,
            storageProof: slot.nodes,
        };
        Ok(vec![update_call(lane, proof), prove.abi_encode().into()])
    }

    /// The items of a batch as the gateway takes them.
    async fn items(&self, route: &Route, batch: &Batch) -> Result<Vec<SolItem>, RelayError> {
        let store = &self.shared.store;
        let width = u32::try_from(batch.items.len()).unwrap_or(u32::MAX);
        let rows = store
            .relay_items(route.from.chain, route.lane, batch.first, width)
            .await?;
        let mut items = Vec::with_capacity(rows.len());
        for (row, carried) in rows.iter().zip(&batch.items) {
            items.push(match (carried, row.about) {
                (Carried::Bare, _) => SolItem {
                    kind: LEAF,
                    body: row.leaf.to_vec().into(),
                    message: Bytes::new(),
                },
                (Carried::Whole, None) => SolItem {
                    kind: MESSAGE,
                    body: row.body.clone(),
                    message: Bytes::new(),
                },
                (Carried::Whole, Some(about)) => {
                    let sent = store
                        .relay_items(route.to.chain, route.lane, about, 1)
                        .await?;
                    SolItem {
                        kind: ACK,
                        body: row.body.clone(),
                        message: sent.into_iter().next().map(|m| m.body).unwrap_or_default(),
                    }
                }
            });
        }
        Ok(items)
    }

    /// What time, the operator or a failed hook asks for.
    async fn due(&mut self, lanes: &[LaneRow], look: &Look) -> Result<(), RelayError> {
        let latest = look.tips.values().map(|tip| tip.time.0).max();
        let rows = self
            .shared
            .store
            .relay_due(latest.unwrap_or_default(), DUE)
            .await?;
        let routes: Vec<Route> = routes(&self.shared.config.sites, lanes).collect();
        for row in rows {
            let id = row.state.sent.id;
            let route = routes
                .iter()
                .find(|route| route.lane == id.way.lane.0 && route.from.chain == id.way.from);
            if let Some(route) = route {
                let done = self.due_message(row, route, look).await;
                self.report(done, id.way.from, id.way.lane.0)?;
            }
        }
        Ok(())
    }

    async fn due_message(
        &mut self,
        row: MessageRow,
        route: &Route,
        look: &Look,
    ) -> Result<(), RelayError> {
        let id = row.state.sent.id;
        let row = match self.tick(&row, &Event::Tick, look).await? {
            Some(stepped) => stepped,
            None => row,
        };
        let asked = row.state.asked;
        let open = row.state.ended.is_none();
        let purpose = match () {
            () if open && asked.time_out => Purpose::TimeOut,
            () if open && asked.give_up => Purpose::GiveUp,
            () if open && asked.retry => Purpose::Retry,
            () if !open && row.state.hook == Hook::Kept => Purpose::RunHook,
            () => return Ok(()),
        };
        let task = format!("{purpose}:{id}");
        let before = self.failed.get(&task).map(|failed| failed.order);
        if !self.free(&task, look).await? {
            let after = self.failed.get(&task).map(|failed| failed.order);
            if after != before {
                let failure = Failure::Refused("the contract refuses".into());
                let event = Event::Failed { purpose, failure };
                self.tick(&row, &event, look).await?;
            }
            return Ok(());
        }
        let (site, data) = match purpose {
            Purpose::TimeOut => match self.time_out(&row, route, look).await? {
                Some(data) => (route.from, data),
                None => return Ok(()),
            },
            Purpose::GiveUp => {
                let call = Gateway::giveUpCall {
                    lane: route.lane,
                    index: id.index,
                    body: row.body.clone(),
                };
                (route.to, call.abi_encode().into())
            }
            Purpose::Retry => {
                let call = Gateway::retryCall {
                    lane: route.lane,
                    index: id.index,
                    body: row.body.clone(),
                };
                (route.to, call.abi_encode().into())
            }
            Purpose::RunHook => {
                let hook = row.hook.clone().unwrap_or_default();
                let (sender, data) = hook.split_at_checked(20).unwrap_or_default();
                let call = Gateway::runHookCall {
                    messageId: row.state.sent.leaf,
                    sender: Address::from_slice(&[sender, &[0; 20]].concat()[..20]),
                    data: Bytes::copy_from_slice(data),
                };
                (route.from, call.abi_encode().into())
            }
        };
        info!(message = %id, %purpose, "due");
        self.ask(site, task, site.gateway, data, look).await
    }

    /// Steps a message and stores it; `None` when the event changed nothing.
    async fn tick(
        &self,
        row: &MessageRow,
        event: &Event,
        look: &Look,
    ) -> Result<Option<MessageRow>, RelayError> {
        let config = &self.shared.config;
        let Ok((next, _)) = message::step(&row.state, event, &look.now, &config.patience) else {
            return Ok(None);
        };
        if next == row.state {
            return Ok(None);
        }
        let at = config.wall.millis();
        self.shared
            .store
            .step_message(row, next.clone(), at)
            .await?;
        Ok(Some(MessageRow {
            state: next,
            revision: row.revision + 1,
            ..row.clone()
        }))
    }

    /// M13: a block of the destination, later than the deadline, in whose state the delivered bit is 0.
    async fn time_out(
        &mut self,
        row: &MessageRow,
        route: &Route,
        look: &Look,
    ) -> Result<Option<Bytes>, RelayError> {
        let (id, lane) = (row.state.sent.id, route.lane);
        let tip = look.tips[&route.to.chain].height;
        let Some(proof) = self.shared.certified(route.to.chain, tip).await? else {
            return Ok(None);
        };
        if proof.checkpoint.time <= row.state.sent.deadline {
            return Ok(None);
        }
        let state = self
            .shared
            .provable(route.to.chain)?
            .state(
                route.to.gateway,
                &[delivered_slot(lane, id.index)],
                proof.checkpoint.height,
            )
            .await?;
        let Some(slot) = state.slots.into_iter().next() else {
            return Ok(None);
        };
        if slot.value.bit((id.index & 255) as usize) {
            // It was delivered; the chain will say how.
            return Ok(None);
        }
        let source = look.tips[&route.from.chain].height;
        let count = self
            .shared
            .store
            .relay_count_at(route.from.chain, lane, source)
            .await?;
        let path = self
            .tree(route.from.chain, lane, count)
            .await?
            .peak_path(id.index, count)?;
        let call = Gateway::timeOutCall {
            lane,
            index: id.index,
            body: row.body.clone(),
            path,
            checkpoint: checkpoint(&proof.checkpoint),
            accountProof: state.nodes,
            storageProof: slot.nodes,
        };
        Ok(Some(multicall(vec![
            update_call(lane, &proof),
            call.abi_encode().into(),
        ])))
    }

    /// Stores an order; the account's lane sends it.
    async fn ask(
        &mut self,
        site: Site,
        task: String,
        to: Address,
        data: Bytes,
        look: &Look,
    ) -> Result<(), RelayError> {
        if !self.free(&task, look).await? {
            return Ok(());
        }
        let call = RelayCall {
            task,
            to,
            data,
            ..RelayCall::default()
        };
        let order = self
            .shared
            .store
            .add_call(site.chain, site.account, &call)
            .await?;
        if order.is_some() {
            self.shared.driver.knock(site.chain, site.account);
        }
        Ok(())
    }

    /// Whether a task may be asked for now: none of it is under way, and it does not pause after a refusal.
    async fn free(&mut self, task: &str, look: &Look) -> Result<bool, RelayError> {
        if look.busy.contains(task) {
            return Ok(false);
        }
        match self.shared.store.task_end(task).await? {
            Some((_, OrderStatus::Waiting | OrderStatus::Sent)) => return Ok(false),
            Some((order, OrderStatus::Failed)) => {
                let before = self.failed.get(task).copied();
                if before.is_none_or(|failed| failed.order != order) {
                    let times = before.map_or(0, |failed| failed.times).saturating_add(1);
                    let pause = PAUSE.saturating_mul(1 << u32::from(times.min(MAX_DOUBLINGS)));
                    let failed = Failed {
                        times,
                        until: Instant::now() + pause,
                        order,
                    };
                    self.failed.insert(task.to_owned(), failed);
                }
            }
            Some((_, OrderStatus::Done)) | None => {
                self.failed.remove(task);
            }
        }
        let waits = self.failed.get(task);
        Ok(waits.is_none_or(|failed| failed.until <= Instant::now()))
    }

    /// Each refusal in a row halves the delivery, so that an item that spoils its batch ends up alone.
    fn policy(&self, task: &str) -> Policy {
        let policy = self.shared.config.policy;
        let times = self.failed.get(task).map_or(0, |failed| failed.times);
        Policy {
            items: (policy.items >> times.min(15)).max(1),
            ..policy
        }
    }

    /// The lane's tree with at least `count` leaves.
    async fn tree(&mut self, source: ChainId, lane: u32, count: u64) -> Result<&Tree, RelayError> {
        let tree = self.trees.entry((source, lane)).or_default();
        while tree.len() < count {
            let rows = self
                .shared
                .store
                .relay_items(source, lane, tree.len(), LEAVES)
                .await?;
            let before = tree.len();
            for row in rows {
                // V5: a gap ends it here, and the tree is too short for the count.
                if row.index == tree.len() {
                    tree.push(row.leaf);
                }
            }
            if tree.len() == before {
                break;
            }
        }
        Ok(tree)
    }
}

fn ends(route: &Route) -> Ends {
    Ends {
        from: (route.from.chain, route.from.gateway),
        to: (route.to.chain, route.to.gateway),
        lane: causeway_core::lane::LaneId(route.lane),
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

/// What could go now; an unordered message past its deadline is timed out instead.
fn candidate(item: &ItemRow, order: Order, latest: Timestamp) -> Option<Candidate> {
    let bytes = u32::try_from(item.body.len()).unwrap_or(u32::MAX);
    let (gas, left) = if item.is_message {
        let body = MessageBody::read(&item.body)?;
        let deadline = Timestamp(body.deadline);
        if order == Order::Unordered && latest > deadline {
            return None;
        }
        (
            body.gas_limit.saturating_add(ITEM_GAS),
            Some(deadline.since(latest)),
        )
    } else {
        (HOOK_GAS + ITEM_GAS, None)
    };
    Some(Candidate {
        index: item.index,
        bytes,
        gas,
        since_ms: item.since_ms,
        left,
    })
}

/// Items looked at for one delivery.
const CANDIDATES: u32 = 256;
/// Leaves read at once.
const LEAVES: u32 = 1_024;
/// Messages that are due, looked at at once.
const DUE: u32 = 64;
/// Gas of an item beside its execution.
const ITEM_GAS: u64 = 80_000;
/// Gas of a sender's hook.
const HOOK_GAS: u64 = 200_000;
/// The first pause after a refusal.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause is the first doubled so often.
const MAX_DOUBLINGS: u8 = 8;
