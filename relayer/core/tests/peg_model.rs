//! Every reachable state of a peg: a user, carriers that race, crash or die, an adversary who may do whatever anyone may,
//! two chains whose clocks differ, transactions that get lost, a port that is paused. The user and the carriers run the
//! real `step`; the world has the rules of the contracts (P4, P6, P8, P9 and L7).

#[macro_use]
mod common;

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{Asset, Height, Lock, LockId, Preimage, Terms, Timestamp};
use causeway_core::{
    margin::{self, Windows},
    peg::{
        self, Effect, Event, Failure, Fate, Kind, Leg, Plan, Port, Promise, Purpose, Route, Secret,
        Seen,
    },
    supply,
    swap::Now,
};
use common::{CHAINS, Play, Protocol, Ran, Rules, Up, World};
use stateright::{Checker, Property};

/// The adversary.
const ANYONE: usize = usize::MAX;
const USER: usize = 0;

/// One peg with its cast.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Peg {
    user: User,
    /// The first is the user's.
    nodes: Vec<Up>,
    drops: u8,
    skew: u8,
    /// Seconds a large amount waits.
    delay: u8,
    pauses: u8,
    rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum User {
    Honest,
    /// Knows the secret, makes the lock when it likes, and plays with the adversary.
    Malicious,
}

/// The contracts' rules, one of them broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rule {
    AsWritten,
    /// A refund takes a proof of a block one second before `T`.
    EarlyAbsence,
    /// A refund takes no proof at all.
    NoGuard,
    /// No claim against a lock proved claimed (P8).
    NoLateClaim,
    /// A claim is taken in the second of `T` too.
    ClaimAtT,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot {
    Absent,
    Open { ready_at: u8, paid: bool },
    Claimed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ground {
    lock: Option<Fate>,
    slot: Slot,
    paused: bool,
    pauses: u8,
    /// The secret has left the user.
    leaked: bool,
    /// A block of the destination exists that proves absence for a refund.
    absent: bool,
    /// The user set out to make its lock.
    made: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "short-lived values of a test")]
enum Ploy {
    Send(Effect),
    Pause,
    Unpause,
}

const WINDOWS: Windows = Windows {
    private_refund: 1,
    slack: 1,
};

/// What the honest believe of the chains: half a second each, so that both together are one.
const fn believed(skew: u64, outage: u64) -> margin::Timing {
    let chain = margin::ChainTiming {
        inclusion_ms: 500,
        finality_ms: 500,
    };
    margin::Timing {
        a: chain,
        b: chain,
        skew,
        outage,
    }
}

fn secret() -> B256 {
    B256::repeat_byte(7)
}

fn route() -> Route {
    Route {
        kind: Kind::PegIn,
        to: CHAINS[1],
        port: Address::repeat_byte(9),
    }
}

fn promise() -> Promise {
    Promise {
        recipient: Address::repeat_byte(5),
        nonce: U256::ZERO,
    }
}

impl Peg {
    fn believed(&self) -> margin::Timing {
        let crashes = self.nodes.contains(&Up::MayCrash);
        believed(
            self.skew.into(),
            if crashes { common::OUTAGE.into() } else { 0 },
        )
    }

    fn schedule(&self) -> margin::PegSchedule {
        if self.user == User::Malicious {
            // Nobody makes it keep a margin; what the contract asks is order.
            let [lock_by, t, r, public_refund_at] = [1, 4, 5, 6].map(Timestamp);
            return margin::PegSchedule {
                lock_by,
                t,
                r,
                public_refund_at,
            };
        }
        let timing = self.believed();
        margin::peg_schedule(&timing, WINDOWS, self.delay.into(), Timestamp(0)).expect("fits")
    }

    fn lock(&self) -> Lock {
        let s = self.schedule();
        Lock {
            hashlock: Preimage::new(secret().0).hashlock(),
            sender: Address::repeat_byte(1),
            recipient: Address::repeat_byte(8),
            asset: Asset::Native,
            amount: U256::from(10),
            deposit: U256::ZERO,
            terms: Terms {
                public_claim_at: s.t,
                refund_at: s.r,
                public_refund_at: s.public_refund_at,
                parts: 1,
                hook_flags: peg::REFUND_GUARD,
                salt: 0,
            },
            hooks: Address::repeat_byte(8),
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            chain: CHAINS[0],
            id: LockId(B256::repeat_byte(3)),
            lock: self.lock(),
        }
    }

