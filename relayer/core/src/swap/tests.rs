use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{Asset, Hashlock, Lock, LockId, Preimage, Terms};

use super::*;
use crate::explain::{Actor, explain};

const A: ChainId = ChainId(1);
const B: ChainId = ChainId(2);
const T_B: u64 = 1_000;
const T_A: u64 = 2_000;
const SECRET: B256 = B256::repeat_byte(0x5e);

fn alice(chain: ChainId) -> Address {
    Address::repeat_byte(0xa0 + chain.0 as u8)
}

fn bob(chain: ChainId) -> Address {
    Address::repeat_byte(0xb0 + chain.0 as u8)
}

fn hashlock() -> Hashlock {
    Preimage::new(SECRET.0).hashlock()
}

fn lock(sender: Address, recipient: Address, refund_at: u64) -> Lock {
    let terms = Terms {
        public_claim_at: Timestamp(refund_at - 200),
        refund_at: Timestamp(refund_at),
        public_refund_at: Timestamp(refund_at + 100),
        parts: 1,
        hook_flags: 0,
        salt: 1 << 100,
    };
    let (asset, amount, deposit) = (Asset::Native, U256::from(100), U256::from(3));
    Lock {
        hashlock: hashlock(),
        sender,
        recipient,
        asset,
        amount,
        deposit,
        terms,
        hooks: Address::ZERO,
    }
}

fn on_a() -> Seen {
    Seen {
        chain: A,
        id: LockId(B256::repeat_byte(0xaa)),
        lock: lock(alice(A), bob(A), T_A),
    }
}

fn on_b() -> Seen {
    Seen {
        chain: B,
        id: LockId(B256::repeat_byte(0xbb)),
        lock: lock(bob(B), alice(B), T_B),
    }
}

fn wanted() -> Wanted {
    Wanted {
        chain: B,
        asset: Asset::Native,
        amount: U256::from(100),
        recipient: alice(B),
    }
}

fn plan(seen: &Seen) -> Plan {
    let give = Leg {
        chain: seen.chain,
        lock: seen.lock,
    };
    Plan {
        give,
        spender: Address::ZERO,
        margin: 500,
        settle: 10,
        lock_by: Timestamp(900),
    }
}

fn at(seconds: u64) -> Now {
    let clock = Clock {
        proven: Timestamp(seconds),
        latest: Timestamp(seconds),
    };
    Now::new([(A, clock), (B, clock)])
}

fn claimed(seen: &Seen) -> Event {
    Event::Claimed {
        chain: seen.chain,
        id: seen.id,
        preimage: SECRET,
    }
}

fn refunded(seen: &Seen) -> Event {
    Event::Refunded {
        chain: seen.chain,
        id: seen.id,
    }
}

/// Applies events, each at its time; every one must be accepted.
fn run(mut state: State, events: &[(u64, Event)]) -> (State, Vec<Effect>) {
    let mut all = Vec::new();
    for (time, event) in events {
        let (next, effects) = step(&state, event, &at(*time)).expect("accepted");
        state = next;
        all.extend(effects);
    }
    (state, all)
}

fn initiator() -> State {
    initiate(plan(&on_a()), wanted()).0
}

fn counterparty() -> State {
    join(plan(&on_b()), on_a()).0
}

fn revealing() -> State {
    run(
        initiator(),
        &[(1, Event::Locked(on_a())), (2, Event::Locked(on_b()))],
    )
    .0
}

fn purposes(effects: &[Effect]) -> Vec<Purpose> {
    effects.iter().map(Effect::purpose).collect()
}

#[test]
fn the_initiator_reveals_only_when_both_locks_are_final() {
    let (early, none) = run(initiator(), &[(1, Event::Locked(on_b()))]);
    let (_, effects) = run(early, &[(2, Event::Locked(on_a()))]);

    assert_eq!(none, []);
    assert!(matches!(
        effects[..],
        [Effect::Claim {
            secret: Secret::Own,
            ..
        }]
    ));
}

