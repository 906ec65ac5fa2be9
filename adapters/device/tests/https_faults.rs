//! Devices that do not keep to the rules, over HTTPS with mutual TLS.
#![allow(clippy::unwrap_used)]

mod support;

use causeway_adapter_device::{
    client::HttpsClient,
    evidence::{Evidence, Offence},
    fleet::adversary::{ReplayingDevice, TwoFacedDevice},
    ingest::{
        answer::{Answer, Problem},
        https::HttpsLimits,
    },
    reading::Signed,
    sink::Sink as _,
    wire::{Form, to_cose},
};
use support::{World, faults::faults};

fn client(world: &World, device: usize, port: u16) -> HttpsClient {
    let tls = world.fleet.devices[device].issued.identity().client();
    HttpsClient::new("127.0.0.1", port, tls.unwrap()).unwrap()
}

async fn post(client: &mut HttpsClient, batch: &[Signed]) -> Answer {
    let bytes = to_cose(batch).unwrap();
    client.post(Form::Cose, bytes.into()).await.unwrap()
}

fn refused(answer: Answer) -> Problem {
    match answer {
        Answer::Refused(problem) => problem,
        Answer::Accepted(accepted) => panic!("accepted {accepted:?}"),
    }
}

#[tokio::test]
async fn a_two_faced_device_leaves_evidence_behind() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let mut client = client(&world, 0, server.addr().port());
    let mut device = TwoFacedDevice::new(world.key(0), world.identity(0));
    let common = device.common(400);
    let [face, other] = device.faces([410, 490]);

    let answer = post(&mut client, &[common, face]).await;
    assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    let problem = refused(post(&mut client, &[other]).await);

    assert_eq!(problem.refused, "equivocation");
    let kept = world.archive.accused().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].offence, Offence::Equivocation);
    assert_eq!(kept[0].readings[1], (other.body, other.hardware));
}

/// Each operator has one face, so neither has evidence: it is in both archives together, and in the next reading of the device.
#[tokio::test]
async fn a_device_with_a_face_for_each_operator_is_caught_by_its_next_reading() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let (other_server, archive) = world.another().await;
    let mut here = client(&world, 0, server.addr().port());
    let mut there = client(&world, 0, other_server.addr().port());
    let mut device = TwoFacedDevice::new(world.key(0), world.identity(0));
    let faces = device.faces([410, 490]);

    for (client, face) in [(&mut here, faces[0]), (&mut there, faces[1])] {
        assert!(matches!(post(client, &[face]).await, Answer::Accepted(_)));
    }
    assert_eq!(world.archive.accused().await.unwrap(), []);
    let chain = world.chain_id(0);
    let mine = world.archive.reading(chain, 1).await.unwrap().unwrap();
    let theirs = archive.reading(chain, 1).await.unwrap().unwrap();
    let evidence = Evidence::of(&mine, &theirs).unwrap();
    assert_eq!(evidence.offence(), Offence::Equivocation);

    // It goes on from the first face, which the second operator has not.
    device.common(410);
    let next = device.common(420);
    assert!(matches!(
        post(&mut here, &[next]).await,
        Answer::Accepted(_)
    ));
    let problem = refused(post(&mut there, &[next]).await);
    assert_eq!(problem.refused, "broken_link");
    assert_eq!(archive.accused().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_replaying_device_says_again_or_out_of_order_is_refused_by_name() {
    let world = World::new(1).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let mut client = client(&world, 0, server.addr().port());
    let mut device = ReplayingDevice::new(world.key(0), world.identity(0));
    let said = device.honest(&[400, 410, 420]);
    assert!(matches!(
        post(&mut client, &said).await,
        Answer::Accepted(_)
    ));

    let replay = refused(post(&mut client, &device.replay()).await);
    let reordered = refused(post(&mut client, &device.reordered(&[430, 440])).await);
    let skipping = refused(post(&mut client, &device.skipping(&[430, 440])).await);

    assert_eq!(replay.refused, "replayed");
    assert_eq!(reordered.refused, "sequence_gap");
    assert_eq!(skipping.refused, "sequence_gap");
    for problem in [replay, reordered, skipping] {
        assert_eq!(problem.next.unwrap().sequence, 4);
    }
    assert_eq!(world.archive.accused().await.unwrap(), []);
    let next = device.honest(&[430]);
    assert!(matches!(
        post(&mut client, &next).await,
        Answer::Accepted(_)
    ));
    assert_eq!(world.archive.count().await.unwrap(), 4);
}

#[tokio::test]
async fn every_kind_of_bad_content_is_refused_by_its_name_and_the_device_goes_on() {
    let world = World::new(2).await;
    let server = world.serve(0, HttpsLimits::default()).await;
    let mut client = client(&world, 0, server.addr().port());

    for fault in faults(&world) {
        let answer = client.post(fault.form, fault.bytes.into()).await.unwrap();
        assert_eq!(refused(answer).refused, fault.refused, "{}", fault.what);
    }

    assert_eq!(world.archive.count().await.unwrap(), 0);
    let answer = post(&mut client, &world.chain(0).batch(1)).await;
    assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
}
