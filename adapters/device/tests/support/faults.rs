//! What a door must refuse, whichever it is: every kind of bad content, and the name of its refusal.

use alloy_primitives::B256;
use causeway_adapter_device::{
    decimal::Decimal,
    names::{FeedName, Unit},
    reading::{Body, Signed},
    wire::{Form, MAX_BATCH, Record, to_cbor, to_cose, to_json},
};

use super::World;

/// One message that is refused.
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) form: Form,
    pub(crate) bytes: Vec<u8>,
    pub(crate) refused: &'static str,
}

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// Of the world's first device, which has said nothing yet.
pub(crate) fn faults(world: &World) -> Vec<Fault> {
    let good = world.chain(0).batch(1)[0];
    let signed = |change: &dyn Fn(&mut Body)| {
        let mut body = good.body;
        change(&mut body);
        Signed {
            hardware: world.fleet.devices[0].hardware.sign(&body),
            body,
            feed: None,
        }
    };
    let cose = |what, signed: Signed, refused| Fault {
        what,
        form: Form::Cose,
        bytes: to_cose(&[signed]).unwrap(),
        refused,
    };
    let raw = |what, form, bytes: &[u8], refused| Fault {
        what,
        form,
        bytes: bytes.to_vec(),
        refused,
    };
    let forged = Signed {
        hardware: world.fleet.devices[1].hardware.sign(&good.body),
        ..good
    };
    let mut all = vec![
        cose("wrong key", forged, "signature_wrong"),
        cose(
            "key number of another key",
            signed(&|b| b.key_number = 2),
            "key_number",
        ),
        cose(
            "unknown feed",
            signed(&|b| b.feed = B256::repeat_byte(9)),
            "feed_unknown",
        ),
        cose(
            "unknown device",
            signed(&|b| b.device = B256::repeat_byte(9)),
            "device_unknown",
        ),
        cose(
            "a clock an hour ahead",
            signed(&|b| b.time += HOUR),
            "clock_ahead",
        ),
        cose(
            "a clock 32 days behind",
            signed(&|b| b.time -= 32 * DAY),
            "clock_behind",
        ),
        cose("huge", signed(&|b| b.value = i64::MAX), "value_implausible"),
        cose(
            "far below zero",
            signed(&|b| b.value = i64::MIN),
            "value_implausible",
        ),
        cose("a gap", signed(&|b| b.sequence = 3), "sequence_gap"),
        cose(
            "a false start",
            signed(&|b| b.previous = B256::repeat_byte(9)),
            "false_start",
        ),
        raw(
            "malformed CBOR",
            Form::Cbor,
            &[0x81, 0xff],
            "cbor_malformed",
        ),
        raw(
            "malformed COSE",
            Form::Cose,
            &[0xd2, 0x84, 0x41],
            "cbor_malformed",
        ),
        raw("malformed JSON", Form::Json, b"[{\"n\":", "json_malformed"),
        raw(
            "too many readings",
            Form::Cose,
            &to_cose(&vec![good; MAX_BATCH + 1]).unwrap(),
            "too_many",
        ),
    ];
    let record = record(world, &good);
    let text = to_json(std::slice::from_ref(&record));
    let value = format!("\"v\":{}", record.value);
    for (what, instead, refused) in [
        ("not a number", "NaN", "value_not_finite"),
        ("infinite", "Infinity", "value_not_finite"),
        ("with an exponent", "1e400", "value_malformed"),
        ("too many digits", "99999999999999999999", "value_too_large"),
    ] {
        let changed = text.replace(&value, &format!("\"v\":{instead}"));
        assert_ne!(changed, text);
        all.push(raw(what, Form::Json, changed.as_bytes(), refused));
    }
    let wrong_unit = Record {
        unit: Unit::new("K").unwrap(),
        ..record.clone()
    };
    let unknown = Record {
        feed: FeedName::new("nobody/s").unwrap(),
        ..record
    };
    for (what, record, refused) in [
        ("wrong unit", wrong_unit, "unit_wrong"),
        ("unknown feed by name", unknown, "feed_unknown"),
    ] {
        let bytes = to_json(std::slice::from_ref(&record));
        all.push(raw(what, Form::Json, bytes.as_bytes(), refused));
        let bytes = to_cbor(&[record]).unwrap();
        all.push(raw(what, Form::Cbor, &bytes, refused));
    }
    all
}

fn record(world: &World, signed: &Signed) -> Record {
    let feed = world.fleet.profile.feed();
    Record {
        did: world.fleet.devices[0].entry.did.clone(),
        feed: feed.name,
        unit: feed.unit,
        time: signed.body.time,
        value: Decimal::new(signed.body.value, feed.decimals).unwrap(),
        key_number: signed.body.key_number,
        sequence: signed.body.sequence,
        previous: signed.body.previous,
        hardware: signed.hardware,
        feed_signature: None,
    }
}
