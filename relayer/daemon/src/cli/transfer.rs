//! `causeway transfer` and `causeway explain`.

use std::{fmt::Write as _, time::Duration};

use super::{
    CliError,
    args::{Confirm, Global, List, Start, StartKind, Transfer as Command},
    client::Api,
    digest::{self, Private},
    output::Output,
};
use crate::api::{
    Amount, At, ConfirmRequest, ExplanationView, PartView, PegKind, SettlementKind, StartPeg,
    StartRequest, StartSettlement, Started, Transfer, TransferList,
};

/// How long a settlement waits for its result, where nothing else was said.
const HOUR: u64 = 3_600;
/// Pause between two looks of `--wait`.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    match command {
        Command::Start(args) => start(&api, &args, output).await,
        Command::List(args) => list(&api, &args, output).await,
        Command::Show { id } => {
            let parts = parts(&api, &id).await?;
            output.answer(&parts, shown(&parts));
            Ok(())
        }
        Command::Refund { id } => {
            api.ask(&format!("/v1/transfers/{}/refund", segment(&id)?))
                .await?;
            let told: Vec<ExplanationView> = explained(&api, &id).await?;
            output.answer(&told, texts(&told));
            Ok(())
        }
        Command::Confirm(args) => confirm(&api, &args, output).await,
    }
}

pub(super) async fn explain(global: &Global, id: &str, output: &Output) -> Result<(), CliError> {
    let told = explained(&Api::connect(global)?, id).await?;
    output.answer(&told, texts(&told));
    Ok(())
}

async fn start(api: &Api, args: &Start, output: &Output) -> Result<(), CliError> {
    no_business(args)?;
    let started: Started = match args.kind {
        StartKind::Swap => api.post("/v1/transfers", &swap(args)?).await?,
        StartKind::PegIn => {
            api.post("/v1/transfers", &peg(args, PegKind::PegIn)?)
                .await?
        }
        StartKind::PegOut => {
            api.post("/v1/transfers", &peg(args, PegKind::PegOut)?)
                .await?
        }
        StartKind::Settlement => api.post("/v1/transfers", &settlement(args)?).await?,
    };
    output.answer(
        &started,
        format!("{}\n  causeway explain {}", started.id, started.id),
    );
    if args.wait {
        wait(api, &started.id, output).await
    } else {
        Ok(())
    }
}

pub(super) fn swap(args: &Start) -> Result<StartRequest, CliError> {
    let needed = |argument, given: &Option<String>| {
        given.clone().ok_or(CliError::Argument {
            argument,
            got: String::new(),
            expected: "something: a swap has another party and wants an amount",
        })
    };
    if let Some(window) = args.window {
        return Err(CliError::Argument {
            argument: "--window",
            got: window.to_string(),
            expected: "--kind peg-in, peg-out or settlement beside it: a swap's deadlines follow from the margin",
        });
    }
    let asset = |given: &Option<String>| given.clone().unwrap_or_else(|| "points".into());
    Ok(StartRequest {
        from: at("--from", &args.from)?,
        give: Amount {
            asset: asset(&args.give_asset),
            amount: smallest_units("--give", &args.give)?,
        },
        counterparty: needed("--counterparty", &args.counterparty)?,
        to: at("--to", &args.to)?,
        want: Amount {
            asset: asset(&args.want_asset),
            amount: smallest_units("--want", &needed("--want", &args.want)?)?,
        },
        deposit: smallest_units("--deposit", &args.deposit)?,
    })
}

pub(super) fn peg(args: &Start, kind: PegKind) -> Result<StartPeg, CliError> {
    let of_a_swap = [
        ("--counterparty", &args.counterparty),
        ("--want", &args.want),
        ("--want-asset", &args.want_asset),
    ];
    for (argument, given) in of_a_swap {
        if let Some(got) = given.clone() {
            return Err(CliError::Argument {
                argument,
                got,
                expected: "nothing: over the peg there is no other party, and the same amount arrives",
            });
        }
    }
    Ok(StartPeg {
        kind,
        from: at("--from", &args.from)?,
        give: Amount {
            asset: args.give_asset.clone().unwrap_or_else(|| "peg".into()),
            amount: smallest_units("--give", &args.give)?,
        },
        to: at("--to", &args.to)?,
        deposit: smallest_units("--deposit", &args.deposit)?,
        window_seconds: args.window,
    })
}

