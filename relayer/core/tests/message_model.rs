//! Every reachable state of a message: relayers that race, crash or die, an adversary who may do whatever anyone may, a
//! recipient that fails when it likes. The relayers run the real `step`; the world has the rules of the contracts.
//! Bringing an item across is one act here: a delivery under a proved root (M3, M4).

#[macro_use]
mod common;

use alloy_primitives::{Address, B256, Bytes};
use causeway_adapter_api::Timestamp;
use causeway_core::{
    message::{
        self, Effect, Event, Failure, Kind, LaneId, MessageId, Order, Outcome, Patience, Purpose,
        Sent, Status, There, Way,
    },
    swap::Now,
};
use common::{CHAINS, Play, Protocol, Ran, Rules, Up, World};
use stateright::{Checker, Property};

const DEADLINE: u8 = 4;
const PATIENCE: Patience = Patience {
    retries: 1,
    pause: 1,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Message {
    nodes: Vec<Up>,
    skew: u8,
    drops: u8,
    rule: Rule,
}

/// The contracts' rules, one of them broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rule {
    AsWritten,
    /// A time-out takes a proof of a block of the deadline's own second.
    EarlyAbsence,
    /// A kept message clears its delivered bit.
    KeptIsAbsent,
    /// The delivered bit is not looked at.
    NotOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum At {
    Waiting,
    Kept,
    Done(Status),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Home {
    Pending,
    Acknowledged,
    TimedOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ground {
    there: At,
    home: Home,
    /// A block of the destination proves that it was not delivered.
    absent: bool,
    executions: u8,
}

/// A relayer's record, and what its lanes asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Record {
    message: message::State,
    delivering: bool,
    returning: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Do {
    Message(Effect),
    Deliver,
    Return,
}

/// What a relayer may send, with what the recipient makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Ploy(Do, Status);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Seen {
    Event(Event),
    /// A lane's delivery was refused.
    LaneRefused,
}

fn sent() -> Sent {
    let way = Way {
        lane: LaneId(1),
        from: CHAINS[0],
        to: CHAINS[1],
    };
    Sent {
        id: MessageId { way, index: 0 },
        order: Order::Unordered,
        kind: Kind::Call,
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        deadline: Timestamp(DEADLINE.into()),
        gas_limit: 1,
        leaf: B256::repeat_byte(3),
    }
}

impl Record {
    /// What the lanes do beside the message's own machine.
    fn lanes(&mut self, now: &Now) -> Vec<Do> {
        let mut asked = Vec::new();
        if self.message.ended.is_some() {
            return asked;
        }
        let in_time = now.of(CHAINS[1]).latest <= self.message.sent.deadline;
        if matches!(self.message.there, There::Waiting { .. }) && in_time && !self.delivering {
            self.delivering = true;
            asked.push(Do::Deliver);
        }
        if matches!(self.message.there, There::Done { .. }) && !self.returning {
            self.returning = true;
            asked.push(Do::Return);
        }
        asked
    }
}

impl Message {
    fn execute(&self, world: &mut World<Self>, status: Status) {
        world.ground.executions += u8::from(status == Status::Executed);
        if status == Status::Failed {
            world.ground.there = At::Kept;
            world.emit(1, Seen::Event(Event::Kept));
        } else {
            self.result(world, status);
        }
    }

    fn result(&self, world: &mut World<Self>, status: Status) {
        world.ground.there = At::Done(status);
        let (result, ack) = (Bytes::new(), 0);
        world.emit(
            1,
            Seen::Event(Event::Done {
                status,
                result,
                ack,
            }),
        );
    }

    /// Runs a transaction; a recipient that is called does as `status` says.
    fn with(&self, world: &mut World<Self>, act: &Do, status: Status) -> Ran {
        let (g, late) = (world.ground, world.clock[1] > DEADLINE);
        match (act, g.there) {
            // M4, M6.
            (Do::Deliver, At::Waiting) if late => return Ran::Refused,
            (Do::Deliver, At::Waiting) => self.execute(world, status),
            // M5.
            (Do::Deliver, At::Done(Status::Executed)) if self.rule == Rule::NotOnce && !late => {
                world.ground.executions += 1;
            }
            (Do::Deliver, _) => {}
            // M10.
            (Do::Message(Effect::Retry { .. }), At::Kept) if !late && status != Status::Failed => {
                self.execute(world, status);
            }
            (Do::Message(Effect::GiveUp { .. }), At::Kept) if late => {
                self.result(world, Status::Failed);
            }
            (Do::Message(Effect::Retry { .. } | Effect::GiveUp { .. }), At::Done(_)) => {}
            // M12.
            (Do::Return, At::Done(status)) if g.home == Home::Pending => {
                world.ground.home = Home::Acknowledged;
                world.emit(0, Seen::Event(Event::Acknowledged(status)));
            }
            // M13.
            (Do::Message(Effect::TimeOut { .. }), _) if g.home == Home::Pending && g.absent => {
                world.ground.home = Home::TimedOut;
                world.emit(0, Seen::Event(Event::TimedOut));
            }
            (Do::Return | Do::Message(Effect::TimeOut { .. }), _) if g.home != Home::Pending => {}
            _ => return Ran::Refused,
        }
        Ran::Done
    }
}

impl Protocol for Message {
    type State = Record;
    type Event = Seen;
    type Effect = Do;
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
            there: At::Waiting,
            home: Home::Pending,
            absent: false,
            executions: 0,
        }
    }

    /// Every relayer has seen the message: its sending is final.
    fn first(&self, _: usize) -> (Option<Record>, Vec<Do>) {
        let record = Record {
            message: message::begin(sent()),
            delivering: true,
            returning: false,
        };
        (Some(record), vec![Do::Deliver])
    }

    fn take_up(&self, _: usize, _: &Seen, _: &Now) -> Option<(Record, Vec<Do>)> {
        None
    }

    fn step(&self, state: &Record, event: &Seen, now: &Now) -> Option<(Record, Vec<Do>)> {
        let mut next = state.clone();
        let mut asked = Vec::new();
        match event {
            Seen::Event(event) => {
                let (message, effects) =
                    message::step(&state.message, event, now, &PATIENCE).ok()?;
                next.message = message;
                asked.extend(effects.into_iter().map(Do::Message));
            }
            Seen::LaneRefused => {
                (next.delivering, next.returning) = (false, false);
            }
        }
        asked.extend(next.lanes(now));
        Some((next, asked))
    }

    fn tick(&self) -> Seen {
        Seen::Event(Event::Tick)
    }

    fn wake(&self, state: &Record) -> Vec<(usize, u8)> {
        let index = |chain| usize::from(chain != CHAINS[0]);
        let times = message::wake(&state.message).into_iter();
        times
            .map(|(chain, at)| (index(chain), at.0 as u8))
            .collect()
    }

    fn chain_of(&self, effect: &Do) -> usize {
        match effect {
            Do::Message(effect) => usize::from(effect.chain() != CHAINS[0]),
            Do::Deliver => 1,
            Do::Return => 0,
        }
    }

    fn stale(&self, effect: &Do, clock: [u8; 2]) -> Option<Seen> {
        let late = matches!(effect, Do::Message(Effect::Retry { start_before, .. }) if u64::from(clock[1]) >= start_before.0);
        let (purpose, failure) = (Purpose::Retry, Failure::NeverSent);
        late.then_some(Seen::Event(Event::Failed { purpose, failure }))
    }

    fn sent(&self, ground: &mut Ground, effect: &Do, _: [u8; 2]) -> Result<(), &'static str> {
        match effect {
            Do::Message(Effect::TimeOut { .. })
                if self.rule == Rule::AsWritten && !ground.absent =>
            {
                Err("asked for a time-out that no block proves")
            }
            _ => Ok(()),
        }
    }

    fn run(&self, world: &mut World<Self>, effect: &Do, by: usize) -> Ran {
        // The first relayer meets a recipient that fails at first, the others one that works.
        let status = if by == 0 {
            Status::Failed
        } else {
            Status::Executed
        };
        self.with(world, effect, status)
    }

    fn refused(&self, world: &World<Self>, effect: &Do) -> Option<Seen> {
        match effect {
            Do::Message(effect) => {
                let (purpose, failure) = (effect.purpose(), Failure::Overdue);
                Some(Seen::Event(Event::Failed { purpose, failure }))
            }
            Do::Deliver if world.clock[1] > DEADLINE => None,
            Do::Deliver | Do::Return => Some(Seen::LaneRefused),
        }
    }

    fn play(&self, world: &mut World<Self>, ploy: &Ploy) -> Option<()> {
        (self.with(world, &ploy.0, ploy.1) == Ran::Done).then_some(())
    }

    fn ploys(&self, world: &World<Self>) -> Vec<Ploy> {
        let id = sent().id;
        let mut ploys = vec![
            Ploy(Do::Message(Effect::GiveUp { id }), Status::Failed),
            Ploy(
                Do::Message(Effect::TimeOut {
                    id,
                    after: Timestamp(0),
                }),
                Status::Failed,
            ),
            Ploy(Do::Return, Status::Failed),
        ];
        let retry = Effect::Retry {
            id,
            start_before: Timestamp(0),
        };
        for status in [Status::Executed, Status::Failed, Status::Refused] {
            if world.ground.executions < 2 {
                ploys.push(Ploy(Do::Deliver, status));
                ploys.push(Ploy(Do::Message(retry), status));
            }
        }
        ploys
    }

    fn moved(&self, world: &mut World<Self>) {
        let from = if self.rule == Rule::EarlyAbsence {
            DEADLINE
        } else {
            DEADLINE + 1
        };
        let g = &mut world.ground;
        let bit = match g.there {
            At::Waiting => false,
            At::Kept => self.rule != Rule::KeptIsAbsent,
            At::Done(_) => true,
        };
        g.absent |= world.clock[1] >= from && !bit;
    }

    fn moments(&self, _: &World<Self>) -> [Vec<u8>; 2] {
        [vec![], (0..=DEADLINE + 1).collect()]
    }

    fn has_ended(&self, state: &Record) -> bool {
        state.message.outcome().is_some()
    }

    fn settled(&self, g: &Ground) -> bool {
        g.home != Home::Pending
    }

    fn may_be_late(&self, who: usize) -> bool {
        who == 0
    }
}

