//! What an event changes, and what is due.

use causeway_adapter_api::{ChainId, Timestamp};

use super::types::*;

type Stepped = Result<(State, Vec<Effect>), Why>;

/// One step: take the fact in, then do what is due.
pub(super) fn step(mut state: State, event: &Event, now: &Now, patience: &Patience) -> Stepped {
    if state.ended.is_some() {
        // M12, M13: what has ended stays as it is; only its sender may still have to be told.
        let effects = state.hook(event)?;
        return Ok((state, effects));
    }
    state.observe(event, now, patience)?;
    let effects = state.decide(now, patience);
    Ok((state, effects))
}

/// Times that matter to a message.
pub(super) fn wake(state: &State) -> Vec<(ChainId, Timestamp)> {
    if state.ended.is_some() {
        return Vec::new();
    }
    let (to, over) = (state.sent.id.way.to, state.sent.deadline.plus(1));
    match state.there {
        There::Waiting { .. } | There::Expired => vec![(to, over)],
        There::Kept { retry_at, .. } => vec![(to, retry_at), (to, over)],
        There::Done { .. } => Vec::new(),
    }
}

impl State {
    /// Takes `event` in as a fact.
    fn observe(&mut self, event: &Event, now: &Now, patience: &Patience) -> Result<(), Why> {
        let index = self.sent.id.index;
        match (event, &mut self.there) {
            // M3: a root over it is known at its destination.
            (Event::Rooted { count }, There::Waiting { proved }) if *count > index && !*proved => {
                *proved = true;
            }
            (Event::Rooted { .. }, _) => return Err(Why::Known),
            // M8, M10, M11: it has its result.
            (Event::Done { .. }, There::Done { .. }) => return Err(Why::Known),
            (Event::Done { .. }, There::Expired) => return Err(Why::Contradiction),
            (
                Event::Done {
                    status,
                    result,
                    ack,
                },
                There::Waiting { .. } | There::Kept { .. },
            ) => {
                self.there = There::Done {
                    status: *status,
                    result: result.clone(),
                    ack: *ack,
                    proved: false,
                };
            }
            // M10: kept, for the first time or after a retry that failed.
            (Event::Kept, There::Waiting { .. }) => {
                self.there = There::Kept {
                    retry_at: now.of(self.sent.id.way.to).proven.plus(patience.pause),
                    retries: 0,
                };
            }
            (Event::Kept, There::Kept { .. }) if self.asked.retry => self.pause(now, patience),
            (Event::Kept, There::Kept { .. } | There::Done { .. }) => return Err(Why::Known),
            (Event::Kept, There::Expired) => return Err(Why::Contradiction),
            // M6: it came too late.
            (Event::Expired, There::Waiting { .. }) => self.there = There::Expired,
            (Event::Expired, There::Expired) => return Err(Why::Known),
            (Event::Expired, _) => return Err(Why::Contradiction),
            (Event::RootedBack { count }, There::Done { ack, proved, .. })
                if count > ack && !*proved =>
            {
                *proved = true;
            }
            (Event::RootedBack { .. }, _) => return Err(Why::Known),
            // M12, M13: the end, whoever brought it, and whichever chain is read first.
            (Event::Acknowledged(status), _) => self.ended = Some(Outcome::Acknowledged(*status)),
            (Event::TimedOut, There::Waiting { .. } | There::Expired) => {
                self.ended = Some(Outcome::TimedOut);
            }
            (Event::TimedOut, There::Kept { .. } | There::Done { .. }) => {
                return Err(Why::Contradiction);
            }
            (Event::Failed { purpose, .. }, _) => return self.failed(*purpose, now, patience),
            (Event::Tick, _) => {}
            // The operator's wish sets the pause and the count aside, not the deadline.
            (Event::Retry, There::Kept { retry_at, retries }) if !self.asked.retry => {
                (*retry_at, *retries) = (Timestamp(0), 0);
            }
            (Event::Retry, _) => return Err(Why::Known),
            // Logs of one transaction may come in any order: the end first, then its hook.
            (Event::HookFailed | Event::HookRun, _) => return Err(Why::Foreign),
        }
        Ok(())
    }

    /// M14: a kept hook is run again once by us, and then when the operator asks.
    fn hook(&mut self, event: &Event) -> Result<Vec<Effect>, Why> {
        let id = self.sent.id;
        match (event, self.hook) {
            (Event::HookFailed, Hook::Quiet) | (Event::Retry, Hook::Left) => {
                self.hook = Hook::Kept;
                Ok(vec![Effect::RunHook { id }])
            }
            (Event::HookRun, Hook::Kept | Hook::Left) => {
                self.hook = Hook::Quiet;
                Ok(Vec::new())
            }
            (
                Event::Failed {
                    purpose: Purpose::RunHook,
                    ..
                },
                Hook::Kept,
            ) => {
                self.hook = Hook::Left;
                Ok(Vec::new())
            }
            _ => Err(Why::Ended),
        }
    }

    /// The executor stopped trying: what is still due is asked for again.
    fn failed(&mut self, purpose: Purpose, now: &Now, patience: &Patience) -> Result<(), Why> {
        match purpose {
            Purpose::Retry if self.asked.retry => self.pause(now, patience),
            Purpose::GiveUp if self.asked.give_up => self.asked.give_up = false,
            Purpose::TimeOut if self.asked.time_out => self.asked.time_out = false,
            Purpose::Retry | Purpose::GiveUp | Purpose::TimeOut | Purpose::RunHook => {
                return Err(Why::Known);
            }
        }
        Ok(())
    }

    /// A retry ended without success: the next one waits twice as long.
    fn pause(&mut self, now: &Now, patience: &Patience) {
        self.asked.retry = false;
        if let There::Kept { retry_at, retries } = &mut self.there {
            *retries = retries.saturating_add(1);
            let factor = 1_u64.checked_shl(u32::from(*retries)).unwrap_or(u64::MAX);
            let proven = now.of(self.sent.id.way.to).proven;
            *retry_at = proven.plus(patience.pause.saturating_mul(factor));
        }
    }

    /// What is due, given all facts and the time.
    fn decide(&mut self, now: &Now, patience: &Patience) -> Vec<Effect> {
        if self.ended.is_some() {
            return Vec::new();
        }
        let (id, deadline) = (self.sent.id, self.sent.deadline);
        let clock = now.of(id.way.to);
        // Every event up to a final block after the deadline was taken in.
        let over = clock.proven > deadline;
        match self.there {
            // M13: not delivered, and it never will be: the same block proves it at home.
            There::Waiting { .. } | There::Expired if over && !self.asked.time_out => {
                self.asked.time_out = true;
                let after = deadline;
                vec![Effect::TimeOut { id, after }]
            }
            // M10: kept, and nobody may retry it any more.
            There::Kept { .. } if over && !self.asked.give_up => {
                self.asked.give_up = true;
                vec![Effect::GiveUp { id }]
            }
            There::Kept { retry_at, retries }
                if !over
                    && !self.asked.retry
                    && retries < patience.retries
                    && clock.proven >= retry_at
                    && clock.latest <= deadline =>
            {
                self.asked.retry = true;
                let start_before = deadline;
                vec![Effect::Retry { id, start_before }]
            }
            There::Waiting { .. } | There::Expired | There::Kept { .. } | There::Done { .. } => {
                Vec::new()
            }
        }
    }
}
