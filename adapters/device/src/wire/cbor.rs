//! SenML records in CBOR: an array of maps, deterministically encoded (RFC 8949, 4.2), numbers as integers or decimal
//! fractions.

use alloy_primitives::B256;
use ciborium::Value;

use super::{DecodeError, MAX_BATCH, Record, checked, milliseconds, split_name};
use crate::{
    decimal::{Decimal, DecimalError},
    names::Unit,
};

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let Value::Array(items) = read(&mut &*bytes)? else {
        return Err(DecodeError::Cbor);
    };
    match items.len() {
        0 => return Err(DecodeError::Empty),
        n if n > MAX_BATCH => return Err(DecodeError::TooMany),
        _ => {}
    }
    let records: Vec<Record> = items.into_iter().map(record).collect::<Result<_, _>>()?;
    if encode(&records)? != bytes {
        return Err(DecodeError::Spelling { index: 0 });
    }
    Ok(records)
}

pub(super) fn encode(records: &[Record]) -> Result<Vec<u8>, DecodeError> {
    let items: Vec<Value> = records.iter().map(to_value).collect::<Result<_, _>>()?;
    write(&Value::Array(items))
}

/// Reads one item and leaves what follows it.
pub(super) fn read(rest: &mut &[u8]) -> Result<Value, DecodeError> {
    ciborium::de::from_reader_with_recursion_limit(rest, DEPTH).map_err(|_| DecodeError::Cbor)
}

pub(super) fn write(value: &Value) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(|_| DecodeError::Cbor)?;
    Ok(bytes)
}

fn to_value(record: &Record) -> Result<Value, DecodeError> {
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    let pair = |key: i64, value| (Value::from(key), value);
    let ours = |key: &str, value| (Value::Text(key.to_owned()), value);
    // In the order of the encoded keys: numbers, then texts of one length by their letters.
    let mut map = vec![
        pair(NAME, Value::Text(record.name())),
        pair(UNIT, Value::Text(record.unit.to_string())),
        pair(VALUE, number(record.value)),
        pair(TIME, number(record.seconds()?)),
    ];
    map.extend(
        record
            .feed_signature
            .map(|signature| ours("cwf", bytes(&signature))),
    );
    map.push(ours("cwh", bytes(&record.hardware)));
    map.push(ours("cwk", Value::from(record.key_number)));
    map.push(ours("cwp", bytes(record.previous.as_slice())));
    map.push(ours("cws", Value::from(record.sequence)));
    Ok(Value::Map(map))
}

fn number(decimal: Decimal) -> Value {
    match decimal.parts() {
        (mantissa, 0) => Value::from(mantissa),
        (mantissa, scale) => {
            let parts = vec![Value::from(-i64::from(scale)), Value::from(mantissa)];
            Value::Tag(FRACTION, Box::new(Value::Array(parts)))
        }
    }
}

fn record(item: Value) -> Result<Record, DecodeError> {
    let Value::Map(pairs) = item else {
        return Err(DecodeError::Cbor);
    };
    let mut fields = Fields(pairs);
    let (did, feed) = split_name(&text(fields.number(NAME), "n")?)?;
    let record = Record {
        did,
        feed,
        unit: Unit::new(&text(fields.number(UNIT), "u")?)?,
        value: decimal(fields.number(VALUE), "v")?,
        time: milliseconds(decimal(fields.number(TIME), "t")?)?,
        key_number: integer(fields.ours("cwk"), "cwk")?,
        sequence: integer(fields.ours("cws"), "cws")?,
        previous: B256::new(bytes(fields.ours("cwp"), "cwp")?),
        hardware: bytes(fields.ours("cwh"), "cwh")?,
        feed_signature: match fields.ours("cwf") {
            None => None,
            some => Some(bytes(some, "cwf")?),
        },
    };
    if fields.0.is_empty() {
        checked(record)
    } else {
        Err(DecodeError::Field("beside those of a reading"))
    }
}

/// What is left of a map.
struct Fields(Vec<(Value, Value)>);

impl Fields {
    fn number(&mut self, key: i64) -> Option<Value> {
        self.take(&Value::from(key))
    }

    fn ours(&mut self, key: &str) -> Option<Value> {
        self.take(&Value::Text(key.to_owned()))
    }

    fn take(&mut self, key: &Value) -> Option<Value> {
        let at = self.0.iter().position(|(found, _)| found == key)?;
        Some(self.0.swap_remove(at).1)
    }
}

fn text(value: Option<Value>, field: &'static str) -> Result<String, DecodeError> {
    let text = value.and_then(|value| value.into_text().ok());
    text.ok_or(DecodeError::Field(field))
}

fn bytes<const N: usize>(
    value: Option<Value>,
    field: &'static str,
) -> Result<[u8; N], DecodeError> {
    let bytes = value.and_then(|value| value.into_bytes().ok());
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(DecodeError::Field(field))
}

fn integer<T: TryFrom<ciborium::value::Integer>>(
    value: Option<Value>,
    field: &'static str,
) -> Result<T, DecodeError> {
    let number = value.and_then(|value| value.into_integer().ok());
    number
        .and_then(|number| number.try_into().ok())
        .ok_or(DecodeError::Field(field))
}

fn decimal(value: Option<Value>, field: &'static str) -> Result<Decimal, DecodeError> {
    match value {
        Some(Value::Integer(number)) => {
            let mantissa = number.try_into().map_err(|_| DecimalError::Range)?;
            Ok(Decimal::canonical(mantissa, 0)?)
        }
        Some(Value::Tag(FRACTION, parts)) => fraction(*parts, field),
        Some(Value::Tag(2 | 3, _)) => Err(DecimalError::Range.into()),
        Some(Value::Float(float)) if float.is_finite() => Err(DecodeError::Float),
        Some(Value::Float(_)) => Err(DecimalError::NotFinite.into()),
        _ => Err(DecodeError::Field(field)),
    }
}

fn fraction(parts: Value, field: &'static str) -> Result<Decimal, DecodeError> {
    let parts: Result<[Value; 2], _> = parts.into_array().unwrap_or_default().try_into();
    let [exponent, mantissa] = parts.map_err(|_| DecodeError::Field(field))?;
    let exponent: i64 = integer(Some(exponent), field)?;
    let mantissa: i64 = integer(Some(mantissa), field)?;
    // Integers are written as integers.
    if exponent >= 0 {
        return Err(DecimalError::Spelling.into());
    }
    let scale = exponent.checked_neg().and_then(|s| u8::try_from(s).ok());
    Ok(Decimal::canonical(
        mantissa,
        scale.ok_or(DecimalError::Range)?,
    )?)
}

const NAME: i64 = 0;
const UNIT: i64 = 1;
const VALUE: i64 = 2;
const TIME: i64 = 6;
const FRACTION: u64 = 4;
/// Batch, record, tag, fraction and one to spare.
const DEPTH: usize = 8;
