//! `/proofs`.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use causeway_console::pages::proofs::{self as page, Circuit, Proofs};

use super::Look;
use crate::api::{App, Problem, proofs::of_chain};

pub(super) async fn show(State(app): State<Arc<App>>, look: Look) -> Response {
    let view = load(&app).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn load(app: &App) -> Result<Vec<Proofs>, Problem> {
    let mut all = Vec::new();
    for entry in app.chains.iter().filter(|entry| entry.proofs.is_some()) {
        let told = of_chain(entry).await?;
        let circuits = told.circuits.into_iter().map(|one| Circuit {
            name: one.circuit,
            verifier: one.verifier,
            key: one.key,
            is_development: one.development,
        });
        all.push(Proofs {
            chain: told.chain,
            circuits: circuits.collect(),
            contracts: told.contracts.into_iter().collect(),
        });
    }
    Ok(all)
}
