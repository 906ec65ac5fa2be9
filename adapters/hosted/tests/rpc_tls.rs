//! Mutual TLS in front of JSON-RPC: who gets in, and what each role may do.
#![allow(missing_docs)]

mod rpc_support;
mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alloy_primitives::{Address, Bytes};
use causeway_adapter_hosted::{
    follow::{Follower, SourceConfig, SourceError, Sources},
    ledger::Ledger,
    pool::{PoolLimits, TxPool},
    rpc::{Access, RpcHandle},
    tls::{self, ClientFiles, Role, TlsError, TlsFiles},
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rpc_support::{Instant, answer, post_on, serve_with, vote_keys};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};
use serde_json::{Value, json};
use support::{Chain, key, transfer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A CA and what it issues.
struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

struct Identity(CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    fn signed(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate, key)
    }

    /// Certificate and key of a client, PEM.
    fn files(&self, name: &str, role: &str) -> (String, String) {
        let (certificate, key) = self.signed(name, |p| p.subject_alt_names.push(uri(role)));
        (certificate.pem(), key.serialize_pem())
    }

    fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (certificate, key) = self.signed(name, change);
        let der = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Identity(certificate.der().clone(), der)
    }

    fn client(&self, name: &str, role: &str) -> Identity {
        self.issue(name, |params| params.subject_alt_names.push(uri(role)))
    }

    fn server(&self) -> Identity {
        self.issue("node", |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names =
                vec![SanType::DnsName("localhost".try_into().expect("a name"))];
        })
    }
}

fn uri(role: &str) -> SanType {
    SanType::URI(
        format!("urn:causeway:role:{role}")
            .try_into()
            .expect("ascii"),
    )
}

struct Consortium {
    ca: Authority,
    chain: Arc<Instant>,
    rpc: RpcHandle,
}

impl Consortium {
    async fn new() -> Self {
        let ca = Authority::new("Consortium CA");
        let Identity(certificate, key) = ca.server();
        let config = tls::server_config(
            std::slice::from_ref(&ca.certificate),
            vec![certificate],
            key,
        )
        .expect("a usable identity");
        let chain = Chain::new(4);
        let chain = Instant::automatic(chain.spec.clone(), vote_keys(&chain));
        let rpc = serve_with(chain.node.clone(), |c| {
            c.access = Access::MutualTls(config);
            c.limits.handshake = Duration::from_secs(3);
        })
        .await;
        Self { ca, chain, rpc }
    }

    fn addr(&self) -> SocketAddr {
        self.rpc.addr
    }

    /// One call by TLS; the outer error is that of the connection.
    async fn call(
        &self,
        identity: Option<Identity>,
        versions: &[&'static SupportedProtocolVersion],
        method: &str,
        params: Value,
    ) -> std::io::Result<(u16, Result<Value, Value>)> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let config = match identity {
            Some(Identity(certificate, key)) => config
                .with_client_auth_cert(vec![certificate], key)
                .expect("an identity"),
            None => config.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.addr()).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, body) = post_on(stream, request.to_string().as_bytes()).await?;
        Ok((status, answer(&body)))
    }

    async fn refusal(&self, identity: Option<Identity>) -> String {
        let refused = self
            .call(identity, rustls::ALL_VERSIONS, "eth_chainId", json!([]))
            .await;
        refused.expect_err("the handshake is refused").to_string()
    }

    async fn send(&self, identity: Identity, nonce: u64) -> Result<Value, Value> {
        let raw = Bytes::from(transfer(&key("rich"), nonce, Address::repeat_byte(1), 1));
        let call = self.call(
            Some(identity),
            rustls::ALL_VERSIONS,
            "eth_sendRawTransaction",
            json!([raw]),
        );
        call.await.expect("a connection").1
    }
}

#[tokio::test]
async fn members_operators_and_admins_send_and_are_known_by_name() {
    let consortium = Consortium::new().await;

    for (nonce, role) in ["member", "operator", "admin"].into_iter().enumerate() {
        let identity = consortium.ca.client("Org One", role);
        consortium
            .send(identity, nonce as u64)
            .await
            .expect("admitted");

        let identity = consortium.ca.client("Org One", role);
        let status = consortium.call(
            Some(identity),
            rustls::ALL_VERSIONS,
            "causeway_status",
            json!([]),
        );
        let you = status.await.expect("a connection").1.expect("an answer")["you"].take();
        assert_eq!(
            (&you["name"], &you["role"]),
            (&json!("Org One"), &json!(role))
        );
    }
}

#[tokio::test]
async fn a_regulator_reads_by_both_versions_and_sends_nothing() {
    let consortium = Consortium::new().await;
    let regulator = || consortium.ca.client("Central Bank", "regulator");

    for version in rustls::ALL_VERSIONS {
        let read = consortium
            .call(Some(regulator()), &[version], "eth_chainId", json!([]))
            .await;
        assert_eq!(read.expect("a connection").1, Ok(json!("0x1b59")));
    }
    let error = consortium
        .send(regulator(), 0)
        .await
        .expect_err("not allowed");

    assert_eq!(error["code"], -32003);
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.contains("role regulator may not send transactions: Central Bank"),
        "{message}"
    );
    assert_eq!(consortium.chain.node.pool.len(), (0, 0));
}

