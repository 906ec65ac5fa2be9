use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{
    keys::{FeedKey, HardwareKey},
    wire::{Submitted, decode},
    world::{NOW, feed},
};

fn device() -> Device {
    let identity = crate::fleet::TrialCa::new()
        .unwrap()
        .device("10.cold.7", (2020, 2120))
        .unwrap();
    Device {
        did: Did::new("did:odin:10.cold.7").unwrap(),
        id: alloy_primitives::B256::repeat_byte(7),
        key_number: 1,
        feed: feed(),
        hardware: HardwareKey::generate(),
        feed_key: Some(FeedKey::from_seed(&[1; 32]).unwrap()),
        uplinks: ["north", "south"]
            .map(|name| {
                let uplink = Uplink::Https {
                    host: "localhost".into(),
                    port: 1,
                    tls: identity.identity().client().unwrap(),
                };
                (name.to_owned(), uplink)
            })
            .into(),
        form: Form::Json,
        batch: 10,
    }
}

async fn resident(dir: &tempfile::TempDir, device: Device, max: u64) -> Resident {
    let buffer = Buffer::open(&dir.path().join("buffer.sqlite"), max)
        .await
        .unwrap();
    Resident::new(device, buffer, Arc::new(|| NOW))
        .await
        .unwrap()
}

/// Both operators have stored everything up to this number.
async fn stored(buffer: &Buffer, through: u64) {
    for operator in ["north", "south"] {
        buffer.confirm(operator, through).await.unwrap();
    }
}

#[tokio::test]
async fn a_reading_is_forgotten_only_when_every_operator_has_stored_it() {
    let dir = tempfile::tempdir().unwrap();
    let resident = resident(&dir, device(), 100).await;
    for value in ["1", "2", "3"] {
        resident.capture(value).await.unwrap();
    }
    let buffer = &resident.buffer;
    let next = async |operator| {
        let batch = buffer.oldest(operator, 9).await.unwrap();
        batch.first().map(|reading| reading.body.sequence)
    };

    assert_eq!(buffer.confirm("north", 2).await.unwrap(), 0);

    assert_eq!(
        (next("north").await, next("south").await),
        (Some(3), Some(1))
    );
    assert_eq!(buffer.count().await.unwrap(), 3);
    assert_eq!(buffer.confirm("south", 1).await.unwrap(), 1);
    // An answer that comes late takes nothing back.
    assert_eq!(buffer.confirm("north", 1).await.unwrap(), 0);
    assert_eq!(
        (next("north").await, next("south").await),
        (Some(3), Some(2))
    );
}

#[tokio::test]
async fn what_waits_for_an_operator_that_is_no_longer_named_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let both = resident(&dir, device(), 100).await;
    both.capture("1").await.unwrap();
    both.buffer.confirm("north", 1).await.unwrap();
    both.buffer.close().await;
    let mut alone = device();
    alone.uplinks.truncate(1);

    let alone = resident(&dir, alone, 100).await;

    assert_eq!(alone.buffer.count().await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_captured_is_a_chain_on_disk_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let first = resident(&dir, device(), 100).await;
    for value in ["4.25", " -18.5\r", "4"] {
        first.capture(value).await.unwrap();
    }
    first.buffer.close().await;

    let again = resident(&dir, device(), 100).await;
    assert_eq!(again.health().report(NOW).pending, 3);
    again.capture("5").await.unwrap();

    let batch = again.buffer.oldest("north", 10).await.unwrap();
    let values: Vec<i64> = batch.iter().map(|r| r.body.value).collect();
    assert_eq!(values, [425, -1850, 400, 500]);
    for (index, pair) in batch.windows(2).enumerate() {
        assert_eq!(pair[1].body.sequence, index as u64 + 2);
        assert_eq!(pair[1].body.previous, pair[0].body.digest());
        assert!(
            pair[1].body.time > pair[0].body.time,
            "the clock stood still"
        );
    }
}

#[tokio::test]
async fn a_number_is_never_used_twice_even_when_all_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let first = resident(&dir, device(), 100).await;
    first.capture("1").await.unwrap();
    stored(&first.buffer, 1).await;
    first.buffer.close().await;

    let again = resident(&dir, device(), 100).await;
    again.capture("2").await.unwrap();

    assert_eq!(
        again.buffer.oldest("north", 1).await.unwrap()[0]
            .body
            .sequence,
        2
    );
}

#[tokio::test]
async fn a_full_buffer_takes_no_more_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let resident = resident(&dir, device(), 2).await;
    resident.capture("1").await.unwrap();
    resident.capture("2").await.unwrap();

    let refused = resident.capture("3").await;

    assert!(matches!(refused, Err(CaptureError::Full)));
    let report = resident.health().report(NOW);
    assert_eq!((report.pending, report.not_taken), (2, 1));
    stored(&resident.buffer, 1).await;
    resident.capture("4").await.unwrap();
    assert_eq!(
        resident.buffer.oldest("north", 9).await.unwrap()[1]
            .body
            .sequence,
        3,
        "no gap"
    );
}

