//! Orders of the relay's tasks: one at a time for each, with pauses after refusals.

use std::time::Duration;

use alloy_primitives::{Address, Bytes};
use causeway_adapter_api::ChainId;
use tokio::time::Instant;

use super::{Failed, Look, Runner};
use crate::{
    relay::{RelayError, Site},
    store::{OrderStatus, RelayCall},
};

/// Who pays for an order, where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payer {
    pub(super) chain: ChainId,
    pub(super) account: Address,
}

impl From<Site> for Payer {
    fn from(site: Site) -> Self {
        Self {
            chain: site.chain,
            account: site.account,
        }
    }
}

impl Runner {
    /// Stores an order; the account's lane sends it.
    pub(super) async fn ask(
        &mut self,
        payer: Payer,
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
            .add_call(payer.chain, payer.account, &call)
            .await?;
        if order.is_some() {
            self.shared.driver.knock(payer.chain, payer.account);
        }
        Ok(())
    }

    /// Whether a task may be asked for now: none of it is under way, and it does not pause after a refusal.
    pub(super) async fn free(&mut self, task: &str, look: &Look) -> Result<bool, RelayError> {
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
}

/// The first pause after a refusal.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause is the first doubled so often.
const MAX_DOUBLINGS: u8 = 8;
