//! COSE_Sign1 messages (RFC 9052), tagged, one after the other: protected header {1: -7}, the body as payload, and the feed
//! key's signature, where there is one, as unprotected field `cwf`.

use ciborium::Value;
use coset::{AsCborValue as _, CoseSign1, CoseSign1Builder, HeaderBuilder, Label, iana};

use super::{
    DecodeError, MAX_BATCH,
    cbor::{read, write},
};
use crate::reading::{Body, Signed};

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Signed>, DecodeError> {
    let mut rest = bytes;
    let mut readings = Vec::new();
    while !rest.is_empty() {
        if readings.len() == MAX_BATCH {
            return Err(DecodeError::TooMany);
        }
        let before = rest;
        let signed = signed(read(&mut rest)?)?;
        if !before.starts_with(&encode_one(&signed)?) {
            let index = readings.len();
            return Err(DecodeError::Spelling { index });
        }
        readings.push(signed);
    }
    if readings.is_empty() {
        return Err(DecodeError::Empty);
    }
    // Each item was what its encoder writes, and nothing is between or behind them.
    Ok(readings)
}

pub(super) fn encode(readings: &[Signed]) -> Result<Vec<u8>, DecodeError> {
    let each: Vec<Vec<u8>> = readings.iter().map(encode_one).collect::<Result<_, _>>()?;
    Ok(each.concat())
}

fn encode_one(signed: &Signed) -> Result<Vec<u8>, DecodeError> {
    let mut unprotected = HeaderBuilder::new();
    if let Some(signature) = signed.feed {
        unprotected = unprotected.text_value(FEED.to_owned(), Value::Bytes(signature.to_vec()));
    }
    let message = CoseSign1Builder::new()
        .protected(
            HeaderBuilder::new()
                .algorithm(iana::Algorithm::ES256)
                .build(),
        )
        .unprotected(unprotected.build())
        .payload(signed.body.to_bytes().to_vec())
        .signature(signed.hardware.to_vec())
        .build();
    let value = message.to_cbor_value().map_err(|_| DecodeError::Cbor)?;
    write(&Value::Tag(COSE_SIGN1, Box::new(value)))
}

fn signed(item: Value) -> Result<Signed, DecodeError> {
    let Value::Tag(COSE_SIGN1, message) = item else {
        return Err(DecodeError::Cose("not tagged 18"));
    };
    let message =
        CoseSign1::from_cbor_value(*message).map_err(|_| DecodeError::Cose("not its structure"))?;
    let payload = message.payload.as_deref();
    let signature = message.signature.as_slice();
    let mut fields = message.unprotected.rest.iter();
    let feed = match (fields.next(), fields.next()) {
        (None, _) => None,
        (Some((Label::Text(name), Value::Bytes(bytes))), None) if name == FEED => {
            let signature = bytes.as_slice().try_into();
            Some(signature.map_err(|_| DecodeError::Cose("cwf has not 96 bytes"))?)
        }
        _ => return Err(DecodeError::Cose("an unprotected field other than cwf")),
    };
    Ok(Signed {
        body: Body::from_bytes(payload.ok_or(DecodeError::Cose("no payload"))?)?,
        hardware: signature
            .try_into()
            .map_err(|_| DecodeError::Cose("the signature has not 64 bytes"))?,
        feed,
    })
}

const COSE_SIGN1: u64 = 18;
const FEED: &str = "cwf";
