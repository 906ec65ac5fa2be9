//! A snapshot is believed from genesis on or refused by name; a reader believes certificates and nothing else; what was pruned is
//! missed by name.
#![allow(missing_docs)]

mod rpc_support;
mod support;

use std::{fs, path::Path, sync::Arc, time::Duration};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, U64, U256, keccak256};
use causeway_adapter_hosted::{
    block::Block,
    certificate::CertificateError,
    follow::SourceConfig,
    host::{History, Host, HostError},
    ledger::Ledger,
    node::Node,
    snapshot::{self, Handover, Manifest, Pieces, Shelf, SnapshotError, StatePiece},
    store::StoreError,
};
use jsonrpsee::{RpcModule, server::ServerBuilder, types::ErrorObjectOwned};
use rpc_support::{Instant, call, serve, vote_keys};
use serde_json::json;
use support::{Chain, key, transfer};

const EPOCH: u64 = 8;
/// Last block of the third epoch.
const END: u64 = 3 * EPOCH - 1;

/// Three epochs with a transfer in each block, and the snapshot after them.
struct Source {
    chain: Chain,
    instant: Arc<Instant>,
    shelf: Shelf,
    dir: tempfile::TempDir,
}

impl Source {
    async fn new() -> Self {
        let chain = Chain::with_epoch(4, EPOCH);
        let instant = Instant::manual(chain.spec.clone(), vote_keys(&chain));
        for nonce in 0..END {
            let to = Address::repeat_byte(u8::try_from(nonce).expect("few"));
            let paid = transfer(&key("rich"), nonce, to, 1 + nonce);
            instant.node.submit(&paid).expect("admitted");
            instant.seal();
        }
        let ledger = &instant.node.ledger;
        written(ledger, 1).await;
        let dir = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::open(&dir.path().join("shelf")).expect("a shelf");
        snapshot::make(ledger, &ledger.tip(), &shelf).expect("a snapshot");
        Self {
            chain,
            instant,
            shelf,
            dir,
        }
    }

    fn node(&self) -> Node {
        let node = self.instant.node.clone();
        let standing = node.standing.clone();
        node.with_standing(standing, Some(self.shelf.clone()))
    }

    fn manifest(&self) -> Manifest {
        let (height, raw) = self.shelf.newest().expect("a snapshot");
        assert_eq!(height, END);
        alloy_rlp::decode_exact(raw).expect("a manifest")
    }

    /// All pieces, in a directory where they can be changed.
    fn copy(&self, name: &str) -> Pieces {
        let pieces = Pieces::open(&self.dir.path().join(name)).expect("a directory");
        for hash in self.manifest().pieces() {
            let piece = self.shelf.piece(hash).expect("a piece");
            pieces.put(&piece).expect("written");
        }
        pieces
    }

    fn refused(&self, manifest: &Manifest, pieces: &Pieces) -> SnapshotError {
        snapshot::restore(&self.chain.spec, manifest, pieces).expect_err("refused")
    }
}

/// Waits until the end of an epoch is on disk.
async fn written(ledger: &Ledger, epoch: u64) {
    let wait = async {
        while ledger.next_votes(epoch).expect("readable").is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, wait)
        .await
        .expect("written in time");
}

/// Waits until a node has a final block at `height`.
async fn reached(node: &Node, height: u64) {
    let mut tip = node.ledger.watch_tip();
    let wait = tip.wait_for(|tip| tip.block().number() >= height);
    let patience = Duration::from_secs(120);
    let waited = tokio::time::timeout(patience, wait).await;
    waited.expect("in time").expect("the ledger lives");
}

fn reads(urls: &[String], from_snapshot: bool) -> History {
    History {
        sources: SourceConfig {
            urls: urls.to_vec(),
            tls: None,
        },
        from_snapshot,
        ..History::default()
    }
}

