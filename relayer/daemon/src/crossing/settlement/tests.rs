use alloy_primitives::{Bytes, U256, keccak256};
use causeway_adapter_api::{Timestamp, TxId};
use causeway_contracts::{Settlement, SettlementEscrow, deal::deal_id};
use causeway_core::swap::Clock;
use secp256k1::SecretKey;

use super::*;
use crate::keys::address_of;

const SITE: SettlementSite = SettlementSite {
    public: ChainId(7001),
    escrow: Address::repeat_byte(1),
    public_start: Height(0),
    consortium: ChainId(7002),
    settlement: Address::repeat_byte(2),
    consortium_start: Height(0),
    client: Address::repeat_byte(3),
    account: Address::repeat_byte(4),
};

fn key(name: &str) -> SecretKey {
    SecretKey::from_byte_array(keccak256(name).0).expect("a hash is a key")
}

fn alice() -> Address {
    address_of(&key("alice"))
}

fn bob() -> Address {
    address_of(&key("bob"))
}

fn kind(ours: &[&str]) -> Settlements {
    Settlements {
        sites: vec![SITE],
        signers: Signers::new(ours.iter().map(|name| key(name))),
        settle: 3,
        patience: 20,
    }
}

fn deal() -> SettlementEscrow::Deal {
    SettlementEscrow::Deal {
        initiator: alice(),
        counterparty: bob(),
        asset: Address::ZERO,
        amount: U256::from(1_000),
        deadline: 5_000,
        business: SITE.settlement,
        termsDigest: B256::repeat_byte(5),
        salt: U256::from(7),
    }
}

fn id() -> B256 {
    deal_id(SITE.public.0, SITE.escrow, &deal())
}

fn log(contract: Address, event: &impl alloy_sol_types::SolEvent) -> RawLog {
    let data = event.encode_log_data();
    RawLog {
        address: contract,
        topics: data.topics().to_vec(),
        data: data.data.clone(),
        height: Height(9),
        block: B256::ZERO,
        time: Timestamp(100),
        tx: TxId(B256::ZERO),
        index: 0,
    }
}

fn opened(id: B256) -> RawLog {
    let event = SettlementEscrow::DealOpened {
        number: 0,
        id,
        counterparty: bob(),
        deal: deal(),
    };
    log(SITE.escrow, &event)
}

fn roles(said: Said<Settlements>) -> Vec<&'static str> {
    let Said::Begins {
        fresh: Ok(states), ..
    } = said
    else {
        panic!("nothing begins");
    };
    states.iter().map(|state| state.role.name()).collect()
}

fn now() -> Now {
    let clock = Clock {
        proven: Timestamp(100),
        latest: Timestamp(100),
    };
    Now::new([(SITE.public, clock), (SITE.consortium, clock)])
}

#[test]
fn an_escrow_begins_a_part_for_each_party_we_are_and_a_carriers_otherwise() {
    let read = |ours: &[&str]| kind(ours).read(SITE.public, &opened(id())).expect("of use");

    assert_eq!(roles(read(&["bob"])), ["counterparty"]);
    assert_eq!(roles(read(&["alice"])), ["initiator"]);
    assert_eq!(
        roles(read(&["alice", "bob"])),
        ["initiator", "counterparty"]
    );
    assert_eq!(roles(read(&["carol"])), ["carrier"]);
}

#[test]
fn a_node_that_lies_about_a_deal_begins_nothing() {
    let lie = opened(B256::repeat_byte(9));

    let said = kind(&["bob"]).read(SITE.public, &lie);

    assert!(matches!(&said, Some(Said::Begins { fresh: Err(why), .. }) if why.contains("id")));
}

#[test]
fn logs_of_other_contracts_chains_and_forms_say_nothing() {
    let kind = kind(&["bob"]);
    let mut short = opened(id());
    short.data = Bytes::new();
    let mut stranger = opened(id());
    stranger.address = Address::repeat_byte(8);
    let mut silent = opened(id());
    silent.topics.clear();

    assert!(kind.read(SITE.consortium, &opened(id())).is_none());
    for odd in [short, stranger, silent] {
        assert!(kind.read(SITE.public, &odd).is_none());
    }
}

