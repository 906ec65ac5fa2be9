use proptest::prelude::*;

use super::*;
use crate::reading::tests::bodies;

pub(crate) fn record() -> Record {
    Record {
        did: Did::new("did:odin:10.cold.7").unwrap(),
        feed: FeedName::new("cold/7/temperature").unwrap(),
        unit: Unit::new("Cel").unwrap(),
        time: 1_763_733_600_123,
        value: Decimal::parse("4.25").unwrap(),
        key_number: 1,
        sequence: 17,
        previous: B256::repeat_byte(0xaa),
        hardware: [0x55; 64],
        feed_signature: Some([0x33; 96]),
    }
}

fn json() -> String {
    to_json(&[record()])
}

fn refused(form: Form, bytes: &[u8]) -> &'static str {
    decode(form, bytes).expect_err("refused").code()
}

fn changed(from: &str, to: &str) -> &'static str {
    let text = json();
    assert!(text.contains(from), "{text}");
    refused(Form::Json, text.replacen(from, to, 1).as_bytes())
}

#[test]
fn json_is_a_resolved_record() {
    let expected = "[{\"n\":\"did:odin:10.cold.7/cold/7/temperature\",\"u\":\"Cel\",\"t\":1763733600.123,\"v\":4.25,\
        \"cwk\":1,\"cws\":17,\"cwp\":\"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo\",\"cwh\":\"VVVV";

    assert!(json().starts_with(expected), "{}", json());
    let one = vec![Submitted::Record(Box::new(record()))];
    assert_eq!(decode(Form::Json, json().as_bytes()), Ok(one));
}

#[test]
fn hostile_json_is_refused_by_name() {
    let cases = [
        ("4.25", "NaN", "value_not_finite"),
        ("4.25", "Infinity", "value_not_finite"),
        ("4.25", "-Infinity", "value_not_finite"),
        ("4.25", "1e400", "value_malformed"),
        ("4.25", "4.250", "value_malformed"),
        ("4.25", "-0", "value_malformed"),
        ("4.25", "99999999999999999999", "value_too_large"),
        ("4.25", "\"4.25\"", "value_malformed"),
        ("4.25", "null", "value_malformed"),
        ("4.25", "[4.25]", "value_malformed"),
        ("1763733600.123", "5", "time_malformed"),
        ("1763733600.123", "-5", "time_malformed"),
        ("1763733600.123", "1763733600.1234", "time_malformed"),
        ("1763733600.123", "17637336000000", "body_malformed"),
        ("\"cws\":17", "\"cws\":0", "body_malformed"),
        (
            "\"cws\":17",
            "\"cws\":9223372036854775808",
            "body_malformed",
        ),
        ("\"cws\":17", "\"cws\":-1", "json_malformed"),
        ("\"cwk\":1", "\"cwk\":0", "body_malformed"),
        ("\"cwk\":1", "\"cwk\":4294967296", "json_malformed"),
        ("\"cwk\":1", "\"cwk\":1,\"cwk\":1", "json_malformed"),
        ("\"cwk\":1", "\"cwk\":1,\"bn\":\"x\"", "json_malformed"),
        ("\"cwk\":1,", "", "json_malformed"),
        ("\"cwk\":1", " \"cwk\":1", "not_canonical"),
        ("did:odin:", "did:web:", "name_malformed"),
        ("cold/7", "COLD/7", "name_malformed"),
        ("\"Cel\"", "\"\"", "name_malformed"),
        ("qqqo\"", "qqqp\"", "field_malformed"),
        ("qqqo\"", "qqq\"", "field_malformed"),
        ("[{", "[[{", "json_malformed"),
    ];
    for (from, to, code) in cases {
        assert_eq!(changed(from, to), code, "{from} -> {to}");
    }
    let whole = json();
    for (bytes, code) in [
        (&b"[]"[..], "empty"),
        (b"", "json_malformed"),
        (b"{}", "json_malformed"),
        (&whole.as_bytes()[..100], "json_malformed"),
        (&[b'['; 100_000], "json_malformed"),
    ] {
        assert_eq!(refused(Form::Json, bytes), code);
    }
}

#[test]
fn a_batch_has_limits() {
    let full = vec![record(); MAX_BATCH];
    let over = vec![record(); MAX_BATCH + 1];

    assert_eq!(
        decode(Form::Json, to_json(&full).as_bytes()).unwrap().len(),
        MAX_BATCH
    );
    assert_eq!(refused(Form::Json, to_json(&over).as_bytes()), "too_many");
    assert_eq!(refused(Form::Cbor, &to_cbor(&over).unwrap()), "too_many");
    let large = vec![b' '; 10_000_000];
    for form in [Form::Json, Form::Cbor, Form::Cose] {
        assert_eq!(decode(form, &large), Err(DecodeError::TooLarge(10_000_000)));
        assert_ne!(decode(form, b""), Ok(vec![]));
    }
}