const ONE_END: &str = "V2, M13: a message that was delivered is never timed out";
const ONCE: &str = "V2, M5: executed at most once";

play!(
    Message,
    vec![
        Property::always("time goes on", |play, w: &World<Message>| !play.stuck(w)),
        Property::always(ONE_END, |_, w: &World<Message>| {
            w.ground.home != Home::TimedOut || w.ground.there == At::Waiting
        }),
        Property::always(ONCE, |_, w: &World<Message>| w.ground.executions <= 1),
        Property::always(
            "V3: acknowledged only with a result",
            |_, w: &World<Message>| {
                w.ground.home != Home::Acknowledged || matches!(w.ground.there, At::Done(_))
            }
        ),
        Property::always(
            "V4: what is asked for is allowed",
            |_, w: &World<Message>| w.broken.is_none()
        ),
        Property::always(
            "V2: at the end it has ended, and every record says how",
            |play, w: &World<Message>| {
                let served = (0..w.nodes.len()).any(|node| w.runs(node));
                !served || !play.over(w) || (w.ground.home != Home::Pending && play.all_ended(w))
            }
        ),
        Property::always(
            "every record that has ended says what happened",
            |_, w: &World<Message>| {
                let says = |record: &Record| match record.message.outcome() {
                    None => true,
                    Some(Outcome::TimedOut) => w.ground.home == Home::TimedOut,
                    Some(Outcome::Acknowledged(status)) => w.ground.there == At::Done(*status),
                };
                w.nodes
                    .iter()
                    .filter_map(|node| node.state.as_ref())
                    .all(says)
            }
        ),
        Property::sometimes("somebody ends", |_, w: &World<Message>| w.ground.home
            == Home::Acknowledged),
    ]
);

