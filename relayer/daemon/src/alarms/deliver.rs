//! Telling people: a signed POST, and mail. Bounded attempts, longer and longer apart.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hmac::{Hmac, Mac as _};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use reqwest::{Client, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{AlarmConfig, Mail, MailTls};
use crate::{
    keys, metrics,
    store::{DeliveryRow, Store, StoreError},
};

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// The mail server's authority.
    #[error("alarms.mail.ca_file {} cannot be read", path.display())]
    ConfigCa {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The same, when it is none.
    #[error("alarms.mail.ca_file {} must hold a certificate as PEM", path.display())]
    ConfigCaPem {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: lettre::transport::smtp::Error,
    },
    /// A file with a secret.
    #[error("{} must hold a secret in its first line and be readable by this user alone", path.display())]
    ConfigSecret {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An address that is none.
    #[error("alarms.mail: {got} is no mail address")]
    ConfigAddress {
        /// As configured.
        got: String,
    },
    /// The mail server's name.
    #[error("alarms.mail.host cannot be used: {0}")]
    ConfigHost(#[source] lettre::transport::smtp::Error),
    /// The client of the webhook.
    #[error("alarms.webhook cannot be used: {0}")]
    ConfigWebhook(#[source] reqwest::Error),
}

/// Tells what is noted in the store.
pub(super) struct Teller {
    store: Arc<Store>,
    config: AlarmConfig,
    webhook: Option<(Client, SecretString)>,
    mail: Option<Mailer>,
}

struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// Times something is tried.
const ATTEMPTS: u32 = 8;
/// Pause after the first failure, seconds; each is twice as long.
const FIRST_PAUSE: u64 = 2;
/// Longest one attempt takes.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Told at once.
const AT_ONCE: u32 = 16;
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(500);

impl Teller {
    pub(super) fn new(config: &AlarmConfig, store: Arc<Store>) -> Result<Self, DeliverError> {
        let webhook = match &config.webhook {
            None => None,
            Some(webhook) => {
                // An error means that the provider is set already.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let key = secret(&webhook.key_file)?;
                let client = Client::builder()
                    .timeout(TIMEOUT)
                    .redirect(redirect::Policy::none())
                    .no_proxy()
                    .build()
                    .map_err(DeliverError::ConfigWebhook)?;
                Some((client, key))
            }
        };
        Ok(Self {
            webhook,
            mail: config.mail.as_ref().map(Mailer::new).transpose()?,
            config: config.clone(),
            store,
        })
    }

    /// Works until the daemon stops.
    pub(super) async fn run(self, stop: CancellationToken) {
        if self.webhook.is_none() && self.mail.is_none() {
            return;
        }
        loop {
            match stop.run_until_cancelled(self.round()).await {
                None | Some(Err(StoreError::Injected(_))) => return,
                Some(Ok(())) => {}
                Some(Err(error)) => warn!(%error, "nobody told"),
            }
            if stop
                .run_until_cancelled(tokio::time::sleep(LOOK))
                .await
                .is_none()
            {
                return;
            }
        }
    }

    async fn round(&self) -> Result<(), StoreError> {
        let now = self.config.wall.seconds();
        let due = self.store.due_deliveries(now, AT_ONCE).await?;
        let tries = due.iter().map(|delivery| self.attempt(delivery));
        for done in futures::future::join_all(tries).await {
            done?;
        }
        Ok(())
    }

    async fn attempt(&self, delivery: &DeliveryRow) -> Result<(), StoreError> {
        let told = match delivery.channel.as_str() {
            "webhook" => self.post(delivery).await,
            _ => self.send(delivery).await,
        };
        let attempts = delivery.attempts.saturating_add(1);
        let now = self.config.wall.seconds();
        let pause = FIRST_PAUSE << attempts.min(ATTEMPTS);
        let again = (attempts < ATTEMPTS).then(|| now.saturating_add(pause));
        let (channel, alarm) = (&delivery.channel, delivery.alarm.id);
        match &told {
            Ok(()) => info!(alarm, channel, "told"),
            Err(problem) => warn!(alarm, channel, problem, attempts, ?again, "not told"),
        }
        let outcome = match (&told, again) {
            (Ok(()), _) => "done",
            (Err(_), Some(_)) => "failed",
            (Err(_), None) => "given_up",
        };
        metrics::alarm_delivery(channel, outcome);
        let problem = told.err();
        self.store
            .delivery_tried(delivery.id, problem.as_deref(), again)
            .await
    }

    /// `Causeway-Signature` is HMAC-SHA-256 over time, a dot and the body.
    async fn post(&self, delivery: &DeliveryRow) -> Result<(), String> {
        let (Some((client, key)), Some(webhook)) = (&self.webhook, &self.config.webhook) else {
            return Err("no webhook is configured any more".into());
        };
        let body = body(delivery).to_string();
        let at = self.config.wall.seconds().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
            .map_err(|_| "the key has no usable length".to_owned())?;
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let answer = client
            .post(&webhook.url)
            .header("content-type", "application/json")
            .header("causeway-timestamp", at)
            .header("causeway-signature", format!("sha256={signature}"))
            .header("idempotency-key", delivery.id.to_string())
            .body(body)
            .send()
            .await
            .map_err(|e| e.without_url().to_string())?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the webhook answered {status}")),
        }
    }

    async fn send(&self, delivery: &DeliveryRow) -> Result<(), String> {
        let Some(mailer) = &self.mail else {
            return Err("no mail is configured any more".into());
        };
        let alarm = &delivery.alarm;
        let subject: String = format!(
            "[causeway] {} {}: {}",
            alarm.rule, delivery.happened, alarm.subject
        );
        let subject = subject
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c });
        let mut message = Message::builder()
            .from(mailer.from.clone())
            .subject(subject.take(150).collect::<String>())
            .header(ContentType::TEXT_PLAIN);
        for to in &mailer.to {
            message = message.to(to.clone());
        }
        let text = format!(
            "Alarm {}, rule {}, {}.\n\nAbout: {}\n{}\n\ncauseway alarm show {}\n",
            alarm.id, alarm.rule, delivery.happened, alarm.subject, alarm.text, alarm.id
        );
        let message = message.body(text).map_err(|e| e.to_string())?;
        let sent = tokio::time::timeout(TIMEOUT, mailer.transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the mail server took too long".into()),
        }
    }
}

