//! Reads the contracts of a kind: live from the stored cursor, and again from the start as a second path of discovery.

use std::{sync::Arc, time::Duration};

use causeway_adapter_api::{ChainError, ChainId, Height, HeightRange, RawLog};
use causeway_core::swap::Now;
use tracing::{info, warn};

use super::{
    CONFLICTS, CrossingError, Ground, Kind, Place, Said,
    step::{parse, replay, stepped, to_json, weather, write},
};
use crate::store::{
    CrossingChange, CrossingCursor, CrossingFact, CrossingRow, CrossingWrite, CursorPath,
    PersistPoint, StoreError,
};

/// Takes in everything that the contracts of `place` say up to `end`, from `next` on. Returns the height after it.
pub(super) async fn sync<K: Kind>(
    ground: &Ground,
    kind: &K,
    place: &Place,
    path: CursorPath,
    (mut next, end): (Height, Height),
) -> Result<Height, CrossingError> {
    let mut width = ground.config.max_range.max(1);
    let chain = ground.chain(place.chain)?;
    while next <= end {
        let to = Height(next.0.saturating_add(width - 1).min(end.0));
        let range = HeightRange { from: next, to };
        let logs = match chain.logs(&place.contracts, range).await {
            Ok(logs) => logs,
            Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                width = max.clamp(1, width - 1);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let now = ground.now();
        let mut heard = false;
        for log in &logs {
            heard |= absorb(ground, kind, place.chain, log, &now).await?;
        }
        // A few quiet blocks are not worth a write: reading them again is harmless.
        let lag = to.0.saturating_sub(next.0);
        if heard || path == CursorPath::Rescan || lag >= QUIET {
            move_cursor::<K>(ground, place.chain, path, to.next()).await?;
        }
        next = to.next();
        if path == CursorPath::Rescan {
            tokio::time::sleep(ground.config.rescan_pause).await;
        }
    }
    Ok(next)
}

/// Where reading goes on.
pub(super) async fn cursor<K: Kind>(
    ground: &Ground,
    place: &Place,
    path: CursorPath,
) -> Result<Height, CrossingError> {
    let stored = ground.store.crossing_cursor(K::NAME, place.chain, path);
    Ok(stored.await?.unwrap_or(place.start))
}

/// Moves the stored cursor, which is never ahead of what was taken in.
pub(super) async fn move_cursor<K: Kind>(
    ground: &Ground,
    chain: ChainId,
    path: CursorPath,
    next: Height,
) -> Result<(), CrossingError> {
    let cursor = CrossingCursor {
        kind: K::NAME,
        chain,
        path,
        next,
    };
    let change = CrossingChange {
        cursor: Some(cursor),
        ..CrossingChange::default()
    };
    let at = ground.config.wall.seconds();
    ground
        .store
        .commit_crossing(PersistPoint::CrossingCursor, &change, at)
        .await?;
    Ok(())
}

/// Takes in one log; what was taken in before changes nothing. Returns whether it was of use.
async fn absorb<K: Kind>(
    ground: &Ground,
    kind: &K,
    chain: ChainId,
    log: &RawLog,
    now: &Now,
) -> Result<bool, CrossingError> {
    let Some(said) = kind.read(chain, log) else {
        return Ok(false);
    };
    let mut tries = 0;
    loop {
        let Some((fact, writes)) = compose(ground, kind, (chain, log), &said, now).await? else {
            return Ok(false);
        };
        let point = if writes.iter().any(|write| write.from.is_none()) {
            PersistPoint::CrossingCreated
        } else {
            PersistPoint::CrossingRead
        };
        match ground.commit(point, Some(fact), writes, None).await {
            // A command of the operator was quicker: computed anew.
            Err(CrossingError::Store(StoreError::Conflict { .. })) if tries < CONFLICTS => {
                tries += 1;
            }
            done => return done.map(|_| true),
        }
    }
}

type Composed = (CrossingFact, Vec<CrossingWrite>);

/// What a log comes to: a fact, and the records that begin or change. `None` when it is about nothing that is known.
async fn compose<K: Kind>(
    ground: &Ground,
    kind: &K,
    (chain, log): (ChainId, &RawLog),
    said: &Said<K>,
    now: &Now,
) -> Result<Option<Composed>, CrossingError> {
    let (subject, event) = match said {
        Said::Begins { subject, event, .. }
        | Said::Follows { subject, event }
        | Said::Tells { subject, event } => (*subject, event),
        Said::ToAll { about, event } => (*about, event),
    };
    let to_all = matches!(said, Said::ToAll { .. });
    let known: Vec<CrossingRow> = if to_all {
        ground.store.open_crossings(K::NAME).await?
    } else {
        ground.store.crossings_about(K::NAME, subject).await?
    };
    let mut refusal = None;
    let mut writes = Vec::new();
    if known.is_empty() && matches!(said, Said::Follows { .. }) {
        return Ok(None);
    }
    for row in &known {
        if !to_all || kind.hears(&super::step::state::<K>(row)?) == Some(subject) {
            writes.extend(stepped::<K>(row, event, now)?);
        }
    }
    match said {
        // One part of ours may be known and another not: both parties of a settlement may be ours.
        Said::Begins {
            fresh: Ok(states),
            subject,
            ..
        } => {
            let is_new = |state: &&K::State| {
                let role = K::about(state).role;
                known.iter().all(|row| row.key.role != role)
            };
            for state in states.iter().filter(is_new) {
                writes.push(taken_up(ground, kind, *subject, state, now).await?);
            }
        }
        Said::Begins {
            fresh: Err(reason), ..
        } if known.is_empty() => {
            info!(%chain, height = %log.height, tx = %log.tx, reason, "not taken up");
            refusal = Some(reason.clone());
        }
        _ => {}
    }
    let fact = CrossingFact {
        kind: K::NAME,
        chain,
        height: log.height,
        index: log.index,
        block: log.block,
        tx: log.tx,
        subject,
        event: to_json("event", event)?,
        refusal,
    };
    Ok(Some((fact, writes)))
}

/// A record that begins with what a chain shows: what was said of it before is replayed to it.
async fn taken_up<K: Kind>(
    ground: &Ground,
    kind: &K,
    subject: alloy_primitives::B256,
    state: &K::State,
    now: &Now,
) -> Result<CrossingWrite, CrossingError> {
    let mut events = weather(ground, kind, state).await?;
    for fact in ground.store.crossing_facts(K::NAME, subject).await? {
        events.push(parse("event", &fact)?);
    }
    let (state, effects) = replay::<K>(state.clone(), Vec::new(), &events, now);
    write::<K>(&state, None, None, &effects)
}

/// Reads the contracts of one place again from the start, with pauses, until the driver stops.
pub(super) async fn rescan<K: Kind>(ground: Arc<Ground>, kind: Arc<K>, place: Place) {
    let stop = ground.stop.clone();
    let reading = async {
        tokio::time::sleep(ground.config.rescan_every.min(FIRST_RESCAN)).await;
        loop {
            match rescan_once(&ground, &*kind, &place).await {
                Ok(()) => {}
                Err(CrossingError::Store(error @ StoreError::ChainChanged { .. })) => {
                    tracing::error!(%error, "nothing is sent any more");
                    return ground.driver.fail_closed();
                }
                Err(error) => warn!(chain = %place.chain, %error, "contracts not read again"),
            }
            tokio::time::sleep(ground.config.rescan_every).await;
        }
    };
    stop.run_until_cancelled(reading).await;
}

async fn rescan_once<K: Kind>(
    ground: &Ground,
    kind: &K,
    place: &Place,
) -> Result<(), CrossingError> {
    let path = CursorPath::Rescan;
    let next = cursor::<K>(ground, place, path).await?;
    let end = ground.chain(place.chain)?.finalized().await?.height;
    sync(ground, kind, place, path, (next, end)).await?;
    // The next one begins at the start again.
    move_cursor::<K>(ground, place.chain, path, place.start).await
}

/// Quiet blocks after which the cursor is moved nevertheless.
const QUIET: u64 = 200;
/// The first rescan begins soon after the start.
const FIRST_RESCAN: Duration = Duration::from_secs(60);
