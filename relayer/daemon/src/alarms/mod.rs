//! Alarms by rule: raised by whoever sees something, kept, told, acknowledged by people, escalated when nobody does.
//!
//! ```text
//!  raised --(a person)--> acknowledged --\
//!    '--(time)--> escalated --(a person)--'--(it is over, from any state)--> cleared
//! ```
//!
//! One open alarm of a rule about a subject: the same again is counted. Every step is an act in the event log and an event of
//! the API; raised, escalated and cleared are also told by webhook and mail.
//!
//! What never happens here: whoever raises an alarm waits for it; something is told that is not stored.

mod deliver;

use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use causeway_core::log::Act;
use tokio::sync::{broadcast, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

pub use self::deliver::DeliverError;
use crate::{
    drive::WallClock,
    eventlog::LogHandle,
    metrics,
    store::{AlarmRow, AlarmState, Store, StoreError},
};

/// Why an alarm is raised. Names are kept; kinds are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A number of a lane is missing: an event is withheld.
    Gap,
    /// A chain or a feed has no news.
    Stale,
    /// A token is not backed.
    Supply,
    /// The time between two deadlines is too short for what was measured.
    Margin,
    /// A lock of great value.
    LargeValue,
    /// One sender takes back again and again.
    RepeatedRefund,
    /// A device is silent, replays or lies.
    Device,
    /// A reading is out of its range.
    Threshold,
    /// The event log was changed.
    LogTampered,
    /// The head of the event log is not anchored in time.
    LogUnanchored,
    /// Acts of this daemon are gone with a database.
    ActsLost,
    /// An act could not be put into the log.
    LogLost,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Gap,
        Self::Stale,
        Self::Supply,
        Self::Margin,
        Self::LargeValue,
        Self::RepeatedRefund,
        Self::Device,
        Self::Threshold,
        Self::LogTampered,
        Self::LogUnanchored,
        Self::ActsLost,
        Self::LogLost,
    ];

    /// The name that is stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Stale => "stale",
            Self::Supply => "supply",
            Self::Margin => "margin",
            Self::LargeValue => "large_value",
            Self::RepeatedRefund => "repeated_refund",
            Self::Device => "device",
            Self::Threshold => "threshold",
            Self::LogTampered => "log_tampered",
            Self::LogUnanchored => "log_unanchored",
            Self::ActsLost => "acts_lost",
            Self::LogLost => "log_lost",
        }
    }
}

/// What alarms are told.
#[derive(Clone, Debug)]
pub struct AlarmConfig {
    /// After how long an alarm that nobody has seen escalates.
    pub escalate_after: Duration,
    /// Where they are posted.
    pub webhook: Option<Webhook>,
    /// Where they are mailed.
    pub mail: Option<Mail>,
    /// The local clock.
    pub wall: WallClock,
}

impl Default for AlarmConfig {
    fn default() -> Self {
        Self {
            escalate_after: Duration::from_secs(900),
            webhook: None,
            mail: None,
            wall: WallClock::default(),
        }
    }
}

/// An address that is posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// HTTPS; in the local profile also HTTP on loopback.
    pub url: String,
    /// File of the key of the signature: its first line.
    pub key_file: PathBuf,
}

/// A server that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted, and how.
    pub tls: MailTls,
    /// The authority of its certificate, where no public one issued it.
    pub ca: Option<PathBuf>,
    /// Who sends.
    pub from: String,
    /// Who is told.
    pub to: Vec<String>,
    /// User name and the file of its password.
    pub login: Option<(String, PathBuf)>,
}

/// How a mail server is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, required.
    Starttls,
    /// None: the local profile alone.
    None,
}

/// Something that is seen.
#[derive(Clone, Debug)]
enum Wish {
    Raise {
        rule: Rule,
        subject: String,
        text: String,
    },
    Clear {
        rule: Rule,
        subject: String,
    },
}

