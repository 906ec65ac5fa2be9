//! Two chains, their clocks, and those who act on them: what the model checks of messages, pegs and settlements share.
//!
//! One unit of time is one second of a chain; the two clocks differ by at most [`Rules::skew`]. A block is final and read at
//! most [`FINALITY`] late, a transaction is included at most [`INCLUSION`] late or, while [`Rules::drops`] lasts, never.
//! Within that every order is tried. The chains are read independently, every event is delivered twice, what was asked for
//! survives a crash, and a dead node stays dead.

use std::{
    fmt::Debug,
    hash::{DefaultHasher, Hash, Hasher},
};

use causeway_adapter_api::{ChainId, Timestamp};
use causeway_core::swap::{Clock, Now};
use stateright::{Checker, Model};

pub(crate) const FINALITY: u8 = 1;
pub(crate) const INCLUSION: u8 = 1;
pub(crate) const OUTAGE: u8 = 1;
pub(crate) const CHAINS: [ChainId; 2] = [ChainId(1), ChainId(2)];

pub(crate) trait Value:
    Clone + Debug + PartialEq + Eq + Hash + Send + Sync + 'static
{
}
impl<T: Clone + Debug + PartialEq + Eq + Hash + Send + Sync + 'static> Value for T {}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It did what it was to do; others may have done so before.
    Done,
    /// The contract refuses it.
    Refused,
}

/// What differs between the kinds.
pub(crate) trait Protocol: Value {
    /// A node's record.
    type State: Value;
    /// What is observed.
    type Event: Value;
    /// What is asked for.
    type Effect: Value;
    /// Storage of the contracts of both chains.
    type Ground: Value;
    /// What the adversary may do.
    type Ploy: Value;

    fn rules(&self) -> Rules;
    fn ground(&self) -> Self::Ground;
    /// What node `who` begins with.
    fn first(&self, who: usize) -> (Option<Self::State>, Vec<Self::Effect>);
    /// What a node that has no record makes of an event.
    fn take_up(
        &self,
        who: usize,
        event: &Self::Event,
        now: &Now,
    ) -> Option<(Self::State, Vec<Self::Effect>)>;
    fn step(
        &self,
        state: &Self::State,
        event: &Self::Event,
        now: &Now,
    ) -> Option<(Self::State, Vec<Self::Effect>)>;
    fn tick(&self) -> Self::Event;
    fn wake(&self, state: &Self::State) -> Vec<(usize, u8)>;
    fn chain_of(&self, effect: &Self::Effect) -> usize;
    /// Whether it is too late to send it for the first time, and what is then reported.
    fn stale(&self, effect: &Self::Effect, clock: [u8; 2]) -> Option<Self::Event>;
    /// Looks at what is sent: a broken rule is named.
    fn sent(
        &self,
        ground: &mut Self::Ground,
        effect: &Self::Effect,
        clock: [u8; 2],
    ) -> Result<(), &'static str>;
    /// Runs a transaction of node `by`; a number no node has is the adversary's.
    fn run(&self, world: &mut World<Self>, effect: &Self::Effect, by: usize) -> Ran;
    /// What is reported to the sender of a refused transaction, if it is to be asked again.
    fn refused(&self, world: &World<Self>, effect: &Self::Effect) -> Option<Self::Event>;
    /// Everything the adversary may try now.
    fn ploys(&self, world: &World<Self>) -> Vec<Self::Ploy>;
    /// Does one of them; `None` when nothing came of it.
    fn play(&self, world: &mut World<Self>, ploy: &Self::Ploy) -> Option<()>;
    /// Called when a clock has moved.
    fn moved(&self, _world: &mut World<Self>) {}
    /// Moments of each chain at which a decision may change, for telling states apart no more than needed.
    fn moments(&self, world: &World<Self>) -> [Vec<u8>; 2];
    fn has_ended(&self, state: &Self::State) -> bool;
    /// Whether nothing on either chain can change any more.
    fn settled(&self, ground: &Self::Ground) -> bool;
    /// Whether a node's transactions may be late. Those of the others run at once: that they are late is covered by their
    /// reading late, and that they are early by the adversary.
    fn may_be_late(&self, who: usize) -> bool;
}

