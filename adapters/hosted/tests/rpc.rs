//! JSON-RPC: what it answers, and what it does with input nobody should send.
#![allow(missing_docs)]

mod rpc_support;
mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_consensus::{
    Header, ReceiptEnvelope, SignableTransaction, Transaction, TxEip1559, TxEip4844, TxEnvelope,
};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, bytes, keccak256};
use alloy_rlp::Decodable;
use alloy_rpc_types_eth::{Block, EIP1186AccountProofResponse};
use alloy_trie::{HashBuilder, Nibbles, TrieAccount, proof::verify_proof};
use causeway_adapter_hosted::{
    certificate::{FinalityCertificate, FinalityProof},
    rpc::{self, Access, Origins, RpcConfig, RpcStartError},
    scheme::address_of,
    spec::{ChainSpec, FeePolicy, GenesisAccount},
    tls::{Peer, Role},
};
use rpc_support::{Instant, WebSocket, call, post, receipt, serve, serve_with, vote_keys};
use serde_json::{Value, json};
use support::{Chain, key, sign, transfer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Emits LOG1 with the topic and data of its input: `LOG1(0, 32, calldata[0..32])` of calldata[32..64].
const LOGGER: Address = address!("0000000000000000000000000000000000010660");
/// Asks the pairing precompile (45,000 gas) and returns whether that worked, as a bad verifier does.
const SWALLOWS: Address = address!("0000000000000000000000000000000000005a11");
/// The same, but writes the outcome to slot 0 instead of returning it.
const SWALLOWS_SILENTLY: Address = address!("0000000000000000000000000000000000005a12");
/// Reverts with `Error("no")`.
const REFUSES: Address = address!("000000000000000000000000000000000000dead");

fn chain() -> (Chain, Arc<ChainSpec>) {
    chain_with(FeePolicy::Eip1559 {
        initial_base_fee: 1_000_000_000,
    })
}

fn chain_with(fee: FeePolicy) -> (Chain, Arc<ChainSpec>) {
    let chain = Chain::new(4);
    let mut alloc: BTreeMap<_, _> = chain.spec.alloc.clone();
    // CALLDATACOPY(0,32,32); LOG1(0,32,calldata[0..32])
    let logger = bytes!("6020602060003760003560206000a100");
    // STATICCALL(gas, 8, 0, 0, 0, 32)
    let ask = bytes!("602060006000600060085afa");
    let returns = Bytes::from([&ask[..], &bytes!("60005260206000f3")[..]].concat());
    let writes = Bytes::from([&ask[..], &bytes!("60005500")[..]].concat());
    // MSTORE of Error("no") word by word, then REVERT(0, 100).
    let mut refuses = Vec::new();
    let data = [
        &[0x08, 0xc3, 0x79, 0xa0][..],
        &U256::from(32).to_be_bytes::<32>(),
        &U256::from(2).to_be_bytes::<32>(),
        b"no",
        &[0; 30],
    ]
    .concat();
    for (index, word) in data.chunks(32).enumerate() {
        let mut padded = [0; 32];
        padded[..word.len()].copy_from_slice(word);
        refuses.push(0x7f);
        refuses.extend_from_slice(&padded);
        refuses.extend_from_slice(&[0x60, (index * 32) as u8, 0x52]);
    }
    refuses.extend_from_slice(&[0x60, 100, 0x60, 0, 0xfd]);
    for (address, code) in [
        (LOGGER, logger),
        (SWALLOWS, returns),
        (SWALLOWS_SILENTLY, writes),
        (REFUSES, refuses.into()),
    ] {
        alloc.insert(
            address,
            GenesisAccount {
                balance: U256::ZERO,
                code,
            },
        );
    }
    let spec = Arc::new(ChainSpec {
        alloc,
        fee,
        ..(*chain.spec).clone()
    });
    (chain, spec)
}

fn automatic() -> Arc<Instant> {
    let (chain, spec) = chain();
    Instant::automatic(spec, vote_keys(&chain))
}

fn manual() -> Arc<Instant> {
    let (chain, spec) = chain();
    Instant::manual(spec, vote_keys(&chain))
}

fn rich() -> Address {
    address_of(&key("rich"))
}

fn log(nonce: u64, topic: B256) -> Bytes {
    let input = [topic.as_slice(), &[7; 32]].concat();
    support::call(
        &key("rich"),
        nonce,
        TxKind::Call(LOGGER),
        U256::ZERO,
        input.into(),
        100_000,
    )
    .into()
}

fn code(error: &Value) -> i64 {
    error["code"].as_i64().expect("a code")
}

fn message(error: &Value) -> &str {
    error["message"].as_str().expect("a message")
}

// -- input nobody should send

#[tokio::test]
async fn malformed_requests_get_the_codes_of_the_standard() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    let cases: &[(&str, i64)] = &[
        ("{", -32700),
        ("not json", -32700),
        ("\"text\"", -32700),
        ("[1, 2", -32700),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"eth_nothing"}"#, -32601),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{}}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[]}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["0x12"]}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[1]}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction","params":[{}]}"#,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#,
            -32601,
        ),
    ];

    for (body, expected) in cases {
        let (_, answer) = post(rpc.addr, body.as_bytes()).await;
        let error = rpc_support::answer(&answer).expect_err("refused");
        assert_eq!(code(&error), *expected, "{body} -> {answer}");
    }
    let (_, answer) = post(rpc.addr, &[0xff, 0xfe, 0x00]).await;
    assert_eq!(
        code(&rpc_support::answer(&answer).expect_err("refused")),
        -32700
    );
}

