//! Metrics. Names are documented in docs/operations.md and are kept.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use causeway_adapter_api::Tip;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{crossing::StepNews, store::TransitionRow};

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
