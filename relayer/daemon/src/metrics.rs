//! Metrics. Names are documented in docs/operations.md and are kept.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{ChainId, Tip};
use causeway_core::feed;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{
    crossing::StepNews,
    oracle::feeds::Standing,
    relay::{ClientLag, LaneState},
    store::{MessageNews, TransitionRow},
    supply::Statement,
};

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// The recorder of this process; installed at the first call.
pub fn handle() -> PrometheusHandle {
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics stays empty");
        }
        handle
    };
    HANDLE.get_or_init(install).clone()
}

/// A step of a transfer.
pub fn transition(row: &TransitionRow) {
    let role = row.key.role.name();
    counter!("causeway_transfer_steps_total", "kind" => "swap", "role" => role, "stage" => row.stage.clone())
        .increment(1);
}

/// A step of a transfer that lives on proofs.
pub fn crossing(news: &StepNews) {
    let (kind, role, stage) = (&news.key.kind, &news.key.role, &news.step.stage);
    counter!("causeway_transfer_steps_total", "kind" => kind.clone(), "role" => role.clone(), "stage" => stage.clone())
        .increment(1);
}

/// Something that a chain said about a message.
pub fn message(news: &MessageNews) {
    let way = news.id.way;
    let lane = [
        ("from", way.from.to_string()),
        ("to", way.to.to_string()),
        ("lane", way.lane.0.to_string()),
        ("said", news.said.clone()),
    ];
    counter!("causeway_message_steps_total", &lane).increment(1);
}

/// Stages of a message before its end, as the gauges name them.
const OPEN_STAGES: [&str; 5] = ["sent", "proved", "failed", "executed", "expired"];

/// Messages that have not ended. Every stage of a known lane is set, so that what was delivered does not stay.
pub fn open_messages(lanes: &[(ChainId, u32)], states: &[LaneState]) {
    for (from, lane) in lanes {
        let of_lane = |state: &&LaneState| state.source == *from && state.lane == *lane;
        let labels = |stage: &str| {
            [
                ("from", from.to_string()),
                ("lane", lane.to_string()),
                ("stage", stage.to_owned()),
            ]
        };
        for stage in OPEN_STAGES {
            let state = states.iter().find(|s| of_lane(s) && s.stage == stage);
            let (count, age) = state.map_or((0, 0), |s| (s.count, s.age_ms));
            // Counts and ages stay far below 2^53.
            gauge!("causeway_messages_open", &labels(stage)).set(count as f64);
            gauge!("causeway_message_oldest_age_seconds", &labels(stage)).set(age as f64 / 1000.0);
        }
    }
}

/// A light client beside the chain it follows.
pub fn client(lag: &ClientLag) {
    let labels = [("on", lag.on.to_string()), ("of", lag.of.to_string())];
    gauge!("causeway_light_client_epoch", &labels).set(lag.epoch as f64);
    gauge!("causeway_light_client_epochs_behind", &labels).set(lag.epochs_behind as f64);
    gauge!("causeway_light_client_blocks_behind", &labels).set(lag.blocks_behind as f64);
    gauge!("causeway_light_client_frozen", &labels).set(if lag.frozen { 1.0 } else { 0.0 });
}

/// A call of a task that is over: `done` or `failed`. A task's kind is its name up to the first colon.
pub fn call(chain: ChainId, task: &str, outcome: &'static str) {
    let labels = [
        ("chain", chain.to_string()),
        ("task", kind_of(task).to_owned()),
        ("outcome", outcome.to_owned()),
    ];
    counter!("causeway_calls_total", &labels).increment(1);
}

/// A transaction of ours in a final block, and its fee.
pub fn transaction(chain: ChainId, purpose: &str, succeeded: bool, fee: U256) {
    let outcome = if succeeded { "succeeded" } else { "reverted" };
    let labels = [
        ("chain", chain.to_string()),
        ("purpose", purpose.to_owned()),
        ("outcome", outcome.to_owned()),
    ];
    let gwei: u64 = (fee / U256::from(1_000_000_000_u64)).saturating_to();
    counter!("causeway_transactions_total", &labels).increment(1);
    counter!("causeway_fees_gwei_total", &labels).increment(gwei);
}

/// A transaction of ours that was replaced by one that pays more.
pub fn replaced(chain: ChainId) {
    counter!("causeway_transactions_replaced_total", "chain" => chain.to_string()).increment(1);
}

/// A supply statement.
pub fn statement(peg: &str, statement: &Statement) {
    let peg = || peg.to_owned();
    let found = statement.finding.name();
    counter!("causeway_supply_statements_total", "peg" => peg(), "finding" => found).increment(1);
    let flag = |set| if set { 1.0 } else { 0.0 };
    gauge!("causeway_supply_holds", "peg" => peg()).set(flag(!statement.finding.is_alarm()));
    gauge!("causeway_supply_stated_at_seconds", "peg" => peg()).set(unix_seconds() as f64);
    for (end, height, paused) in [
        ("home", statement.cut.home, statement.home_paused),
        ("side", statement.cut.side, statement.side_paused),
    ] {
        gauge!("causeway_supply_height", "peg" => peg(), "end" => end).set(height.0 as f64);
        gauge!("causeway_port_paused", "peg" => peg(), "end" => end).set(flag(paused));
    }
}

