//! `causeway lane`.

use super::{
    CliError,
    args::{Global, Lane},
    client::Api,
    output::Output,
    transfer::segment,
};
use crate::api::{LaneAct, LaneOrdered, LaneView};

pub(super) async fn run(global: &Global, command: Lane, output: &Output) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    let (verb, act) = match command {
        Lane::List => {
            let lanes: Vec<LaneView> = api.get("/v1/lanes").await?;
            let lines: Vec<String> = lanes.iter().map(line).collect();
            output.answer(&lanes, lines.join("\n"));
            return Ok(());
        }
        Lane::Pause(act) => ("pause", act),
        Lane::Unpause(act) => ("unpause", act),
    };
    let path = format!("/v1/lanes/{}/{}/{verb}", segment(&act.chain)?, act.lane);
    let ordered: LaneOrdered = api.post(&path, &LaneAct { why: act.why }).await?;
    let text = format!(
        "ordered: {}; `causeway lane list` shows when it is final",
        ordered.task
    );
    output.answer(&ordered, text);
    Ok(())
}

fn line(view: &LaneView) -> String {
    let state = match (&view.paused_by, view.paused_at) {
        _ if !view.paused => "running".to_owned(),
        (Some(by), Some(at)) => format!("PAUSED by {by} at {at}"),
        _ => "PAUSED".to_owned(),
    };
    let order = if view.ordered {
        "in order"
    } else {
        "any order"
    };
    format!(
        "{:<12} lane {} to {}  {order:<9}  {:>6} sent  {state}",
        view.chain, view.lane, view.to, view.sent
    )
}
