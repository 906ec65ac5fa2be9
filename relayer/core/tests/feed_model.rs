//! Every reachable state of a feed's first rounds: four operators of whom one lies, is silent, dies or crashes; messages that
//! are late, repeated and out of order. The honest run the real `step`; signatures are what only their makers can send.
//!
//! One unit of time is a second. A message arrives, a transaction is included and a block is read within one second; within
//! that every order is tried. What was delivered may be delivered again at any time. A node that crashed keeps what it
//! stored, and may come back or not.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes};
use causeway_adapter_api::ChainId;
use causeway_core::feed::{
    self, Answer, Band, Complete, Effect, Event, Millis, Observation, Pace, Place, Proposal,
    Report, Round, Rules, Sample, Settings, SignedObservation, State,
};
use stateright::{Checker, HasDiscoveries, Model, Property};

const OPERATORS: usize = 4;
/// What is left of a quorum when the liar signs, too.
const HONEST_QUORUM: usize = 2;
const CHAIN: ChainId = ChainId(1);
/// What the honest see, by place.
const VALUES: [i128; OPERATORS] = [100, 110, 120, 130];
/// What a liar says.
const LIES: [i128; 2] = [0, 200];
const DELAY: u8 = 1;
/// Longer than a round takes at most: four deliveries and the leader's wait.
const PATIENCE: u64 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fault {
    /// All are honest.
    None,
    /// It says nothing, ever.
    SilentOperator(usize),
    /// It stops at any moment, and may come back.
    CrashingOperator(usize),
    /// It says anything to anybody.
    LyingOperator(usize),
}

/// One of the rules, broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rule {
    AsWritten,
    /// F6: what was signed is not stored.
    SignedIsForgotten,
    /// F5: a leader's observations are taken without their signatures.
    PartsUnverified,
}

#[derive(Clone, Copy, Debug)]
struct Feed {
    fault: Fault,
    rule: Rule,
    /// How many messages a liar may send.
    lies: u8,
    /// Whether it lies by proposals alone.
    proposals_only: bool,
    /// Whether what was delivered is delivered again.
    repeats: bool,
    /// The last second.
    end: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Letter {
    Observation(Place, i128, Round),
    Proposal(Vec<(Place, i128)>, Round),
    Signature(Place, Vec<(Place, i128)>, Round),
    Complete(Vec<(Place, i128)>, Round),
    Answer(i128, Round),
}

type Parts = Vec<(Place, i128)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: u8,
    /// The honest, and the one that crashes.
    nodes: Vec<Option<State>>,
    down: bool,
    crashes: u8,
    /// On the way: to whom, and until when it arrives.
    post: BTreeMap<(usize, Letter), u8>,
    delivered: BTreeSet<(usize, Letter)>,
    /// Transactions, and until when they are included.
    pool: BTreeMap<(Round, Parts), u8>,
    answer: Option<(Round, i128)>,
    /// What honest operators signed: round, report, signers.
    signed: BTreeMap<(Round, Parts), BTreeSet<Place>>,
    lies: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Advance,
    Deliver(usize, Letter),
    Again(usize, Letter),
    Include(Round, Parts),
    Crash,
    Restart,
    /// The liar's word.
    Lie(usize, Letter),
    /// The liar brings a report that enough have signed.
    Bring(Round, Parts),
}

fn rules(me: usize) -> Rules {
    let pace = Pace {
        gather: Millis(1_000),
        resend: Millis(100_000),
        patience: Millis(PATIENCE * 1_000),
        stage: Millis(2_000),
        fresh: Millis(100_000),
        skew: Millis(0),
    };
    let band = Band {
        low: 0,
        high: 200,
        hysteresis: 0,
        duration: 0,
    };
    let settings = Settings {
        config: B256::repeat_byte(1),
        operators: OPERATORS as u8,
        me: Place(me as u8),
        chains: vec![CHAIN],
        min: 0,
        max: 200,
        band,
        deviation: 50,
        heartbeat: Millis(1_000_000),
        pace,
    };
    settings.check().expect("sound")
}

/// All samples are of the first second, so that a report is told by its parts.
fn observation(place: Place, value: i128, round: Round) -> SignedObservation {
    let at = Millis(0);
    SignedObservation {
        observation: Observation {
            round,
            sample: Sample { value, at },
        },
        signature: Bytes::from(vec![place.0]),
    }
}

