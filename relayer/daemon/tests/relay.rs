//! Messages between the live chains of the local profile, in one process: certificates, proofs and contracts are real.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway::{
    config::{
        self, Chain, Config, Source,
        raw::{self, Kind},
    },
    contracts::{Messaging, UNORDERED_LANE, finalised},
    daemon::{Chains, Daemon},
    drive::{DriveConfig, Driver},
    relay::{MessageView, RelayHandle, SendRequest, abi::interoperable},
    store::{Store, StoreKey},
};
use causeway_adapter_api::{
    Action, Bump, ChainError, ChainId, ChainReader as _, ChainWriter as _, ContractReader as _,
    Height, Provable as _, VOTES_HASH_SLOT,
};
use causeway_adapter_evm::{EvmChain, EvmConfig, Fees, Finality, connect};
use causeway_adapter_hosted::{adapter::HostedChain, spec::VALIDATOR_SET};
use causeway_contracts::{EventHub, Gateway, LightClient, ValidatorSet};
use causeway_core::{
    lane::Order,
    message::{MessageId, Outcome, Status},
};

/// The pair with its relay.
struct Pair {
    daemon: Daemon,
    _dir: tempfile::TempDir,
}

impl Pair {
    async fn start() -> Self {
        let (dir, config, chains) = Self::chains(|_| {}).await;
        Self::over(dir, &config, chains).await
    }

    /// A daemon, and with it a relay, over running chains.
    async fn over(dir: tempfile::TempDir, config: &Config, chains: Chains) -> Self {
        let daemon = Daemon::start(config, chains).await;
        let daemon = daemon.expect("the daemon starts");
        Self { daemon, _dir: dir }
    }

    /// The chains with their contracts, and nobody who relays.
    async fn chains(alter: impl Fn(&mut raw::Hosted)) -> (tempfile::TempDir, Config, Chains) {
        let dir = tempfile::tempdir().expect("a directory");
        let source = Source {
            data_dir: Some(dir.path().join("data")),
            ..Source::default()
        };
        let mut config = config::load(&source).expect("the profile");
        for chain in config.chains.values_mut() {
            if let Chain::Hosted(hosted) = chain {
                alter(&mut hosted.raw);
            }
        }
        let chains = Chains::start(&config).await.expect("the chains start");
        chains.deploy().await.expect("the contracts are there");
        (dir, config, chains)
    }

    fn chain(&self, name: &str) -> ChainId {
        let hosting = self.daemon.chains.hosting(name).expect("a hosted chain");
        ChainId(hosting.node.spec().chain_id)
    }

    fn account(&self, name: &str) -> Address {
        self.daemon.chains.accounts[name]
    }

    /// The chain with the key of one account.
    fn as_account(&self, chain: &str, name: &str) -> HostedChain {
        let hosting = self.daemon.chains.hosting(chain).expect("a hosted chain");
        let found = self.daemon.chains.as_account(hosting, name);
        found.expect("an account")
    }

    fn messaging(&self) -> Messaging {
        self.daemon.chains.messaging().expect("gateways")
    }

    /// Sends a call that nobody else's nonces are in the way of, and waits until it is final.
    async fn act(&self, chain: &str, name: &str, to: Address, data: Vec<u8>) {
        let chain = self.as_account(chain, name);
        let account = self.account(name);
        let order = causeway_adapter_api::Order {
            account,
            action: Action::Call {
                to: Some(to),
                value: U256::ZERO,
                data: data.into(),
            },
        };
        let nonce = chain.next_nonce(account).await.expect("a nonce");
        let tx = chain
            .prepare(&order, nonce, Bump(0))
            .await
            .expect("accepted");
        chain.broadcast(&tx).await.expect("sent");
        finalised(&chain, tx.id).await.expect("done");
    }

    fn points(&self, name: &str) -> Address {
        let hosting = self.daemon.chains.hosting(name).expect("a hosted chain");
        hosting.points_token.expect("points")
    }

