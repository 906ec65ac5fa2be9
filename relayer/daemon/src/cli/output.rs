//! Answers on stdout, for people or machines. Errors and progress never mix with them.

use std::{error::Error as _, fmt::Display, io::Write as _};

use serde::Serialize;
use serde_json::json;

use super::CliError;

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// One answer: an object on one line, or text.
    pub(super) fn answer(&self, value: &impl Serialize, text: impl Display) {
        if self.json {
            self.line(serde_json::to_string(value).unwrap_or_default());
        } else {
            self.line(text);
        }
    }

    /// Text for people; nothing with `--json`.
    pub(super) fn say(&self, text: impl Display) {
        if !self.json {
            self.line(text);
        }
    }

    pub(super) fn error(&self, error: &CliError) {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        if self.json {
            self.line(json!({ "error": text, "exit_code": error.exit_code() }));
        }
        eprintln!("causeway: {text}");
    }

    fn line(&self, text: impl Display) {
        // A reader that went away needs no answer.
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    }
}