impl Mailer {
    fn new(mail: &Mail) -> Result<Self, DeliverError> {
        let address = |text: &String| {
            text.parse::<Mailbox>()
                .map_err(|_| DeliverError::ConfigAddress { got: text.clone() })
        };
        let builder = match mail.tls {
            MailTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&mail.host)
                .map_err(DeliverError::ConfigHost)?,
            MailTls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&mail.host)
                .map_err(DeliverError::ConfigHost)?,
            MailTls::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host),
        };
        let builder = match (&mail.ca, mail.tls) {
            (None, _) | (_, MailTls::None) => builder,
            (Some(ca), MailTls::Implicit) => builder.tls(Tls::Wrapper(believing(&mail.host, ca)?)),
            (Some(ca), MailTls::Starttls) => builder.tls(Tls::Required(believing(&mail.host, ca)?)),
        };
        let mut builder = builder.port(mail.port).timeout(Some(TIMEOUT));
        if let Some((user, file)) = &mail.login {
            let password = secret(file)?.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            from: address(&mail.from)?,
            to: mail.to.iter().map(address).collect::<Result<_, _>>()?,
        })
    }
}

/// TLS to a server whose certificate this authority may have issued.
fn believing(host: &str, ca: &Path) -> Result<TlsParameters, DeliverError> {
    let pem = std::fs::read(ca).map_err(|source| DeliverError::ConfigCa {
        path: ca.into(),
        source,
    })?;
    let unreadable = |source| DeliverError::ConfigCaPem {
        path: ca.into(),
        source,
    };
    let authority = Certificate::from_pem(&pem).map_err(unreadable)?;
    TlsParameters::builder(host.to_owned())
        .add_root_certificate(authority)
        .build()
        .map_err(unreadable)
}

fn body(delivery: &DeliveryRow) -> serde_json::Value {
    let alarm = &delivery.alarm;
    json!({
        "delivery": delivery.id,
        "happened": delivery.happened,
        "alarm": {
            "id": alarm.id,
            "rule": alarm.rule,
            "subject": alarm.subject,
            "text": alarm.text,
            "state": alarm.state,
            "raised_at": alarm.raised_at,
            "times": alarm.times,
        },
    })
}

fn secret(path: &Path) -> Result<SecretString, DeliverError> {
    let failed = |source| DeliverError::ConfigSecret {
        path: path.into(),
        source,
    };
    let text = keys::read_secret_line(path).map_err(failed)?;
    if text.trim().is_empty() {
        return Err(failed(io::ErrorKind::InvalidData.into()));
    }
    Ok(SecretString::from(text.trim().to_owned()))
}
