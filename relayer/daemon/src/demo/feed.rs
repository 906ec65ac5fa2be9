//! What a cold-chain device measures appears on both chains, goes out of band, raises the alarm, and clears it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{DemoError, Stage, device::ColdDevice, follow::LOOK, id};
use crate::{
    api::decimal,
    contracts::DEMO_FEED,
    oracle::feeds::{Answered, EndView, FeedSite, Said},
    store::FeedRow,
};

/// Calm temperatures, and such that are not, in turn: further apart than the deviation, so that nobody waits for a heartbeat.
const CALM: [&str; 2] = ["4.25", "5"];
const WARM: [&str; 2] = ["9.5", "10.25"];
/// Pause between two readings of the device.
const EVERY: Duration = Duration::from_millis(500);
/// Longest a step waits.
const LIMIT_SECONDS: u64 = 90;

/// What came of a step.
pub(super) struct Fed {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// The device's readings appear on both chains.
pub(super) async fn feed(stage: &Stage<'_>, device: &mut ColdDevice) -> Result<Fed, DemoError> {
    let feed = Watched::of(stage)?;
    let before = feed.rounds().await?.into_iter().max().unwrap_or(0);
    let decimals = feed.site.decimals;
    let shown = |ends: &[EndView]| {
        let mut answers = ends.iter().map(|end| end.standing.answer);
        let first = answers.next().flatten();
        let same = |a: Option<Answered>| a.map(|a| (a.round, a.value));
        // Not what the device measured before.
        first.is_some_and(|first| first.round > before && is_calm(first.value, decimals))
            && answers.all(|other| same(other) == same(first))
    };
    let ends = feed
        .until(device, CALM, "the answer on both chains", shown)
        .await?;
    let answers: Vec<_> = ends.iter().filter_map(|end| end.standing.answer).collect();
    let [home, twin] = answers.as_slice() else {
        return Err(DemoError::Answer("latestRoundData"));
    };
    let (name, value) = (
        |end| feed.name(stage, end),
        decimal(home.value, feed.site.decimals),
    );
    let found = json!({
        "feed": DEMO_FEED,
        "value": value,
        "round": home.round,
        "heights": { name(0): home.height.0, name(1): twin.height.0 },
        "signers": home.signers.count_ones(),
    });
    let text = format!(
        "{DEMO_FEED}: {value} degrees, round {}, in {} block {} and {} block {}; {} operators signed",
        home.round,
        name(0),
        home.height,
        name(1),
        twin.height,
        home.signers.count_ones(),
    );
    let ok = home.value == twin.value && home.signers.count_ones() >= 3;
    Ok(Fed { ok, text, found })
}

/// The readings leave the band for as long as an alarm takes, and come back.
pub(super) async fn alarm(stage: &Stage<'_>, device: &mut ColdDevice) -> Result<Fed, DemoError> {
    let feed = Watched::of(stage)?;
    let since = feed.newest().await?;
    let on = |ends: &[EndView]| ends.iter().all(|end| end.standing.alarm);
    feed.until(device, WARM, "the alarm on both chains", on)
        .await?;
    let off = |ends: &[EndView]| ends.iter().all(|end| !end.standing.alarm);
    feed.until(device, CALM, "the all clear on both chains", off)
        .await?;
    let rows = feed.since(since).await?;
    let told = |name: &str| {
        let of = |end: usize| {
            let chain = feed.site.ends.get(end).map(|end| end.chain);
            let mut rows = rows.iter();
            let row = rows.find(|row| Some(row.chain) == chain && row.fact.said.name() == name);
            row.map(|row| json!({ "round": row.fact.said.round(), "height": row.fact.height.0 }))
        };
        json!({ feed.name(stage, 0): of(0), feed.name(stage, 1): of(1) })
    };
    let (raised, cleared) = (told("alarm_raised"), told("alarm_cleared"));
    let whole = |told: &Value| {
        let ends = told.as_object().into_iter().flatten();
        ends.filter(|(_, end)| end.is_object()).count() == 2
    };
    let ok = whole(&raised) && whole(&cleared);
    let height = |told: &Value, end| told[feed.name(stage, end)]["height"].to_string();
    let text = format!(
        "{} degrees raised the alarm in {} block {} and {} block {}; {} cleared it in blocks {} and {}",
        WARM[0],
        feed.name(stage, 0),
        height(&raised, 0),
        feed.name(stage, 1),
        height(&raised, 1),
        CALM[0],
        height(&cleared, 0),
        height(&cleared, 1),
    );
    let found = json!({ "feed": DEMO_FEED, "raised": raised, "cleared": cleared });
    Ok(Fed { ok, text, found })
}

/// Whether an answer is what the device measured in calm.
fn is_calm(value: i128, decimals: u8) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let told = number(&decimal(value, decimals));
    CALM.iter().any(|text| number(text) == told)
}

