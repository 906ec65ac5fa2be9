//! An Ethereum node that is honest until told otherwise.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use alloy_primitives::{B256, U64, keccak256};
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What to answer to one method.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A proper answer.
    Result(Value),
    /// A proper error: code, message, data.
    Error(i64, &'static str, Value),
    /// These bytes, whatever they are.
    Body(String),
    /// An HTTP status.
    Status(u16),
    /// Nothing, ever.
    Silence,
}

/// The node. Stops when dropped.
pub(super) struct LyingNode {
    url: String,
    mind: Arc<Mutex<Mind>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Mind {
    lies: HashMap<String, Reply>,
    height: u64,
    forked: bool,
    legacy: bool,
}

impl LyingNode {
    pub(super) async fn start() -> Self {
        let mind = Arc::new(Mutex::new(Mind {
            height: 10,
            ..Mind::default()
        }));
        let router = Router::new()
            .route("/", any(answer))
            .route("/{*rest}", any(answer))
            .with_state(Arc::clone(&mind));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, mind, server }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// From now on `method` is answered so.
    pub(super) fn says(&self, method: &str, reply: Reply) {
        self.mind().lies.insert(method.into(), reply);
    }

    /// Ends [`LyingNode::says`].
    pub(super) fn honest(&self, method: &str) {
        self.mind().lies.remove(method);
    }

    pub(super) fn height(&self) -> u64 {
        self.mind().height
    }

    pub(super) fn moves_to(&self, height: u64) {
        self.mind().height = height;
    }

    /// Every block has another hash from now on.
    pub(super) fn forks(&self) {
        self.mind().forked = true;
    }

    pub(super) fn without_base_fee(&self) {
        self.mind().legacy = true;
    }

    /// Stops listening and drops its connections.
    pub(super) async fn stop(mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }

    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }
}

impl Drop for LyingNode {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Mind {
    fn reply(&self, method: &str, params: &Value) -> Reply {
        if let Some(lie) = self.lies.get(method) {
            return lie.clone();
        }
        Reply::Result(match method {
            "eth_chainId" => json!("0x7"),
            "eth_getCode" => json!("0x00"),
            "eth_getLogs" => json!([]),
            "eth_getTransactionByHash" | "eth_getTransactionReceipt" => Value::Null,
            "eth_getBlockByNumber" => self.block(&params[0]),
            "eth_getBalance" => json!("0xde0b6b3a7640000"),
            "eth_call" => json!("0x"),
            "eth_estimateGas" => json!("0x9c40"),
            "eth_maxPriorityFeePerGas" => json!("0x50"),
            "eth_getTransactionCount" => json!("0x5"),
            "eth_sendRawTransaction" => json!(B256::ZERO),
            _ => return Reply::Error(-32_601, "the method does not exist", Value::Null),
        })
    }

    fn block(&self, which: &Value) -> Value {
        let number: Result<U64, _> = serde_json::from_value(which.clone());
        let number = number.map_or(self.height, |number| number.to());
        if number > self.height {
            return Value::Null;
        }
        let hash = if self.forked {
            keccak256(hash(number))
        } else {
            hash(number)
        };
        let mut block = json!({ "number": U64::from(number), "hash": hash, "timestamp": U64::from(1_000 + number) });
        if !self.legacy {
            block["baseFeePerGas"] = json!("0x3e8");
        }
        block
    }
}

/// The hash of a block of the honest chain.
pub(super) fn hash(number: u64) -> B256 {
    keccak256(number.to_be_bytes())
}

async fn answer(State(mind): State<Arc<Mutex<Mind>>>, body: String) -> Response {
    let request: Value = serde_json::from_str(&body).unwrap();
    let method = request["method"].as_str().unwrap();
    let reply = mind.lock().unwrap().reply(method, &request["params"]);
    let id = &request["id"];
    match reply {
        Reply::Result(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result })
            .to_string()
            .into_response(),
        Reply::Error(code, message, data) => {
            let error = json!({ "code": code, "message": message, "data": data });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
                .to_string()
                .into_response()
        }
        Reply::Body(body) => body.into_response(),
        Reply::Status(code) => StatusCode::from_u16(code).unwrap().into_response(),
        Reply::Silence => std::future::pending().await,
    }
}
