//! One peg: a statement after the other, and the pause when one fails.

use std::sync::Arc;

use alloy_primitives::{Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::Height;
use causeway_contracts::PegMint;
use causeway_core::supply::{Books, Cut};
use tracing::{debug, error, info, warn};

use super::{Finding, Shared, Statement, SupplyError, SupplyNews, Watched, read::Figures};
use crate::{
    crossing::peg::PegPort,
    metrics,
    store::{RelayCall, StatementRow, StoreError},
};

/// Makes the statements of one peg. What it keeps in memory only spares work.
pub(super) struct Watch {
    shared: Arc<Shared>,
    peg: Watched,
    /// What the newest statement found, by name; `None` before the first of this run.
    told: Option<&'static str>,
    /// Heights of the newest statement.
    at: Option<(Height, Height)>,
}

impl Watch {
    pub(super) const fn new(shared: Arc<Shared>, peg: Watched) -> Self {
        Self {
            shared,
            peg,
            told: None,
            at: None,
        }
    }

    /// Works until the daemon stops.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        loop {
            match stop.run_until_cancelled(self.look()).await {
                None | Some(Err(SupplyError::Store(StoreError::Injected(_)))) => return,
                Some(Ok(())) => {}
                Some(Err(SupplyError::NotYet { home, side })) => {
                    debug!(peg = self.peg.name, %home, %side, "no statement yet");
                }
                Some(Err(error)) => {
                    metrics::no_statement(&self.peg.name);
                    warn!(peg = self.peg.name, %error, "no supply statement");
                }
            }
            let pause = tokio::time::sleep(self.shared.config.every);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// One statement, unless no block came since the last one.
    async fn look(&mut self) -> Result<(), SupplyError> {
        let (shared, peg) = (Arc::clone(&self.shared), self.peg.clone());
        let cut = shared.cut(&peg.site).await?;
        if self.at == Some((cut.home, cut.side)) {
            return Ok(());
        }
        // The figures first: a chain forgets the states of old blocks, its logs it keeps.
        let figures = shared.figures(&peg.site, &cut).await?;
        let (home, side) = (&peg.site.home, &peg.site.side);
        shared.follow(&peg, (home, side), cut.home).await?;
        shared.follow(&peg, (side, home), cut.side).await?;
        // What was read must be of these very heights.
        for (end, at) in [(home, cut.home), (side, cut.side)] {
            let next = shared.store.supply_cursor(&peg.name, end.chain).await?;
            if next != Some(at.next()) {
                let (home, side) = (cut.home, cut.side);
                return Err(SupplyError::NotYet { home, side });
            }
        }
        let Some(statement) = self.statement(cut, figures).await? else {
            return Ok(());
        };
        let at = shared.config.wall.seconds();
        let row = shared
            .store
            .add_statement(&peg.name, &statement, at)
            .await?;
        self.at = Some((cut.home, cut.side));
        self.tell(row).await
    }

    async fn statement(
        &self,
        cut: Cut,
        figures: Figures,
    ) -> Result<Option<Statement>, SupplyError> {
        let (peg, store) = (&self.peg, &self.shared.store);
        let ins = store.supply_rows(&peg.name, peg.site.home.chain).await?;
        let outs = store.supply_rows(&peg.name, peg.site.side.chain).await?;
        let before = store.statements(&peg.name, None, 1).await?;
        let highest = before
            .first()
            .map_or(U256::ZERO, |row| row.statement.highest);
        let books = Books::new(figures.held, figures.supply, &ins, &outs);
        let verdict = books.and_then(|books| books.verdict_after(highest));
        let surplus = match Finding::of(verdict) {
            Some(Finding::Holds { surplus }) => surplus,
            Some(_) => U256::ZERO,
            None => return Ok(None),
        };
        Ok(Finding::of(verdict).map(|finding| Statement {
            cut,
            books: books.ok(),
            finding,
            highest: highest.max(surplus),
            home_paused: figures.home_paused,
            side_paused: figures.side_paused,
        }))
    }

    /// Says what was stated, and pauses what has to be paused.
    async fn tell(&mut self, row: StatementRow) -> Result<(), SupplyError> {
        let statement = row.statement;
        let name = statement.finding.name();
        metrics::statement(&self.peg.name, &statement);
        if self.told != Some(name) {
            let (home, side) = (statement.cut.home, statement.cut.side);
            if statement.finding.is_alarm() {
                error!(peg = self.peg.name, finding = ?statement.finding, %home, %side, "the supply statement does not hold");
            } else {
                info!(peg = self.peg.name, %home, %side, "the supply statement holds");
            }
            // An error means that nobody listens.
            let _ = self.shared.news.send(SupplyNews {
                peg: self.peg.name.clone(),
                row,
            });
            self.told = Some(name);
        }
        if !statement.finding.is_alarm() {
            return Ok(());
        }
        let ends = [
            (self.peg.site.home, statement.home_paused),
            (self.peg.site.side, statement.side_paused),
        ];
        for (end, paused) in ends {
            if !paused {
                self.pause(&end).await?;
            }
        }
        Ok(())
    }

    /// P15: the guardian begins a pause; only the administrator ends it.
    async fn pause(&self, end: &PegPort) -> Result<(), SupplyError> {
        let call = RelayCall {
            task: format!("pause:{}:{}", end.chain, end.port),
            to: end.port,
            data: Bytes::from(PegMint::pauseCall {}.abi_encode()),
            ..RelayCall::default()
        };
        let Some(guardian) = self.peg.guardian else {
            warn!(peg = self.peg.name, chain = %end.chain, port = %end.port, "no guardian is configured: the port stays open");
            return Ok(());
        };
        let store = &self.shared.store;
        let order = store.add_call(end.chain, guardian, &call).await?;
        if order.is_some() {
            warn!(peg = self.peg.name, chain = %end.chain, port = %end.port, "pausing the port");
            self.shared.driver.knock(end.chain, guardian);
        }
        Ok(())
    }
}
