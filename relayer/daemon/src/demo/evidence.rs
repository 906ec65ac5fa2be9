//! One file that proves the swap, written and checked as a stranger would.

use std::sync::Arc;

use causeway_adapter_api::Chain;
use causeway_core::swap::TransferId;
use causeway_evidence::verify;
use serde_json::{Value, json};

use super::{DemoError, Stage};
use crate::evidence::{Collector, EvidenceError};

/// What came of the file.
pub(super) struct Proved {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// Writes `demo.evidence` into the data directory, about every event of the swap's locks on both chains; reads it back, and
/// checks it from both genesis blocks on. A copy with one bit changed must fail.
pub(super) async fn prove(stage: &Stage<'_>, swap: TransferId) -> Result<Proved, DemoError> {
    let hosted = stage.daemon.chains.hosted.iter();
    let chains = hosted.map(|hosting| Arc::clone(&hosting.chain) as Arc<dyn Chain>);
    let collector = Collector::new(chains.collect());
    let subjects = collector.of_transfer(swap).await?;
    let file = collector
        .collect(format!("transfer-{swap}"), &subjects)
        .await?;
    let path = stage.daemon.chains.data.path().join("demo.evidence");
    let failed = |source| EvidenceError::Write {
        path: path.clone(),
        source,
    };
    std::fs::write(&path, &file).map_err(failed)?;
    let file = std::fs::read(&path).map_err(failed)?;
    let known = collector.known().await?;
    let report = verify(&file, &known);
    let mut changed = file.clone();
    if let Some(byte) = changed.last_mut() {
        *byte ^= 1;
    }
    let refused = verify(&changed, &known).first_broken().is_some();
    let whole = report.first_broken().is_none() && report.proven.len() == subjects.len();
    let ok = whole && refused && !subjects.is_empty();
    let text = format!(
        "{} events of the swap proved by {} bytes, offline, over {} links: causeway evidence verify {}",
        report.proven.len(),
        file.len(),
        report.links.len(),
        path.display()
    );
    let found = json!({
        "file": path, "bytes": file.len(), "links": report.links.len(), "proven": report.proven.len(),
        "change_refused": refused
    });
    Ok(Proved { ok, text, found })
}
