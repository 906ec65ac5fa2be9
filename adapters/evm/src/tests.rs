//! Against a node that lies. It runs in the test's own process and answers what the test makes it answer.

mod lying_node;

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{
    Action, Asset, Bump, ChainError, ChainId, ChainReader, ChainWriter, Height, HeightRange, Lock,
    LockId, Order, Preimage, PreparedTx, Terms, Timestamp, TxId, TxStatus, Wanted,
};
use ethers_core::{
    types::{Transaction, transaction::eip2718::TypedTransaction},
    utils::rlp::Rlp,
};
use serde_json::{Value, json};

use self::lying_node::{LyingNode, Reply};
use crate::*;

const CONTRACT: Address = Address::repeat_byte(0xc0);

fn config(nodes: &[&LyingNode]) -> EvmConfig {
    EvmConfig {
        name: "external".into(),
        chain_id: 7,
        urls: nodes.iter().map(|node| node.url()).collect(),
        quorum: None,
        hash_time_lock: CONTRACT,
        finality: Finality::Tag,
        accounts: Vec::new(),
        fees: Fees::default(),
        tls: None,
        request_timeout_ms: 500,
        poll_ms: 10,
        max_response_bytes: 100_000,
        max_range: 100,
        certificates: false,
    }
}

/// With one account, whose key is 32 times 1.
fn config_with_account(nodes: &[&LyingNode], files: &std::path::Path) -> EvmConfig {
    let password = files.join("password");
    std::fs::write(&password, "secret\n").unwrap();
    eth_keystore::encrypt_key(
        files,
        &mut rand_core06::OsRng,
        [1; 32],
        "secret",
        Some("key"),
    )
    .unwrap();
    let account = Account {
        keystore: files.join("key"),
        password: Password::File(password),
    };
    EvmConfig {
        accounts: vec![account],
        ..config(nodes)
    }
}

fn whole(to: u64) -> HeightRange {
    HeightRange {
        from: Height(0),
        to: Height(to),
    }
}

fn lock() -> Lock {
    Lock {
        hashlock: Preimage::new([5; 32]).hashlock(),
        sender: Address::repeat_byte(1),
        recipient: Address::repeat_byte(2),
        asset: Asset::Native,
        amount: U256::from(3),
        deposit: U256::from(4),
        terms: Terms {
            public_claim_at: Timestamp(10),
            refund_at: Timestamp(20),
            public_refund_at: Timestamp(30),
            parts: 1,
            hook_flags: 0,
            salt: 9,
        },
        hooks: Address::ZERO,
    }
}

