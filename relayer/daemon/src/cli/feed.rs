//! `causeway feed`.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{
    CliError,
    args::{Feed as Command, Global},
    client::Api,
    output::Output,
    transfer::at,
};
use crate::api::{Feed, FeedAsk, FeedChain, FeedDone, FeedHistory, FeedList, FeedStep};

/// Pause between two looks of `watch`.
const LOOK: Duration = Duration::from_millis(250);
/// Lines that one look takes in.
const PAGE: u32 = 100;

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    match command {
        Command::List => {
            let list: FeedList = api.get("/v1/feeds").await?;
            let mut text: Vec<String> = list.feeds.iter().map(short).collect();
            if text.is_empty() {
                text.push("no feeds".into());
            }
            output.answer(&list, text.join("\n"));
            Ok(())
        }
        Command::Show { feed } => {
            let feed: Feed = api.get(&path(&feed)?).await?;
            output.answer(&feed, long(&feed));
            Ok(())
        }
        Command::History {
            feed,
            limit,
            before,
        } => {
            let mut query = format!("{}/history?limit={limit}", path(&feed)?);
            if let Some(before) = before {
                let _ = write!(query, "&before={before}");
            }
            let page: FeedHistory = api.get(&query).await?;
            let mut text: Vec<String> = page.steps.iter().map(line).collect();
            if text.is_empty() {
                text.push("nothing was said".into());
            }
            if let Some(next) = page.next_before {
                text.push(format!("more: --before {next}"));
            }
            output.answer(&page, text.join("\n"));
            Ok(())
        }
        Command::Request { feed, from } => ask(&api, &feed, &from, "request", output).await,
        Command::MarkStale { feed, from } => ask(&api, &feed, &from, "mark-stale", output).await,
        Command::Watch { feed, count } => watch(&api, &feed, count, output).await,
    }
}

async fn ask(
    api: &Api,
    feed: &str,
    from: &str,
    what: &str,
    output: &Output,
) -> Result<(), CliError> {
    let from = at("--from", from)?;
    let body = FeedAsk {
        chain: from.chain,
        account: from.account,
    };
    let done: FeedDone = api.post(&format!("{}/{what}", path(feed)?), &body).await?;
    let text = format!("done on {} in {}", done.chain, done.tx);
    output.answer(&done, text);
    Ok(())
}

/// Prints what aggregators say from now on.
async fn watch(api: &Api, feed: &str, count: Option<u64>, output: &Output) -> Result<(), CliError> {
    let query = format!("{}/history?limit={PAGE}", path(feed)?);
    // The newest that was printed, by chain.
    let mut printed: BTreeMap<String, u64> = BTreeMap::new();
    let (mut first, mut left) = (true, count);
    while left != Some(0) {
        let mut page: FeedHistory = api.get(&query).await?;
        page.steps.reverse();
        for step in page.steps {
            let last = printed.get(&step.chain);
            if last.is_some_and(|last| *last >= step.number) {
                continue;
            }
            printed.insert(step.chain.clone(), step.number);
            if first || left == Some(0) {
                continue;
            }
            output.answer(&step, line(&step));
            left = left.map(|left| left.saturating_sub(1));
        }
        first = false;
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Names of feeds have slashes, which are no part of a path here.
fn path(feed: &str) -> Result<String, CliError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if feed.is_empty() || !feed.chars().all(plain) {
        return Err(CliError::Argument {
            argument: "feed",
            got: feed.chars().take(80).collect(),
            expected: "the name or id of a feed, as `causeway feed list` shows it",
        });
    }
    Ok(format!("/v1/feeds/{}", feed.replace('/', "%2F")))
}

fn short(feed: &Feed) -> String {
    let chains: Vec<String> = feed.chains.iter().map(chain).collect();
    format!("{}  {}", feed.name, chains.join("  "))
}

fn chain(view: &FeedChain) -> String {
    let answer = view.answer.as_ref();
    let said = answer.map_or("no answer".into(), |answer| {
        format!("{} (round {})", answer.value, answer.round)
    });
    let alarm = if view.alarm { " ALARM" } else { "" };
    let stale = if view.stale { " STALE" } else { "" };
    format!("{}: {said}{alarm}{stale}", view.chain)
}

fn long(feed: &Feed) -> String {
    let mut text = format!("{}\n  id            {}\n", feed.name, feed.id);
    // Writing to a string does not fail.
    if let Some(terms) = &feed.terms {
        let _ = writeln!(
            text,
            "  operators     {} of {} must agree; up to {} may lie or be silent (configuration {})\n  \
             plausible     {} to {}\n  alarm         below {} or above {} for {} s; ends {} within\n  \
             a round       by {} or more, or after {} s; stale after {} s",
            terms.quorum,
            terms.operators.len(),
            terms.faulty,
            terms.number,
            terms.min,
            terms.max,
            terms.alarm_low,
            terms.alarm_high,
            terms.alarm_seconds,
            terms.alarm_hysteresis,
            terms.deviation,
            terms.heartbeat_seconds,
            terms.stale_after_seconds
        );
    }
    for view in &feed.chains {
        let _ = writeln!(
            text,
            "  {}\n    aggregator  {}",
            chain(view),
            view.aggregator
        );
        if let Some(answer) = &view.answer {
            let _ = writeln!(
                text,
                "    data of     {}, block {}, {} observed, {} signed, brought by {}",
                answer.observed_at, answer.height, answer.observers, answer.signers, answer.by
            );
        }
    }
    for operator in &feed.operators {
        let sample = operator.sample.as_deref().unwrap_or("no sample");
        let round = operator.round.unwrap_or_default();
        let _ = writeln!(text, "  {:<13} {sample}, round {round}", operator.name);
    }
    text.trim_end().to_owned()
}

fn line(step: &FeedStep) -> String {
    let round = step.round.map(|round| round.to_string());
    format!(
        "{:<12} block {:>7}  {:<13} round {:>5}  {}",
        step.chain,
        step.height,
        step.said,
        round.as_deref().unwrap_or("-"),
        step.value.as_deref().unwrap_or("")
    )
}