#[tokio::test]
async fn an_unknown_method_is_named_alone_and_in_a_batch() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;

    let alone = call(rpc.addr, "eth_nothing", json!([]))
        .await
        .expect_err("unknown");
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},{"jsonrpc":"2.0","id":2,"method":"eth_nothing"},5]"#;
    let (_, body) = post(rpc.addr, batch.as_bytes()).await;

    assert_eq!(
        message(&alone),
        "the method eth_nothing does not exist/is not available"
    );
    let answers: Vec<Value> = serde_json::from_str(&body).expect("a batch");
    assert_eq!(answers[0]["result"], "0x1b59");
    assert_eq!(answers[1]["error"]["message"], message(&alone));
    assert_eq!(code(&answers[2]["error"]), -32600);
}

#[tokio::test]
async fn oversized_requests_are_refused_before_they_are_read() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;

    let (status, _) = post(rpc.addr, &vec![b' '; 3 << 20]).await;
    assert_eq!(status, 413);

    let one = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let batch = format!("[{}]", vec![one; 1001].join(","));
    let (_, body) = post(rpc.addr, batch.as_bytes()).await;
    assert_eq!(
        code(&rpc_support::answer(&body).expect_err("too many")),
        -32010,
        "{body}"
    );

    let fits = format!("[{}]", vec![one; 1000].join(","));
    let (_, body) = post(rpc.addr, fits.as_bytes()).await;
    assert_eq!(
        serde_json::from_str::<Vec<Value>>(&body)
            .expect("a batch")
            .len(),
        1000
    );
}

#[tokio::test]
async fn deeply_nested_json_does_no_harm() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    let nested = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{}{}]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );

    let (_, body) = post(rpc.addr, nested.as_bytes()).await;

    assert!(rpc_support::answer(&body).is_err());
    assert!(call(rpc.addr, "eth_chainId", json!([])).await.is_ok());
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let chain = manual();
    let rpc = serve_with(chain.node.clone(), |c| {
        c.limits.head = Duration::from_secs(1)
    })
    .await;
    let mut slow = tokio::net::TcpStream::connect(rpc.addr)
        .await
        .expect("open");
    slow.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        .await
        .expect("sent");

    let mut rest = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(120), slow.read_to_end(&mut rest)).await;

    assert!(cut.is_ok(), "the connection was left open");
}

#[tokio::test]
async fn connections_beyond_the_bound_are_refused_and_come_back() {
    let chain = manual();
    let rpc = serve_with(chain.node.clone(), |c| c.limits.connections = 2).await;
    let held = [
        WebSocket::open(rpc.addr).await,
        WebSocket::open(rpc.addr).await,
    ];
    let third = tokio::net::TcpStream::connect(rpc.addr)
        .await
        .expect("accepted by the system");

    let refused = rpc_support::post_on(third, b"{}").await;
    assert!(refused.is_err() || refused.is_ok_and(|(status, _)| status == 0));

    drop(held);
    let again = async {
        while tokio::net::TcpStream::connect(rpc.addr).await.is_err()
            || rpc_support::post_on(
                tokio::net::TcpStream::connect(rpc.addr)
                    .await
                    .expect("open"),
                b"{}",
            )
            .await
            .map_or(0, |a| a.0)
                == 0
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), again)
        .await
        .expect("served again");
}

