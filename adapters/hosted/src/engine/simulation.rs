//! A chain of four under a simulated runtime: the engine, the ledger and the EVM as they are, with delay, loss, partition, crash and
//! restart of one and of all, and a validator of two faces, while epochs end in the middle of it.
//!
//! Time and chance come from a seed, so a seed that fails fails again: `CAUSEWAY_SEED=17` runs that one alone,
//! `CAUSEWAY_SEEDS=5000` that many. A crash of all loses what consensus had not synced. Ledgers write at once, so what a ledger
//! loses by itself is not simulated here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_consensus::TxEip1559;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, TxKind, U256, keccak256};
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::{
    Manager as _, Message, Receiver, Recipients, Sender,
    simulated::{Config, Control, Link, Manager, Network, Oracle, SplitOrigin, SplitTarget},
};
use commonware_runtime::{
    Clock as _, Handle, IoBuf, Quota, Runner as _, Spawner as _, Supervisor as _,
    deterministic::{self, Context},
};
use commonware_utils::{NZU32, NZUsize, Probability, ordered::Set};
use rand_core::Rng as _;
use secp256k1::SecretKey;

use super::{
    EngineError, Identity, Validator, consensus,
    consensus::{Net, Peers, Terms},
};
use crate::{
    equivocation::Convictions,
    ledger::Ledger,
    pool::{PoolLimits, TxPool},
    scheme::{self, address_of},
    sign::sign_1559,
    spec::{ChainSpec, FeePolicy, GenesisAccount, ValidatorEntry},
};

/// Validators; one of them may be faulty.
const VALIDATORS: usize = 4;
/// Blocks of an epoch: several end in each run.
const EPOCH: u64 = 8;
/// Things that go wrong between two crashes of all.
const TROUBLES: usize = 8;
/// How long, after all is well again, everybody has to come to the same new height.
const HEALING: Duration = Duration::from_secs(120);
/// Seeds of a usual run.
const SEEDS: u64 = 60;

type SimOracle = Oracle<PublicKey, Context>;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cast {
    /// Crashes, cuts and bad links.
    Honest,
    /// The last validator shows one face to some and another to the rest, each with a ledger and a pool of its own.
    Equivocator,
}

/// What outlives a crash of all.
struct World {
    spec: Arc<ChainSpec>,
    people: Vec<(PrivateKey, SecretKey)>,
    /// One for each validator, and one for the second face.
    disks: Vec<(Arc<Ledger>, Arc<TxPool>)>,
    cast: Cast,
    nonce: u64,
    /// What all of them know against others.
    convictions: Arc<Convictions>,
}

/// The network, and who runs.
struct Stage<'a> {
    world: &'a mut World,
    context: Context,
    oracle: SimOracle,
    running: BTreeMap<usize, Handle<()>>,
    /// Which pairs are connected.
    links: Vec<(usize, usize)>,
}

#[test]
fn no_two_blocks_at_one_height_and_all_go_on_once_all_is_well() {
    each_seed(|seed| {
        run(seed, Cast::Honest);
    });
}

#[test]
fn a_validator_of_two_faces_splits_nobody() {
    each_seed(|seed| {
        run(seed, Cast::Equivocator);
    });
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [3, 4] {
        assert_eq!(run(seed, Cast::Honest), run(seed, Cast::Honest));
        assert_eq!(run(seed, Cast::Equivocator), run(seed, Cast::Equivocator));
    }
    assert_ne!(run(3, Cast::Honest), run(4, Cast::Honest));
}

fn each_seed(mut one: impl FnMut(u64)) {
    let number = |name| {
        let value = std::env::var(name).ok()?;
        Some(value.parse::<u64>().expect("a number of seeds"))
    };
    let seeds = match number("CAUSEWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CAUSEWAY_SEEDS").unwrap_or(SEEDS),
    };
    let count = seeds.end - seeds.start;
    for seed in seeds {
        // Shown with the output of a test that fails.
        println!("seed {seed}: CAUSEWAY_SEED={seed} runs it alone");
        one(seed);
    }
    println!("{count} seeds");
}

