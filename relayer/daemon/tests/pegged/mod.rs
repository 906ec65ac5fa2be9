//! A peg of its own over the chains of the local profile, deployed by carol, and everybody's moves by hand: real
//! certificates and state proofs, no driver.

#![allow(dead_code, reason = "each test crate uses some of it")]

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue as _, sol};
use causeway::{
    config::{self, Config, Source},
    contracts::{Messaging, finalised},
    daemon::{Chains, contracts_of},
};
use causeway_adapter_api::{
    Action, Asset, Bump, ChainError, ChainReader as _, ChainWriter as _, FinalityProof, Height,
    Order, Preimage, Provable as _, StateProof, Timestamp,
};
use causeway_adapter_hosted::adapter::HostedChain;
use causeway_contracts::{
    HashTimeLock, LightClient, Lock, LockTerms, PegMemo, PegMint, PegVault, deploy_code, lock_id,
    peg::{LOCKS_SLOT, TRANSFERS_SLOT, mapping_slot},
    terms::REFUND_GUARD,
};

sol! {
    #[derive(Debug)]
    struct Evidence { Point checkpoint; bytes[] accountProof; bytes[] storageProof; }
    #[derive(Debug)]
    struct Point { uint64 height; uint64 timestamp; bytes32 stateRoot; }
    function approve(address spender, uint256 amount) external returns (bool);
}

/// A vault on the public and a mint on the consortium chain, deployed by carol.
pub(crate) struct Pegged {
    pub(crate) public: HostedChain,
    pub(crate) consortium: HostedChain,
    pub(crate) carol: Address,
    pub(crate) guardian: Address,
    pub(crate) messaging: Messaging,
    pub(crate) vault: Address,
    pub(crate) mint: Address,
    pub(crate) token: Address,
    pub(crate) pegged: Address,
    pub(crate) locks: Address,
}

impl Pegged {
    /// A peg of points, whose guardian is carol as well.
    pub(crate) async fn of_points(chains: &Chains) -> Self {
        let public = chains.hosting("public").expect("hosted");
        let points = contracts_of(public).expect("contracts").points_token;
        Self::of(chains, points, chains.accounts["carol"]).await
    }

    /// A peg of any token of the public chain.
    pub(crate) async fn of(chains: &Chains, token: Address, guardian: Address) -> Self {
        let (public, consortium) = (as_carol(chains, "public"), as_carol(chains, "consortium"));
        let carol = chains.accounts["carol"];
        let vault = carol.create(public.next_nonce(carol).await.expect("a nonce"));
        let mint = carol.create(consortium.next_nonce(carol).await.expect("a nonce"));
        let pegged = Self {
            locks: public.info().hash_time_lock,
            public,
            consortium,
            carol,
            guardian,
            messaging: chains.messaging().expect("gateways"),
            vault,
            mint,
            token,
            // The first contract the mint makes is its token.
            pegged: mint.create(1),
        };
        pegged.deploy().await;
        pegged
    }

    pub(crate) async fn deploy(&self) {
        let vault = PegVault::constructorCall {
            config: PegVault::PegConfig {
                locks: self.locks,
                client: self.messaging.light_client,
                remoteLocks: self.locks,
                remotePort: self.mint,
                remoteToken: self.pegged,
                administrator: self.carol,
                guardian: self.guardian,
                limits: PegVault::PegLimits {
                    capacity: CAPACITY,
                    perSecond: 1,
                    largeAmount: u128::MAX,
                    delay: 1,
                },
            },
            token_: self.token,
        };
        let mint = PegMint::constructorCall {
            config: PegMint::PegConfig {
                locks: self.locks,
                client: self.messaging.light_client,
                remoteLocks: self.locks,
                remotePort: self.vault,
                remoteToken: self.token,
                administrator: self.carol,
                guardian: self.guardian,
                limits: PegMint::PegLimits {
                    capacity: CAPACITY,
                    perSecond: 1,
                    largeAmount: u128::MAX,
                    delay: 1,
                },
            },
            name: "Pegged points".into(),
            symbol: "pPTS".into(),
            decimals: 18,
        };
        let vault = deploy_code(&PegVault::BYTECODE, &vault);
        let mint = deploy_code(&PegMint::BYTECODE, &mint);
        self.act(&self.public, None, vault).await;
        self.act(&self.consortium, None, mint).await;
    }

    /// Carol's transaction, to its end.
    pub(crate) async fn act(&self, chain: &HostedChain, to: Option<Address>, data: Bytes) {
        act(chain, self.carol, to, data).await;
    }