    fn t(&self) -> u8 {
        self.schedule().t.0 as u8
    }

    fn late(&self, clock: u8) -> bool {
        match self.rule {
            Rule::ClaimAtT => clock > self.t(),
            _ => clock >= self.t(),
        }
    }

    /// What anyone may send now, and the malicious user beside.
    fn sends(&self, world: &World<Self>) -> Vec<Effect> {
        let (seen, route, promise) = (self.seen(), route(), promise());
        let g = &world.ground;
        let mut ploys = Vec::new();
        if self.user == User::Malicious && g.lock.is_none() {
            let give = Leg {
                chain: CHAINS[0],
                lock: self.lock(),
            };
            let not_after = Timestamp(0);
            ploys.push(Effect::Lock {
                leg: give,
                route,
                promise,
                not_after,
            });
        }
        if g.lock.is_none() {
            return ploys;
        }
        let (from, not_after) = (Height(0), Timestamp(0));
        ploys.push(Effect::Open {
            seen,
            route,
            promise,
            from,
            not_after,
        });
        ploys.push(Effect::OpenPaid {
            seen,
            route,
            promise,
        });
        ploys.push(Effect::Refund {
            seen,
            route,
            not_before: Timestamp(0),
        });
        if g.leaked {
            let preimage = secret();
            let secret = Secret::Public(preimage);
            ploys.push(Effect::Claim {
                seen,
                route,
                promise,
                secret,
                start_before: None,
            });
            ploys.push(Effect::Collect { seen, preimage });
        }
        ploys
    }

    fn settle(&self) -> u64 {
        let timing = self.believed();
        margin::settle(timing.b, timing.skew).expect("fits")
    }
}

impl Protocol for Peg {
    type State = peg::State;
    type Event = Event;
    type Effect = Effect;
    type Ground = Ground;
    type Ploy = Ploy;

    fn rules(&self) -> Rules {
        Rules {
            nodes: self.nodes.clone(),
            skew: self.skew,
            drops: self.drops,
            end: self.schedule().public_refund_at.0 as u8 + self.skew + 4,
        }
    }

    fn ground(&self) -> Ground {
        Ground {
            lock: None,
            slot: Slot::Absent,
            paused: false,
            pauses: self.pauses,
            leaked: self.user == User::Malicious,
            absent: false,
            made: false,
        }
    }

    fn first(&self, who: usize) -> (Option<peg::State>, Vec<Effect>) {
        if who != USER || self.user == User::Malicious {
            return (None, Vec::new());
        }
        let give = Leg {
            chain: CHAINS[0],
            lock: self.lock(),
        };
        let plan = Plan {
            give,
            spender: Address::ZERO,
            route: route(),
            promise: promise(),
            settle: self.settle(),
            lock_by: self.schedule().lock_by,
        };
        let (state, effects) = peg::start(plan);
        (Some(state), effects)
    }

    fn take_up(&self, who: usize, event: &Event, now: &Now) -> Option<(peg::State, Vec<Effect>)> {
        match event {
            Event::Locked { seen, height } if who != USER => Some(peg::first(
                peg::carry(*seen, *height, route(), promise()),
                now,
            )),
            _ => None,
        }
    }

    fn step(
        &self,
        state: &peg::State,
        event: &Event,
        now: &Now,
    ) -> Option<(peg::State, Vec<Effect>)> {
        peg::step(state, event, now).ok()
    }

    fn tick(&self) -> Event {
        Event::Tick
    }

    fn wake(&self, state: &peg::State) -> Vec<(usize, u8)> {
        let index = |chain| usize::from(chain != CHAINS[0]);
        let times = peg::wake(state).into_iter();
        times
            .map(|(chain, at)| (index(chain), at.0 as u8))
            .collect()
    }

    fn chain_of(&self, effect: &Effect) -> usize {
        usize::from(effect.chain() != CHAINS[0])
    }

    fn stale(&self, effect: &Effect, clock: [u8; 2]) -> Option<Event> {
        let late = match effect {
            Effect::Lock { not_after, .. } => u64::from(clock[0]) >= not_after.0,
            Effect::Open { not_after, .. } => u64::from(clock[1]) >= not_after.0,
            Effect::Claim {
                start_before: Some(before),
                ..
            } => u64::from(clock[1]) >= before.0,
            _ => false,
        };
        let (purpose, failure) = (effect.purpose(), Failure::NeverSent);
        late.then_some(Event::Failed { purpose, failure })
    }

