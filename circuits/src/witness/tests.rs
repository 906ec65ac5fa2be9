use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::format::file::ProofFile;
use crate::groth16::{Verified, development_key, prove};

fn example(of: Registered) -> Value {
    serde_json::to_value(Witness::example(of).unwrap()).unwrap()
}

fn circuit(json: &Value) -> Result<Box<dyn Circuit>, Error> {
    Witness::read(&json.to_string())?.circuit()
}

/// The group that refuses what is proved from this witness.
fn refused(of: Registered, json: &Value) -> String {
    let compiled = of.compile().unwrap();
    let assignment = circuit(json).unwrap().assignment();
    match compiled.system().check(&assignment) {
        Err(Error::WitnessRefused { group }) => group,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_example_is_read_back_and_satisfies_its_circuit() {
    for of in Registered::ALL {
        let read = Witness::read(&example(of).to_string()).unwrap();
        assert_eq!(read.registered(), of);

        let assignment = read.circuit().unwrap().assignment();

        of.compile().unwrap().system().check(&assignment).unwrap();
    }
}

#[test]
fn a_proof_file_is_read_back_and_changed_ones_are_refused() {
    let of = Registered::Right;
    let compiled = of.compile().unwrap();
    let key = development_key(&compiled).unwrap();
    let witness = Witness::example(of).unwrap().circuit().unwrap();
    let (proof, inputs) = prove(&key, &compiled, witness.as_ref()).unwrap();
    let file = ProofFile {
        circuit: of,
        key: key.verifying().hash(),
        inputs,
        proof,
    };
    let text = file.write().unwrap();

    let verified: Verified = ProofFile::read(&text)
        .unwrap()
        .verify(key.verifying())
        .unwrap();
    assert_eq!(verified.inputs(), file.inputs);

    let good: Value = serde_json::from_str(&text).unwrap();
    let changed = |path: &str, value: Value| {
        let mut json = good.clone();
        *json.pointer_mut(path).unwrap() = value;
        ProofFile::read(&json.to_string()).and_then(|f| f.verify(key.verifying()))
    };
    let r = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
    let q = "21888242871839275222246405745257275088696311157297823662689037894645226208583";
    assert!(matches!(
        changed("/version", json!(2)),
        Err(Error::ProofFileVersion { got: 2, .. })
    ));
    assert!(matches!(
        changed("/circuit", json!("right-21")),
        Err(Error::CircuitUnknown)
    ));
    assert!(matches!(
        changed("/key", json!(B256::ZERO)),
        Err(Error::KeyOfAnotherProof { .. })
    ));
    assert!(matches!(
        changed("/inputs/3", json!(r)),
        Err(Error::NotCanonical { .. })
    ));
    assert!(matches!(
        changed("/inputs/3", json!("1")),
        Err(Error::ProofRefused)
    ));
    assert!(matches!(
        changed("/inputs", json!([])),
        Err(Error::InputCount { got: 0, .. })
    ));
    assert!(matches!(
        changed("/proof/pi_a/0", json!(q)),
        Err(Error::NotCanonical { .. })
    ));
    assert!(matches!(
        changed("/proof/pi_a/0", json!("1")),
        Err(Error::PointOffCurve)
    ));
    assert!(matches!(
        changed("/proof/pi_a/2", json!("0")),
        Err(Error::PointIsIdentity)
    ));
    for at in 0..text.len() {
        assert!(ProofFile::read(&text[..at]).is_err(), "{at}");
    }
}

#[test]
fn a_refusal_shows_nothing_of_what_is_private() {
    let secret = "271828182845904523536";
    for (path, value) in [
        ("/secret", json!([secret])),
        ("/secret", json!(format!("-{secret}"))),
        (
            "/secret",
            json!(format!("{secret}{secret}{secret}{secret}")),
        ),
        ("/level", json!(secret)),
        ("/path/siblings/3", json!(format!("0{secret}"))),
    ] {
        let mut json = example(Registered::Right);
        *json.pointer_mut(path).unwrap() = value;

        let error = circuit(&json).map(drop).unwrap_err();

        let first = path.split('/').nth(1).unwrap();
        assert!(
            matches!(&error, Error::WitnessField { field } if field == first),
            "{error}"
        );
        assert!(!format!("{error} {error:?}").contains("2718"), "{error:?}");
    }
    let read = Witness::read(&example(Registered::Right).to_string()).unwrap();
    assert_eq!(format!("{read:?}"), "Witness(Right, ..)");
}

#[test]
fn files_that_are_no_witness_are_refused_by_name() {
    let fault = |text: &str| match Witness::read(text) {
        Err(Error::Witness { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(""), WitnessFault::Truncated);
    assert_eq!(fault("{"), WitnessFault::Truncated);
    assert_eq!(fault("}"), WitnessFault::Syntax);
    let field = |json: &Value| match Witness::read(&json.to_string()) {
        Err(Error::WitnessField { field }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(&json!({})), "statement");
    assert_eq!(field(&json!([])), "statement");
    assert_eq!(field(&json!({ "statement": "quorum" })), "statement");
    let mut missing = example(Registered::Session);
    missing.as_object_mut().unwrap().remove("gap");
    assert_eq!(field(&missing), "gap");
    let mut surplus = example(Registered::Session);
    surplus["note"] = json!("a field nobody knows");
    assert!(matches!(
        Witness::read(&surplus.to_string()),
        Err(Error::WitnessSurplus)
    ));
    let long = " ".repeat(MAX_FILE as usize + 1);
    assert!(matches!(
        Witness::read(&long),
        Err(Error::FileTooLong { .. })
    ));
}

#[test]
fn sizes_a_circuit_does_not_have_are_refused() {
    let size = |json: &Value| match circuit(json) {
        Err(Error::Size { what, got, .. }) => (what, got),
        Ok(_) => panic!("taken"),
        Err(other) => panic!("{other}"),
    };
    let mut session = example(Registered::Session);
    session["readings"] = json!([]);
    assert_eq!(size(&session), ("readings", 0), "K = 0");
    let reading = |i: u64| json!([i + 1, 0]);
    session["readings"] = (0..257).map(reading).collect();
    assert_eq!(size(&session), ("readings", 257), "past K = max");
    session["readings"] = (0..256).map(reading).collect();
    assert!(circuit(&session).is_ok(), "K = max");

    let mut sum = example(Registered::Sum);
    let first = sum["meters"][0].clone();
    sum["meters"].as_array_mut().unwrap().push(first);
    assert_eq!(size(&sum), ("meters", 9));
    let mut median = example(Registered::Median);
    median["operators"].as_array_mut().unwrap().pop();
    assert_eq!(size(&median), ("operators", 6));
    let mut right = example(Registered::Right);
    right["path"]["siblings"].as_array_mut().unwrap().pop();
    assert_eq!(size(&right), ("levels", 19));
    let mut right = example(Registered::Right);
    right["path"]["index"] = json!(1 << 20);
    assert!(matches!(circuit(&right), Err(Error::LeafUnknown { .. })));
}

#[test]
fn extreme_temperatures_are_ordered_and_time_that_goes_back_is_refused() {
    let result = |low: i32, high: i32, values: [i32; 2]| {
        let mut json = example(Registered::Session);
        (json["low"], json["high"]) = (json!(low), json!(high));
        json["readings"] = json!([[1, values[0]], [2, values[1]]]);
        let Witness::Session(w) = Witness::read(&json.to_string()).unwrap() else {
            panic!("another statement");
        };
        w.statement().unwrap().public().result
    };
    assert!(result(i32::MIN, i32::MAX, [i32::MIN, i32::MAX]));
    assert!(result(-25_000, -15_000, [-25_000, -15_000]));
    assert!(!result(-25_000, -15_000, [-25_001, -15_000]));
    assert!(!result(-25_000, -15_000, [-20_000, i32::MAX]));
    assert!(
        !result(1, -1, [0, 0]),
        "limits the wrong way round hold for nothing"
    );

    for second in [1, 0] {
        let mut json = example(Registered::Session);
        json["readings"] = json!([[1, 0], [second, 0]]);
        assert!(matches!(
            circuit(&json),
            Err(Error::TimeNotRising { at: 1 })
        ));
    }
    let mut json = example(Registered::Session);
    json["readings"] = json!([[1_u64 << 44, 0]]);
    assert!(matches!(
        circuit(&json),
        Err(Error::TimeOutOfRange { at: 0, .. })
    ));
}

#[test]
fn duplicates_strangers_and_bad_signatures_are_refused() {
    let mut twice = example(Registered::Median);
    twice["operators"][1] = twice["operators"][0].clone();
    assert!(refused(Registered::Median, &twice).starts_with("distinct"));
    let mut stranger = example(Registered::Sum);
    stranger["set"] = json!("1");
    assert!(refused(Registered::Sum, &stranger).starts_with("membership"));
    let mut unsigned = example(Registered::Alarm);
    unsigned["value"] = json!(9_001);
    assert!(refused(Registered::Alarm, &unsigned).starts_with("signature"));
    let mut expired = example(Registered::Right);
    expired["now"] = json!(2_000_000_001_u64);
    assert!(refused(Registered::Right, &expired).starts_with("expiry"));

    let mut off = example(Registered::Alarm);
    off["signed"]["key"][0] = json!("1");
    assert!(matches!(circuit(&off), Err(Error::PointOffCurve)));
    let mut scalar = example(Registered::Alarm);
    scalar["signed"]["s"] = json!(to_decimal(&crate::babyjub::order()));
    assert!(matches!(circuit(&scalar), Err(Error::ScalarNotCanonical)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = Witness::read(&text).map(|w| w.circuit().map(drop));
        let _ = ProofFile::read(&text);
    }

    /// Any one value of a good file exchanged: read and proved or refused, never a panic.
    #[test]
    fn any_value_exchanged_is_read_or_refused(
        of in 0..Registered::ALL.len(),
        at in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just(Value::Null), any::<u64>().prop_map(|n| json!(n)), any::<i64>().prop_map(|n| json!(n)),
            "[0-9]{1,80}".prop_map(|s| json!(s)), Just(json!([])), Just(json!({})), any::<f64>().prop_map(|n| json!(n)),
        ],
    ) {
        let mut json = example(Registered::ALL[of]);
        let mut paths = Vec::new();
        leaves("", &json, &mut paths);
        let path: &String = at.get(&paths);
        *json.pointer_mut(path).unwrap() = value;
        if let Ok(circuit) = circuit(&json) {
            let _ = circuit.assignment();
        }
    }
}

fn leaves(path: &str, json: &Value, out: &mut Vec<String>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(&format!("{path}/{name}"), value, out);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                leaves(&format!("{path}/{i}"), value, out);
            }
        }
        _ => out.push(path.to_owned()),
    }
}
