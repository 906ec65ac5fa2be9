//! Rules F1..F13 of one operator.

use std::collections::BTreeMap;

use causeway_adapter_api::ChainId;

use super::types::*;
use super::{Alarm, Report, Rules};

type Stepped = Result<(State, Vec<Effect>), Why>;

/// How often patience is doubled at most.
const MOST_DOUBLINGS: u8 = 6;

pub(super) fn begin(rules: &Rules, round: Round) -> State {
    let seen = |chain: &ChainId| Seen {
        chain: *chain,
        answer: None,
        requested: Round(0),
        alarm: Alarm::default(),
        sent: None,
    };
    State {
        round,
        since: None,
        observed: None,
        attempts: 0,
        sample: None,
        seen: rules.chains.iter().map(seen).collect(),
        heard: BTreeMap::new(),
        proposal: None,
        signatures: BTreeMap::new(),
        signed: None,
        complete: None,
    }
}

/// One step: take the fact in, then do what is due.
pub(super) fn step(mut state: State, event: &Event, now: Millis, rules: &Rules) -> Stepped {
    let mut effects = state.observe(event, now, rules)?;
    effects.extend(state.decide(now, rules));
    Ok((state, effects))
}

/// Times that matter, after `now`.
pub(super) fn wake(state: &State, now: Millis, rules: &Rules) -> Option<Millis> {
    let pace = &rules.pace;
    let mut times = Vec::new();
    for seen in &state.seen {
        let answered = seen.answer.map(|a| Millis::from_seconds(a.observed_at));
        times.extend(answered.map(|at| at.plus(rules.heartbeat)));
        times.extend(seen.sent.map(|(_, at)| at.plus(pace.patience)));
    }
    times.extend(state.since.map(|at| at.plus(pace.gather)));
    times.extend(state.observed.map(|at| at.plus(pace.resend)));
    times.extend(state.times_out(rules));
    let complete = state.complete.as_ref();
    times.extend(complete.map(|(c, at)| at.plus(pace.stage.times(rules.turn(c.report.round)))));
    times.into_iter().filter(|at| *at > now).min()
}

impl State {
    /// Takes `event` in as a fact; returns what follows from the event alone.
    fn observe(&mut self, event: &Event, now: Millis, rules: &Rules) -> Result<Vec<Effect>, Why> {
        match event {
            // F3: what no device could have measured is not a sample.
            Event::Sampled(sample) if !plausible(sample.value, rules) => {
                return Err(Why::Implausible);
            }
            Event::Sampled(sample) if self.sample.is_some_and(|known| known.at >= sample.at) => {
                return Err(Why::Known);
            }
            Event::Sampled(sample) => self.sample = Some(*sample),
            Event::Requested { chain, round } => {
                let seen = self.chain(*chain)?;
                if seen.requested >= *round {
                    return Err(Why::Known);
                }
                seen.requested = *round;
            }
            Event::Answered { chain, answer } => self.answered(*chain, *answer, rules)?,
            Event::Observed { from, signed } => self.heard_of(*from, signed, now, rules)?,
            Event::Proposed { from, proposal } => {
                return self.proposed(*from, proposal, now, rules);
            }
            Event::Signed {
                from,
                round,
                signature,
            } => {
                let ours = self.proposal.as_ref().map(|p| p.report.round);
                if ours != Some(*round) {
                    return Err(Why::NoProposal);
                }
                if from.0 >= rules.operators {
                    return Err(Why::Foreign);
                }
                if self.signatures.contains_key(from) {
                    return Err(Why::Known);
                }
                self.signatures.insert(*from, signature.clone());
            }
            Event::Completed(complete) => {
                if complete.report.round <= self.completed() {
                    return Err(Why::Known);
                }
                self.complete = Some((complete.clone(), now));
            }
            Event::Tick => {}
        }
        Ok(Vec::new())
    }

    /// What is due, given all facts and the time.
    fn decide(&mut self, now: Millis, rules: &Rules) -> Vec<Effect> {
        self.join(rules);
        self.begin_round(now, rules);
        let there = self.heard.values();
        let there = there.filter(|part| part.observation.round >= self.round);
        if self.since.is_none() && there.count() >= rules.quorum() {
            self.since = Some(now);
        }
        let mut effects = self.speak(now, rules);
        effects.extend(self.propose(now, rules));
        effects.extend(self.assemble(now, rules));
        effects.extend(self.transmit(now, rules));
        effects
    }

    // -- facts --

    fn answered(&mut self, chain: ChainId, answer: Answer, rules: &Rules) -> Result<(), Why> {
        let seen = self.chain(chain)?;
        if seen.answer.is_some_and(|known| known.round >= answer.round) {
            return Err(Why::Known);
        }
        seen.answer = Some(answer);
        seen.alarm = seen
            .alarm
            .next(&rules.band, answer.value, answer.observed_at);
        if !self.unanswered() {
            self.attempts = 0;
        }
        Ok(())
    }

