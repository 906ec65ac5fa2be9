//! Every reachable state of a swap: initiator, counterparty, two chains and a watchtower, under crash, delay, repetition
//! and reordering, with either party honest or malicious. The honest parties run the real `step`.
//!
//! One unit of time is one second. An event is seen at most [`FINALITY`] late, a transaction is included at most
//! [`INCLUSION`] late, a crashed party is back within [`OUTAGE`] unless it is dead for good; within that, every order is
//! tried. The two chains are read independently, so their events arrive in any order; every delivered event is delivered
//! a second time and must change nothing.

use std::hash::{DefaultHasher, Hash, Hasher};

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{Asset, ChainId, Lock, LockId, Preimage, Terms, Timestamp, Wanted};
use causeway_core::{
    margin::{self, ChainTiming, Timing, Windows},
    offer::{self, Offer, Rate, Terrain},
    swap::{
        self, Account, Clock, Effect, Event, Failure, Fate, Leg, Now, Plan, Purpose, Secret, Seen,
        State,
    },
};
use stateright::{Checker, Model, Property};

const FINALITY: u8 = 1;
const INCLUSION: u8 = 1;
const OUTAGE: u8 = 1;
const CHAINS: [ChainId; 2] = [ChainId(1), ChainId(2)];
const INITIATOR: usize = 0;
const COUNTERPARTY: usize = 1;
const WATCHTOWER: usize = 2;

// -- what is modelled --

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    Honest,
    Malicious,
}

/// A swap with its cast.
#[derive(Clone, Debug)]
struct Swap {
    initiator: Conduct,
    counterparty: Conduct,
    /// Whether a watchtower runs. It never crashes.
    watched: bool,
    /// Who may crash once and come back within the outage budget.
    crash: Option<usize>,
    /// Who may die for good, once its lock is final: before that nothing of it is at stake.
    death: Option<usize>,
    /// What the honest parties believe of the chains.
    believed: Timing,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    time: u8,
    locks: Vec<(Seen, Fate)>,
    log: [Vec<(u8, Event)>; 2],
    pool: Vec<Sent>,
    nodes: Vec<Node>,
    /// The secret has left the initiator.
    leaked: bool,
    /// A rule was broken while acting.
    broken: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sent {
    by: usize,
    at: u8,
    effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Node {
    state: Option<State>,
    outbox: Vec<Effect>,
    /// Log entries read, and the time of the newest block applied.
    read: [(usize, u8); 2],
    up: Up,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Up {
    Always,
    MayCrash,
    MayDie,
    DownSince(u8),
    Dead,
}

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "short-lived values of a test")]
enum Act {
    Advance,
    Read { node: usize, chain: usize },
    Send { node: usize, index: usize },
    Include { index: usize },
    Crash { node: usize },
    Restart { node: usize },
    Adversary(Effect),
}

const fn real() -> Timing {
    let chain = ChainTiming {
        inclusion_ms: INCLUSION as u64 * 1000,
        finality_ms: FINALITY as u64 * 1000,
    };
    Timing {
        a: chain,
        b: chain,
        skew: 0,
        outage: OUTAGE as u64,
    }
}

const WINDOWS: Windows = Windows {
    private_refund: 1,
    slack: 0,
};

fn secret() -> Preimage {
    Preimage::new([7; 32])
}

fn address(who: usize) -> Address {
    Address::repeat_byte(who as u8 + 1)
}

fn wanted() -> Wanted {
    let recipient = address(INITIATOR);
    Wanted {
        chain: CHAINS[1],
        asset: Asset::Native,
        amount: U256::from(10),
        recipient,
    }
}

fn lock(sender: usize, recipient: usize, claim: u64, refund: u64, public: u64) -> Lock {
    Lock {
        hashlock: secret().hashlock(),
        sender: address(sender),
        recipient: address(recipient),
        asset: Asset::Native,
        amount: U256::from(10),
        deposit: U256::from(1),
        terms: Terms {
            public_claim_at: Timestamp(claim),
            refund_at: Timestamp(refund),
            public_refund_at: Timestamp(public),
            parts: 1,
            hook_flags: 0,
            salt: 0,
        },
        hooks: Address::ZERO,
    }
}

fn id(lock: &Lock) -> LockId {
    let Terms { refund_at, .. } = lock.terms;
    LockId(B256::left_padding_from(&[
        lock.sender[0],
        refund_at.0 as u8,
        lock.amount.to::<u8>(),
    ]))
}

impl Swap {
    fn schedule(&self) -> margin::Schedule {
        margin::schedule(&self.believed, WINDOWS, Timestamp(0)).expect("fits")
    }

