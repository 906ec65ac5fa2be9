//! `causeway device`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256};
use causeway_adapter_device::names::Did;
use serde::Serialize;
use serde_json::json;

use super::{
    CliError,
    args::{Device as Command, DeviceAdmit, Global},
    client::Api,
    output::Output,
    run::read,
    transfer::smallest_units,
};
use crate::{
    api::{
        AdmitDevice, ByAccount, DepositReturned, DeviceList, DeviceView, FeedView, OracleView,
        ReadingView, SignedReadingData, SlashDevice, StakeView,
    },
    config::Purpose,
    keys::Authority,
    oracle::{DeviceState, Kit},
};

/// How long the signatures of an admission hold.
const HOLDS: Duration = Duration::from_secs(600);
/// Pause between two looks of `--wait`.
const LOOK: Duration = Duration::from_millis(100);
/// Longest that `--wait` waits.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        Command::New {
            did,
            dir,
            ca,
            password_file,
        } => new(global, &did, &dir, ca, password_file.as_deref(), output),
        Command::Admit(args) => admit(&Api::connect(global)?, &args, output).await,
        Command::Rekey {
            did,
            dir,
            password_file,
            present,
        } => {
            let kit = Kit::at(&dir, password_file.as_deref());
            if !present {
                kit.renew()?;
            }
            rekey(&Api::connect(global)?, &parsed(&did)?, &kit, output).await
        }
        Command::Revoke { did, by } => {
            let body = ByAccount { by };
            let (api, did) = (Api::connect(global)?, parsed(&did)?);
            let path = format!("/v1/devices/{did}/revoke");
            let over = |device: &DeviceView| device.state != DeviceState::Active;
            let device = post(&api, &path, &body, &did, over).await?;
            output.answer(&device, shown(&device));
            Ok(())
        }
        Command::Exit { did, by } => {
            let body = ByAccount { by };
            let (api, did) = (Api::connect(global)?, parsed(&did)?);
            let path = format!("/v1/devices/{did}/exit");
            let over = |device: &DeviceView| device.state != DeviceState::Active;
            let device = post(&api, &path, &body, &did, over).await?;
            output.answer(&device, shown(&device));
            Ok(())
        }
        Command::Stake { did } => {
            let path = format!("/v1/devices/{}/stake", parsed(&did)?);
            let stake: StakeView = Api::connect(global)?.get(&path).await?;
            output.answer(&stake, staked(&stake));
            Ok(())
        }
        Command::Withdraw { did, by } => {
            let body = ByAccount { by };
            let path = format!("/v1/devices/{}/withdraw", parsed(&did)?);
            let paid: DepositReturned = Api::connect(global)?.post(&path, &body).await?;
            let text = format!(
                "{} is {}; {} smallest units were paid to {}",
                paid.did,
                paid.state.name(),
                paid.amount,
                paid.payee
            );
            output.answer(&paid, text);
            Ok(())
        }
        Command::Slash { did, by, reading } => {
            let body = SlashDevice {
                by,
                readings: reading.iter().map(signed).collect::<Result<_, _>>()?,
            };
            let (api, did) = (Api::connect(global)?, parsed(&did)?);
            let path = format!("/v1/devices/{did}/slash");
            let over = |device: &DeviceView| device.state == DeviceState::Slashed;
            let device = post(&api, &path, &body, &did, over).await?;
            output.answer(&device, shown(&device));
            Ok(())
        }
        Command::Show { did } => {
            let device = device(&Api::connect(global)?, &parsed(&did)?).await?;
            output.answer(&device, shown(&device));
            Ok(())
        }
        Command::List { limit, after } => {
            let after = after.as_deref().map(parsed).transpose()?;
            let after = after.map_or(String::new(), |did| format!("&after={did}"));
            let path = format!("/v1/devices?limit={limit}{after}");
            let page: DeviceList = Api::connect(global)?.get(&path).await?;
            let mut text: Vec<String> = page.devices.iter().map(line).collect();
            if text.is_empty() {
                text.push("no devices: `causeway device admit` admits one".into());
            }
            if let Some(next) = &page.next_after {
                text.push(format!("more: --after {next}"));
            }
            output.answer(&page, text.join("\n"));
            Ok(())
        }
    }
}