fn proposal(parts: &Parts, round: Round) -> Proposal {
    let parts: BTreeMap<_, _> = parts
        .iter()
        .map(|(place, value)| (*place, observation(*place, *value, round)))
        .collect();
    let report = Report::of(&parts).expect("some parts");
    Proposal { report, parts }
}

fn parts_of(proposal: &Proposal) -> Parts {
    let parts = proposal.parts.iter();
    parts
        .map(|(place, part)| (*place, part.observation.sample.value))
        .collect()
}

fn median(parts: &Parts) -> i128 {
    proposal(parts, Round(1)).report.answer().expect("some")
}

fn leader(round: Round) -> usize {
    rules(0).leader(round).0.into()
}

impl Feed {
    fn is_honest(&self, node: usize) -> bool {
        !matches!(self.fault, Fault::SilentOperator(who) | Fault::LyingOperator(who) if who == node)
    }

    fn runs(&self, world: &World, node: usize) -> bool {
        self.is_honest(node) && !(world.down && self.fault == Fault::CrashingOperator(node))
    }

    fn step(&self, world: &mut World, node: usize, event: &Event) -> bool {
        let Some(state) = &world.nodes[node] else {
            return false;
        };
        let mut state = state.clone();
        if self.rule == Rule::SignedIsForgotten {
            state.signed = None;
        }
        let now = Millis(u64::from(world.now) * 1_000);
        let Ok((next, effects)) = feed::step(&state, event, now, &rules(node)) else {
            return false;
        };
        world.nodes[node] = Some(next);
        for effect in effects {
            self.run(world, node, effect);
        }
        true
    }

    fn run(&self, world: &mut World, node: usize, effect: Effect) {
        let me = Place(node as u8);
        match effect {
            Effect::Observe(Observation { round, sample }) => {
                self.send_all(world, node, &Letter::Observation(me, sample.value, round));
            }
            Effect::Propose(made) => {
                let letter = Letter::Proposal(parts_of(&made), made.report.round);
                self.send_all(world, node, &letter);
            }
            Effect::Sign { report, to } => {
                let parts = self.parts(world, node, &report);
                let signers = world.signed.entry((report.round, parts.clone()));
                signers.or_default().insert(me);
                self.send(
                    world,
                    to.0.into(),
                    Letter::Signature(me, parts, report.round),
                );
            }
            Effect::Publish(complete) => {
                let parts = self.parts(world, node, &complete.report);
                self.send_all(world, node, &Letter::Complete(parts, complete.report.round));
            }
            Effect::Transmit { complete, .. } => {
                let parts = self.parts(world, node, &complete.report);
                let until = world.now + DELAY;
                world
                    .pool
                    .entry((complete.report.round, parts))
                    .or_insert(until);
            }
        }
    }

    /// Values and observers tell the parts apart from all others that were ever sent.
    fn parts(&self, world: &World, node: usize, report: &Report) -> Parts {
        let seen = world.post.keys().chain(&world.delivered);
        let mut found = seen.filter_map(|(to, letter)| match letter {
            Letter::Proposal(parts, round) | Letter::Complete(parts, round)
                if *to == node && proposal(parts, *round).report == *report =>
            {
                Some(parts.clone())
            }
            _ => None,
        });
        found.next().expect("it came by letter")
    }

    fn send_all(&self, world: &mut World, from: usize, letter: &Letter) {
        // What is for oneself takes no way.
        world.delivered.insert((from, letter.clone()));
        self.read(world, from, letter);
        for to in (0..OPERATORS).filter(|to| *to != from) {
            self.send(world, to, letter.clone());
        }
    }

    fn send(&self, world: &mut World, to: usize, letter: Letter) {
        if self.is_honest(to) && !world.delivered.contains(&(to, letter.clone())) {
            let until = world.now + DELAY;
            world.post.entry((to, letter)).or_insert(until);
        }
    }