/// The feed as the daemon sees it.
struct Watched<'a> {
    stage: &'a Stage<'a>,
    site: Arc<FeedSite>,
}

impl<'a> Watched<'a> {
    fn of(stage: &'a Stage<'a>) -> Result<Self, DemoError> {
        let site = Arc::clone(stage.daemon.feeds.site(DEMO_FEED)?);
        Ok(Self { stage, site })
    }

    /// Has the device measure one and the other until every chain shows what is wanted.
    async fn until(
        &self,
        device: &mut ColdDevice,
        mut measured: [&str; 2],
        what: &str,
        wanted: impl Fn(&[EndView]) -> bool,
    ) -> Result<Vec<EndView>, DemoError> {
        let began = Instant::now();
        let mut said: Option<Instant> = None;
        loop {
            if said.is_none_or(|at| at.elapsed() >= EVERY) {
                let [first, second] = measured;
                device.measure(first).await?;
                // In turn: the next one is another.
                measured = [second, first];
                said = Some(Instant::now());
            }
            let view = self.stage.daemon.feeds.view(&self.site).await?;
            if wanted(&view.ends) {
                return Ok(view.ends);
            }
            if began.elapsed().as_secs() > LIMIT_SECONDS {
                return Err(DemoError::Late {
                    what: what.into(),
                    seconds: LIMIT_SECONDS,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn rounds(&self) -> Result<Vec<u32>, DemoError> {
        let view = self.stage.daemon.feeds.view(&self.site).await?;
        let answers = view.ends.iter().filter_map(|end| end.standing.answer);
        Ok(answers.map(|answer| answer.round).collect())
    }

    async fn newest(&self) -> Result<i64, DemoError> {
        let rows = self.stage.daemon.feeds.history(DEMO_FEED, None, 1).await?;
        Ok(rows.first().map_or(0, |row| row.id))
    }

    /// What the alarm did after a place in the history, oldest first.
    async fn since(&self, place: i64) -> Result<Vec<FeedRow>, DemoError> {
        let feeds = &self.stage.daemon.feeds;
        let mut rows = feeds.history(DEMO_FEED, None, HISTORY).await?;
        rows.retain(|row| {
            let alarm = matches!(
                row.fact.said,
                Said::AlarmRaised { .. } | Said::AlarmCleared { .. }
            );
            alarm && row.id > place
        });
        rows.reverse();
        Ok(rows)
    }

    /// Name of a chain of the feed.
    fn name(&self, stage: &Stage<'_>, end: usize) -> String {
        let chain = self.site.ends.get(end).map(|end| end.chain);
        let hosted = [stage.public, stage.consortium];
        let found = hosted
            .into_iter()
            .find(|hosting| Some(id(hosting)) == chain);
        found.map_or_else(String::new, |hosting| hosting.name.clone())
    }
}

/// Lines of the history that are looked through.
const HISTORY: u32 = 500;