#[test]
fn an_erc20_is_approved_before_it_is_locked() {
    let mut seen = on_a();
    seen.lock.asset = Asset::Token(Address::repeat_byte(7));

    let (state, first) = initiate(plan(&seen), wanted());
    let (_, second) = run(state, &[(1, Event::Approved)]);

    assert_eq!(purposes(&first), [Purpose::Approve]);
    assert_eq!(purposes(&second), [Purpose::Lock]);
}

#[test]
fn a_counterparty_lock_that_gives_too_little_is_not_matched_and_ours_is_refunded() {
    let mut poor = on_b();
    poor.lock.amount = U256::from(99);

    let (state, effects) = run(
        initiator(),
        &[
            (1, Event::Locked(on_a())),
            (2, Event::Locked(poor)),
            (T_A, Event::Tick),
        ],
    );
    let (state, _) = run(state, &[(T_A + 1, refunded(&on_a()))]);

    assert_eq!(purposes(&effects), [Purpose::Refund]);
    assert_eq!(state.outcome(), Some(&Outcome::Refunded));
}

#[test]
fn every_way_a_lock_can_fall_short_is_named() {
    let spoil: [fn(&mut Lock); 6] = [
        |l| l.asset = Asset::Token(Address::repeat_byte(1)),
        |l| l.amount = U256::from(1),
        |l| l.recipient = Address::repeat_byte(2),
        |l| l.terms.parts = 2,
        |l| l.terms.hook_flags = 1,
        |l| l.terms.refund_at = Timestamp(T_A - 499),
    ];
    for spoil in spoil {
        let mut seen = on_b();
        spoil(&mut seen.lock);

        let (state, effects) = run(
            initiator(),
            &[(1, Event::Locked(on_a())), (2, Event::Locked(seen))],
        );

        assert_eq!(effects, []);
        assert!(explain(&state, &at(2)).place.contains("did not match"));
    }
}

#[test]
fn a_good_lock_after_a_bad_one_is_matched() {
    let mut poor = on_b();
    poor.lock.amount = U256::from(99);
    poor.id = LockId(B256::repeat_byte(1));

    let (_, effects) = run(
        initiator(),
        &[
            (1, Event::Locked(on_a())),
            (2, Event::Locked(poor)),
            (3, Event::Locked(on_b())),
        ],
    );

    assert_eq!(purposes(&effects), [Purpose::Claim]);
}

#[test]
fn nothing_is_revealed_when_the_claim_could_not_become_final_in_time() {
    let (state, effects) = run(
        initiator(),
        &[
            (1, Event::Locked(on_a())),
            (T_B - 10, Event::Locked(on_b())),
        ],
    );

    assert_eq!(effects, []);
    assert!(explain(&state, &at(T_B)).place.contains("too little time"));
}

#[test]
fn a_reveal_that_was_never_sent_is_taken_back_and_the_lock_refunded() {
    let failed = Event::Failed {
        purpose: Purpose::Claim,
        id: Some(on_b().id),
        failure: Failure::NeverSent,
    };

    let (state, effects) = run(
        revealing(),
        &[
            (T_B, failed),
            (T_B + 1, refunded(&on_b())),
            (T_A, Event::Tick),
            (T_A + 1, refunded(&on_a())),
        ],
    );

    assert_eq!(purposes(&effects), [Purpose::Refund]);
    assert_eq!(state.outcome(), Some(&Outcome::Refunded));
}

#[test]
fn a_completed_swap_ends_when_both_locks_are_claimed() {
    let (initiator, _) = run(revealing(), &[(3, claimed(&on_b())), (4, claimed(&on_a()))]);
    let (counterparty, effects) = run(
        counterparty(),
        &[
            (2, Event::Locked(on_b())),
            (3, claimed(&on_b())),
            (4, claimed(&on_a())),
        ],
    );

    assert_eq!(initiator.outcome(), Some(&Outcome::Completed));
    assert_eq!(counterparty.outcome(), Some(&Outcome::Completed));
    assert!(matches!(
        effects[..],
        [Effect::Claim {
            secret: Secret::Public(SECRET),
            ..
        }]
    ));
}

