//! Devices and anchors, as both chains show them.

use alloy_primitives::{Address, B256};
use causeway_adapter_api::{ChainId, Height};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::{Row as _, Sqlite, Transaction, sqlite::SqliteRow};

use super::{Store, StoreError, rows};
use crate::oracle::{AnchorRecord, DeviceRecord, OracleFact};

/// A batch of facts and how far a contract was read.
#[derive(Clone, Debug)]
pub struct OracleRead {
    /// The chain that was read.
    pub chain: ChainId,
    /// The contract whose cursor it is.
    pub contract: Address,
    /// What it said, in its order.
    pub facts: Vec<OracleFact>,
    /// The next height to read.
    pub next: Height,
}

/// A device as both chains show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its id.
    pub id: B256,
    /// Its DID; none while only the mirror was heard.
    pub did: Option<String>,
    /// Its record on the public chain.
    pub registered: Option<DeviceRecord>,
    /// Its record on the consortium chain.
    pub mirrored: Option<DeviceRecord>,
}

impl DeviceRow {
    /// The newer of both records (D7).
    pub fn newest(&self) -> Option<&DeviceRecord> {
        let both = [&self.registered, &self.mirrored].into_iter().flatten();
        both.max_by_key(|record| record.version)
    }
}

/// Stored form: version and content.
#[derive(Serialize, Deserialize)]
enum Stored<T> {
    #[serde(rename = "v1")]
    V1(T),
}

impl Store {
    /// Takes in a batch of facts and how far a contract was read, in one transaction. A batch below the cursor changes
    /// nothing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn read_oracle(&self, read: &OracleRead) -> Result<(), StoreError> {
        let failed = |e| StoreError::from_sqlx("taking in what is said of devices", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let moved = sqlx::query(
            "INSERT INTO oracle_cursors (chain, contract, next_height) VALUES (?1, ?2, ?3) \
             ON CONFLICT (chain, contract) DO UPDATE SET next_height = ?3 WHERE next_height < ?3",
        )
        .bind(rows::chain(read.chain))
        .bind(rows::address_text(read.contract))
        .bind(rows::signed(read.next.0))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if moved.rows_affected() == 0 {
            return Ok(());
        }
        for fact in &read.facts {
            take(&mut tx, fact).await?;
        }
        tx.commit().await.map_err(failed)
    }

    /// The next height to read, `None` when the contract was never read.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn oracle_cursor(
        &self,
        chain: ChainId,
        contract: Address,
    ) -> Result<Option<Height>, StoreError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT next_height FROM oracle_cursors WHERE chain = ? AND contract = ?",
        )
        .bind(rows::chain(chain))
        .bind(rows::address_text(contract))
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a cursor of devices", e))?;
        Ok(found.map(|height| Height(rows::unsigned(height))))
    }

    /// Devices whose DID comes after `after`, in the order of their DIDs, at most `limit`.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn devices(&self, after: &str, limit: u32) -> Result<Vec<DeviceRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM oracle_devices WHERE did IS NOT NULL AND did > ? ORDER BY did LIMIT ?",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("listing devices", e))?;
        found.iter().map(device).collect()
    }

    /// The device of a DID.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn device_of(&self, did: &str) -> Result<Option<DeviceRow>, StoreError> {
        let found = sqlx::query("SELECT * FROM oracle_devices WHERE did = ?")
            .bind(did)
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading a device", e))?;
        found.as_ref().map(device).transpose()
    }

    /// The device of an id.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn device_by_id(&self, id: B256) -> Result<Option<DeviceRow>, StoreError> {
        let found = sqlx::query("SELECT * FROM oracle_devices WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading a device", e))?;
        found.as_ref().map(device).transpose()
    }

    /// The anchor of a stream's period.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn anchor_of(
        &self,
        stream: B256,
        period: u64,
    ) -> Result<Option<AnchorRecord>, StoreError> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT anchor FROM oracle_anchors WHERE stream = ? AND period = ?")
                .bind(stream.to_string())
                .bind(rows::signed(period))
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| StoreError::from_sqlx("reading an anchor", e))?;
        found
            .as_deref()
            .map(|text| stored("anchor", text))
            .transpose()
    }
}