    fn sent(
        &self,
        ground: &mut Ground,
        effect: &Effect,
        clock: [u8; 2],
    ) -> Result<(), &'static str> {
        match effect {
            Effect::Lock { .. } if ground.made => Err("an honest user locked twice"),
            Effect::Lock { .. } => {
                ground.made = true;
                Ok(())
            }
            Effect::Claim {
                secret: Secret::Own,
                ..
            } => {
                ground.leaked = true;
                let open =
                    ground.lock == Some(Fate::Open) && matches!(ground.slot, Slot::Open { .. });
                // P5 (V4): revealed only with both sides open and time to settle.
                let in_time = u64::from(clock[1]) + self.settle() <= u64::from(self.t());
                // Another's collection may come between: that is what P8 is for.
                if open && in_time {
                    Ok(())
                } else {
                    Err("revealed too early or too late")
                }
            }
            _ => Ok(()),
        }
    }

    fn run(&self, world: &mut World<Self>, effect: &Effect, by: usize) -> Ran {
        let clock = world.clock;
        let g = &mut world.ground;
        let s = self.schedule();
        match effect {
            // L7: an id has one life, and windows lie in the future.
            Effect::Lock { .. } if g.lock.is_none() && u64::from(clock[0]) < s.t.0 => {
                g.lock = Some(Fate::Open);
                let (seen, height) = (self.seen(), Height(clock[0].into()));
                world.emit(0, Event::Locked { seen, height });
            }
            // P3, P4: against any block that shows the lock open, however old.
            Effect::Open { .. } if g.lock.is_some() && g.slot == Slot::Absent && !g.paused => {
                let ready_at = clock[1] + self.delay;
                if u64::from(ready_at) >= s.t.0 {
                    return Ran::Refused;
                }
                g.slot = Slot::Open {
                    ready_at,
                    paid: false,
                };
                let (ready_at, paid) = (Timestamp(ready_at.into()), false);
                world.emit(1, Event::Opened { ready_at, paid });
            }
            // Opened by somebody else is opened.
            Effect::Open { .. } if g.slot != Slot::Absent => {}
            // P8.
            Effect::OpenPaid { .. } if g.lock == Some(Fate::Claimed) && !g.paused => {
                let ready_at = match g.slot {
                    _ if self.rule == Rule::NoLateClaim => return Ran::Done,
                    Slot::Absent => clock[1] + self.delay,
                    Slot::Open {
                        ready_at,
                        paid: false,
                    } => ready_at,
                    Slot::Open { .. } | Slot::Claimed => return Ran::Done,
                };
                g.slot = Slot::Open {
                    ready_at,
                    paid: true,
                };
                let (ready_at, paid) = (Timestamp(ready_at.into()), true);
                world.emit(1, Event::Opened { ready_at, paid });
            }
            // P6, P8.
            Effect::Claim { .. } if g.leaked && !g.paused => match g.slot {
                Slot::Open { ready_at, paid }
                    if clock[1] >= ready_at && (paid || !self.late(clock[1])) =>
                {
                    g.slot = Slot::Claimed;
                    world.emit(1, Event::Claimed { preimage: secret() });
                }
                Slot::Claimed => return Ran::Done,
                Slot::Absent | Slot::Open { .. } => return Ran::Refused,
            },
            // P7: no deadline.
            Effect::Collect { .. } if g.lock == Some(Fate::Open) && g.leaked => {
                g.lock = Some(Fate::Claimed);
                world.emit(0, Event::Collected { preimage: secret() });
            }
            // P9.
            Effect::Refund { .. } if g.lock == Some(Fate::Open) => {
                let sender = by == USER || (by == ANYONE && self.user == User::Malicious);
                let from = if sender { s.r.0 } else { s.public_refund_at.0 };
                if u64::from(clock[0]) < from || !(g.absent || self.rule == Rule::NoGuard) {
                    return Ran::Refused;
                }
                g.lock = Some(Fate::Refunded);
                world.emit(0, Event::Refunded);
            }
            Effect::Collect { .. } | Effect::Refund { .. } if g.lock.is_some() => return Ran::Done,
            _ => return Ran::Refused,
        }
        Ran::Done
    }

    fn refused(&self, world: &World<Self>, effect: &Effect) -> Option<Event> {
        let purpose = effect.purpose();
        let gone = Purpose::Open == purpose && u64::from(world.clock[1]) >= self.schedule().t.0;
        let failure = Failure::Overdue;
        // An opening that can no longer succeed is not reported before somebody asks: it stays asked.
        (!gone || world.ground.paused).then_some(Event::Failed { purpose, failure })
    }

    fn play(&self, world: &mut World<Self>, ploy: &Ploy) -> Option<()> {
        let port = match ploy {
            Ploy::Send(effect) => {
                return (self.run(world, effect, ANYONE) == Ran::Done).then_some(());
            }
            Ploy::Pause => Port::Paused,
            Ploy::Unpause => Port::Running,
        };
        let g = &mut world.ground;
        (g.paused, g.pauses) = (
            port == Port::Paused,
            g.pauses - u8::from(port == Port::Paused),
        );
        world.emit(1, Event::Port(port));
        Some(())
    }

    fn ploys(&self, world: &World<Self>) -> Vec<Ploy> {
        let g = &world.ground;
        let switch = if g.paused {
            Some(Ploy::Unpause)
        } else {
            (g.pauses > 0).then_some(Ploy::Pause)
        };
        self.sends(world)
            .into_iter()
            .map(Ploy::Send)
            .chain(switch)
            .collect()
    }

    fn moved(&self, world: &mut World<Self>) {
        let from = match self.rule {
            Rule::EarlyAbsence => self.t() - 1,
            _ => self.t(),
        };
        let g = &mut world.ground;
        g.absent |= world.clock[1] >= from && g.slot != Slot::Claimed;
    }

    fn moments(&self, world: &World<Self>) -> [Vec<u8>; 2] {
        let s = self.schedule();
        let ready = match world.ground.slot {
            Slot::Open { ready_at, .. } => ready_at,
            Slot::Absent | Slot::Claimed => 0,
        };
        let origin = vec![s.t.0 as u8, s.r.0 as u8, s.public_refund_at.0 as u8];
        [
            origin,
            vec![
                self.t().saturating_sub(self.settle() as u8),
                self.t(),
                ready,
            ],
        ]
    }

    fn settled(&self, g: &Ground) -> bool {
        let closed = matches!(g.lock, Some(Fate::Claimed | Fate::Refunded));
        closed && (g.slot == Slot::Claimed || g.lock == Some(Fate::Refunded)) && !g.paused
    }

    fn may_be_late(&self, who: usize) -> bool {
        who == USER
    }

    fn has_ended(&self, state: &peg::State) -> bool {
        state.outcome().is_some()
    }
}

