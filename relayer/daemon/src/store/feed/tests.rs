use alloy_primitives::{Bytes, keccak256};
use causeway_core::feed::{Millis, Round, Sample};

use super::*;
use crate::store::{FaultPoint, Faults, OnFault, OrderStatus, StoreKey};

const CHAIN: ChainId = ChainId(7);
const FEED: B256 = B256::repeat_byte(3);

async fn open(dir: &tempfile::TempDir) -> Store {
    let key = StoreKey::new([7; 32]);
    let store = Store::open(&dir.path().join("store.sqlite"), key).await;
    store.expect("a store")
}

fn answered(number: u64, round: u32, value: i128) -> FeedFact {
    FeedFact {
        number,
        said: Said::Answered {
            round,
            value,
            observed_at: 1_800_000_000 + number,
            observers: 7,
            signers: 11,
            by: Address::repeat_byte(9),
        },
        height: Height(100 + number),
        tx: TxId(keccak256(number.to_be_bytes())),
        time: Timestamp(1_800_000_001 + number),
    }
}

fn standing(facts: &[FeedFact]) -> Standing {
    let mut standing = Standing::default();
    for fact in facts {
        standing.take(fact);
    }
    standing
}

fn read<'a>(facts: &'a [FeedFact], standing: &'a Standing, next: u64) -> FeedRead<'a> {
    FeedRead {
        feed: FEED,
        chain: CHAIN,
        facts,
        standing,
        next: Height(next),
    }
}

fn row() -> OperatorRow {
    let sample = Sample {
        value: -425,
        at: Millis(1_800_000_000_123),
    };
    let state = State {
        round: Round(7),
        since: None,
        observed: Some(Millis(5)),
        attempts: 2,
        sample: Some(sample),
        seen: Vec::new(),
        heard: std::collections::BTreeMap::new(),
        proposal: None,
        signatures: std::collections::BTreeMap::new(),
        signed: None,
        complete: None,
    };
    let observation = causeway_core::feed::Observation {
        round: Round(7),
        sample,
    };
    OperatorRow {
        config: B256::repeat_byte(4),
        state,
        effects: vec![Effect::Observe(observation)],
        seen: 3,
    }
}

#[tokio::test]
async fn what_an_aggregator_said_is_kept_once_whatever_is_read_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(&dir).await;
    let facts = [answered(1, 1, 400), answered(2, 2, -410)];
    let first = standing(&facts[..1]);
    let both = standing(&facts);

    store
        .read_feed(&read(&facts[..1], &first, 102))
        .await
        .expect("stored");
    store
        .read_feed(&read(&facts, &both, 103))
        .await
        .expect("stored");
    // A reader that fell behind changes nothing.
    store
        .read_feed(&read(&facts[..1], &first, 102))
        .await
        .expect("stored");

    let (next, kept) = store
        .feed_end(FEED, CHAIN)
        .await
        .expect("read")
        .expect("known");
    assert_eq!((next, &kept), (Height(103), &both));
    let rows = store.feed_facts(FEED, 0, 10).await.expect("read");
    let said: Vec<&FeedFact> = rows.iter().map(|row| &row.fact).collect();
    assert_eq!(said, facts.iter().collect::<Vec<_>>());
    let later = store.feed_facts(FEED, rows[0].id, 10).await.expect("read");
    assert_eq!(later, rows[1..]);
    let newest = store.feed_history(FEED, None, 1).await.expect("read");
    assert_eq!(newest, rows[1..]);
    let older = store.feed_history(FEED, Some(newest[0].id), 10).await;
    assert_eq!(older.expect("read"), rows[..1]);
}

#[tokio::test]
async fn an_operators_step_is_stored_with_its_orders_or_not_at_all() {
    let dir = tempfile::tempdir().expect("a directory");
    let (operator, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let call = RelayCall {
        task: "feed-report:7:x:7:y".into(),
        to: Address::repeat_byte(5),
        data: Bytes::from_static(&[1, 2]),
        moot: Some([1, 2, 3, 4].into()),
        ..RelayCall::default()
    };
    let (row, calls) = (row(), [(CHAIN, call.clone())]);
    let write = OperatorWrite {
        operator,
        feed: FEED,
        row: &row,
        calls: &calls,
        at_ms: 9,
    };
    let at = FaultPoint {
        point: PersistPoint::FeedStepped,
        edge: Edge::Before,
        nth: 1,
    };
    let dying = open(&dir).await.with_faults(Faults::at(at, OnFault::Fail));

    let cut = dying.write_operator(&write).await;

    assert!(matches!(cut, Err(StoreError::Injected(_))), "{cut:?}");
    drop(dying);
    let store = open(&dir).await;
    assert_eq!(
        store.feed_operator(operator, FEED).await.expect("read"),
        None
    );
    assert!(
        store
            .live_orders(CHAIN, operator, 9)
            .await
            .expect("read")
            .is_empty()
    );
    let ordered = store.write_operator(&write).await.expect("stored");
    assert_eq!(ordered.len(), 1);
    // The same report is not ordered twice while it is under way.
    assert!(
        store
            .write_operator(&write)
            .await
            .expect("stored")
            .is_empty()
    );
    let kept = store.feed_operator(operator, FEED).await.expect("read");
    assert_eq!(kept, Some(row.clone()));
    let orders = store.live_orders(CHAIN, operator, 9).await.expect("read");
    assert_eq!(orders[0].status, OrderStatus::Waiting);
    assert_eq!(orders[0].work.moot(), call.moot);
    // Another operator's part is its own.
    assert_eq!(store.feed_operator(other, FEED).await.expect("read"), None);
}
