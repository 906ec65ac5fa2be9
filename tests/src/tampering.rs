//! A node that changes a byte: it stands before a real one, and flips one in what that answers to one method.

use anyhow::{Context as _, Result};
use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use serde_json::Value;

/// A running node; it ends with its runtime when dropped.
pub struct TamperingNode {
    url: String,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Proxy {
    behind: String,
    http: reqwest::Client,
    method: &'static str,
}

impl TamperingNode {
    /// A node before the one at `behind`, which changes the answers to `method`.
    ///
    /// # Errors
    /// Fails when there is no port.
    pub fn before(behind: &str, method: &'static str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("a runtime")?;
        let proxy = Proxy {
            behind: behind.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            method,
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(forward).with_state(proxy);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            url,
            _runtime: runtime,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
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
        let asked: Value = serde_json::from_slice(body)?;
        let sent = self.http.post(&self.behind).body(body.clone());
        let sent = sent.header("content-type", "application/json");
        let mut answer: Value = sent.send().await?.json().await?;
        if asked["method"] == self.method
            && let Some(Value::String(hex)) = answer.get_mut("result")
        {
            flip(hex);
        }
        Ok(answer)
    }
}

/// Changes the lowest bit of the byte in the middle.
fn flip(hex: &mut String) {
    let middle = (hex.len() / 2) | 1;
    let changed = hex
        .char_indices()
        .map(|(at, digit)| match digit.to_digit(16) {
            Some(value) if at == middle => char::from_digit(value ^ 1, 16).unwrap_or(digit),
            _ => digit,
        });
    *hex = changed.collect();
}