/// A step of an alarm, for who listens.
#[derive(Clone, Debug)]
pub struct AlarmNews {
    /// What happened: `raised`, `acknowledged`, `escalated`, `cleared`.
    pub happened: &'static str,
    /// The alarm after it.
    pub alarm: AlarmRow,
}

struct Shared {
    config: AlarmConfig,
    store: Arc<Store>,
    news: broadcast::Sender<AlarmNews>,
    log: OnceLock<LogHandle>,
    stop: CancellationToken,
}

/// Raises alarms. Clones talk to the same ones.
#[derive(Clone)]
pub struct Alarms {
    shared: Arc<Shared>,
    wishes: mpsc::Sender<Wish>,
    tasks: TaskTracker,
}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarms").finish_non_exhaustive()
    }
}

/// Wishes that wait.
const WAITING: usize = 1_024;
/// Steps a subscriber may fall behind.
const NEWS: usize = 256;
/// Pause between two looks for what nobody has seen.
const LOOK: Duration = Duration::from_secs(1);
/// Longest text of an alarm, characters.
const MAX_TEXT: usize = 1_000;

impl Alarms {
    /// Begins to take alarms, and to tell what a run before has not told.
    ///
    /// # Errors
    /// [`DeliverError`] for a webhook's key or a mail address that cannot be used.
    pub fn start(config: AlarmConfig, store: Arc<Store>) -> Result<Self, DeliverError> {
        let teller = deliver::Teller::new(&config, Arc::clone(&store))?;
        let (wishes, taken) = mpsc::channel(WAITING);
        let shared = Arc::new(Shared {
            config,
            store,
            news: broadcast::channel(NEWS).0,
            log: OnceLock::new(),
            stop: CancellationToken::new(),
        });
        let alarms = Self {
            shared: Arc::clone(&shared),
            wishes,
            tasks: TaskTracker::new(),
        };
        alarms.tasks.spawn(Arc::clone(&shared).run(taken));
        alarms.tasks.spawn(teller.run(shared.stop.clone()));
        alarms.tasks.close();
        Ok(alarms)
    }

    /// Gives it the event log, which is started after it because it raises alarms itself.
    pub fn attach(&self, log: LogHandle) {
        // An error means that it has one already.
        let _ = self.shared.log.set(log);
    }

    /// Raises an alarm, or says again what an open one is about. Never waits: while the queue is full it is dropped, with a
    /// line in the log and a count in the metrics, because whoever sees something sees it again.
    pub fn raise(&self, rule: Rule, subject: impl Into<String>, text: impl Into<String>) {
        let text: String = text.into();
        self.send(Wish::Raise {
            rule,
            subject: subject.into(),
            text: text.chars().take(MAX_TEXT).collect(),
        });
    }

    /// Says that what an alarm was about is over. Without such an alarm nothing happens.
    pub fn clear(&self, rule: Rule, subject: impl Into<String>) {
        let subject = subject.into();
        self.send(Wish::Clear { rule, subject });
    }

    /// Alarms, newest first.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn list(
        &self,
        state: Option<AlarmState>,
        open: bool,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        self.shared.store.alarms(state, open, before, limit).await
    }

    /// One alarm.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn show(&self, id: u64) -> Result<Option<AlarmRow>, StoreError> {
        self.shared.store.alarm(id).await
    }

    /// Notes that a person has seen an alarm; `None` when it was seen or over before.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn acknowledge(
        &self,
        id: u64,
        by: &str,
        note: &str,
    ) -> Result<Option<AlarmRow>, StoreError> {
        let at = self.shared.config.wall.seconds();
        let done = self
            .shared
            .store
            .acknowledge_alarm(id, by, note, at)
            .await?;
        if let Some(alarm) = &done {
            self.shared.say("acknowledged", alarm);
        }
        Ok(done)
    }

    /// Every step from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<AlarmNews> {
        self.shared.news.subscribe()
    }

    /// Stops; what is not told yet is told by the next start.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }

    fn send(&self, wish: Wish) {
        if let Err(refused) = self.wishes.try_send(wish) {
            metrics::alarm_dropped();
            warn!(%refused, "an alarm is dropped");
        }
    }
}

