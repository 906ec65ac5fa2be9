//! A feed over the live chains of the local profile: four operators, each with all that one machine would hold, lose one of
//! them, have a liar among them, die at their persist points, fall silent. Chains, contracts, certificates, archives and
//! connections are real.

mod operated;
mod pegged;

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, Signature};
use alloy_sol_types::{SolCall as _, sol};
use causeway::{
    keys::{Authority, Role, Signers, Subject},
    local::OPERATORS,
    oracle::feeds::{Envelope, MAX_MESSAGE, Taken},
    store::{Edge, FaultPoint, Faults, OnFault, PersistPoint},
};
use causeway_adapter_device::archive::ArchiveReader;
use causeway_contracts::{FeedAggregator, deploy_code, oracle::feed_id};
use causeway_core::feed::{Message, Millis, Observation, Round, Sample, SignedObservation};
use reqwest::{Certificate, Client, Identity, StatusCode};

use self::{
    operated::{FEED, House, LyingOperator, SilentLeader, Stand, World, eventually, now_ms},
    pegged::act,
};

sol!(
    ColdChainConsumer,
    "../../contracts/artifacts/ColdChainConsumer.json"
);

/// Both chains have the same answer, of a round after `round`, near `value`.
fn answered(stand: &Stand, round: u32, value: i128) -> bool {
    let [home, twin] = stand;
    let near = |answer: i128| answer.abs_diff(value) < 50;
    home.0 > round && home.0 == twin.0 && near(home.1) && home.1 == twin.1
}