    fn read(&self, world: &mut World, to: usize, letter: &Letter) -> bool {
        let event = match letter {
            Letter::Observation(from, value, round) => Event::Observed {
                from: *from,
                signed: observation(*from, *value, *round),
            },
            Letter::Proposal(parts, round) => Event::Proposed {
                from: rules(to).leader(*round),
                proposal: proposal(parts, *round),
            },
            // `Roster::open` compares it with our proposal.
            Letter::Signature(from, parts, round) => {
                let state = world.nodes[to].as_ref();
                let ours = state.and_then(|state| state.proposal.as_ref());
                if ours.map(parts_of).as_ref() != Some(parts) {
                    return false;
                }
                Event::Signed {
                    from: *from,
                    round: *round,
                    signature: Bytes::from(vec![from.0]),
                }
            }
            Letter::Complete(parts, round) => Event::Completed(Complete {
                report: proposal(parts, *round).report,
                signatures: BTreeMap::new(),
            }),
            Letter::Answer(value, round) => Event::Answered {
                chain: CHAIN,
                answer: Answer {
                    round: *round,
                    value: *value,
                    observed_at: Default::default(),
                },
            },
        };
        self.step(world, to, &event)
    }

    /// The contract: a quorum signed it, and it is newer.
    fn accept(&self, world: &mut World, round: Round, parts: &Parts) -> bool {
        if world.answer.is_some_and(|(last, _)| last >= round) {
            return false;
        }
        let signers = world.signed.get(&(round, parts.clone()));
        let liar = usize::from(matches!(self.fault, Fault::LyingOperator(_)));
        if signers.map_or(0, BTreeSet::len) + liar < HONEST_QUORUM + 1 {
            return false;
        }
        let value = median(parts);
        world.answer = Some((round, value));
        for to in 0..OPERATORS {
            self.send(world, to, Letter::Answer(value, round));
        }
        true
    }

    fn lies_of(&self, world: &World, liar: usize, acts: &mut Vec<Act>) {
        let me = Place(liar as u8);
        let brought = world.signed.keys();
        acts.extend(brought.map(|(round, parts)| Act::Bring(*round, parts.clone())));
        if world.lies == 0 {
            return;
        }
        for to in (0..OPERATORS).filter(|to| *to != liar) {
            let words = [1, 2].into_iter().flat_map(|r| LIES.map(|v| (Round(r), v)));
            for (round, value) in words {
                if !self.proposals_only {
                    acts.push(Act::Lie(to, Letter::Observation(me, value, round)));
                }
                if leader(round) == liar {
                    let parts = self.made_up(world, me, value, round);
                    let letters = parts
                        .into_iter()
                        .map(|parts| Letter::Proposal(parts, round));
                    acts.extend(letters.map(|letter| Act::Lie(to, letter)));
                }
            }
            if self.proposals_only {
                continue;
            }
            let proposals = world
                .delivered
                .iter()
                .filter_map(|(_, letter)| match letter {
                    Letter::Proposal(parts, round) if leader(*round) == to => Some((parts, round)),
                    _ => None,
                });
            let signatures = proposals.map(|(p, r)| Letter::Signature(me, p.clone(), *r));
            acts.extend(signatures.map(|letter| Act::Lie(to, letter)));
        }
    }

    /// Proposals that a lying leader can make: its word and two of the honest, or three of the honest.
    fn made_up(&self, world: &World, me: Place, value: i128, round: Round) -> Vec<Parts> {
        let said = |place: usize| {
            let letter = Letter::Observation(Place(place as u8), VALUES[place], round);
            world.delivered.contains(&(place, letter))
        };
        let honest: Vec<usize> = (0..OPERATORS)
            .filter(|place| *place != usize::from(me.0) && said(*place))
            .collect();
        let part = |place: &usize| (Place(*place as u8), VALUES[*place]);
        let mut made = Vec::new();
        for without in &honest {
            let others = honest.iter().filter(|place| *place != without);
            let mut parts: Parts = others.map(part).collect();
            parts.push((me, value));
            made.push(parts);
        }
        made.push(honest.iter().map(part).collect());
        if self.rule == Rule::PartsUnverified {
            let places = (0..3_u8).map(|place| (Place(place), value));
            made.push(places.collect());
        }
        made.retain(|parts| parts.len() > HONEST_QUORUM);
        made
    }
}

