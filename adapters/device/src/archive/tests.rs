use std::path::PathBuf;

use super::*;
use crate::{
    check::{ClockLimits, Order, Peer, admit, follow},
    wire::Submitted,
    world::{NOW, Sensor, directory, feed},
};

/// The next readings of a sensor, checked.
fn following(sensor: &mut Sensor, values: std::ops::Range<i64>) -> Vec<Following> {
    let known = directory(&[sensor]);
    let peer = Peer::Certificate(sensor.certificate());
    let next = |value| {
        let last = sensor.last;
        let submitted = Submitted::Sealed(sensor.say(value));
        let verified = admit(&known, &peer, &submitted, NOW, ClockLimits::default()).unwrap();
        let Ok(Order::Next(following)) = follow(last.as_ref(), &verified) else {
            panic!("next")
        };
        following
    };
    values.map(next).collect()
}

async fn open(dir: &tempfile::TempDir, config: ArchiveConfig) -> (PathBuf, Archive) {
    let path = dir.path().join("readings.sqlite");
    let archive = Archive::open(&path, config).await.unwrap();
    (path, archive)
}

fn chain(sensor: &Sensor) -> Chain {
    sensor.last.unwrap().chain()
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (path, archive) = open(&dir, ArchiveConfig::default()).await;
    let mut sensor = Sensor::new("10.cold.7");
    let readings = following(&mut sensor, 0..300);

    archive.append(&readings, NOW).await.unwrap();
    archive.close().await;
    let archive = Archive::open(&path, ArchiveConfig::default())
        .await
        .unwrap();

    assert_eq!(archive.last(chain(&sensor)).await.unwrap(), sensor.last);
    for reading in [0, 1, 299] {
        let wanted = *readings[reading].signed();
        let found = archive
            .reading(chain(&sensor), wanted.body.sequence)
            .await
            .unwrap();
        assert_eq!(found, Some(wanted));
    }
    assert_eq!(archive.reading(chain(&sensor), 301).await.unwrap(), None);
    assert_eq!(archive.count().await.unwrap(), 300);
}