/// Two stretches of trouble with a crash of all between them, then healing; the trace of all of it.
fn run(seed: u64, cast: Cast) -> Vec<String> {
    let mut world = World::new(cast);
    let config = deterministic::Config::new().with_seed(seed);
    let first = deterministic::Runner::new(config);
    let (trace, checkpoint) = first.start_and_recover(async |context| {
        let mut stage = Stage::open(&mut world, context).await;
        stage.trouble().await;
        stage.close()
    });
    world.agree();
    let second = deterministic::Runner::from(checkpoint);
    let last = second.start(async |context| {
        let mut stage = Stage::open(&mut world, context).await;
        stage.trouble().await;
        stage.heal().await;
        stage.close()
    });
    world.agree();
    world.accuse();
    vec![trace, last]
}

impl World {
    fn new(cast: Cast) -> Self {
        let people: Vec<(PrivateKey, SecretKey)> = (0..VALIDATORS as u64)
            .map(|i| (PrivateKey::from_seed(i), key(&format!("vote {i}"))))
            .collect();
        let entry = |(i, (network, vote)): (usize, &(PrivateKey, SecretKey))| ValidatorEntry {
            vote: address_of(vote),
            network: B256::from_slice(network.public_key().as_ref()),
            endpoint: format!("simulated:{}", i + 1),
        };
        let rich = GenesisAccount {
            balance: U256::from(10).pow(U256::from(24)),
            ..GenesisAccount::default()
        };
        let spec = Arc::new(ChainSpec {
            name: "simulated".into(),
            chain_id: 7,
            genesis_time_ms: 1,
            gas_limit: 30_000_000,
            fee: FeePolicy::Free,
            epoch_length: EPOCH,
            heartbeat_ms: 500,
            min_interval_ms: 10,
            administrator: address_of(&key("administrator")),
            validators: people.iter().enumerate().map(entry).collect(),
            alloc: BTreeMap::from([(address_of(&key("rich")), rich)]),
        });
        let disk = |_| {
            let ledger = Ledger::in_memory(spec.clone()).expect("a ledger");
            let state = ledger.tip().state.clone();
            (
                ledger,
                TxPool::new(spec.clone(), state, PoolLimits::default()),
            )
        };
        let disks = (0..=VALIDATORS).map(disk).collect();
        Self {
            spec,
            people,
            disks,
            cast,
            nonce: 0,
            convictions: Arc::default(),
        }
    }

    fn public(&self, index: usize) -> PublicKey {
        self.people[index].0.public_key()
    }

    /// Those whose word counts.
    fn honest(&self) -> std::ops::Range<usize> {
        match self.cast {
            Cast::Honest => 0..VALIDATORS,
            Cast::Equivocator => 0..VALIDATORS - 1,
        }
    }

    fn height(&self, index: usize) -> u64 {
        self.disks[index].0.tip().block().number()
    }

    /// Safety: of any two honest ledgers one begins with the other. A header commits to the state after its block.
    fn agree(&self) {
        let hash = |index: usize, number| {
            let record = self.disks[index].0.record(number).expect("it is read");
            record.expect("no height is missing").block.hash()
        };
        let highest = self.honest().max_by_key(|i| self.height(*i)).expect("some");
        for index in self.honest() {
            for number in 1..=self.height(index) {
                assert_eq!(
                    hash(index, number),
                    hash(highest, number),
                    "validators {index} and {highest} differ at height {number}"
                );
            }
        }
    }

    /// Evidence names those of two faces alone.
    fn accuse(&self) {
        let liar = address_of(&self.people[VALIDATORS - 1].1);
        for found in self.convictions.all() {
            assert_eq!((self.cast, found.validator), (Cast::Equivocator, liar));
        }
    }

    fn validator(&self, index: usize, disk: usize) -> Validator {
        let (ledger, pool) = self.disks[disk].clone();
        let (genesis, _) = self.spec.genesis().expect("a genesis");
        let (network, vote) = self.people[index].clone();
        Validator {
            identity: Identity {
                network,
                vote,
                listen: ([127, 0, 0, 1], 1).into(),
            },
            ledger,
            pool,
            domain: scheme::domain(self.spec.chain_id, genesis.hash()),
            genesis,
            gossips: false,
            convictions: self.convictions.clone(),
            sources: None,
            standing: Arc::default(),
        }
    }