impl Model for Feed {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let honest = |node: usize| {
            self.is_honest(node)
                .then(|| feed::begin(&rules(node), Round(0)))
        };
        let mut world = World {
            now: 0,
            nodes: (0..OPERATORS).map(honest).collect(),
            down: false,
            crashes: u8::from(matches!(self.fault, Fault::CrashingOperator(_))),
            post: BTreeMap::new(),
            delivered: BTreeSet::new(),
            pool: BTreeMap::new(),
            answer: None,
            signed: BTreeMap::new(),
            lies: self.lies,
        };
        for (node, value) in VALUES.into_iter().enumerate() {
            let at = Millis(0);
            self.step(&mut world, node, &Event::Sampled(Sample { value, at }));
        }
        vec![world]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        let late =
            |(to, _): &(usize, Letter), until: &u8| self.runs(world, *to) && *until <= world.now;
        let post_is_late = world.post.iter().any(|(key, until)| late(key, until));
        let pool_is_late = world.pool.values().any(|until| *until <= world.now);
        if world.now < self.end && !post_is_late && !pool_is_late {
            acts.push(Act::Advance);
        }
        for (to, letter) in world.post.keys().filter(|(to, _)| self.runs(world, *to)) {
            acts.push(Act::Deliver(*to, letter.clone()));
        }
        let again = world.delivered.iter().filter(|_| self.repeats);
        let again = again.filter(|(to, _)| self.runs(world, *to));
        acts.extend(again.map(|(to, letter)| Act::Again(*to, letter.clone())));
        for (round, parts) in world.pool.keys() {
            acts.push(Act::Include(*round, parts.clone()));
        }
        match self.fault {
            Fault::CrashingOperator(_) if world.down => acts.push(Act::Restart),
            Fault::CrashingOperator(_) if world.crashes > 0 => acts.push(Act::Crash),
            Fault::LyingOperator(liar) => self.lies_of(world, liar, acts),
            _ => {}
        }
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        match act {
            Act::Advance => {
                world.now += 1;
                for node in (0..OPERATORS).filter(|node| self.runs(last, *node)) {
                    self.step(&mut world, node, &Event::Tick);
                }
            }
            Act::Deliver(to, letter) => {
                world.post.remove(&(to, letter.clone()));
                world.delivered.insert((to, letter.clone()));
                self.read(&mut world, to, &letter);
            }
            Act::Again(to, letter) => {
                self.read(&mut world, to, &letter);
            }
            Act::Include(round, parts) => {
                world.pool.remove(&(round, parts.clone()));
                self.accept(&mut world, round, &parts);
            }
            Act::Crash => (world.down, world.crashes) = (true, 0),
            Act::Restart => {
                world.down = false;
                let until = world.now + DELAY;
                world.post.values_mut().for_each(|at| *at = until.max(*at));
            }
            Act::Lie(to, letter) => {
                world.lies -= 1;
                world.delivered.insert((to, letter.clone()));
                self.read(&mut world, to, &letter);
            }
            Act::Bring(round, parts) => {
                self.accept(&mut world, round, &parts);
            }
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(HONEST_RANGE, |feed: &Feed, world: &World| {
                let honest = (0..OPERATORS).filter(|node| feed.is_honest(*node));
                let honest: Vec<i128> = honest.map(|node| VALUES[node]).collect();
                world.answer.is_none_or(|(_, value)| {
                    honest.iter().any(|v| *v <= value) && honest.iter().any(|v| *v >= value)
                })
            }),
            Property::always(ONE_REPORT, |feed: &Feed, world: &World| {
                let liar = usize::from(matches!(feed.fault, Fault::LyingOperator(_)));
                let full = world.signed.iter();
                let full = full.filter(|(_, signers)| signers.len() + liar > HONEST_QUORUM);
                let rounds: Vec<Round> = full.map(|((round, _), _)| *round).collect();
                rounds.windows(2).all(|pair| pair[0] != pair[1])
            }),
            Property::always(LIVE, |feed: &Feed, world: &World| {
                let over = world.now == END && feed.end == END;
                !over || world.answer.is_some()
            }),
            Property::sometimes("an answer", |_, world: &World| world.answer.is_some()),
        ]
    }
}