#[tokio::test]
async fn one_silent_operator_of_four_stops_no_measurement_and_two_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut four = device();
    for name in ["east", "west"] {
        let (_, uplink) = four.uplinks[0].clone();
        four.uplinks.push((name.to_owned(), uplink));
    }
    let resident = resident(&dir, four, 3).await;
    for value in ["1", "2", "3"] {
        resident.capture(value).await.unwrap();
    }
    let buffer = &resident.buffer;
    buffer.confirm("north", 3).await.unwrap();
    buffer.confirm("east", 2).await.unwrap();

    let two_lack_it = resident.capture("4").await;
    assert!(matches!(two_lack_it, Err(CaptureError::Full)));

    buffer.confirm("west", 1).await.unwrap();
    resident.capture("5").await.unwrap();
    let three_have_one = resident.capture("6").await;
    assert!(matches!(three_have_one, Err(CaptureError::Full)));

    let waits = async |operator| {
        let batch = buffer.oldest(operator, 9).await.unwrap();
        let numbers = batch.iter().map(|reading| reading.body.sequence);
        numbers.collect::<Vec<_>>()
    };
    // The silent one gets what is left; the others lack nothing.
    assert_eq!(waits("south").await, [2, 3, 4]);
    assert_eq!(waits("west").await, [2, 3, 4]);
    assert_eq!(waits("north").await, [4]);
    let report = resident.health().report(NOW);
    assert_eq!((report.pending, report.let_go, report.not_taken), (3, 1, 2));
}

#[tokio::test]
async fn what_is_no_plausible_value_is_counted_and_not_signed() {
    let dir = tempfile::tempdir().unwrap();
    let resident = resident(&dir, device(), 100).await;

    for text in [
        "",
        "error",
        "NaN",
        "1e9",
        "4.251",
        "60.01",
        "99999999999999999999",
    ] {
        assert!(
            matches!(resident.capture(text).await, Err(CaptureError::Value)),
            "{text}"
        );
    }

    assert_eq!(resident.health().report(NOW).unreadable, 7);
    assert_eq!(resident.buffer.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_break_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(AtomicU64::new(NOW));
    let buffer = Buffer::open(&dir.path().join("buffer.sqlite"), 9)
        .await
        .unwrap();
    let clock = now.clone();
    let clock: Clock = Arc::new(move || clock.load(Ordering::SeqCst));
    let resident = Resident::new(device(), buffer, clock).await.unwrap();

    resident.capture("1").await.unwrap();
    now.store(NOW - 86_400_000, Ordering::SeqCst);
    resident.capture("2").await.unwrap();

    let times: Vec<u64> = resident
        .buffer
        .oldest("north", 2)
        .await
        .unwrap()
        .iter()
        .map(|r| r.body.time)
        .collect();
    assert_eq!(times, [NOW, NOW + 1]);
}

#[tokio::test]
async fn a_buffer_of_another_chain_is_refused_while_it_has_unsent_readings() {
    let dir = tempfile::tempdir().unwrap();
    let first = resident(&dir, device(), 100).await;
    first.capture("1").await.unwrap();
    first.buffer.close().await;
    let rekeyed = || Device {
        key_number: 2,
        ..device()
    };
    let path = dir.path().join("buffer.sqlite");

    let buffer = Buffer::open(&path, 100).await.unwrap();
    let refused = Resident::new(rekeyed(), buffer, Arc::new(|| NOW)).await;
    assert!(matches!(
        refused,
        Err(BufferError::OtherChain { pending: 1 })
    ));

    let buffer = Buffer::open(&path, 100).await.unwrap();
    stored(&buffer, 1).await;
    let resident = Resident::new(rekeyed(), buffer, Arc::new(|| NOW))
        .await
        .unwrap();
    resident.capture("2").await.unwrap();
    let body = resident.buffer.oldest("north", 1).await.unwrap()[0].body;
    assert_eq!((body.key_number, body.sequence), (2, 1));
}

#[tokio::test]
async fn every_form_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut resident = resident(&dir, device(), 100).await;
    resident.capture("4.2").await.unwrap();
    let batch = resident.buffer.oldest("north", 1).await.unwrap();

    for form in [Form::Json, Form::Cbor, Form::Cose] {
        resident.device.form = form;
        let read = decode(form, &encode(&resident.device, &batch).unwrap()).unwrap();
        match &read[..] {
            [Submitted::Sealed(signed)] => assert_eq!(*signed, batch[0]),
            [Submitted::Record(record)] => {
                assert_eq!(record.hardware, batch[0].hardware);
                assert_eq!(record.value.to_string(), "4.2");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_sensors_zeros_at_the_end_are_no_reason_to_lose_its_measurement() {
    for (said, plain) in [
        ("4.10", "4.1"),
        ("4.00", "4"),
        ("-0.50", "-0.5"),
        ("40", "40"),
        ("100", "100"),
        ("1e10", "1e10"),
        ("4.", "4"),
    ] {
        assert_eq!(super::plain(said), plain);
    }
}