    /// A transfer for some pools: what one validator proposes, another may not know.
    fn pay(&mut self, dice: &mut Context) {
        let tx = TxEip1559 {
            chain_id: self.spec.chain_id,
            nonce: self.nonce,
            gas_limit: 21_000,
            max_fee_per_gas: 0,
            max_priority_fee_per_gas: 0,
            to: TxKind::Call(Address::repeat_byte(9)),
            value: U256::from(1),
            ..TxEip1559::default()
        };
        self.nonce += 1;
        let raw = sign_1559(&key("rich"), tx).encoded_2718();
        for (_, pool) in &self.disks {
            if !dice.next_u64().is_multiple_of(4) {
                // A pool that lags behind refuses what comes too early; another one has it.
                let _ = pool.submit_from_peer(&raw);
            }
        }
    }
}

impl<'a> Stage<'a> {
    async fn open(world: &'a mut World, context: Context) -> Self {
        let config = Config {
            max_size: 16 * 1024 * 1024,
            max_peers_per_set: NZUsize!(VALIDATORS),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(4),
        };
        let (network, oracle) = Network::new(context.child("network"), config);
        network.start();
        let mut stage = Self {
            world,
            context,
            oracle,
            running: BTreeMap::new(),
            links: Vec::new(),
        };
        stage.connect(|_, _| true, good()).await;
        for index in 0..VALIDATORS {
            stage.start(index).await;
        }
        stage
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.context.next_u64() % limit
    }

    async fn rest(&mut self) {
        let time = 100 + self.below(2_000);
        self.context.sleep(Duration::from_millis(time)).await;
    }

    async fn trouble(&mut self) {
        for _ in 0..TROUBLES {
            for _ in 0..self.below(4) {
                self.world.pay(&mut self.context);
            }
            match self.below(4) {
                0 => {
                    let side = self.below(1 << VALIDATORS);
                    let same = move |a: usize, b: usize| (side >> a) & 1 == (side >> b) & 1;
                    self.connect(same, good()).await;
                }
                1 => {
                    let bad = Link {
                        latency: Duration::from_millis(self.below(300)),
                        jitter: Duration::from_millis(self.below(100)),
                        success_rate: Probability::new(80 + self.below(20), 100).expect("a share"),
                    };
                    self.connect(|_, _| true, bad).await;
                }
                2 => self.connect(|_, _| true, good()).await,
                _ => {
                    let index = self.below(VALIDATORS as u64) as usize;
                    match self.running.remove(&index) {
                        Some(task) => task.abort(),
                        None => self.start(index).await,
                    }
                }
            }
            self.rest().await;
        }
    }

    /// Liveness: with everybody there and connected, all honest validators come to a height that none has now.
    async fn heal(&mut self) {
        self.connect(|_, _| true, good()).await;
        for index in 0..VALIDATORS {
            if !self.running.contains_key(&index) {
                self.start(index).await;
            }
        }
        let honest = self.world.honest();
        let most = honest.clone().map(|i| self.world.height(i)).max();
        let goal = most.expect("some") + EPOCH + 2;
        let end = self.context.current() + HEALING;
        while honest.clone().any(|i| self.world.height(i) < goal) {
            let heights: Vec<u64> = honest.clone().map(|i| self.world.height(i)).collect();
            assert!(
                self.context.current() < end,
                "all is well, and {heights:?} do not reach {goal}"
            );
            self.context.sleep(Duration::from_millis(200)).await;
        }
    }

    fn close(self) -> String {
        self.context.auditor().state()
    }

    /// Makes the links between those that `who` connects, and no others.
    async fn connect(&mut self, who: impl Fn(usize, usize) -> bool, link: Link) {
        for (a, b) in std::mem::take(&mut self.links) {
            let (a, b) = (self.world.public(a), self.world.public(b));
            // A peer that blocked another has cut the link itself.
            let _ = self.oracle.remove_link(a, b).await;
        }
        for a in 0..VALIDATORS {
            for b in (0..VALIDATORS).filter(|b| *b != a && who(a, *b)) {
                let (from, to) = (self.world.public(a), self.world.public(b));
                let made = self.oracle.add_link(from, to, link.clone()).await;
                made.expect("no link was left");
                self.links.push((a, b));
            }
        }
    }