    /// The newest observation of an operator is kept, of whatever round: one for each, so nobody fills our memory.
    fn heard_of(
        &mut self,
        from: Place,
        signed: &SignedObservation,
        now: Millis,
        rules: &Rules,
    ) -> Result<(), Why> {
        let Observation { round, sample } = signed.observation;
        if from.0 >= rules.operators {
            return Err(Why::Foreign);
        }
        if !plausible(sample.value, rules) {
            return Err(Why::Implausible);
        }
        if sample.at > now.plus(rules.pace.skew) {
            return Err(Why::TimeRefused);
        }
        let known = self.heard.get(&from).map(|known| known.observation);
        if known.is_some_and(|known| (known.round, known.sample.at) >= (round, sample.at)) {
            return Err(Why::Known);
        }
        self.heard.insert(from, signed.clone());
        Ok(())
    }

    /// F5, F6, F7: signs what its leader made of 2f + 1 observations, once for a round.
    fn proposed(
        &mut self,
        from: Place,
        proposal: &Proposal,
        now: Millis,
        rules: &Rules,
    ) -> Result<Vec<Effect>, Why> {
        let report = &proposal.report;
        if from != rules.leader(report.round) {
            return Err(Why::NotLeader);
        }
        if report.round < self.round {
            return Err(Why::OldRound);
        }
        if Report::of(&proposal.parts).as_ref() != Some(report) {
            return Err(Why::NotItsObservations);
        }
        self.check(report, now, rules)?;
        match &self.signed {
            Some(signed) if signed.round > report.round => return Err(Why::OldRound),
            Some(signed) if signed.round == report.round && signed != report => {
                return Err(Why::SignedAnother);
            }
            _ => self.signed = Some(report.clone()),
        }
        // F4: 2f + 1 observations of a round are as good as having heard them.
        if report.round > self.round {
            self.enter(report.round);
        }
        let (report, to) = (report.clone(), from);
        Ok(vec![Effect::Sign { report, to }])
    }

    /// F5, F7: what a chain would take, of data that is neither old nor from the future.
    fn check(&self, report: &Report, now: Millis, rules: &Rules) -> Result<(), Why> {
        let count = report.values.len();
        if count < rules.quorum() || count > rules.operators.into() {
            return Err(Why::NotItsObservations);
        }
        if report
            .observers
            .checked_shr(rules.operators.into())
            .unwrap_or(0)
            != 0
        {
            return Err(Why::Foreign);
        }
        if !report.answer().is_some_and(|value| plausible(value, rules)) {
            return Err(Why::Implausible);
        }
        let at = Millis::from_seconds(report.observed_at);
        let answers = self.seen.iter().filter_map(|seen| seen.answer);
        let mut later = answers.filter(|answer| answer.observed_at > report.observed_at);
        let fits = at <= now.plus(rules.pace.skew) && now <= at.plus(rules.pace.fresh);
        if !fits || later.next().is_some() {
            return Err(Why::TimeRefused);
        }
        Ok(())
    }

    // -- what is due --

    /// F4: goes where f + 1 operators are, because one of them is honest.
    fn join(&mut self, rules: &Rules) {
        let rounds = self.heard.values().map(|part| part.observation.round);
        let mut rounds: Vec<Round> = rounds.collect();
        rounds.sort_unstable_by(|a, b| b.cmp(a));
        match rounds.get(rules.some_honest() - 1) {
            Some(round) if *round > self.round => self.enter(*round),
            _ => {}
        }
    }

    /// F1: the next round, when there is a reason and the last one is over; F8: or when it has taken too long.
    fn begin_round(&mut self, now: Millis, rules: &Rules) {
        let late = self.times_out(rules).is_some_and(|at| now >= at);
        if !self.due(now, rules) || (self.unanswered() && !late) {
            return;
        }
        if self.unanswered() {
            self.attempts = self.attempts.saturating_add(1);
        }
        let answers = self.seen.iter().filter_map(|seen| seen.answer);
        let last = answers.map(|answer| answer.round).max();
        self.enter(last.unwrap_or_default().max(self.round).next());
    }

    /// F1: deviation, heartbeat or request, on any chain, and something to say.
    fn due(&self, now: Millis, rules: &Rules) -> bool {
        let Some(sample) = self.fresh_sample(now, rules) else {
            return false;
        };
        self.seen.iter().any(|seen| match seen.answer {
            None => true,
            Some(answer) => {
                let at = Millis::from_seconds(answer.observed_at);
                seen.requested > answer.round
                    || now >= at.plus(rules.heartbeat)
                    || sample.value.abs_diff(answer.value) >= rules.deviation
            }
        })
    }