    fn lock_a(&self) -> Lock {
        let s = self.schedule();
        lock(
            INITIATOR,
            COUNTERPARTY,
            s.t_b.0,
            s.t_a.0,
            s.public_refund_at.0,
        )
    }

    fn end(&self) -> u8 {
        self.schedule().public_refund_at.0 as u8 + OUTAGE + FINALITY + INCLUSION + 2
    }

    fn initiator(&self) -> (State, Vec<Effect>) {
        let plan = Plan {
            give: Leg {
                chain: CHAINS[0],
                lock: self.lock_a(),
            },
            spender: Address::ZERO,
            margin: margin::required(&self.believed).expect("fits"),
            settle: margin::settle(self.believed.b, self.believed.skew).expect("fits"),
            lock_by: self.schedule().lock_by,
        };
        swap::initiate(plan, wanted())
    }

    /// The counterparty's look at a lock it does not know yet.
    fn answer(&self, theirs: &Seen, time: u8) -> Option<(State, Vec<Effect>)> {
        let offer = Offer {
            take_chain: CHAINS[0],
            take_asset: Asset::Native,
            take_account: address(COUNTERPARTY),
            give_chain: CHAINS[1],
            give_asset: Asset::Native,
            give_account: address(COUNTERPARTY),
            rate: Rate { num: 1, den: 1 },
            min_give: U256::from(1),
            max_give: U256::from(10),
            deposit: U256::from(1),
        };
        let (timing, now) = (self.believed, Timestamp(time.into()));
        let terrain = Terrain {
            timing,
            windows: WINDOWS,
            now,
            salt: 0,
            spender: Address::ZERO,
        };
        offer::find(std::slice::from_ref(&offer), theirs, &wanted()).ok()?;
        let plan = offer::answer(&offer, theirs, &wanted(), &terrain).ok()?;
        Some(swap::join(plan, *theirs))
    }