#[tokio::test]
async fn a_subscriber_that_never_reads_is_dropped_and_bothers_nobody() {
    let chain = manual();
    let rpc = serve_with(chain.node.clone(), |c| {
        c.limits.unread_messages = 4;
        c.limits.stall = Duration::from_millis(300);
    })
    .await;
    let mut lazy = WebSocket::open(rpc.addr).await;
    for _ in 0..8 {
        lazy.call("eth_subscribe", json!(["newPendingTransactions", true]))
            .await;
    }

    for nonce in 0..60 {
        let input = Bytes::from(vec![0; 100_000]);
        let raw = support::call(
            &key("rich"),
            nonce,
            TxKind::Call(rich()),
            U256::ZERO,
            input,
            1_100_000,
        );
        chain.node.pool.submit(&raw).expect("admitted");
    }

    assert!(call(rpc.addr, "eth_chainId", json!([])).await.is_ok());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut backlog = Vec::new();
    let ended = lazy.0.read_to_end(&mut backlog);
    let ended = tokio::time::timeout(Duration::from_secs(120), ended).await;
    assert!(ended.is_ok(), "the connection is still open");
    assert!(
        backlog.len() < 60 * 8 * 200_000,
        "everything was queued: {}",
        backlog.len()
    );
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_refused_and_a_wallet_page_is_not() {
    let chain = manual();
    let strict = serve(chain.node.clone()).await;
    let open = serve_with(chain.node.clone(), |c| c.origins = Origins::Any).await;
    let ask = async |addr, origin: &str| {
        let mut stream = tokio::net::TcpStream::connect(addr).await.expect("open");
        let head = format!(
            "OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("read");
        answer.to_lowercase()
    };

    assert!(
        ask(strict.addr, "https://evil.example")
            .await
            .starts_with("http/1.1 403")
    );
    let allowed = ask(open.addr, "https://wallet.example").await;
    assert!(allowed.starts_with("http/1.1 204"), "{allowed}");
    assert!(
        allowed.contains("access-control-allow-origin: https://wallet.example"),
        "{allowed}"
    );
}

#[tokio::test]
async fn a_stand_in_for_a_member_is_refused_on_an_outside_address() {
    let chain = manual();
    let access = Access::LocalMember(Peer::local("Member One", Role::Member));
    let config = RpcConfig::new(([0, 0, 0, 0], 0).into(), access);

    let refused = rpc::start(chain.node.clone(), config).await;

    assert!(matches!(refused, Err(RpcStartError::NotLoopback { .. })));
}

#[tokio::test]
async fn a_stopped_server_lets_go_of_its_port() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    let addr = rpc.addr;
    let _open = WebSocket::open(addr).await;

    tokio::time::timeout(Duration::from_secs(120), rpc.stop())
        .await
        .expect("it stops");

    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

// -- transactions nobody should send

async fn send(rpc: &rpc::RpcHandle, raw: &[u8]) -> Result<Value, Value> {
    call(
        rpc.addr,
        "eth_sendRawTransaction",
        json!([Bytes::copy_from_slice(raw)]),
    )
    .await
}

fn eip1559(change: impl FnOnce(&mut TxEip1559)) -> Vec<u8> {
    let mut tx = TxEip1559 {
        chain_id: support::CHAIN_ID,
        gas_limit: 21_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(rich()),
        ..Default::default()
    };
    change(&mut tx);
    sign(&key("rich"), tx)
}

#[tokio::test]
async fn wrong_transactions_are_refused_in_words_clients_know() {
    let chain = automatic();
    let rpc = serve(chain.node.clone()).await;
    let hash = send(&rpc, &eip1559(|_| ())).await.expect("admitted");
    receipt(rpc.addr, &hash).await;
    let blob = TxEip4844 {
        chain_id: support::CHAIN_ID,
        ..Default::default()
    }
    .into_signed(Signature::test_signature());
    let blob = TxEnvelope::Eip4844(blob.map(Into::into)).encoded_2718();
    let mut no_signature = eip1559(|tx| tx.nonce = 1);
    let end = no_signature.len();
    no_signature[end - 32..].fill(0xff); // s above the order of the curve

    let cases: Vec<(Vec<u8>, &str)> = vec![
        (eip1559(|_| ()), "nonce too low"),
        (eip1559(|tx| tx.nonce = 1_000_000), "nonce too high"),
        (
            eip1559(|tx| (tx.nonce, tx.chain_id) = (1, 1)),
            "invalid chain id for signer: have 1",
        ),
        (
            eip1559(|tx| (tx.nonce, tx.gas_limit) = (1, 20_999)),
            "intrinsic gas too low",
        ),
        (
            eip1559(|tx| (tx.nonce, tx.gas_limit) = (1, u64::MAX)),
            "exceeds block gas limit",
        ),
        (
            eip1559(|tx| (tx.nonce, tx.value) = (1, U256::MAX)),
            "insufficient funds for gas * price",
        ),
        (
            eip1559(|tx| (tx.nonce, tx.max_fee_per_gas) = (1, 1)),
            "max priority fee per gas higher",
        ),
        (blob, "transaction type not supported: blob"),
        (no_signature, "invalid sender"),
        (vec![], "rlp"),
        (vec![0x05, 0xc0], "rlp"),
        (vec![0xff; 200], "rlp"),
        (vec![0; 200_000], "oversized data"),
    ];
    for (raw, expected) in cases {
        let error = send(&rpc, &raw).await.expect_err(expected);
        assert_eq!(code(&error), -32000, "{error}");
        assert!(message(&error).contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn a_replacement_must_pay_a_tenth_more() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    let raw = eip1559(|tx| tx.nonce = 3);
    send(&rpc, &raw).await.expect("waits behind a gap");

    let same = send(&rpc, &raw).await.expect_err("known");
    let cheap = send(
        &rpc,
        &eip1559(|tx| (tx.nonce, tx.value) = (3, U256::from(1))),
    )
    .await;
    let better = send(
        &rpc,
        &eip1559(|tx| {
            tx.nonce = 3;
            tx.max_fee_per_gas *= 2;
            tx.max_priority_fee_per_gas *= 2;
        }),
    )
    .await;

    assert_eq!(message(&same), "already known");
    assert!(message(&cheap.expect_err("cheap")).starts_with("replacement transaction underpriced"));
    assert!(better.is_ok());
    let status = call(rpc.addr, "txpool_status", json!([]))
        .await
        .expect("answered");
    assert_eq!(status, json!({ "pending": "0x0", "queued": "0x1" }));
}

#[tokio::test]
async fn a_regulator_reads_and_does_not_send() {
    let chain = manual();
    let access = Access::LocalMember(Peer::local("Central Bank", Role::Regulator));
    let rpc = serve_with(chain.node.clone(), |c| c.access = access).await;

    let refused = send(&rpc, &eip1559(|_| ())).await.expect_err("not allowed");
    let status = call(rpc.addr, "causeway_status", json!([]))
        .await
        .expect("answered");

    assert_eq!(code(&refused), -32003);
    assert!(
        message(&refused).contains("role regulator may not send"),
        "{refused}"
    );
    assert_eq!(status["you"]["role"], "regulator");
    assert_eq!(chain.node.pool.len(), (0, 0));
}

// -- calls

#[tokio::test]
async fn a_revert_comes_with_reason_and_data() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;

    for method in ["eth_call", "eth_estimateGas"] {
        let error = call(rpc.addr, method, json!([{ "to": REFUSES }]))
            .await
            .expect_err("reverts");
        assert_eq!(code(&error), 3);
        assert_eq!(message(&error), "execution reverted: no");
        assert!(
            error["data"]
                .as_str()
                .expect("data")
                .starts_with("0x08c379a0")
        );
    }
}

#[tokio::test]
async fn an_estimate_does_not_settle_where_a_contract_swallows_a_failure() {
    let chain = automatic();
    let rpc = serve(chain.node.clone()).await;

    for (nonce, to) in [SWALLOWS, SWALLOWS_SILENTLY].into_iter().enumerate() {
        let asked = json!([{ "from": rich(), "to": to }]);
        let gas = call(rpc.addr, "eth_estimateGas", asked)
            .await
            .expect("an estimate");
        let gas = u64::from_str_radix(&gas.as_str().expect("hex")[2..], 16).expect("hex");
        assert!((66_000..120_000).contains(&gas), "{to}: {gas}");

        let raw = eip1559(|tx| {
            tx.nonce = nonce as u64;
            tx.gas_limit = gas;
            tx.to = TxKind::Call(to);
        });
        let hash = send(&rpc, &raw).await.expect("admitted");
        assert_eq!(receipt(rpc.addr, &hash).await["status"], "0x1");
    }
    let slot = call(
        rpc.addr,
        "eth_getStorageAt",
        json!([SWALLOWS_SILENTLY, "0x0"]),
    )
    .await;
    assert_eq!(slot.expect("a word"), json!(B256::from(U256::from(1))));
}

#[tokio::test]
async fn an_estimate_is_limited_by_what_the_sender_can_pay() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    let poor = Address::repeat_byte(0x99);

    let value = json!([{ "from": poor, "to": rich(), "value": "0x1" }]);
    let error = call(rpc.addr, "eth_estimateGas", value)
        .await
        .expect_err("no funds");
    assert!(message(&error).starts_with("insufficient funds"), "{error}");

    let priced = json!([{ "from": poor, "to": rich(), "gasPrice": "0x4a817c800" }]);
    let error = call(rpc.addr, "eth_estimateGas", priced)
        .await
        .expect_err("no gas money");
    assert!(
        message(&error).starts_with("gas required exceeds allowance"),
        "{error}"
    );
}

#[tokio::test]
async fn overrides_apply_and_unsupported_ones_are_named() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    let code_of_time = "0x4260005260206000f3"; // returns TIMESTAMP
    let target = Address::repeat_byte(0x77);

    let seen = call(
        rpc.addr,
        "eth_call",
        json!([{ "to": target }, "latest", { target.to_string(): { "code": code_of_time } }, { "time": "0x2a" }]),
    )
    .await
    .expect("a word");
    assert_eq!(seen, json!(B256::from(U256::from(42))));

    let moved = json!([{ "to": target }, "latest", { target.to_string(): { "movePrecompileToAddress": target } }]);
    let error = call(rpc.addr, "eth_call", moved)
        .await
        .expect_err("not supported");
    assert!(
        message(&error).contains("movePrecompileToAddress"),
        "{error}"
    );
}

#[tokio::test]
async fn state_older_than_the_window_is_refused_with_its_bounds() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    for _ in 0..140 {
        chain.seal();
    }

    for params in [json!([rich(), "0x1"]), json!([rich(), [], "0x1"])] {
        let method = if params.as_array().map(Vec::len) == Some(3) {
            "eth_getProof"
        } else {
            "eth_getBalance"
        };
        let error = call(rpc.addr, method, params).await.expect_err("gone");
        assert_eq!(code(&error), 4444);
        assert!(
            message(&error).contains("states are kept of blocks 13 to 140"),
            "{error}"
        );
    }
    let future = call(rpc.addr, "eth_getBalance", json!([rich(), "0xffff"]))
        .await
        .expect_err("future");
    assert!(message(&future).starts_with("header not found"), "{future}");
    let old = call(rpc.addr, "eth_getBlockByNumber", json!(["0x1", false]))
        .await
        .expect("a block");
    assert_eq!(old["number"], "0x1");
}