#[test]
fn claims_may_be_read_in_either_order() {
    let (state, _) = run(revealing(), &[(4, claimed(&on_a())), (4, claimed(&on_b()))]);

    assert_eq!(state.outcome(), Some(&Outcome::Completed));
}

#[test]
fn an_initiator_whose_partner_sleeps_completes_for_it_in_the_public_window() {
    let (_, effects) = run(
        revealing(),
        &[(3, claimed(&on_b())), (T_A - 200, Event::Tick)],
    );

    assert_eq!(purposes(&effects), [Purpose::Carry]);
}

#[test]
fn a_counterparty_whose_partner_sleeps_is_refunded() {
    let (state, effects) = run(
        counterparty(),
        &[
            (2, Event::Locked(on_b())),
            (T_B, Event::Tick),
            (T_B + 1, refunded(&on_b())),
        ],
    );

    assert_eq!(purposes(&effects), [Purpose::Refund]);
    assert_eq!(state.outcome(), Some(&Outcome::Refunded));
}

#[test]
fn a_claim_that_beats_our_refund_leads_to_our_own_claim() {
    let (_, effects) = run(
        counterparty(),
        &[
            (2, Event::Locked(on_b())),
            (T_B, Event::Tick),
            (T_B + 1, claimed(&on_b())),
        ],
    );

    assert_eq!(purposes(&effects), [Purpose::Refund, Purpose::Claim]);
}

#[test]
fn refund_before_deadline_is_not_asked_for() {
    let (_, effects) = run(
        counterparty(),
        &[(2, Event::Locked(on_b())), (T_B - 1, Event::Tick)],
    );

    assert_eq!(effects, []);
}

#[test]
fn nothing_is_asked_for_twice() {
    let (state, _) = run(
        initiator(),
        &[(1, Event::Locked(on_a())), (T_A, Event::Tick)],
    );

    let (_, effects) = run(state, &[(T_A, Event::Tick), (T_A + 9, Event::Tick)]);

    assert_eq!(effects, []);
}

#[test]
fn a_repeated_event_is_refused_and_changes_nothing() {
    let state = revealing();

    let again = step(&state, &Event::Locked(on_b()), &at(3));

    assert_eq!(again.map_err(|e| e.why), Err(Why::Known));
}

#[test]
fn a_preimage_that_does_not_open_the_lock_is_refused() {
    let forged = Event::Claimed {
        chain: B,
        id: on_b().id,
        preimage: B256::ZERO,
    };

    assert_eq!(
        step(&revealing(), &forged, &at(3)).map_err(|e| e.why),
        Err(Why::WrongPreimage)
    );
}

#[test]
fn an_ended_transfer_accepts_nothing() {
    let (state, _) = run(revealing(), &[(3, claimed(&on_b())), (4, claimed(&on_a()))]);

    assert_eq!(
        step(&state, &Event::Tick, &at(9)).map_err(|e| e.why),
        Err(Why::Ended)
    );
    assert_eq!(wake(&state), []);
}

#[test]
fn a_lock_that_cannot_be_made_abandons_the_transfer() {
    let failure = Failure::Refused("LockExists".into());
    let failed = Event::Failed {
        purpose: Purpose::Lock,
        id: None,
        failure: failure.clone(),
    };

    let (state, _) = run(counterparty(), &[(2, failed)]);

    assert_eq!(
        state.outcome(),
        Some(&Outcome::Abandoned(Reason::NotLocked(failure)))
    );
}

#[test]
fn an_operator_may_cancel_until_the_secret_may_be_public() {
    let (locked, _) = run(initiator(), &[(1, Event::Locked(on_a()))]);
    let (_, effects) = run(locked, &[(2, Event::Cancel), (3, Event::Locked(on_b()))]);

    assert_eq!(effects, []);
    let late = step(&revealing(), &Event::Cancel, &at(3));
    assert_eq!(late.map_err(|e| e.why), Err(Why::PointOfNoReturn));
}

