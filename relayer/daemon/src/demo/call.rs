//! A contract of the other chain is called and its answer comes back, on proofs alone.

use std::time::Instant;

use alloy_primitives::{Bytes, U256};
use causeway_core::{
    explain::decimal,
    lane::Order,
    message::{Outcome, Status},
};
use serde_json::{Value, json};

use super::{DemoError, Stage, follow::LOOK, id, points};
use crate::relay::{MessageView, RelayError, SendRequest};

/// Call data of ERC-20's `totalSupply()`.
const TOTAL_SUPPLY: [u8; 4] = [0x18, 0x16, 0x0d, 0xdd];
/// Longest the call takes.
const LIMIT_SECONDS: u64 = 90;

/// What came of the call.
pub(super) struct Called {
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) found: Value,
}

/// Alice asks the consortium's points token from the public chain how many points there are.
pub(super) async fn call(
    stage: &Stage<'_>,
    note: &dyn Fn(&str),
    began: Instant,
) -> Result<Called, DemoError> {
    let request = SendRequest {
        from: id(stage.public),
        account: stage.alice,
        to: id(stage.consortium),
        recipient: points(stage.consortium).address(),
        payload: Bytes::from_static(&TOTAL_SUPPLY),
        call: true,
        order: Order::Unordered,
        deadline: None,
        gas_limit: None,
    };
    let relay = &stage.daemon.relay;
    let late = |what: &str| DemoError::Late {
        what: what.into(),
        seconds: LIMIT_SECONDS,
    };
    let mut view = loop {
        match relay.send(&request).await {
            Ok(view) => break view,
            // The relay has not read the gateways yet.
            Err(RelayError::PeerNoLane { .. }) if began.elapsed().as_secs() < LIMIT_SECONDS => {
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    let message = view.row.state.sent.id;
    let mut last = "";
    while view.row.state.outcome().is_none() {
        let stage = view.row.state.stage().name();
        if stage != last {
            last = stage;
            let seconds = began.elapsed().as_secs_f64();
            note(&format!("[{seconds:5.1} s]   call {message}: {stage}"));
        }
        if began.elapsed().as_secs() > LIMIT_SECONDS {
            return Err(late("the result of the call"));
        }
        tokio::time::sleep(LOOK).await;
        view = relay.show(message).await?;
    }
    Ok(told(&view))
}

fn told(view: &MessageView) -> Called {
    let line = |said: &str| view.history.iter().find(|line| line.said == said);
    let (executed, home) = (line("executed"), line("acknowledged"));
    let result: Option<Bytes> = executed
        .and_then(|line| line.result.as_deref())
        .and_then(|text| text.parse().ok());
    let number = result
        .as_ref()
        .and_then(|bytes| U256::try_from_be_slice(bytes));
    let ok = view.row.state.outcome() == Some(&Outcome::Acknowledged(Status::Executed))
        && number.is_some_and(|supply| !supply.is_zero());
    let (there, back) = (
        executed.and_then(|line| line.proved_at),
        home.and_then(|line| line.proved_at),
    );
    let message = view.row.state.sent.id;
    let height = |height: Option<u64>| height.map_or_else(|| "?".into(), |h| h.to_string());
    Called {
        ok,
        text: format!(
            "the consortium's token answered the public chain: {} points in all; proved by public block {}, its \
             result by consortium block {} ({message})",
            decimal(number.unwrap_or_default(), 18),
            height(there),
            height(back),
        ),
        found: json!({
            "message": message.to_string(),
            "result": result,
            "certificates": { "public": there, "consortium": back },
        }),
    }
}