// -- logs

#[tokio::test]
async fn logs_are_found_by_topic_and_address_within_the_bounds() {
    let chain = automatic();
    let rpc = serve_with(chain.node.clone(), |c| {
        (c.limits.log_blocks, c.limits.logs) = (3, 4)
    })
    .await;
    let (one, two) = (B256::repeat_byte(1), B256::repeat_byte(2));
    for nonce in 0..6 {
        let hash = send(&rpc, &log(nonce, if nonce == 5 { two } else { one }))
            .await
            .expect("admitted");
        receipt(rpc.addr, &hash).await;
    }
    let ask = async |filter: Value| call(rpc.addr, "eth_getLogs", json!([filter])).await;

    let rare = ask(json!({ "address": LOGGER, "topics": [two], "fromBlock": "0x0" })).await;
    let rare = rare.expect("found");
    assert_eq!(rare.as_array().map(Vec::len), Some(1));
    assert_eq!(rare[0]["data"], json!(B256::repeat_byte(7)));
    assert_eq!(rare[0]["blockNumber"], "0x6");
    let last = ask(json!({ "blockHash": rare[0]["blockHash"] }))
        .await
        .expect("found");
    assert_eq!(last, rare);

    let wide = ask(json!({ "fromBlock": "0x0" }))
        .await
        .expect_err("too wide");
    assert_eq!(code(&wide), -32005);
    assert!(message(&wide).contains("7 blocks, at most 3"), "{wide}");
    let many = ask(json!({ "address": LOGGER, "fromBlock": "0x0" }))
        .await
        .expect_err("too many");
    assert!(
        message(&many).starts_with("query returned more than 4 results"),
        "{many}"
    );
    let upside_down = ask(json!({ "fromBlock": "0x3", "toBlock": "0x1" }))
        .await
        .expect_err("inverted");
    assert_eq!(code(&upside_down), -32602);
    let unknown = ask(json!({ "blockHash": one })).await.expect_err("unknown");
    assert!(message(&unknown).starts_with("unknown block"), "{unknown}");
}

