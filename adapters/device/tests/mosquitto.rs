//! Devices over MQTT, through a real Mosquitto.
#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use causeway_adapter_device::{
    archive::ArchiveConfig,
    client::{ClientError, MqttClient},
    directory::Standing,
    fleet::{
        TrialCa,
        adversary::{ReplayingDevice, TwoFacedDevice},
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
    sink::Sink as _,
    wire::to_cose,
};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use support::{Mosquitto, World, faults::faults};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Longest packet of a client that keeps to no limit, bytes.
const MEGABYTES_11: usize = 11_000_000;

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

/// Sends until it is known to be stored: an answer that was lost is asked for again.
async fn stored_now(world: &World, client: &mut MqttClient, batch: &[Signed]) {
    match send(client, batch).await {
        Answer::Accepted(_) => {}
        Answer::Refused(problem) => assert_eq!(problem.refused, "replayed"),
    }
    let last = batch.last().unwrap();
    let kept = world.archive.reading(last.chain(), last.body.sequence);
    assert_eq!(kept.await.unwrap().as_ref(), Some(last));
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

/// The broker says that it has it, and has nobody to keep it for.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_the_first_subscription_is_not_confirmed_and_is_stored_when_it_is_sent_again()
 {
    let world = World::new(1).await;
    let broker = Mosquitto::start(&world).await;
    let mut client = client(&world, &broker, 0);
    let batch = world.chain(0).batch(1);

    let silence = client.publish(to_cose(&batch).unwrap().into(), 1).await;
    assert!(
        matches!(silence, Err(ClientError::Timeout(_))),
        "{silence:?}"
    );
    let mut ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    ingest.subscribed().await;
    assert_eq!(world.archive.count().await.unwrap(), 0);

    stored_now(&world, &mut client, &batch).await;
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_bad_content_is_refused_by_its_name_and_the_device_goes_on() {
    let world = World::new(2).await;
    let broker = Mosquitto::start(&world).await;
    let mut ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    ingest.subscribed().await;
    let mut client = client(&world, &broker, 0);

    for fault in faults(&world) {
        let problem = refused(told(&mut client, &fault.bytes, 0).await);
        assert_eq!(problem.refused, fault.refused, "{}", fault.what);
    }

    assert_eq!(world.archive.count().await.unwrap(), 0);
    let mut chain = world.chain(0);
    let good = chain.batch(1);
    stored_now(&world, &mut client, &good).await;
    chain.keep(&good);
    let id = world.fleet.devices[0].entry.id;
    assert!(
        world
            .ingest
            .update(|directory| directory.set_standing(&id, Standing::Revoked))
    );
    let late = refused(send(&mut client, &chain.batch(1)).await);
    assert_eq!(late.refused, "device_revoked");
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_disorder_and_two_faces_are_refused_by_name() {
    let world = World::new(2).await;
    let broker = Mosquitto::start(&world).await;
    let mut ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    ingest.subscribed().await;
    let mut client = client(&world, &broker, 0);
    let mut replaying = ReplayingDevice::new(world.key(0), world.identity(0));
    stored_now(&world, &mut client, &replaying.honest(&[400, 410])).await;

    for (batch, name) in [
        (replaying.replay(), "replayed"),
        (replaying.reordered(&[420, 430]), "sequence_gap"),
        (replaying.skipping(&[420, 430]), "sequence_gap"),
    ] {
        assert_eq!(refused(send(&mut client, &batch).await).refused, name);
    }
    assert_eq!(world.archive.accused().await.unwrap(), []);

    let mut other = self::client(&world, &broker, 1);
    let mut two_faced = TwoFacedDevice::new(world.key(1), world.identity(1));
    let common = two_faced.common(400);
    let [face, second] = two_faced.faces([410, 490]);
    send(&mut other, &[common, face]).await;
    let problem = refused(send(&mut other, &[second]).await);
    assert_eq!(problem.refused, "equivocation");
    assert_eq!(world.archive.accused().await.unwrap().len(), 1);
    assert_eq!(world.archive.count().await.unwrap(), 4);
    ingest.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_go_no_further_than_the_broker_and_others_go_on() {
    let world = World::new(2).await;
    let broker = Mosquitto::start(&world).await;
    let mut ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    ingest.subscribed().await;
    let name = topic(
        &world.fleet.devices[0].entry.did,
        &world.fleet.profile.feed().name,
    );
    let access = world.broker(broker.port, 0);
    let mut options = MqttOptions::new(access.client_id, access.host, access.port);
    options
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            access.tls,
        )))
        .set_max_packet_size(MEGABYTES_11, MEGABYTES_11);
    let (sender, mut events) = AsyncClient::new(options, 8);
    let bytes = vec![b'['; 10_000_000];
    sender
        .publish(name, QoS::AtLeastOnce, false, bytes)
        .await
        .unwrap();

    // The broker takes no such message: it ends the connection, or confirms and drops it.
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_))) | Err(_) => break,
            Ok(_) => {}
        }
    }

    let mut other = client(&world, &broker, 1);
    stored_now(&world, &mut other, &world.chain(1).batch(2)).await;
    assert_eq!(world.archive.count().await.unwrap(), 2);
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
async fn the_broker_refuses_certificates_of_another_ca_and_of_the_past() {
    let world = World::new(1).await;
    let broker = Mosquitto::start(&world).await;
    let ingest = MqttIngest::start(&world.operator(broker.port), world.ingest.clone());
    let entry = &world.fleet.devices[0].entry;
    let number = entry.did.number();
    let other = TrialCa::new().unwrap().device(number, (2020, 2120));
    let expired = world.fleet.ca.device(number, (2001, 2002));
    let name = topic(&entry.did, &world.fleet.profile.feed().name);
    let batch = to_cose(&world.chain(0).batch(1)).unwrap();

    let attempts = [other, expired].map(|issued| {
        let mut identity = issued.unwrap().identity();
        identity.ca = vec![world.fleet.ca.certificate()];
        let forged = Broker {
            tls: identity.client().unwrap(),
            ..world.broker(broker.port, 0)
        };
        let (name, batch) = (name.clone(), batch.clone());
        async move {
            MqttClient::start(&forged, name)
                .publish(batch.into(), 1)
                .await
        }
    });
    let [first, second] = attempts;
    let (first, second) = tokio::join!(first, second);

    for silence in [first, second] {
        assert!(
            matches!(silence, Err(ClientError::Timeout(_))),
            "{silence:?}"
        );
    }
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
