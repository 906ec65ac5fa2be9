use alloy_primitives::{Bytes, Log, U256};
use alloy_sol_types::{SolEvent, SolValue as _};
use causeway_adapter_api::{Lock, Preimage, Terms, TxId};
use causeway_contracts::{HashTimeLock, PegMint};
use causeway_core::peg::{
    Clock, Failure, Fate, NoReveal, Promise, Purpose, REFUND_GUARD, Reveal, Role, memo, salt,
};

use super::*;

const HOME: ChainId = ChainId(1);
const SIDE: ChainId = ChainId(2);
const PORT: Address = Address::repeat_byte(0x90);
const LOCKS: Address = Address::repeat_byte(0x10);
const TOKEN: Address = Address::repeat_byte(0x70);
const PEGGED: Address = Address::repeat_byte(0x71);
const ALICE: Address = Address::repeat_byte(0xa1);
const STRANGER: Address = Address::repeat_byte(0x55);

fn site() -> PegSite {
    let end = |chain, asset| PegPort {
        chain,
        port: PORT,
        asset: Asset::Token(asset),
        locks: LOCKS,
        client: Address::repeat_byte(0xc1),
        account: Address::repeat_byte(0x7e),
        start: Height(0),
    };
    PegSite {
        home: end(HOME, TOKEN),
        side: end(SIDE, PEGGED),
    }
}

fn pegs() -> Pegs {
    let alice = Account {
        chain: HOME,
        address: ALICE,
    };
    Pegs::new(vec![site()], vec![alice])
}

fn secret() -> Preimage {
    Preimage::new([9; 32])
}

const PROMISE: Promise = Promise {
    recipient: Address::repeat_byte(0xb0),
    nonce: U256::ONE,
};

fn lock(sender: Address) -> Lock {
    let hashlock = secret().hashlock();
    Lock {
        hashlock,
        sender,
        recipient: PORT,
        asset: Asset::Token(TOKEN),
        amount: U256::from(5),
        deposit: U256::ZERO,
        terms: Terms {
            public_claim_at: Timestamp(100),
            refund_at: Timestamp(200),
            public_refund_at: Timestamp(300),
            parts: 1,
            hook_flags: REFUND_GUARD,
            salt: salt(hashlock, &PROMISE),
        },
        hooks: PORT,
    }
}

fn route() -> Route {
    Route {
        kind: Way::PegIn,
        to: SIDE,
        port: PORT,
    }
}

fn raw(address: Address, event: &impl SolEvent) -> RawLog {
    let log: Log = Log {
        address,
        data: event.encode_log_data(),
    };
    RawLog {
        address,
        topics: log.topics().to_vec(),
        data: log.data.data,
        height: Height(7),
        block: B256::repeat_byte(7),
        time: Timestamp(7),
        tx: TxId(B256::repeat_byte(8)),
        index: 0,
    }
}

fn locked(lock: &Lock, memo: Vec<u8>) -> RawLog {
    let words = lock.words().unwrap().concat();
    let event = HashTimeLock::Locked {
        id: lock.id().unwrap().0,
        hashlock: lock.hashlock.0,
        recipient: lock.recipient,
        lock: HashTimeLock::Lock::abi_decode(&words).unwrap(),
        memo: memo.into(),
    };
    raw(LOCKS, &event)
}

fn fresh(said: Option<Said<Pegs>>) -> Result<Vec<State>, String> {
    match said {
        Some(Said::Begins { fresh, .. }) => fresh,
        _ => panic!("nothing begins"),
    }
}

fn now() -> Now {
    let clock = Clock {
        proven: Timestamp(10),
        latest: Timestamp(10),
    };
    Now::new([(HOME, clock), (SIDE, clock)])
}

#[test]
fn a_strangers_lock_for_the_peg_is_carried() {
    let log = locked(&lock(STRANGER), memo(&route(), &PROMISE));

    let states = fresh(pegs().read(HOME, &log)).unwrap();

    assert_eq!(states.len(), 1);
    assert_eq!(states[0].role, Role::Carrier);
    assert_eq!(states[0].plan.promise, PROMISE);
}