#[tokio::test]
async fn a_stretch_covers_the_time_asked_for_and_leaves_nothing_out() {
    let dir = tempfile::tempdir().unwrap();
    let (_, archive) = open(&dir, ArchiveConfig::default()).await;
    let (mut one, mut two) = (Sensor::new("10.cold.7"), Sensor::new("10.cold.8"));
    let readings = following(&mut one, 0..40);
    let others = following(&mut two, 0..40);
    archive.append(&readings, NOW).await.unwrap();
    archive.append(&others, NOW).await.unwrap();
    let time = |i: usize| readings[i].signed().body.time;
    let ask = async |times, most| {
        let found = archive.stretch(chain(&one), times, most).await.unwrap();
        let numbers: Vec<u64> = found.iter().map(|s| s.body.sequence).collect();
        (numbers, found)
    };

    let (numbers, found) = ask((time(9), time(29)), 257).await;
    assert_eq!(numbers, (10..=30).collect::<Vec<_>>());
    let said: Vec<_> = readings[9..30].iter().map(|r| *r.signed()).collect();
    assert_eq!(found, said);
    // Between two readings: the one before and the one after.
    assert_eq!(ask((time(9) + 1, time(9) + 1), 257).await.0, vec![10, 11]);
    // Beyond the ends: what there is.
    assert_eq!(ask((0, u64::MAX), 257).await.0.len(), 40);
    assert_eq!(ask((0, u64::MAX), 7).await.0, (1..=7).collect::<Vec<_>>());
    let nobody = Chain {
        key_number: 2,
        ..chain(&one)
    };
    assert!(
        archive
            .stretch(nobody, (0, u64::MAX), 257)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_reading_missing_from_the_file_is_no_stretch() {
    let dir = tempfile::tempdir().unwrap();
    let (path, archive) = open(&dir, ArchiveConfig::default()).await;
    let mut sensor = Sensor::new("10.cold.7");
    archive
        .append(&following(&mut sensor, 0..9), NOW)
        .await
        .unwrap();
    archive.close().await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("DELETE FROM readings WHERE sequence = 5")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let archive = Archive::open(&path, ArchiveConfig::default())
        .await
        .unwrap();

    let damaged = archive.stretch(chain(&sensor), (0, u64::MAX), 257).await;

    assert!(matches!(damaged, Err(SinkError::Damaged { .. })));
}

#[tokio::test]
async fn any_reading_is_proved_to_be_in_its_period() {
    let dir = tempfile::tempdir().unwrap();
    let hour = ArchiveConfig::default().period;
    let (_, archive) = open(&dir, ArchiveConfig::default()).await;
    let (mut one, mut two) = (Sensor::new("10.cold.7"), Sensor::new("10.cold.8"));
    archive
        .append(&following(&mut one, 0..5), NOW)
        .await
        .unwrap();
    archive
        .append(&following(&mut two, 0..8), NOW + 1)
        .await
        .unwrap();
    archive
        .append(&following(&mut one, 5..7), NOW + hour)
        .await
        .unwrap();

    assert_eq!(
        archive.inclusion(chain(&one), 1).await.unwrap(),
        None,
        "not over"
    );
    let closed = archive.close_periods(NOW + hour).await.unwrap();

    assert_eq!(closed.len(), 1);
    assert_eq!((closed[0].period, closed[0].count), (0, 13));
    for sensor in [&one, &two] {
        let inclusion = archive.inclusion(chain(sensor), 5).await.unwrap().unwrap();
        assert!(inclusion.holds());
        assert_eq!(inclusion.period, closed[0]);
        let mut other = inclusion.clone();
        other.reading.body.value += 1;
        assert!(!other.holds());
    }
    assert_eq!(
        archive.inclusion(chain(&one), 6).await.unwrap(),
        None,
        "not over"
    );
    assert!(
        archive.close_periods(NOW + hour).await.unwrap().is_empty(),
        "closed once"
    );
    archive.close_periods(NOW + 3 * hour).await.unwrap();
    assert!(
        archive
            .inclusion(chain(&one), 7)
            .await
            .unwrap()
            .unwrap()
            .holds()
    );
}

#[tokio::test]
async fn periods_follow_each_other_and_the_digest_runs_on() {
    let dir = tempfile::tempdir().unwrap();
    let hour = ArchiveConfig::default().period;
    let (path, archive) = open(&dir, ArchiveConfig::default()).await;
    let mut sensor = Sensor::new("10.cold.7");
    let (first, second) = (following(&mut sensor, 0..3), following(&mut sensor, 3..5));

    archive.append(&first, NOW).await.unwrap();
    archive.close().await;
    let archive = Archive::open(&path, ArchiveConfig::default())
        .await
        .unwrap();
    archive.append(&second, NOW + 5 * hour).await.unwrap();

    let periods = archive.periods(feed().name.id()).await.unwrap();
    let numbers: Vec<u64> = periods.iter().map(|p| p.period).collect();
    assert_eq!(numbers, [0, 1]);
    assert!(periods[0].until <= periods[1].from);
    let running = first
        .iter()
        .chain(&second)
        .fold(B256::ZERO, |digest, reading| {
            let hash = Sha256::new()
                .chain_update(digest)
                .chain_update(reading.signed().body.digest());
            B256::new(hash.finalize().into())
        });
    assert_eq!(periods[1].digest, running);
    assert_ne!(periods[0].digest, running);
}

#[tokio::test]
async fn a_full_archive_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let small = ArchiveConfig {
        max_bytes: 256 * 1024,
        ..ArchiveConfig::default()
    };
    let (path, archive) = open(&dir, small).await;
    let mut sensor = Sensor::new("10.cold.7");

    let mut confirmed = 0;
    let refused = loop {
        let batch = following(&mut sensor, 0..100);
        match archive.append(&batch, NOW).await {
            Ok(()) => confirmed += 100,
            Err(error) => break error,
        }
    };

    assert!(matches!(refused, SinkError::Full { .. }), "{refused}");
    assert!(confirmed > 0);
    assert_eq!(archive.count().await.unwrap(), confirmed);
    archive.close().await;
    let roomy = Archive::open(&path, ArchiveConfig::default())
        .await
        .unwrap();
    assert_eq!(roomy.count().await.unwrap(), confirmed);
    let last = roomy.last(chain(&sensor)).await.unwrap().unwrap();
    assert_eq!(last.body.sequence, confirmed);
}

#[tokio::test]
async fn evidence_is_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let (_, archive) = open(&dir, ArchiveConfig::default()).await;
    let sensor = Sensor::new("10.two-faced");
    let faces = [sensor.sign(sensor.body(1)), sensor.sign(sensor.body(2))];
    let evidence = Evidence::of(&faces[0], &faces[1]).unwrap();

    archive.accuse(&evidence, NOW).await.unwrap();
    archive.accuse(&evidence, NOW + 1).await.unwrap();

    let kept = archive.accused().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].offence, evidence.offence());
    assert_eq!(
        kept[0].readings,
        faces.map(|face| (face.body, face.hardware))
    );
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, archive) = open(&dir, ArchiveConfig::default()).await;
    let mut sensor = Sensor::new("10.cold.7");
    archive
        .append(&following(&mut sensor, 0..3), NOW)
        .await
        .unwrap();
    archive.close().await;

    let options = SqliteConnectOptions::new().filename(&path);
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    let change = "UPDATE readings SET value = value + 1 WHERE sequence = 3";
    sqlx::query(change).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();

    let archive = Archive::open(&path, ArchiveConfig::default())
        .await
        .unwrap();
    let read = archive.last(chain(&sensor)).await;
    assert!(matches!(read, Err(SinkError::Damaged { .. })), "{read:?}");
}