#[test]
fn an_adopted_initiator_claims_once_the_secret_is_public() {
    let adopted = adopt_initiator(on_a(), wanted());

    let (state, none) = run(adopted, &[(1, Event::Locked(on_b())), (2, Event::Tick)]);
    let (_, effects) = run(state, &[(3, claimed(&on_a()))]);

    assert_eq!(none, []);
    assert!(matches!(
        effects[..],
        [Effect::Claim {
            secret: Secret::Public(SECRET),
            ..
        }]
    ));
}

#[test]
fn an_adopted_counterparty_does_not_lock_again() {
    let adopted = adopt_counterparty(on_b(), on_a());

    let (_, effects) = run(adopted, &[(2, claimed(&on_b()))]);

    assert_eq!(purposes(&effects), [Purpose::Claim]);
}

#[test]
fn a_watchtower_completes_only_in_the_public_windows() {
    let accounts = [A, B]
        .map(|chain| Account {
            chain,
            address: Address::repeat_byte(0xee),
        })
        .into();
    let tower = watch(on_a(), accounts);

    let known = [
        (2, Event::Locked(on_b())),
        (3, claimed(&on_b())),
        (T_A - 201, Event::Tick),
    ];
    let (state, private) = run(tower.clone(), &known);
    let (_, public) = run(state, &[(T_A - 200, Event::Tick)]);
    let (_, back) = run(tower, &[(T_A + 99, Event::Tick), (T_A + 100, Event::Tick)]);

    assert_eq!(private, []);
    assert_eq!(purposes(&public), [Purpose::Carry]);
    assert_eq!(purposes(&back), [Purpose::Refund]);
}

#[test]
fn a_watchtower_record_has_a_stated_maximum() {
    let mut state = watch(on_a(), vec![]);
    for n in 1..MAX_WATCHED as u8 {
        let more = Seen {
            id: LockId(B256::repeat_byte(n)),
            ..on_a()
        };
        state = run(state, &[(1, Event::Locked(more))]).0;
    }

    let full = step(
        &state,
        &Event::Locked(Seen {
            id: LockId(B256::ZERO),
            ..on_a()
        }),
        &at(1),
    );

    assert_eq!(full.map_err(|e| e.why), Err(Why::Full));
}

#[test]
fn a_watchtower_leaves_locks_alone_that_time_and_preimage_do_not_end() {
    let mut guarded = on_b();
    guarded.lock.terms.hook_flags = 2;
    let mut divided = on_b();
    divided.lock.terms.parts = 2;

    for other in [guarded, divided] {
        let refused = step(&watch(on_a(), vec![]), &Event::Locked(other), &at(1));

        assert!(!watchable(&other.lock));
        assert_eq!(refused.map_err(|e| e.why), Err(Why::Foreign));
    }
    assert!(watchable(&on_b().lock));
}

#[test]
fn an_explanation_names_actor_deadline_cost_and_consequence() {
    let (state, _) = run(counterparty(), &[(2, Event::Locked(on_b()))]);

    let told = explain(&state, &at(400));

    assert_eq!(told.next, Actor::OtherParty);
    assert_eq!(told.until.map(|d| d.seconds_left), Some(T_B - 400));
    assert_eq!(told.costs.deposit, U256::from(3));
    let text = told.to_string();
    assert!(text.contains("after its deadline"), "{text}");
}

#[test]
fn a_chain_without_a_clock_permits_nothing() {
    let (state, _) = run(initiator(), &[(1, Event::Locked(on_a()))]);

    let (state, effects) = step(&state, &Event::Locked(on_b()), &Now::default()).expect("accepted");
    let (_, later) = run(state, &[(3, Event::Tick)]);

    assert_eq!(effects, []);
    assert_eq!(purposes(&later), [Purpose::Claim]);
}

#[test]
fn a_transfer_id_reads_back_from_its_text() {
    let id = TransferId::from(hashlock());

    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!("0x12".parse::<TransferId>(), Err(PeerBadTransferId));
}