#[test]
fn a_lock_of_ours_that_the_store_lost_is_taken_up_without_its_secret() {
    let log = locked(&lock(ALICE), memo(&route(), &PROMISE));

    let states = fresh(pegs().read(HOME, &log)).unwrap();

    let reveal = Reveal::Never(NoReveal::SecretLost);
    assert_eq!(states[0].role, Role::User { reveal });
}

#[test]
fn a_lock_whose_memo_lies_is_not_taken_up_and_the_reason_is_kept() {
    let other = Promise {
        recipient: STRANGER,
        ..PROMISE
    };
    let mut short = memo(&route(), &PROMISE);
    short.pop();

    for (wrong, expected) in [
        (memo(&route(), &other), "salt"),
        (short, "memo"),
        (Vec::new(), "memo"),
    ] {
        let reason = fresh(pegs().read(HOME, &locked(&lock(STRANGER), wrong))).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }
}

#[test]
fn locks_of_others_and_logs_of_strangers_say_nothing() {
    let swap = Lock {
        recipient: STRANGER,
        ..lock(ALICE)
    };
    let memo = memo(&route(), &PROMISE);
    let mut forged = locked(&lock(STRANGER), memo.clone());
    forged.address = STRANGER;
    // What a port says counts from the port alone, and what locks say from the locks alone.
    let paused = PegMint::PegPaused {
        number: 1,
        by: STRANGER,
    };
    let mut cut = locked(&lock(STRANGER), memo.clone());
    cut.data = Bytes::copy_from_slice(&cut.data[..100]);

    assert!(pegs().read(HOME, &locked(&swap, memo.clone())).is_none());
    assert!(pegs().read(HOME, &forged).is_none());
    assert!(pegs().read(HOME, &raw(LOCKS, &paused)).is_none());
    assert!(pegs().read(HOME, &cut).is_none());
    assert!(
        pegs()
            .read(ChainId(3), &locked(&lock(STRANGER), memo))
            .is_none()
    );
    assert!(pegs().read(HOME, &raw(PORT, &paused)).is_some());
}

#[test]
fn both_chains_speak_of_one_lock_under_one_name() {
    let id = lock(STRANGER).id().unwrap();
    let log = locked(&lock(STRANGER), memo(&route(), &PROMISE));
    let opened = PegMint::PegOpened {
        number: 0,
        id: id.0,
        recipient: PROMISE.recipient,
        lock: PegMint::Lock::abi_decode(&lock(STRANGER).words().unwrap().concat()).unwrap(),
        claimableAt: 50,
        paid: false,
    };

    let here = pegs().read(HOME, &log);
    let there = pegs().read(SIDE, &raw(PORT, &opened));
    let elsewhere = pegs().read(HOME, &raw(PORT, &opened));

    let (Some(Said::Begins { subject: a, .. }), Some(Said::Tells { subject: b, .. })) =
        (here, there)
    else {
        panic!("not understood");
    };
    assert_eq!(a, b);
    assert!(matches!(elsewhere, Some(Said::Tells { subject, .. }) if subject != a));
}

#[test]
fn a_payment_proved_later_keeps_the_waiting_time() {
    let seen = Seen {
        chain: HOME,
        id: lock(STRANGER).id().unwrap(),
        lock: lock(STRANGER),
    };
    let state = peg::carry(seen, Height(7), route(), PROMISE);
    let opened = Event::Opened {
        ready_at: Timestamp(50),
        paid: false,
    };
    let paid = Event::Opened {
        ready_at: Timestamp(0),
        paid: true,
    };

    let (state, _) = Pegs::step(&state, &opened, &now()).unwrap();
    let (state, _) = Pegs::step(&state, &paid, &now()).unwrap();

    let expected = Destination::Opened {
        ready_at: Timestamp(50),
        paid: true,
    };
    assert_eq!(state.destination, expected);
}

#[test]
fn a_claim_with_our_own_secret_is_ordered_without_it() {
    let whole = abi::claim(SIDE, &lock(ALICE), B256::from(*secret().expose())).unwrap();

    let ordered = abi::claim_without_secret(SIDE, &lock(ALICE)).unwrap();

    assert_eq!([ordered.as_ref(), secret().expose()].concat(), whole);
    let hidden = ordered.windows(32).all(|bytes| bytes != secret().expose());
    assert!(hidden, "the secret is in the order");
}