fn new(
    global: &Global,
    did: &str,
    dir: &Path,
    ca: Option<PathBuf>,
    password: Option<&Path>,
    output: &Output,
) -> Result<(), CliError> {
    let did = parsed(did)?;
    let ca = match ca {
        Some(ca) => ca,
        None => local_ca(global)?,
    };
    Kit::create(dir, &did, &Authority::open(&ca)?, password)?;
    let text = format!(
        "made keys and certificate of {did} in {}\nthey stay with the device; next: causeway device admit --did {did} --dir {} --owner ACCOUNT --feed NAME",
        dir.display(),
        dir.display()
    );
    output.answer(&json!({ "did": did, "dir": dir }), text);
    Ok(())
}

/// The CA of devices that the local profile made.
fn local_ca(global: &Global) -> Result<PathBuf, CliError> {
    let config = read(global, Purpose::Daemon)?;
    if config.profile.is_local() {
        return Ok(config.data_dir.join("dev").join("devices"));
    }
    Err(CliError::Argument {
        argument: "--ca",
        got: String::new(),
        expected: "the directory of the CA of devices: outside the local profile `causeway key ca` makes one",
    })
}

async fn admit(api: &Api, args: &DeviceAdmit, output: &Output) -> Result<(), CliError> {
    let did = parsed(&args.did)?;
    let oracle: OracleView = api.get("/v1/oracle").await?;
    let consortium = args.consortium_owner.as_ref().unwrap_or(&args.owner);
    let owners = [
        account(&oracle, "--owner", &args.owner)?,
        account(&oracle, "--consortium-owner", consortium)?,
    ];
    let feed = args
        .feed
        .as_deref()
        .map(|name| named(&oracle, name))
        .transpose()?;
    let kit = Kit::at(&args.dir, args.password_file.as_deref());
    let keys = kit.admission(&did, owners, expires(), registry(&oracle)?)?;
    let body = AdmitDevice {
        did: did.to_string(),
        owner: args.owner.clone(),
        consortium_owner: args.consortium_owner.clone(),
        deposit: smallest_units("--deposit", &args.deposit)?,
        keys,
    };
    let mut device = post(api, "/v1/devices", &body, &did, |_| true).await?;
    if args.wait {
        device = mirrored(api, &did, device.version).await?;
    }
    let mut text = shown(&device);
    if let Some(feed) = feed {
        let operators: Vec<String> = oracle
            .operators
            .iter()
            .map(|o| o.readings.clone())
            .collect();
        let path = kit.configure(&device, feed, &operators)?;
        text = format!(
            "{text}\nnext: causeway-device run --config {}",
            path.display()
        );
    }
    output.answer(&device, text);
    Ok(())
}

async fn rekey(api: &Api, did: &Did, kit: &Kit, output: &Output) -> Result<(), CliError> {
    let oracle: OracleView = api.get("/v1/oracle").await?;
    let before = device(api, did).await?;
    let id: B256 = before.id.parse().map_err(|_| unreadable())?;
    let next = before.key_number.saturating_add(1);
    let body = kit.rekeying(id, next, expires(), registry(&oracle)?)?;
    let path = format!("/v1/devices/{did}/rekey");
    let renewed = |device: &DeviceView| device.key_number == next;
    let device = post(api, &path, &body, did, renewed).await?;
    let text = format!(
        "{}\nset key_number = {} in the device's configuration; its readings begin with 1 again",
        shown(&device),
        device.key_number
    );
    output.answer(&device, text);
    Ok(())
}

/// Asks for something that a transaction does. When the daemon cannot say in time that it is done, the order is stored and
/// goes on: the device is looked at until it shows.
async fn post(
    api: &Api,
    path: &str,
    body: &impl Serialize,
    did: &Did,
    done: impl Fn(&DeviceView) -> bool,
) -> Result<DeviceView, CliError> {
    let late = match api.post(path, body).await {
        Err(CliError::Refused(problem)) if matches!(problem.status, 503 | 504) => problem,
        answered => return answered,
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        match device(api, did).await {
            Ok(device) if done(&device) => return Ok(device),
            Ok(_) | Err(CliError::Refused(_)) => tokio::time::sleep(LOOK).await,
            Err(error) => return Err(error),
        }
    }
    Err(CliError::Refused(late))
}

