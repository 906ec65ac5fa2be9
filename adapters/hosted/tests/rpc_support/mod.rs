//! For tests of JSON-RPC: a chain that seals each transaction as it arrives, and clients that send raw bytes.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes};
use causeway_adapter_hosted::{
    block::Attributes,
    certificate::FinalityCertificate,
    ledger::Ledger,
    node::Node,
    pool::{PoolLimits, TxPool},
    rpc::{self, Access, RpcConfig, RpcHandle},
    scheme::{VoteKind, vote_digest},
    spec::ChainSpec,
};
use secp256k1::SecretKey;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// A chain without consensus: one ledger, and a task that seals and finalises a block for whatever waits.
pub struct Instant {
    pub node: Node,
    keys: Vec<SecretKey>,
    _dir: Option<tempfile::TempDir>,
}

impl Instant {
    /// Seals only when told to.
    pub fn manual(spec: Arc<ChainSpec>, keys: Vec<SecretKey>) -> Arc<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let ledger = Ledger::open(spec.clone(), &dir.path().join("ledger.redb"), None, None)
            .expect("a new ledger");
        Arc::new(Self {
            _dir: Some(dir),
            ..Self::on(ledger, keys)
        })
    }

    /// Over a ledger of the test's own.
    pub fn over(ledger: Arc<Ledger>, keys: Vec<SecretKey>) -> Arc<Self> {
        Arc::new(Self::on(ledger, keys))
    }

    fn on(ledger: Arc<Ledger>, keys: Vec<SecretKey>) -> Self {
        let (spec, tip) = (ledger.spec().clone(), ledger.tip());
        let pool = TxPool::new(spec, tip.state.clone(), PoolLimits::default());
        let genesis = ledger.genesis_hash();
        Self {
            node: Node::new(ledger, pool, genesis),
            keys,
            _dir: None,
        }
    }

    /// Seals whatever arrives.
    pub fn automatic(spec: Arc<ChainSpec>, keys: Vec<SecretKey>) -> Arc<Self> {
        let this = Self::manual(spec, keys);
        let weak = Arc::downgrade(&this);
        let pool = this.node.pool.clone();
        tokio::spawn(async move {
            loop {
                let arrival = pool.arrival();
                let Some(this) = weak.upgrade() else { return };
                while this.waiting() {
                    this.seal();
                }
                drop(this);
                arrival.await;
            }
        });
        this
    }

    fn waiting(&self) -> bool {
        let tip = self.node.ledger.tip();
        let base_fee = self.node.spec().next_base_fee(tip.block().header());
        self.node.pool.has_candidates(&tip.state, base_fee)
    }

    /// Makes one final block, with a certificate of all validators.
    pub fn seal(&self) {
        let (ledger, pool) = (&self.node.ledger, &self.node.pool);
        let tip = ledger.tip();
        let time_ms = tip.block().time_ms() + 250;
        let attributes = Attributes {
            time_ms,
            beneficiary: Address::repeat_byte(0xfe),
        };
        let block = ledger.propose(&tip, pool, attributes);
        ledger
            .finalize(block.block(), pool, || ())
            .expect("our own block is valid");
        pool.on_final(&block);
        let (number, hash) = (block.block().number(), block.block().hash());
        let view = number;
        let epoch = self.node.epoch_of(number);
        let digest = vote_digest(
            self.node.domain(),
            VoteKind::Finalize,
            epoch,
            view,
            view - 1,
            hash,
        );
        let certificate = FinalityCertificate {
            epoch,
            view,
            parent_view: view - 1,
            block_hash: hash,
            signers: (0..self.keys.len() as u16).collect(),
            signatures: self.keys.iter().map(|key| vote(key, digest)).collect(),
        };
        if number % 2 == 0 || self.node.epoch_of(number + 1) > epoch {
            // As in consensus, not every block has a certificate of its own; the last of an epoch has.
            ledger.certify(hash, certificate.to_bytes());
        }
    }
}