async fn take(tx: &mut Transaction<'_, Sqlite>, fact: &OracleFact) -> Result<(), StoreError> {
    match fact {
        OracleFact::Named { id, did, record } => {
            let failed = |e| StoreError::from_sqlx("naming a device", e);
            sqlx::query(
                "INSERT INTO oracle_devices (id, did) VALUES (?1, ?2) \
                 ON CONFLICT (id) DO UPDATE SET did = ?2",
            )
            .bind(id.to_string())
            .bind(did)
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
            put(tx, "registered", *id, record).await
        }
        OracleFact::Registered { id, record } => put(tx, "registered", *id, record).await,
        OracleFact::Mirrored { id, record } => put(tx, "mirrored", *id, record).await,
        OracleFact::Moved { id, state, version } => {
            let found = sqlx::query("SELECT * FROM oracle_devices WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| StoreError::from_sqlx("reading a device", e))?;
            let row = found.as_ref().map(device).transpose()?;
            // A registry that is read from its middle on says nothing of whom it changes.
            let Some(record) = row.and_then(|row| row.registered) else {
                return Ok(());
            };
            let record = DeviceRecord {
                state: *state,
                version: *version,
                ..record
            };
            put(tx, "registered", *id, &record).await
        }
        OracleFact::Rewarded {
            number,
            device,
            readings,
            amount,
        } => sqlx::query(
            "INSERT INTO market_earned (number, device, readings, amount) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(rows::signed(*number))
        .bind(device.to_string())
        .bind(*readings)
        .bind(amount.to_string())
        .execute(&mut **tx)
        .await
        .map(drop)
        .map_err(|e| StoreError::from_sqlx("storing what a device earned", e)),
        OracleFact::Anchored(anchor) => {
            let text = rows::to_json("anchor", &Stored::V1(anchor))?;
            sqlx::query(
                "INSERT INTO oracle_anchors (number, stream, period, anchor) VALUES (?, ?, ?, ?) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(rows::signed(anchor.number))
            .bind(anchor.stream.to_string())
            .bind(rows::signed(anchor.period))
            .bind(text)
            .execute(&mut **tx)
            .await
            .map(drop)
            .map_err(|e| StoreError::from_sqlx("storing an anchor", e))
        }
    }
}

async fn put(
    tx: &mut Transaction<'_, Sqlite>,
    column: &'static str,
    id: B256,
    record: &DeviceRecord,
) -> Result<(), StoreError> {
    let text = rows::to_json("device", &Stored::V1(record))?;
    let query = match column {
        "registered" => {
            "INSERT INTO oracle_devices (id, registered) VALUES (?1, ?2) \
             ON CONFLICT (id) DO UPDATE SET registered = ?2"
        }
        _ => {
            "INSERT INTO oracle_devices (id, mirrored) VALUES (?1, ?2) \
             ON CONFLICT (id) DO UPDATE SET mirrored = ?2"
        }
    };
    sqlx::query(query)
        .bind(id.to_string())
        .bind(text)
        .execute(&mut **tx)
        .await
        .map(drop)
        .map_err(|e| StoreError::from_sqlx("storing a device", e))
}

fn device(row: &SqliteRow) -> Result<DeviceRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a device", e);
    let record = |column: &str| {
        let text: Option<&str> = row.try_get(column).map_err(failed)?;
        text.map(|text| stored("device", text)).transpose()
    };
    Ok(DeviceRow {
        id: rows::parse("device", row.try_get("id").map_err(failed)?)?,
        did: row.try_get("did").map_err(failed)?,
        registered: record("registered")?,
        mirrored: record("mirrored")?,
    })
}

fn stored<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    let Stored::V1(content) = rows::from_json(what, text)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oracle::DeviceState, store::StoreKey};

    const CHAIN: ChainId = ChainId(7);
    const REGISTRY: Address = Address::repeat_byte(9);

    fn record(version: u64) -> DeviceRecord {
        DeviceRecord {
            version,
            key_number: 1,
            state: DeviceState::Active,
            owner: Address::repeat_byte(1),
            consortium_owner: Address::repeat_byte(2),
            certificate: B256::repeat_byte(3),
            hardware: [B256::repeat_byte(4); 2],
            feed_key: None,
            speaker: None,
        }
    }

    fn read(facts: Vec<OracleFact>, next: u64) -> OracleRead {
        OracleRead {
            chain: CHAIN,
            contract: REGISTRY,
            facts,
            next: Height(next),
        }
    }

    async fn store(dir: &tempfile::TempDir) -> Store {
        let path = dir.path().join("store.sqlite");
        Store::open(&path, StoreKey::new([1; 32])).await.unwrap()
    }

    #[tokio::test]
    async fn what_was_read_of_devices_outlives_a_restart_and_is_taken_once() {
        let (dir, id) = (tempfile::tempdir().unwrap(), B256::repeat_byte(8));
        let named = OracleFact::Named {
            id,
            did: "did:odin:1".into(),
            record: record(1),
        };
        let moved = OracleFact::Moved {
            id,
            state: DeviceState::Revoked,
            version: 2,
        };
        let before = store(&dir).await;
        before
            .read_oracle(&read(vec![named.clone(), moved], 10))
            .await
            .unwrap();
        before.close().await;

        let after = store(&dir).await;
        // The same blocks again, as a crash before the next look makes it.
        after.read_oracle(&read(vec![named], 10)).await.unwrap();

        let row = after.device_of("did:odin:1").await.unwrap().unwrap();
        let newest = row.newest().unwrap();
        assert_eq!((newest.version, newest.state), (2, DeviceState::Revoked));
        let cursor = after.oracle_cursor(CHAIN, REGISTRY).await.unwrap();
        assert_eq!(cursor, Some(Height(10)));
        assert_eq!(after.devices("did:odin:1", 9).await.unwrap(), []);
    }

    #[tokio::test]
    async fn the_higher_version_of_both_chains_counts() {
        let (dir, id) = (tempfile::tempdir().unwrap(), B256::repeat_byte(8));
        let store = store(&dir).await;
        let mirrored = OracleFact::Mirrored {
            id,
            record: record(5),
        };
        store.read_oracle(&read(vec![mirrored], 3)).await.unwrap();
        assert_eq!(
            store.devices("", 9).await.unwrap(),
            [],
            "it has no name yet"
        );
        let named = OracleFact::Named {
            id,
            did: "did:odin:1".into(),
            record: record(1),
        };
        store.read_oracle(&read(vec![named], 4)).await.unwrap();

        let rows = store.devices("", 9).await.unwrap();

        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].newest().map(|record| record.version), Some(5));
    }

    #[tokio::test]
    async fn an_anchor_is_found_by_stream_and_period() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(&dir).await;
        let anchor = AnchorRecord {
            number: 4,
            stream: B256::repeat_byte(6),
            period: 2,
            from: 1,
            until: 2,
            count: 3,
            root: B256::repeat_byte(7),
            digest: B256::repeat_byte(8),
        };
        store
            .read_oracle(&read(vec![OracleFact::Anchored(anchor)], 5))
            .await
            .unwrap();

        assert_eq!(
            store.anchor_of(anchor.stream, 2).await.unwrap(),
            Some(anchor)
        );
        assert_eq!(store.anchor_of(anchor.stream, 1).await.unwrap(), None);
    }
}