#[test]
fn a_word_is_taken_as_that_of_the_party_who_gave_it() {
    let state = taken_up(&["bob"]);
    let outcome = Settlement::Outcome {
        digest: B256::repeat_byte(6),
        toCounterparty: U256::from(600),
    };
    let said = |party| Settlement::OutcomeConfirmed {
        number: 0,
        id: id(),
        party,
        outcome: outcome.clone(),
        signature: Bytes::from_static(&[1; 65]),
    };
    let event =
        |party| match kind(&["bob"]).read(SITE.consortium, &log(SITE.settlement, &said(party))) {
            Some(Said::Tells { subject, event }) if subject == id() => event,
            _ => panic!("not told"),
        };

    let (state, _) = Settlements::step(&state, &event(alice()), &now()).expect("news");
    let (state, _) = Settlements::step(&state, &event(bob()), &now()).expect("news");
    let foreign = Settlements::step(&state, &event(SITE.account), &now());

    assert!(state.initiator.is_some() && state.counterparty.is_some());
    assert_eq!(foreign.expect_err("no party").why, Why::Foreign);
}

#[test]
fn each_party_is_asked_for_itself() {
    let state = taken_up(&["bob"]);
    let outcome = Outcome {
        digest: B256::repeat_byte(6),
        to_counterparty: U256::from(600),
    };
    let wish = |by| Settlements::step(&state, &Heard::Wish { by, outcome }, &now());

    assert_eq!(wish(alice()).expect_err("not ours").why, Why::WrongRole);
    let (_, effects) = wish(bob()).expect("ours");
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Confirm {
                party: Party::Counterparty,
                ..
            }]
        ),
        "{effects:?}"
    );
}

#[test]
fn the_end_of_an_escrow_is_told_in_the_words_of_its_contract() {
    let (kind, event) = (
        kind(&["carol"]),
        SettlementEscrow::DealRefunded {
            number: 3,
            id: id(),
            amount: U256::from(1_000),
            by: SITE.account,
        },
    );
    let Some(Said::Follows { event, .. }) = kind.read(SITE.public, &log(SITE.escrow, &event))
    else {
        panic!("not read");
    };

    let (state, _) = Settlements::step(&taken_up(&["carol"]), &event, &now()).expect("news");

    let about = Settlements::about(&state);
    assert_eq!(
        (about.outcome, about.stage.as_str()),
        (Some("refunded"), "ended")
    );
    assert_eq!(about.id, name(id()));
}

/// Parts that begin with an escrow that was opened so late.
fn roles_when_opened_at(ours: &[&str], time: u64) -> Vec<Role> {
    let log = RawLog {
        time: Timestamp(time),
        ..opened(id())
    };
    match kind(ours).read(SITE.public, &log) {
        Some(Said::Begins {
            fresh: Ok(states), ..
        }) => states.iter().map(|state| state.role).collect(),
        _ => panic!("nothing begins"),
    }
}

#[test]
fn s2_a_deal_that_leaves_no_time_for_a_word_does_not_begin_for_the_counterparty() {
    let (initiator, counterparty) = (
        Role::Party(Party::Initiator),
        Role::Party(Party::Counterparty),
    );

    // The deadline is 5000; a word needs 3 seconds to be final, and one to be before it.
    assert_eq!(roles_when_opened_at(&["bob"], 4_996), [counterparty]);
    assert_eq!(roles_when_opened_at(&["bob"], 4_997), [Role::Carrier]);
    assert_eq!(roles_when_opened_at(&["alice", "bob"], 4_997), [initiator]);
    assert_eq!(
        roles_when_opened_at(&["alice", "bob"], 100),
        [initiator, counterparty]
    );
}

fn taken_up(ours: &[&str]) -> State {
    match kind(ours).read(SITE.public, &opened(id())) {
        Some(Said::Begins {
            fresh: Ok(mut states),
            ..
        }) => states.remove(0),
        _ => panic!("nothing begins"),
    }
}
