//! `causeway alarm`.

use super::{
    CliError,
    args::{Alarm, Global},
    client::Api,
    output::Output,
};
use crate::api::{Acknowledge, AlarmList, AlarmView};

pub(super) async fn run(global: &Global, command: Alarm, output: &Output) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    match command {
        Alarm::List { all, limit } => {
            let open = !all;
            let path = format!("/v1/alarms?open={open}&limit={limit}");
            let list: AlarmList = api.get(&path).await?;
            let lines: Vec<String> = list.alarms.iter().map(line).collect();
            let none = if all { "no alarm" } else { "no open alarm" };
            let text = if lines.is_empty() {
                none.to_owned()
            } else {
                lines.join("\n")
            };
            output.answer(&list, text);
        }
        Alarm::Show { id } => {
            let view: AlarmView = api.get(&format!("/v1/alarms/{id}")).await?;
            output.answer(&view, whole(&view));
        }
        Alarm::Ack { id, note } => {
            let path = format!("/v1/alarms/{id}/acknowledge");
            let view: AlarmView = api.post(&path, &Acknowledge { note }).await?;
            output.answer(&view, whole(&view));
        }
    }
    Ok(())
}

fn line(view: &AlarmView) -> String {
    let AlarmView {
        id, state, rule, ..
    } = view;
    format!(
        "{id:>6} {state:<12} {rule:<16} {}: {}",
        view.subject, view.text
    )
}

fn whole(view: &AlarmView) -> String {
    let mut text = format!(
        "alarm {}: {} ({})\nabout {}\n{}\nraised at {} ({} times)",
        view.id, view.rule, view.state, view.subject, view.text, view.raised_at, view.times
    );
    if let Some(at) = view.escalated_at {
        text += &format!("\nescalated at {at}");
    }
    if let (Some(at), Some(by)) = (view.acknowledged_at, &view.acknowledged_by) {
        let note = view.note.as_deref().unwrap_or_default();
        text += &format!("\nacknowledged at {at} by {by}: {note}");
    }
    if let Some(at) = view.cleared_at {
        text += &format!("\ncleared at {at}");
    }
    text
}
