//! What the supply statement read, and what it said.

use alloy_primitives::U256;
use causeway_adapter_api::{ChainId, Height, LockId};
use causeway_core::{supply::Row as Transfer, swap::Fate};
use serde::{Deserialize, Serialize};
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{Edge, PersistPoint, Store, StoreError, rows};
use crate::supply::Statement;

/// One thing that a chain said about a transfer of a peg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupplyFact {
    /// A lock of the chain that was read is for the peg.
    Locked {
        /// Its id.
        id: LockId,
        /// How much.
        amount: U256,
    },
    /// A lock of that chain was claimed.
    Collected {
        /// Its id.
        id: LockId,
    },
    /// A lock of that chain was refunded.
    Refunded {
        /// Its id.
        id: LockId,
    },
    /// The port of that chain paid for a lock of the other.
    Paid {
        /// The other chain.
        origin: ChainId,
        /// The lock there.
        id: LockId,
        /// How much.
        amount: U256,
    },
}

/// A batch of facts and how far the chain was read.
#[derive(Clone, Debug)]
pub struct SupplyRead<'a> {
    /// Which peg.
    pub peg: &'a str,
    /// The chain that was read.
    pub chain: ChainId,
    /// What it said, in its order.
    pub facts: Vec<SupplyFact>,
    /// The next height to read.
    pub next: Height,
}

/// A statement as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// Its number; each peg counts for itself.
    pub seq: u64,
    /// What it says.
    pub statement: Statement,
    /// Local seconds.
    pub at: u64,
}

/// Stored form: version and content.
#[derive(Serialize, Deserialize)]
enum Stored {
    #[serde(rename = "v1")]
    V1(Statement),
}

impl Store {
    /// Takes in a batch of facts and how far the chain was read, in one transaction. A batch below the cursor changes
    /// nothing.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn read_supply(&self, read: &SupplyRead<'_>) -> Result<(), StoreError> {
        let failed = |e| StoreError::from_sqlx("taking in facts of the supply statement", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let moved = sqlx::query(
            "INSERT INTO supply_cursors (peg, chain, next_height) VALUES (?1, ?2, ?3) \
             ON CONFLICT (peg, chain) DO UPDATE SET next_height = ?3 WHERE next_height < ?3",
        )
        .bind(read.peg)
        .bind(rows::chain(read.chain))
        .bind(rows::signed(read.next.0))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if moved.rows_affected() == 0 {
            return Ok(());
        }
        for fact in &read.facts {
            take(&mut tx, read, fact).await?;
        }
        self.faults.visit(PersistPoint::SupplyRead, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::SupplyRead, Edge::After)
    }

    /// The next height to read, `None` when the chain was never read for the peg.
    pub async fn supply_cursor(
        &self,
        peg: &str,
        chain: ChainId,
    ) -> Result<Option<Height>, StoreError> {
        let found: Option<i64> = sqlx::query_scalar(
            "SELECT next_height FROM supply_cursors WHERE peg = ? AND chain = ?",
        )
        .bind(peg)
        .bind(rows::chain(chain))
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading a cursor of the supply statement", e))?;
        Ok(found.map(|height| Height(rows::unsigned(height))))
    }

    /// Transfers of a peg from one of its chains that have not ended, as both chains show them up to the cursors.
    pub async fn supply_rows(
        &self,
        peg: &str,
        origin: ChainId,
    ) -> Result<Vec<Transfer>, StoreError> {
        let found = sqlx::query(
            "SELECT amount, fate, claimed FROM supply_transfers WHERE peg = ? AND origin = ?",
        )
        .bind(peg)
        .bind(rows::chain(origin))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading transfers of a peg", e))?;
        found.iter().map(transfer).collect()
    }