fn message(nodes: &[Up]) -> Message {
    Message {
        nodes: nodes.to_vec(),
        skew: 0,
        drops: 0,
        rule: Rule::AsWritten,
    }
}

#[test]
fn a_relayer_that_crashes() {
    Play(message(&[Up::MayCrash])).holds("message: one relayer crashes");
}

#[test]
fn three_relayers_race_one_crashes_and_one_dies_for_good() {
    Play(message(&[Up::MayCrash, Up::MayDie, Up::Always]))
        .holds("message: three relayers, one crashes, one dies");
}

#[test]
fn clocks_differ_and_a_transaction_is_lost() {
    let (skew, drops) = (1, 1);
    Play(Message {
        skew,
        drops,
        ..message(&[Up::Always, Up::MayDie])
    })
    .holds("message: skewed clocks, lost");
}

#[test]
fn every_relayer_is_dead() {
    let skew = 2;
    Play(Message {
        skew,
        ..message(&[Up::Dead])
    })
    .holds("message: adversary alone");
}

#[test]
fn each_broken_rule_is_found_to_lose() {
    let broken = [
        (Rule::EarlyAbsence, ONE_END),
        (Rule::KeptIsAbsent, ONE_END),
        (Rule::NotOnce, ONCE),
    ];
    for (rule, property) in broken {
        let name = format!("message, broken on purpose: {rule:?}");
        let checker = Play(Message {
            rule,
            ..message(&[Up::MayDie])
        })
        .explore(&name);

        assert!(checker.discovery(property).is_some(), "{rule:?}");
    }
}