    /// Everything a malicious party may try now. It sees blocks at once and is never late unless it wants to be.
    fn mischief(&self, world: &World) -> Vec<Effect> {
        let mut moves = Vec::new();
        let mut make = |chain, lock: Lock| {
            // One false lock and one true one say all there is to say.
            if world
                .locks
                .iter()
                .filter(|(seen, _)| seen.lock.sender == lock.sender)
                .count()
                >= 2
            {
                return;
            }
            let effect = Effect::Lock {
                leg: Leg { chain, lock },
                wanted: None,
                not_after: Timestamp(0),
            };
            moves.push(effect);
        };
        let s = self.schedule();
        if self.initiator == Conduct::Malicious {
            make(CHAINS[0], self.lock_a());
            // A deadline so near that the counterparty's margin is gone.
            make(
                CHAINS[0],
                lock(INITIATOR, COUNTERPARTY, s.t_b.0, s.t_b.0 + 2, s.t_b.0 + 3),
            );
        }
        if self.counterparty == Conduct::Malicious {
            let good = lock(COUNTERPARTY, INITIATOR, s.t_b.0 - 3, s.t_b.0, s.t_b.0 + 1);
            make(CHAINS[1], good);
            make(
                CHAINS[1],
                Lock {
                    amount: U256::from(9),
                    ..good
                },
            );
            // A deadline as late as the initiator's own.
            make(
                CHAINS[1],
                lock(COUNTERPARTY, INITIATOR, s.t_b.0, s.t_a.0, s.t_a.0 + 1),
            );
        }
        let knows = |who| who == INITIATOR || world.leaked;
        for who in [INITIATOR, COUNTERPARTY] {
            let conduct = if who == INITIATOR {
                self.initiator
            } else {
                self.counterparty
            };
            if conduct == Conduct::Honest {
                continue;
            }
            for (seen, _) in world.locks.iter().filter(|(_, fate)| *fate == Fate::Open) {
                let (seen, account, start_before) = (*seen, address(who), None);
                if knows(who) {
                    let secret = Secret::Own;
                    moves.push(Effect::Claim {
                        seen,
                        account,
                        secret,
                        start_before,
                        purpose: Purpose::Claim,
                    });
                }
                moves.push(Effect::Refund { seen, account });
            }
        }
        moves
    }
}

// -- chains --

impl World {
    /// Runs a transaction in a block of this second; returns whether it did what it was to do.
    fn run(&mut self, effect: &Effect, by: Address) -> bool {
        let now = Timestamp(self.time.into());
        let (chain, event) = match effect {
            Effect::Lock { leg, .. } => {
                let seen = Seen {
                    chain: leg.chain,
                    id: id(&leg.lock),
                    lock: leg.lock,
                };
                // L7, L10: an id has one life, and every window lies in the future.
                let exists = self.locks.iter().any(|(other, _)| other.id == seen.id);
                if exists || now >= leg.lock.terms.public_claim_at {
                    return false;
                }
                self.locks.push((seen, Fate::Open));
                (leg.chain, Event::Locked(seen))
            }
            Effect::Claim { seen, .. } => {
                let terms = seen.lock.terms;
                let window = by == seen.lock.recipient || now >= terms.public_claim_at;
                if !window || now >= terms.refund_at || !self.close(seen, Fate::Claimed) {
                    return false;
                }
                self.leaked = true;
                let preimage = B256::from(*secret().expose());
                (
                    seen.chain,
                    Event::Claimed {
                        chain: seen.chain,
                        id: seen.id,
                        preimage,
                    },
                )
            }
            Effect::Refund { seen, .. } => {
                let terms = seen.lock.terms;
                let window = by == seen.lock.sender || now >= terms.public_refund_at;
                if !window || now < terms.refund_at || !self.close(seen, Fate::Refunded) {
                    return false;
                }
                (
                    seen.chain,
                    Event::Refunded {
                        chain: seen.chain,
                        id: seen.id,
                    },
                )
            }
            Effect::Approve { .. } => return false,
        };
        self.log[index(chain)].push((self.time, event));
        true
    }

    fn close(&mut self, seen: &Seen, how: Fate) -> bool {
        let open = |(other, fate): &&mut (Seen, Fate)| other.id == seen.id && *fate == Fate::Open;
        self.locks
            .iter_mut()
            .find(open)
            .map(|(_, fate)| *fate = how)
            .is_some()
    }

    /// Drops what no longer makes a difference, so that states that differ in history alone are one.
    fn forget(&mut self) {
        self.locks.sort_by_key(|(seen, _)| seen.id);
        // In which order transactions came into the pool makes no difference: any of them may be included next.
        self.pool.sort_by_cached_key(|tx| {
            let mut hasher = DefaultHasher::new();
            tx.hash(&mut hasher);
            hasher.finish()
        });
        for chain in 0..2 {
            let alive = self.nodes.iter().filter(|node| node.up != Up::Dead);
            let done = alive
                .map(|node| node.read[chain].0)
                .min()
                .unwrap_or(self.log[chain].len());
            self.log[chain].drain(..done);
            for node in &mut self.nodes {
                node.read[chain].0 = node.read[chain].0.saturating_sub(done);
            }
        }
        let settle = u64::from(INCLUSION + FINALITY + 1);
        let own = self.nodes.iter().filter_map(|node| match &node.state {
            Some(State::Party(party)) => Some(party.plan.give.lock),
            _ => None,
        });
        let moments = |lock: Lock| {
            let Terms {
                public_claim_at,
                refund_at,
                public_refund_at,
                ..
            } = lock.terms;
            [
                public_claim_at.0,
                refund_at.0 - settle,
                refund_at.0,
                public_refund_at.0,
            ]
        };
        let locks = own.chain(self.locks.iter().map(|(seen, _)| seen.lock));
        let moments: Vec<u64> = locks.flat_map(moments).collect();
        for node in &mut self.nodes {
            for (_, ticked) in &mut node.read {
                let passed = moments.iter().filter(|at| **at <= u64::from(*ticked)).max();
                *ticked = passed.map_or(0, |at| *at as u8);
            }
        }
    }

