//! Alarms and what is still to be told about them.

use serde::{Deserialize, Serialize};
use sqlx::{Row, sqlite::SqliteRow};
use utoipa::ToSchema;

use super::{Store, StoreError, rows};

/// Where an alarm stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// Nobody has seen it.
    Raised,
    /// Somebody has seen it.
    Acknowledged,
    /// Nobody has seen it in time.
    Escalated,
    /// What it was about is over.
    Cleared,
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AlarmRow {
    /// Its number.
    pub id: u64,
    /// Which rule.
    pub rule: String,
    /// About what.
    pub subject: String,
    /// What happened, as it was said last.
    pub text: String,
    /// Where it stands.
    pub state: AlarmState,
    /// Times it was raised while it was open.
    pub times: u64,
    /// When first, unix seconds.
    pub raised_at: u64,
    /// When nobody had seen it in time.
    pub escalated_at: Option<u64>,
    /// When somebody saw it.
    pub acknowledged_at: Option<u64>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// What the person said.
    pub note: Option<String>,
    /// When it was over.
    pub cleared_at: Option<u64>,
}

/// Something that is to be told to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its number.
    pub id: i64,
    /// What happened to the alarm: `raised`, `escalated`, `cleared`.
    pub happened: String,
    /// `webhook` or `mail`.
    pub channel: String,
    /// Times it was tried.
    pub attempts: u32,
    /// About what.
    pub alarm: AlarmRow,
}

impl AlarmState {
    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Acknowledged => "acknowledged",
            Self::Escalated => "escalated",
            Self::Cleared => "cleared",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Raised,
            Self::Acknowledged,
            Self::Escalated,
            Self::Cleared,
        ];
        all.into_iter().find(|state| state.name() == name)
    }
}

impl Store {
    /// Raises an alarm; one that is open is raised again. Returns it, and whether it is new.
    pub async fn raise_alarm(
        &self,
        rule: &str,
        subject: &str,
        text: &str,
        at: u64,
    ) -> Result<(AlarmRow, bool), StoreError> {
        let failed = |e| StoreError::from_sqlx("raising an alarm", e);
        self.faults.alive()?;
        let row = sqlx::query(
            "INSERT INTO alarms (rule, subject, text, state, raised_at) VALUES (?1, ?2, ?3, 'raised', ?4) \
             ON CONFLICT (rule, subject) WHERE state <> 'cleared' \
             DO UPDATE SET times = times + 1, text = ?3 RETURNING *",
        )
        .bind(rule)
        .bind(subject)
        .bind(text)
        .bind(rows::signed(at))
        .fetch_one(&self.pool)
        .await
        .map_err(failed)?;
        let alarm = alarm(&row)?;
        let new = alarm.times == 1;
        Ok((alarm, new))
    }

