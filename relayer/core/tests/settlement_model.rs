//! Every reachable state of a settlement: both parties, carriers that race, crash or die, an adversary who may do whatever
//! anyone may, and parties that do not keep their word. The honest run the real `step`; the world has the rules of the
//! contracts (S1..S7).

#[macro_use]
mod common;

use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{Asset, Timestamp};
use causeway_core::{
    settlement::{self, Deal, Effect, Event, Failure, Outcome, Party, Plan, Role, Word},
    swap::Now,
};
use common::{CHAINS, Play, Protocol, Ran, Rules, Up, World};
use stateright::{Checker, Property};

/// The adversary.
const ANYONE: usize = usize::MAX;
const INITIATOR: usize = 0;
const COUNTERPARTY: usize = 1;
const DEADLINE: u8 = 6;
const SETTLE: u8 = 2;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Settlement {
    /// Initiator, counterparty, carriers.
    nodes: Vec<Up>,
    /// Who plays with the adversary, confirming what and when it likes.
    malicious: Option<usize>,
    skew: u8,
    drops: u8,
    rule: Rule,
}

/// The contracts' rules, one of them broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rule {
    AsWritten,
    /// A refund takes a proof of a block one second before the deadline.
    EarlyAbsence,
    /// A verdict may come into being in the second of the deadline.
    LateVerdict,
    /// One party's word makes a verdict.
    OneWord,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Escrow {
    None,
    Open,
    Released,
    Refunded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ground {
    escrow: Escrow,
    recorded: bool,
    /// What each party stands for.
    words: [Option<bool>; 2],
    verdict: Option<bool>,
    /// A block of the consortium proves that there is none.
    absent: bool,
    /// How often a malicious party may still change its word.
    moods: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "short-lived values of a test")]
enum Ploy {
    Send(Effect),
    /// The gateway delivers the verdict.
    Deliver,
    /// A malicious party confirms the true outcome, or another.
    Word(bool),
}

/// The outcome both have seen, or another.
fn outcome(honest: bool) -> Outcome {
    Outcome {
        digest: B256::repeat_byte(if honest { 1 } else { 2 }),
        to_counterparty: U256::from(if honest { 10 } else { 4 }),
    }
}

fn plan() -> Plan {
    let deal = Deal {
        id: B256::repeat_byte(3),
        public: CHAINS[0],
        consortium: CHAINS[1],
        initiator: Address::repeat_byte(1),
        counterparty: Address::repeat_byte(2),
        asset: Asset::Native,
        amount: U256::from(10),
        deadline: Timestamp(DEADLINE.into()),
        business: Address::repeat_byte(4),
        terms_digest: B256::repeat_byte(5),
        salt: B256::ZERO,
    };
    Plan {
        deal,
        escrow: Address::repeat_byte(6),
        open_by: Timestamp(2),
        settle: SETTLE.into(),
        patience: 1,
    }
}

const fn party(who: usize) -> Party {
    if who == INITIATOR {
        Party::Initiator
    } else {
        Party::Counterparty
    }
}

impl Settlement {
    fn publish(&self, world: &mut World<Self>) {
        let (late, one) = (self.rule == Rule::LateVerdict, self.rule == Rule::OneWord);
        let open = world.clock[1] < DEADLINE || (late && world.clock[1] == DEADLINE);
        let g = &mut world.ground;
        let agreed = match g.words {
            [Some(a), Some(b)] if a == b => Some(a),
            [Some(word), None] | [None, Some(word)] if one => Some(word),
            _ => None,
        };
        if let (true, None, Some(agreed)) = (open, g.verdict, agreed) {
            g.verdict = Some(agreed);
            world.emit(1, Event::Published(outcome(agreed)));
        }
    }

