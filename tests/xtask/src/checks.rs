//! Format, lints, documentation, dependency policy.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::steps::Steps;
use crate::tool::{Tool, root};

/// Version of cargo-deny.
const DENY_VERSION: &str = "0.20.2";

/// How long to try to reach the advisory database.
const ADVISORY_TIME: Duration = Duration::from_secs(90);

pub(crate) fn format_check(steps: &mut Steps) -> Result<()> {
    steps.run("format", || Tool::cargo(["fmt", "--all", "--check"]).run())
}

pub(crate) fn clippy(steps: &mut Steps) -> Result<()> {
    steps.run("clippy", || {
        let what = [
            "clippy",
            "--release",
            "--locked",
            "--workspace",
            "--all-targets",
        ];
        Tool::cargo(what.into_iter().chain(["--", "-D", "warnings"])).run()
    })
}

pub(crate) fn docs(steps: &mut Steps) -> Result<()> {
    steps.run("docs", || {
        Tool::cargo(["doc", "--release", "--locked", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()
    })
}

/// Rules for Prometheus, by its own tool.
pub(crate) fn alerts(steps: &mut Steps) -> Result<()> {
    steps.run("alert rules", || {
        let rules = root().join("config/alerts.yml");
        Tool::new("promtool", ["check", "rules"]).arg(rules).run()
    })?;
    // Grafana has no checker of its own that can be installed: the queries are what breaks, and they are PromQL.
    steps.run("dashboard queries", || {
        let text = std::fs::read_to_string(root().join("config/grafana.json"))?;
        let dashboard: serde_json::Value = serde_json::from_str(&text)?;
        let panels = dashboard["panels"].as_array().into_iter().flatten();
        let queries = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
        let queries = queries.filter_map(|target| target["expr"].as_str());
        let rule = |(index, query)| json!({ "record": format!("panel:{index}"), "expr": query });
        let rules: Vec<_> = queries.enumerate().map(rule).collect();
        ensure!(!rules.is_empty(), "config/grafana.json asks for nothing");
        // JSON is YAML.
        let groups = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
        let file = root().join("target/dashboard-queries.yml");
        std::fs::write(&file, groups.to_string())?;
        Tool::new("promtool", ["check", "rules"]).arg(file).run()
    })
}

pub(crate) fn deny(steps: &mut Steps) -> Result<()> {
    let program = steps.run("cargo-deny is there", deny_program)?;
    steps.run("bans, licences, sources", || {
        deny_tool(&program, &["check", "bans", "licenses", "sources"]).run()
    })?;
    steps.run("advisories", || advisories(&program))
}

/// Found advisories fail; a database that cannot be reached does not.
fn advisories(program: &PathBuf) -> Result<()> {
    if !deny_tool(program, &["fetch", "db"]).succeeds_within(ADVISORY_TIME)? {
        eprintln!("xtask: the advisory database cannot be reached from here; NOT checked");
        return Ok(());
    }
    deny_tool(program, &["check", "--disable-fetch", "advisories"]).run()
}

fn deny_tool(program: &PathBuf, arguments: &[&str]) -> Tool {
    let manifest = root().join("Cargo.toml");
    Tool::new(program, ["--locked", "--manifest-path"])
        .arg(manifest)
        .args(arguments)
}

/// Returns the cargo-deny of `target/tools`.
fn deny_program() -> Result<PathBuf> {
    crate::tool::installed("cargo-deny", DENY_VERSION, &["--no-default-features"])
}
