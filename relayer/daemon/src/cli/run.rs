//! `causeway up` and `causeway node`.

use std::fs;

use causeway_adapter_hosted::host::HostFailure;
use futures::future;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, args::Global, output::Output};
use crate::{
    config::{self, Config, Purpose, Source},
    daemon::{Chains, Daemon},
    hosting::Hosting,
    logs,
};

/// File in the data directory that tells the command line where the API of the running daemon is.
const API_FILE: &str = "api.url";

pub(super) async fn up(global: &Global, output: &Output) -> Result<(), CliError> {
    let config = load(global, Purpose::Daemon)?;
    let open_files = crate::open_files::raise();
    tracing::info!(open_files, "connections and files at most");
    let chains = Chains::start(&config).await?;
    tokio::select! {
        deployed = chains.deploy() => drop(deployed?),
        failure = failed(&chains.hosted) => return Err(failure.into()),
    }
    let daemon = Daemon::start(&config, chains).await?;
    announce(&config, &daemon, output);
    serve(&config, daemon, output).await
}

pub(super) async fn node(
    global: &Global,
    snapshot: Option<String>,
    output: &Output,
) -> Result<(), CliError> {
    if global.config.is_none() {
        return Err(CliError::Argument {
            argument: "--config",
            got: "missing".into(),
            expected: "a file; `causeway config example node` prints one",
        });
    }
    let mut config = load(global, Purpose::Node)?;
    if let Some(url) = snapshot {
        begin_with_snapshot(&mut config, url);
    }
    let validators: usize = config
        .hosted()
        .map(|(_, hosted)| hosted.validators.len())
        .sum();
    let reads = |hosted: &config::Hosted| !hosted.history.sources.urls.is_empty();
    let reads = config.hosted().all(|(_, hosted)| reads(hosted));
    if !(validators == 1 || validators == 0 && reads) || config.chains.len() != 1 {
        return Err(CliError::Argument {
            argument: "--config",
            got: format!("{} chains, {validators} validators", config.chains.len()),
            expected: "one hosted chain with one [[hosted.<name>.validators]], or none and hosted.<name>.sources; `causeway up` runs several",
        });
    }
    let chains = Chains::start(&config).await?;
    for hosting in &chains.hosted {
        let rpc = hosting.rpc.or(hosting.rpc_tls).map(|addr| addr.to_string());
        let what = if validators == 1 {
            "validator"
        } else {
            "reader"
        };
        let text = format!(
            "{what} of {} runs, JSON-RPC at {}",
            hosting.name,
            rpc.as_deref().unwrap_or("no port")
        );
        output.answer(
            &json!({ "step": "node", "ok": true, "chain": hosting.name, "rpc": rpc }),
            text,
        );
    }
    let over = over(&chains.hosted).await;
    chains.stop().await;
    over
}

/// What `--snapshot` says, as the configuration would.
fn begin_with_snapshot(config: &mut Config, url: String) {
    for chain in config.chains.values_mut() {
        if let config::Chain::Hosted(hosted) = chain {
            hosted.history.from_snapshot = true;
            hosted.history.sources.urls.insert(0, url.clone());
        }
    }
}

/// Reads the configuration and begins to log as it says.
pub(super) fn load(global: &Global, purpose: Purpose) -> Result<Config, CliError> {
    let mut config = read(global, purpose)?;
    if let Some(style) = global.log {
        config.log.format = style.into();
    }
    logs::init(&config.log);
    Ok(config)
}

/// Reads the configuration.
pub(super) fn read(global: &Global, purpose: Purpose) -> Result<Config, CliError> {
    let source = Source {
        file: global.config.clone(),
        data_dir: global.data_dir.clone(),
        purpose,
    };
    Ok(config::load(&source)?)
}

/// Serves until SIGINT or SIGTERM, or until a hosted chain cannot go on, then stops everything.
pub(super) async fn serve(
    config: &Config,
    daemon: Daemon,
    output: &Output,
) -> Result<(), CliError> {
    let over = over(&daemon.chains.hosted).await;
    output.say("stopping");
    stop(config, daemon).await;
    over
}

/// Stops a daemon that [`announce`] has announced.
pub(super) async fn stop(config: &Config, daemon: Daemon) {
    // Another daemon that starts later writes its own.
    let _ = fs::remove_file(config.data_dir.join(API_FILE));
    daemon.stop().await;
}

/// Tells people and the command line where everything is.
pub(super) fn announce(config: &Config, daemon: &Daemon, output: &Output) {
    let scheme = if config.api.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{}", daemon.api);
    if let Err(error) = fs::write(config.data_dir.join(API_FILE), &url) {
        tracing::warn!(%error, "other commands will need --api {url}");
    }
    if output.is_json() {
        return;
    }
    output.say(format!(
        "\n  API            {url}   (its description, metrics and health are there too)"
    ));
    for hosting in &daemon.chains.hosted {
        let id = hosting.node.spec().chain_id;
        if let Some(rpc) = hosting.rpc {
            output.say(format!(
                "  {:<14} http://{rpc}   chain id {id}; WebSocket on the same port",
                hosting.name
            ));
        }
        if let Some(rpc) = hosting.rpc_tls {
            output.say(format!(
                "  {:<14} https://{rpc}   chain id {id}; with a client certificate",
                hosting.name
            ));
        }
    }
    for external in &daemon.chains.external {
        let (nodes, quorum) = external.nodes;
        output.say(format!(
            "  {:<14} external    chain id {}; {quorum} of {nodes} nodes must say the same",
            external.name,
            external.id()
        ));
    }
    if let Some(local) = &daemon.chains.local {
        output.say(format!(
            "\n  Wallet: add a network with one of the http addresses and its chain id, then import a test key from\n  \
             {} (password in the file beside).\n  Certificates of the consortium's test CA: {}",
            local.keystore(crate::local::ALICE).path.display(),
            local.ca().display()
        ));
    }
}

/// Where the API of the running daemon is, if one has said so.
pub(super) fn announced(config: &Config) -> Option<String> {
    fs::read_to_string(config.data_dir.join(API_FILE)).ok()
}

/// Waits for the end: asked for by a signal, or forced by a chain, which is an error.
async fn over(hosted: &[Hosting]) -> Result<(), CliError> {
    tokio::select! {
        interrupted = interrupted() => interrupted,
        failure = failed(hosted) => Err(failure.into()),
    }
}

async fn failed(hosted: &[Hosting]) -> HostFailure {
    if hosted.is_empty() {
        return future::pending().await;
    }
    let failures = hosted.iter().map(|hosting| Box::pin(hosting.failed()));
    future::select_all(failures).await.0
}

async fn interrupted() -> Result<(), CliError> {
    let failed = |source| CliError::Io {
        doing: "waiting for signals",
        source,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.map_err(failed),
        _ = terminate.recv() => Ok(()),
    }
}
