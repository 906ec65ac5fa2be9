//! A node that withholds events: it stands before a real one, and leaves logs out of what that answers.

use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::B256;
use anyhow::{Context as _, Result};
use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use serde_json::Value;

use crate::rpc::Rpc;

/// What is left out: logs of this event above this height.
type Withheld = Arc<Mutex<Option<(B256, u64)>>>;

/// A running node; it ends with its runtime when dropped.
pub struct WithholdingNode {
    url: String,
    withheld: Withheld,
    behind: Rpc,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Proxy {
    behind: String,
    http: reqwest::Client,
    withheld: Withheld,
}

impl WithholdingNode {
    /// A node before the one at `behind`, which withholds nothing yet.
    ///
    /// # Errors
    /// Fails when there is no port.
    pub fn before(behind: &str) -> Result<Self> {
        let rpc = Rpc::new(behind)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("a runtime")?;
        let withheld = Withheld::default();
        let proxy = Proxy {
            behind: behind.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            withheld: Arc::clone(&withheld),
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(forward).with_state(proxy);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            url,
            withheld,
            behind: rpc,
            _runtime: runtime,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on new logs of this event are left out.
    ///
    /// # Errors
    /// Fails when the node behind does not answer.
    pub fn withhold(&self, event: B256) -> Result<()> {
        let height = self.behind.height()?;
        *self.withheld.lock().unwrap_or_else(PoisonError::into_inner) = Some((event, height));
        Ok(())
    }

    /// Everything is shown again.
    pub fn show(&self) {
        *self.withheld.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

async fn forward(State(proxy): State<Proxy>, body: Bytes) -> (StatusCode, String) {
    match proxy.ask(&body).await {
        Ok(answer) => (StatusCode::OK, answer.to_string()),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()),
    }
}

impl Proxy {
    async fn ask(&self, body: &Bytes) -> Result<Value> {
        let sent = self.http.post(&self.behind).body(body.clone());
        let sent = sent.header("content-type", "application/json");
        let mut answer: Value = sent.send().await?.json().await?;
        let held = *self.withheld.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((event, above)) = held {
            match &mut answer {
                Value::Array(answers) => answers.iter_mut().for_each(|a| hide(a, event, above)),
                one => hide(one, event, above),
            }
        }
        Ok(answer)
    }
}

/// Leaves logs out of an answer that is a list of logs; every other answer stays.
fn hide(answer: &mut Value, event: B256, above: u64) {
    let Some(logs) = answer.get_mut("result").and_then(Value::as_array_mut) else {
        return;
    };
    logs.retain(|log| {
        let topic: Option<B256> = serde_json::from_value(log["topics"][0].clone()).ok();
        let height = log["blockNumber"].as_str().unwrap_or_default();
        let height = u64::from_str_radix(height.trim_start_matches("0x"), 16);
        topic != Some(event) || height.is_ok_and(|height| height <= above)
    });
}
