use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{
    Asset, Bump, ChainId, Hashlock, Height, Lock, LockId, Preimage, PreparedTx, Terms, Timestamp,
    TxId, Wanted,
};
use causeway_core::swap::{self, Clock, Event, Leg, Now, Plan, Role, Seen, State};

use super::*;

const A: ChainId = ChainId(1);
const B: ChainId = ChainId(2);
const KEY: [u8; 32] = [3; 32];

fn secret() -> Preimage {
    Preimage::new([9; 32])
}

fn lock(hashlock: Hashlock) -> Lock {
    let terms = Terms {
        public_claim_at: Timestamp(100),
        refund_at: Timestamp(200),
        public_refund_at: Timestamp(300),
        parts: 1,
        hook_flags: 0,
        salt: 1 << 111,
    };
    Lock {
        hashlock,
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        asset: Asset::Native,
        amount: U256::from(5),
        deposit: U256::ZERO,
        terms,
        hooks: Address::ZERO,
    }
}

fn wanted() -> Wanted {
    let recipient = Address::repeat_byte(1);
    Wanted {
        chain: B,
        asset: Asset::Native,
        amount: U256::from(4),
        recipient,
    }
}

fn seen() -> Seen {
    Seen {
        chain: A,
        id: LockId(B256::repeat_byte(8)),
        lock: lock(secret().hashlock()),
    }
}

fn creation() -> Creation {
    let give = Leg {
        chain: A,
        lock: seen().lock,
    };
    let plan = Plan {
        give,
        spender: Address::ZERO,
        margin: 1,
        settle: 1,
        lock_by: Timestamp(50),
    };
    let (state, effects) = swap::initiate(plan, wanted());
    Creation {
        state,
        effects,
        secret: Some(secret()),
    }
}

fn key() -> RecordKey {
    RecordKey {
        id: secret().hashlock().into(),
        role: Role::Initiator,
    }
}

fn begin() -> Change {
    Change {
        create: vec![creation()],
        ..Change::default()
    }
}

fn now() -> Now {
    let clock = Clock {
        proven: Timestamp(10),
        latest: Timestamp(10),
    };
    Now::new([(A, clock), (B, clock)])
}

/// The chain shows our lock.
fn locked(from: u64) -> Change {
    let event = Event::Locked(seen());
    let (state, effects) = swap::step(&creation().state, &event, &now()).expect("accepted");
    let place = EventKey {
        chain: A,
        height: Height(7),
        index: 0,
    };
    Change {
        fact: Some(Fact {
            key: place,
            block: B256::repeat_byte(6),
            event: event.clone(),
            wanted: Some(wanted()),
        }),
        steps: vec![StepWrite {
            key: key(),
            from,
            event,
            state,
            effects,
        }],
        cursor: Some((A, CursorPath::Live, Height(8))),
        ..Change::default()
    }
}

fn tx(byte: u8, nonce: u64) -> PreparedTx {
    let raw = Bytes::from(vec![byte; 300]);
    PreparedTx {
        id: TxId(B256::repeat_byte(byte)),
        account: seen().lock.sender,
        nonce,
        raw,
    }
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("temporary directory"))
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("causeway.db")
    }

    async fn open(&self) -> Store {
        Store::open(&self.file(), StoreKey::new(KEY))
            .await
            .expect("opens")
    }
}

async fn commit(store: &Store, change: &Change) -> Result<Committed, StoreError> {
    store
        .commit(PersistPoint::EventApplied, change, 1_000)
        .await
}

#[tokio::test]
async fn a_transition_is_there_whole_after_reopening() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");
    commit(&store, &locked(0)).await.expect("written");
    store.close().await;

    let store = dir.open().await;

    let record = store.record(key()).await.expect("there");
    assert_eq!(record.revision, 1);
    assert_eq!(record.state.stage(), swap::Stage::Waiting);
    assert_eq!(store.history(key()).await.expect("read").len(), 2);
    assert_eq!(
        store.cursor(A, CursorPath::Live).await.expect("read"),
        Some(Height(8))
    );
    let known = store.locks_of(secret().hashlock()).await.expect("read");
    assert_eq!(
        known.iter().map(|k| (k.seen, k.wanted)).collect::<Vec<_>>(),
        [(seen(), Some(wanted()))]
    );
    assert_eq!(store.secret(key().id).await.expect("ours"), secret());
}

