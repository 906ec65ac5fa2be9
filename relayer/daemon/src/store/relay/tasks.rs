//! What the relay decides by itself: steps of messages that no chain said, orders of its tasks, proofs it keeps.

use alloy_primitives::Address;
use causeway_adapter_api::{ChainId, TxId};
use causeway_core::message::{State, Stored};
use sqlx::Row;

use super::MessageRow;
use crate::store::{
    Edge, PersistPoint, Store, StoreError,
    orders::insert_call,
    rows::{self, OrderId, OrderStatus, RelayCall},
};

impl Store {
    /// Steps a message by something that no chain said.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is no longer at the revision that was read.
    pub async fn step_message(
        &self,
        row: &MessageRow,
        state: State,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        self.faults
            .visit(PersistPoint::RelayStepped, Edge::Before)?;
        let id = state.sent.id;
        let written = sqlx::query(
            "UPDATE relay_items SET state = ?, stage = ?, revision = revision + 1, updated_at = ? \
             WHERE source = ? AND lane = ? AND idx = ? AND revision = ?",
        )
        .bind(rows::to_json("message", &Stored::from(state.clone()))?)
        .bind(state.stage().name())
        .bind(rows::signed(at_ms))
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .bind(rows::signed(row.revision))
        .execute(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("writing the state of a message", e))?;
        if written.rows_affected() == 0 {
            return Err(StoreError::Conflict {
                key: id.to_string(),
                expected: row.revision,
            });
        }
        self.faults.visit(PersistPoint::RelayStepped, Edge::After)
    }

    /// Stores a call of the relay for an account; it is sent only afterwards. `None` when one of the same task is under
    /// way already.
    pub async fn add_call(
        &self,
        chain: ChainId,
        account: Address,
        call: &RelayCall,
    ) -> Result<Option<OrderId>, StoreError> {
        self.faults.visit(PersistPoint::RelayCalled, Edge::Before)?;
        let order = insert_call(&self.pool, chain, account, call).await?;
        self.faults.visit(PersistPoint::RelayCalled, Edge::After)?;
        Ok(order)
    }

    /// Tasks with a call under way.
    pub async fn live_tasks(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT task FROM outbox WHERE task IS NOT NULL AND status IN ('waiting', 'sent')",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading tasks under way", e))
    }

    /// How a call ended: its status, why it failed, its transactions.
    pub async fn call_status(
        &self,
        id: OrderId,
    ) -> Result<(OrderStatus, Option<String>, Vec<TxId>), StoreError> {
        let failed = |e| StoreError::from_sqlx("reading a call", e);
        let row = sqlx::query("SELECT status, detail FROM outbox WHERE id = ?")
            .bind(id.0)
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        let txs: Vec<String> = sqlx::query_scalar("SELECT hash FROM txs WHERE order_id = ?")
            .bind(id.0)
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        let txs: Result<Vec<TxId>, StoreError> = txs
            .iter()
            .map(|hash| rows::parse("transaction hash", hash).map(TxId))
            .collect();
        Ok((
            OrderStatus::from_name(row.try_get("status").map_err(failed)?)?,
            row.try_get("detail").map_err(failed)?,
            txs?,
        ))
    }

    /// How the newest call of a task ended, and why it failed.
    pub async fn task_end(&self, task: &str) -> Result<Option<(OrderId, OrderStatus)>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading a task", e);
        let row =
            sqlx::query("SELECT id, status FROM outbox WHERE task = ? ORDER BY id DESC LIMIT 1")
                .bind(task)
                .fetch_optional(&self.pool)
                .await
                .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let status = OrderStatus::from_name(row.try_get("status").map_err(failed)?)?;
        Ok(Some((OrderId(row.try_get("id").map_err(failed)?), status)))
    }
}
