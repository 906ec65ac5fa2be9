//! One operator in one feed: facts in, steps stored with what they ask for, then done (V7).

use std::{collections::VecDeque, sync::Arc, time::Duration};

use alloy_primitives::{B256, Bytes, Signature};
use causeway_adapter_api::{ChainId, Timestamp};
use causeway_core::feed::{
    self, Answer, Effect, Event, Message, Millis, Place, Roster, Round, Rules, Settings,
    SignedObservation, State, Why,
};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use super::{
    FeedSite, FeedsError, Operating, Said, Shared, Terms,
    peers::{Envelope, Letter, Outboxes, Taken},
    samples, watch,
};
use crate::{
    metrics,
    store::{FeedRow, OperatorRow, OperatorWrite, RelayCall, StoreError},
};

/// One operator's part in a feed. All it knows is in the store.
pub(super) struct Operator {
    shared: Arc<Shared>,
    site: Arc<FeedSite>,
    me: Arc<Operating>,
    outboxes: Arc<Outboxes>,
    letters: mpsc::Receiver<Letter>,
    /// `None` until every aggregator has shown the same configuration, and we are in it.
    part: Option<Part>,
    /// Why there is no part, as it was told last.
    idle: Option<String>,
}

/// What is known while a configuration is in force.
struct Part {
    terms: Terms,
    rules: Rules,
    roster: Roster,
    row: OperatorRow,
}

impl Operator {
    pub(super) const fn new(
        shared: Arc<Shared>,
        site: Arc<FeedSite>,
        me: Arc<Operating>,
        outboxes: Arc<Outboxes>,
        letters: mpsc::Receiver<Letter>,
    ) -> Self {
        Self {
            shared,
            site,
            me,
            outboxes,
            letters,
            part: None,
            idle: None,
        }
    }