/// Waits for an answer after the one that stands now.
async fn next(what: &str, house: &House, value: i128) -> Stand {
    let now = house.stand().await;
    let last = now[0].0.max(now[1].0);
    house
        .until(what, |stand| answered(stand, last, value))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_lives_through_liars_silence_crashes_and_hostile_messages() {
    let (dir, _config, chains) = pegged::chains().await;
    let world = World::new(dir.path().to_path_buf(), chains).await;
    let mut houses = Vec::new();
    for place in 0..OPERATORS.len() {
        houses.push(world.operator(place).await);
    }

    consumers_of_other_feeds_read_it_unchanged_on_both_chains(&world, &houses[0]).await;
    deviation_request_and_heartbeat_begin_rounds(&world, &houses[0]).await;
    alarm_is_raised_and_cleared_with_hysteresis(&world, &houses[0]).await;
    let houses = a_liar_moves_nothing(&world, houses).await;
    let houses = a_silent_leader_costs_its_rounds_and_no_answer(&world, houses).await;
    let houses = one_of_four_is_not_missed_and_comes_back(&world, houses).await;
    let houses = an_operator_dies_at_four_persist_points_and_goes_on(&world, houses).await;
    hostile_messages_are_refused_by_name(&world, &houses[0]).await;
    silence_is_told_by_whoever_sees_it(&world, houses).await;
}

async fn consumers_of_other_feeds_read_it_unchanged_on_both_chains(world: &World, house: &House) {
    let first = house
        .until("the first answer", |stand| answered(stand, 0, 400))
        .await;

    for (chain, end) in [&world.public, &world.consortium]
        .into_iter()
        .zip(world.ends)
    {
        use causeway_adapter_api::ChainWriter as _;
        let nonce = chain.next_nonce(world.carol).await.expect("a nonce");
        let consumer = world.carol.create(nonce);
        let arguments = ColdChainConsumer::constructorCall {
            feed: end.aggregator,
            heartbeat: alloy_primitives::U256::from(3_600),
        };
        let code = deploy_code(&ColdChainConsumer::BYTECODE, &arguments);
        act(chain, world.carol, None, code).await;
        let degrees = world.ask(chain, consumer, &ColdChainConsumer::degreesCall {});
        assert_eq!(degrees.await.expect("an answer").to_string(), "4");
        let cold = world.ask(chain, consumer, &ColdChainConsumer::isColdCall {});
        assert!(cold.await.expect("an answer"));
    }
    assert!(!first[0].2 && !first[0].3, "{first:?}");
}

async fn deviation_request_and_heartbeat_begin_rounds(world: &World, house: &House) {
    world.show(600);
    next("an answer after a deviation", house, 600).await;

    // On one chain somebody asks: both get the answer.
    let before = house.stand().await;
    let request = FeedAggregator::requestRoundCall {}.abi_encode().into();
    let twin = world.ends[1].aggregator;
    act(&world.consortium, world.carol, Some(twin), request).await;
    let wanted = before[1].0 + 1;
    house
        .until("the requested round", |stand| {
            answered(stand, wanted - 1, 600)
        })
        .await;

    // Nothing changes and nobody asks.
    next("an answer by the heartbeat", house, 600).await;
    next("and another", house, 600).await;
}

async fn alarm_is_raised_and_cleared_with_hysteresis(world: &World, house: &House) {
    world.show(950);
    let raised = |stand: &Stand| stand.iter().all(|end| end.2);
    house.until("the alarm on both chains", raised).await;

    // Within the band, but not by the hysteresis.
    world.show(780);
    let still = next("an answer near the band's end", house, 780).await;
    assert!(raised(&still), "{still:?}");
    let still = next("and another", house, 780).await;
    assert!(raised(&still), "{still:?}");

    world.show(500);
    let calm = |stand: &Stand| stand.iter().all(|end| !end.2);
    house.until("the all clear on both chains", calm).await;
    let history = house
        .feeds
        .history(FEED, None, 500)
        .await
        .expect("a history");
    for name in ["alarm_raised", "alarm_cleared"] {
        let said = history.iter().filter(|row| row.fact.said.name() == name);
        assert_eq!(said.count(), 2, "{name} once on each chain");
    }
}

async fn a_liar_moves_nothing(world: &World, mut houses: Vec<House>) -> Vec<House> {
    houses.remove(3).stop().await;
    let view = LyingOperator(ArchiveReader::new(&world.archive(3)));
    let liar = world.house(3, Arc::new(view), Faults::none()).await;
    houses.push(liar);

    for value in [350, 450, 520, 300] {
        world.show(value.into());
        next(
            "an answer with a liar among the operators",
            &houses[0],
            value.into(),
        )
        .await;
    }
    // F10: no answer was further than what honest operators saw.
    let history = houses[0]
        .feeds
        .history(FEED, None, 500)
        .await
        .expect("rows");
    let answers = history.iter().filter_map(|row| row.fact.said.value());
    assert!(
        answers
            .into_iter()
            .all(|value| (250..1_000).contains(&value))
    );

    houses.remove(3).stop().await;
    houses.push(world.operator(3).await);
    houses
}

async fn a_silent_leader_costs_its_rounds_and_no_answer(
    world: &World,
    mut houses: Vec<House>,
) -> Vec<House> {
    let ours = OPERATORS.len() as u32;
    houses.remove(2).stop().await;
    world.show(620);
    next("an answer without one operator", &houses[0], 620).await;
    let silent = SilentLeader::begin(world, 2, houses[0].feeds.clone());
    let begin = houses[0].stand().await[0].0;

    // All rounds that anybody leads pass by, the silent one's too.
    let (mut value, mut last) = (620, begin);
    while last <= begin + ours {
        value = if value == 400 { 500 } else { 400 };
        world.show(value);
        let stand = next(
            "an answer though a leader is silent",
            &houses[0],
            value.into(),
        )
        .await;
        last = stand[0].0;
    }

    let history = houses[0].feeds.history(FEED, None, 500).await;
    let history = history.expect("a history");
    let answered = history
        .iter()
        .filter(|row| row.fact.said.name() == "answered");
    let rounds: Vec<u32> = answered
        .filter_map(|row| row.fact.said.round())
        .filter(|round| *round > begin)
        .collect();
    let its = SilentLeader::leads(world, 2);
    assert!(
        rounds.iter().all(|round| round % ours != its),
        "{its}: {rounds:?}"
    );
    assert!(silent.heard() > 0, "the others took its observations");

    silent.end().await;
    houses.insert(2, world.operator(2).await);
    houses
}

async fn one_of_four_is_not_missed_and_comes_back(
    world: &World,
    mut houses: Vec<House>,
) -> Vec<House> {
    // Whoever it is, it leads one of any four rounds that follow each other.
    houses.remove(2).stop().await;
    let begin = houses[0].stand().await[0].0;
    let mut value = 400;
    while houses[0].stand().await[0].0 < begin + 4 {
        value = if value == 400 { 500 } else { 400 };
        world.show(value);
        next("an answer without one operator", &houses[0], value.into()).await;
    }

    houses.insert(2, world.operator(2).await);
    let there = houses[0].stand().await;
    houses[2]
        .until("it catches up", |stand| {
            stand[0].0 >= there[0].0 && stand[1].0 >= there[1].0
        })
        .await;
    // It is needed again: another one goes.
    houses.remove(1).stop().await;
    world.show(600);
    next("an answer in which it took part", &houses[0], 600).await;
    houses.insert(1, world.operator(1).await);
    houses
}

async fn an_operator_dies_at_four_persist_points_and_goes_on(
    world: &World,
    mut houses: Vec<House>,
) -> Vec<House> {
    let mut value = 400;
    let moments = [
        (PersistPoint::FeedRead, Edge::After, 1),
        (PersistPoint::FeedStepped, Edge::Before, 1),
        (PersistPoint::FeedStepped, Edge::After, 1),
        (PersistPoint::FeedStepped, Edge::After, 4),
    ];
    for (point, edge, nth) in moments {
        houses.remove(1).stop().await;
        let faults = Faults::at(FaultPoint { point, edge, nth }, OnFault::Fail);
        let samples = Arc::new(ArchiveReader::new(&world.archive(1)));
        let dying = world.house(1, samples, faults).await;
        value = if value == 400 { 500 } else { 400 };
        world.show(value);
        eventually("it dies", || async {
            dying.faults.struck().then_some(()).ok_or_else(String::new)
        })
        .await;
        dying.stop().await;

        houses.insert(1, world.operator(1).await);
        world.show(600);
        next("an answer after the crash", &houses[1], 600).await;
    }
    houses
}

async fn silence_is_told_by_whoever_sees_it(world: &World, mut houses: Vec<House>) {
    houses.remove(3).stop().await;
    houses.remove(2).stop().await;

    let stale = |stand: &Stand| stand.iter().all(|end| end.3);
    let silent = houses[0]
        .until("both chains call the feed stale", stale)
        .await;

    for place in 2..OPERATORS.len() {
        houses.push(world.operator(place).await);
    }
    world.show(470);
    let last = silent[0].0;
    let alive = houses[3]
        .until("the feed is alive again", |stand| {
            answered(stand, last, 470)
        })
        .await;
    assert!(!stale(&alive), "{alive:?}");
    for house in houses {
        house.stop().await;
    }
}

/// A client with the certificate of this name.
fn client(world: &World, name: &str) -> Client {
    let tls = world.tls(name);
    let read = |path| std::fs::read(path).expect("a file");
    let pem = [read(tls.certificate), read(tls.key)].concat();
    Client::builder()
        .use_rustls_tls()
        .no_proxy()
        .tls_built_in_root_certs(false)
        .add_root_certificate(Certificate::from_pem(&read(tls.ca)).expect("a CA"))
        .identity(Identity::from_pem(&pem).expect("an identity"))
        .build()
        .expect("a client")
}

async fn hostile_messages_are_refused_by_name(world: &World, house: &House) {
    let url = format!("{}/v1/feed/messages", world.url(0));
    let site = Arc::clone(&house.feeds.sites()[0]);
    let view = house.feeds.view(&site).await.expect("a view");
    let digest = view.terms.expect("terms").digest;
    // The fourth operator's own key: it is among them, and may still say anything.
    let signers = Signers::new([world.keys[3]]);
    let account = world.chains.accounts[OPERATORS[3]];
    let observation = |round: u32, at: u64| Observation {
        round: Round(round),
        sample: Sample {
            value: 470,
            at: Millis(at),
        },
    };
    let signed = |observation: Observation| {
        let raw = signers
            .sign(account, observation.digest(digest))
            .expect("a key");
        let signature = Signature::from_raw(&raw).expect("a signature").as_erc2098();
        SignedObservation {
            observation,
            signature: signature.into(),
        }
    };
    let envelope = |message| Envelope {
        feed: feed_id(FEED),
        message,
    };
    let send = |client: Client, body: Vec<u8>| {
        let request = client.post(&url).header("content-type", "application/json");
        async move { request.body(body).send().await.expect("an answer") }
    };
    let bytes = |envelope: &Envelope| serde_json::to_vec(envelope).expect("JSON");
    let fourth = client(world, OPERATORS[3]);
    let far = 1_000_000;
    let good = envelope(Message::Observation(signed(observation(far, now_ms()))));

    // Somebody without a certificate gets no further than the handshake.
    let ca = std::fs::read(world.tls("ca").ca).expect("a CA");
    let nobody = Client::builder()
        .use_rustls_tls()
        .no_proxy()
        .tls_built_in_root_certs(false)
        .add_root_certificate(Certificate::from_pem(&ca).expect("a CA"))
        .build()
        .expect("a client");
    assert!(nobody.post(&url).body(bytes(&good)).send().await.is_err());

    // A member, and an operator of other feeds: known to the CA, not to us.
    let local = world.chains.local.as_ref().expect("local");
    let subject = Subject {
        name: "stranger".into(),
        role: Role::Operator,
        hosts: vec!["127.0.0.1".into()],
    };
    let authority = Authority::open(&local.ca()).expect("the CA");
    authority.issue(&subject).expect("a certificate");
    for name in ["member", "stranger"] {
        let refused = send(client(world, name), bytes(&good)).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{name}");
        let text = refused.text().await.expect("text");
        assert!(text.contains("unknown-operator"), "{text}");
    }

    // Not a message at all, one that is too long, one of a feed that nobody knows.
    let refused = send(fourth.clone(), b"{".to_vec()).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let long = fourth.post(&url).header("content-type", "application/json");
    // The rest of it is not read: the connection may end before the answer arrives.
    if let Ok(refused) = long.body(vec![b' '; MAX_MESSAGE + 1]).send().await {
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    let other = Envelope {
        feed: B256::repeat_byte(1),
        ..good.clone()
    };
    let refused = send(fourth.clone(), bytes(&other)).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);

    // Forged: the words of the third operator under the fourth one's signature, and a signature that is none.
    let third = client(world, OPERATORS[2]);
    let refused = send(third, bytes(&good)).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let text = refused.text().await.expect("text");
    assert!(text.contains("recovered"), "{text}");
    let mut cut = signed(observation(far, now_ms()));
    cut.signature = Bytes::from_static(&[1, 2, 3]);
    let refused = send(fourth.clone(), bytes(&envelope(Message::Observation(cut)))).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);

    // Good once; repeated, or older, it says nothing. One operator far ahead pulls nobody along (F4).
    let before = house.stand().await;
    let take = |body: Vec<u8>| {
        let answer = send(fourth.clone(), body);
        async move { answer.await.json::<Taken>().await.expect("an answer") }
    };
    assert!(take(bytes(&good)).await.taken);
    let again = take(bytes(&good)).await;
    assert!(!again.taken, "{again:?}");
    let older = envelope(Message::Observation(signed(observation(1, now_ms()))));
    let older = take(bytes(&older)).await;
    assert!(!older.taken && older.why.is_some(), "{older:?}");
    let late = Message::Signature {
        round: Round(far),
        signature: Bytes::from(vec![1; 64]),
    };
    assert!(!take(bytes(&envelope(late))).await.taken);
    let after = next("an answer after all that", house, before[0].1).await;
    assert!(after[0].0 < far, "{after:?}");
}