const NO_DOUBLE: &str = "V1, V2: never paid at the destination and refunded at the origin";
const KEPT: &str = "V2: at the end an honest user has the one or the other";
const ENDED: &str = "V2: at the end everything is closed and every record has ended";

play!(
    Peg,
    vec![
        Property::always("time goes on", |play, w: &World<Peg>| !play.stuck(w)),
        Property::always(NO_DOUBLE, |_, w: &World<Peg>| {
            !(w.ground.slot == Slot::Claimed && w.ground.lock == Some(Fate::Refunded))
        }),
        Property::always("V1: the supply statement holds", |_, w: &World<Peg>| {
            let (amount, claimed) = (U256::from(10), w.ground.slot == Slot::Claimed);
            let row = supply::Row {
                amount,
                origin: w.ground.lock,
                claimed,
            };
            let minted = if claimed { amount } else { U256::ZERO };
            let held = if w.ground.lock == Some(Fate::Claimed) {
                amount
            } else {
                U256::ZERO
            };
            let verdict =
                supply::Books::new(held, minted, &[row], &[]).and_then(|books| books.verdict());
            verdict
                == Ok(supply::Verdict::Holds {
                    surplus: U256::ZERO,
                })
        }),
        Property::always(
            "V3: nothing is paid that was not locked, or revealed",
            |_, w: &World<Peg>| {
                w.ground.slot != Slot::Claimed || (w.ground.lock.is_some() && w.ground.leaked)
            }
        ),
        Property::always(
            "V4, P5: secrets and locks are used only as allowed",
            |_, w: &World<Peg>| w.broken.is_none()
        ),
        Property::always(KEPT, |play, w: &World<Peg>| {
            let served = (0..w.nodes.len()).any(|node| w.runs(node)) && play.0.user == User::Honest;
            let whole = match w.ground.lock {
                None | Some(Fate::Refunded) => true,
                Some(Fate::Claimed) => w.ground.slot == Slot::Claimed,
                Some(Fate::Open) => false,
            };
            !served || w.ground.paused || !play.over(w) || whole
        }),
        Property::always(ENDED, |play, w: &World<Peg>| {
            let served = (0..w.nodes.len()).any(|node| w.runs(node));
            let closed = w.ground.lock != Some(Fate::Open);
            // A port that stays paused owes for ever; refunds and collections do not wait for it.
            !served || w.ground.paused || !play.over(w) || (closed && play.all_ended(w))
        }),
        Property::sometimes("somebody ends", |_, w: &World<Peg>| {
            matches!(w.ground.lock, Some(Fate::Claimed | Fate::Refunded))
        }),
    ]
);