impl Shared {
    async fn run(self: Arc<Self>, mut taken: mpsc::Receiver<Wish>) {
        // What is known not to be open spares the database; what is lost with it is asked for again.
        let mut cleared = BTreeSet::new();
        let mut looked = tokio::time::interval(LOOK);
        looked.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                wish = taken.recv() => match wish {
                    Some(wish) => self.take(wish, &mut cleared).await,
                    None => return,
                },
                _ = looked.tick() => self.escalate().await,
                () = self.stop.cancelled() => {
                    // What was raised before the end is kept.
                    while let Ok(wish) = taken.try_recv() {
                        if let Err(error) = self.take(wish, &mut cleared).await {
                            warn!(%error, "an alarm is not kept");
                        }
                    }
                    return;
                }
            };
            match done {
                Ok(()) => {}
                Err(StoreError::Injected(_)) => return,
                Err(error) => error!(%error, "an alarm is not kept"),
            }
            if cleared.len() > WAITING {
                cleared.clear();
            }
        }
    }

    async fn take(
        &self,
        wish: Wish,
        cleared: &mut BTreeSet<(Rule, String)>,
    ) -> Result<(), StoreError> {
        let at = self.config.wall.seconds();
        match wish {
            Wish::Raise {
                rule,
                subject,
                text,
            } => {
                let raised = self.store.raise_alarm(rule.name(), &subject, &text, at);
                let (alarm, new) = raised.await?;
                cleared.remove(&(rule, subject));
                if new {
                    self.tell("raised", &alarm).await?;
                }
            }
            Wish::Clear { rule, subject } => {
                if cleared.contains(&(rule, subject.clone())) {
                    return Ok(());
                }
                let over = self.store.clear_alarm(rule.name(), &subject, at).await?;
                cleared.insert((rule, subject));
                if let Some(alarm) = over {
                    self.tell("cleared", &alarm).await?;
                }
            }
        }
        Ok(())
    }

    async fn escalate(&self) -> Result<(), StoreError> {
        let at = self.config.wall.seconds();
        let before = at.saturating_sub(self.config.escalate_after.as_secs());
        for alarm in self.store.escalate_alarms(before, at).await? {
            self.tell("escalated", &alarm).await?;
        }
        Ok(())
    }

    /// Says it here, and notes to whom else.
    async fn tell(&self, happened: &'static str, alarm: &AlarmRow) -> Result<(), StoreError> {
        self.say(happened, alarm);
        let at = self.config.wall.seconds();
        let channels = [
            ("webhook", self.config.webhook.is_some()),
            ("mail", self.config.mail.is_some()),
        ];
        for (channel, _) in channels.iter().filter(|(_, wanted)| *wanted) {
            let noted = self.store.add_delivery(alarm.id, happened, channel, at);
            noted.await?;
        }
        Ok(())
    }

    fn say(&self, happened: &'static str, alarm: &AlarmRow) {
        let AlarmRow { id, rule, .. } = alarm;
        let (subject, text) = (&alarm.subject, &alarm.text);
        match happened {
            "raised" | "escalated" => error!(id, rule, subject, text, "alarm {happened}"),
            _ => info!(id, rule, subject, "alarm {happened}"),
        }
        metrics::alarm(rule, happened);
        let id = *id;
        let act = match happened {
            "raised" => Act::AlarmRaised {
                id,
                rule: rule.clone(),
                text: text.clone(),
                subject: subject.clone(),
            },
            "acknowledged" => Act::AlarmAcknowledged {
                by: alarm.acknowledged_by.clone().unwrap_or_default(),
                id,
                note: alarm.note.clone().unwrap_or_default(),
            },
            "escalated" => Act::AlarmEscalated { id },
            _ => Act::AlarmCleared { id },
        };
        if let Some(log) = self.log.get() {
            log.record(act);
        }
        // An error means that nobody listens.
        let _ = self.news.send(AlarmNews {
            happened,
            alarm: alarm.clone(),
        });
    }
}

#[cfg(test)]
mod tests;