    fn fate(&self, of: LockId) -> Option<Fate> {
        self.locks
            .iter()
            .find(|(seen, _)| seen.id == of)
            .map(|(_, fate)| *fate)
    }
}

fn index(chain: ChainId) -> usize {
    CHAINS.iter().position(|c| *c == chain).expect("one of two")
}

// -- honest nodes --

impl Node {
    fn now(&self, time: u8) -> Now {
        let clock = |chain: usize| Clock {
            proven: Timestamp(self.read[chain].1.into()),
            latest: Timestamp(time.into()),
        };
        Now::new([(CHAINS[0], clock(0)), (CHAINS[1], clock(1))])
    }

    fn runs(&self) -> bool {
        !matches!(self.up, Up::DownSince(_) | Up::Dead)
    }

    /// Earliest moment at which something waits to be read on `chain`.
    fn unread(&self, chain: usize, log: &[(u8, Event)]) -> Option<u8> {
        let (read, ticked) = self.read[chain];
        let wake = self.state.iter().flat_map(swap::wake);
        let due = wake.filter(|(c, at)| index(*c) == chain && at.0 > u64::from(ticked));
        let due = due.map(|(_, at)| at.0 as u8).min();
        log.get(read)
            .map(|(at, _)| *at)
            .into_iter()
            .chain(due)
            .min()
    }

    fn feed(&mut self, event: &Event, time: u8) -> Option<&'static str> {
        let state = self.state.as_ref()?;
        let now = self.now(time);
        let Ok((next, effects)) = swap::step(state, event, &now) else {
            return None;
        };
        let repeated = swap::step(&next, event, &now);
        let harmless = match (&repeated, event) {
            (Err(_), _) => true,
            (Ok((again, none)), Event::Tick | Event::Failed { .. }) => {
                *again == next && none.is_empty()
            }
            (Ok(_), _) => false,
        };
        self.state = Some(next);
        self.outbox.extend(effects);
        (!harmless).then_some("a repeated event changed something")
    }
}

impl Swap {
    fn read(&self, world: &mut World, who: usize, chain: usize) {
        let time = world.time;
        loop {
            let node = &mut world.nodes[who];
            let (next, _) = node.read[chain];
            let Some((_, event)) = world.log[chain].get(next).cloned() else {
                break;
            };
            node.read[chain].0 += 1;
            if let Event::Locked(seen) = &event {
                if who == COUNTERPARTY && chain == 0 && node.state.is_none() {
                    if let Some((state, effects)) = self.answer(seen, time) {
                        node.state = Some(state);
                        node.outbox.extend(effects);
                    }
                } else if who == WATCHTOWER && node.state.is_none() {
                    let accounts = CHAINS.map(|chain| Account {
                        chain,
                        address: address(who),
                    });
                    node.state = Some(swap::watch(*seen, accounts.into()));
                }
            }
            world.broken = world.broken.or(node.feed(&event, time));
        }
        let node = &mut world.nodes[who];
        node.read[chain].1 = time;
        world.broken = world.broken.or(node.feed(&Event::Tick, time));
    }

    fn send(&self, world: &mut World, who: usize, index: usize) {
        let time = Timestamp(world.time.into());
        let effect = world.nodes[who].outbox.remove(index);
        let late = match &effect {
            Effect::Lock { not_after, .. } => time >= *not_after,
            Effect::Claim {
                start_before: Some(start_before),
                ..
            } => time >= *start_before,
            _ => false,
        };
        if late {
            let (purpose, id, failure) = (effect.purpose(), effect.lock_id(), Failure::NeverSent);
            let failed = Event::Failed {
                purpose,
                id,
                failure,
            };
            let broken = world.nodes[who].feed(&failed, world.time);
            world.broken = world.broken.or(broken);
            return;
        }
        if let Effect::Claim {
            seen,
            secret: Secret::Own,
            ..
        } = &effect
        {
            // V3: nothing is revealed before both locks are there, V4: nor with too little time.
            let settle = u64::from(INCLUSION + FINALITY);
            let both = world
                .locks
                .iter()
                .filter(|(_, fate)| *fate == Fate::Open)
                .count()
                >= 2;
            if !both {
                world.broken = Some("revealed without both locks");
            } else if time.0 + settle > seen.lock.terms.refund_at.0 {
                world.broken = Some("revealed with too little time");
            }
            world.leaked = true;
        }
        world.pool.push(Sent {
            by: who,
            at: world.time,
            effect,
        });
    }