const HONEST_RANGE: &str = "F10: an answer lies within what the honest observed";
const ONE_REPORT: &str = "F6: one report for a round has a quorum";
const LIVE: &str = "F11: in the end there is an answer";

/// Enough for the first round to fail and the second to succeed.
const END: u8 = 18;
/// When the first round is over, if nothing is heard of its leader.
const FIRST: u8 = 7;

fn feed(fault: Fault, lies: u8) -> Feed {
    Feed {
        fault,
        rule: Rule::AsWritten,
        lies,
        proposals_only: false,
        repeats: false,
        end: END,
    }
}

fn report(name: &str, checker: &impl Checker<Feed>) {
    println!(
        "{name}: {} states, {} generated, depth {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth()
    );
}

fn holds(name: &str, feed: Feed) {
    let checker = feed.checker().threads(1).spawn_dfs().join();
    report(name, &checker);
    checker.assert_properties();
}

#[test]
fn a_silent_leader_costs_a_round() {
    holds("feed: silent leader", feed(Fault::SilentOperator(1), 0));
}

#[test]
fn a_silent_follower_costs_nothing_though_all_is_said_twice() {
    let repeats = true;
    let feed = Feed {
        repeats,
        ..feed(Fault::SilentOperator(2), 0)
    };
    holds("feed: silent follower, repeated messages", feed);
}

/// Three proposals within the first second; what comes after is walked.
#[test]
fn a_lying_leader_moves_nothing_out_of_the_honest_range() {
    let feed = Feed {
        end: 0,
        proposals_only: true,
        ..feed(Fault::LyingOperator(1), 3)
    };
    holds("feed: lying leader, first second", feed);
}

/// Up to the end of the first round; what comes after is walked.
#[test]
fn a_lying_follower_moves_nothing_out_of_the_honest_range() {
    let feed = Feed {
        end: FIRST,
        ..feed(Fault::LyingOperator(3), 1)
    };
    holds("feed: lying follower, first round", feed);
}

/// Walks of chance through what is too large to visit whole: one of a thousand seeds each, the same seed the same walk.
#[test]
fn all_is_well_on_a_thousand_long_walks() {
    let faults = [
        Fault::None,
        Fault::CrashingOperator(1),
        Fault::CrashingOperator(2),
        Fault::LyingOperator(1),
        Fault::LyingOperator(2),
    ];
    for (fault, seed) in faults
        .into_iter()
        .flat_map(|f| (0..200).map(move |s| (f, s)))
    {
        let repeats = seed % 2 == 0;
        let feed = Feed {
            repeats,
            ..feed(fault, 12)
        };
        walk(&feed, seed);
    }
}

/// Every property in every state of one walk.
fn walk(feed: &Feed, seed: u64) {
    let mut world = feed.init_states().remove(0);
    let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..2_000 {
        let mut acts = Vec::new();
        feed.actions(&world, &mut acts);
        let next = (0..acts.len()).find_map(|_| {
            // xorshift: good enough to choose a way.
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            let act = acts.swap_remove((chance % acts.len() as u64) as usize);
            feed.next_state(&world, act)
        });
        let Some(next) = next else { break };
        world = next;
        for property in feed.properties() {
            let holds = (property.condition)(feed, &world);
            let matters = property.expectation == stateright::Expectation::Always;
            assert!(
                holds || !matters,
                "{}: {feed:?}, seed {seed}",
                property.name
            );
        }
    }
    assert_eq!(
        world.now, END,
        "the walk came to its end: {feed:?}, seed {seed}"
    );
}

#[test]
fn each_broken_rule_is_found_to_lose() {
    let broken = [
        (Rule::SignedIsForgotten, ONE_REPORT, 4),
        (Rule::PartsUnverified, HONEST_RANGE, 2),
    ];
    for (rule, property, lies) in broken {
        // Within one second: the shortest way is enough.
        let feed = Feed {
            rule,
            end: 0,
            proposals_only: true,
            ..feed(Fault::LyingOperator(1), lies)
        };
        let found = HasDiscoveries::AnyOf([property].into());
        let checker = feed.checker().threads(1).finish_when(found);
        let checker = checker.spawn_bfs().join();
        report(&format!("feed, broken on purpose: {rule:?}"), &checker);
        assert!(checker.discovery(property).is_some(), "{rule:?}");
    }
}
