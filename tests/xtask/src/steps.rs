//! Named and timed steps.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What was done so far and how long it took.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Runs one step; its name is part of its error.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("\nxtask: {name} ...");
        let begin = Instant::now();
        let result = work().with_context(|| format!("step failed: {name}"));
        let time = begin.elapsed();
        let word = if result.is_ok() { "done" } else { "FAILED" };
        eprintln!("xtask: {name}: {word} in {:.1} s", time.as_secs_f64());
        self.done.push((format!("{name}: {word}"), time));
        result
    }

    /// Prints the table of steps, unless there was at most one.
    pub(crate) fn summary(&self, result: &Result<()>) {
        if self.done.len() < 2 {
            return;
        }
        eprintln!("\nxtask: summary");
        for (name, time) in &self.done {
            eprintln!("  {:>8.1} s  {name}", time.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, time)| *time).sum();
        let word = if result.is_ok() {
            "all passed"
        } else {
            "FAILED"
        };
        eprintln!("  {:>8.1} s  {word}", total.as_secs_f64());
    }
}