    /// Stores a statement as the newest, forgets transfers that have ended on both chains, and statements beyond what is
    /// kept: of those that hold and of those that fail as many each.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn add_statement(
        &self,
        peg: &str,
        statement: &Statement,
        at: u64,
    ) -> Result<StatementRow, StoreError> {
        let failed = |e| StoreError::from_sqlx("storing a supply statement", e);
        self.faults.alive()?;
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        let last: Option<i64> =
            sqlx::query_scalar("SELECT max(seq) FROM supply_statements WHERE peg = ?")
                .bind(peg)
                .fetch_one(&mut *tx)
                .await
                .map_err(failed)?;
        let seq = last.map_or(0, |last| rows::unsigned(last).saturating_add(1));
        let alarm = statement.finding.is_alarm();
        sqlx::query(
            "INSERT INTO supply_statements (peg, seq, alarm, statement, at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(peg)
        .bind(rows::signed(seq))
        .bind(alarm)
        .bind(rows::to_json("supply statement", &Stored::V1(*statement))?)
        .bind(rows::signed(at))
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        sqlx::query(
            "DELETE FROM supply_statements WHERE peg = ?1 AND alarm = ?2 AND seq <= \
             (SELECT seq FROM supply_statements WHERE peg = ?1 AND alarm = ?2 \
              ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
        )
        .bind(peg)
        .bind(alarm)
        .bind(KEPT)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        sqlx::query(
            "DELETE FROM supply_transfers WHERE peg = ? AND \
             ((fate = 'claimed' AND claimed = 1) OR (fate = 'refunded' AND claimed = 0))",
        )
        .bind(peg)
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        self.faults
            .visit(PersistPoint::SupplyStated, Edge::Before)?;
        tx.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::SupplyStated, Edge::After)?;
        Ok(StatementRow {
            seq,
            statement: *statement,
            at,
        })
    }

    /// Statements about a peg, newest first, at most `limit`, below the number `before`.
    pub async fn statements(
        &self,
        peg: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementRow>, StoreError> {
        let found = sqlx::query(
            "SELECT seq, statement, at FROM supply_statements WHERE peg = ?1 AND (?2 IS NULL OR seq < ?2) \
             ORDER BY seq DESC LIMIT ?3",
        )
        .bind(peg)
        .bind(before.map(rows::signed))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading supply statements", e))?;
        found.iter().map(statement).collect()
    }
}

/// A later fact of a lock never undoes an earlier one, and a payment may be read before its lock.
async fn take(
    tx: &mut Transaction<'_, Sqlite>,
    read: &SupplyRead<'_>,
    fact: &SupplyFact,
) -> Result<(), StoreError> {
    const NEW: &str = "INSERT INTO supply_transfers (peg, origin, lock_id, amount, fate, claimed) \
         VALUES (?1, ?2, ?3, ?4, 'open', 0) \
         ON CONFLICT (peg, origin, lock_id) DO UPDATE SET fate = coalesce(fate, 'open')";
    const PAID: &str = "INSERT INTO supply_transfers (peg, origin, lock_id, amount, fate, claimed) \
         VALUES (?1, ?2, ?3, ?4, NULL, 1) \
         ON CONFLICT (peg, origin, lock_id) DO UPDATE SET claimed = 1";
    // Locks that are not for the peg are not known here, and change nothing.
    const ENDED: &str = "UPDATE supply_transfers SET fate = ?4 \
         WHERE peg = ?1 AND origin = ?2 AND lock_id = ?3 AND fate = 'open'";
    let ended = |fate| rows::fate_name(fate).to_owned();
    let (sql, origin, id, last) = match fact {
        SupplyFact::Locked { id, amount } => (NEW, read.chain, id, amount.to_string()),
        SupplyFact::Collected { id } => (ENDED, read.chain, id, ended(Fate::Claimed)),
        SupplyFact::Refunded { id } => (ENDED, read.chain, id, ended(Fate::Refunded)),
        SupplyFact::Paid { origin, id, amount } => (PAID, *origin, id, amount.to_string()),
    };
    sqlx::query(sql)
        .bind(read.peg)
        .bind(rows::chain(origin))
        .bind(id.to_string())
        .bind(last)
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("taking in a fact of the supply statement", e))?;
    Ok(())
}

fn transfer(row: &SqliteRow) -> Result<Transfer, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a transfer of a peg", e);
    let amount: &str = row.try_get("amount").map_err(failed)?;
    let fate: Option<&str> = row.try_get("fate").map_err(failed)?;
    Ok(Transfer {
        amount: rows::parse("amount", amount)?,
        origin: fate.map(rows::fate).transpose()?,
        claimed: row.try_get("claimed").map_err(failed)?,
    })
}

pub(super) fn statement(row: &SqliteRow) -> Result<StatementRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading a supply statement", e);
    let text: &str = row.try_get("statement").map_err(failed)?;
    let Stored::V1(statement) = rows::from_json("supply statement", text)?;
    let number = |column: &str| {
        row.try_get::<i64, _>(column)
            .map(rows::unsigned)
            .map_err(failed)
    };
    Ok(StatementRow {
        seq: number("seq")?,
        statement,
        at: number("at")?,
    })
}

/// Statements of each kind that are kept for each peg.
const KEPT: u32 = 10_000;

#[cfg(test)]
mod tests;