    /// A call of `balanceOf(carol)` on the other chain's token.
    fn balance_call(&self, from: &str, to: &str, order: Order) -> SendRequest {
        let mut payload = vec![0x70, 0xa0, 0x82, 0x31];
        payload.extend(self.account("carol").into_word());
        SendRequest {
            from: self.chain(from),
            account: self.account("alice"),
            to: self.chain(to),
            recipient: self.points(to),
            payload: payload.into(),
            call: true,
            order,
            deadline: None,
            gas_limit: None,
        }
    }

    async fn send(&self, request: &SendRequest) -> MessageView {
        // Lanes are known once the relay has read the gateways.
        let began = tokio::time::Instant::now();
        loop {
            match self.daemon.relay.send(request).await {
                Ok(view) => return view,
                Err(causeway::relay::RelayError::PeerNoLane { .. })
                    if began.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("not sent: {error}"),
            }
        }
    }

    async fn ended(&self, id: MessageId) -> MessageView {
        let began = tokio::time::Instant::now();
        loop {
            let view = self.daemon.relay.show(id).await.expect("a known message");
            if view.row.state.outcome().is_some() {
                return view;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "message {id} has not ended: {view:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_back_with_its_result_over_each_lane_and_in_each_direction() {
    let pair = Pair::start().await;
    let minted = U256::from(1_000_000_u64) * U256::from(10).pow(U256::from(18));

    for (from, to) in [("public", "consortium"), ("consortium", "public")] {
        for order in [Order::Unordered, Order::Ordered] {
            let sent = pair.send(&pair.balance_call(from, to, order)).await;
            let ended = pair.ended(sent.row.state.sent.id).await;

            assert_eq!(
                ended.row.state.outcome(),
                Some(&Outcome::Acknowledged(Status::Executed))
            );
            let line = |said: &str| {
                let found = ended.history.iter().find(|line| line.said == said);
                found.unwrap_or_else(|| panic!("no {said} in {:?}", ended.history))
            };
            let result: Bytes = line("executed")
                .result
                .clone()
                .unwrap_or_default()
                .parse()
                .expect("hex");
            assert_eq!(U256::from_be_slice(&result), minted);
            assert!(line("executed").proved_at >= Some(sent.row.height.0));
            assert!(line("acknowledged").proved_at >= Some(line("executed").height));
        }
    }
    pair.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_event_calls_a_contract_of_the_other_chain_with_no_person_in_between() {
    let pair = Pair::start().await;
    let hub = pair.messaging().event_hub;
    let (emitter, topic) = (pair.account("carol"), B256::repeat_byte(7));
    let subscription = EventHub::Subscription {
        subscriber: Address::ZERO,
        recipient: interoperable(pair.chain("consortium").0, pair.points("consortium")),
        // What the hub tells begins with the emitter: its points on the other chain are asked for.
        selector: [0x70, 0xa0, 0x82, 0x31].into(),
        gasLimit: 100_000,
        lifetime: 3_600,
        ordered: false,
    };
    let subscribe = EventHub::subscribeCall {
        emitter,
        topic,
        s: subscription,
    };
    pair.act("public", "dave", hub, subscribe.abi_encode())
        .await;

    let publish = EventHub::publishCall {
        topic,
        data: Bytes::from_static(b"something happened"),
    };
    pair.act("public", "carol", hub, publish.abi_encode()).await;

    let began = tokio::time::Instant::now();
    let ended = loop {
        let rows = pair.daemon.relay.list(10, 0).await.expect("messages");
        if let Some(row) = rows.first() {
            break pair.ended(row.state.sent.id).await;
        }
        assert!(began.elapsed() < PATIENCE, "nothing was sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(ended.row.state.sent.sender, hub);
    assert_eq!(
        ended.row.state.outcome(),
        Some(&Outcome::Acknowledged(Status::Executed))
    );
    pair.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_change_is_followed_by_the_other_chains_client() {
    // Eight of the public chain are more than an election begins with: the deployer governs them.
    let (dir, config, chains) = Pair::chains(|hosted| {
        hosted.epoch_blocks = 12;
        if hosted.kind == Kind::Public {
            hosted.local_validators = Some(8);
        }
    })
    .await;
    let pair = Pair::over(dir, &config, chains).await;
    let hosting = pair.daemon.chains.hosting("public").expect("hosted");
    let spec = hosting.node.spec();
    let chairs = &pair.daemon.chains.accounts;
    let (administrator, _) = chairs
        .iter()
        .find(|(_, address)| **address == spec.administrator)
        .expect("the administrator's key");
    let mut next = spec.validators.clone();
    next.pop();
    next.rotate_left(1);
    let schedule = ValidatorSet::scheduleCall {
        next: next
            .iter()
            .map(|v| ValidatorSet::Validator {
                vote: v.vote,
                network: v.network,
                endpoint: v.endpoint.clone(),
            })
            .collect(),
    };

    pair.act(
        "public",
        administrator,
        VALIDATOR_SET,
        schedule.abi_encode(),
    )
    .await;

    let votes: Vec<Address> = next.iter().map(|v| v.vote).collect();
    let expected = alloy_primitives::keccak256(votes.concat());
    let consortium = pair.as_account("consortium", "carol");
    let client = pair.messaging().light_client;
    let read = async |data: Vec<u8>| {
        let tip = consortium.finalized().await.expect("a tip").height;
        let answer = consortium.call(client, data.into(), tip).await;
        B256::from_slice(&answer.expect("an answer"))
    };
    let began = tokio::time::Instant::now();
    loop {
        let epoch = U256::from_be_bytes(read(LightClient::epochCall {}.abi_encode()).await.0);
        let call = LightClient::votesHashCall { epoch_: epoch.to() };
        if read(call.abi_encode()).await == expected {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the client is at epoch {epoch}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Certificates of the new set carry a message there, and its result comes back.
    let sent = pair
        .send(&pair.balance_call("public", "consortium", Order::Unordered))
        .await;
    let ended = pair.ended(sent.row.state.sent.id).await;
    assert_eq!(
        ended.row.state.outcome(),
        Some(&Outcome::Acknowledged(Status::Executed))
    );
    pair.daemon.stop().await;
}

/// The newest epoch that the consortium's light client of the public chain knows.
async fn epoch_known(chains: &Chains) -> u64 {
    let hosting = chains.hosting("consortium").expect("hosted");
    let chain = chains.as_account(hosting, "carol").expect("carol");
    let tip = chain.finalized().await.expect("a tip").height;
    let client = chains.messaging().expect("gateways").light_client;
    let call = LightClient::epochCall {}.abi_encode();
    let answer = chain.call(client, call.into(), tip).await;
    U256::from_be_slice(&answer.expect("an answer")).to()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_a_past_catches_up_over_epochs_whose_states_are_gone() {
    const EPOCH: u64 = 64;
    let (dir, config, chains) = Pair::chains(|hosted| {
        if hosted.kind == Kind::Public {
            hosted.local_validators = Some(4);
            (hosted.epoch_blocks, hosted.heartbeat_ms) = (EPOCH, 100);
        }
    })
    .await;
    let known = epoch_known(&chains).await;
    let public = chains.hosting("public").expect("hosted").chain.clone();
    let missed = Height((known + 2) * EPOCH - 1);
    let began = tokio::time::Instant::now();
    // Nobody relays until the states that two handovers were proved in are forgotten.
    let forgotten = loop {
        let state = public.state(VALIDATOR_SET, &[VOTES_HASH_SLOT], missed);
        match state.await {
            Err(ChainError::StatePruned { .. }) => break true,
            _ if began.elapsed() > 4 * PATIENCE => break false,
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    };
    assert!(forgotten, "block {missed} keeps its state");
    assert_eq!(epoch_known(&chains).await, known, "somebody relays");

    let pair = Pair::over(dir, &config, chains).await;
    let began = tokio::time::Instant::now();
    while epoch_known(&pair.daemon.chains).await < known + 2 {
        assert!(began.elapsed() < 4 * PATIENCE, "it does not catch up");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let sent = pair
        .send(&pair.balance_call("public", "consortium", Order::Unordered))
        .await;
    let ended = pair.ended(sent.row.state.sent.id).await;

    assert_eq!(
        ended.row.state.outcome(),
        Some(&Outcome::Acknowledged(Status::Executed))
    );
    // A relay that knows the chain by its JSON-RPC alone is told the same.
    let told = outsider(&pair).await.handover(known).await;
    let kept = public.handover(known).await.expect("kept for good");
    assert_eq!(told.expect("told"), kept);
    let early = outsider(&pair).await.handover(u64::from(u32::MAX)).await;
    assert!(
        matches!(early, Err(ChainError::NotFinal { .. })),
        "{early:?}"
    );
    pair.daemon.stop().await;
}

/// The public chain as a daemon sees it that does not host it.
async fn outsider(pair: &Pair) -> EvmChain {
    let hosting = pair.daemon.chains.hosting("public").expect("hosted");
    let rpc = hosting.rpc.expect("JSON-RPC");
    let chain = connect(EvmConfig {
        name: "public".into(),
        chain_id: pair.chain("public").0,
        urls: vec![format!("http://{rpc}")],
        quorum: Some(1),
        hash_time_lock: hosting.chain.info().hash_time_lock,
        finality: Finality::Tag,
        accounts: Vec::new(),
        fees: Fees::default(),
        tls: None,
        request_timeout_ms: 60_000,
        poll_ms: 1_000,
        max_response_bytes: 10_000_000,
        max_range: 1_000,
        certificates: true,
    });
    chain.await.expect("it answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_race_and_every_message_is_executed_once() {
    let pair = Pair::start().await;
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::open(&dir.path().join("other.sqlite"), StoreKey::new([9; 32])).await;
    let store = Arc::new(store.expect("a database"));
    let chains: Vec<Arc<dyn causeway_adapter_api::Chain>> = ["public", "consortium"]
        .iter()
        .map(|name| {
            Arc::new(pair.as_account(name, "carol")) as Arc<dyn causeway_adapter_api::Chain>
        })
        .collect();
    let driver = Driver::start(DriveConfig::default(), Arc::clone(&store), chains.clone())
        .await
        .expect("the other driver");
    let mut config = pair.daemon.chains.relay_config();
    for site in &mut config.sites {
        site.account = pair.account("carol");
    }
    let other = RelayHandle::start(config, store, driver.clone(), chains);

    let request = pair.balance_call("public", "consortium", Order::Unordered);
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(pair.send(&request).await.row.state.sent.id);
    }
    let mut ends = Vec::new();
    for id in ids {
        ends.push(pair.ended(id).await);
    }

    for end in &ends {
        let executed = end.history.iter().filter(|line| line.said == "executed");
        assert_eq!(executed.count(), 1, "{:?}", end.history);
        assert_eq!(
            end.row.state.outcome(),
            Some(&Outcome::Acknowledged(Status::Executed))
        );
        // The other relay comes to the same end, whoever delivered.
        let id = end.row.state.sent.id;
        let began = tokio::time::Instant::now();
        loop {
            let seen = other.show(id).await;
            if seen.is_ok_and(|view| view.row.state.outcome() == end.row.state.outcome()) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "the other relay lost {id}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    other.shutdown().await;
    driver.shutdown().await;
    pair.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_nobody_delivers_in_time_is_timed_out_at_home() {
    let pair = Pair::start().await;
    let public = pair.as_account("public", "carol");
    // A paused lane delivers nothing; the deadline passes.
    let gateway = pair.messaging().gateway;
    let mut request = pair.balance_call("public", "consortium", Order::Unordered);
    let pause = Gateway::pauseCall {
        lane: UNORDERED_LANE,
    };
    pair.act("consortium", "watchtower", gateway, pause.abi_encode())
        .await;
    let now = public.finalized().await.expect("a tip").time.0;
    request.deadline = Some(now + 5);

    let sent = pair.send(&request).await;
    let ended = pair.ended(sent.row.state.sent.id).await;

    assert_eq!(ended.row.state.outcome(), Some(&Outcome::TimedOut));
    pair.daemon.stop().await;
}

/// The longest wait for one thing.
const PATIENCE: Duration = Duration::from_secs(180);
