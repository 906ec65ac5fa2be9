//! The one door for people and CI: `cargo xtask <what>`.
//!
//! | module | for |
//! |---|---|
//! | [`tool`] | running programs, naming what failed |
//! | [`steps`] | named and timed steps, the summary at the end |
//! | [`install`] | what the tests need beside Rust: Node.js, npm packages, a Python environment, an MQTT broker, a browser |
//! | [`contracts`] | compiling, comparing and testing the Solidity |
//! | [`checks`] | format, lints, documentation, dependency policy |
//! | [`rust`] | building and running the Rust tests, a few programs side by side |
//! | [`fuzz`] | coverage-guided fuzzing of the decoders |
//!
//! Everything is built in the release profile, so that nothing is built twice.

mod checks;
mod contracts;
mod fuzz;
mod install;
mod rust;
mod steps;
mod tool;

use anyhow::Result;
use clap::{Parser, Subcommand};

use steps::Steps;
use tool::Tool;

/// Builds, checks and tests Causeway.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Formats the Rust sources; with --check only compares.
    Fmt {
        /// Changes nothing, fails where something would change.
        #[arg(long)]
        check: bool,
    },
    /// Runs clippy on everything, warnings denied.
    Clippy,
    /// Builds the documentation, warnings denied.
    Docs,
    /// Checks dependencies: bans, licences, sources, and advisories where their database can be reached.
    Deny,
    /// Works on the Solidity contracts.
    Contracts {
        #[command(subcommand)]
        what: Contracts,
    },
    /// Installs what the tests need beside Rust; quick when it is there.
    Install,
    /// Installs, then runs every test: contracts, Rust, real clients, stories.
    Test,
    /// Fuzzes what reads foreign bytes, guided by coverage; not part of CI. Builds everything anew the first time.
    Fuzz {
        /// Which target; all of them, one after the other, if none is named.
        target: Option<String>,
        /// Seconds for each target.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Everything CI does: format, clippy, docs, deny, test.
    Ci,
}

#[derive(Clone, Copy, Subcommand)]
enum Contracts {
    /// Compiles and writes contracts/artifacts.
    Build,
    /// Compiles and compares with contracts/artifacts.
    Check,
    /// Runs the Solidity tests and compares contracts/gas.md.
    Test,
    /// Measures and writes contracts/gas.md.
    Gas,
}

fn main() -> Result<()> {
    let mut steps = Steps::default();
    let result = run(Arguments::parse().what, &mut steps);
    steps.summary(&result);
    result
}

fn run(what: What, steps: &mut Steps) -> Result<()> {
    match what {
        What::Fmt { check: true } => checks::format_check(steps),
        What::Fmt { check: false } => Tool::cargo(["fmt", "--all"]).run(),
        What::Clippy => checks::clippy(steps),
        What::Docs => checks::docs(steps),
        What::Deny => checks::deny(steps),
        What::Contracts { what } => on_contracts(what, steps),
        What::Install => install::all(steps),
        What::Test => test(steps),
        What::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds, steps),
        What::Ci => ci(steps),
    }
}

fn on_contracts(what: Contracts, steps: &mut Steps) -> Result<()> {
    install::contracts(steps)?;
    match what {
        Contracts::Build => contracts::build(steps),
        Contracts::Check => contracts::check(steps),
        Contracts::Test => contracts::test(steps),
        Contracts::Gas => contracts::gas(steps),
    }
}

/// The Rust tests come last, so that their counts are at the end of the log.
fn test(steps: &mut Steps) -> Result<()> {
    install::all(steps)?;
    checks::alerts(steps)?;
    contracts::check(steps)?;
    contracts::test(steps)?;
    rust::test(steps)
}

fn ci(steps: &mut Steps) -> Result<()> {
    checks::format_check(steps)?;
    checks::clippy(steps)?;
    checks::docs(steps)?;
    checks::deny(steps)?;
    test(steps)
}
