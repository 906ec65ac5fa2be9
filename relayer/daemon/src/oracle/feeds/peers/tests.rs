use alloy_primitives::{Bytes, b256};
use causeway_core::feed::{
    Complete, Millis, Observation, Place, Proposal, Report, Round, Sample, SignedObservation,
};

use super::*;

fn signed(place: u8) -> SignedObservation {
    let sample = Sample {
        value: -425 + i128::from(place),
        at: Millis(1_800_000_000_123),
    };
    let observation = Observation {
        round: Round(7),
        sample,
    };
    SignedObservation {
        observation,
        signature: Bytes::from(vec![place; 64]),
    }
}

fn proposal(operators: u8) -> Proposal {
    let parts: BTreeMap<_, _> = (0..operators).map(|p| (Place(p), signed(p))).collect();
    let report = Report::of(&parts).expect("one round");
    Proposal { report, parts }
}

/// What is sent has these bytes; changing them is a change of the protocol, and of the path `/v1`.
#[test]
fn messages_have_the_bytes_that_were_agreed_on() {
    let feed = b256!("4e4292b21a5966cfe619a183d1b2185c2ed72fbff3c70911d537fc8b076666f5");
    let signature = Bytes::from(vec![0xab; 64]);
    let complete = Complete {
        report: proposal(3).report,
        signatures: [(Place(0), signature.clone())].into(),
    };
    let round = Round(7);
    let messages = [
        Message::Observation(signed(1)),
        Message::Proposal(proposal(3)),
        Message::Signature { round, signature },
        Message::Complete(complete),
    ];
    let lines = messages.map(|message| {
        let envelope = Envelope { feed, message };
        let line = serde_json::to_string(&envelope).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Envelope>(&line).expect("read back"),
            envelope
        );
        line
    });
    let golden = include_str!("messages.golden");
    assert_eq!(lines.join("\n"), golden.trim_end());
}

#[test]
fn the_largest_message_has_room() {
    let message = Message::Proposal(proposal(31));
    let envelope = Envelope {
        feed: B256::repeat_byte(0xfe),
        message,
    };

    let size = serde_json::to_vec(&envelope).expect("JSON").len();

    assert!(size < MAX_MESSAGE / 2, "{size}");
}

#[test]
fn fields_that_nobody_knows_are_refused() {
    let text = r#"{"feed":"0x4e4292b21a5966cfe619a183d1b2185c2ed72fbff3c70911d537fc8b076666f5","message":{"signature":{"round":7,"signature":"0x"}},"more":1}"#;

    let error = serde_json::from_str::<Envelope>(text).expect_err("refused");

    assert!(error.to_string().contains("more"), "{error}");
}
