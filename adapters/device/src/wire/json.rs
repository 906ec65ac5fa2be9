//! SenML records in JSON, resolved (RFC 8428, 4.6): no base fields, no relative times.

use alloy_primitives::B256;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{DecodeError, MAX_BATCH, Record, checked, milliseconds, split_name};
use crate::{decimal::Decimal, names::Unit};

/// A record as it is written; `cw` fields are ours.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    n: &'a str,
    u: &'a str,
    #[serde(borrow)]
    t: &'a RawValue,
    #[serde(borrow)]
    v: &'a RawValue,
    cwk: u32,
    cws: u64,
    cwp: &'a str,
    cwh: &'a str,
    cwf: Option<&'a str>,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let raw: Vec<Raw<'_>> =
        serde_json::from_slice(bytes).map_err(|error| name_problem(bytes, &error))?;
    match raw.len() {
        0 => return Err(DecodeError::Empty),
        n if n > MAX_BATCH => return Err(DecodeError::TooMany),
        _ => {}
    }
    let records: Vec<Record> = raw.iter().map(record).collect::<Result<_, _>>()?;
    if encode(&records).as_bytes() != bytes {
        let alike = |(record, raw): (&Record, &Raw<'_>)| record.name() == raw.n;
        let index = records
            .iter()
            .zip(&raw)
            .position(|pair| !alike(pair))
            .unwrap_or(0);
        return Err(DecodeError::Spelling { index });
    }
    Ok(records)
}

pub(super) fn encode(records: &[Record]) -> String {
    let written: Vec<String> = records.iter().map(write).collect();
    format!("[{}]", written.join(","))
}

/// Names and units have no character that JSON would escape.
fn write(record: &Record) -> String {
    let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // A time that is no number of seconds would have been refused; nothing else is ever shown instead.
    let seconds = record.seconds().map(|s| s.to_string()).unwrap_or_default();
    let feed = record
        .feed_signature
        .map(|signature| format!(",\"cwf\":\"{}\"", base64(&signature)))
        .unwrap_or_default();
    format!(
        "{{\"n\":\"{}\",\"u\":\"{}\",\"t\":{seconds},\"v\":{},\"cwk\":{},\"cws\":{},\"cwp\":\"{}\",\"cwh\":\"{}\"{feed}}}",
        record.name(),
        record.unit,
        record.value,
        record.key_number,
        record.sequence,
        base64(record.previous.as_slice()),
        base64(&record.hardware),
    )
}

fn record(raw: &Raw<'_>) -> Result<Record, DecodeError> {
    let (did, feed) = split_name(raw.n)?;
    checked(Record {
        did,
        feed,
        unit: Unit::new(raw.u)?,
        time: milliseconds(Decimal::parse(raw.t.get())?)?,
        value: Decimal::parse(raw.v.get())?,
        key_number: raw.cwk,
        sequence: raw.cws,
        previous: B256::new(bytes("cwp", raw.cwp)?),
        hardware: bytes("cwh", raw.cwh)?,
        feed_signature: raw.cwf.map(|text| bytes("cwf", text)).transpose()?,
    })
}

fn bytes<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], DecodeError> {
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(DecodeError::Field(field)),
    }
}

/// NaN and infinities are no JSON at all; whoever sends them is told so.
fn name_problem(bytes: &[u8], error: &serde_json::Error) -> DecodeError {
    use serde_json::error::Category;
    let rest = bytes
        .get(error.column().saturating_sub(2)..)
        .unwrap_or_default();
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let not_finite: [&[u8]; 4] = [b"NaN", b"Inf", b"-Inf", b"-NaN"];
    if not_finite.iter().any(|text| rest.starts_with(text)) {
        return DecodeError::Number(crate::decimal::DecimalError::NotFinite);
    }
    DecodeError::Json {
        column: error.column(),
        what: match error.classify() {
            Category::Data => "a field is missing, unknown, repeated or of another type",
            Category::Eof => "it ends early",
            Category::Syntax | Category::Io => "a character that cannot stand there",
        },
    }
}