#[tokio::test]
async fn no_certificate_a_foreign_one_and_an_expired_one_are_refused_by_name() {
    let consortium = Consortium::new().await;
    let foreign = Authority::new("Consortium CA").client("Org One", "member");
    let expired = consortium.ca.issue("Org One", |params| {
        params.subject_alt_names.push(uri("member"));
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let future = consortium.ca.issue("Org One", |params| {
        params.subject_alt_names.push(uri("member"));
        params.not_before = date_time_ymd(3000, 1, 1);
    });
    let server = consortium.ca.issue("Org One", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });

    let missing = consortium.refusal(None).await;
    assert!(missing.contains("CertificateRequired"), "{missing}");
    let foreign = consortium.refusal(Some(foreign)).await;
    assert!(
        foreign.contains("UnknownCA") || foreign.contains("DecryptError"),
        "{foreign}"
    );
    let expired = consortium.refusal(Some(expired)).await;
    assert!(expired.contains("CertificateExpired"), "{expired}");
    for unfit in [future, server] {
        consortium.refusal(Some(unfit)).await;
    }
}

#[tokio::test]
async fn a_certificate_without_one_known_role_gets_no_further_than_a_reason() {
    let consortium = Consortium::new().await;
    let none = consortium.ca.issue("Org One", |_| ());
    let king = consortium.ca.client("Org One", "king");
    let two = consortium.ca.issue("Org One", |params| {
        params.subject_alt_names = vec![uri("member"), uri("regulator")];
    });

    for (identity, reason) in [
        (none, "has 0 URIs"),
        (king, "no role \"king\""),
        (two, "has 2 URIs"),
    ] {
        let asked = consortium.call(
            Some(identity),
            rustls::ALL_VERSIONS,
            "eth_chainId",
            json!([]),
        );
        let (status, answer) = asked.await.expect("a connection");
        let error = answer.expect_err("refused");
        assert_eq!(status, 403);
        assert!(
            error["message"]
                .as_str()
                .expect("a message")
                .contains(reason),
            "{error}"
        );
    }
}

#[tokio::test]
async fn plain_text_and_silence_are_cut_off() {
    use tokio::io::AsyncReadExt;

    let consortium = Consortium::new().await;

    let plain = TcpStream::connect(consortium.addr()).await.expect("open");
    let plain = post_on(plain, b"{}").await;
    assert!(plain.is_err() || plain.is_ok_and(|(status, _)| status == 0));

    let mut silent = TcpStream::connect(consortium.addr()).await.expect("open");
    let mut rest = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(120), silent.read_to_end(&mut rest)).await;
    assert!(cut.is_ok(), "a handshake that never begins is waited for");
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let [ca, certificate, key] =
        ["ca.pem", "node.pem", "node.key"].map(|name| dir.path().join(name));
    let files = TlsFiles {
        ca: ca.clone(),
        certificate,
        key,
    };

    assert!(matches!(files.load(), Err(TlsError::Read { path, .. }) if path == ca));
    std::fs::write(&ca, "not a certificate").expect("written");
    assert!(matches!(files.load(), Err(TlsError::Pem { path, .. }) if path == ca));
}

#[test]
fn a_role_is_read_as_it_is_written() {
    for role in [Role::Member, Role::Operator, Role::Regulator, Role::Admin] {
        assert_eq!(role.to_string().parse(), Ok(role));
        assert_eq!(role.may_send(), role != Role::Regulator);
    }
    assert!("Member".parse::<Role>().is_err());
}

/// A reader of a consortium chain comes with a certificate, as every client does.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_with_a_certificate_follows_and_one_without_hears_nothing() {
    let consortium = Consortium::new().await;
    for _ in 0..4 {
        consortium.chain.seal();
    }
    let dir = tempfile::tempdir().expect("a directory");
    let save = |name: &str, pem: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, pem).expect("written");
        path
    };
    let ca = save("ca.pem", consortium.ca.pem.clone());
    let (certificate, secret) = consortium.ca.files("Reader", "regulator");
    let identity = (save("reader.pem", certificate), save("reader.key", secret));
    let node = consortium.chain.node.clone();
    let follower = |identity| {
        let config = SourceConfig {
            urls: vec![format!("https://localhost:{}", consortium.addr().port())],
            tls: Some(ClientFiles {
                ca: ca.clone(),
                identity,
            }),
        };
        let file = dir.path().join("reader.redb");
        let ledger = Ledger::open(node.spec().clone(), &file, None, None).expect("it opens");
        let state = ledger.tip().state.clone();
        Follower {
            pool: TxPool::new(node.spec().clone(), state, PoolLimits::default()),
            ledger,
            domain: node.domain(),
            sources: Sources::new(&config).expect("usable").expect("one"),
            standing: Arc::default(),
        }
    };

    let stranger = follower(None);
    let refused = stranger.fetch(stranger.sources.get(0)).await;
    assert!(
        matches!(refused, Err(SourceError::Away { .. })),
        "{refused:?}"
    );
    drop(stranger);

    let reader = follower(Some(identity));
    let (head, blocks) = reader.fetch(reader.sources.get(0)).await.expect("blocks");
    assert_eq!((head, blocks.len()), (4, 4));
}