fn settlement(args: &Start) -> Result<StartSettlement, CliError> {
    for (argument, given) in [("--want", &args.want), ("--want-asset", &args.want_asset)] {
        if let Some(got) = given.clone() {
            return Err(CliError::Argument {
                argument,
                got,
                expected: "nothing: what a settlement comes to, its business finds",
            });
        }
    }
    if args.to.contains(':') {
        return Err(CliError::Argument {
            argument: "--to",
            got: args.to.clone(),
            expected: "the chain of the business alone, as consortium",
        });
    }
    let counterparty = args.counterparty.clone().ok_or(CliError::Argument {
        argument: "--counterparty",
        got: String::new(),
        expected: "something: a settlement has another party",
    })?;
    let of = &args.settlement;
    let terms = Private {
        digest: of.terms_digest,
        file: of.terms.clone(),
        salt_file: of.salt_file.clone(),
    };
    Ok(StartSettlement {
        kind: SettlementKind::Settlement,
        from: at("--from", &args.from)?,
        give: Amount {
            asset: args.give_asset.clone().unwrap_or_else(|| "points".into()),
            amount: smallest_units("--give", &args.give)?,
        },
        counterparty,
        consortium: args.to.clone(),
        business: of.business.map(|business| business.to_string()),
        terms_digest: digest::of("--terms", &terms)?.to_string(),
        window_seconds: args.window.unwrap_or(HOUR),
    })
}

/// What only a settlement has is refused with every other kind.
fn no_business(args: &Start) -> Result<(), CliError> {
    let of = &args.settlement;
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|p| p.display().to_string());
    let given = [
        ("--terms", path(&of.terms)),
        ("--salt-file", path(&of.salt_file)),
        (
            "--terms-digest",
            of.terms_digest.map(|digest| digest.to_string()),
        ),
        (
            "--business",
            of.business.map(|business| business.to_string()),
        ),
    ];
    for (argument, got) in given {
        if let (Some(got), true) = (got, args.kind != StartKind::Settlement) {
            return Err(CliError::Argument {
                argument,
                got,
                expected: "--kind settlement beside it",
            });
        }
    }
    Ok(())
}

async fn confirm(api: &Api, args: &Confirm, output: &Output) -> Result<(), CliError> {
    let private = Private {
        digest: args.outcome_digest,
        file: args.data.clone(),
        salt_file: args.salt_file.clone(),
    };
    let request = ConfirmRequest {
        account: args.account.clone(),
        outcome_digest: digest::of("--data", &private)?.to_string(),
        to_counterparty: smallest_units("--to-counterparty", &args.to_counterparty)?,
    };
    let id = segment(&args.id)?;
    api.ask_with(&format!("/v1/transfers/{id}/confirm"), &request)
        .await?;
    let told: Vec<ExplanationView> = explained(api, id).await?;
    output.answer(&told, texts(&told));
    Ok(())
}

async fn wait(api: &Api, id: &str, output: &Output) -> Result<(), CliError> {
    let mut last = String::new();
    loop {
        let parts = parts(api, id).await?;
        let begun = |part: &&PartView| matches!(&*part.transfer.role, "initiator" | "user");
        let Some(part) = parts.iter().find(begun) else {
            return Err(CliError::Failed(format!(
                "transfer {id} was not begun here"
            )));
        };
        if part.explanation.place != last {
            last.clone_from(&part.explanation.place);
            output.say(format!("  {last}"));
        }
        match part.transfer.outcome.as_deref() {
            None => tokio::time::sleep(LOOK).await,
            Some(good @ ("completed" | "released")) => {
                output.answer(&part.transfer, good);
                return Ok(());
            }
            Some(outcome) => {
                output.answer(&part.transfer, outcome);
                return Err(CliError::Failed(format!("transfer {id} ended {outcome}")));
            }
        }
    }
}

async fn list(api: &Api, args: &List, output: &Output) -> Result<(), CliError> {
    let mut path = format!("/v1/transfers?limit={}&offset={}", args.limit, args.offset);
    for (key, value) in [
        ("kind", &args.kind),
        ("role", &args.role),
        ("stage", &args.stage),
        ("chain", &args.chain),
    ] {
        if let Some(value) = value {
            let _ = write!(path, "&{key}={}", segment(value)?);
        }
    }
    let page: TransferList = api.get(&path).await?;
    let mut text: Vec<String> = page.transfers.iter().map(line).collect();
    if text.is_empty() {
        text.push("no transfers".into());
    }
    if let Some(next) = page.next_offset {
        text.push(format!("more: --offset {next}"));
    }
    output.answer(&page, text.join("\n"));
    Ok(())
}