/// A round without a supply statement: a chain does not answer, or something worse.
pub fn no_statement(peg: &str) {
    counter!("causeway_supply_no_statement_total", "peg" => peg.to_owned()).increment(1);
}

/// An aggregator as it stands.
pub fn feed(feed: &str, chain: ChainId, standing: &Standing) {
    let labels = [("feed", feed.to_owned()), ("chain", chain.to_string())];
    let flag = |set| if set { 1.0 } else { 0.0 };
    gauge!("causeway_feed_alarm", &labels).set(flag(standing.alarm));
    gauge!("causeway_feed_stale", &labels).set(flag(standing.stale));
    gauge!("causeway_feed_updated_at_seconds", &labels).set(standing.updated_at as f64);
    if let Some(answer) = standing.answer {
        gauge!("causeway_feed_round", &labels).set(f64::from(answer.round));
        // In units of the last decimal: readings stay far below 2^53.
        gauge!("causeway_feed_answer", &labels).set(answer.value as f64);
    }
}

/// Something an aggregator said.
pub fn feed_said(feed: &str, chain: ChainId, said: &'static str) {
    let chain = chain.to_string();
    counter!("causeway_feed_events_total", "feed" => feed.to_owned(), "chain" => chain, "said" => said)
        .increment(1);
}

/// A message that reached an operator, and what came of it: `taken`, `known`, or why it was refused.
pub fn feed_message(operator: &str, outcome: String) {
    counter!("causeway_feed_messages_total", "operator" => operator.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// A message of an operator whose content or signatures are wrong: its sender does not keep to the rules.
pub fn feed_refused(operator: &str, from: Address) {
    counter!("causeway_feed_messages_refused_total", "operator" => operator.to_owned(), "from" => from.to_string())
        .increment(1);
}

/// A message that an operator sent: `sent`, `refused`, `busy`, `unreachable`.
pub fn feed_sent(operator: &str, to: &str, outcome: &'static str) {
    counter!("causeway_feed_messages_sent_total", "operator" => operator.to_owned(), "to" => to.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// An operator as it stands.
pub fn feed_operator(operator: &str, feed: &str, state: &feed::State) {
    let labels = [("operator", operator.to_owned()), ("feed", feed.to_owned())];
    gauge!("causeway_feed_operator_round", &labels).set(f64::from(state.round.0));
    gauge!("causeway_feed_operator_attempts", &labels).set(f64::from(state.attempts));
}

/// Entries that came into the event log.
pub fn log_entries(segment: u64, count: usize) {
    counter!("causeway_log_entries_total", "segment" => segment.to_string())
        .increment(count as u64);
}

/// A chain's segment of the event log is read up to a height with nothing missing.
pub fn log_segment(chain: &str, size: u64, height: u64) {
    gauge!("causeway_log_size", "chain" => chain.to_owned()).set(size as f64);
    gauge!("causeway_log_height", "chain" => chain.to_owned()).set(height as f64);
}

/// Whether a number of a chain's lanes is missing.
pub fn log_gap(chain: &str, missing: bool) {
    let flag = if missing { 1.0 } else { 0.0 };
    gauge!("causeway_log_gap", "chain" => chain.to_owned()).set(flag);
}

/// A head of the event log was signed, at a second.
pub fn log_signed(at: u64) {
    gauge!("causeway_log_signed_at_seconds").set(at as f64);
}

/// A head of the event log is anchored, since a second.
pub fn log_anchored(number: u64, at: u64) {
    gauge!("causeway_log_anchor_number").set(number as f64);
    gauge!("causeway_log_anchored_at_seconds").set(at as f64);
}

/// A step of an alarm.
pub fn alarm(rule: &str, happened: &'static str) {
    counter!("causeway_alarm_steps_total", "rule" => rule.to_owned(), "happened" => happened)
        .increment(1);
}

/// An alarm that found the queue full.
pub fn alarm_dropped() {
    counter!("causeway_alarms_dropped_total").increment(1);
}

/// An attempt to tell somebody: `done`, `failed`, `given_up`.
pub fn alarm_delivery(channel: &str, outcome: &'static str) {
    counter!("causeway_alarm_deliveries_total", "channel" => channel.to_owned(), "outcome" => outcome)
        .increment(1);
}

fn kind_of(task: &str) -> &str {
    task.split(':').next().unwrap_or(task)
}

/// A request to the API.
pub fn request(route: String, status: u16, took: Duration) {
    let status = status.to_string();
    counter!("causeway_api_requests_total", "route" => route.clone(), "status" => status)
        .increment(1);
    histogram!("causeway_api_request_seconds", "route" => route).record(took.as_secs_f64());
}

/// The newest final block of a chain.
pub fn chain(name: &str, tip: Tip) {
    let age = unix_seconds().saturating_sub(tip.time.0);
    // Heights and ages stay far below 2^53.
    gauge!("causeway_chain_height", "chain" => name.to_owned()).set(tip.height.0 as f64);
    gauge!("causeway_chain_tip_age_seconds", "chain" => name.to_owned()).set(age as f64);
}

/// Seconds since the Unix epoch, as this host counts them.
pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
