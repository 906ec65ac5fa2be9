//! Orders and their transactions: stored before they are sent.

use alloy_primitives::{Address, Bytes};
use causeway_adapter_api::{Bump, ChainId, PreparedTx, TxId};
use sqlx::{Row, SqliteExecutor, sqlite::SqliteRow};

use super::{
    Edge, PersistPoint, Store, StoreError,
    rows::{self, OrderId, OrderRow, OrderStatus, RelayCall, TxRow, Work},
};

impl Store {
    /// Orders of one account that are not over, oldest first, at most `limit`.
    pub async fn live_orders(
        &self,
        chain: ChainId,
        account: Address,
        limit: u32,
    ) -> Result<Vec<OrderRow>, StoreError> {
        let found = sqlx::query(
            "SELECT id, transfer, role, task, effect, status, exposed FROM outbox \
             WHERE chain = ? AND account = ? AND status IN ('waiting', 'sent') ORDER BY id LIMIT ?",
        )
        .bind(rows::chain(chain))
        .bind(rows::address_text(account))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading orders", e))?;
        let mut orders = Vec::with_capacity(found.len());
        for row in found {
            let mut order = order(&row)?;
            order.txs = self.txs(order.id, account).await?;
            orders.push(order);
        }
        Ok(orders)
    }

    /// Stores a signed transaction; it may be sent only afterwards.
    pub async fn add_tx(
        &self,
        order: OrderId,
        tx: &PreparedTx,
        bump: Bump,
    ) -> Result<(), StoreError> {
        let raw = self.seal.seal(tx.id.0.as_slice(), &tx.raw)?;
        let write = sqlx::query(
            "INSERT INTO txs (hash, order_id, nonce, bump, raw) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (hash) DO UPDATE SET void = 0",
        )
        .bind(tx.id.to_string())
        .bind(order.0)
        .bind(rows::signed(tx.nonce))
        .bind(bump.0)
        .bind(raw);
        self.faults.visit(PersistPoint::TxPrepared, Edge::Before)?;
        write
            .execute(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("storing a transaction", e))?;
        self.faults.visit(PersistPoint::TxPrepared, Edge::After)
    }