#[tokio::test]
async fn an_event_is_taken_in_once() {
    let (dir, again) = (Dir::new(), locked(1));
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");
    commit(&store, &locked(0)).await.expect("written");

    assert_eq!(
        commit(&store, &again).await.expect("harmless"),
        Committed::SeenBefore
    );
    assert_eq!(store.record(key()).await.expect("there").revision, 1);
}

#[tokio::test]
async fn a_final_block_that_changes_halts_for_good() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");
    commit(&store, &locked(0)).await.expect("written");
    let mut forked = locked(1);
    forked.fact.as_mut().expect("a fact").block = B256::ZERO;

    let refused = commit(&store, &forked).await;
    store.close().await;

    assert!(
        matches!(refused, Err(StoreError::ChainChanged { .. })),
        "{refused:?}"
    );
    let reopened = dir.open().await.check_not_halted().await;
    assert!(
        matches!(reopened, Err(StoreError::Halted(_))),
        "{reopened:?}"
    );
}

#[tokio::test]
async fn a_step_from_an_old_revision_writes_nothing_at_all() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");

    let refused = commit(&store, &locked(4)).await;

    assert!(
        matches!(refused, Err(StoreError::Conflict { expected: 4, .. })),
        "{refused:?}"
    );
    assert_eq!(store.cursor(A, CursorPath::Live).await.expect("read"), None);
    assert_eq!(
        commit(&store, &locked(0))
            .await
            .expect("event was not taken in"),
        Committed::Written
    );
}

#[tokio::test]
async fn a_transfer_of_the_same_name_is_refused() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");

    assert!(matches!(
        commit(&store, &begin()).await,
        Err(StoreError::Exists { .. })
    ));
}