#[tokio::test]
async fn answers_are_bounded_in_bytes_as_well() {
    let chain = automatic();
    let rpc = serve_with(chain.node.clone(), |c| c.limits.response_bytes = 200).await;
    for nonce in 0..4 {
        let hash = send(&rpc, &log(nonce, B256::ZERO)).await.expect("admitted");
        while chain
            .node
            .ledger
            .locate(serde_json::from_value(hash.clone()).expect("a hash"))
            .expect("readable")
            .is_none()
        {
            tokio::task::yield_now().await;
        }
    }
    send(&rpc, &log(9, B256::ZERO))
        .await
        .expect("waits behind a gap");

    let all = json!([{ "address": LOGGER, "fromBlock": "0x0" }]);
    let logs = call(rpc.addr, "eth_getLogs", all)
        .await
        .expect_err("too long");
    let pool = call(rpc.addr, "txpool_content", json!([]))
        .await
        .expect_err("too long");

    assert!(
        message(&logs).starts_with("query returned more than 200 bytes"),
        "{logs}"
    );
    assert!(
        message(&pool).starts_with("1 transactions wait, more than fit 200 bytes"),
        "{pool}"
    );
}

#[tokio::test]
async fn filters_report_each_thing_once_and_are_bounded() {
    let chain = automatic();
    let rpc = serve_with(chain.node.clone(), |c| c.limits.filters = 3).await;
    let open = async |method: &str, params: Value| call(rpc.addr, method, params).await;
    let logs = open("eth_newFilter", json!([{ "address": LOGGER }]))
        .await
        .expect("open");
    let blocks = open("eth_newBlockFilter", json!([])).await.expect("open");
    let pending = open("eth_newPendingTransactionFilter", json!([]))
        .await
        .expect("open");
    let full = open("eth_newBlockFilter", json!([]))
        .await
        .expect_err("one too many");
    assert!(message(&full).starts_with("too many filters: 3"), "{full}");

    let hash = send(&rpc, &log(0, B256::repeat_byte(1)))
        .await
        .expect("admitted");
    let receipt = receipt(rpc.addr, &hash).await;

    let changes = async |id: &Value| call(rpc.addr, "eth_getFilterChanges", json!([id])).await;
    assert_eq!(
        changes(&logs).await.expect("logs")[0]["transactionHash"],
        hash
    );
    assert_eq!(changes(&logs).await.expect("nothing new"), json!([]));
    assert_eq!(
        changes(&blocks).await.expect("blocks"),
        json!([receipt["blockHash"]])
    );
    assert_eq!(changes(&blocks).await.expect("nothing new"), json!([]));
    assert_eq!(
        changes(&pending).await.expect("transactions"),
        json!([hash])
    );
    assert_eq!(
        open("eth_uninstallFilter", json!([logs]))
            .await
            .expect("gone"),
        true
    );
    assert!(message(&changes(&logs).await.expect_err("gone")).starts_with("filter not found"));
}

