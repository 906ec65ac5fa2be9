use alloy_primitives::B256;
use causeway_core::supply::Cut;

use super::*;
use crate::{store::StoreKey, supply::Finding};

const HOME: ChainId = ChainId(1);
const SIDE: ChainId = ChainId(2);
const PEG: &str = "gold";

fn id(byte: u8) -> LockId {
    LockId(B256::repeat_byte(byte))
}

async fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(&dir.path().join("x.sqlite"), StoreKey::new([3; 32])).await;
    (dir, store.expect("a database"))
}

async fn read(store: &Store, chain: ChainId, next: u64, facts: &[SupplyFact]) {
    let read = SupplyRead {
        peg: PEG,
        chain,
        facts: facts.to_vec(),
        next: Height(next),
    };
    store.read_supply(&read).await.expect("read");
}

fn locked(byte: u8) -> SupplyFact {
    let amount = U256::from(10);
    SupplyFact::Locked {
        id: id(byte),
        amount,
    }
}

fn paid(byte: u8) -> SupplyFact {
    SupplyFact::Paid {
        origin: HOME,
        id: id(byte),
        amount: U256::from(10),
    }
}

fn statement(finding: Finding) -> Statement {
    Statement {
        cut: Cut {
            home: Height(4),
            side: Height(5),
            side_knows: Height(3),
            home_knows: Height(2),
        },
        books: None,
        finding,
        highest: U256::from(7),
        home_paused: false,
        side_paused: true,
    }
}

fn transfer(origin: Option<Fate>, claimed: bool) -> Transfer {
    let amount = U256::from(10);
    Transfer {
        amount,
        origin,
        claimed,
    }
}

#[tokio::test]
async fn what_was_read_before_changes_nothing() {
    let (_dir, store) = store().await;
    read(&store, HOME, 9, &[locked(1)]).await;

    read(&store, HOME, 9, &[locked(2)]).await;
    read(&store, HOME, 8, &[SupplyFact::Refunded { id: id(1) }]).await;

    let rows = store.supply_rows(PEG, HOME).await.expect("rows");
    assert_eq!(rows, [transfer(Some(Fate::Open), false)]);
    let cursor = store.supply_cursor(PEG, HOME).await.expect("a cursor");
    assert_eq!(cursor, Some(Height(9)));
    assert!(
        store
            .supply_rows("silver", HOME)
            .await
            .expect("rows")
            .is_empty()
    );
}

#[tokio::test]
async fn a_payment_that_is_read_before_its_lock_is_one_transfer_with_it() {
    let (_dir, store) = store().await;

    read(&store, SIDE, 9, &[paid(1)]).await;
    assert_eq!(
        store.supply_rows(PEG, HOME).await.expect("rows"),
        [transfer(None, true)]
    );
    read(
        &store,
        HOME,
        9,
        &[locked(1), SupplyFact::Collected { id: id(1) }],
    )
    .await;

    let rows = store.supply_rows(PEG, HOME).await.expect("rows");
    assert_eq!(rows, [transfer(Some(Fate::Claimed), true)]);
}

#[tokio::test]
async fn ended_transfers_are_forgotten_and_broken_ones_never() {
    let (_dir, store) = store().await;
    let home = [
        locked(1),
        SupplyFact::Collected { id: id(1) },
        locked(2),
        SupplyFact::Refunded { id: id(2) },
        locked(3),
        SupplyFact::Refunded { id: id(3) },
        // Not for the peg: no such lock is known.
        SupplyFact::Collected { id: id(4) },
    ];
    read(&store, HOME, 9, &home).await;
    read(&store, SIDE, 9, &[paid(1), paid(3)]).await;

    let holds = statement(Finding::Holds {
        surplus: U256::from(7),
    });
    for seq in 0..2 {
        let row = store.add_statement(PEG, &holds, 100).await.expect("stored");
        assert_eq!(row.seq, seq);
    }

    let rows = store.supply_rows(PEG, HOME).await.expect("rows");
    assert_eq!(rows, [transfer(Some(Fate::Refunded), true)]);
}

#[tokio::test]
async fn statements_come_newest_first_and_as_they_were_stored() {
    let (_dir, store) = store().await;
    let all = [
        Finding::Holds {
            surplus: U256::ZERO,
        },
        Finding::Short { missing: U256::MAX },
        Finding::SurplusFell {
            from: U256::from(7),
            to: U256::ZERO,
        },
        Finding::Broken {
            amount: U256::from(1),
            origin: Some(Fate::Refunded),
        },
        Finding::Absurd,
    ];
    for finding in all {
        let stored = store.add_statement(PEG, &statement(finding), 100).await;
        stored.expect("stored");
    }

    let newest = store.statements(PEG, None, 2).await.expect("statements");
    let older = store
        .statements(PEG, Some(3), 500)
        .await
        .expect("statements");

    let findings = |rows: &[StatementRow]| -> Vec<Finding> {
        rows.iter().map(|row| row.statement.finding).collect()
    };
    assert_eq!(findings(&newest), [all[4], all[3]]);
    assert_eq!(findings(&older), [all[2], all[1], all[0]]);
    assert_eq!(older[0].statement, statement(all[2]));
}

#[test]
fn the_stored_form_is_kept() {
    let stored = Stored::V1(statement(Finding::Short {
        missing: U256::from(5),
    }));

    let text = serde_json::to_string(&stored).expect("text");

    assert_eq!(text, GOLDEN);
}

const GOLDEN: &str = "{\"v1\":{\"cut\":{\"home\":4,\"side\":5,\"side_knows\":3,\"home_knows\":2},\"books\":null,\"finding\":{\"short\":{\"missing\":\"0x5\"}},\"highest\":\"0x7\",\"home_paused\":false,\"side_paused\":true}}";