    /// Whether time may pass: nothing that must have happened by now is outstanding.
    fn may_advance(&self, world: &World) -> bool {
        let included = world.pool.iter().all(|tx| tx.at + INCLUSION > world.time);
        let kept_up = |node: &Node| {
            let read = |chain: usize| {
                node.unread(chain, &world.log[chain])
                    .is_none_or(|at| at + FINALITY > world.time)
            };
            node.outbox.is_empty() && read(0) && read(1)
        };
        let settled = world.nodes.iter().all(|node| match node.up {
            Up::Dead => true,
            Up::DownSince(since) => since + OUTAGE > world.time,
            Up::Always | Up::MayCrash | Up::MayDie => kept_up(node),
        });
        included && settled && world.time < self.end()
    }

    fn is_honest(&self, who: usize) -> bool {
        let conduct = [self.initiator, self.counterparty].get(who).copied();
        conduct.unwrap_or(Conduct::Honest) == Conduct::Honest
    }
}

impl Model for Swap {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let node = |who: usize| {
            let up = match who {
                _ if self.crash == Some(who) => Up::MayCrash,
                _ if self.death == Some(who) => Up::MayDie,
                _ => Up::Always,
            };
            let (state, outbox) = if who == INITIATOR && self.is_honest(who) {
                let (state, effects) = self.initiator();
                (Some(state), effects)
            } else {
                (None, Vec::new())
            };
            // Who takes no part reads nothing.
            let idle = !self.is_honest(who) || (who == WATCHTOWER && !self.watched);
            let up = if idle { Up::Dead } else { up };
            Node {
                state,
                outbox,
                read: [(0, 0); 2],
                up,
            }
        };
        let nodes = vec![node(INITIATOR), node(COUNTERPARTY), node(WATCHTOWER)];
        let (locks, pool, log) = (vec![], vec![], Default::default());
        vec![World {
            time: 0,
            locks,
            log,
            pool,
            nodes,
            leaked: false,
            broken: None,
        }]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        if world.broken.is_some() {
            return;
        }
        if self.may_advance(world) {
            acts.push(Act::Advance);
        }
        for (node, n) in world.nodes.iter().enumerate() {
            match n.up {
                Up::DownSince(_) => acts.push(Act::Restart { node }),
                Up::Dead => {}
                up => {
                    let waits = |c: &usize| {
                        n.unread(*c, &world.log[*c])
                            .is_some_and(|at| at <= world.time)
                    };
                    acts.extend((0..2).filter(waits).map(|chain| Act::Read { node, chain }));
                    acts.extend((0..n.outbox.len()).map(|index| Act::Send { node, index }));
                    let placed = world
                        .locks
                        .iter()
                        .any(|(seen, _)| seen.lock.sender == address(node));
                    if up == Up::MayCrash || (up == Up::MayDie && placed) {
                        acts.push(Act::Crash { node });
                    }
                }
            }
        }
        acts.extend((0..world.pool.len()).map(|index| Act::Include { index }));
        acts.extend(self.mischief(world).into_iter().map(Act::Adversary));
    }

    fn next_state(&self, last: &World, act: Act) -> Option<World> {
        let mut world = last.clone();
        match act {
            Act::Advance => world.time += 1,
            Act::Read { node, chain } => self.read(&mut world, node, chain),
            Act::Send { node, index } => self.send(&mut world, node, index),
            Act::Include { index } => {
                let Sent { by, effect, .. } = world.pool.remove(index);
                world.run(&effect, address(by));
            }
            Act::Crash { node } => {
                let up = world.nodes[node].up;
                let dead = up == Up::MayDie;
                world.nodes[node].up = if dead {
                    Up::Dead
                } else {
                    Up::DownSince(world.time)
                };
            }
            Act::Restart { node } => world.nodes[node].up = Up::Always,
            Act::Adversary(effect) => {
                let by = match &effect {
                    Effect::Lock { leg, .. } => leg.lock.sender,
                    Effect::Claim { account, .. } | Effect::Refund { account, .. } => *account,
                    Effect::Approve { account, .. } => account.address,
                };
                if !world.run(&effect, by) {
                    return None;
                }
            }
        }
        world.forget();
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "V2: who is honest and online or watched loses nothing",
                |model, world| {
                    [INITIATOR, COUNTERPARTY]
                        .into_iter()
                        .all(|who| model.kept(world, who))
                },
            ),
            Property::always(ENDED, |m, w: &World| {
                let stuck = |(seen, fate): &(Seen, Fate)| {
                    let sender = usize::from(seen.lock.sender != address(INITIATOR));
                    *fate == Fate::Open && (m.watched || m.is_honest(sender))
                };
                let ended =
                    |n: &Node| !n.runs() || n.state.as_ref().is_none_or(|s| s.outcome().is_some());
                let over = w.time >= m.end() && !m.may_act(w);
                !over || (!w.locks.iter().any(stuck) && w.nodes.iter().all(ended))
            }),
            Property::always(
                "V2: at the end every lock of an honest party is closed",
                |m, w: &World| {
                    let stuck = |(seen, fate): &(Seen, Fate)| {
                        let sender = usize::from(seen.lock.sender != address(INITIATOR));
                        let served = m.watched || w.nodes[sender].runs();
                        *fate == Fate::Open && m.is_honest(sender) && served
                    };
                    w.time < m.end() || m.may_act(w) || !w.locks.iter().any(stuck)
                },
            ),
            Property::always(
                "V3, V4: secrets and locks are used only as allowed",
                |_, w: &World| w.broken.is_none(),
            ),
            Property::always(
                "V3: nothing is released before the secret left the initiator",
                |_, w: &World| w.leaked || w.locks.iter().all(|(_, fate)| *fate != Fate::Claimed),
            ),
            Property::always("V4: an honest answer leaves the margin", |m, w: &World| {
                let Some(State::Party(party)) = &w.nodes[COUNTERPARTY].state else {
                    return true;
                };
                let swap::Take::Seen { seen, .. } = party.take else {
                    return false;
                };
                let (t_a, t_b) = (
                    seen.lock.terms.refund_at,
                    party.plan.give.lock.terms.refund_at,
                );
                margin::check(t_a, t_b, &m.believed).is_ok()
            }),
            Property::always("an honest party locks once", |m, w: &World| {
                let locks = |who| {
                    w.locks
                        .iter()
                        .filter(|(s, _)| s.lock.sender == address(who))
                        .count()
                };
                [INITIATOR, COUNTERPARTY]
                    .into_iter()
                    .all(|who| !m.is_honest(who) || locks(who) <= 1)
            }),
            Property::sometimes(RESULT, |_, w: &World| {
                let ended = |n: &Node| n.state.as_ref().is_some_and(|s| s.outcome().is_some());
                w.nodes.iter().any(ended)
            }),
        ]
    }
}