    /// Ends the open alarm of a rule about a subject, if there is one.
    pub async fn clear_alarm(
        &self,
        rule: &str,
        subject: &str,
        at: u64,
    ) -> Result<Option<AlarmRow>, StoreError> {
        self.faults.alive()?;
        let row = sqlx::query(
            "UPDATE alarms SET state = 'cleared', cleared_at = ? \
             WHERE rule = ? AND subject = ? AND state <> 'cleared' RETURNING *",
        )
        .bind(rows::signed(at))
        .bind(rule)
        .bind(subject)
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("clearing an alarm", e))?;
        row.as_ref().map(alarm).transpose()
    }

    /// Notes that a person has seen an alarm; `None` when it was seen or over before.
    pub async fn acknowledge_alarm(
        &self,
        id: u64,
        by: &str,
        note: &str,
        at: u64,
    ) -> Result<Option<AlarmRow>, StoreError> {
        self.faults.alive()?;
        let row = sqlx::query(
            "UPDATE alarms SET state = 'acknowledged', acknowledged_at = ?, acknowledged_by = ?, note = ? \
             WHERE id = ? AND state IN ('raised', 'escalated') RETURNING *",
        )
        .bind(rows::signed(at))
        .bind(by)
        .bind(note)
        .bind(rows::signed(id))
        .fetch_optional(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("acknowledging an alarm", e))?;
        row.as_ref().map(alarm).transpose()
    }

    /// Escalates alarms that were raised before a second and that nobody has seen.
    pub async fn escalate_alarms(&self, before: u64, at: u64) -> Result<Vec<AlarmRow>, StoreError> {
        self.faults.alive()?;
        let found = sqlx::query(
            "UPDATE alarms SET state = 'escalated', escalated_at = ? \
             WHERE state = 'raised' AND raised_at <= ? RETURNING *",
        )
        .bind(rows::signed(at))
        .bind(rows::signed(before))
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("escalating alarms", e))?;
        found.iter().map(alarm).collect()
    }

    /// One alarm.
    pub async fn alarm(&self, id: u64) -> Result<Option<AlarmRow>, StoreError> {
        let row = sqlx::query("SELECT * FROM alarms WHERE id = ?")
            .bind(i64::try_from(id).unwrap_or(i64::MAX))
            .fetch_optional(&self.pool)
            .await
            .map_err(|e| StoreError::from_sqlx("reading an alarm", e))?;
        row.as_ref().map(alarm).transpose()
    }

    /// Alarms, newest first, below a number; only in one state, or only open ones.
    pub async fn alarms(
        &self,
        state: Option<AlarmState>,
        open: bool,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        let found = sqlx::query(
            "SELECT * FROM alarms WHERE (?1 IS NULL OR state = ?1) AND (?2 = 0 OR state <> 'cleared') \
             AND id < ?3 ORDER BY id DESC LIMIT ?4",
        )
        .bind(state.map(AlarmState::name))
        .bind(open)
        .bind(before.map_or(i64::MAX, |id| i64::try_from(id).unwrap_or(i64::MAX)))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("reading alarms", e))?;
        found.iter().map(alarm).collect()
    }

    /// Notes that something is to be told.
    pub async fn add_delivery(
        &self,
        alarm: u64,
        happened: &str,
        channel: &str,
        at: u64,
    ) -> Result<(), StoreError> {
        self.faults.alive()?;
        sqlx::query(
            "INSERT INTO alarm_deliveries (alarm, happened, channel, next_at) VALUES (?, ?, ?, ?)",
        )
        .bind(rows::signed(alarm))
        .bind(happened)
        .bind(channel)
        .bind(rows::signed(at))
        .execute(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("noting what is to be told", e))?;
        Ok(())
    }

    /// What is to be told by now, oldest first.
    pub async fn due_deliveries(
        &self,
        at: u64,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let failed = |e| StoreError::from_sqlx("reading what is to be told", e);
        let found = sqlx::query(
            "SELECT d.id AS delivery, d.happened, d.channel, d.attempts, a.* FROM alarm_deliveries d \
             JOIN alarms a ON a.id = d.alarm \
             WHERE d.state = 'waiting' AND d.next_at <= ? ORDER BY d.next_at, d.id LIMIT ?",
        )
        .bind(rows::signed(at))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(failed)?;
        let delivery = |row: &SqliteRow| {
            Ok(DeliveryRow {
                id: row.try_get("delivery").map_err(failed)?,
                happened: row.try_get("happened").map_err(failed)?,
                channel: row.try_get("channel").map_err(failed)?,
                attempts: row.try_get("attempts").map_err(failed)?,
                alarm: alarm(row)?,
            })
        };
        found.iter().map(delivery).collect()
    }

    /// Notes how an attempt ended: told, to be tried again at a second, or given up.
    pub async fn delivery_tried(
        &self,
        id: i64,
        problem: Option<&str>,
        again: Option<u64>,
    ) -> Result<(), StoreError> {
        self.faults.alive()?;
        let state = match (problem, again) {
            (None, _) => "done",
            (Some(_), Some(_)) => "waiting",
            (Some(_), None) => "given_up",
        };
        sqlx::query(
            "UPDATE alarm_deliveries SET attempts = attempts + 1, state = ?, problem = ?, \
             next_at = coalesce(?, next_at) WHERE id = ?",
        )
        .bind(state)
        .bind(problem)
        .bind(again.map(rows::signed))
        .bind(id)
        .execute(&self.pool)
        .await
        .map_err(|e| StoreError::from_sqlx("noting what was told", e))?;
        Ok(())
    }
}

fn alarm(row: &SqliteRow) -> Result<AlarmRow, StoreError> {
    let failed = |e| StoreError::from_sqlx("reading an alarm", e);
    let number = |column: &str| {
        let value: i64 = row.try_get(column).map_err(failed)?;
        Ok::<_, StoreError>(rows::unsigned(value))
    };
    let time = |column: &str| {
        let value: Option<i64> = row.try_get(column).map_err(failed)?;
        Ok::<_, StoreError>(value.map(rows::unsigned))
    };
    let state: &str = row.try_get("state").map_err(failed)?;
    Ok(AlarmRow {
        id: number("id")?,
        rule: row.try_get("rule").map_err(failed)?,
        subject: row.try_get("subject").map_err(failed)?,
        text: row.try_get("text").map_err(failed)?,
        state: AlarmState::from_name(state).ok_or_else(|| StoreError::BugUnreadable {
            what: "state of an alarm",
            detail: state.to_owned(),
        })?,
        times: number("times")?,
        raised_at: number("raised_at")?,
        escalated_at: time("escalated_at")?,
        acknowledged_at: time("acknowledged_at")?,
        acknowledged_by: row.try_get("acknowledged_by").map_err(failed)?,
        note: row.try_get("note").map_err(failed)?,
        cleared_at: time("cleared_at")?,
    })
}
