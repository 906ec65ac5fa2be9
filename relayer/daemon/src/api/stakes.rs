//! `/v1/devices/{did}/exit`, `/stake`, `/withdraw`: a device's deposit, and how it comes back.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use axum::{
    Json,
    extract::{
        Path, State,
        rejection::{JsonRejection, PathRejection},
    },
    http::StatusCode,
};
use causeway_adapter_api::ChainError;
use causeway_contracts::DeviceRegistry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App, ByAccount, DeviceView, Problem,
    devices::{known, of_path, registered, send, shown, unknown},
};
use crate::{
    oracle::{DeviceState, admit},
    store::DeviceRow,
};

/// What a device has at stake. Amounts are smallest units of the public chain's native points, decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StakeView {
    /// The device.
    pub did: String,
    /// Where it is in its life.
    pub state: DeviceState,
    /// The deposit that is there.
    pub deposit: String,
    /// From this second of the public chain on it can be given back; none while the device is active.
    pub release_at: Option<u64>,
    /// The owner, who gets it.
    pub owner: String,
    /// What was given back to the owner, of all devices, and not withdrawn yet.
    pub credited: String,
    /// For how many readings it was rewarded.
    pub readings_rewarded: u64,
    /// What it earned by them, credited to the owner of the time: `/v1/market/earnings` has what is left.
    pub earned: String,
}

/// What was paid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DepositReturned {
    /// The device.
    pub did: String,
    /// Where it is in its life now.
    pub state: DeviceState,
    /// Who got it.
    pub payee: String,
    /// How much, smallest units of native points, decimal.
    pub amount: String,
}

/// A device's deposit, and what of its owner's waits to be withdrawn.
#[utoipa::path(
    get, path = "/v1/devices/{did}/stake", tag = "devices",
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses((status = 200, body = StakeView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn stake(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
) -> Result<Json<StakeView>, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let row = known(oracle, &did).await?;
    let record = registered(&row).ok_or_else(|| unknown(&did))?;
    let stake = app
        .of_registry(&DeviceRegistry::stakeOfCall { id: row.id })
        .await?;
    let release_at = stake.releaseAt;
    let (readings_rewarded, earned) = oracle.earned(row.id).await?;
    Ok(Json(StakeView {
        readings_rewarded,
        earned: earned.to_string(),
        did: did.to_string(),
        state: record.state,
        deposit: stake.deposit.to_string(),
        release_at: (release_at != 0).then_some(release_at),
        owner: record.owner.to_string(),
        credited: app.credited(record.owner).await?.to_string(),
    }))
}

/// The owner takes a device out: its readings count no more, its deposit comes back after a delay.
#[utoipa::path(
    post, path = "/v1/devices/{did}/exit", tag = "devices", request_body = ByAccount,
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, body = DeviceView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn exit(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
    body: Result<Json<ByAccount>, JsonRejection>,
) -> Result<Json<DeviceView>, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let row = known(oracle, &did).await?;
    send(&app, by, admit::exit(&oracle.config().site, row.id)).await?;
    let seen = |row: &DeviceRow| registered(row).is_some_and(|r| r.state != DeviceState::Active);
    Ok(Json(shown(oracle, &did, seen).await?))
}

/// Gives a device's deposit back once the delay is over, and pays out what its owner has; of a slashed device, what
/// whoever asks earned by reporting. Anybody may ask; the money goes where it belongs.
#[utoipa::path(
    post, path = "/v1/devices/{did}/withdraw", tag = "devices", request_body = ByAccount,
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, body = DepositReturned), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
    body: Result<Json<ByAccount>, JsonRejection>,
) -> Result<Json<DepositReturned>, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let site = oracle.config().site;
    let row = known(oracle, &did).await?;
    let record = registered(&row).ok_or_else(|| unknown(&did))?;
    let mut state = record.state;
    if matches!(state, DeviceState::Leaving | DeviceState::Revoked) {
        send(&app, by, admit::release(&site, row.id)).await?;
        let gone = |row: &DeviceRow| registered(row).is_some_and(|r| r.state == DeviceState::Gone);
        state = shown(oracle, &did, gone).await?.state;
    }
    let payee = match state {
        DeviceState::Slashed => by,
        _ => record.owner,
    };
    let amount = app.credited(payee).await?;
    if amount.is_zero() {
        return Err(nothing(state, payee));
    }
    send(&app, by, admit::withdraw(&site, payee)).await?;
    Ok(Json(DepositReturned {
        did: did.to_string(),
        state,
        payee: payee.to_string(),
        amount: amount.to_string(),
    }))
}

fn nothing(state: DeviceState, payee: Address) -> Problem {
    let detail = format!(
        "the device is {}, and {payee} has nothing to withdraw",
        state.name()
    );
    let what = match state {
        DeviceState::Active => {
            "a deposit comes back after `causeway device exit` or `revoke`, and a delay"
        }
        _ => "it was withdrawn already, or went to others when the device was slashed",
    };
    Problem::new(StatusCode::CONFLICT, "nothing-credited", detail, what)
}

impl App {
    async fn credited(&self, payee: Address) -> Result<U256, Problem> {
        self.of_registry(&DeviceRegistry::creditedCall { payee })
            .await
    }

    async fn of_registry<C: SolCall + Sync>(&self, call: &C) -> Result<C::Return, Problem> {
        let registry = self.oracle()?.config().site.registry;
        let answer = self.of_public(registry, call).await?;
        answer.ok_or_else(|| Problem::unavailable("the registry does not answer"))
    }

    /// What a contract of devices on the public chain says at the newest final block; `None` when it reverts.
    pub(super) async fn of_public<C: SolCall + Sync>(
        &self,
        contract: Address,
        call: &C,
    ) -> Result<Option<C::Return>, Problem> {
        let public = self.oracle()?.config().site.public;
        let entry = self.chains.iter().find(|entry| entry.id() == public);
        let late = || Problem::unavailable("the chain of devices is not connected");
        let chain = &entry.ok_or_else(late)?.chain;
        let data: Bytes = call.abi_encode().into();
        let tip = chain.finalized().await.map_err(Problem::unavailable)?;
        match chain.call(contract, data, tip.height).await {
            Ok(answer) => match C::abi_decode_returns(&answer) {
                Ok(returned) => Ok(Some(returned)),
                Err(_) => Err(Problem::unavailable("the contract's answer cannot be read")),
            },
            Err(ChainError::Reverted { .. }) => Ok(None),
            Err(error) => Err(Problem::unavailable(error)),
        }
    }
}
