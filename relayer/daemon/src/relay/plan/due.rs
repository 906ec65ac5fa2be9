//! What time, the operator or a failed hook asks for: time-out, retry, giving up, running a hook again.

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolCall as _;
use causeway_contracts::Gateway;
use causeway_core::message::{self, Event, Failure, Hook, Purpose};
use tracing::info;

use super::{Look, Route, Runner, routes};
use crate::{
    relay::{
        RelayError,
        abi::{checkpoint, delivered_slot, multicall, update_call},
    },
    store::{LaneRow, MessageRow},
};

impl Runner {
    /// What time, the operator or a failed hook asks for.
    pub(super) async fn due(&mut self, lanes: &[LaneRow], look: &Look) -> Result<(), RelayError> {
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
        self.ask(site.into(), task, site.gateway, data, look).await
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
}

/// Messages that are due, looked at at once.
const DUE: u32 = 64;
