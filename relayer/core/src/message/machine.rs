//! What an event changes, and what is due.

use causeway_adapter_api::{ChainId, Timestamp};

use super::types::*;

type Stepped = Result<(State, Vec<Effect>), Why>;

/// One step: take the fact in, then do what is due.
pub(super) fn step(mut state: State, event: &Event, now: &Now, patience: &Patience) -> Stepped {
    if state.ended.is_some() {
        // M: what has ended stays as it is.
        return Err(Why::Ended);
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
        There::Waiting { .. } | There::SteppedOver => vec![(to, over)],
        There::Kept { retry_at, .. } => vec![(to, retry_at), (to, over)],
        There::Done { .. } => Vec::new(),
    }
}

impl State {
    /// Takes `event` in as a fact.
    fn observe(&mut self, event: &Event, now: &Now, patience: &Patience) -> Result<(), Why> {
        let index = self.sent.id.index;
        match (event, &mut self.there) {
            // Proved: a root over it is known at its destination.
            (Event::Rooted { count }, There::Waiting { proved }) if *count > index && !*proved => {
                *proved = true;
            }
            (Event::Rooted { .. }, _) => return Err(Why::Known),
            // Executed or given up. It may be read before anything else of the destination is.
            (Event::Done { .. }, There::Done { .. }) => return Err(Why::Known),
            (Event::Done { .. }, There::SteppedOver) => return Err(Why::Contradiction),
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
            // Kept: the first failure, or a retry that failed.
            (Event::Kept, There::Waiting { .. }) => {
                self.there = There::Kept {
                    retry_at: now.of(self.sent.id.way.to).proven.plus(patience.pause),
                    retries: 0,
                };
            }
            (Event::Kept, There::Kept { .. }) if self.asked.retry => self.pause(now, patience),
            (Event::Kept, There::Kept { .. } | There::Done { .. }) => return Err(Why::Known),
            (Event::Kept, There::SteppedOver) => return Err(Why::Contradiction),
            (Event::SteppedOver, There::Waiting { .. }) => self.there = There::SteppedOver,
            (Event::SteppedOver, There::SteppedOver) => return Err(Why::Known),
            (Event::SteppedOver, _) => return Err(Why::Contradiction),
            (Event::RootedBack { count }, There::Done { ack, proved, .. })
                if count > ack && !*proved =>
            {
                *proved = true;
            }
            (Event::RootedBack { .. }, _) => return Err(Why::Known),
            // The end, whoever brought it, and whichever chain is read first.
            (Event::Acknowledged(status), _) => self.ended = Some(Outcome::Acknowledged(*status)),
            (Event::TimedOut, There::Waiting { .. } | There::SteppedOver) => {
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
        }
        Ok(())
    }

    /// The executor stopped trying: what is still due is asked for again.
    fn failed(&mut self, purpose: Purpose, now: &Now, patience: &Patience) -> Result<(), Why> {
        match purpose {
            Purpose::Retry if self.asked.retry => self.pause(now, patience),
            Purpose::GiveUp if self.asked.give_up => self.asked.give_up = false,
            Purpose::TimeOut if self.asked.time_out => self.asked.time_out = false,
            Purpose::Retry | Purpose::GiveUp | Purpose::TimeOut => return Err(Why::Known),
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
            // Not delivered, and it never will be: the same block proves it at home.
            There::Waiting { .. } | There::SteppedOver if over && !self.asked.time_out => {
                self.asked.time_out = true;
                let after = deadline;
                vec![Effect::TimeOut { id, after }]
            }
            // Kept, and nobody may retry it any more.
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
            There::Waiting { .. }
            | There::SteppedOver
            | There::Kept { .. }
            | There::Done { .. } => Vec::new(),
        }
    }
}
