//! Delivers what is open on one direction of a lane: certificate, root, path and items, in one transaction.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{ChainId, FinalityProof, Timestamp};
use causeway_contracts::{Gateway, gateway::Gateway::Item};
use causeway_core::{
    batch::{self, Batch, Candidate, Carried, Decision, Load, Policy},
    lane::Order,
    tree::{self, Ends, Tree},
};
use tracing::debug;

use super::{Look, Route, Runner};
use crate::{
    relay::{
        RelayError,
        abi::{ACK, LEAF, MESSAGE, MessageBody, checkpoint, multicall, root_slot, update_call},
    },
    store::ItemRow,
};

impl Runner {
    /// Delivers what is open on one direction of a lane, in one transaction.
    pub(super) async fn deliver(&mut self, route: &Route, look: &Look) -> Result<(), RelayError> {
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
        // A gateway whose light client was recovered has forgotten the roots it knew (L113): after a refusal it is told again.
        let refused = self.failed.contains_key(&task);
        if refused || !self.shared.store.relay_root_known(to, lane, root).await? {
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
        let payer = route.to.into();
        self.ask(payer, task, route.to.gateway, multicall(calls), look)
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
    async fn items(&self, route: &Route, batch: &Batch) -> Result<Vec<Item>, RelayError> {
        let store = &self.shared.store;
        let width = u32::try_from(batch.items.len()).unwrap_or(u32::MAX);
        let rows = store
            .relay_items(route.from.chain, route.lane, batch.first, width)
            .await?;
        let mut items = Vec::with_capacity(rows.len());
        for (row, carried) in rows.iter().zip(&batch.items) {
            items.push(match (carried, row.about) {
                (Carried::Bare, _) => Item {
                    kind: LEAF,
                    body: row.leaf.to_vec().into(),
                    message: Bytes::new(),
                },
                (Carried::Whole, None) => Item {
                    kind: MESSAGE,
                    body: row.body.clone(),
                    message: Bytes::new(),
                },
                (Carried::Whole, Some(about)) => {
                    let sent = store
                        .relay_items(route.to.chain, route.lane, about, 1)
                        .await?;
                    Item {
                        kind: ACK,
                        body: row.body.clone(),
                        message: sent.into_iter().next().map(|m| m.body).unwrap_or_default(),
                    }
                }
            });
        }
        Ok(items)
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
    pub(super) async fn tree(
        &mut self,
        source: ChainId,
        lane: u32,
        count: u64,
    ) -> Result<&Tree, RelayError> {
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
/// Gas of an item beside its execution.
const ITEM_GAS: u64 = 80_000;
/// Gas of a sender's hook.
const HOOK_GAS: u64 = 200_000;