async fn parts(api: &Api, id: &str) -> Result<Vec<PartView>, CliError> {
    api.get(&format!("/v1/transfers/{}", segment(id)?)).await
}

async fn explained(api: &Api, id: &str) -> Result<Vec<ExplanationView>, CliError> {
    api.get(&format!("/v1/transfers/{}/explain", segment(id)?))
        .await
}

fn line(transfer: &Transfer) -> String {
    let amount = |amount: &Option<Amount>| {
        amount.as_ref().map_or_else(
            || "-".into(),
            |a| format!("{} {}", whole(&a.amount), short(&a.asset)),
        )
    };
    format!(
        "{}  {:<7} {:<12} {:<10} {:<10} {} -> {}: {} for {}",
        transfer.id,
        transfer.kind,
        transfer.role,
        transfer.stage,
        transfer.outcome.as_deref().unwrap_or("open"),
        transfer.from_chain.as_deref().unwrap_or("-"),
        transfer.to_chain.as_deref().unwrap_or("-"),
        amount(&transfer.give),
        amount(&transfer.want),
    )
}

fn shown(parts: &[PartView]) -> String {
    let mut text = String::new();
    for part in parts {
        let _ = writeln!(text, "{}\n  history", part.explanation.text);
        for step in &part.history {
            let event = step.event.as_deref().unwrap_or("begun");
            let does = if step.does.is_empty() {
                String::new()
            } else {
                format!(", does {}", step.does.join(" and "))
            };
            let read = match (&step.chain, step.height) {
                (Some(chain), Some(height)) => format!(", in block {height} of {chain}"),
                _ => String::new(),
            };
            let _ = writeln!(
                text,
                "    {} {:<10} -> {}{does}{read}",
                step.at, event, step.stage
            );
        }
        for proof in &part.proofs {
            let _ = writeln!(
                text,
                "  {} proved by block {} of {}",
                proof.purpose, proof.height, proof.chain
            );
        }
        if let Some(alarm) = &part.transfer.alarm {
            let _ = writeln!(text, "  ALARM: {alarm}");
        }
    }
    text.trim_end().to_owned()
}

fn texts(told: &[ExplanationView]) -> String {
    told.iter()
        .map(|t| t.text.as_str())
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// `CHAIN:ACCOUNT`.
pub(super) fn at(argument: &'static str, text: &str) -> Result<At, CliError> {
    let parts = text
        .split_once(':')
        .filter(|(chain, account)| !chain.is_empty() && !account.is_empty());
    let (chain, account) = parts.ok_or_else(|| CliError::Argument {
        argument,
        got: text.into(),
        expected: "CHAIN:ACCOUNT, as public:alice",
    })?;
    Ok(At {
        chain: chain.into(),
        account: account.into(),
    })
}

/// Only what needs no escaping in an address goes into one.
pub(super) fn segment(text: &str) -> Result<&str, CliError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.len() <= 80 && text.chars().all(plain) {
        return Ok(text);
    }
    Err(CliError::Argument {
        argument: "id or filter",
        got: text.into(),
        expected: "letters, digits, - and _",
    })
}

/// Smallest units, from whole units with up to 18 decimals or from `<digits>wei`.
pub(super) fn smallest_units(argument: &'static str, text: &str) -> Result<String, CliError> {
    let bad = || CliError::Argument {
        argument,
        got: text.into(),
        expected: "an amount like 5, 0.25 (18 decimals at most) or 5wei",
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if let Some(wei) = text.strip_suffix("wei") {
        return if !wei.is_empty() && digits(wei) {
            Ok(wei.into())
        } else {
            Err(bad())
        };
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 18 || text.ends_with('.')
    {
        return Err(bad());
    }
    let all = format!("{whole}{part:0<18}");
    let trimmed = all.trim_start_matches('0');
    Ok(if trimmed.is_empty() {
        "0".into()
    } else {
        trimmed.into()
    })
}

/// Whole units of 18 decimals.
pub(super) fn whole(smallest: &str) -> String {
    let padded = format!("{smallest:0>19}");
    let (whole, part) = padded.split_at(padded.len() - 18);
    let part = part.trim_end_matches('0');
    if part.is_empty() {
        whole.into()
    } else {
        format!("{whole}.{part}")
    }
}

fn short(asset: &str) -> String {
    if asset.starts_with("0x") {
        format!("token {}", asset.get(2..10).unwrap_or(asset))
    } else {
        asset.into()
    }
}