#[test]
fn what_waits_to_be_locked_counts_until_it_is_locked() {
    let plan = peg::Plan {
        give: Leg {
            chain: HOME,
            lock: lock(ALICE),
        },
        spender: LOCKS,
        route: route(),
        promise: PROMISE,
        settle: 5,
        lock_by: Timestamp(50),
    };
    let (state, _) = peg::start(plan);
    let seen = Seen {
        chain: HOME,
        id: lock(ALICE).id().unwrap(),
        lock: lock(ALICE),
    };
    let event = Event::Locked {
        seen,
        height: Height(7),
    };

    let (placed, _) = Pegs::step(&state, &event, &now()).unwrap();

    let waits = Pegs::about(&state).waits.unwrap();
    assert_eq!((waits.token, waits.amount), (TOKEN, U256::from(5)));
    assert_eq!(Pegs::about(&placed).waits, None);
    assert_eq!(Pegs::about(&placed).subject, Pegs::about(&state).subject);
    assert!(matches!(
        placed.origin,
        Origin::Placed {
            fate: Fate::Open,
            ..
        }
    ));
}

#[test]
fn the_machine_hears_of_ends_that_no_chain_tells() {
    let collect = Effect::Collect {
        seen: Seen {
            chain: HOME,
            id: LockId(B256::ZERO),
            lock: lock(ALICE),
        },
        preimage: B256::ZERO,
    };

    let failed = Pegs::told(News::Failed(&collect, Failure::NeverSent));

    assert_eq!(Pegs::told(News::Done(&collect)), None);
    let purpose = Purpose::Collect;
    let failure = Failure::NeverSent;
    assert_eq!(failed, Some(Event::Failed { purpose, failure }));
}

const OTHER_PORT: Address = Address::repeat_byte(0x99);

/// Two pegs between the same chains, with the same locks.
fn two() -> Pegs {
    let mut other = site();
    (other.home.port, other.side.port) = (OTHER_PORT, OTHER_PORT);
    (other.home.asset, other.side.asset) = (
        Asset::Token(Address::repeat_byte(0x7a)),
        Asset::Token(Address::repeat_byte(0x7b)),
    );
    Pegs::new(vec![other, site()], Vec::new())
}

#[test]
fn of_several_pegs_the_one_is_meant_whose_port_the_lock_names() {
    let log = locked(&lock(STRANGER), memo(&route(), &PROMISE));

    let states = fresh(two().read(HOME, &log)).unwrap();

    assert_eq!(states[0].plan.route, route());
    assert_eq!(two().site_of(&states[0].plan), Some(&site()));
}

#[test]
fn what_a_port_says_to_all_is_for_those_who_go_over_it() {
    let paused = PegMint::PegPaused {
        number: 3,
        by: STRANGER,
    };
    let seen = Seen {
        chain: HOME,
        id: lock(STRANGER).id().unwrap(),
        lock: lock(STRANGER),
    };
    let state = peg::carry(seen, Height(7), route(), PROMISE);
    let said_by = |port| match two().read(SIDE, &raw(port, &paused)) {
        Some(Said::ToAll { about, .. }) => Some(about),
        _ => None,
    };

    assert_eq!(said_by(PORT), two().hears(&state));
    assert!(said_by(OTHER_PORT).is_some());
    assert_ne!(said_by(OTHER_PORT), two().hears(&state));
}

#[test]
fn contracts_of_one_chain_are_read_as_one_from_the_earliest_start() {
    let mut pegs = two();
    (pegs.sites[0].home.start, pegs.sites[1].home.start) = (Height(70), Height(40));

    let places = crate::crossing::kind::by_chain(pegs.places());

    let home = places.iter().find(|place| place.chain == HOME).unwrap();
    assert_eq!(places.len(), 2);
    assert_eq!(home.contracts, [LOCKS, PORT, OTHER_PORT]);
    assert_eq!(home.start, Height(40));
}
