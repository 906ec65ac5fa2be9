//! `/`.

use std::{cmp::Reverse, sync::Arc};

use axum::{extract::State, response::Response};
use causeway_console::{
    pages::overview::{self, Attention, Crossing, MAX_DRAWN, MAX_STEPS, Overview, PegLine, Step},
    parts::{Tone, segment},
};

use super::Look;
use crate::{
    api::{App, EventView, Message, MessageStep, Problem, SupplyView, Transfer},
    store::AlarmRow,
};

/// Transfers and messages that are looked through for what is under way.
const LOOKED_AT: u32 = 200;
/// Newest events of this run that are looked through for steps.
const LOOKED_THROUGH: u64 = 1_000;
/// Alarms that nobody has seen, at most.
const UNSEEN: u32 = 8;

pub(super) async fn show(State(app): State<Arc<App>>, look: Look) -> Response {
    let view = load(&app).await;
    look.show(|frame| Ok(overview::page(frame, &view?)))
}

async fn load(app: &App) -> Result<Overview, Problem> {
    let (chains, transfers, messages, pegs, unseen) = futures::join!(
        app.chain_cards(),
        app.newest_transfers(LOOKED_AT),
        app.newest_messages(LOOKED_AT),
        app.newest_statements(),
        app.unseen_alarms(UNSEEN),
    );
    let (transfers, messages, pegs, unseen) = (transfers?, messages?, pegs?, unseen?);
    let mut crossing: Vec<(u64, Crossing)> = transfers
        .iter()
        .filter(|transfer| transfer.outcome.is_none())
        .map(|transfer| (transfer.updated_at, of_transfer(app, transfer)))
        .collect();
    // A watchtower looks at the same transfer as its parties.
    crossing.sort_by(|(a_at, a), (b_at, b)| (&a.link, b_at).cmp(&(&b.link, a_at)));
    crossing.dedup_by(|a, b| a.1.link == b.1.link);
    crossing.sort_by_key(|(at, _)| Reverse(*at));
    let open = messages.iter().filter(|message| message.outcome.is_none());
    crossing.extend(open.map(|message| (0, of_message(app, message))));
    let crossing_count = crossing.len();
    let crossing = crossing.into_iter().take(MAX_DRAWN).map(|(_, one)| one);
    Ok(Overview {
        attention: attention(app, &chains, &transfers, &messages, &pegs, &unseen),
        chains,
        crossing: crossing.collect(),
        crossing_count,
        pegs: pegs.iter().map(|peg| line(app, peg)).collect(),
        steps: steps(app),
    })
}

fn of_transfer(app: &App, transfer: &Transfer) -> Crossing {
    let from = transfer.from_chain.clone().unwrap_or_default();
    let money = transfer.give.as_ref();
    Crossing {
        link: format!("/transfers/{}", segment(&transfer.id)),
        kind: transfer.kind.clone(),
        is_outward: app.is_first(&from),
        money: money.map(|give| app.money(Some(&from), give)),
        to: transfer.to_chain.clone().unwrap_or_default(),
        from,
        stage: transfer.stage.clone(),
        progress: progress(&transfer.stage),
    }
}

fn of_message(app: &App, message: &Message) -> Crossing {
    Crossing {
        link: format!("/messages/{}", segment(&message.id)),
        kind: message.kind.clone(),
        is_outward: app.is_first(&message.from_chain),
        from: message.from_chain.clone(),
        to: message.to_chain.clone(),
        money: None,
        stage: message.stage.clone(),
        progress: progress(&message.stage),
    }
}

/// How far a stage is on the way over, in quarters.
fn progress(stage: &str) -> u8 {
    match stage {
        "locking" | "sent" | "refunding" | "opening" => 1,
        "waiting" | "proved" | "business" | "watching" | "expired" => 2,
        "claiming" | "carrying" | "executed" | "failed" | "owing" => 3,
        "collecting" | "releasing" | "ended" => 4,
        _ => 0,
    }
}

