//! `/health`.

use std::sync::{Arc, atomic::Ordering};

use axum::{extract::State, response::Response};
use causeway_console::pages::health::{self as page, Finding, Health};

use super::Look;
use crate::{
    api::{App, Problem, chains::view},
    cli::live,
    metrics,
};

/// Measures that are shown; `/metrics` has all of them.
const MEASURES: usize = 120;

pub(super) async fn show(State(app): State<Arc<App>>, look: Look) -> Response {
    let view = load(&app).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn load(app: &App) -> Result<Health, Problem> {
    let mut findings = vec![driver(app), streams(app)];
    let views = futures::future::join_all(app.chains.iter().map(|entry| view(app, entry))).await;
    for chain in &views {
        findings.extend(live(app.page.skew, chain).into_iter().map(|found| Finding {
            check: found.check,
            is_ok: found.ok,
            detail: found.detail,
        }));
    }
    findings.extend(clients(app).await?);
    for (entry, tip) in crate::api::health::tips(app).await {
        if let Ok(tip) = tip {
            metrics::chain(&entry.name, tip);
        }
    }
    let all = measured(&app.prometheus.render());
    Ok(Health {
        version: env!("CARGO_PKG_VERSION").into(),
        since: app.page.since,
        findings,
        has_more: all.len() > MEASURES,
        metrics: all.into_iter().take(MEASURES).collect(),
    })
}

fn driver(app: &App) -> Finding {
    let is_ok = app.driver.is_running();
    let detail = if is_ok {
        "runs"
    } else {
        "has stopped; see the log: its database failed; free space or repair it, then start again"
    };
    finding("transfers", is_ok, detail.into())
}

fn streams(app: &App) -> Finding {
    let (taken, max) = (
        app.streams.load(Ordering::SeqCst),
        app.limits.max_event_streams,
    );
    let what = if taken < max {
        ""
    } else {
        "; close pages, or raise api.max_event_streams"
    };
    finding(
        "event streams",
        taken < max,
        format!("{taken} of {max} are taken{what}"),
    )
}

async fn clients(app: &App) -> Result<Vec<Finding>, Problem> {
    let all = app.relay.clients().await?;
    let told = all.iter().map(|lag| {
        let (on, of) = (app.chain_name(lag.on), app.chain_name(lag.of));
        let check = format!("light client of {of} on {on}");
        if lag.frozen {
            return finding(&check, false, "is frozen: it saw two certificates for one height".into());
        }
        let detail = format!(
            "epoch {}, {} epochs and {} blocks behind; it learns of blocks when something is to be proved",
            lag.epoch, lag.epochs_behind, lag.blocks_behind
        );
        finding(&check, true, detail)
    });
    Ok(told.collect())
}

fn finding(check: &str, is_ok: bool, detail: String) -> Finding {
    Finding {
        check: check.into(),
        is_ok,
        detail,
    }
}

/// Name, labels and value of every line of the text format.
fn measured(text: &str) -> Vec<(String, String, String)> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let told = lines.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}');
        Some((name.to_owned(), labels.to_owned(), value.to_owned()))
    });
    let mut all: Vec<_> = told
        .filter(|(name, ..)| !name.starts_with("causeway_api_"))
        .collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_read_from_the_text_format() {
        let text =
            "# TYPE a gauge\na{chain=\"x y\",of=\"}\"} 3.5\nb 7\n\ncauseway_api_requests_total 1\n";

        let all = measured(text);

        assert_eq!(all.len(), 2);
        assert_eq!(all[1], ("b".into(), String::new(), "7".into()));
        assert_eq!(all[0].2, "3.5");
    }
}