    fn confirm(&self, world: &mut World<Self>, who: usize, word: bool) -> Ran {
        let open = world.clock[1] < DEADLINE || self.rule == Rule::LateVerdict;
        if !open || world.ground.verdict.is_some() {
            return Ran::Refused;
        }
        if world.ground.words[who] != Some(word) {
            world.ground.words[who] = Some(word);
            let signature = Bytes::from(vec![who as u8]);
            let word = Word {
                outcome: outcome(word),
                signature,
            };
            world.emit(
                1,
                Event::Confirmed {
                    by: party(who),
                    word,
                },
            );
            self.publish(world);
        }
        Ran::Done
    }
}

impl Protocol for Settlement {
    type State = settlement::State;
    type Event = Event;
    type Effect = Effect;
    type Ground = Ground;
    type Ploy = Ploy;

    fn rules(&self) -> Rules {
        Rules {
            nodes: self.nodes.clone(),
            skew: self.skew,
            drops: self.drops,
            end: DEADLINE + self.skew + 6,
        }
    }

    fn ground(&self) -> Ground {
        Ground {
            escrow: Escrow::None,
            recorded: false,
            words: [None; 2],
            verdict: None,
            absent: false,
            moods: 2,
        }
    }

    fn first(&self, who: usize) -> (Option<settlement::State>, Vec<Effect>) {
        if who != INITIATOR || self.malicious == Some(INITIATOR) {
            return (None, Vec::new());
        }
        let (state, effects) = settlement::start(plan());
        (Some(state), effects)
    }

    fn take_up(
        &self,
        who: usize,
        event: &Event,
        now: &Now,
    ) -> Option<(settlement::State, Vec<Effect>)> {
        let role = if who == COUNTERPARTY {
            Role::Party(Party::Counterparty)
        } else {
            Role::Carrier
        };
        if *event != Event::Opened || self.malicious == Some(who) {
            return None;
        }
        // S2, S12: its operator has seen the private data by then.
        let state = settlement::join(plan(), role);
        let wish = Event::Confirm(outcome(true));
        Some(settlement::step(&state, &wish, now).unwrap_or((state, Vec::new())))
    }

    fn step(
        &self,
        state: &settlement::State,
        event: &Event,
        now: &Now,
    ) -> Option<(settlement::State, Vec<Effect>)> {
        let (next, mut effects) = settlement::step(state, event, now).ok()?;
        if *event == Event::Opened
            && let Ok((wished, more)) = settlement::step(&next, &Event::Confirm(outcome(true)), now)
        {
            effects.extend(more);
            return Some((wished, effects));
        }
        Some((next, effects))
    }

    fn tick(&self) -> Event {
        Event::Tick
    }

    fn wake(&self, state: &settlement::State) -> Vec<(usize, u8)> {
        let index = |chain| usize::from(chain != CHAINS[0]);
        let times = settlement::wake(state).into_iter();
        times
            .map(|(chain, at)| (index(chain), at.0 as u8))
            .collect()
    }

    fn chain_of(&self, effect: &Effect) -> usize {
        usize::from(effect.chain() != CHAINS[0])
    }

    fn stale(&self, effect: &Effect, clock: [u8; 2]) -> Option<Event> {
        let late = match effect {
            Effect::Open { not_after, .. } => u64::from(clock[0]) >= not_after.0,
            Effect::Confirm { start_before, .. } => u64::from(clock[1]) >= start_before.0,
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
            Effect::Open { .. } if ground.escrow != Escrow::None => Err("opened twice"),
            Effect::Confirm { outcome: said, .. } if *said != outcome(true) => {
                Err("signed what it has not seen")
            }
            Effect::Confirm { .. } if ground.escrow == Escrow::None => {
                Err("S2: signed before the escrow is there")
            }
            Effect::Confirm { .. } if clock[1] + SETTLE > DEADLINE => {
                Err("signed with too little time")
            }
            _ => Ok(()),
        }
    }

