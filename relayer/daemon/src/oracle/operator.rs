//! One operator: its archive, its intake over HTTPS, its broker.

use std::{net::SocketAddr, sync::Arc};

use alloy_primitives::Address;
use causeway_adapter_device::{
    archive::{Archive, ArchiveConfig},
    directory::Directory,
    ingest::{
        Ingest, Limits,
        https::{HttpsLimits, HttpsServer},
        mqtt::{Broker, MqttIngest},
    },
    ledger::system_clock,
    sink::{Sink, SinkError},
    tls::Identity,
};
use tokio::sync::Mutex;

use super::{OperatorSetup, OracleConfig, OracleError};

/// An operator that takes readings.
pub struct Operator {
    setup: OperatorSetup,
    addr: SocketAddr,
    archive: Arc<Archive>,
    ingest: Arc<Ingest>,
    /// Emptied when it stops.
    doors: Mutex<Option<Doors>>,
}

/// Where readings come in; dropping them without `stop` leaves their tasks running until the process ends.
struct Doors {
    https: HttpsServer,
    mqtt: Option<MqttIngest>,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator")
            .field("name", &self.setup.name)
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Operator {
    /// Opens the archive and takes readings of the devices of `directory`.
    pub(super) async fn start(
        config: &OracleConfig,
        setup: OperatorSetup,
        directory: Directory,
    ) -> Result<Self, OracleError> {
        let operator = || setup.name.clone();
        if let Some(dir) = setup.archive_file.parent() {
            std::fs::create_dir_all(dir).map_err(|source| OracleError::ConfigDirectory {
                operator: operator(),
                path: dir.into(),
                source,
            })?;
        }
        let kept = ArchiveConfig {
            period: u64::try_from(config.period.as_millis()).unwrap_or(u64::MAX),
            max_bytes: config.max_archive_bytes,
        };
        let archive = Archive::open(&setup.archive_file, kept)
            .await
            .map_err(|source| OracleError::Archive {
                operator: operator(),
                source,
            })?;
        let archive = Arc::new(archive);
        let limits = Limits {
            per_second: config.per_second,
            burst: config.per_second.max(Limits::default().burst),
            ..Limits::default()
        };
        let sink = Arc::clone(&archive) as Arc<dyn Sink>;
        let ingest = Ingest::start(directory, sink, system_clock(), limits);
        let https = serve(&setup, Arc::clone(&ingest)).await?;
        let mqtt = broker(&setup)?.map(|broker| MqttIngest::start(&broker, Arc::clone(&ingest)));
        Ok(Self {
            addr: https.addr(),
            setup,
            archive,
            ingest,
            doors: Mutex::new(Some(Doors { https, mqtt })),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// Its account on both chains.
    pub fn account(&self) -> Address {
        self.setup.account
    }

    /// Where devices post readings.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its readings.
    pub fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// Its intake.
    pub fn ingest(&self) -> &Arc<Ingest> {
        &self.ingest
    }

    /// Whether it takes readings of a broker too.
    pub fn has_broker(&self) -> bool {
        self.setup.mqtt.is_some()
    }

    pub(super) fn failed(&self, source: SinkError) -> OracleError {
        OracleError::Archive {
            operator: self.setup.name.clone(),
            source,
        }
    }

    pub(super) async fn stop(&self) {
        let Some(doors) = self.doors.lock().await.take() else {
            return;
        };
        if let Some(mqtt) = doors.mqtt {
            mqtt.stop().await;
        }
        doors.https.stop().await;
    }
}

async fn serve(setup: &OperatorSetup, ingest: Arc<Ingest>) -> Result<HttpsServer, OracleError> {
    let tls = &setup.tls;
    let identity = Identity::load(
        &tls.client_ca_file,
        &tls.certificate_file,
        &tls.key_file,
        None,
    );
    let server = identity.and_then(Identity::server);
    let server = server.map_err(|source| OracleError::ConfigTls {
        operator: setup.name.clone(),
        source,
    })?;
    let failed = |source| OracleError::ConfigListen {
        operator: setup.name.clone(),
        listen: setup.listen,
        source,
    };
    let listener = match &setup.near {
        Some(ports) => ports.bind(setup.listen),
        None => std::net::TcpListener::bind(setup.listen),
    };
    let listener = listener.map_err(failed)?;
    HttpsServer::over(listener, server, ingest, HttpsLimits::default()).map_err(failed)
}

fn broker(setup: &OperatorSetup) -> Result<Option<Broker>, OracleError> {
    let Some(mqtt) = &setup.mqtt else {
        return Ok(None);
    };
    let identity = Identity::load(&mqtt.ca_file, &mqtt.certificate_file, &mqtt.key_file, None);
    let tls = identity.and_then(Identity::client);
    Ok(Some(Broker {
        host: mqtt.host.clone(),
        port: mqtt.port,
        client_id: mqtt.client_id.clone(),
        tls: tls.map_err(|source| OracleError::ConfigTls {
            operator: setup.name.clone(),
            source,
        })?,
    }))
}
