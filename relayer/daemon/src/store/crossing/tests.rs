use super::*;
use crate::store::{FaultPoint, Faults, Listed, OnFault, OrderStatus, StoreKey};

const A: ChainId = ChainId(1);
const ALICE: Address = Address::repeat_byte(0xa1);
const TOKEN: Address = Address::repeat_byte(0x70);
const SPENDER: Address = Address::repeat_byte(0x5e);

fn secret() -> Preimage {
    Preimage::new([9; 32])
}

fn id() -> TransferId {
    secret().hashlock().into()
}

fn key() -> CrossingKey {
    CrossingKey {
        kind: "peg".into(),
        subject: B256::repeat_byte(1),
        role: "user".into(),
    }
}

fn write(from: Option<u64>, outcome: Option<&str>) -> CrossingWrite {
    let waits = Waits {
        account: Account {
            chain: A,
            address: ALICE,
        },
        token: TOKEN,
        spender: SPENDER,
        amount: U256::from(5),
    };
    CrossingWrite {
        key: key(),
        id: id(),
        from,
        state: "{}".into(),
        stage: "approving".into(),
        outcome: outcome.map(str::to_owned),
        waits: from.is_none().then_some(waits),
        name: if from.is_none() { "begun" } else { "tick" },
        event: None,
        effects: vec![("approve", "{}".into())],
        alarm: None,
        secret: from.is_none().then(secret),
    }
}

fn fact(block: u8) -> CrossingFact {
    CrossingFact {
        kind: "peg",
        chain: A,
        height: Height(7),
        index: 0,
        block: B256::repeat_byte(block),
        tx: TxId(B256::repeat_byte(3)),
        subject: key().subject,
        event: "\"tick\"".into(),
        refusal: None,
    }
}

async fn open(dir: &tempfile::TempDir) -> Store {
    let path = dir.path().join("db");
    Store::open(&path, StoreKey::new([3; 32])).await.unwrap()
}

fn begun() -> CrossingChange {
    CrossingChange {
        writes: vec![write(None, None)],
        ..CrossingChange::default()
    }
}

#[tokio::test]
async fn a_transfer_is_written_with_its_history_its_effects_and_its_sealed_secret() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;

    let point = PersistPoint::CrossingCreated;
    store.commit_crossing(point, &begun(), 10).await.unwrap();

    let rows = store.crossings_of(id()).await.unwrap();
    assert_eq!((rows.len(), rows[0].revision), (1, 0));
    let history = store.crossing_history(&key()).await.unwrap();
    assert_eq!(history[0].does, ["approve"]);
    assert_eq!(store.crossing_effects("peg").await.unwrap().len(), 1);
    assert!(store.crossing_effects("other").await.unwrap().is_empty());
    assert_eq!(store.secret(id()).await.unwrap(), secret());
    let listed = store.list_all(10, 0).await.unwrap();
    assert!(matches!(&listed[..], [Listed::Crossing(row)] if row.id == id()));
    store.close().await;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(bytes.windows(32).all(|found| found != secret().expose()));
    }
}

#[tokio::test]
async fn what_a_chain_says_is_taken_in_once_and_a_block_that_changed_stops_everything() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let point = PersistPoint::CrossingRead;
    let change = |block| CrossingChange {
        fact: Some(fact(block)),
        ..CrossingChange::default()
    };

    let first = store.commit_crossing(point, &change(1), 10).await.unwrap();
    let again = store.commit_crossing(point, &change(1), 10).await.unwrap();
    let changed = store.commit_crossing(point, &change(2), 10).await;

    assert_eq!((first, again), (Committed::Written, Committed::SeenBefore));
    assert!(matches!(changed, Err(StoreError::ChainChanged { .. })));
    assert!(store.check_not_halted().await.is_err());
    let facts = store.crossing_facts("peg", key().subject).await.unwrap();
    assert_eq!(facts.len(), 1);
}