#[tokio::test]
async fn subscriptions_show_every_block_and_matching_log() {
    let chain = automatic();
    let rpc = serve(chain.node.clone()).await;
    let mut heads = WebSocket::open(rpc.addr).await;
    let mut logs = WebSocket::open(rpc.addr).await;
    let id = heads.call("eth_subscribe", json!(["newHeads"])).await;
    logs.call(
        "eth_subscribe",
        json!(["logs", { "topics": [B256::repeat_byte(3)] }]),
    )
    .await;

    for nonce in 0..5 {
        let topic = B256::repeat_byte(if nonce == 4 { 3 } else { 1 });
        let hash = send(&rpc, &log(nonce, topic)).await.expect("admitted");
        receipt(rpc.addr, &hash).await;
    }

    for number in 1..=5 {
        let head = heads.next().await;
        assert_eq!(head["params"]["subscription"], id);
        assert_eq!(head["params"]["result"]["number"], format!("{number:#x}"));
    }
    assert_eq!(logs.next().await["params"]["result"]["blockNumber"], "0x5");
    assert_eq!(heads.call("eth_unsubscribe", json!([id])).await, true);
}

// -- what can be checked by anybody

/// Root of a trie of values by RLP of their index, built by `alloy-trie`.
fn index_root(values: Vec<Vec<u8>>) -> B256 {
    let mut leaves: Vec<_> = values
        .into_iter()
        .enumerate()
        .map(|(index, value)| (Nibbles::unpack(alloy_rlp::encode(index)), value))
        .collect();
    leaves.sort_by_key(|(path, _)| *path);
    let mut builder = HashBuilder::default();
    leaves
        .iter()
        .for_each(|(path, value)| builder.add_leaf(*path, value));
    builder.root()
}