    async fn start(&mut self, index: usize) {
        let me = self.world.public(index);
        let control = self.oracle.control(me.clone());
        let mut channels = Vec::new();
        for channel in 0..6 {
            let quota = Quota::per_second(NZU32!(4_096));
            let both = control.register(channel, quota).await;
            channels.push(both.expect("the network runs"));
        }
        let context = self
            .context
            .child("validator")
            .with_attribute("index", index);
        let validator = self.world.validator(index, index);
        let two_faces = self.world.cast == Cast::Equivocator && index == VALIDATORS - 1;
        let oracle = self.oracle.clone();
        let task = if two_faces {
            let second = self.world.validator(index, VALIDATORS);
            // One face for the first honest validator, the other for the rest.
            let first_sees = self.world.public(0);
            let forward = move |face: SplitOrigin, _: &Recipients<PublicKey>, _: &IoBuf| {
                Some(match face {
                    SplitOrigin::Primary => Recipients::One(first_sees.clone()),
                    SplitOrigin::Secondary => Recipients::All,
                })
            };
            let sees = self.world.public(0);
            context.spawn(async move |context| {
                let (mut one, mut other) = (Vec::new(), Vec::new());
                for (sender, receiver) in channels {
                    let sees = sees.clone();
                    let route = move |(from, _): &Message<PublicKey>| {
                        if *from == sees {
                            SplitTarget::Primary
                        } else {
                            SplitTarget::Secondary
                        }
                    };
                    let senders = sender.split_with(forward.clone());
                    let receivers = receiver.split_with(context.child("split"), route);
                    one.push((senders.0, receivers.0));
                    other.push((senders.1, receivers.1));
                }
                let control = oracle.control(me.clone());
                let faces = [
                    face(&context, "a", validator, one, &oracle, control.clone()),
                    face(&context, "b", second, other, &oracle, control),
                ];
                for task in faces {
                    task.await.expect("it runs until it is ended");
                }
            })
        } else {
            context.spawn(async move |context| {
                let control = oracle.control(me.clone());
                let task = face(&context, "only", validator, channels, &oracle, control);
                task.await.expect("it runs until it is ended");
            })
        };
        self.running.insert(index, task);
    }
}

/// Runs an engine over these channels.
fn face<S, R>(
    context: &Context,
    name: &'static str,
    validator: Validator,
    channels: Vec<(S, R)>,
    oracle: &SimOracle,
    control: Control<PublicKey, Context>,
) -> Handle<()>
where
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let mut channels = channels.into_iter();
    let mut next = || channels.next().expect("six channels");
    let net = Net {
        votes: next(),
        certificates: next(),
        resolver: next(),
        proposals: next(),
        backfill: next(),
        transactions: next(),
        provider: oracle.manager(),
        blocker: control,
        peers: Known(oracle.manager()),
    };
    let uid = format!("{}-{name}", address_of(&validator.identity.vote));
    context.child(name).spawn(async move |context| {
        let terms = Terms {
            leaves: false,
            most_peers: VALIDATORS,
        };
        let ended = consensus::run(context, uid, validator, net, terms).await;
        ended.expect("a validator starts");
    })
}

/// All validators of the set; the links decide who hears whom.
struct Known(Manager<PublicKey, Context>);

impl Peers for Known {
    fn track(&mut self, epoch: u64, validators: &[ValidatorEntry]) -> Result<(), EngineError> {
        let keys = validators
            .iter()
            .map(|v| scheme::network_key(v.network).ok_or(EngineError::Set(epoch)))
            .collect::<Result<Vec<_>, _>>()?;
        self.0.track(epoch, Set::from_iter_dedup(keys));
        Ok(())
    }
}

fn good() -> Link {
    Link {
        latency: Duration::from_millis(10),
        jitter: Duration::from_millis(3),
        success_rate: Probability::new(1, 1).expect("a share"),
    }
}

/// A test key; never used outside tests.
fn key(label: &str) -> SecretKey {
    SecretKey::from_byte_array(keccak256(label).0).expect("a hash is a key")
}