    /// Works until the daemon stops.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let mut bell = self.site.bell.subscribe();
        // Whether an aggregator may have said something since the last look.
        let mut rung = true;
        loop {
            let worked = stop.run_until_cancelled(self.work(rung)).await;
            rung = false;
            let pause = match worked {
                None | Some(Err(FeedsError::Store(StoreError::Injected(_)))) => return,
                Some(Ok(pause)) => pause,
                Some(Err(error)) => {
                    warn!(operator = self.me.name, feed = self.site.name, %error, "an operator cannot work");
                    // What was stored is taken up again.
                    (self.part, rung) = (None, true);
                    TROUBLE
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                changed = bell.changed() => match changed {
                    Ok(()) => rung = true,
                    Err(_) => return,
                },
                letter = self.letters.recv() => match letter {
                    Some(letter) => if let Err(error) = self.open(letter).await {
                        if matches!(error, FeedsError::Store(StoreError::Injected(_))) {
                            return;
                        }
                        warn!(operator = self.me.name, feed = self.site.name, %error, "a message was not taken in");
                        (self.part, rung) = (None, true);
                    },
                    None => return,
                },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Everything but messages; returns how long nothing else is due.
    async fn work(&mut self, rung: bool) -> Result<Duration, FeedsError> {
        if rung || self.part.is_none() {
            self.take_part().await?;
            self.catch_up().await?;
        }
        let every = self.shared.config.sample_every;
        let Some(part) = &self.part else {
            return Ok(every.max(IDLE));
        };
        let limits = (part.rules.min, part.rules.max);
        let since = self.now().0.saturating_sub(part.rules.pace.fresh.0);
        let known = part.row.state.sample.map(|sample| sample.at);
        let found = self.me.samples.newest(self.site.id, Millis(since)).await;
        let found = found.map_err(|error| FeedsError::Samples {
            operator: self.me.name.clone(),
            detail: error.to_string(),
        })?;
        let sample = samples::combine(found, limits);
        match sample.filter(|sample| known.is_none_or(|known| known < sample.at)) {
            Some(sample) => drop(self.take(Event::Sampled(sample)).await?),
            None => drop(self.take(Event::Tick).await?),
        }
        let Some(part) = &self.part else {
            return Ok(every);
        };
        let now = self.now();
        let wake = feed::wake(&part.row.state, now, &part.rules);
        let wake = wake.map(|at| Duration::from_millis(at.0.saturating_sub(now.0)));
        Ok(wake.map_or(every, |wake| wake.min(every)).max(LEAST))
    }

    /// Takes up what is stored, or begins under a new configuration.
    async fn take_part(&mut self) -> Result<(), FeedsError> {
        let Some(terms) = self.terms().await? else {
            self.part = None;
            self.say_idle("the aggregators have not shown the same configuration yet".into());
            return Ok(());
        };
        if self
            .part
            .as_ref()
            .is_some_and(|part| part.terms.digest == terms.digest)
        {
            return Ok(());
        }
        let account = self.me.account;
        let Some(place) = terms.operators.iter().position(|other| *other == account) else {
            self.part = None;
            self.say_idle(format!(
                "{account} is not among the {} operators of the configuration",
                terms.operators.len()
            ));
            return Ok(());
        };
        let rules = self.rules(&terms, place)?;
        let stored = self
            .shared
            .store
            .feed_operator(account, self.site.id)
            .await?;
        let row = match stored {
            Some(row) if row.config == terms.digest => row,
            // Rounds never go back, and what was read is read again: the limits are others.
            other => OperatorRow {
                config: terms.digest,
                state: feed::begin(&rules, other.map_or(Round(0), |row| row.state.round)),
                effects: Vec::new(),
                seen: 0,
            },
        };
        let (name, feed) = (&self.me.name, &self.site.name);
        info!(operator = name, feed, config = %terms.digest, place, round = %row.state.round, "an operator takes part");
        let effects = row.effects.clone();
        self.part = Some(Part {
            roster: Roster::new(terms.operators.clone()),
            terms,
            rules,
            row,
        });
        self.idle = None;
        // What a crash may have cut off; done before, it changes nothing.
        let own = self.perform(&effects);
        self.take_all(own).await
    }

    /// The configuration in force, once all aggregators have the same.
    async fn terms(&self) -> Result<Option<Terms>, FeedsError> {
        let mut terms: Option<Terms> = None;
        for end in &self.site.ends {
            let found = self.shared.store.feed_end(self.site.id, end.chain).await?;
            let Some(here) = found.and_then(|(_, standing)| standing.terms()) else {
                return Ok(None);
            };
            if terms.is_some_and(|other| other.digest != here.digest) {
                return Ok(None);
            }
            terms = Some(here);
        }
        Ok(terms)
    }

    fn rules(&self, terms: &Terms, place: usize) -> Result<Rules, FeedsError> {
        let (min, max) = terms.plausible();
        let settings = Settings {
            config: terms.digest,
            operators: u8::try_from(terms.operators.len()).unwrap_or(u8::MAX),
            me: Place(u8::try_from(place).unwrap_or(u8::MAX)),
            chains: self.site.ends.iter().map(|end| end.chain).collect(),
            min,
            max,
            band: terms.band,
            deviation: terms.deviation(),
            heartbeat: Millis::from_seconds(Timestamp(terms.heartbeat().into())),
            pace: self.shared.config.pace,
        };
        settings.check().map_err(|source| FeedsError::ConfigRules {
            operator: self.me.name.clone(),
            feed: self.site.name.clone(),
            source,
        })
    }

    /// Takes in what the aggregators said since, in few commits.
    async fn catch_up(&mut self) -> Result<(), FeedsError> {
        loop {
            let Some(part) = &self.part else {
                return Ok(());
            };
            let seen = part.row.seen;
            let facts = self
                .shared
                .store
                .feed_facts(self.site.id, seen, FACTS)
                .await?;
            let Some(last) = facts.last() else {
                return Ok(());
            };
            let events: Vec<Event> = facts.iter().filter_map(event).collect();
            let own = self.step(&events, Some(last.id)).await?.0;
            self.take_all(own).await?;
        }
    }

    /// A message of another operator.
    async fn open(&mut self, letter: Letter) -> Result<(), FeedsError> {
        let Letter {
            from,
            message,
            reply,
            _place,
        } = letter;
        // An error of `send` means that the sender did not wait.
        let Some(part) = &self.part else {
            let why = self.idle.clone().unwrap_or_default();
            let _ = reply.send(Ok(Taken {
                taken: false,
                why: Some(why),
            }));
            return Ok(());
        };
        let place = part.terms.operators.iter().position(|other| *other == from);
        // A place that is none is refused by name.
        let place = place.unwrap_or(part.terms.operators.len());
        let place = Place(u8::try_from(place).unwrap_or(u8::MAX));
        let opened = part
            .roster
            .open(place, message, &part.row.state, &part.rules);
        let event = match opened {
            Ok(event) => event,
            // Late signatures of a round that is over come from honest operators, too.
            Err(error @ feed::BadMessage::PeerNoProposal(_)) => {
                let _ = reply.send(Ok(Taken {
                    taken: false,
                    why: Some(error.to_string()),
                }));
                return Ok(());
            }
            Err(error) => {
                let (operator, feed) = (&self.me.name, &self.site.name);
                warn!(operator, feed, %from, %error, "a message of an operator is refused");
                metrics::feed_refused(operator, from);
                let _ = reply.send(Err(error.to_string()));
                return Ok(());
            }
        };
        let why = self.take(event).await?;
        let _ = reply.send(Ok(Taken {
            taken: why.is_none(),
            why: why.map(|why| why.to_string()),
        }));
        Ok(())
    }

    /// Takes an event in, and what follows for ourselves; returns why it changed nothing.
    async fn take(&mut self, event: Event) -> Result<Option<Why>, FeedsError> {
        let (own, why) = self.step(&[event], None).await?;
        self.take_all(own).await?;
        Ok(why)
    }

    async fn take_all(&mut self, own: VecDeque<Event>) -> Result<(), FeedsError> {
        let mut queue = own;
        while let Some(event) = queue.pop_front() {
            let (own, _) = self.step(&[event], None).await?;
            queue.extend(own);
        }
        Ok(())
    }

    /// Steps through events, stores what came of it in one commit, then does it. Returns what we tell ourselves, and why
    /// the last event changed nothing.
    async fn step(
        &mut self,
        events: &[Event],
        seen: Option<i64>,
    ) -> Result<(VecDeque<Event>, Option<Why>), FeedsError> {
        let now = self.now();
        let Some(part) = &self.part else {
            return Ok((VecDeque::new(), None));
        };
        let (mut state, mut effects, mut why) = (part.row.state.clone(), Vec::new(), None);
        for event in events {
            match feed::step(&state, event, now, &part.rules) {
                Ok((next, asked)) => {
                    state = next;
                    effects.extend(asked);
                    why = None;
                }
                Err(unexpected) => why = Some(unexpected.why),
            }
        }
        let unchanged = state == part.row.state && effects.is_empty();
        if unchanged && seen.is_none_or(|seen| seen == part.row.seen) {
            return Ok((VecDeque::new(), why));
        }
        let row = OperatorRow {
            config: part.row.config,
            state,
            seen: seen.unwrap_or(part.row.seen),
            effects,
        };
        let calls = self.calls(&part.terms, &row.effects);
        let account = self.me.account;
        let write = OperatorWrite {
            operator: account,
            feed: self.site.id,
            row: &row,
            calls: &calls,
            at_ms: now.0,
        };
        self.shared.store.write_operator(&write).await?;
        for (chain, _) in &calls {
            self.shared.driver.knock(*chain, account);
        }
        let effects = row.effects.clone();
        self.tell(&row.state);
        if let Some(part) = &mut self.part {
            part.row = row;
        }
        Ok((self.perform(&effects), why))
    }

    /// Orders of the reports that are to be sent: stored with the state, sent by the account's lanes.
    fn calls(&self, terms: &Terms, effects: &[Effect]) -> Vec<(ChainId, RelayCall)> {
        let call = |effect: &Effect| {
            let Effect::Transmit { chain, complete } = effect else {
                return None;
            };
            let end = self.site.ends.iter().find(|end| end.chain == *chain)?;
            let data = terms.transmit(complete);
            let call = watch::report_call(&self.site, end, complete.report.round.0, data);
            // Each operator has an order of its own for the same round.
            let task = format!("{}:{}", call.task, self.me.account);
            Some((*chain, RelayCall { task, ..call }))
        };
        effects.iter().filter_map(call).collect()
    }

    /// Says what is to be said; returns what we tell ourselves. May be repeated: the same is signed in the same way.
    fn perform(&self, effects: &[Effect]) -> VecDeque<Event> {
        let mut own = VecDeque::new();
        let Some(part) = &self.part else { return own };
        let from = part.rules.me;
        for effect in effects {
            match effect.clone() {
                Effect::Observe(observation) => {
                    let digest = observation.digest(part.rules.config);
                    let Some(signature) = self.sign(digest) else {
                        continue;
                    };
                    let signed = SignedObservation {
                        observation,
                        signature,
                    };
                    self.broadcast(Message::Observation(signed.clone()));
                    own.push_back(Event::Observed { from, signed });
                }
                Effect::Propose(proposal) => {
                    self.broadcast(Message::Proposal(proposal.clone()));
                    own.push_back(Event::Proposed { from, proposal });
                }
                Effect::Sign { report, to } => {
                    let Some(signature) = self.sign(report.digest(part.rules.config)) else {
                        continue;
                    };
                    let round = report.round;
                    if to == from {
                        own.push_back(Event::Signed {
                            from,
                            round,
                            signature,
                        });
                        continue;
                    }
                    let leader = part.terms.operators.get(usize::from(to.0));
                    if let Some(leader) = leader {
                        let message = Message::Signature { round, signature };
                        self.outboxes.send(*leader, &self.envelope(message));
                    }
                }
                Effect::Publish(complete) => self.broadcast(Message::Complete(complete)),
                // An order since the step was stored.
                Effect::Transmit { .. } => {}
            }
        }
        own
    }

    fn broadcast(&self, message: Message) {
        self.outboxes.broadcast(&self.envelope(message));
    }

    fn envelope(&self, message: Message) -> Envelope {
        Envelope {
            feed: self.site.id,
            message,
        }
    }

    /// `r | vs`, as contracts take it (EIP-2098).
    fn sign(&self, digest: B256) -> Option<Bytes> {
        let signature = self.shared.signers.sign(self.me.account, digest)?;
        let signature = Signature::from_raw(&signature).ok()?;
        Some(signature.as_erc2098().into())
    }

    fn tell(&self, state: &State) {
        metrics::feed_operator(&self.me.name, &self.site.name, state);
    }

    fn say_idle(&mut self, why: String) {
        if self.idle.as_ref() != Some(&why) {
            debug!(
                operator = self.me.name,
                feed = self.site.name,
                why,
                "an operator takes no part"
            );
            self.idle = Some(why);
        }
    }

    fn now(&self) -> Millis {
        Millis(self.shared.config.wall.millis())
    }
}

/// What an operator makes of what an aggregator said.
fn event(row: &FeedRow) -> Option<Event> {
    let chain = row.chain;
    match &row.fact.said {
        Said::Answered {
            round,
            value,
            observed_at,
            ..
        } => Some(Event::Answered {
            chain,
            answer: Answer {
                round: Round(*round),
                value: *value,
                observed_at: Timestamp(*observed_at),
            },
        }),
        Said::Requested { round, .. } => Some(Event::Requested {
            chain,
            round: Round(*round),
        }),
        Said::Configured { .. }
        | Said::AlarmRaised { .. }
        | Said::AlarmCleared { .. }
        | Said::Stale { .. } => None,
    }
}

/// Facts taken in at once.
const FACTS: u32 = 256;
/// Pause after trouble.
const TROUBLE: Duration = Duration::from_secs(1);
/// Pause while there is nothing to take part in.
const IDLE: Duration = Duration::from_secs(1);
/// Shortest pause: a clock that stands still is no reason to spin.
const LEAST: Duration = Duration::from_millis(5);