impl Swap {
    fn may_act(&self, world: &World) -> bool {
        let mut acts = Vec::new();
        self.actions(world, &mut acts);
        acts.iter()
            .any(|act| !matches!(act, Act::Adversary(_) | Act::Crash { .. }))
    }

    /// An honest party whose lock was claimed has its own claim, or can still have it.
    fn kept(&self, world: &World, who: usize) -> bool {
        let safe = world.nodes[who].runs()
            || self.watched
            || matches!(world.nodes[who].up, Up::DownSince(_));
        if !self.is_honest(who) || !safe {
            return true;
        }
        let Some(State::Party(party)) = &world.nodes[who].state else {
            return true;
        };
        let gave = world.fate(id(&party.plan.give.lock)) == Some(Fate::Claimed);
        let lost = |seen: &Seen| {
            let over = u64::from(world.time) > seen.lock.terms.refund_at.0;
            match world.fate(seen.id) {
                Some(Fate::Claimed) => false,
                Some(Fate::Refunded) => true,
                Some(Fate::Open) | None => over,
            }
        };
        let took = match (&party.take, who) {
            (swap::Take::Seen { seen, .. }, _) => !lost(seen),
            // The initiator's lock was claimed though it never saw the other one.
            (swap::Take::Unseen { .. }, _) => false,
        };
        !gave || took
    }
}

