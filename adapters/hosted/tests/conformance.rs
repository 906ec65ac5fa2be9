//! The hosted adapter passes the suite every adapter passes, on a chain of four validators; time is waited for.
#![allow(missing_docs)]

mod support;

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall as _;
use async_trait::async_trait;
use causeway_adapter_api::{
    Action, Bump, Chain, ChainId, ChainReader as _, ChainWriter as _, Height, Order, Timestamp,
    TxStatus,
    conformance::{self, TestBed},
};
use causeway_adapter_hosted::{adapter::HostedChain, host::Host, node::Node, scheme::address_of};
use causeway_contracts::{HashTimeLock, PointsToken, deploy_code};
use support::{CHAIN_ID, key, transfer};

struct Bed {
    chain: HostedChain,
    token: Address,
    _host: Host,
}

fn adapter(node: Node, hash_time_lock: Address) -> HostedChain {
    let keys = ["alice", "bob", "carol"].map(key).to_vec();
    HostedChain::new(node, "hosted", hash_time_lock, keys)
}

/// Sends and waits until it is final; the address of what it made, if it made something.
async fn send(chain: &HostedChain, account: Address, action: Action) -> Option<Address> {
    let nonce = chain.next_nonce(account).await.expect("known");
    let order = Order { account, action };
    let tx = chain
        .prepare(&order, nonce, Bump::default())
        .await
        .expect("it can succeed");
    chain.broadcast(&tx).await.expect("admitted");
    let mut height = chain.finalized().await.expect("there").height;
    loop {
        if let TxStatus::Final {
            succeeded, created, ..
        } = chain.status(tx.id).await.expect("readable")
        {
            assert!(succeeded);
            return created;
        }
        height = chain
            .finalized_after(height)
            .await
            .expect("the chain goes on")
            .height;
    }
}

impl Bed {
    async fn new(dir: &std::path::Path) -> Self {
        let host = support::Chain::new(4).host(dir, 0..4, true);
        let node = host.node();
        for (nonce, account) in ["alice", "bob", "carol"].into_iter().enumerate() {
            let raw = transfer(
                &key("rich"),
                nonce as u64,
                address_of(&key(account)),
                u64::MAX,
            );
            node.pool.submit(&raw).expect("admitted");
        }
        let deployer = adapter(node.clone(), Address::ZERO);
        let owner = deployer.accounts()[0];
        while deployer
            .balance(causeway_adapter_api::Asset::Native, owner)
            .await
            .expect("readable")
            .is_zero()
        {
            let height = deployer.finalized().await.expect("there").height;
            deployer
                .finalized_after(height)
                .await
                .expect("the chain goes on");
        }
        let create = |data: Bytes| Action::Call {
            to: None,
            value: U256::ZERO,
            data,
        };
        let locks = send(&deployer, owner, create(HashTimeLock::BYTECODE.clone()))
            .await
            .expect("made");
        let arguments = PointsToken::constructorCall {
            name_: "Points".into(),
            symbol_: "PTS".into(),
            minter_: owner,
        };
        let code = deploy_code(&PointsToken::BYTECODE, &arguments);
        let token = send(&deployer, owner, create(code)).await.expect("made");
        let mint = PointsToken::mintCall {
            to: owner,
            amount: U256::from(conformance::TOKEN_NEEDED),
        };
        let mint = Action::Call {
            to: Some(token),
            value: U256::ZERO,
            data: mint.abi_encode().into(),
        };
        send(&deployer, owner, mint).await;
        Self {
            chain: adapter(node, locks),
            token,
            _host: host,
        }
    }
}

#[async_trait]
impl TestBed for Bed {
    fn chain(&self) -> &dyn Chain {
        &self.chain
    }

    fn chain_id(&self) -> ChainId {
        ChainId(CHAIN_ID)
    }

    fn token(&self) -> Address {
        self.token
    }

    async fn progress(&self) {
        let Height(tip) = self.chain.finalized().await.expect("there").height;
        let _ = tokio::time::timeout(
            Duration::from_secs(2),
            self.chain.finalized_after(Height(tip)),
        )
        .await;
    }

    async fn pass_time_to(&self, at: Timestamp) {
        let mut tip = self.chain.finalized().await.expect("there");
        while tip.time < at {
            tip = self
                .chain
                .finalized_after(tip.height)
                .await
                .expect("the chain goes on");
        }
    }

    fn window(&self) -> u64 {
        6
    }
}

#[tokio::test]
async fn the_hosted_adapter_passes_the_suite_of_every_adapter() {
    let dir = tempfile::tempdir().expect("a directory");
    let bed = Bed::new(dir.path()).await;

    let report = conformance::run(&bed)
        .await
        .unwrap_or_else(|failed| panic!("{failed}"));

    assert_eq!(report.passed, conformance::checks());
    assert!(report.skipped.is_empty());
}
