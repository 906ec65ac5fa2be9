//! The single writes of which taking in a batch of facts is made; all in the caller's transaction.

use std::collections::HashMap;

use alloy_primitives::{B256, Bytes};
use causeway_adapter_api::ChainId;
use causeway_core::{
    lane::{LaneId, Order, Way},
    message::{MessageId, State, Stored},
};
use sqlx::Row;

use super::{LaneRow, RelayFact, Tx, query::lane_row, take::Sides};
use crate::store::{StoreError, rows};

pub(super) struct NewItem<'a> {
    pub(super) id: MessageId,
    pub(super) kind: &'static str,
    pub(super) leaf: B256,
    pub(super) body: &'a Bytes,
    pub(super) about: Option<u64>,
    pub(super) state: Option<&'a State>,
}

pub(super) async fn lanes(tx: &mut Tx<'_>) -> Result<HashMap<(ChainId, u32), LaneRow>, StoreError> {
    let found = sqlx::query("SELECT * FROM relay_lanes")
        .fetch_all(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("reading lanes", e))?;
    found
        .iter()
        .map(|row| lane_row(row).map(|row| ((row.chain, row.lane), row)))
        .collect()
}

pub(super) async fn insert_lane(tx: &mut Tx<'_>, row: &LaneRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO relay_lanes (chain, lane, remote, remote_gateway, client, ordered) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(rows::chain(row.chain))
    .bind(row.lane)
    .bind(rows::chain(row.remote))
    .bind(rows::address_text(row.remote_gateway))
    .bind(rows::address_text(row.client))
    .bind(row.order == Order::Ordered)
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("writing a lane", e))?;
    Ok(())
}

pub(super) async fn insert_item(
    tx: &mut Tx<'_>,
    fact: &RelayFact,
    new: &NewItem<'_>,
    at_ms: u64,
) -> Result<(), StoreError> {
    let state = new
        .state
        .map(|state| rows::to_json("message", &Stored::from(state.clone())))
        .transpose()?;
    sqlx::query(
        "INSERT INTO relay_items \
         (source, lane, idx, kind, leaf, body, about, height, tx, state, stage, deadline, created_at, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(rows::chain(new.id.way.from))
    .bind(new.id.way.lane.0)
    .bind(rows::signed(new.id.index))
    .bind(new.kind)
    .bind(new.leaf.to_string())
    .bind(new.body.to_vec())
    .bind(new.about.map(rows::signed))
    .bind(rows::signed(fact.height.0))
    .bind(fact.tx.to_string())
    .bind(state)
    .bind(new.state.map_or("sent", |state| state.stage().name()))
    .bind(new.state.map(|state| rows::signed(state.sent.deadline.0)))
    .bind(rows::signed(at_ms))
    .bind(rows::signed(at_ms))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("writing an item", e))?;
    Ok(())
}

pub(super) async fn known(tx: &mut Tx<'_>, id: MessageId) -> Result<bool, StoreError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM relay_items WHERE source = ? AND lane = ? AND idx = ?")
            .bind(rows::chain(id.way.from))
            .bind(id.way.lane.0)
            .bind(rows::signed(id.index))
            .fetch_optional(&mut **tx)
            .await
            .map_err(|e| StoreError::from_sqlx("looking for an item", e))?;
    Ok(found.is_some())
}

/// Nothing is left to be done with the item at its destination.
pub(super) async fn finish(tx: &mut Tx<'_>, id: MessageId) -> Result<(), StoreError> {
    sqlx::query("UPDATE relay_items SET done = 1 WHERE source = ? AND lane = ? AND idx = ?")
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("finishing an item", e))?;
    Ok(())
}

/// The acknowledgement of a message of this side arrived.
pub(super) async fn finish_ack(
    tx: &mut Tx<'_>,
    sides: Sides,
    index: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE relay_items SET done = 1, stage = 'acknowledged', ended = 1 \
         WHERE source = ? AND lane = ? AND kind = 'ack' AND about = ?",
    )
    .bind(rows::chain(sides.there))
    .bind(sides.lane)
    .bind(rows::signed(index))
    .execute(&mut **tx)
    .await
    .map_err(|e| StoreError::from_sqlx("finishing an acknowledgement", e))?;
    Ok(())
}

pub(super) async fn set_hook(
    tx: &mut Tx<'_>,
    id: MessageId,
    hook: Option<&Vec<u8>>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE relay_items SET hook = ? WHERE source = ? AND lane = ? AND idx = ?")
        .bind(hook)
        .bind(rows::chain(id.way.from))
        .bind(id.way.lane.0)
        .bind(rows::signed(id.index))
        .execute(&mut **tx)
        .await
        .map_err(|e| StoreError::from_sqlx("keeping a hook", e))?;
    Ok(())
}

pub(super) async fn by_leaf(
    tx: &mut Tx<'_>,
    leaf: B256,
    lanes: &HashMap<(ChainId, u32), LaneRow>,
) -> Result<Option<MessageId>, StoreError> {
    let failed = |e| StoreError::from_sqlx("looking for a message", e);
    let found = sqlx::query("SELECT source, lane, idx FROM relay_items WHERE leaf = ?")
        .bind(leaf.to_string())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed)?;
    let Some(row) = found else {
        return Ok(None);
    };
    let from = ChainId(rows::unsigned(row.try_get("source").map_err(failed)?));
    let lane: u32 = row.try_get("lane").map_err(failed)?;
    let index = rows::unsigned(row.try_get("idx").map_err(failed)?);
    Ok(lanes.get(&(from, lane)).map(|known| MessageId {
        way: Way {
            lane: LaneId(lane),
            from,
            to: known.remote,
        },
        index,
    }))
}
