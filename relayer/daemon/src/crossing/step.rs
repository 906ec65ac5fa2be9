//! From states to what is written, and back.

use causeway_core::swap::{Now, Why};
use metrics::counter;
use tracing::{debug, error, info};

use super::{CrossingError, Ground, Kind, Machine, News, StepNews};
use crate::store::{
    Committed, CrossingChange, CrossingFact, CrossingKey, CrossingRow, CrossingStep, CrossingWrite,
    EffectChange, EffectId, PersistPoint,
};

/// A stored state as a value.
pub(super) fn state<M: Machine>(row: &CrossingRow) -> Result<M::State, CrossingError> {
    parse::<M::Stored>("state", &row.state).map(Into::into)
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, CrossingError> {
    serde_json::from_str(text).map_err(|e| CrossingError::BugUnreadable {
        what,
        detail: e.to_string(),
    })
}

pub(super) fn to_json<T: serde::Serialize>(
    what: &'static str,
    value: &T,
) -> Result<String, CrossingError> {
    serde_json::to_string(value).map_err(|e| CrossingError::BugUnreadable {
        what,
        detail: e.to_string(),
    })
}

/// What is written of a new state; `event` is `None` at the beginning.
pub(super) fn write<M: Machine>(
    state: &M::State,
    from: Option<u64>,
    event: Option<&M::Event>,
    effects: &[M::Effect],
) -> Result<CrossingWrite, CrossingError> {
    let about = M::about(state);
    let effects = effects
        .iter()
        .map(|effect| Ok((M::purpose(effect), to_json("effect", effect)?)));
    Ok(CrossingWrite {
        key: CrossingKey {
            kind: M::NAME.to_owned(),
            subject: about.subject,
            role: about.role.to_owned(),
        },
        id: about.id,
        from,
        state: to_json("state", &M::Stored::from(state.clone()))?,
        stage: about.stage,
        outcome: about.outcome.map(str::to_owned),
        waits: about.waits,
        name: event.map_or("begun", M::name),
        event: event.map(|event| to_json("event", event)).transpose()?,
        effects: effects.collect::<Result<_, CrossingError>>()?,
        alarm: None,
        secret: None,
    })
}

/// What an event makes of a stored record; `None` when it changes nothing. What cannot be is written as an alarm.
pub(super) fn stepped<M: Machine>(
    row: &CrossingRow,
    event: &M::Event,
    now: &Now,
) -> Result<Option<CrossingWrite>, CrossingError> {
    let state = state::<M>(row)?;
    match M::step(&state, event, now) {
        Ok((next, effects)) if next == state && effects.is_empty() => Ok(None),
        Ok((next, effects)) => {
            write::<M>(&next, Some(row.revision), Some(event), &effects).map(Some)
        }
        Err(unexpected) if unexpected.why == Why::Contradiction => {
            error!(
                transfer_id = %row.id, kind = row.key.kind, role = row.key.role, %unexpected,
                "a chain contradicts what it showed before: a person must look",
            );
            counter!("causeway_transfer_alarms_total", "kind" => M::NAME).increment(1);
            let mut alarm = write::<M>(&state, Some(row.revision), Some(event), &[])?;
            alarm.alarm = Some(unexpected.to_string());
            Ok(Some(alarm))
        }
        Err(unexpected) => {
            debug!(transfer_id = %row.id, role = row.key.role, %unexpected, "event ignored");
            Ok(None)
        }
    }
}

/// Applies events to a state that was just made, then the time; those that say nothing new are skipped.
pub(super) fn replay<M: Machine>(
    mut state: M::State,
    mut effects: Vec<M::Effect>,
    events: &[M::Event],
    now: &Now,
) -> (M::State, Vec<M::Effect>) {
    let tick = M::told(News::Tick);
    for event in events.iter().chain(&tick) {
        if let Ok((next, more)) = M::step(&state, event, now) {
            state = next;
            effects.extend(more);
        }
    }
    (state, effects)
}

/// What was said to all who hear it, for a state that was just made.
pub(super) async fn weather<K: Kind>(
    ground: &Ground,
    kind: &K,
    state: &K::State,
) -> Result<Vec<K::Event>, CrossingError> {
    let Some(about) = kind.hears(state) else {
        return Ok(Vec::new());
    };
    let newest = ground.store.newest_crossing_fact(K::NAME, about).await?;
    let heard = newest.iter().map(|event| parse("event", event));
    heard.collect()
}

impl Ground {
    /// Writes a change, then tells who listens.
    pub(super) async fn commit(
        &self,
        point: PersistPoint,
        fact: Option<CrossingFact>,
        writes: Vec<CrossingWrite>,
        effect: Option<(EffectId, EffectChange)>,
    ) -> Result<Committed, CrossingError> {
        let at = self.config.wall.seconds();
        let change = CrossingChange {
            fact,
            writes,
            effect,
            cursor: None,
        };
        let committed = self.store.commit_crossing(point, &change, at).await?;
        if committed == Committed::SeenBefore {
            return Ok(committed);
        }
        for write in change.writes {
            info!(
                transfer_id = %write.id, kind = write.key.kind, role = write.key.role, stage = write.stage,
                event = write.name, "transfer stepped",
            );
            let fact = change.fact.as_ref();
            let step = CrossingStep {
                seq: write.revision(),
                name: write.name.to_owned(),
                does: write.effects.iter().map(|(p, _)| (*p).to_owned()).collect(),
                stage: write.stage,
                read_at: fact.map(|fact| (fact.chain, fact.height)),
                tx: fact.map(|fact| fact.tx.to_string()),
                at,
            };
            // An error means that nobody listens.
            let _ = self.news.send(StepNews {
                key: write.key,
                id: write.id,
                step,
            });
        }
        Ok(committed)
    }
}