fn peg_of(user: User, nodes: &[Up]) -> Peg {
    Peg {
        user,
        nodes: nodes.to_vec(),
        drops: 0,
        skew: 0,
        delay: 0,
        pauses: 0,
        rule: Rule::AsWritten,
    }
}

fn holds(name: &str, peg: Peg) {
    Play(peg).holds(name);
}

#[test]
fn an_honest_user_who_crashes() {
    holds("peg: user crashes", peg_of(User::Honest, &[Up::MayCrash]));
}

#[test]
fn an_honest_user_alone_with_clocks_that_differ() {
    let skew = 1;
    holds(
        "peg: skewed clocks",
        Peg {
            skew,
            ..peg_of(User::Honest, &[Up::MayCrash])
        },
    );
}

#[test]
fn a_user_who_dies_for_good_beside_a_carrier() {
    holds(
        "peg: user dies, carrier",
        peg_of(User::Honest, &[Up::MayDie, Up::Always]),
    );
}

#[test]
fn a_carrier_races_the_user_and_dies_for_good() {
    holds(
        "peg: carrier dies",
        peg_of(User::Honest, &[Up::Always, Up::MayDie]),
    );
}

#[test]
fn transactions_are_lost_and_the_secret_gets_out() {
    let drops = 1;
    holds(
        "peg: lost transactions",
        Peg {
            drops,
            ..peg_of(User::Honest, &[Up::Always])
        },
    );
}

#[test]
fn a_large_amount_waits() {
    let delay = 2;
    holds(
        "peg: delay queue",
        Peg {
            delay,
            ..peg_of(User::Honest, &[Up::MayDie, Up::Always])
        },
    );
}

#[test]
fn the_destination_is_paused_at_the_worst_moment() {
    let pauses = 1;
    holds(
        "peg: pause",
        Peg {
            pauses,
            ..peg_of(User::Honest, &[Up::Always])
        },
    );
}

#[test]
fn a_malicious_user_against_two_carriers_one_of_which_dies() {
    let peg = peg_of(User::Malicious, &[Up::Dead, Up::MayDie, Up::Always]);
    holds("peg: malicious user", peg);
}

#[test]
fn every_relayer_is_dead_and_the_adversary_has_everything() {
    let skew = 3;
    holds(
        "peg: adversary alone",
        Peg {
            skew,
            ..peg_of(User::Malicious, &[Up::Dead])
        },
    );
}

#[test]
fn each_broken_rule_is_found_to_lose() {
    let broken = [
        (Rule::EarlyAbsence, NO_DOUBLE),
        (Rule::NoGuard, NO_DOUBLE),
        (Rule::ClaimAtT, NO_DOUBLE),
        (Rule::NoLateClaim, KEPT),
    ];
    for (rule, property) in broken {
        let (user, drops) = match rule {
            Rule::NoLateClaim => (User::Honest, 1),
            _ => (User::Malicious, 0),
        };
        let peg = Peg {
            rule,
            drops,
            ..peg_of(user, &[Up::Always])
        };

        let name = format!("peg, broken on purpose: {rule:?}");
        let checker = Play(peg).explore(&name);

        assert!(checker.discovery(property).is_some(), "{rule:?}");
    }
}