#[tokio::test]
async fn a_step_from_an_old_revision_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let point = PersistPoint::CrossingStepped;
    store.commit_crossing(point, &begun(), 10).await.unwrap();
    let step = |from| CrossingChange {
        writes: vec![write(Some(from), None)],
        ..CrossingChange::default()
    };

    store.commit_crossing(point, &step(0), 11).await.unwrap();
    let late = store.commit_crossing(point, &step(0), 12).await;
    let twice = store.commit_crossing(point, &begun(), 12).await;

    assert!(matches!(late, Err(StoreError::Conflict { .. })));
    assert!(matches!(twice, Err(StoreError::Exists { .. })));
    assert_eq!(store.crossing_history(&key()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_effect_becomes_one_order_and_an_ended_transfer_wants_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let point = PersistPoint::CrossingOrdered;
    store.commit_crossing(point, &begun(), 10).await.unwrap();
    let effect = store.crossing_effects("peg").await.unwrap()[0].id;
    let call = RelayCall {
        task: "t".into(),
        ..RelayCall::default()
    };
    let ordered = CrossingChange {
        effect: Some((
            effect,
            EffectChange::Ordered {
                chain: A,
                account: ALICE,
                call,
                proved_at: Some(Height(4)),
            },
        )),
        ..CrossingChange::default()
    };

    store.commit_crossing(point, &ordered, 10).await.unwrap();
    let again = store.commit_crossing(point, &ordered, 10).await.unwrap();
    let ended = CrossingChange {
        writes: vec![write(Some(0), Some("refunded"))],
        ..CrossingChange::default()
    };
    store.commit_crossing(point, &ended, 11).await.unwrap();

    assert_eq!(again, Committed::SeenBefore);
    let effects = store.crossing_effects("peg").await.unwrap();
    // The order goes on; what the last step asked for does not begin.
    assert_eq!(effects.len(), 1);
    let order = effects[0].order.as_ref().unwrap();
    assert_eq!(order.status, OrderStatus::Waiting);
    assert_eq!(store.live_orders(A, ALICE, 9).await.unwrap().len(), 1);
    let proofs = store.crossing_proofs(&key()).await.unwrap();
    assert_eq!(proofs[0].height, Height(4));
    assert!(store.open_crossings("peg").await.unwrap().is_empty());
}

#[tokio::test]
async fn an_approval_covers_what_waits_for_the_same_spender_until_it_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let point = PersistPoint::CrossingStepped;
    store.commit_crossing(point, &begun(), 10).await.unwrap();
    let waits = |spender| store.crossings_wait(A, ALICE, (TOKEN, spender));

    assert_eq!(waits(SPENDER).await.unwrap(), U256::from(5));
    assert_eq!(waits(TOKEN).await.unwrap(), U256::ZERO);
    let locked = CrossingChange {
        writes: vec![write(Some(0), None)],
        ..CrossingChange::default()
    };
    store.commit_crossing(point, &locked, 11).await.unwrap();
    assert_eq!(waits(SPENDER).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn of_what_is_said_to_all_that_hear_it_the_newest_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    let (port, another) = (B256::repeat_byte(0x90), B256::repeat_byte(0x91));
    for (subject, height, event) in [(port, 9, "new"), (port, 7, "old"), (another, 13, "other")] {
        let fact = CrossingFact {
            height: Height(height),
            subject,
            event: event.into(),
            ..fact(1)
        };
        let change = CrossingChange {
            fact: Some(fact),
            ..CrossingChange::default()
        };
        let point = PersistPoint::CrossingRead;
        store.commit_crossing(point, &change, 10).await.unwrap();
    }

    let newest = |subject| store.newest_crossing_fact("peg", subject);
    assert_eq!(newest(port).await.unwrap().as_deref(), Some("new"));
    assert_eq!(newest(another).await.unwrap().as_deref(), Some("other"));
    assert_eq!(newest(B256::ZERO).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_killed_before_its_commit_is_not_there_and_after_it_is() {
    for (edge, expected) in [(Edge::Before, 0), (Edge::After, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let at = FaultPoint {
            point: PersistPoint::CrossingCreated,
            edge,
            nth: 1,
        };
        let store = open(&dir).await.with_faults(Faults::at(at, OnFault::Fail));

        let point = PersistPoint::CrossingCreated;
        let died = store.commit_crossing(point, &begun(), 10).await;
        assert!(matches!(died, Err(StoreError::Injected(_))));
        store.close().await;

        let again = open(&dir).await;
        assert_eq!(again.crossings_of(id()).await.unwrap().len(), expected);
        let effects = again.crossing_effects("peg").await.unwrap();
        assert_eq!(effects.len(), expected);
    }
}