fn vote(key: &SecretKey, digest: B256) -> Bytes {
    let message = secp256k1::Message::from_digest(digest.0);
    let (id, compact) = secp256k1::SECP256K1
        .sign_ecdsa_recoverable(message, key)
        .serialize_compact();
    [compact.as_slice(), &[27 + i32::from(id) as u8]]
        .concat()
        .into()
}

/// Vote keys of a chain, in the order of its spec.
pub fn vote_keys(chain: &super::support::Chain) -> Vec<SecretKey> {
    chain
        .validators
        .iter()
        .map(|validator| validator.keys.vote)
        .collect()
}

/// Serves a node in plain text on a free port.
pub async fn serve(node: Node) -> RpcHandle {
    serve_with(node, |_| ()).await
}

pub async fn serve_with(node: Node, change: impl FnOnce(&mut RpcConfig)) -> RpcHandle {
    let mut config = RpcConfig::new(([127, 0, 0, 1], 0).into(), Access::Open);
    change(&mut config);
    rpc::start(node, config).await.expect("the server starts")
}

/// Sends one HTTP request and gives status and body.
pub async fn post(addr: SocketAddr, body: &[u8]) -> (u16, String) {
    let stream = TcpStream::connect(addr).await.expect("the server listens");
    post_on(stream, body).await.expect("an answer")
}

pub async fn post_on<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    body: &[u8],
) -> std::io::Result<(u16, String)> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    // A server that refuses a body closes while it is still being sent.
    let _ = stream.write_all(body).await;
    stream.flush().await?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => {}
        Err(_) if !answer.is_empty() => {}
        Err(error) => return Err(error),
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    Ok((status, body.to_owned()))
}

/// Calls a method; an error is the JSON error object.
pub async fn call(addr: SocketAddr, method: &str, params: Value) -> Result<Value, Value> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let (_, body) = post(addr, request.to_string().as_bytes()).await;
    answer(&body)
}

pub fn answer(body: &str) -> Result<Value, Value> {
    let mut answer: Value =
        serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}"));
    match answer.get_mut("error") {
        Some(error) => Err(error.take()),
        None => Ok(answer["result"].take()),
    }
}

/// Waits for a receipt.
pub async fn receipt(addr: SocketAddr, hash: &Value) -> Value {
    let wait = async {
        loop {
            let receipt = call(addr, "eth_getTransactionReceipt", json!([hash]))
                .await
                .expect("a valid call");
            if !receipt.is_null() {
                return receipt;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait)
        .await
        .expect("a receipt within 20 s")
}

/// A WebSocket client of the few frames these tests need (RFC 6455).
pub struct WebSocket(pub TcpStream);

impl WebSocket {
    pub async fn open(addr: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(addr).await.expect("the server listens");
        let head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        Self(stream)
    }

    pub async fn send(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match text.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(long).expect("short").to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]); // a mask that changes nothing
        frame.extend_from_slice(text.as_bytes());
        self.0.write_all(&frame).await.expect("sent");
    }

    /// The next text message.
    pub async fn next(&mut self) -> Value {
        let wait = async {
            loop {
                let opcode = self.0.read_u8().await.expect("open") & 0x0f;
                let length = match self.0.read_u8().await.expect("open") & 0x7f {
                    126 => u64::from(self.0.read_u16().await.expect("open")),
                    127 => self.0.read_u64().await.expect("open"),
                    short => u64::from(short),
                };
                let mut payload = vec![0; usize::try_from(length).expect("fits")];
                self.0.read_exact(&mut payload).await.expect("open");
                if opcode == 1 {
                    return serde_json::from_slice(&payload).expect("JSON");
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(120), wait)
            .await
            .expect("a message within 20 s")
    }

    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        self.send(
            &json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string(),
        )
        .await;
        self.next().await["result"].take()
    }
}
