//! `causeway supply`.

use std::fmt::Write as _;

use super::{CliError, args::Global, client::Api, output::Output, transfer::segment};
use crate::api::{SupplyList, SupplyView};

pub(super) async fn run(
    global: &Global,
    peg: Option<&str>,
    limit: u32,
    output: &Output,
) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    let path = match peg {
        Some(peg) => format!("/v1/supply/{}?limit={limit}", segment(peg)?),
        None => "/v1/supply".to_owned(),
    };
    let list: SupplyList = api.get(&path).await?;
    let mut text = String::new();
    if list.statements.is_empty() {
        text.push_str("no statement yet: there is no peg, or its chains have not answered");
    } else if peg.is_some() {
        for view in &list.statements {
            let _ = writeln!(text, "{}", line(view));
        }
    } else {
        for view in &list.statements {
            let _ = writeln!(text, "{}", table(view));
        }
    }
    output.answer(&list, text.trim_end());
    // Of one peg the newest counts; of all, the newest of each.
    let newest = if peg.is_some() { 1 } else { usize::MAX };
    let mut newest = list.statements.iter().take(newest);
    match newest.find(|view| !view.holds) {
        Some(view) => Err(CliError::Failed(format!(
            "the statement about {} does not hold: docs/operations.md says what to do",
            view.peg
        ))),
        None => Ok(()),
    }
}

fn line(view: &SupplyView) -> String {
    let figure = view.surplus.as_ref().or(view.missing.as_ref());
    format!(
        "{:>8} {:<13} {:>24}  {} {} / {} {}",
        view.seq,
        view.finding,
        figure.map_or("", String::as_str),
        view.home.chain,
        view.home.height,
        view.side.chain,
        view.side.height
    )
}

fn table(view: &SupplyView) -> String {
    let mut text = format!(
        "{}: {} at block {} of {} and block {} of {}\n",
        view.peg,
        view.finding,
        view.home.height,
        view.home.chain,
        view.side.height,
        view.side.chain
    );
    let mut row = |what: &str, amount: &str| {
        let _ = writeln!(text, "  {what:<36} {amount:>30}");
    };
    if let Some(books) = &view.books {
        row("held by the vault", &books.held);
        row("minted, home lock open", &books.carried_in);
        row("released, side lock open", &books.carried_out);
        row("token supply", &books.supply);
        row("collected at home, not minted", &books.owed_in);
        row("collected on the side, not released", &books.owed_out);
        row("locked at home, not minted", &books.waiting_in);
        row("locked on the side, not released", &books.waiting_out);
    }
    if let Some(surplus) = &view.surplus {
        row("surplus", surplus);
    }
    if let Some(missing) = &view.missing {
        row("MISSING", missing);
    }
    for end in [&view.home, &view.side] {
        if end.paused {
            row("paused", &end.chain);
        }
    }
    text.trim_end().to_owned()
}
