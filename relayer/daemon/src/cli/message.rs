//! `causeway message`, and `causeway explain` of one.

use std::{fmt::Write as _, time::Duration};

use super::{
    CliError,
    args::{Global, Message as Command, Send},
    client::Api,
    output::Output,
    transfer::{at, segment},
};
use crate::api::{Message, MessageDetail, MessageList, SendMessage};

/// Pause between two looks of `--wait`.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    match command {
        Command::Send(args) => send(&api, &args, output).await,
        Command::List { limit, offset } => {
            let path = format!("/v1/messages?limit={limit}&offset={offset}");
            let page: MessageList = api.get(&path).await?;
            let mut text: Vec<String> = page.messages.iter().map(line).collect();
            if text.is_empty() {
                text.push("no messages".into());
            }
            if let Some(next) = page.next_offset {
                text.push(format!("more: --offset {next}"));
            }
            output.answer(&page, text.join("\n"));
            Ok(())
        }
        Command::Show { id } => {
            let detail = detail(&api, &id).await?;
            output.answer(&detail, shown(&detail));
            Ok(())
        }
        Command::Retry { id } => {
            api.ask(&format!("/v1/messages/{}/retry", segment(&id)?))
                .await?;
            let detail = detail(&api, &id).await?;
            output.answer(&detail, shown(&detail));
            Ok(())
        }
    }
}

/// Whether an id names a message; those of transfers have no dash.
pub(super) fn is_message(id: &str) -> bool {
    id.contains('-')
}

pub(super) async fn explain(global: &Global, id: &str, output: &Output) -> Result<(), CliError> {
    let detail = detail(&Api::connect(global)?, id).await?;
    output.answer(&detail, &detail.message.explanation);
    Ok(())
}

async fn send(api: &Api, args: &Send, output: &Output) -> Result<(), CliError> {
    let request = SendMessage {
        from: at("--from", &args.from)?,
        to: at("--to", &args.to)?,
        payload: args.data.clone(),
        call: args.call,
        ordered: args.ordered,
        deadline: args.deadline,
        gas_limit: args.gas,
    };
    let mut detail: MessageDetail = api.post("/v1/messages", &request).await?;
    let id = detail.message.id.clone();
    if !args.wait {
        output.answer(&detail, format!("{id}\n  causeway message show {id}"));
        return Ok(());
    }
    let mut last = String::new();
    while detail.message.outcome.is_none() {
        if detail.message.stage != last {
            last.clone_from(&detail.message.stage);
            output.say(format!("  {last}"));
        }
        tokio::time::sleep(LOOK).await;
        detail = self::detail(api, &id).await?;
    }
    output.answer(&detail, shown(&detail));
    match detail.message.outcome.as_deref() {
        Some("executed") => Ok(()),
        ended => Err(CliError::Failed(format!(
            "message {id} ended {}",
            ended.unwrap_or("open")
        ))),
    }
}

async fn detail(api: &Api, id: &str) -> Result<MessageDetail, CliError> {
    api.get(&format!("/v1/messages/{}", segment(id)?)).await
}

fn line(message: &Message) -> String {
    format!(
        "{:<20} {:<8} {:<12} {:<10} {} -> {}",
        message.id,
        message.kind,
        message.stage,
        message.outcome.as_deref().unwrap_or("open"),
        message.from_chain,
        message.to_chain,
    )
}

fn shown(detail: &MessageDetail) -> String {
    let message = &detail.message;
    let mut text = format!(
        "{}\n  {}\n  from {} on {} to {} on {}\n",
        message.id,
        message.explanation,
        message.sender,
        message.from_chain,
        message.recipient,
        message.to_chain
    );
    if let Some(result) = &detail.result {
        let _ = writeln!(text, "  result {result}");
    }
    for said in &detail.history {
        let proved = said.proved_at.map_or_else(String::new, |h| {
            format!(", proved by block {h} of the other chain")
        });
        let _ = writeln!(
            text,
            "    {} {:<12} in block {} of chain {}{proved}",
            said.time, said.said, said.height, said.chain
        );
    }
    text.trim_end().to_owned()
}