#[test]
fn the_same_record_travels_in_cbor() {
    let bytes = to_cbor(&[record()]).unwrap();

    let one = vec![Submitted::Record(Box::new(record()))];
    assert_eq!(decode(Form::Cbor, &bytes), Ok(one));
    assert_eq!(Form::of_first_byte(&bytes), Some(Form::Cbor));
    assert!(
        bytes.len() < json().len() * 3 / 4,
        "{} of {}",
        bytes.len(),
        json().len()
    );
}

#[test]
fn hostile_cbor_is_refused_by_name() {
    use ciborium::Value;
    let with = |key: i64, value: Value| {
        let bytes = to_cbor(&[record()]).unwrap();
        let mut batch: Value = ciborium::from_reader(bytes.as_slice()).unwrap();
        let map = batch.as_array_mut().unwrap()[0].as_map_mut().unwrap();
        map.retain(|(k, _)| *k != Value::from(key));
        map.insert(0, (Value::from(key), value));
        let mut bytes = Vec::new();
        ciborium::into_writer(&batch, &mut bytes).unwrap();
        refused(Form::Cbor, &bytes)
    };
    let fraction = |exponent: i64, mantissa: i64| {
        let parts = vec![Value::from(exponent), Value::from(mantissa)];
        Value::Tag(4, Box::new(Value::Array(parts)))
    };

    assert_eq!(with(2, Value::Float(f64::NAN)), "value_not_finite");
    assert_eq!(with(2, Value::Float(f64::INFINITY)), "value_not_finite");
    assert_eq!(with(2, Value::Float(4.25)), "value_float");
    assert_eq!(with(2, Value::from(u64::MAX)), "value_too_large");
    assert_eq!(with(2, fraction(-1, 40)), "value_malformed");
    assert_eq!(with(2, fraction(1, 4)), "value_malformed");
    assert_eq!(with(2, fraction(i64::MIN, 1)), "value_too_large");
    assert_eq!(
        with(2, Value::Tag(4, Box::new(Value::Null))),
        "field_malformed"
    );
    assert_eq!(
        with(2, fraction(-2, 425)),
        "not_canonical",
        "keys out of order"
    );
    assert_eq!(with(-2, Value::Text("base".into())), "field_malformed");
    for bytes in [
        &[0x81, 0xa0][..],
        &[0x81, 0xbf],
        &[0x9b; 9],
        &[0x81; 5000],
        &[0x80],
        &[0x5f],
    ] {
        let code = refused(Form::Cbor, bytes);
        assert!(
            ["cbor_malformed", "field_malformed", "empty"].contains(&code),
            "{code}"
        );
    }
    let mut trailing = to_cbor(&[record()]).unwrap();
    trailing.push(0);
    assert_eq!(refused(Form::Cbor, &trailing), "not_canonical");
}

#[test]
fn cose_carries_the_signed_bytes_themselves() {
    let signed = Signed {
        body: crate::reading::tests::body(),
        hardware: [0x55; 64],
        feed: None,
    };

    let bytes = to_cose(&[signed]).unwrap();

    let expected = "d28443a10126a05880435752310000000100000000000000010000";
    assert!(hex::encode(&bytes).starts_with(expected));
    assert_eq!(bytes.len(), 4 + 3 + 1 + 2 + 128 + 2 + 64 - 1);
    assert_eq!(
        decode(Form::Cose, &bytes),
        Ok(vec![Submitted::Sealed(signed)])
    );
    assert_eq!(Form::of_first_byte(&bytes), Some(Form::Cose));
}

#[test]
fn hostile_cose_is_refused_by_name() {
    let signed = Signed {
        body: crate::reading::tests::body(),
        hardware: [0x55; 64],
        feed: Some([0x33; 96]),
    };
    let bytes = to_cose(&[signed]).unwrap();
    let with = |from: &str, to: &str| {
        let text = hex::encode(&bytes);
        assert!(text.contains(from), "{text}");
        refused(
            Form::Cose,
            &hex::decode(text.replacen(from, to, 1)).unwrap(),
        )
    };

    assert_eq!(with("d284", "84"), "cose_malformed");
    assert_eq!(
        with("43a10126", "43a10127"),
        "not_canonical",
        "another algorithm"
    );
    assert_eq!(with("43a10126", "40"), "not_canonical", "no algorithm");
    assert_eq!(with("63637766", "63637767"), "cose_malformed");
    assert_eq!(with("5880", "590080"), "not_canonical");
    assert_eq!(with("43575231", "43575232"), "body_malformed");
    assert_eq!(with("5840", "f6"), "cose_malformed");
    assert_eq!(refused(Form::Cose, &bytes[..100]), "cbor_malformed");
    assert_eq!(
        refused(Form::Cose, &[bytes.as_slice(), &[0]].concat()),
        "cose_malformed"
    );
    assert_eq!(
        refused(Form::Cose, &bytes.repeat(MAX_BATCH + 1)),
        "too_many"
    );
}