fn line(app: &App, peg: &SupplyView) -> PegLine {
    let books = app.books(peg);
    PegLine {
        name: peg.peg.clone(),
        holds: peg.holds,
        held: books.as_ref().map(|books| books.held.clone()),
        supply: books.map(|books| books.supply),
        at: peg.at,
    }
}

fn attention(
    app: &App,
    chains: &[causeway_console::pages::chains::ChainCard],
    transfers: &[Transfer],
    messages: &[Message],
    pegs: &[SupplyView],
    unseen: &[AlarmRow],
) -> Vec<Attention> {
    let one = |tone, what, about: &str, link: String| Attention {
        tone,
        what,
        about: about.to_owned(),
        link,
    };
    let mut all = Vec::new();
    if !app.driver.is_running() {
        all.push(one(Tone::Bad, "driver_stopped", "", "/health".into()));
    }
    for chain in chains {
        if chain.age.is_none_or(|age| age > chain.stalled_after) {
            let link = format!("/chains/{}", segment(&chain.name));
            all.push(one(Tone::Bad, "chain_stalled", &chain.name, link));
        }
    }
    for peg in pegs {
        let link = || format!("/supply/{}", segment(&peg.peg));
        if !peg.holds {
            all.push(one(Tone::Bad, "supply_alarm", &peg.peg, link()));
        }
        if peg.home.paused || peg.side.paused {
            all.push(one(Tone::Warn, "port_paused", &peg.peg, link()));
        }
    }
    for transfer in transfers.iter().filter(|transfer| transfer.alarm.is_some()) {
        let link = format!("/transfers/{}", segment(&transfer.id));
        all.push(one(Tone::Bad, "transfer_alarm", &transfer.id, link));
    }
    for alarm in unseen {
        let about = format!("{}: {}", alarm.rule, alarm.subject);
        all.push(one(Tone::Bad, "alarm_open", &about, "/alarms".into()));
    }
    for message in messages {
        if message.stage == "failed" && message.outcome.is_none() {
            let link = format!("/messages/{}", segment(&message.id));
            all.push(one(Tone::Warn, "message_failed", &message.id, link));
        }
    }
    all
}

/// The newest steps, newest first.
fn steps(app: &App) -> Vec<Step> {
    // Between two steps there may be many rounds of feeds, which are no steps.
    let from = app.events.next().saturating_sub(LOOKED_THROUGH);
    let (kept, ..) = app.events.since(from);
    let steps = kept.iter().rev().filter_map(|(_, event)| match event.name {
        "step" => serde_json::from_str(&event.data).ok().map(of_step),
        "message" => serde_json::from_str(&event.data).ok().map(of_said),
        "supply" => serde_json::from_str(&event.data).ok().map(of_statement),
        _ => None,
    });
    steps.take(MAX_STEPS).collect()
}

fn of_step(event: EventView) -> Step {
    Step {
        at: event.step.at,
        link: format!("/transfers/{}", segment(&event.transfer)),
        kind: event.kind,
        event: event.step.event.unwrap_or_else(|| "begun".into()),
        stage: event.step.stage,
        chain: event.step.chain,
    }
}

fn of_said(step: MessageStep) -> Step {
    Step {
        at: step.time,
        link: format!("/messages/{}", segment(&step.message)),
        kind: "message".into(),
        event: step.said.clone(),
        stage: step.said,
        chain: Some(step.chain),
    }
}

fn of_statement(statement: SupplyView) -> Step {
    Step {
        at: statement.at,
        link: format!("/supply/{}", segment(&statement.peg)),
        kind: "supply".into(),
        event: "statement".into(),
        stage: statement.finding,
        chain: None,
    }
}

impl App {
    /// Whether a chain is drawn on the left.
    fn is_first(&self, chain: &str) -> bool {
        let first = self
            .chains
            .iter()
            .min_by_key(|entry| entry.kind != "public");
        first.is_some_and(|entry| entry.name == chain)
    }
}