/// Both chains.
const BOTH: usize = 2;

/// Who is there and what may happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    /// The nodes, by what may befall them.
    pub(crate) nodes: Vec<Up>,
    /// Seconds the clocks may differ.
    pub(crate) skew: u8,
    /// Transactions that may be lost for good.
    pub(crate) drops: u8,
    /// The last second.
    pub(crate) end: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Up {
    /// Never down.
    Always,
    /// Once, within the outage budget.
    MayCrash,
    /// Once, for good, at any moment.
    MayDie,
    /// Since these times.
    Down([u8; 2]),
    /// For good.
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World<P: Protocol> {
    pub(crate) clock: [u8; 2],
    pub(crate) ground: P::Ground,
    pub(crate) log: [Vec<(u8, P::Event)>; 2],
    pub(crate) pool: Vec<Sent<P::Effect>>,
    pub(crate) nodes: Vec<Node<P>>,
    pub(crate) drops: u8,
    pub(crate) broken: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent<E> {
    by: usize,
    at: u8,
    pub(crate) effect: E,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node<P: Protocol> {
    pub(crate) state: Option<P::State>,
    outbox: Vec<P::Effect>,
    /// Events of what it has no record of yet.
    early: Vec<P::Event>,
    /// What the executor has to report.
    mail: Vec<P::Event>,
    /// Log entries read, and the time of the newest block applied, by chain.
    read: [(usize, u8); 2],
    pub(crate) up: Up,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act<E> {
    Advance(usize),
    Read { node: usize, chain: usize },
    Open { node: usize },
    Send { node: usize, index: usize },
    Include(usize),
    Lose(usize),
    Crash(usize),
    Restart(usize),
    Ploy(E),
}

impl<P: Protocol> World<P> {
    /// Writes an event into a block of this second.
    pub(crate) fn emit(&mut self, chain: usize, event: P::Event) {
        self.log[chain].push((self.clock[chain], event));
    }

    pub(crate) fn runs(&self, node: usize) -> bool {
        !matches!(self.nodes[node].up, Up::Down(_) | Up::Dead)
    }

    fn now(&self, node: usize) -> Now {
        let clock = |chain: usize| Clock {
            proven: Timestamp(self.nodes[node].read[chain].1.into()),
            latest: Timestamp(self.clock[chain].into()),
        };
        Now::new([(CHAINS[0], clock(0)), (CHAINS[1], clock(1))])
    }
}

/// How an event came: a fact of a chain may be told again, a report of the executor is made once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Fact,
    Report,
}

/// The model of a protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Play<P>(pub P);

impl<P: Protocol> Play<P> {
    fn feed(&self, world: &mut World<P>, who: usize, event: &P::Event, told: Told) {
        let now = world.now(who);
        let Some(state) = world.nodes[who].state.clone() else {
            if let Some((state, effects)) = self.0.take_up(who, event, &now) {
                world.nodes[who].state = Some(state);
                world.nodes[who].outbox.extend(effects);
                // What was seen before somebody knew what it was about is told again.
                for event in std::mem::take(&mut world.nodes[who].early) {
                    self.feed(world, who, &event, Told::Fact);
                }
            } else if *event != self.0.tick() {
                world.nodes[who].early.push(event.clone());
            }
            return;
        };
        let Some((next, effects)) = self.0.step(&state, event, &now) else {
            return;
        };
        if let Some((again, more)) = self.0.step(&next, event, &now)
            && (again != next || !more.is_empty())
            && told == Told::Fact
        {
            world.broken = world.broken.or(Some("a repeated event changed something"));
        }
        world.nodes[who].state = Some(next);
        world.nodes[who].outbox.extend(effects);
    }

    fn read(&self, world: &mut World<P>, who: usize, chain: usize) {
        let fresh = world.log[chain][world.nodes[who].read[chain].0..].to_vec();
        for (_, event) in &fresh {
            self.feed(world, who, event, Told::Fact);
        }
        world.nodes[who].read[chain] = (world.log[chain].len(), world.clock[chain]);
        self.feed(world, who, &self.0.tick(), Told::Fact);
        self.flush(world, who);
    }

    /// Sends what was asked for. A node that may crash sends one thing at a time, to be stopped before any of them; for the
    /// others only the moment of inclusion makes a difference, and that one is free.
    fn flush(&self, world: &mut World<P>, who: usize) {
        while matches!(world.nodes[who].up, Up::Always | Up::MayDie)
            && !world.nodes[who].outbox.is_empty()
        {
            self.send(world, who, 0);
        }
    }

    fn send(&self, world: &mut World<P>, who: usize, index: usize) {
        let effect = world.nodes[who].outbox.remove(index);
        if let Some(report) = self.0.stale(&effect, world.clock) {
            world.nodes[who].mail.push(report);
            return;
        }
        let clock = world.clock;
        let looked = self.0.sent(&mut world.ground, &effect, clock);
        world.broken = world.broken.or(looked.err());
        if !self.0.may_be_late(who) {
            if self.0.run(world, &effect, who) == Ran::Refused
                && let Some(report) = self.0.refused(world, &effect)
            {
                world.nodes[who].mail.push(report);
            }
            return;
        }
        let at = clock[self.0.chain_of(&effect)];
        let sent = Sent {
            by: who,
            at,
            effect,
        };
        if !world.pool.contains(&sent) {
            world.pool.push(sent);
        }
    }

    /// Earliest moment at which something waits to be read.
    fn unread(&self, world: &World<P>, node: usize, chain: usize) -> Option<u8> {
        let n = &world.nodes[node];
        let (read, ticked) = n.read[chain];
        let wake = n.state.iter().flat_map(|state| self.0.wake(state));
        let due = wake
            .filter(|(c, at)| *c == chain && *at > ticked)
            .map(|(_, at)| at);
        let logged = world.log[chain].get(read).map(|(at, _)| *at);
        logged.into_iter().chain(due).min()
    }

    /// Whether time may pass on `chain`: nothing that must have happened there by now is outstanding.
    fn may_advance(&self, world: &World<P>, chain: usize) -> bool {
        let rules = self.0.rules();
        let clock = world.clock[chain];
        let in_step = clock < world.clock[1 - chain] + rules.skew.max(1) && clock < rules.end;
        let mut here = world
            .pool
            .iter()
            .filter(|tx| self.0.chain_of(&tx.effect) == chain);
        let included = here.all(|tx| tx.at + INCLUSION > clock);
        let kept_up = |node: usize| match world.nodes[node].up {
            Up::Dead => true,
            Up::Down(since) => since[chain] + OUTAGE > clock,
            Up::Always | Up::MayCrash | Up::MayDie => {
                let n = &world.nodes[node];
                let read = self
                    .unread(world, node, chain)
                    .is_none_or(|at| at + FINALITY > clock);
                n.outbox.is_empty() && n.mail.is_empty() && read
            }
        };
        in_step && included && (0..world.nodes.len()).all(kept_up)
    }

    /// Drops what no longer makes a difference, so that states that differ in history alone are one.
    fn forget(&self, world: &mut World<P>) {
        for chain in 0..2 {
            let alive = world.nodes.iter().filter(|node| node.up != Up::Dead);
            let done = alive.map(|node| node.read[chain].0).min();
            let done = done.unwrap_or(world.log[chain].len());
            world.log[chain].drain(..done);
            for node in &mut world.nodes {
                node.read[chain].0 = node.read[chain].0.saturating_sub(done);
            }
        }
        // What is over is over: the rest of time is one state.
        let left = |node: &Node<P>| {
            node.up != Up::Dead
                && node
                    .state
                    .as_ref()
                    .is_none_or(|state| !self.0.has_ended(state))
        };
        if self.0.settled(&world.ground) && !world.nodes.iter().any(left) {
            world.clock = [self.0.rules().end; 2];
            world.log = Default::default();
            world.pool.clear();
            world.drops = 0;
            for node in &mut world.nodes {
                node.read = [(0, 0); 2];
                node.outbox.clear();
                node.mail.clear();
            }
            return;
        }
        // In which order transactions came into the pool makes no difference: any of them may be included next.
        world.pool.sort_by_cached_key(|tx| {
            let mut hasher = DefaultHasher::new();
            tx.hash(&mut hasher);
            hasher.finish()
        });
        let mut moments = self.0.moments(world);
        for state in world.nodes.iter().filter_map(|node| node.state.as_ref()) {
            for (chain, at) in self.0.wake(state) {
                moments[chain].push(at);
            }
        }
        for node in &mut world.nodes {
            if node.up == Up::Dead {
                (node.state, node.read) = (None, [(0, 0); 2]);
                node.outbox.clear();
                node.early.clear();
                node.mail.clear();
            }
            for (chain, (_, ticked)) in node.read.iter_mut().enumerate() {
                let passed = moments[chain].iter().filter(|at| **at <= *ticked).max();
                *ticked = passed.copied().unwrap_or(0);
            }
        }
    }

    /// Whether every clock has stopped and nobody honest has anything left to do.
    pub(crate) fn over(&self, world: &World<P>) -> bool {
        let mut acts = Vec::new();
        self.honest(world, &mut acts);
        world.clock == [self.0.rules().end; 2] && acts.is_empty()
    }

    /// Whether the model itself has come to a halt before its end, which would hide what comes after.
    pub(crate) fn stuck(&self, world: &World<P>) -> bool {
        let mut acts = Vec::new();
        self.honest(world, &mut acts);
        let moves = |act: Act<P::Ploy>| self.act(world, act).is_some();
        world.broken.is_none()
            && world.clock != [self.0.rules().end; 2]
            && !acts.into_iter().any(moves)
    }

    fn honest(&self, world: &World<P>, acts: &mut Vec<Act<P::Ploy>>) {
        // Clocks that do not differ are one.
        if self.0.rules().skew > 0 {
            acts.extend(
                (0..2)
                    .filter(|c| self.may_advance(world, *c))
                    .map(Act::Advance),
            );
        } else if (0..2).all(|c| self.may_advance(world, c)) {
            acts.push(Act::Advance(BOTH));
        }
        for (node, n) in world.nodes.iter().enumerate() {
            match n.up {
                Up::Down(_) => acts.push(Act::Restart(node)),
                Up::Dead => {}
                Up::Always | Up::MayCrash | Up::MayDie => {
                    let waits = |chain: &usize| {
                        let due = self.unread(world, node, *chain);
                        due.is_some_and(|at| at <= world.clock[*chain])
                    };
                    let chains = (0..2).filter(waits);
                    acts.extend(chains.map(|chain| Act::Read { node, chain }));
                    // One thing after the other: an executor sends in the order it was asked.
                    if !n.outbox.is_empty() {
                        acts.push(Act::Send { node, index: 0 });
                    }
                    if !n.mail.is_empty() {
                        acts.push(Act::Open { node });
                    }
                }
            }
        }
        acts.extend((0..world.pool.len()).map(Act::Include));
    }
}

impl<P: Protocol> Play<P>
where
    Self: Model<State = World<P>, Action = Act<P::Ploy>>,
{
    /// Visits every reachable state and prints how many there are.
    pub(crate) fn explore(self, name: &str) -> impl Checker<Self> {
        let checker = self.checker().threads(1).spawn_dfs().join();
        println!(
            "{name}: {} states, {} generated, depth {}",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth()
        );
        checker
    }

    /// Visits every reachable state and fails with the way to the first one that breaks a property.
    pub(crate) fn holds(self, name: &str) {
        let checker = self.explore(name);
        for property in checker.model().properties() {
            let found = checker.discovery(property.name);
            match property.expectation {
                stateright::Expectation::Sometimes => {
                    assert!(found.is_some(), "never: {}", property.name)
                }
                _ => {
                    if let Some(path) = found {
                        let last = format!("{:?}", path.last_state().ground);
                        let acts = path.into_actions();
                        panic!("{}: {last} after {acts:?}", property.name);
                    }
                }
            }
        }
    }
}

/// The parts of `Model` that do not differ; a protocol adds its properties.
#[macro_export]
macro_rules! play {
    ($protocol:ty, $properties:expr) => {
        impl stateright::Model for $crate::common::Play<$protocol> {
            type State = $crate::common::World<$protocol>;
            type Action = $crate::common::Act<<$protocol as $crate::common::Protocol>::Ploy>;

            fn init_states(&self) -> Vec<Self::State> {
                vec![self.begin()]
            }

            fn actions(&self, world: &Self::State, acts: &mut Vec<Self::Action>) {
                self.acts(world, acts);
            }

            fn next_state(&self, last: &Self::State, act: Self::Action) -> Option<Self::State> {
                self.act(last, act)
            }

            fn properties(&self) -> Vec<stateright::Property<Self>> {
                $properties
            }
        }
    };
}

impl<P: Protocol> Play<P> {
    pub(crate) fn begin(&self) -> World<P> {
        let rules = self.0.rules();
        let node = |(who, up): (usize, &Up)| {
            let (state, outbox) = self.0.first(who);
            Node {
                state,
                outbox,
                early: Vec::new(),
                mail: Vec::new(),
                read: [(0, 0); 2],
                up: *up,
            }
        };
        World {
            clock: [0; 2],
            ground: self.0.ground(),
            log: Default::default(),
            pool: Vec::new(),
            nodes: rules.nodes.iter().enumerate().map(node).collect(),
            drops: rules.drops,
            broken: None,
        }
    }

    pub(crate) fn acts(&self, world: &World<P>, acts: &mut Vec<Act<P::Ploy>>) {
        if world.broken.is_some() {
            return;
        }
        self.honest(world, acts);
        for (node, n) in world.nodes.iter().enumerate() {
            if matches!(n.up, Up::MayCrash | Up::MayDie) {
                acts.push(Act::Crash(node));
            }
        }
        if world.drops > 0 {
            acts.extend((0..world.pool.len()).map(Act::Lose));
        }
        acts.extend(self.0.ploys(world).into_iter().map(Act::Ploy));
    }

    pub(crate) fn act(&self, last: &World<P>, act: Act<P::Ploy>) -> Option<World<P>> {
        let mut world = last.clone();
        match act {
            Act::Advance(BOTH) => world.clock = world.clock.map(|clock| clock + 1),
            Act::Advance(chain) => world.clock[chain] += 1,
            Act::Read { node, chain } => self.read(&mut world, node, chain),
            Act::Open { node } => {
                let report = world.nodes[node].mail.remove(0);
                self.feed(&mut world, node, &report, Told::Report);
                self.flush(&mut world, node);
            }
            Act::Send { node, index } => self.send(&mut world, node, index),
            Act::Include(index) | Act::Lose(index) => {
                let tx = world.pool.remove(index);
                let lost = matches!(act, Act::Lose(_));
                world.drops -= u8::from(lost);
                let ran = if lost {
                    Ran::Refused
                } else {
                    self.0.run(&mut world, &tx.effect, tx.by)
                };
                if ran == Ran::Refused
                    && world.nodes[tx.by].up != Up::Dead
                    && let Some(report) = self.0.refused(&world, &tx.effect)
                {
                    world.nodes[tx.by].mail.push(report);
                }
            }
            Act::Crash(node) => {
                let dead = world.nodes[node].up == Up::MayDie;
                let down = Up::Down(world.clock);
                world.nodes[node].up = if dead { Up::Dead } else { down };
            }
            Act::Restart(node) => world.nodes[node].up = Up::Always,
            Act::Ploy(ploy) => self.0.play(&mut world, &ploy)?,
        }
        self.0.moved(&mut world);
        self.forget(&mut world);
        (world != *last).then_some(world)
    }

    pub(crate) fn all_ended(&self, world: &World<P>) -> bool {
        let running = (0..world.nodes.len()).filter(|node| world.runs(*node));
        let mut states = running.filter_map(|node| world.nodes[node].state.as_ref());
        states.all(|state| self.0.has_ended(state))
    }
}
