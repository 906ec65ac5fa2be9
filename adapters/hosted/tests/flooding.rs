//! The adversary `FloodingPeer`: a validator of the set that votes for nothing and sends the others garbage, as much as it can.
#![allow(missing_docs)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use alloy_primitives::{Address, U256};
use causeway_adapter_hosted::{
    block::MAX_BLOCK_BYTES,
    node::Node,
    scheme::{self, network_key},
};
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{
    ChaCha20Poly1305,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::{
    Address as Place, AddressableManager as _, CheckedSender as _, LimitedSender as _, Recipients,
    Sender as _, authenticated::lookup, max_message_size,
};
use commonware_runtime::{Clock as _, Quota, Runner as _, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use support::{Chain, key, transfer};

/// Which of the four it is.
const FLOODS: usize = 3;
/// Channels that validators listen to.
const CHANNELS: u64 = 6;

/// Sends until it is dropped.
struct FloodingPeer {
    stop: Arc<AtomicBool>,
    /// Messages that were taken for at least one connected peer.
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl FloodingPeer {
    fn start(chain: &Chain) -> Self {
        let (stop, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let me = chain.validators[FLOODS].clone();
        let (genesis, _) = chain.spec.genesis().expect("a genesis");
        let domain = scheme::domain(chain.spec.chain_id, genesis.hash());
        let peers: Vec<(PublicKey, Place)> = chain
            .spec
            .validators
            .iter()
            .zip(&chain.validators)
            .map(|(entry, local)| {
                let network = network_key(entry.network).expect("a key");
                (network, Place::from(local.listen))
            })
            .collect();
        let thread = std::thread::spawn({
            let (stop, sent) = (stop.clone(), sent.clone());
            move || {
                let dir = tempfile::tempdir().expect("a directory");
                let config = runtime::Config::new().with_storage_directory(dir.path());
                runtime::Runner::new(config).start(async move |context| {
                    let seed = me.keys.network_seed.as_slice();
                    let handshake = Cups::<_, ChaCha20Poly1305>::new(
                        Sake {
                            signer: PrivateKey::decode(Copying(seed)).expect("a seed"),
                            synchrony_bound: Duration::from_secs(5),
                            max_handshake_age: Duration::from_secs(10),
                            version: sake::Version::V1,
                        },
                        cups::Version::V1,
                    );
                    let namespace = [b"causeway.p2p.v1".as_slice(), domain.as_slice()].concat();
                    let mut config = lookup::Config::local(
                        handshake,
                        &namespace,
                        me.listen,
                        NZUsize!(16),
                        max_message_size(&[MAX_BLOCK_BYTES]),
                        NZUsize!(1000),
                    );
                    config.dial_frequency = Duration::from_millis(25);
                    let (mut network, mut oracle) =
                        lookup::Network::new(context.child("network"), config);
                    // As fast as its own side lets it.
                    let quota = Quota::per_second(NZU32!(10_000));
                    let mut channels: Vec<_> = (0..CHANNELS)
                        .map(|channel| network.register(channel, quota))
                        .collect();
                    let _network = network.start();
                    oracle.track(0, Map::try_from(peers).expect("keys differ"));
                    let mut round: usize = 0;
                    while !stop.load(Ordering::Relaxed) {
                        round += 1;
                        for (channel, (sender, _)) in channels.iter_mut().enumerate() {
                            let connected = sender
                                .check(Recipients::All)
                                .map_or(0, |checked| checked.recipients().len());
                            if connected == 0 {
                                continue;
                            }
                            let size = 1 + (round * 7_919) % (64 << 10);
                            let byte = u8::try_from((round + channel) % 256).expect("a byte");
                            let garbage = bytes::Bytes::from(vec![byte; size]);
                            let _ = sender.send(Recipients::All, garbage, true);
                            sent.fetch_add(1, Ordering::Relaxed);
                        }
                        context.sleep(Duration::from_millis(2)).await;
                    }
                });
            }
        });
        Self {
            stop,
            sent,
            thread: Some(thread),
        }
    }
}

impl Drop for FloodingPeer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || std::thread::panicking());
        }
    }
}

async fn until(node: &Node, what: &str, mut done: impl FnMut(&Node) -> bool) {
    let mut tip = node.ledger.watch_tip();
    let wait = async {
        while !done(node) {
            tip.changed().await.expect("the ledger lives");
        }
    };
    tokio::time::timeout(Duration::from_secs(180), wait)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
async fn a_peer_that_floods_with_garbage_does_not_stop_the_others() {
    let chain = Chain::new(4);
    let dir = tempfile::tempdir().expect("a directory");
    let flooding = FloodingPeer::start(&chain);
    let host = chain.host(dir.path(), 0..FLOODS, false);
    let node = host.node();
    let to = Address::repeat_byte(7);

    until(&node, "garbage arrives", |_| {
        flooding.sent.load(Ordering::Relaxed) > 0
    })
    .await;
    for nonce in 0..10 {
        let paid = transfer(&key("rich"), nonce, to, 1);
        node.submit(&paid).expect("admitted");
        until(&node, "a transfer under garbage", |n| {
            n.ledger.tip().state.balance(to) == U256::from(nonce + 1)
        })
        .await;
    }

    assert!(flooding.sent.load(Ordering::Relaxed) > 0);
    drop(flooding);
    tokio::task::spawn_blocking(move || host.stop())
        .await
        .expect("it stops");
}