#[tokio::test]
async fn another_key_is_refused_at_once() {
    let dir = Dir::new();
    dir.open().await.close().await;

    let refused = Store::open(&dir.file(), StoreKey::new([4; 32])).await;

    assert!(
        matches!(refused, Err(StoreError::ConfigWrongKey)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_as_damaged() {
    let dir = Dir::new();
    std::fs::write(dir.file(), vec![0x55; 9_000]).expect("written");

    let refused = Store::open(&dir.file(), StoreKey::new(KEY)).await;

    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_damaged_page_is_found_when_the_database_is_opened() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");
    store.close().await;
    let mut bytes = std::fs::read(dir.file()).expect("read");
    let middle = bytes.len() / 2;
    for byte in &mut bytes[4096..middle] {
        *byte ^= 0xa5;
    }
    std::fs::write(dir.file(), bytes).expect("written");

    let refused = Store::open(&dir.file(), StoreKey::new(KEY)).await;

    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_full_disk_is_named_and_loses_nothing() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&store.pool)
        .await
        .expect("read");
    // Every connection of the pool gets the limit that a full disk would set.
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = store.pool.acquire().await.expect("free");
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::query(limit)
            .execute(&mut *connection)
            .await
            .expect("set");
        held.push(connection);
    }
    drop(held);

    let mut refused = Ok(());
    for n in 0..200 {
        refused = store.add_tx(OrderId(1), &tx(n, n.into()), Bump(0)).await;
        if refused.is_err() {
            break;
        }
    }

    assert!(
        matches!(refused, Err(StoreError::DiskFull { .. })),
        "{refused:?}"
    );
    assert_eq!(store.record(key()).await.expect("still there").revision, 0);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let dir = Dir::new();
    let store = dir.open().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (99, 'later', 1, x'00', 0)",
    )
    .execute(&store.pool)
    .await
    .expect("written");
    store.close().await;

    let refused = Store::open(&dir.file(), StoreKey::new(KEY)).await;

    assert!(
        matches!(refused, Err(StoreError::ConfigNewerSchema)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn secrets_and_transactions_are_not_readable_in_the_file() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");
    store
        .add_tx(OrderId(1), &tx(0x77, 0), Bump(0))
        .await
        .expect("written");
    store.close().await;

    let bytes = std::fs::read(dir.file()).expect("read");

    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(secret().expose()), "the preimage is in the file");
    assert!(!holds(&[0x77; 64]), "the transaction is in the file");
}

#[tokio::test]
async fn a_sealed_secret_does_not_open_for_another_transfer() {
    let seal = seal::Seal::new(StoreKey::new(KEY));

    let sealed = seal.seal(b"one", b"secret").expect("seals");

    assert_eq!(
        seal.open(b"one", &sealed).expect("opens").as_slice(),
        b"secret"
    );
    assert!(seal.open(b"two", &sealed).is_err());
    assert!(seal.open(b"one", &sealed[..10]).is_err());
}

#[tokio::test]
async fn an_order_keeps_its_transactions_until_its_nonce_is_given_back() {
    let dir = Dir::new();
    let store = dir.open().await;
    commit(&store, &begin()).await.expect("written");
    let account = seen().lock.sender;
    let live = async || store.live_orders(A, account, 9).await.expect("read");
    let id = live().await[0].id;

    store.add_tx(id, &tx(1, 4), Bump(0)).await.expect("written");
    store
        .mark_sending(id, tx(1, 4).id, 50)
        .await
        .expect("written");
    store.add_tx(id, &tx(2, 4), Bump(1)).await.expect("written");
    let sent = live().await;
    store.void_txs(id).await.expect("written");
    let given_back = live().await;

    assert_eq!(sent[0].status, OrderStatus::Sent);
    assert_eq!(
        sent[0].txs.iter().map(|t| t.tx.clone()).collect::<Vec<_>>(),
        [tx(1, 4), tx(2, 4)]
    );
    assert_eq!(sent[0].txs[0].sent_at, Some(50));
    assert_eq!(given_back[0].status, OrderStatus::Waiting);
    assert!(given_back[0].txs.is_empty() && given_back[0].exposed);
}

#[tokio::test]
async fn the_live_cursor_never_goes_back() {
    let dir = Dir::new();
    let store = dir.open().await;
    for height in [5, 9, 3] {
        let cursor = Some((A, CursorPath::Live, Height(height)));
        commit(
            &store,
            &Change {
                cursor,
                ..Change::default()
            },
        )
        .await
        .expect("written");
    }

    assert_eq!(
        store.cursor(A, CursorPath::Live).await.expect("read"),
        Some(Height(9))
    );
}

#[tokio::test]
async fn a_kill_before_a_commit_leaves_nothing_and_after_it_everything() {
    for edge in [Edge::Before, Edge::After] {
        let dir = Dir::new();
        let store = dir.open().await;
        commit(&store, &begin()).await.expect("written");
        let at = FaultPoint {
            point: PersistPoint::EventApplied,
            edge,
            nth: 1,
        };
        let store = store.with_faults(Faults::at(at, OnFault::Fail));

        let killed = commit(&store, &locked(0)).await;
        let dead = store.measured(A, Kind::Block, 1).await;
        store.close().await;

        assert!(matches!(killed, Err(StoreError::Injected(_))));
        assert!(
            matches!(dead, Err(StoreError::Injected(_))),
            "a dead process writes nothing"
        );
        let revision = dir
            .open()
            .await
            .record(key())
            .await
            .expect("there")
            .revision;
        assert_eq!(revision, if edge == Edge::Before { 0 } else { 1 });
    }
}

#[tokio::test]
async fn an_oversized_value_is_refused() {
    let dir = Dir::new();
    let store = dir.open().await;
    let mut creation = creation();
    let reason = swap::Reason::NotLocked(swap::Failure::Refused("x".repeat(300_000)));
    if let State::Party(party) = &mut creation.state {
        party.ended = Some(swap::Outcome::Abandoned(reason));
    }

    let refused = commit(
        &store,
        &Change {
            create: vec![creation],
            ..Change::default()
        },
    )
    .await;

    assert!(
        matches!(refused, Err(StoreError::PeerOversized { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn measurements_are_a_bounded_window() {
    let dir = Dir::new();
    let store = dir.open().await;
    let mut tx = store.pool.begin().await.expect("begins");
    for ms in 0..4_000_i64 {
        sqlx::query("INSERT INTO measurements (chain, kind, ms) VALUES (1, 'block', ?)")
            .bind(ms)
            .execute(&mut *tx)
            .await
            .expect("written");
    }
    tx.commit().await.expect("commits");
    for _ in 0..64 {
        store.measured(A, Kind::Block, 7).await.expect("written");
    }

    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM measurements")
        .fetch_one(&store.pool)
        .await
        .expect("read");
    let newest = store.measurements(A, Kind::Block).await.expect("read");

    assert!(left <= i64::from(WINDOW) + 64, "{left}");
    assert_eq!((newest.len(), newest[0]), (WINDOW as usize, 7));
}

#[test]
fn every_persist_point_has_a_name_that_reads_back() {
    for point in PersistPoint::ALL {
        for edge in [Edge::Before, Edge::After] {
            let at = FaultPoint {
                point: *point,
                edge,
                nth: 2,
            };

            assert_eq!(at.to_string().parse(), Ok(at));
        }
    }
    assert!("tx_prepared".parse::<FaultPoint>().is_err());
    assert!("tx_prepared.after:0".parse::<FaultPoint>().is_err());
}