#[tokio::test]
async fn a_snapshot_is_the_state_its_certified_header_names() {
    let source = Source::new().await;
    let tip = source.instant.node.ledger.tip();

    let restored = snapshot::restore(&source.chain.spec, &source.manifest(), &source.copy("copy"))
        .expect("believed");

    assert_eq!(restored.tip.block.hash(), tip.block().hash());
    assert_eq!(restored.state.root(), tip.state.root());
    assert_eq!(restored.state.len(), tip.state.len());
    assert_eq!(restored.history.len(), 2);
    assert_eq!(restored.tip.senders, tip.record.senders);
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_refused() {
    let source = Source::new().await;
    let (_, raw) = source.shelf.newest().expect("a snapshot");
    let pieces = source.copy("manifest");

    // The manifest: every eleventh byte, so that each field is met.
    for at in (0..raw.len()).step_by(11) {
        let mut changed = raw.to_vec();
        changed[at] ^= 1;
        let canonical = alloy_rlp::decode_exact::<Manifest>(&changed);
        let canonical = canonical.ok().filter(|m| alloy_rlp::encode(m) == changed);
        if let Some(manifest) = canonical {
            let why = source.refused(&manifest, &pieces);
            assert!(!why.to_string().is_empty(), "byte {at}");
        }
    }

    // A piece: it is not what its name says.
    let hash = source.manifest().state[0];
    let path = source
        .dir
        .path()
        .join("manifest")
        .join(alloy_primitives::hex::encode(hash));
    let mut piece = fs::read(&path).expect("a piece");
    let middle = piece.len() / 2;
    piece[middle] ^= 1;
    fs::write(&path, piece).expect("written");
    let why = source.refused(&source.manifest(), &pieces);
    assert!(
        matches!(why, SnapshotError::Piece { expected, .. } if expected == hash),
        "{why}"
    );
}

#[tokio::test]
async fn a_lie_that_fits_together_is_refused_by_the_state_root() {
    let source = Source::new().await;
    let pieces = source.copy("copy");
    let mut manifest = source.manifest();
    let mut piece: StatePiece =
        alloy_rlp::decode_exact(source.shelf.piece(manifest.state[0]).expect("a piece"))
            .expect("a piece of state");
    piece.accounts[0].balance += U256::from(1);
    manifest.state[0] = pieces.put(&alloy_rlp::encode(piece)).expect("written");

    let why = source.refused(&manifest, &pieces);

    assert!(matches!(why, SnapshotError::StateRoot { .. }), "{why}");
}

#[tokio::test]
async fn validators_that_nobody_chose_are_refused() {
    let source = Source::new().await;
    let pieces = source.copy("copy");
    let honest = source.manifest();
    let history: Vec<Handover> =
        alloy_rlp::decode_exact(source.shelf.piece(honest.history[0]).expect("a piece"))
            .expect("a piece of history");
    let lie = |change: &dyn Fn(&mut Vec<Handover>)| {
        let mut changed = history.clone();
        change(&mut changed);
        let mut manifest = honest.clone();
        manifest.history[0] = pieces.put(&alloy_rlp::encode(changed)).expect("written");
        source.refused(&manifest, &pieces)
    };
    let usurper = Address::repeat_byte(0x66);

    let other_set = lie(&|h| h[0].next[0] = usurper);
    let other_hash = lie(&|h| {
        h[0].next[0] = usurper;
        let packed: Vec<u8> = h[0].next.iter().flat_map(|vote| vote.0.0).collect();
        h[0].votes.value = U256::from_be_bytes(keccak256(packed).0);
    });
    let other_header = lie(&|h| h[1].header.state_root = B256::repeat_byte(1));
    let other_votes = lie(&|h| h[1].certificate.view += 1);
    let one_less = lie(&|h| drop(h.pop()));

    assert!(
        matches!(other_set, SnapshotError::Handover { epoch: 0, .. }),
        "{other_set}"
    );
    assert!(
        matches!(other_hash, SnapshotError::Handover { epoch: 0, .. }),
        "{other_hash}"
    );
    assert!(
        matches!(other_header, SnapshotError::Handover { epoch: 1, .. }),
        "{other_header}"
    );
    assert!(
        matches!(
            other_votes,
            SnapshotError::Certificate {
                epoch: 1,
                source: CertificateError::Signature { .. }
            }
        ),
        "{other_votes}"
    );
    assert!(
        matches!(
            one_less,
            SnapshotError::Epochs {
                got: 1,
                expected: 2
            }
        ),
        "{one_less}"
    );
}

#[tokio::test]
async fn a_snapshot_of_another_chain_or_version_is_refused() {
    let source = Source::new().await;
    let pieces = source.copy("copy");
    let mut other = source.manifest();
    other.chain_id += 1;
    let mut newer = source.manifest();
    newer.version += 1;

    assert!(matches!(
        source.refused(&other, &pieces),
        SnapshotError::OtherChain { .. }
    ));
    assert!(matches!(
        source.refused(&newer, &pieces),
        SnapshotError::Version { got: 2 }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_begins_with_a_snapshot_follows_and_comes_back() {
    let source = Source::new().await;
    let rpc = serve(source.node()).await;
    let home = tempfile::tempdir().expect("a directory");
    let history = reads(&[format!("http://{}", rpc.addr)], true);
    let config = source.chain.config(home.path(), Vec::new(), history);

    let start = config.clone();
    let reader = tokio::task::spawn_blocking(move || Host::start(start))
        .await
        .expect("no panic");
    let reader = reader.expect("it begins");
    let node = reader.node();
    assert!(node.ledger.tip().block().number() >= END);
    assert_eq!(node.ledger.oldest_block(), END);
    let early = node.ledger.record(3).expect_err("it was never here");
    assert!(
        matches!(
            early,
            StoreError::Pruned {
                asked: 3,
                oldest: END
            }
        ),
        "{early}"
    );

    // What is sent to it becomes final over its source.
    let to = Address::repeat_byte(0xaa);
    let paid = transfer(&key("rich"), END, to, 7);
    node.submit(&paid).expect("admitted");
    let waits = async {
        while source.instant.node.pool.len().0 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let passed_on = tokio::time::timeout(Duration::from_secs(60), waits).await;
    passed_on.expect("it is passed on");
    for _ in 0..2 * EPOCH {
        source.instant.seal();
    }
    reached(&node, END + 2 * EPOCH).await;
    let (mine, theirs) = (node.ledger.tip(), source.instant.node.ledger.tip());
    assert_eq!(mine.state.root(), theirs.state.root());
    assert_eq!(mine.state.balance(to), U256::from(7));
    // It can prove what it has, to light clients and to readers of its own.
    let proof = node
        .finality_proof(END)
        .expect("readable")
        .expect("a proof");
    let set: Vec<Address> = source
        .chain
        .spec
        .validators
        .iter()
        .map(|v| v.vote)
        .collect();
    let hash = proof.headers[0].hash_slow();
    proof
        .verify(hash, node.domain(), &set)
        .expect("it proves the block");

    drop((node, mine));
    tokio::task::spawn_blocking(move || reader.stop())
        .await
        .expect("it stops");
    let again = tokio::task::spawn_blocking(move || Host::start(config))
        .await
        .expect("no panic");
    let again = again.expect("it starts again").node();
    assert_eq!(again.ledger.tip().state.root(), theirs.state.root());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_begun_with_a_snapshot_that_is_refused() {
    let source = Source::new().await;
    // The file on the source's own disk is changed: what it serves is not what its manifest says.
    let hash = source.manifest().state[0];
    let shelf = source.dir.path().join("shelf").join(END.to_string());
    let manifest = shelf.join("manifest.rlp");
    let mut piece: StatePiece =
        alloy_rlp::decode_exact(source.shelf.piece(hash).expect("a piece")).expect("a piece");
    piece.accounts[0].nonce += 1;
    let pieces = Pieces::open(&shelf).expect("a directory");
    let mut changed = source.manifest();
    changed.state[0] = pieces.put(&alloy_rlp::encode(piece)).expect("written");
    fs::write(&manifest, alloy_rlp::encode(changed)).expect("written");
    let rpc = serve(source.node()).await;
    let home = tempfile::tempdir().expect("a directory");
    let history = reads(&[format!("http://{}", rpc.addr)], true);
    let config = source.chain.config(home.path(), Vec::new(), history);

    let refused = tokio::task::spawn_blocking(move || Host::start(config))
        .await
        .expect("no panic");

    let why = refused.err().expect("refused");
    let HostError::Snapshot { source: inner, .. } = &why else {
        panic!("{why}");
    };
    assert!(matches!(**inner, SnapshotError::StateRoot { .. }), "{why}");
    assert!(!home.path().join("ledger-reader.redb").exists());
    assert!(!home.path().join("snapshot-incoming").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_download_goes_on_with_what_is_here() {
    let source = Source::new().await;
    let rpc = serve(source.node()).await;
    let sources = SourceConfig {
        urls: vec![format!("http://{}", rpc.addr)],
        tls: None,
    };
    let sources = causeway_adapter_hosted::follow::Sources::new(&sources)
        .expect("usable")
        .expect("one");
    let incoming = source.dir.path().join("incoming");
    let begun = Pieces::open(&incoming).expect("a directory");
    let manifest = source.manifest();
    begun
        .put_manifest(&alloy_rlp::encode(&manifest))
        .expect("written");
    let first = source.shelf.piece(manifest.state[0]).expect("a piece");
    begun.put(&first).expect("written");
    // The source has lost that piece; it is here.
    let shelf = source.dir.path().join("shelf").join(END.to_string());
    let name = alloy_primitives::hex::encode(manifest.state[0]);
    fs::remove_file(shelf.join(name)).expect("it was there");

    let (fetched, pieces) = snapshot::fetch(&incoming, &sources, 0)
        .await
        .expect("whole");

    assert_eq!(fetched, manifest);
    snapshot::restore(&source.chain.spec, &fetched, &pieces).expect("believed");
}

/// Serves the blocks of a node with another beneficiary in each, under the certificates of the true ones.
async fn liar(node: Node) -> (String, jsonrpsee::server::ServerHandle) {
    let mut module = RpcModule::new(node);
    module
        .register_method("causeway_getFinalizedBlocks", |params, node, _| {
            let (from, _): (U64, U64) = params.parse()?;
            let mut blocks = Vec::new();
            for number in from.to::<u64>()..=node.ledger.tip().block().number() {
                let record = node.ledger.record(number).expect("readable").expect("kept");
                let header = Header {
                    beneficiary: Address::repeat_byte(0x66),
                    ..record.block.header().clone()
                };
                let lie = Block::new(header, record.block.transactions().to_vec());
                let certificate = node
                    .ledger
                    .certificate(record.block.hash())
                    .expect("readable");
                blocks.push(json!({ "block": lie.raw(), "certificate": certificate }));
            }
            let head = U64::from(node.ledger.tip().block().number());
            Ok::<_, ErrorObjectOwned>(json!({ "head": head, "blocks": blocks }))
        })
        .expect("a method");
    let server = ServerBuilder::default()
        .build("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", server.local_addr().expect("an address"));
    (url, server.start(module))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_lies_is_left_for_one_that_does_not() {
    let source = Source::new().await;
    let (lying, _server) = liar(source.instant.node.clone()).await;
    let honest = serve(source.node()).await;
    let home = tempfile::tempdir().expect("a directory");
    let urls = [
        lying,
        "http://127.0.0.1:1".into(),
        format!("http://{}", honest.addr),
    ];
    let config = source
        .chain
        .config(home.path(), Vec::new(), reads(&urls, false));

    let reader = tokio::task::spawn_blocking(move || Host::start(config))
        .await
        .expect("no panic");
    let reader = reader.expect("it starts");

    // Without a snapshot it begins with genesis.
    reached(&reader.node(), END).await;
    let tip = source.instant.node.ledger.tip();
    assert_eq!(reader.node().ledger.tip().state.root(), tip.state.root());
    assert_eq!(reader.node().ledger.oldest_block(), 1);
    tokio::task::spawn_blocking(move || reader.stop())
        .await
        .expect("it stops");
}

#[tokio::test]
async fn what_was_pruned_is_missed_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let chain = Chain::with_epoch(4, EPOCH);
    let first = transfer(&key("rich"), 0, Address::repeat_byte(1), 1);
    let open =
        |file: &Path| Ledger::open(chain.spec.clone(), file, None, Some(1)).expect("it opens");
    let file = dir.path().join("ledger.redb");
    let instant = Instant::over(open(&file), vote_keys(&chain));
    instant.node.submit(&first).expect("admitted");
    for _ in 0..600 {
        instant.seal();
    }
    let ledger = &instant.node.ledger;
    written(ledger, 600 / EPOCH - 1).await;

    // One is asked to be kept, 256 are.
    let oldest = ledger.oldest_block();
    assert!((2..=600 - 256 + 1).contains(&oldest), "{oldest}");
    let gone = ledger.record(1).expect_err("pruned");
    assert!(
        gone.to_string().starts_with("pruned history unavailable"),
        "{gone}"
    );
    let logs = ledger.logger_blocks(Address::repeat_byte(1), 1, 600, 10);
    assert!(matches!(logs, Err(StoreError::Pruned { asked: 1, .. })));
    // What proves the past stays: headers, certificates, handovers, and where a transaction was.
    let proof = instant
        .node
        .finality_proof(1)
        .expect("readable")
        .expect("a proof");
    assert_eq!(proof.headers[0].number, 1);
    assert!(ledger.next_votes(0).expect("readable").is_some());
    let rpc = serve(instant.node.clone()).await;
    let hash = keccak256(&first);
    let receipt = call(rpc.addr, "eth_getTransactionReceipt", json!([hash])).await;
    let error = receipt.expect_err("pruned");
    assert_eq!(error["code"], 4444, "{error}");
    let block = call(rpc.addr, "eth_getBlockByNumber", json!(["0x1", false])).await;
    assert_eq!(block.expect_err("pruned")["code"], 4444);
    let read = call(
        rpc.addr,
        "causeway_getFinalizedBlocks",
        json!(["0x1", "0x1"]),
    )
    .await;
    assert_eq!(read.expect_err("pruned")["code"], 4444);
    let most = call(
        rpc.addr,
        "causeway_getFinalizedBlocks",
        json!(["0x250", "0x101"]),
    )
    .await;
    assert_eq!(most.expect_err("too many")["code"], -32602);
    let piece = call(rpc.addr, "causeway_getSnapshotPiece", json!([B256::ZERO])).await;
    assert_eq!(piece.expect_err("none such")["code"], -32000);

    let root = ledger.tip().state.root();
    rpc.stop().await;
    let whole = Arc::try_unwrap(instant).map(drop);
    assert!(whole.is_ok(), "somebody still holds the ledger");
    let again = open(&file);
    assert_eq!(again.tip().state.root(), root);
    assert_eq!(again.oldest_block().max(oldest), again.oldest_block());
}
