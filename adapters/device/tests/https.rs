//! Devices over HTTPS with mutual TLS, against a real server and a real archive.
#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use causeway_adapter_device::{
    archive::ArchiveConfig,
    client::{ClientError, HttpsClient},
    directory::Standing,
    fleet::{
        TrialCa,
        drive::{Pace, Tally, Target, drive},
    },
    ingest::{
        Limits,
        answer::{Answer, Problem},
        https::{HttpsLimits, HttpsServer},
    },
    ledger::system_clock,
    reading::Signed,
    resident::config::Uplink,
    wire::{Form, to_cose},
};
use rustls::pki_types::ServerName;
use support::{World, free_port};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

fn client(world: &World, device: usize, port: u16) -> HttpsClient {
    let tls = world.fleet.devices[device]
        .issued
        .identity()
        .client()
        .unwrap();
    HttpsClient::new("127.0.0.1", port, tls).unwrap()
}

async fn post(client: &mut HttpsClient, batch: &[Signed]) -> Answer {
    client
        .post(Form::Cose, to_cose(batch).unwrap().into())
        .await
        .unwrap()
}

fn refused(answer: Answer) -> Problem {
    match answer {
        Answer::Refused(problem) => problem,
        Answer::Accepted(accepted) => panic!("accepted {accepted:?}"),
    }
}

async fn raw(world: &World, port: u16) -> TlsStream<TcpStream> {
    let tls = world.fleet.devices[0].issued.identity().client().unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(tls).connect(name, socket).await.unwrap()
}

/// Sends a request as it is and reads until the server ends the connection.
async fn exchange(world: &World, port: u16, request: &str) -> String {
    let mut stream = raw(world, port).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that cuts the connection need not say goodbye in TLS.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn what_a_fleet_is_told_is_stored_is_stored_by_every_operator() {
    let world = World::new(5).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let (other, archive) = world.another().await;
    let target = |server: &HttpsServer| Target::Https {
        host: "127.0.0.1".into(),
        port: server.addr().port(),
    };
    let targets = [target(&server), target(&other)];
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

    assert_eq!(
        tally.accepted.load(std::sync::atomic::Ordering::SeqCst),
        2 * 5 * 8 * 3
    );
    assert_eq!(*tally.last_problem.lock(), None);
    for archive in [&world.archive, &archive] {
        assert_eq!(archive.count().await.unwrap(), 5 * 8 * 3);
    }
    server.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn certificates_of_others_and_of_the_past_get_no_further_than_the_handshake() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let other = TrialCa::new()
        .unwrap()
        .device("trial.cold-chain.0", (2020, 2120))
        .unwrap();
    let expired = world
        .fleet
        .ca
        .device("trial.cold-chain.0", (2001, 2002))
        .unwrap();

    for issued in [other, expired] {
        let mut identity = issued.identity();
        identity.ca = vec![world.fleet.ca.certificate()];
        let port = server.addr().port();
        let mut client = HttpsClient::new("127.0.0.1", port, identity.client().unwrap()).unwrap();
        let batch = to_cose(&world.chain(0).batch(1)).unwrap();
        let failed = client.post(Form::Cose, batch.into()).await.unwrap_err();
        assert!(
            matches!(failed, ClientError::Connect { .. } | ClientError::Http(_)),
            "{failed}"
        );
    }
    assert_eq!(world.archive.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_certificate_of_the_ca_that_no_device_has_is_refused() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let stranger = world
        .fleet
        .ca
        .device("trial.stranger", (2020, 2120))
        .unwrap();
    let port = server.addr().port();
    let mut client =
        HttpsClient::new("127.0.0.1", port, stranger.identity().client().unwrap()).unwrap();

    let problem = refused(post(&mut client, &world.chain(0).batch(1)).await);

    assert_eq!(problem.refused, "certificate_unknown");
}

#[tokio::test]
async fn a_device_does_not_speak_for_another() {
    let world = World::new(2).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let mut client = client(&world, 0, server.addr().port());

    let problem = refused(post(&mut client, &world.chain(1).batch(1)).await);

    assert_eq!(problem.refused, "certificate_other");
}

#[tokio::test]
async fn a_revoked_device_is_refused_on_its_open_connection() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let (mut client, mut chain) = (client(&world, 0, server.addr().port()), world.chain(0));
    let batch = chain.batch(1);
    assert!(matches!(
        post(&mut client, &batch).await,
        Answer::Accepted(_)
    ));
    chain.keep(&batch);

    let id = world.fleet.devices[0].entry.id;
    assert!(
        world
            .ingest
            .update(|directory| directory.set_standing(&id, Standing::Revoked))
    );

    assert_eq!(
        refused(post(&mut client, &chain.batch(1)).await).refused,
        "device_revoked"
    );
}

#[tokio::test]
async fn a_gap_is_told_with_what_is_expected_and_a_replay_with_what_is_next() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let mut client = client(&world, 0, server.addr().port());
    let batch = world.chain(0).batch(4);
    post(&mut client, &batch[..2]).await;

    let gap = refused(post(&mut client, &batch[3..]).await);
    let replay = refused(post(&mut client, &batch[..2]).await);

    assert_eq!(gap.refused, "sequence_gap");
    assert_eq!(replay.refused, "replayed");
    for next in [gap.next.unwrap(), replay.next.unwrap()] {
        assert_eq!(next.sequence, 3);
        assert_eq!(next.previous, batch[1].body.digest());
    }
}