    /// Notes that a transaction is about to be sent: from here on others may have seen it.
    pub async fn mark_sending(
        &self,
        order: OrderId,
        tx: TxId,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        const DOING: &str = "marking a transaction as sent";
        let failed = |e| StoreError::from_sqlx(DOING, e);
        self.faults.alive()?;
        let mut db = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        sqlx::query("UPDATE txs SET sent_at = coalesce(sent_at, ?) WHERE hash = ?")
            .bind(rows::signed(at_ms))
            .bind(tx.to_string())
            .execute(&mut *db)
            .await
            .map_err(failed)?;
        sqlx::query("UPDATE outbox SET status = 'sent', exposed = 1 WHERE id = ? AND status IN ('waiting', 'sent')")
            .bind(order.0)
            .execute(&mut *db)
            .await
            .map_err(failed)?;
        self.faults.visit(PersistPoint::TxSending, Edge::Before)?;
        db.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::TxSending, Edge::After)
    }

    /// The moment after a broadcast, before anything is known of it.
    pub fn note_sent(&self) -> Result<(), StoreError> {
        self.faults.visit(PersistPoint::TxSent, Edge::Before)?;
        self.faults.visit(PersistPoint::TxSent, Edge::After)
    }

    /// Gives the nonce of an order back: none of its transactions can succeed any more.
    pub async fn void_txs(&self, order: OrderId) -> Result<(), StoreError> {
        const DOING: &str = "giving a nonce back";
        let failed = |e| StoreError::from_sqlx(DOING, e);
        self.faults.alive()?;
        let mut db = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(failed)?;
        sqlx::query("UPDATE txs SET void = 1 WHERE order_id = ?")
            .bind(order.0)
            .execute(&mut *db)
            .await
            .map_err(failed)?;
        sqlx::query("UPDATE outbox SET status = 'waiting' WHERE id = ? AND status = 'sent'")
            .bind(order.0)
            .execute(&mut *db)
            .await
            .map_err(failed)?;
        self.faults.visit(PersistPoint::TxVoided, Edge::Before)?;
        db.commit().await.map_err(failed)?;
        self.faults.visit(PersistPoint::TxVoided, Edge::After)
    }

    /// Notes that a call of the relay is over.
    pub async fn close_call(
        &self,
        order: OrderId,
        status: OrderStatus,
        detail: Option<&str>,
    ) -> Result<(), StoreError> {
        self.faults.visit(PersistPoint::OrderClosed, Edge::Before)?;
        sqlx::query("UPDATE outbox SET status = ?, detail = ? WHERE id = ?")
            .bind(status.name())
            .bind(detail)
            .bind(order.0)
            .execute(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("closing a call", e))?;
        self.faults.visit(PersistPoint::OrderClosed, Edge::After)
    }

    async fn txs(&self, order: OrderId, account: Address) -> Result<Vec<TxRow>, StoreError> {
        let found = sqlx::query(
            "SELECT hash, nonce, bump, raw, sent_at FROM txs WHERE order_id = ? AND void = 0 ORDER BY bump, rowid",
        )
        .bind(order.0)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading transactions", e))?;
        found.iter().map(|row| self.tx(row, account)).collect()
    }

    fn tx(&self, row: &SqliteRow, account: Address) -> Result<TxRow, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading a transaction", e);
        let id = TxId(rows::parse(
            "transaction hash",
            row.try_get("hash").map_err(failed)?,
        )?);
        let sealed: Vec<u8> = row.try_get("raw").map_err(failed)?;
        let raw = self.seal.open(id.0.as_slice(), &sealed)?;
        let nonce = rows::unsigned(row.try_get("nonce").map_err(failed)?);
        let sent_at: Option<i64> = row.try_get("sent_at").map_err(failed)?;
        Ok(TxRow {
            tx: PreparedTx {
                id,
                account,
                nonce,
                raw: Bytes::copy_from_slice(&raw),
            },
            bump: Bump(row.try_get("bump").map_err(failed)?),
            sent_at: sent_at.map(rows::unsigned),
        })
    }
}

/// Writes a call as an order; `None` when one of the same task is under way already.
pub(super) async fn insert_call(
    executor: impl SqliteExecutor<'_>,
    chain: ChainId,
    account: Address,
    call: &RelayCall,
) -> Result<Option<OrderId>, StoreError> {
    let written = sqlx::query(
        "INSERT INTO outbox (task, purpose, chain, account, effect, status, exposed) \
         VALUES (?, 'relay', ?, ?, ?, 'waiting', 0) ON CONFLICT DO NOTHING",
    )
    .bind(&call.task)
    .bind(rows::chain(chain))
    .bind(rows::address_text(account))
    .bind(rows::to_json("call", call)?)
    .execute(executor)
    .await
    .map_err(|e| StoreError::from_sqlx("storing a call", e))?;
    Ok((written.rows_affected() > 0).then(|| OrderId(written.last_insert_rowid())))
}

fn order(row: &SqliteRow) -> Result<OrderRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading an order", e);
    let text = |column: &str| row.try_get::<&str, _>(column).map_err(failed);
    let task: Option<&str> = row.try_get("task").map_err(failed)?;
    let work = if task.is_some() {
        Work::Call(rows::from_json("call", text("effect")?)?)
    } else {
        Work::Transfer {
            key: rows::key(text("transfer")?, text("role")?)?,
            effect: rows::from_json("effect", text("effect")?)?,
        }
    };
    Ok(OrderRow {
        id: OrderId(row.try_get("id").map_err(failed)?),
        work,
        status: OrderStatus::from_name(text("status")?)?,
        exposed: row.try_get("exposed").map_err(failed)?,
        txs: Vec::new(),
    })
}