#[tokio::test]
async fn hash_roots_and_proofs_hold_for_an_independent_trie() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    for nonce in 0..20 {
        send(&rpc, &log(nonce, B256::repeat_byte(1)))
            .await
            .expect("admitted");
    }
    let poke = eip1559(|tx| {
        (tx.nonce, tx.gas_limit, tx.to) = (20, 200_000, TxKind::Call(SWALLOWS_SILENTLY));
    });
    send(&rpc, &poke).await.expect("admitted");
    chain.seal();

    let block = call(rpc.addr, "eth_getBlockByNumber", json!(["0x1", true]))
        .await
        .expect("a block");
    let block: Block = serde_json::from_value(block).expect("the shape of a block");
    let header: Header = block.header.inner.clone();
    assert_eq!(header.hash_slow(), block.header.hash);

    let (mut transactions, mut receipts) = (Vec::new(), Vec::new());
    for hash in block.transactions.hashes() {
        let raw: Bytes = serde_json::from_value(
            call(rpc.addr, "eth_getRawTransactionByHash", json!([hash]))
                .await
                .expect("raw"),
        )
        .expect("bytes");
        let tx = TxEnvelope::decode_2718(&mut raw.as_ref()).expect("a transaction");
        assert_eq!((*tx.tx_hash(), tx.to().is_some()), (hash, true));
        transactions.push(raw.to_vec());
    }
    let served = call(rpc.addr, "eth_getBlockReceipts", json!(["latest"]))
        .await
        .expect("receipts");
    for receipt in served.as_array().expect("a list") {
        let receipt: ReceiptEnvelope<alloy_rpc_types_eth::Log> =
            serde_json::from_value(receipt.clone()).expect("the shape of a receipt");
        receipts.push(receipt.map_logs(|log| log.inner).encoded_2718());
    }
    assert_eq!(transactions.len(), 21);
    assert_eq!(index_root(transactions), header.transactions_root);
    assert_eq!(index_root(receipts), header.receipts_root);

    let asked = json!([SWALLOWS_SILENTLY, ["0x0", "0x1"], "latest"]);
    let proof = call(rpc.addr, "eth_getProof", asked)
        .await
        .expect("a proof");
    let proof: EIP1186AccountProofResponse = serde_json::from_value(proof).expect("its shape");
    let account = TrieAccount {
        nonce: proof.nonce,
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    let path = Nibbles::unpack(keccak256(SWALLOWS_SILENTLY));
    verify_proof(
        header.state_root,
        path,
        Some(alloy_rlp::encode(account)),
        &proof.account_proof,
    )
    .expect("the account is in the state");
    for (index, value) in [(0, Some(U256::from(1))), (1, None)] {
        let slot = &proof.storage_proof[index];
        let path = Nibbles::unpack(keccak256(B256::from(U256::from(index))));
        verify_proof(
            proof.storage_hash,
            path,
            value.map(alloy_rlp::encode),
            &slot.proof,
        )
        .expect("the slot is as it says");
    }
    let nobody = Address::repeat_byte(0x55);
    let absent = call(rpc.addr, "eth_getProof", json!([nobody, []]))
        .await
        .expect("a proof");
    let absent: EIP1186AccountProofResponse = serde_json::from_value(absent).expect("its shape");
    verify_proof(
        header.state_root,
        Nibbles::unpack(keccak256(nobody)),
        None,
        &absent.account_proof,
    )
    .expect("the account is not in the state");
}

