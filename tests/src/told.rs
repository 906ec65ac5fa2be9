//! Who is told of alarms: a server that takes posts, and one that takes mail.

use std::{fs, net::SocketAddr, path::PathBuf, sync::mpsc};

use anyhow::{Context as _, Result};
use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use serde_json::Value;

use crate::{Causeway, PATIENCE, log::MailServer};

/// Both of them.
pub struct Office {
    hook: SocketAddr,
    posts: mpsc::Receiver<Value>,
    mails: MailServer,
    _runtime: tokio::runtime::Runtime,
}

impl Office {
    /// Starts both on ports of their own choice.
    ///
    /// # Errors
    /// Fails when the mail server is not installed.
    pub fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (send, posts) = mpsc::channel();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            let is_signed = headers.contains_key("causeway-signature");
            let said = serde_json::from_slice(&body).ok().filter(|_| is_signed);
            if let Some(said) = said {
                // An error means that the test is over.
                drop(send.send(said));
            }
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let hook = listener.local_addr()?;
        let server = Router::new().route("/hook", post(take));
        runtime.spawn(async move { axum::serve(listener, server).await });
        Ok(Self {
            hook,
            posts,
            mails: MailServer::start()?,
            _runtime: runtime,
        })
    }

    /// A configuration file with `text` and both channels.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    pub fn configured(&self, causeway: &Causeway, text: &str) -> Result<PathBuf> {
        let key = causeway.dir().join("hook.key");
        fs::write(&key, "a key of this story\n")?;
        let file = causeway.dir().join("told.toml");
        let text = format!(
            "{text}\n[alarms.webhook]\nurl = \"http://{}/hook\"\nkey_file = \"{}\"\n\
             [alarms.mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             from = \"causeway@example.org\"\nto = [\"duty@example.org\"]\n",
            self.hook,
            key.display(),
            self.mails.port,
        );
        fs::write(&file, text)?;
        Ok(file)
    }

    /// Waits until alarms of all these rules were posted, with a signature, and mailed.
    ///
    /// # Errors
    /// Fails with what came when one does not in time.
    pub fn told(&self, rules: &[&str]) -> Result<()> {
        let mut posted: Vec<String> = Vec::new();
        while !rules
            .iter()
            .all(|rule| posted.iter().any(|got| got == rule))
        {
            let post = self.posts.recv_timeout(PATIENCE);
            let post = post.with_context(|| format!("{rules:?} are to be posted: {posted:?}"))?;
            let rule = post["alarm"]["rule"].as_str().context("a rule")?;
            posted.push(rule.to_owned());
        }
        let mut mailed: Vec<String> = Vec::new();
        let told = |mailed: &[String], rule: &str| {
            let subject = format!("{rule} raised");
            mailed.iter().any(|mail| mail.contains(&subject))
        };
        while !rules.iter().all(|rule| told(&mailed, rule)) {
            let mail = self.mails.message();
            let mail = mail.with_context(|| format!("{rules:?} are to be mailed: {mailed:?}"))?;
            let content = mail["content"].as_str().context("a mail")?;
            mailed.push(content.to_owned());
        }
        Ok(())
    }
}