#[tokio::test]
async fn a_device_that_sends_too_often_is_told_when_to_come_again() {
    let few = Limits {
        per_second: 1.try_into().unwrap(),
        burst: 4.try_into().unwrap(),
        ..Limits::default()
    };
    let world = World::with(2, few, ArchiveConfig::default()).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let batch = world.chain(0).batch(9);
    let mut one = client(&world, 0, server.addr().port());

    assert_eq!(
        refused(post(&mut one, &batch).await).refused,
        "too_many",
        "more than a burst"
    );
    assert!(matches!(
        post(&mut one, &batch[..4]).await,
        Answer::Accepted(_)
    ));
    let problem = refused(post(&mut one, &batch[4..8]).await);

    assert_eq!(problem.refused, "too_often");
    assert!(problem.retry_after.is_some());
    let mut other = client(&world, 1, server.addr().port());
    let answer = post(&mut other, &world.chain(1).batch(1)).await;
    assert!(
        matches!(answer, Answer::Accepted(_)),
        "others are not held up"
    );
}

#[tokio::test]
async fn ten_megabytes_are_refused_before_they_are_read() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let head = "POST /v1/readings HTTP/1.1\r\nhost: x\r\ncontent-type: application/senml+json\r\n";

    let announced = format!("{head}content-length: 10000000\r\n\r\n");
    let answer = exchange(&world, server.addr().port(), &announced).await;
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("too_large"),
        "{answer}"
    );

    let chunk = format!("{:x}\r\n{}\r\n", 300_000, " ".repeat(300_000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}");
    let answer = exchange(&world, server.addr().port(), &chunked).await;
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("too_large"),
        "{answer}"
    );
}

#[tokio::test]
async fn slow_loris_is_cut_off() {
    let world = World::new(1).await;
    let short = Duration::from_secs(2);
    let limits = HttpsLimits {
        idle: short,
        body: short,
        handshake: short,
        ..HttpsLimits::default()
    };
    let server = world.serve(0, limits).await;
    let port = server.addr().port();

    // Ends, without ever being answered with success: in the handshake, the head, the body.
    let mut silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    let head = exchange(&world, port, "POST /v1/readings HTTP/1.1\r\nhost:").await;
    assert!(
        head.is_empty() || head.starts_with("HTTP/1.1 408"),
        "{head}"
    );
    let request = "POST /v1/readings HTTP/1.1\r\nhost: x\r\ncontent-type: application/senml+json\r\n\
        content-length: 100\r\n\r\n[";
    let body = exchange(&world, port, request).await;
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");

    let mut honest = client(&world, 0, port);
    assert!(matches!(
        post(&mut honest, &world.chain(0).batch(1)).await,
        Answer::Accepted(_)
    ));
}