#[tokio::test]
async fn a_finality_certificate_proves_its_block_to_somebody_with_the_set_alone() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    for _ in 0..3 {
        chain.seal(); // block 2 alone has a certificate of its own
    }

    let proof = call(rpc.addr, "causeway_getFinalityCertificate", json!(["0x1"]))
        .await
        .expect("a proof");
    let early = call(rpc.addr, "causeway_getFinalityCertificate", json!(["0x3"]))
        .await
        .expect("none yet");

    assert_eq!(early, Value::Null);
    assert_eq!(proof["blockNumber"], "0x1");
    let certificate = &proof["certificate"];
    let number = |name: &str| {
        u64::from_str_radix(&certificate[name].as_str().expect("hex")[2..], 16).expect("hex")
    };
    let headers: Vec<Bytes> = serde_json::from_value(proof["headers"].clone()).expect("headers");
    let set: Vec<Address> = serde_json::from_value(proof["validators"].clone()).expect("a set");
    let finality = FinalityProof {
        certificate: FinalityCertificate {
            epoch: number("epoch"),
            view: number("view"),
            parent_view: number("parentView"),
            block_hash: serde_json::from_value(certificate["blockHash"].clone()).expect("a hash"),
            signers: serde_json::from_value(certificate["signers"].clone()).expect("indices"),
            signatures: serde_json::from_value(certificate["signatures"].clone()).expect("bytes"),
        },
        headers: headers
            .iter()
            .map(|h| Header::decode(&mut h.as_ref()).expect("a header"))
            .collect(),
    };
    let block: B256 = serde_json::from_value(proof["blockHash"].clone()).expect("a hash");
    let domain: B256 = serde_json::from_value(proof["domain"].clone()).expect("a domain");
    assert_eq!(finality.headers.len(), 2);
    assert_eq!(finality.verify(block, domain, &set), Ok(()));
    assert_eq!(domain, chain.node.domain());
}

#[tokio::test]
async fn a_free_chain_takes_a_zero_price() {
    let (chain, spec) = chain_with(FeePolicy::Free);
    let chain = Instant::automatic(spec, vote_keys(&chain));
    let rpc = serve(chain.node.clone()).await;
    assert_eq!(
        call(rpc.addr, "eth_gasPrice", json!([]))
            .await
            .expect("a price"),
        "0x0"
    );
    assert_eq!(
        call(rpc.addr, "eth_maxPriorityFeePerGas", json!([]))
            .await
            .expect("a tip"),
        "0x0"
    );

    let free = eip1559(|tx| (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) = (0, 0));
    let hash = send(&rpc, &free).await.expect("admitted");

    let receipt = receipt(rpc.addr, &hash).await;
    assert_eq!(
        (&receipt["status"], &receipt["effectiveGasPrice"]),
        (&json!("0x1"), &json!("0x0"))
    );
}

#[tokio::test]
async fn a_pending_nonce_counts_what_waits() {
    let chain = manual();
    let rpc = serve(chain.node.clone()).await;
    send(&rpc, &transfer(&key("rich"), 0, rich(), 1))
        .await
        .expect("admitted");

    let ask = async |tag: &str| {
        call(rpc.addr, "eth_getTransactionCount", json!([rich(), tag]))
            .await
            .expect("a nonce")
    };

    assert_eq!(
        (ask("latest").await, ask("pending").await),
        (json!("0x0"), json!("0x1"))
    );
    chain.seal();
    assert_eq!(
        (ask("latest").await, ask("pending").await),
        (json!("0x1"), json!("0x1"))
    );
}
