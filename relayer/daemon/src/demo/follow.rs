//! Watching a transfer to its end.

use std::time::{Duration, Instant};

use causeway_core::swap::{Outcome, Role, TransferId};

use super::DemoError;
use crate::{
    daemon::Daemon,
    drive::{DriveError, TransferView},
};

/// Pause between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// Longest a transfer of the demonstration takes; its own deadlines end it long before.
const LIMIT: Duration = Duration::from_secs(120);

/// A transfer being watched.
pub(super) struct Followed<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) id: TransferId,
    pub(super) name: &'static str,
    pub(super) note: &'a dyn Fn(&str),
    pub(super) began: Instant,
}

impl Followed<'_> {
    /// Waits until both parties have ended; returns whether both completed.
    pub(super) async fn both(&self) -> Result<bool, DemoError> {
        let wanted = [Outcome::Completed];
        let initiator = self.one(Role::Initiator, &wanted).await?;
        Ok(initiator && self.one(Role::Counterparty, &wanted).await?)
    }

    /// Waits until our part in `role` has ended; returns whether in one of the `wanted` ways.
    pub(super) async fn one(&self, role: Role, wanted: &[Outcome]) -> Result<bool, DemoError> {
        let mut last = String::new();
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            let views = match self.daemon.driver.show(self.id).await {
                // A watchtower has a part in it only once it has seen the lock.
                Err(DriveError::PeerUnknownTransfer(_)) => Vec::new(),
                shown => shown?,
            };
            if let Some(view) = views.iter().find(|view| view.record.key.role == role) {
                self.tell(role, view, &mut last);
                if let Some(outcome) = view.record.state.outcome() {
                    return Ok(wanted.contains(outcome));
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(DemoError::Late {
            what: format!("the end of transfer {}", self.id),
            seconds: LIMIT.as_secs(),
        })
    }

    fn tell(&self, role: Role, view: &TransferView, last: &mut String) {
        let place = &view.explanation.place;
        if place != last {
            last.clone_from(place);
            let seconds = self.began.elapsed().as_secs_f64();
            (self.note)(&format!(
                "[{seconds:5.1} s]   {} {role}: {place}",
                self.name
            ));
        }
    }
}
