//! Devices over MQTT, through a real Mosquitto.
#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use causeway_adapter_device::{
    archive::ArchiveConfig,
    client::{ClientError, MqttClient},
    fleet::{
        TrialCa,
        drive::{Pace, Tally, Target, drive},
    },
    ingest::{
        Limits,
        answer::{Answer, Problem},
        mqtt::{Broker, MqttIngest, topic},
    },
    ledger::system_clock,
    reading::Signed,
    resident::{Resident, config::Uplink},
    wire::to_cose,
};
use support::{Mosquitto, World};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

fn client(world: &World, broker: &Mosquitto, device: usize) -> MqttClient {
    let name = topic(
        &world.fleet.devices[device].entry.did,
        &world.fleet.profile.feed().name,
    );
    MqttClient::start(&world.broker(broker.port, device), name)
}

/// Publishes until it is answered: the first messages may come before the subscription to answers holds.
async fn told(client: &mut MqttClient, bytes: &[u8], last: u64) -> Answer {
    loop {
        match client.publish(bytes.to_vec().into(), last).await {
            Ok(answer) => return answer,
            Err(ClientError::Timeout(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn send(client: &mut MqttClient, batch: &[Signed]) -> Answer {
    let last = batch.last().unwrap().body.sequence;
    told(client, &to_cose(batch).unwrap(), last).await
}

fn refused(answer: Answer) -> Problem {
    match answer {
        Answer::Refused(problem) => problem,
        Answer::Accepted(accepted) => panic!("accepted {accepted:?}"),
    }
}

fn run(
    resident: &Arc<Resident>,
    source: mpsc::Receiver<String>,
) -> (CancellationToken, JoinHandle<()>) {
    let (resident, stop) = (resident.clone(), CancellationToken::new());
    let token = stop.clone();
    (
        stop,
        tokio::spawn(async move { resident.run(source, &token).await }),
    )
}

async fn captured(resident: &Resident, count: u64) {
    while resident.health().report(0).captured < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn drained(resident: &Resident) {
    while resident.health().report(0).pending > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fleet_is_told_is_stored_is_stored() {
    let world = World::new(5).await;
    let broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let targets = [Target::Mqtt {
        host: "127.0.0.1".into(),
        port: broker.port,
    }];
    let pace = Pace {
        batch: 8,
        every: Duration::from_millis(1),
        batches: Some(3),
    };
    let tally = Arc::new(Tally::default());

    let driven = drive(
        &world.fleet,
        &targets,
        pace,
        system_clock(),
        tally.clone(),
        CancellationToken::new(),
    );
    driven.await.unwrap();

    assert_eq!(world.archive.count().await.unwrap(), 5 * 8 * 3);
    assert_eq!(world.archive.accused().await.unwrap(), []);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_published_by_name() {
    let world = World::new(2).await;
    let broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let mut client = client(&world, &broker, 0);
    let batch = world.chain(0).batch(3);

    assert!(matches!(
        send(&mut client, &batch[..1]).await,
        Answer::Accepted(_) | Answer::Refused(_)
    ));
    assert_eq!(
        refused(send(&mut client, &batch[..1]).await).refused,
        "replayed"
    );
    assert_eq!(
        refused(send(&mut client, &batch[2..]).await).refused,
        "sequence_gap"
    );
    assert_eq!(
        refused(told(&mut client, b"garbage", 0).await).refused,
        "form_unknown"
    );
    assert_eq!(
        refused(told(&mut client, b"[{}]", 0).await).refused,
        "json_malformed"
    );
    assert_eq!(
        refused(told(&mut client, &[0xd2, 0xff], 0).await).refused,
        "cbor_malformed"
    );
    let other = refused(send(&mut client, &world.chain(1).batch(1)).await);
    assert_eq!(other.refused, "topic_other");
    assert_eq!(world.archive.count().await.unwrap(), 1);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_lets_no_device_write_for_another() {
    let world = World::new(2).await;
    let broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let victim = topic(
        &world.fleet.devices[1].entry.did,
        &world.fleet.profile.feed().name,
    );
    let mut intruder = MqttClient::start(&world.broker(broker.port, 0), victim);
    let batch = world.chain(1).batch(1);

    let silence = intruder.publish(to_cose(&batch).unwrap().into(), 1).await;

    assert!(
        matches!(silence, Err(ClientError::Timeout(_))),
        "{silence:?}"
    );
    assert_eq!(world.archive.count().await.unwrap(), 0);
    let mut owner = client(&world, &broker, 1);
    send(&mut owner, &batch).await;
    assert_eq!(world.archive.count().await.unwrap(), 1);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_refuses_certificates_of_another_ca() {
    let world = World::new(1).await;
    let broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let number = world.fleet.devices[0].entry.did.number();
    let mut identity = TrialCa::new()
        .unwrap()
        .device(number, (2020, 2120))
        .unwrap()
        .identity();
    identity.ca = vec![world.fleet.ca.certificate()];
    let forged = Broker {
        tls: identity.client().unwrap(),
        ..world.broker(broker.port, 0)
    };
    let name = topic(
        &world.fleet.devices[0].entry.did,
        &world.fleet.profile.feed().name,
    );

    let mut client = MqttClient::start(&forged, name);
    let silence = client
        .publish(to_cose(&world.chain(0).batch(1)).unwrap().into(), 1)
        .await;

    assert!(
        matches!(silence, Err(ClientError::Timeout(_))),
        "{silence:?}"
    );
    assert_eq!(world.archive.count().await.unwrap(), 0);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_broker_is_killed() {
    let world = World::new(1).await;
    let mut broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let uplink = Uplink::Mqtt(world.broker(broker.port, 0));
    let resident = Arc::new(world.resident(0, uplink).await);
    let (lines, source) = mpsc::channel(8);
    let (stop, running) = run(&resident, source);

    lines.send("4.2".to_owned()).await.unwrap();
    world.stored(0, 1).await;
    broker.kill();
    for value in 0..40 {
        lines.send(format!("{value}")).await.unwrap();
    }
    captured(&resident, 41).await;
    assert!(resident.health().report(0).pending >= 40);
    broker.run().await;

    world.stored(0, 41).await;
    drained(&resident).await;
    assert_eq!(world.archive.count().await.unwrap(), 41);
    stop.cancel();
    running.await.unwrap();
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_operator_is_away() {
    let mut world = World::new(1).await;
    let broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let resident = Arc::new(
        world
            .resident(0, Uplink::Mqtt(world.broker(broker.port, 0)))
            .await,
    );
    let (lines, source) = mpsc::channel(8);
    let (stop, running) = run(&resident, source);
    lines.send("1".to_owned()).await.unwrap();
    world.stored(0, 1).await;

    ingest.stop().await;
    for value in 0..40 {
        lines.send(format!("{value}")).await.unwrap();
    }
    captured(&resident, 41).await;
    world.restart(ArchiveConfig::default()).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());

    world.stored(0, 41).await;
    drained(&resident).await;
    assert_eq!(world.archive.count().await.unwrap(), 41);
    stop.cancel();
    running.await.unwrap();
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_stays_with_the_broker() {
    let small = ArchiveConfig {
        max_bytes: 72 * 1024,
        ..ArchiveConfig::default()
    };
    let mut world = World::with(1, Limits::default(), small).await;
    let broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let mut client = client(&world, &broker, 0);
    let all = world.chain(0).batch(256);

    // Until the archive is full, and nobody answers any more.
    let mut sent = 0;
    for batch in all.chunks(16) {
        let (bytes, last) = (to_cose(batch).unwrap(), batch.last().unwrap().body.sequence);
        let answer = client.publish(bytes.into(), last).await;
        if matches!(answer, Err(ClientError::Timeout(_))) && last > 16 {
            sent = last;
            break;
        }
    }
    assert!(sent > 0, "the archive never was full");
    assert!(world.archive.count().await.unwrap() < sent);
    drop(client);
    ingest.stop().await;
    world.restart(ArchiveConfig::default()).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());

    // The device is gone: what is stored now comes from the broker.
    world.stored(0, sent).await;
    assert_eq!(world.archive.count().await.unwrap(), sent);
    ingest.stop().await;
}
