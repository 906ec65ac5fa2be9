//! Messages between the live chains of the local profile, in one process: certificates, proofs and contracts are real.

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256};
use causeway::{
    config::{self, Source},
    daemon::{Chains, Daemon},
    relay::{MessageView, SendRequest},
};
use causeway_adapter_api::ChainId;
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
        let dir = tempfile::tempdir().expect("a directory");
        let source = Source {
            data_dir: Some(dir.path().join("data")),
            ..Source::default()
        };
        let config = config::load(&source).expect("the profile");
        let chains = Chains::start(&config).await.expect("the chains start");
        chains.deploy().await.expect("the contracts are there");
        let daemon = Daemon::start(&config, chains)
            .await
            .expect("the daemon starts");
        Self { daemon, _dir: dir }
    }

    fn chain(&self, name: &str) -> ChainId {
        let hosting = self.daemon.chains.hosting(name).expect("a hosted chain");
        ChainId(hosting.node.spec().chain_id)
    }

    fn account(&self, name: &str) -> Address {
        self.daemon.chains.accounts[name]
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

/// The longest wait for one thing.
const PATIENCE: Duration = Duration::from_secs(90);