    /// What the contract says to it, without sending it.
    pub(crate) async fn refusal(&self, chain: &HostedChain, to: Address, data: Bytes) -> Bytes {
        let order = order(self.carol, Some(to), data);
        match chain.prepare(&order, 0, Bump(0)).await {
            Err(ChainError::Reverted { data, .. }) => data,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Makes `on` know a final block of `of` that is at `from` or later, and proves a slot in its state.
    pub(crate) async fn prove(
        &self,
        of: &HostedChain,
        on: &HostedChain,
        from: Height,
        account: Address,
        slot: B256,
    ) -> (FinalityProof, StateProof) {
        let began = tokio::time::Instant::now();
        let proof = loop {
            let tip = of.finalized().await.expect("a tip").height;
            match of.finality(tip).await {
                Ok(proof) if tip >= from => break proof,
                _ => tokio::time::sleep(LOOK).await,
            }
            assert!(began.elapsed() < PATIENCE, "no certificate");
        };
        let state = of.state(account, &[slot], proof.checkpoint.height).await;
        let state = state.expect("a state proof");
        let certificate = &proof.certificate;
        let signers = certificate.signers.iter();
        let update = LightClient::updateCall {
            headers: proof.headers.clone(),
            certificate: LightClient::Certificate {
                epoch: certificate.epoch,
                viewNumber: certificate.view,
                parentView: certificate.parent_view,
                signers: signers.fold(U256::ZERO, |bits, i| bits | (U256::ONE << *i)),
                signatures: certificate.signatures.concat().into(),
            },
            votes: proof.votes.concat().into(),
        };
        let client = Some(self.messaging.light_client);
        self.act(on, client, update.abi_encode().into()).await;
        (proof, state)
    }

    /// Locks points for the vault, to be minted for carol.
    pub(crate) async fn lock(&self, secret: &Preimage) -> (Lock, PegMemo) {
        let now = self.public.finalized().await.expect("a tip").time.0;
        let memo = PegMemo {
            destination_chain_id: self.consortium.info().id.0,
            destination_port: self.mint,
            recipient: self.carol,
            nonce: U256::from(now),
        };
        let hashlock = secret.hashlock().0;
        let terms = LockTerms {
            hook_flags: REFUND_GUARD,
            ..LockTerms::whole(now + T, now + T + 5, now + T + 10, memo.salt(hashlock))
        };
        let lock = Lock {
            hashlock,
            sender: self.carol,
            recipient: self.vault,
            token: self.token,
            amount: U256::from(AMOUNT),
            deposit: U256::ZERO,
            terms: terms.pack().expect("terms"),
            hooks: self.vault,
        };
        let approve = approveCall {
            spender: self.locks,
            amount: lock.amount,
        };
        self.act(&self.public, Some(self.token), approve.abi_encode().into())
            .await;
        let call = HashTimeLock::lockCall {
            l: lock.clone(),
            memo: memo.encode(),
        };
        self.act(&self.public, Some(self.locks), call.abi_encode().into())
            .await;
        (lock, memo)
    }

    /// Proves the lock to the mint, which opens a transfer.
    pub(crate) async fn open(&self, lock: &Lock, memo: &PegMemo) {
        let call = self.opening(lock, memo).await;
        self.act(&self.consortium, Some(self.mint), call).await;
    }

    /// The call that opens a transfer, with a fresh proof.
    pub(crate) async fn opening(&self, lock: &Lock, memo: &PegMemo) -> Bytes {
        let from = self.public.finalized().await.expect("a tip").height;
        let slot = mapping_slot(lock_id(lock), LOCKS_SLOT);
        let (proof, state) = self
            .prove(&self.public, &self.consortium, from, self.locks, slot)
            .await;
        let call = PegMint::openCall {
            l: mint_lock(lock),
            terms: PegMint::PegTerms {
                recipient: memo.recipient,
                nonce: memo.nonce,
            },
            checkpoint: PegMint::Checkpoint {
                height: proof.checkpoint.height.0,
                timestamp: proof.checkpoint.time.0,
                stateRoot: proof.checkpoint.state_root,
            },
            accountProof: state.nodes,
            storageProof: state.slots[0].nodes.clone(),
        };
        call.abi_encode().into()
    }

    /// Pays the recipient, which shows the secret.
    pub(crate) async fn claim(&self, lock: &Lock, secret: &Preimage) {
        let call = PegMint::claimCall {
            l: mint_lock(lock),
            preimage: B256::from(*secret.expose()),
        };
        let (to, data) = (Some(self.mint), call.abi_encode().into());
        self.act(&self.consortium, to, data).await;
    }

    /// Brings the vault what it is owed.
    pub(crate) async fn collect(&self, lock: &Lock, secret: &Preimage) {
        let call = PegVault::collectCall {
            l: vault_lock(lock),
            preimage: B256::from(*secret.expose()),
        };
        let (to, data) = (Some(self.vault), call.abi_encode().into());
        self.act(&self.public, to, data).await;
    }

    /// The refund of a lock with what the mint's slot holds after its deadline.
    pub(crate) async fn refund(&self, lock: &Lock) -> Bytes {
        let until = Timestamp(LockTerms::unpack(lock.terms).public_refund_at);
        let began = tokio::time::Instant::now();
        loop {
            let here = self.public.finalized().await.expect("a tip").time;
            let there = self.consortium.finalized().await.expect("a tip").time;
            if here >= until && there >= until {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "time stands still");
            tokio::time::sleep(LOOK).await;
        }
        let from = self.consortium.finalized().await.expect("a tip").height;
        let slot = mapping_slot(lock_id(lock), TRANSFERS_SLOT);
        let (proof, state) = self
            .prove(&self.consortium, &self.public, from, self.mint, slot)
            .await;
        let evidence = Evidence {
            checkpoint: Point {
                height: proof.checkpoint.height.0,
                timestamp: proof.checkpoint.time.0,
                stateRoot: proof.checkpoint.state_root,
            },
            accountProof: state.nodes,
            storageProof: state.slots[0].nodes.clone(),
        };
        let call = HashTimeLock::refundWithCall {
            l: lock.clone(),
            evidence: evidence.abi_encode_params().into(),
        };
        call.abi_encode().into()
    }

    pub(crate) async fn points(&self, owner: Address) -> U256 {
        let asset = Asset::Token(self.token);
        self.public.balance(asset, owner).await.expect("a balance")
    }

    pub(crate) async fn pegged(&self, owner: Address) -> U256 {
        let asset = Asset::Token(self.pegged);
        let balance = self.consortium.balance(asset, owner).await;
        balance.expect("a balance")
    }
}

/// The chains of the local profile with their contracts, and no daemon over them yet.
pub(crate) async fn chains() -> (tempfile::TempDir, Config, Chains) {
    let dir = tempfile::tempdir().expect("a directory");
    let source = Source {
        data_dir: Some(dir.path().join("data")),
        ..Source::default()
    };
    let config = config::load(&source).expect("the profile");
    let chains = Chains::start(&config).await.expect("the chains start");
    chains.deploy().await.expect("the contracts are there");
    (dir, config, chains)
}

/// A chain with carol's key.
pub(crate) fn as_carol(chains: &Chains, name: &str) -> HostedChain {
    let hosting = chains.hosting(name).expect("hosted");
    chains.as_account(hosting, "carol").expect("carol")
}

/// A transaction of an account, to its end.
pub(crate) async fn act(chain: &HostedChain, account: Address, to: Option<Address>, data: Bytes) {
    let nonce = chain.next_nonce(account).await.expect("a nonce");
    let order = order(account, to, data);
    let tx = chain.prepare(&order, nonce, Bump(0));
    let tx = tx.await.expect("the contract accepts it");
    chain.broadcast(&tx).await.expect("sent");
    finalised(chain, tx.id).await.expect("done");
}

fn order(account: Address, to: Option<Address>, data: Bytes) -> Order {
    let action = Action::Call {
        to,
        value: U256::ZERO,
        data,
    };
    Order { account, action }
}

pub(crate) fn mint_lock(lock: &Lock) -> PegMint::Lock {
    PegMint::Lock {
        hashlock: lock.hashlock,
        sender: lock.sender,
        recipient: lock.recipient,
        token: lock.token,
        amount: lock.amount,
        deposit: lock.deposit,
        terms: lock.terms,
        hooks: lock.hooks,
    }
}

pub(crate) fn vault_lock(lock: &Lock) -> PegVault::Lock {
    PegVault::Lock {
        hashlock: lock.hashlock,
        sender: lock.sender,
        recipient: lock.recipient,
        token: lock.token,
        amount: lock.amount,
        deposit: lock.deposit,
        terms: lock.terms,
        hooks: lock.hooks,
    }
}

/// Points that are pegged.
pub(crate) const AMOUNT: u64 = 1_000;
/// The most that passes at once.
const CAPACITY: u128 = 1_000_000;
/// Seconds until the other side pays no more; enough for an opening and a claim on a busy machine.
const T: u64 = 30;
/// Pause between two looks.
pub(crate) const LOOK: Duration = Duration::from_millis(50);
/// The longest wait for one thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