/// The log of that lock in block 5 of an honest node.
fn locked_log(memo: Bytes) -> Value {
    use alloy_sol_types::{SolEvent, SolValue};
    use causeway_contracts::HashTimeLock as Htl;
    let words = lock().words().unwrap().concat();
    let lock_in_abi = causeway_contracts::Lock::abi_decode(&words).unwrap();
    let id = lock().id().unwrap().0;
    let event = Htl::Locked {
        id,
        hashlock: lock().hashlock.0,
        recipient: lock().recipient,
        lock: lock_in_abi,
        memo,
    };
    let data = event.encode_log_data();
    json!({
        "address": CONTRACT, "topics": data.topics(), "data": data.data, "blockNumber": "0x5",
        "blockHash": lying_node::hash(5), "transactionHash": B256::repeat_byte(8), "logIndex": "0x0", "removed": false,
    })
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused() {
    let node = LyingNode::start().await;
    node.says("eth_chainId", Reply::Result(json!("0x8")));

    let refused = connect(config(&[&node])).await.unwrap_err();

    let wrong = ConnectError::Chain(ChainError::ConfigWrongChain {
        expected: ChainId(7),
        got: ChainId(8),
    });
    assert_eq!(refused.to_string(), wrong.to_string());
}

#[tokio::test]
async fn a_contract_that_is_not_there_is_refused() {
    let node = LyingNode::start().await;
    node.says("eth_getCode", Reply::Result(json!("0x")));

    let refused = connect(config(&[&node])).await.unwrap_err();

    assert!(
        matches!(refused, ConnectError::ConfigNoContract { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn nonsense_is_called_nonsense_and_names_the_node() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();
    let block_without_hash = json!({ "number": "0x1", "timestamp": "0x1" });
    // Good as a tip, nonsense when the block before it is asked for.
    let other_block = json!({ "number": "0x40", "timestamp": "0x1", "hash": lying_node::hash(64) });

    for reply in [
        Reply::Body("this is not JSON".into()),
        Reply::Body("[1,2,3]".into()),
        Reply::Body(format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":\"{}\"}}",
            "x".repeat(200_000)
        )),
        Reply::Result(Value::Null),
        Reply::Result(json!(17)),
        Reply::Result(json!({ "number": "zero" })),
        Reply::Result(block_without_hash),
        Reply::Result(other_block),
    ] {
        node.says("eth_getBlockByNumber", reply.clone());
        let refused = chain.finalized().await;
        let Err(ChainError::NodeMalformed { chain: name, .. }) = &refused else {
            panic!("expected NodeMalformed for {reply:?}, got {refused:?}");
        };
        assert!(name.contains("127.0.0.1"), "{name}");
        node.honest("eth_getBlockByNumber");
        assert!(chain.finalized().await.is_ok());
        node.moves_to(node.height() + 1);
    }
}

#[tokio::test]
async fn a_node_that_never_answers_takes_no_longer_than_configured() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();
    node.says("eth_getBlockByNumber", Reply::Silence);

    let asked = tokio::time::timeout(Duration::from_secs(20), chain.finalized())
        .await
        .unwrap();

    assert!(
        matches!(asked, Err(ChainError::Timeout { .. })),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_node_that_is_gone_is_unreachable_and_its_url_stays_secret() {
    let node = LyingNode::start().await;
    let url = format!("{}/v3/my-api-key", node.url());
    let chain = connect(EvmConfig {
        urls: vec![url],
        ..config(&[])
    })
    .await
    .unwrap();
    node.stop().await;

    let refused = chain.finalized().await.unwrap_err();

    assert!(
        matches!(refused, ChainError::NodeUnreachable { .. }),
        "{refused:?}"
    );
    assert!(
        !format!("{refused} {refused:?}").contains("my-api-key"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn http_refusals_are_told_apart() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();

    node.says("eth_getBlockByNumber", Reply::Status(429));
    assert!(matches!(
        chain.finalized().await,
        Err(ChainError::Busy { .. })
    ));
    node.says("eth_getBlockByNumber", Reply::Status(500));
    assert!(matches!(
        chain.finalized().await,
        Err(ChainError::NodeUnreachable { .. })
    ));
    node.says(
        "eth_getBlockByNumber",
        Reply::Error(-32_601, "no such method", Value::Null),
    );
    assert!(matches!(
        chain.finalized().await,
        Err(ChainError::NodeRefused { code: -32_601, .. })
    ));
}

#[tokio::test]
async fn a_dissenting_minority_is_outvoted_and_a_majority_is_needed() {
    let [a, b, liar] = [
        LyingNode::start().await,
        LyingNode::start().await,
        LyingNode::start().await,
    ];
    let two_of_three = EvmConfig {
        quorum: Some(2),
        ..config(&[&a, &b, &liar])
    };
    let chain = connect(two_of_three).await.unwrap();
    let fork = json!({ "number": "0xa", "timestamp": "0x1", "hash": B256::repeat_byte(0xee) });
    liar.says("eth_getBlockByNumber", Reply::Result(fork));

    let tip = chain.finalized().await.unwrap();
    assert_eq!((tip.height, tip.hash), (Height(10), lying_node::hash(10)));

    let strict = connect(config(&[&a, &b, &liar])).await.unwrap();
    let refused = strict.finalized().await.unwrap_err();
    let ChainError::NodeMalformed { got, .. } = &refused else {
        panic!("{refused:?}")
    };
    let port = liar.url().rsplit(':').next().unwrap().to_owned();
    assert!(
        got.contains(&port),
        "the dissenter {port} is not named: {got}"
    );
}

#[tokio::test]
async fn one_node_can_neither_raise_the_tip_nor_hide_events() {
    let [a, b, liar] = [
        LyingNode::start().await,
        LyingNode::start().await,
        LyingNode::start().await,
    ];
    for honest in [&a, &b] {
        honest.says(
            "eth_getLogs",
            Reply::Result(json!([locked_log(Bytes::new())])),
        );
    }
    let chain = connect(EvmConfig {
        quorum: Some(2),
        ..config(&[&a, &b, &liar])
    })
    .await
    .unwrap();
    liar.moves_to(1_000_000);

    assert_eq!(chain.finalized().await.unwrap().height, Height(10));
    assert_eq!(chain.events(whole(10)).await.unwrap().len(), 1);

    a.says("eth_getLogs", Reply::Silence);
    let refused = chain.events(whole(10)).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::NodeMalformed { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_silent_minority_does_not_stop_a_quorum() {
    let [a, b, silent] = [
        LyingNode::start().await,
        LyingNode::start().await,
        LyingNode::start().await,
    ];
    let patient = EvmConfig {
        quorum: Some(2),
        request_timeout_ms: 60_000,
        ..config(&[&a, &b, &silent])
    };
    let chain = connect(patient).await.unwrap();
    silent.says("eth_getBlockByNumber", Reply::Silence);

    let tip = tokio::time::timeout(Duration::from_secs(20), chain.finalized())
        .await
        .unwrap();

    assert_eq!(tip.unwrap().height, Height(10));
}

#[tokio::test]
async fn a_final_block_that_changes_is_an_error_for_ever() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();
    chain.finalized().await.unwrap();

    node.forks();
    node.moves_to(11);

    for _ in 0..2 {
        let refused = chain.finalized().await.unwrap_err();
        assert!(
            matches!(
                refused,
                ChainError::NodeMalformed {
                    expected: "that a final block stays",
                    ..
                }
            ),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn the_tip_never_goes_back() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();
    let before = chain.finalized().await.unwrap();

    node.moves_to(3);

    assert_eq!(chain.finalized().await.unwrap(), before);
}

#[tokio::test]
async fn confirmations_hold_the_tip_back() {
    let node = LyingNode::start().await;
    let chain = connect(EvmConfig {
        finality: Finality::Confirmations(4),
        ..config(&[&node])
    })
    .await
    .unwrap();

    assert_eq!(chain.finalized().await.unwrap().height, Height(6));
    assert!(matches!(
        chain.events(whole(7)).await,
        Err(ChainError::NotFinal { .. })
    ));
}

#[tokio::test]
async fn an_event_is_decoded_with_its_memo() {
    let node = LyingNode::start().await;
    let wanted = Wanted {
        chain: ChainId(8),
        asset: Asset::Native,
        amount: U256::from(6),
        recipient: Address::repeat_byte(4),
    };
    let chain = connect(config(&[&node])).await.unwrap();

    for (memo, expected) in [
        (wanted.to_memo(), Some(wanted)),
        (Bytes::from_static(b"hello"), None),
    ] {
        node.says("eth_getLogs", Reply::Result(json!([locked_log(memo)])));
        let events = chain.events(whole(10)).await.unwrap();
        let kind = causeway_adapter_api::EventKind::Locked {
            lock: lock(),
            wanted: expected,
        };
        assert_eq!((events.len(), &events[0].kind), (1, &kind));
        assert_eq!(
            (events[0].height, events[0].block),
            (Height(5), lying_node::hash(5))
        );
    }
}

#[tokio::test]
async fn forged_events_are_refused() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();
    let honest = locked_log(Bytes::new());
    let forge = |field: &str, value: Value| {
        let mut log = honest.clone();
        log[field] = value;
        log
    };
    let mut other_id = honest.clone();
    other_id["topics"][1] = json!(B256::repeat_byte(0xee));
    let later = forge("blockNumber", json!("0x6"));

    for logs in [
        json!([forge("address", json!(Address::repeat_byte(9)))]),
        json!([forge("blockNumber", json!("0xff"))]),
        json!([forge("blockHash", json!(B256::repeat_byte(9)))]),
        json!([forge("removed", json!(true))]),
        json!([forge("data", json!("0x"))]),
        json!([forge("topics", json!([]))]),
        json!([other_id]),
        json!([honest, honest]),
        json!([later, honest]),
        json!({ "not": "a list" }),
    ] {
        node.says("eth_getLogs", Reply::Result(logs.clone()));
        let refused = chain.events(whole(10)).await;
        assert!(
            matches!(refused, Err(ChainError::NodeMalformed { .. })),
            "{logs}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_status_is_final_only_with_a_receipt_of_the_final_chain() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();
    let id = TxId(B256::repeat_byte(8));
    let receipt = |block: &str, hash: B256, status: &str| {
        json!({
            "transactionHash": id.0, "blockNumber": block, "blockHash": hash, "status": status,
            "gasUsed": "0x5208", "effectiveGasPrice": "0x2", "contractAddress": null,
        })
    };
    assert_eq!(chain.status(id).await.unwrap(), TxStatus::Unknown);

    node.says(
        "eth_getTransactionByHash",
        Reply::Result(json!({ "from": CONTRACT, "nonce": "0x5" })),
    );
    assert_eq!(chain.status(id).await.unwrap(), TxStatus::Pending);
    let replaced = json!({ "from": CONTRACT, "nonce": "0x4" });
    node.says("eth_getTransactionByHash", Reply::Result(replaced));
    assert_eq!(chain.status(id).await.unwrap(), TxStatus::Unknown);
    node.says(
        "eth_getTransactionReceipt",
        Reply::Result(receipt("0xb", lying_node::hash(11), "0x1")),
    );
    assert_eq!(chain.status(id).await.unwrap(), TxStatus::Pending);
    node.says(
        "eth_getTransactionReceipt",
        Reply::Result(receipt("0x5", lying_node::hash(5), "0x0")),
    );
    let status = chain.status(id).await.unwrap();
    let TxStatus::Final {
        succeeded: false,
        fee,
        created: None,
        ..
    } = status
    else {
        panic!("{status:?}")
    };
    assert_eq!(fee, U256::from(42_000));

    node.says(
        "eth_getTransactionReceipt",
        Reply::Result(receipt("0x5", B256::repeat_byte(9), "0x1")),
    );
    assert!(matches!(
        chain.status(id).await,
        Err(ChainError::NodeMalformed { .. })
    ));
    let mut foreign = receipt("0x5", lying_node::hash(5), "0x1");
    foreign["transactionHash"] = json!(B256::repeat_byte(9));
    node.says("eth_getTransactionReceipt", Reply::Result(foreign));
    assert!(matches!(
        chain.status(id).await,
        Err(ChainError::NodeMalformed { .. })
    ));
}

#[tokio::test]
async fn a_state_or_balance_that_cannot_be_is_refused() {
    let node = LyingNode::start().await;
    let chain = connect(config(&[&node])).await.unwrap();
    let id = LockId(B256::repeat_byte(1));

    for answer in [
        "0x".to_owned(),
        format!("0x{:064x}", 1),
        format!("0x{:064x}{:064x}", 9, 0),
    ] {
        node.says("eth_call", Reply::Result(json!(answer)));
        assert!(
            matches!(
                chain.lock_state(id).await,
                Err(ChainError::NodeMalformed { .. })
            ),
            "{answer}"
        );
    }
    node.says("eth_call", Reply::Result(json!("0x")));
    let nothing = chain
        .balance(Asset::Token(Address::repeat_byte(7)), CONTRACT)
        .await;
    assert!(
        matches!(nothing, Err(ChainError::NodeMalformed { .. })),
        "{nothing:?}"
    );
}

/// The transaction inside, as any Ethereum node would read it.
fn decode(tx: &PreparedTx) -> Transaction {
    let raw = tx.raw.clone();
    let (typed, signature) = TypedTransaction::decode_signed(&Rlp::new(&raw)).unwrap();
    let from = signature.recover(typed.sighash()).unwrap();
    assert_eq!(Address::from(from.0), tx.account);
    assert_eq!(typed.hash(&signature).0, tx.id.0.0);
    ethers_core::utils::rlp::decode(&raw).unwrap()
}

#[tokio::test]
async fn a_prepared_transaction_carries_chain_fee_and_margin_and_a_bump_raises_it() {
    let (node, files) = (LyingNode::start().await, tempfile::tempdir().unwrap());
    let chain = connect(config_with_account(&[&node], files.path()))
        .await
        .unwrap();
    let account = chain.accounts()[0];
    let order = Order {
        account,
        action: Action::Claim {
            lock: lock(),
            preimage: Preimage::new([5; 32]),
        },
    };

    let first = chain.prepare(&order, 3, Bump(0)).await.unwrap();
    node.says("eth_maxPriorityFeePerGas", Reply::Result(json!("0x1")));
    let second = chain.prepare(&order, 3, Bump(1)).await.unwrap();

    let (first, second) = (decode(&first), decode(&second));
    assert_eq!(first.chain_id.unwrap().as_u64(), 7);
    assert_eq!(first.nonce.as_u64(), 3);
    assert_eq!(first.gas.as_u64(), 50_000, "40000 and a quarter");
    assert_eq!(first.max_fee_per_gas.unwrap().as_u64(), 2 * 1_000 + 80);
    assert_eq!(first.max_priority_fee_per_gas.unwrap().as_u64(), 80);
    assert_eq!(
        second.max_priority_fee_per_gas.unwrap().as_u64(),
        90,
        "although the market fell"
    );
    assert_eq!(second.max_fee_per_gas.unwrap().as_u64(), 2_340);
    assert_eq!(first.input, second.input);
}

#[tokio::test]
async fn a_chain_without_base_fee_gets_legacy_transactions() {
    let (node, files) = (LyingNode::start().await, tempfile::tempdir().unwrap());
    let chain = connect(config_with_account(&[&node], files.path()))
        .await
        .unwrap();
    node.without_base_fee();
    node.says("eth_gasPrice", Reply::Result(json!("0x64")));
    let order = Order {
        account: chain.accounts()[0],
        action: Action::Refund { lock: lock() },
    };

    let tx = decode(&chain.prepare(&order, 0, Bump(0)).await.unwrap());

    assert_eq!(
        (tx.gas_price.unwrap().as_u64(), tx.max_fee_per_gas),
        (100, None)
    );
    assert_eq!(tx.chain_id.unwrap().as_u64(), 7, "EIP-155");
}

#[tokio::test]
async fn a_fee_above_the_limit_is_never_signed() {
    let (node, files) = (LyingNode::start().await, tempfile::tempdir().unwrap());
    let fees = Fees {
        max_fee_per_gas_wei: 2_079,
        ..Fees::default()
    };
    let chain = connect(EvmConfig {
        fees,
        ..config_with_account(&[&node], files.path())
    })
    .await
    .unwrap();
    let order = Order {
        account: chain.accounts()[0],
        action: Action::Refund { lock: lock() },
    };

    let refused = chain.prepare(&order, 0, Bump(0)).await.unwrap_err();

    assert!(
        matches!(&refused, ChainError::Busy { detail, .. } if detail.contains("2079")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn reverts_are_named() {
    use alloy_sol_types::SolError;
    let (node, files) = (LyingNode::start().await, tempfile::tempdir().unwrap());
    let chain = connect(config_with_account(&[&node], files.path()))
        .await
        .unwrap();
    let order = Order {
        account: chain.accounts()[0],
        action: Action::Refund { lock: lock() },
    };
    let early = causeway_contracts::HashTimeLock::RefundTooEarly {
        nowAt: U256::from(5),
        refundAt: U256::from(20),
    };
    let text = alloy_sol_types::Revert::from("transfer failed");

    for (data, expected) in [
        (Bytes::from(early.abi_encode()), "RefundTooEarly(5, 20)"),
        (Bytes::from(text.abi_encode()), "Error(transfer failed)"),
        (
            Bytes::from_static(&[0xde, 0xad, 0xbe, 0xef, 1]),
            "unknown error 0xdeadbeef",
        ),
        (Bytes::new(), "no reason given"),
    ] {
        node.says(
            "eth_call",
            Reply::Error(3, "execution reverted", json!(data)),
        );
        let refused = chain.prepare(&order, 0, Bump(0)).await.unwrap_err();
        let ChainError::Reverted { reason, data: raw } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((reason.as_str(), raw), (expected, data));
    }
}

#[tokio::test]
async fn a_refused_broadcast_of_a_known_transaction_is_success() {
    let (node, files) = (LyingNode::start().await, tempfile::tempdir().unwrap());
    let chain = connect(config_with_account(&[&node], files.path()))
        .await
        .unwrap();
    let order = Order {
        account: chain.accounts()[0],
        action: Action::Refund { lock: lock() },
    };
    let tx = chain.prepare(&order, 4, Bump(0)).await.unwrap();
    let send = "eth_sendRawTransaction";

    node.says(send, Reply::Error(-32_000, "already known", Value::Null));
    chain.broadcast(&tx).await.unwrap();
    node.says(send, Reply::Error(-32_000, "nonce too low", Value::Null));
    let refused = chain.broadcast(&tx).await.unwrap_err();
    assert!(
        matches!(
            refused,
            ChainError::NonceTooLow {
                got: 4,
                next: 5,
                ..
            }
        ),
        "{refused:?}"
    );
    node.says(
        send,
        Reply::Error(-32_000, "replacement transaction underpriced", Value::Null),
    );
    let refused = chain.broadcast(&tx).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::Underpriced { nonce: 4, .. }),
        "{refused:?}"
    );
    node.says(
        "eth_getTransactionByHash",
        Reply::Result(json!({ "from": CONTRACT, "nonce": "0x5" })),
    );
    chain.broadcast(&tx).await.unwrap();
}

#[test]
fn a_configuration_says_which_key_is_wrong() {
    let good = r#"
        name = "sepolia"
        chain_id = 11155111
        urls = ["https://a.example", "https://b.example", "https://c.example"]
        quorum = 2
        hash_time_lock = "0x00000000000000000000000000000000000000c0"
        finality = "tag"
        [[accounts]]
        keystore = "relayer.json"
        password = { env = "RELAYER_PASSWORD" }
    "#;
    let parse = |text: &str| toml::from_str::<EvmConfig>(text);
    assert_eq!(parse(good).unwrap().check().unwrap(), 2);
    assert!(parse(&good.replace("\"tag\"", "{ confirmations = 12 }")).is_ok());
    assert!(parse(&good.replace("name =", "nmae =")).is_err());
    assert!(parse(&good.replace("env =", "plain =")).is_err());

    for (from, to, key) in [
        ("quorum = 2", "quorum = 1", "quorum"),
        ("quorum = 2", "quorum = 4", "quorum"),
        ("https://b.example", "https://a.example", "urls"),
        ("chain_id = 11155111", "chain_id = 0", "chain_id"),
        ("\"tag\"", "{ confirmations = 0 }", "finality"),
        ("quorum = 2", "max_range = 0", "max_range"),
    ] {
        let refused = parse(&good.replace(from, to))
            .unwrap()
            .check()
            .unwrap_err()
            .to_string();
        assert!(refused.contains(&format!("`{key}`")), "{refused}");
    }
}

#[tokio::test]
async fn a_wrong_password_a_missing_file_and_a_repeated_key_are_told_apart() {
    let (node, files) = (LyingNode::start().await, tempfile::tempdir().unwrap());
    let good = config_with_account(&[&node], files.path());
    let with = |accounts| EvmConfig {
        accounts,
        ..good.clone()
    };
    let account = good.accounts[0].clone();

    let twice = connect(with(vec![account.clone(), account.clone()]))
        .await
        .unwrap_err();
    assert!(
        matches!(twice, ConnectError::ConfigAccountTwice(_)),
        "{twice}"
    );
    let missing = Account {
        keystore: files.path().join("none"),
        ..account.clone()
    };
    let missing = connect(with(vec![missing])).await.unwrap_err();
    assert!(
        matches!(missing, ConnectError::ConfigUnreadable { .. }),
        "{missing}"
    );
    let unset = Account {
        password: Password::Env("CAUSEWAY_TEST_UNSET".into()),
        ..account.clone()
    };
    let unset = connect(with(vec![unset])).await.unwrap_err();
    assert!(
        matches!(unset, ConnectError::ConfigNoPassword { .. }),
        "{unset}"
    );
    std::fs::write(files.path().join("password"), "wrong\n").unwrap();
    let wrong = connect(with(vec![account])).await.unwrap_err();
    assert!(
        matches!(wrong, ConnectError::ConfigBadKeystore { .. }),
        "{wrong}"
    );
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_named_by_number_only() {
    for url in ["ftp://x.example/key", "not a url", "https://"] {
        let refused = connect(EvmConfig {
            urls: vec![url.into()],
            ..config(&[])
        })
        .await
        .unwrap_err();
        assert!(
            matches!(refused, ConnectError::ConfigBadUrl { index: 1, .. }),
            "{refused}"
        );
        assert!(!refused.to_string().contains("key"), "{refused}");
    }
}