#[tokio::test]
async fn connections_past_the_limit_are_turned_away() {
    let world = World::new(2).await;
    let server = world
        .serve(
            0,
            HttpsLimits {
                connections: 1,
                ..HttpsLimits::default()
            },
        )
        .await;
    let port = server.addr().port();
    let (mut first, mut second) = (client(&world, 0, port), client(&world, 1, port));
    first.connect().await.unwrap();

    assert!(second.connect().await.is_err());
    assert!(matches!(
        post(&mut first, &world.chain(0).batch(1)).await,
        Answer::Accepted(_)
    ));
}

#[tokio::test]
async fn other_requests_are_told_what_is_served() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let port = server.addr().port();
    let ask = |line: &str| {
        let request =
            format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let world = &world;
        async move { exchange(world, port, &request).await }
    };

    assert!(ask("GET /v1/readings").await.starts_with("HTTP/1.1 405"));
    assert!(ask("POST /").await.starts_with("HTTP/1.1 404"));
    assert!(ask("POST /v1/readings").await.starts_with("HTTP/1.1 415"));
}

#[tokio::test]
async fn a_full_archive_confirms_nothing_it_does_not_have() {
    let small = ArchiveConfig {
        max_bytes: 120 * 1024,
        ..ArchiveConfig::default()
    };
    let mut world = World::with(1, Limits::default(), small).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let (mut client, mut chain) = (client(&world, 0, server.addr().port()), world.chain(0));

    let mut confirmed = 0;
    let problem = loop {
        let batch = chain.batch(64);
        match post(&mut client, &batch).await {
            Answer::Accepted(accepted) => confirmed += accepted.accepted as u64,
            Answer::Refused(problem) if problem.refused == "too_often" => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Answer::Refused(problem) => break problem,
        }
        chain.keep(&batch);
    };

    assert_eq!(problem.refused, "storage");
    assert!(problem.retry_after.is_some());
    assert_eq!(world.archive.count().await.unwrap(), confirmed);
    server.stop().await;
    world.restart(ArchiveConfig::default()).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let mut client = self::client(&world, 0, server.addr().port());
    assert!(
        matches!(
            post(&mut client, &chain.batch(64)).await,
            Answer::Accepted(_)
        ),
        "the chain goes on"
    );
}

#[tokio::test]
async fn a_resident_process_drains_in_order_after_the_operator_was_away() {
    let mut world = World::new(1).await;
    let server = world.serve(free_port(), HttpsLimits::default()).await;
    let port = server.addr().port();
    let tls = world.fleet.devices[0].issued.identity().client().unwrap();
    let uplink = Uplink::Https {
        host: "127.0.0.1".into(),
        port,
        tls,
    };
    let resident = Arc::new(world.resident(0, uplink).await);
    let (lines, source) = mpsc::channel(8);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (resident, stop) = (resident.clone(), stop.clone());
        async move { resident.run(source, &stop).await }
    });

    lines.send("4.2".to_owned()).await.unwrap();
    world.stored(0, 1).await;
    server.stop().await;
    for value in 0..50 {
        lines.send(format!("{value}")).await.unwrap();
    }
    while resident.health().report(0).captured < 51 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.archive.count().await.unwrap(), 1);
    world.restart(ArchiveConfig::default()).await;
    let server = world.serve(port, HttpsLimits::default()).await;

    world.stored(0, 51).await;
    while resident.health().report(0).pending > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.archive.count().await.unwrap(), 51);
    stop.cancel();
    running.await.unwrap();
    server.stop().await;
}