    fn run(&self, world: &mut World<Self>, effect: &Effect, by: usize) -> Ran {
        let g = &mut world.ground;
        match effect {
            // S1.
            Effect::Open { .. } if g.escrow == Escrow::None && world.clock[0] < DEADLINE => {
                g.escrow = Escrow::Open;
                world.emit(0, Event::Opened);
            }
            // S3, S4.
            Effect::Confirm { .. } if by != ANYONE => return self.confirm(world, by, true),
            // S5.
            Effect::Prove { .. } if g.recorded => {}
            Effect::Prove { .. } if g.verdict.is_some() => {
                g.recorded = true;
                if g.escrow == Escrow::Open {
                    world.emit(0, Event::Recorded);
                }
            }
            // S6: the verdict, and both signatures of it.
            Effect::Release {
                outcome: said,
                initiator,
                counterparty,
                ..
            } if g.escrow == Escrow::Open => {
                let verdict = g.verdict.filter(|_| g.recorded);
                let signed = !initiator.is_empty() && !counterparty.is_empty();
                if verdict.map(outcome) != Some(*said) || !signed {
                    return Ran::Refused;
                }
                g.escrow = Escrow::Released;
                world.emit(0, Event::Released);
            }
            // S7.
            Effect::Refund { .. } if g.escrow == Escrow::Open => {
                if !g.absent {
                    return Ran::Refused;
                }
                g.escrow = Escrow::Refunded;
                world.emit(0, Event::Refunded);
            }
            Effect::Release { .. } | Effect::Refund { .. } if g.escrow != Escrow::None => {}
            _ => return Ran::Refused,
        }
        Ran::Done
    }

    fn refused(&self, _: &World<Self>, effect: &Effect) -> Option<Event> {
        let (purpose, failure) = (effect.purpose(), Failure::Overdue);
        Some(Event::Failed { purpose, failure })
    }

    fn play(&self, world: &mut World<Self>, ploy: &Ploy) -> Option<()> {
        let ran = match ploy {
            Ploy::Send(effect) => self.run(world, effect, ANYONE),
            Ploy::Deliver => {
                let deal = plan().deal;
                let outcome = outcome(true);
                self.run(world, &Effect::Prove { deal, outcome }, ANYONE)
            }
            Ploy::Word(word) => {
                world.ground.moods = world.ground.moods.checked_sub(1)?;
                self.confirm(world, self.malicious?, *word)
            }
        };
        (ran == Ran::Done).then_some(())
    }

    fn ploys(&self, world: &World<Self>) -> Vec<Ploy> {
        let (deal, g) = (plan().deal, &world.ground);
        let mut ploys = vec![
            Ploy::Send(Effect::Refund {
                deal,
                not_before: Timestamp(0),
            }),
            Ploy::Deliver,
        ];
        // The signatures are public from the verdict on.
        if let Some(verdict) = g.verdict {
            let word = Bytes::from(vec![9]);
            let (initiator, counterparty) = (word.clone(), word);
            let outcome = outcome(verdict);
            ploys.push(Ploy::Send(Effect::Release {
                deal,
                outcome,
                initiator,
                counterparty,
            }));
        }
        if self.malicious == Some(INITIATOR) {
            ploys.push(Ploy::Send(Effect::Open {
                deal,
                not_after: Timestamp(0),
            }));
        }
        if self.malicious.is_some() {
            ploys.extend([Ploy::Word(true), Ploy::Word(false)]);
        }
        ploys
    }

    fn moved(&self, world: &mut World<Self>) {
        let from = if self.rule == Rule::EarlyAbsence {
            DEADLINE - 1
        } else {
            DEADLINE
        };
        let g = &mut world.ground;
        g.absent |= world.clock[1] >= from && g.verdict.is_none();
    }

    fn moments(&self, _: &World<Self>) -> [Vec<u8>; 2] {
        [vec![2, DEADLINE], vec![DEADLINE - SETTLE, DEADLINE]]
    }

    fn has_ended(&self, state: &settlement::State) -> bool {
        state.outcome().is_some()
    }

    fn settled(&self, g: &Ground) -> bool {
        matches!(g.escrow, Escrow::Released | Escrow::Refunded)
    }

    fn may_be_late(&self, who: usize) -> bool {
        who <= COUNTERPARTY
    }
}