async fn device(api: &Api, did: &Did) -> Result<DeviceView, CliError> {
    api.get(&format!("/v1/devices/{did}")).await
}

/// Waits until the consortium chain knows this version.
async fn mirrored(api: &Api, did: &Did, version: u64) -> Result<DeviceView, CliError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let device = device(api, did).await?;
        if device
            .mirrored_version
            .is_some_and(|known| known >= version)
        {
            return Ok(device);
        }
        if tokio::time::Instant::now() > deadline {
            return Err(CliError::Failed(format!(
                "{did} is admitted, and the consortium chain has not heard of it within {PATIENCE:?}: see `causeway message list`"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn registry(oracle: &OracleView) -> Result<(u64, Address), CliError> {
    let address = oracle.device_registry.parse().map_err(|_| unreadable())?;
    Ok((oracle.public_chain_id, address))
}

fn account(oracle: &OracleView, argument: &'static str, name: &str) -> Result<Address, CliError> {
    let text = oracle.accounts.get(name).map_or(name, String::as_str);
    text.parse().map_err(|_| CliError::Argument {
        argument,
        got: name.into(),
        expected: "an account of the daemon: GET /v1/oracle names them",
    })
}

fn named<'a>(oracle: &'a OracleView, name: &str) -> Result<&'a FeedView, CliError> {
    let found = oracle.feeds.iter().find(|feed| feed.name == name);
    found.ok_or_else(|| CliError::Argument {
        argument: "--feed",
        got: name.into(),
        expected: "a feed whose readings this daemon takes: GET /v1/oracle names them",
    })
}

fn parsed(did: &str) -> Result<Did, CliError> {
    Did::new(did).map_err(|_| CliError::Argument {
        argument: "--did",
        got: did.into(),
        expected: "did:odin: and 1 to 119 characters of a-z, 0-9, '.', ':', '-'",
    })
}

fn expires() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().saturating_add(HOLDS).as_secs()
}

fn unreadable() -> CliError {
    CliError::Failed("the daemon's answer cannot be read: is it of another version?".into())
}

/// A reading as `causeway reading show --json` says it.
fn signed(path: &PathBuf) -> Result<SignedReadingData, CliError> {
    let unusable = |expected| CliError::Argument {
        argument: "--reading",
        got: path.display().to_string(),
        expected,
    };
    let text = std::fs::read(path).map_err(|_| unusable("a file that can be read"))?;
    let shown: ReadingView = serde_json::from_slice(&text)
        .map_err(|_| unusable("a file with what `causeway reading show --json` says"))?;
    Ok(SignedReadingData {
        body: shown.body,
        signature: shown.signature,
    })
}

fn staked(stake: &StakeView) -> String {
    let back = match stake.release_at {
        None => "it comes back after `causeway device exit` and a delay".to_owned(),
        Some(at) => format!("it comes back from unix second {at} on"),
    };
    format!(
        "{} is {}: {} smallest units at stake, {back}\n  {} waits to be withdrawn by {}\n  \
         earned {} by {} readings",
        stake.did,
        stake.state.name(),
        stake.deposit,
        stake.credited,
        stake.owner,
        stake.earned,
        stake.readings_rewarded
    )
}

fn line(device: &DeviceView) -> String {
    format!(
        "{:<40} {:<8} key {:<3} owner {}  {}",
        device.did,
        device.state.name(),
        device.key_number,
        device.owner,
        device.feeds.join(", ")
    )
}

fn shown(device: &DeviceView) -> String {
    let mirrored = match device.mirrored_version {
        Some(version) if version >= device.version => "knows it".to_owned(),
        Some(version) => format!("knows version {version}"),
        None => "has not heard of it yet".to_owned(),
    };
    let feeds = if device.feeds.is_empty() {
        "none of this daemon's".to_owned()
    } else {
        device.feeds.join(", ")
    };
    format!(
        "{} is {}, version {}, key number {}\n  id           {}\n  owner        {} (consortium {})\n  certificate  {}\n  feeds        {feeds}\n  consortium   {mirrored}",
        device.did,
        device.state.name(),
        device.version,
        device.key_number,
        device.id,
        device.owner,
        device.consortium_owner,
        device.certificate,
    )
}
