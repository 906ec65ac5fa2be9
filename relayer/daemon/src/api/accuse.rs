//! `/v1/devices/{did}/slash`: what a device showed against itself, brought to the registry by anyone.

use std::sync::Arc;

use alloy_primitives::Bytes;
use axum::{
    Json,
    extract::{
        Path, State,
        rejection::{JsonRejection, PathRejection},
    },
    http::StatusCode,
};
use causeway_adapter_device::{
    archive::KeptEvidence,
    evidence::Evidence,
    reading::{Body, Signed},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    App, DeviceView, Problem,
    devices::{known, of_path, registered, send, shown},
};
use crate::{
    oracle::{DeviceState, admit},
    store::DeviceRow,
};

/// Who brings evidence against a device, and which.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlashDevice {
    /// One of the daemon's accounts; the reporter's share is its.
    pub by: String,
    /// Two readings that contradict each other, of whatever operators; what an operator of this daemon kept when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<SignedReadingData>,
}

/// A reading as `/v1/readings/{device}/{sequence}` of any daemon says it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedReadingData {
    /// What the device signed, 128 bytes (docs/devices.md).
    pub body: String,
    /// The hardware key's signature, r and s.
    pub signature: String,
}

/// Brings what a device showed against itself to the registry: two readings that somebody has of whatever operators, or else
/// what is in the archives of the operators here.
#[utoipa::path(
    post, path = "/v1/devices/{did}/slash", tag = "devices", request_body = SlashDevice,
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, body = DeviceView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn slash(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
    body: Result<Json<SlashDevice>, JsonRejection>,
) -> Result<Json<DeviceView>, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let row = known(oracle, &did).await?;
    let evidence = match &request.readings[..] {
        [] => oracle.evidence_against(row.id).await?,
        given => Some(contradiction(&row, given)?),
    };
    let Some(evidence) = evidence else {
        let detail = format!("no operator here has evidence against {did}");
        let what = "ask the other operators: whoever took both readings has it; two that differ may be with two of them";
        return Err(Problem::not_found(detail, what));
    };
    send(&app, by, admit::slash(&oracle.config().site, &evidence)).await?;
    let seen = |row: &DeviceRow| registered(row).is_some_and(|r| r.state == DeviceState::Slashed);
    Ok(Json(shown(oracle, &did, seen).await?))
}

/// What two readings say against the device that signed both. Signatures are for the registry to check, which knows every key
/// the device had.
fn contradiction(row: &DeviceRow, given: &[SignedReadingData]) -> Result<KeptEvidence, Problem> {
    let read = |(place, one)| read(row, place, one);
    let readings = given.iter().enumerate().map(read);
    let mut readings = readings.collect::<Result<Vec<_>, _>>()?;
    readings.sort_by_key(|reading| reading.body.sequence);
    let [first, second] = readings[..] else {
        let detail = format!("{} readings are given, expected two", readings.len());
        return Err(Problem::bad_request(detail));
    };
    let Some(evidence) = Evidence::of(&first, &second) else {
        let detail = "these two readings do not contradict each other";
        let what = "two of one number that differ, or one and the next that does not name its digest, of one feed and key";
        let status = StatusCode::CONFLICT;
        return Err(Problem::new(status, "no-contradiction", detail, what));
    };
    Ok(KeptEvidence {
        offence: evidence.offence(),
        readings: evidence.readings().map(|one| (one.body, one.hardware)),
    })
}

fn read(row: &DeviceRow, place: usize, one: &SignedReadingData) -> Result<Signed, Problem> {
    let bad = |field: &str, expected: &str| {
        Problem::bad_request(format!("readings[{place}].{field}: expected {expected}"))
    };
    let body: Bytes = one.body.parse().map_err(|_| bad("body", BODY))?;
    let body = Body::from_bytes(&body).map_err(|_| bad("body", BODY))?;
    let signature: Bytes = one.signature.parse().map_err(|_| bad("signature", PAIR))?;
    let hardware = <[u8; 64]>::try_from(&signature[..]).map_err(|_| bad("signature", PAIR))?;
    if body.device != row.id {
        return Err(bad("body", "a reading of this device"));
    }
    Ok(Signed {
        body,
        hardware,
        feed: None,
    })
}

const BODY: &str = "0x and the 128 bytes that are signed, as /v1/readings says them";
const PAIR: &str = "0x and 64 bytes, r and s, as /v1/readings says them";

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, hex};

    use super::*;

    const DEVICE: B256 = B256::repeat_byte(3);

    fn row() -> DeviceRow {
        DeviceRow {
            id: DEVICE,
            did: Some("did:odin:1".into()),
            registered: None,
            mirrored: None,
        }
    }

    fn reading(sequence: u64, value: i64) -> SignedReadingData {
        let body = Body {
            key_number: 1,
            sequence,
            time: 1_800_000_000_000,
            value,
            device: DEVICE,
            feed: B256::repeat_byte(4),
            previous: B256::repeat_byte(5),
        };
        SignedReadingData {
            body: hex::encode_prefixed(body.to_bytes()),
            signature: hex::encode_prefixed([7; 64]),
        }
    }

    fn refused(given: &[SignedReadingData]) -> String {
        contradiction(&row(), given).unwrap_err().detail
    }

    #[test]
    fn two_readings_of_one_number_are_evidence_in_either_order() {
        let (one, other) = (reading(2, 400), reading(2, 790));

        for given in [[one.clone(), other.clone()], [other, one]] {
            let evidence = contradiction(&row(), &given).unwrap();
            assert_eq!(evidence.offence.code(), "equivocation");
        }
        let broken = contradiction(&row(), &[reading(3, 1), reading(2, 1)]).unwrap();
        assert_eq!(broken.offence.code(), "broken_link");
        assert_eq!(broken.readings[0].0.sequence, 2);
    }

    #[test]
    fn what_is_no_evidence_is_refused_before_anything_is_sent() {
        let one = reading(2, 400);
        let mut short = one.clone();
        short.body.pop();
        let mut unsigned = one.clone();
        unsigned.signature = "0x12".into();
        let stranger = DeviceRow {
            id: B256::ZERO,
            ..row()
        };

        assert!(refused(std::slice::from_ref(&one)).contains("expected two"));
        assert!(refused(&[one.clone(), one.clone()]).contains("do not contradict"));
        assert!(refused(&[one.clone(), reading(9, 1)]).contains("do not contradict"));
        assert!(refused(&[short, one.clone()]).contains("readings[0].body"));
        assert!(refused(&[one.clone(), unsigned]).contains("readings[1].signature"));
        let other = contradiction(&stranger, &[one, reading(2, 1)]).unwrap_err();
        assert!(other.detail.contains("of this device"), "{}", other.detail);
    }
}