const ONE_END: &str = "V2, S7: never refunded when there is a verdict";
const HONEST: &str = "V3, S6: released only by a proved verdict that every honest party signed";

play!(
    Settlement,
    vec![
        Property::always("time goes on", |play, w: &World<Settlement>| !play.stuck(w)),
        Property::always(ONE_END, |_, w: &World<Settlement>| {
            !(w.ground.escrow == Escrow::Refunded && w.ground.verdict.is_some())
        }),
        Property::always(HONEST, |play, w: &World<Settlement>| {
            let g = &w.ground;
            let signed =
                |who: &usize| play.0.malicious == Some(*who) || g.words[*who] == Some(true);
            g.escrow != Escrow::Released
                || (g.recorded && [INITIATOR, COUNTERPARTY].iter().all(signed))
        }),
        Property::always(
            "V4: nobody honest signs too early or too late",
            |_, w: &World<Settlement>| w.broken.is_none()
        ),
        Property::always(
            "V2: at the end the escrow is closed and every record has ended",
            |play, w: &World<Settlement>| {
                let served = (0..w.nodes.len()).any(|node| w.runs(node));
                !served || !play.over(w) || (w.ground.escrow != Escrow::Open && play.all_ended(w))
            }
        ),
        Property::always(
            "V2: at the end a verdict is released",
            |play, w: &World<Settlement>| {
                let served =
                    (0..w.nodes.len()).any(|node| w.runs(node)) && w.ground.escrow != Escrow::None;
                !served
                    || !play.over(w)
                    || w.ground.verdict.is_none()
                    || w.ground.escrow == Escrow::Released
            }
        ),
        Property::sometimes("somebody ends", |_, w: &World<Settlement>| {
            matches!(w.ground.escrow, Escrow::Refunded | Escrow::Released)
        }),
    ]
);

fn settlement(nodes: &[Up]) -> Settlement {
    Settlement {
        nodes: nodes.to_vec(),
        malicious: None,
        skew: 0,
        drops: 0,
        rule: Rule::AsWritten,
    }
}

#[test]
fn two_honest_parties_of_whom_one_crashes() {
    Play(settlement(&[Up::MayCrash, Up::Always])).holds("settlement: initiator crashes");
    Play(settlement(&[Up::Always, Up::MayCrash])).holds("settlement: counterparty crashes");
}

#[test]
fn the_initiator_dies_for_good_after_its_word_or_before() {
    Play(settlement(&[Up::MayDie, Up::Always])).holds("settlement: initiator dies");
}

#[test]
fn clocks_differ() {
    let skew = 1;
    Play(Settlement {
        skew,
        ..settlement(&[Up::Always, Up::Always])
    })
    .holds("settlement: skewed clocks");
}

#[test]
fn transactions_are_lost() {
    let drops = 1;
    Play(Settlement {
        drops,
        ..settlement(&[Up::Always, Up::Always])
    })
    .holds("settlement: lost");
}

#[test]
fn either_party_is_malicious() {
    for malicious in [INITIATOR, COUNTERPARTY] {
        let mut nodes = [Up::Always, Up::Always, Up::MayDie];
        nodes[malicious] = Up::Dead;
        let malicious = Some(malicious);
        Play(Settlement {
            malicious,
            ..settlement(&nodes)
        })
        .holds("settlement: malicious party");
    }
}

#[test]
fn each_broken_rule_is_found_to_lose() {
    let broken = [
        (Rule::EarlyAbsence, ONE_END),
        (Rule::LateVerdict, ONE_END),
        (Rule::OneWord, HONEST),
    ];
    for (rule, property) in broken {
        let malicious = Some(COUNTERPARTY);
        let nodes = [Up::MayDie, Up::Dead];
        let model = Settlement {
            rule,
            malicious,
            ..settlement(&nodes)
        };

        let name = format!("settlement, broken on purpose: {rule:?}");
        let checker = Play(model).explore(&name);

        assert!(checker.discovery(property).is_some(), "{rule:?}");
    }
}