// -- runs --

/// States of the one run that is not exhaustive.
const BOUNDED_STATES: usize = 1_500_000;

/// What must hold at the end of every run.
const ENDED: &str = "V2: at the end every lock is closed and every record has ended";

/// The one property that is meant to be found.
const RESULT: &str = "somebody ends with a result";

fn honest() -> Swap {
    Swap {
        initiator: Conduct::Honest,
        counterparty: Conduct::Honest,
        watched: true,
        crash: None,
        death: None,
        believed: real(),
    }
}

fn explore(name: &str, swap: Swap) -> usize {
    let checker = swap.checker().threads(2).spawn_bfs().join();
    let states = checker.unique_state_count();
    println!("{name}: {states} states, depth {}", checker.max_depth());
    checker.assert_properties();
    states
}

#[test]
fn two_honest_parties_of_whom_one_crashes() {
    for crash in [INITIATOR, COUNTERPARTY] {
        explore(
            "honest, crash",
            Swap {
                crash: Some(crash),
                watched: false,
                ..honest()
            },
        );
    }
}

#[test]
fn two_honest_parties_of_whom_one_dies_and_a_watchtower() {
    for death in [INITIATOR, COUNTERPARTY] {
        explore(
            "honest, death, watchtower",
            Swap {
                death: Some(death),
                ..honest()
            },
        );
    }
}

#[test]
fn a_malicious_counterparty() {
    let crash = Some(INITIATOR);
    explore(
        "malicious counterparty",
        Swap {
            counterparty: Conduct::Malicious,
            watched: false,
            crash,
            ..honest()
        },
    );
}

#[test]
fn a_malicious_initiator() {
    let crash = Some(COUNTERPARTY);
    explore(
        "malicious initiator",
        Swap {
            initiator: Conduct::Malicious,
            watched: false,
            crash,
            ..honest()
        },
    );
}

/// Breadth first and not to the end: this run has more states than memory. What is near the start is covered whole.
///
/// All of it was run for 150 seconds and five gigabytes without an end.
#[test]
fn a_malicious_initiator_and_a_dead_counterparty_with_a_watchtower_within_bounds() {
    let death = Some(COUNTERPARTY);
    let swap = Swap {
        initiator: Conduct::Malicious,
        death,
        ..honest()
    };
    let checker = swap
        .checker()
        .target_state_count(BOUNDED_STATES)
        .threads(2)
        .spawn_bfs()
        .join();
    println!(
        "malicious initiator, death: {} states, NOT all, depth {}",
        checker.unique_state_count(),
        checker.max_depth()
    );
    let found: Vec<(&str, String)> = checker
        .discoveries()
        .into_iter()
        .filter(|(property, _)| *property != RESULT)
        .map(|(property, path)| (property, path.to_string()))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_malicious_counterparty_and_a_dead_initiator_with_a_watchtower() {
    let death = Some(INITIATOR);
    let counterparty = Conduct::Malicious;
    explore(
        "malicious counterparty, death",
        Swap {
            counterparty,
            death,
            ..honest()
        },
    );
}

#[test]
fn a_margin_that_understates_the_outage_is_found_to_lose() {
    let believed = Timing {
        outage: 0,
        ..real()
    };
    let believed = Timing {
        a: ChainTiming {
            inclusion_ms: 0,
            finality_ms: 0,
        },
        b: ChainTiming {
            inclusion_ms: 0,
            finality_ms: 0,
        },
        ..believed
    };
    let swap = Swap {
        initiator: Conduct::Malicious,
        watched: false,
        crash: Some(COUNTERPARTY),
        believed,
        ..honest()
    };

    let checker = swap.checker().threads(2).spawn_bfs().join();

    assert!(
        checker
            .discovery("V2: who is honest and online or watched loses nothing")
            .is_some()
    );
}