    /// F3: observes, and says again what may have been lost.
    fn speak(&mut self, now: Millis, rules: &Rules) -> Vec<Effect> {
        let early = self
            .observed
            .is_some_and(|at| now < at.plus(rules.pace.resend));
        if !self.unanswered() || self.completed() >= self.round || early {
            return Vec::new();
        }
        let round = self.round;
        let sample = self.fresh_sample(now, rules);
        let mut effects: Vec<Effect> = sample
            .map(|sample| Effect::Observe(Observation { round, sample }))
            .into_iter()
            .collect();
        effects.extend(self.proposal.clone().map(Effect::Propose));
        if !effects.is_empty() {
            self.observed = Some(now);
        }
        effects
    }

    /// F5: as the leader, makes a report of at least 2f + 1 observations, once.
    fn propose(&mut self, now: Millis, rules: &Rules) -> Option<Effect> {
        let since = self.since?;
        if rules.leader(self.round) != rules.me
            || self.proposal.is_some()
            || self.completed() >= self.round
        {
            return None;
        }
        let here = self.heard.iter();
        let here = here.filter(|(_, part)| part.observation.round == self.round);
        let parts: BTreeMap<_, _> = here.map(|(p, part)| (*p, part.clone())).collect();
        if parts.len() < rules.operators.into() && now < since.plus(rules.pace.gather) {
            return None;
        }
        let report = Report::of(&parts)?;
        self.check(&report, now, rules).ok()?;
        let proposal = Proposal { report, parts };
        self.proposal = Some(proposal.clone());
        Some(Effect::Propose(proposal))
    }

    /// F6: as the leader, completes the report with 2f + 1 signatures.
    fn assemble(&mut self, now: Millis, rules: &Rules) -> Option<Effect> {
        let report = &self.proposal.as_ref()?.report;
        if report.round <= self.completed() || self.signatures.len() < rules.quorum() {
            return None;
        }
        let first = self.signatures.iter().take(rules.quorum());
        let signatures = first.map(|(p, s)| (*p, s.clone())).collect();
        let report = report.clone();
        let complete = Complete { report, signatures };
        self.complete = Some((complete.clone(), now));
        Some(Effect::Publish(complete))
    }

    /// F9: the leader pays; the others only for what it left undone, one after the other.
    fn transmit(&mut self, now: Millis, rules: &Rules) -> Vec<Effect> {
        let Some((complete, since)) = &self.complete else {
            return Vec::new();
        };
        let round = complete.report.round;
        let turn = since.plus(rules.pace.stage.times(rules.turn(round)));
        let mut effects = Vec::new();
        for seen in &mut self.seen {
            let lacks = seen.answer.is_none_or(|answer| answer.round < round);
            let tried = seen
                .sent
                .is_some_and(|(sent, at)| sent >= round && now < at.plus(rules.pace.patience));
            if lacks && !tried && now >= turn {
                seen.sent = Some((round, now));
                let (chain, complete) = (seen.chain, complete.clone());
                effects.push(Effect::Transmit { chain, complete });
            }
        }
        effects
    }

    // -- reading --

    /// F8: when this round has taken too long: nobody led it to a report, or nobody brought the report to every chain.
    fn times_out(&self, rules: &Rules) -> Option<Millis> {
        let doubled = 1 << self.attempts.min(MOST_DOUBLINGS);
        let patience = rules.pace.patience.times(doubled);
        match &self.complete {
            Some((complete, at)) if complete.report.round >= self.round => {
                let everybody = rules.pace.stage.times(rules.operators.into());
                Some(at.plus(everybody).plus(patience))
            }
            _ => self.since.map(|at| at.plus(patience)),
        }
    }

    /// Whether a chain lacks an answer of the round we are in.
    fn unanswered(&self) -> bool {
        let lacks = |seen: &Seen| seen.answer.is_none_or(|answer| answer.round < self.round);
        self.round != Round(0) && self.seen.iter().any(lacks)
    }

    fn fresh_sample(&self, now: Millis, rules: &Rules) -> Option<Sample> {
        self.sample
            .filter(|sample| now <= sample.at.plus(rules.pace.fresh))
    }

    fn completed(&self) -> Round {
        let complete = self.complete.as_ref();
        complete.map_or(Round(0), |(complete, _)| complete.report.round)
    }

    fn enter(&mut self, round: Round) {
        self.round = round;
        self.since = None;
        self.observed = None;
        self.proposal = None;
        self.signatures.clear();
    }

    fn chain(&mut self, chain: ChainId) -> Result<&mut Seen, Why> {
        let mut seen = self.seen.iter_mut();
        seen.find(|seen| seen.chain == chain).ok_or(Why::Foreign)
    }
}

fn plausible(value: i128, rules: &Rules) -> bool {
    (rules.min..=rules.max).contains(&value)
}