#[test]
fn forms_are_known_by_media_type_and_first_byte() {
    for form in [Form::Json, Form::Cbor, Form::Cose] {
        assert_eq!(Form::of_media_type(form.media_type()), Some(form));
    }
    let with_parameter = "application/cose; cose-type=\"cose-sign1\"";
    assert_eq!(Form::of_media_type(with_parameter), Some(Form::Cose));
    assert_eq!(Form::of_media_type("application/json"), None);
    assert_eq!(Form::of_first_byte(b"{}"), None);
    assert_eq!(Form::of_first_byte(b""), None);
}

prop_compose! {
    fn records()(
        (number, feed, unit) in ("[a-z0-9.:-]{1,119}", "[a-z0-9./-]{1,64}", "[A-Za-z0-9/%.*^-]{1,16}"),
        (mantissa, scale) in (any::<i64>(), 0..=crate::decimal::MAX_SCALE),
        time in 268_435_456_000..crate::reading::TIME_LIMIT,
        (key_number, sequence) in (1u32.., 1..crate::reading::SEQUENCE_LIMIT),
        (previous, byte, proved) in (any::<[u8; 32]>(), any::<u8>(), any::<bool>()),
    ) -> Record {
        Record {
            did: Did::of_number(&number).unwrap(),
            feed: FeedName::new(&feed).unwrap(),
            unit: Unit::new(&unit).unwrap(),
            time,
            value: Decimal::new(mantissa, scale).unwrap(),
            key_number,
            sequence,
            previous: previous.into(),
            hardware: [byte; 64],
            feed_signature: proved.then_some([byte; 96]),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(batch in prop::collection::vec(records(), 1..4)) {
        let boxed: Vec<Submitted> =
            batch.iter().map(|r| Submitted::Record(Box::new(r.clone()))).collect();
        prop_assert_eq!(decode(Form::Json, to_json(&batch).as_bytes()), Ok(boxed.clone()));
        prop_assert_eq!(decode(Form::Cbor, &to_cbor(&batch).unwrap()), Ok(boxed));
    }

    #[test]
    fn sealed_readings_are_read_back(body in bodies(), proved: bool) {
        let signed = Signed { body, hardware: [1; 64], feed: proved.then_some([2; 96]) };
        let bytes = to_cose(&[signed, signed]).unwrap();
        let two = vec![Submitted::Sealed(signed), Submitted::Sealed(signed)];
        prop_assert_eq!(decode(Form::Cose, &bytes), Ok(two));
    }

    /// One flipped byte is refused, or is itself what the encoder writes.
    #[test]
    fn whatever_is_taken_is_in_its_one_spelling(at in 0usize..10_000, byte: u8) {
        let mut json = json().into_bytes();
        let mut cbor = to_cbor(&[record()]).unwrap();
        for (form, bytes) in [(Form::Json, &mut json), (Form::Cbor, &mut cbor)] {
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(read) = decode(form, bytes) {
                let [Submitted::Record(record)] = read.as_slice() else { panic!("one record") };
                let again = match form {
                    Form::Json => to_json(&[(**record).clone()]).into_bytes(),
                    _ => to_cbor(&[(**record).clone()]).unwrap(),
                };
                prop_assert_eq!(&again, bytes);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for form in [Form::Json, Form::Cbor, Form::Cose] {
            drop(decode(form, &bytes));
        }
    }
}

#[test]
fn a_reading_has_the_sizes_that_the_paper_says() {
    let sizes = |record: Record| {
        let signed = Signed {
            body: Body {
                key_number: record.key_number,
                sequence: record.sequence,
                time: record.time,
                value: 425,
                device: B256::repeat_byte(1),
                feed: B256::repeat_byte(2),
                previous: record.previous,
            },
            hardware: record.hardware,
            feed: record.feed_signature,
        };
        // Without what holds the batch together.
        let json = to_json(std::slice::from_ref(&record)).len() - 2;
        let cbor = to_cbor(&[record]).unwrap().len() - 1;
        [json, cbor, to_cose(&[signed]).unwrap().len()]
    };
    let short = Record {
        feed_signature: None,
        ..record()
    };

    assert_eq!(sizes(short), [247, 184, 203]);
    assert_eq!(sizes(record()), [384, 286, 305]);
}
