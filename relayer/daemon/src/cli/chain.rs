//! `causeway chain`.

use std::{collections::BTreeMap, fs, path::Path};

use alloy_primitives::{Address, U256};
use causeway_adapter_hosted::spec::{ChainSpec, FeePolicy, GenesisAccount, ValidatorEntry};
use serde_json::json;

use super::{
    CliError,
    args::{Chain as Command, Genesis, Global, KindArg},
    client::Api,
    output::Output,
    transfer::{smallest_units, whole},
};
use crate::{api::ChainView, local, metrics::unix_seconds};

/// Base fee of a public genesis, wei.
const BASE_FEE_WEI: u64 = 1_000_000_000;

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        Command::Status { chain } => status(global, chain.as_deref(), output).await,
        Command::Genesis(args) => match &args.show {
            Some(path) => show(path, output),
            None => make(&args),
        },
    }
}

async fn status(global: &Global, chain: Option<&str>, output: &Output) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    let mut chains: Vec<ChainView> = api.get("/v1/chains").await?;
    if let Some(wanted) = chain {
        chains.retain(|view| view.name == wanted || view.chain_id.to_string() == wanted);
        if chains.is_empty() {
            return Err(CliError::Argument {
                argument: "chain",
                got: wanted.into(),
                expected: "a chain of the daemon; `causeway chain status` lists them",
            });
        }
    }
    let text: Vec<String> = chains.iter().map(described).collect();
    output.answer(&chains, text.join("\n"));
    Ok(())
}

fn described(view: &ChainView) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let tip = match (view.height, view.time) {
        (Some(height), Some(time)) => format!(
            "height {height}, {} s ago",
            unix_seconds().saturating_sub(time)
        ),
        _ => view
            .problem
            .clone()
            .unwrap_or_else(|| "does not answer".into()),
    };
    let mut text = format!(
        "{} ({}, chain id {}): {tip}\n  locks      {}\n  points     {}\n  rpc        {}\n  rpc (tls)  {}",
        view.name,
        view.kind,
        view.chain_id,
        view.hash_time_lock,
        or_none(&view.points_token),
        or_none(&view.rpc),
        or_none(&view.rpc_tls),
    );
    let more = [
        ("gateway", &view.gateway),
        ("settlement", &view.settlement),
        ("delivery", &view.delivery_agreement),
    ];
    for (what, at) in more {
        if let Some(at) = at {
            text += &format!("\n  {what:<10} {at}");
        }
    }
    for account in &view.accounts {
        let amount = |text: &Option<String>| text.as_deref().map_or_else(|| "-".into(), whole);
        text += &format!(
            "\n  {:<10} {}  {} native, {} points",
            account.name,
            account.address,
            amount(&account.native),
            amount(&account.points)
        );
    }
    text
}

fn show(path: &Path, output: &Output) -> Result<(), CliError> {
    let spec = local::read_genesis(path)?;
    let (block, _) = spec
        .genesis()
        .map_err(|e| CliError::Failed(e.to_string()))?;
    let (hash, validators) = (block.hash(), spec.validators.len());
    output.answer(
        &json!({ "name": spec.name, "chain_id": spec.chain_id, "hash": hash, "validators": validators }),
        format!("{} chain id {} hash {hash} validators {validators}", spec.name, spec.chain_id),
    );
    Ok(())
}

fn make(args: &Genesis) -> Result<(), CliError> {
    let mut validators = Vec::new();
    for path in &args.validators {
        validators.push(entry(path)?);
    }
    let mut alloc = BTreeMap::new();
    for fund in &args.fund {
        let (address, balance) = funded(fund)?;
        alloc.insert(
            address,
            GenesisAccount {
                balance,
                ..Default::default()
            },
        );
    }
    // INVARIANT: clap requires the options below unless --show is given.
    let spec = ChainSpec {
        name: args.name.clone().unwrap_or_default(),
        chain_id: args.chain_id.unwrap_or_default(),
        genesis_time_ms: unix_seconds() * 1_000,
        gas_limit: args.gas_limit,
        fee: match args.kind.unwrap_or(KindArg::Public) {
            KindArg::Public => FeePolicy::Eip1559 {
                initial_base_fee: BASE_FEE_WEI,
            },
            KindArg::Consortium => FeePolicy::Free,
        },
        epoch_length: args.epoch_blocks,
        heartbeat_ms: args.heartbeat_ms,
        min_interval_ms: 0,
        administrator: args.administrator.unwrap_or_default(),
        validators,
        alloc,
    };
    spec.genesis()
        .map_err(|e| CliError::Failed(e.to_string()))?;
    let text = serde_json::to_string_pretty(&spec).map_err(|e| CliError::Failed(e.to_string()))?;
    println!("{text}");
    Ok(())
}

fn entry(path: &Path) -> Result<ValidatorEntry, CliError> {
    let bytes = fs::read(path).map_err(|source| CliError::Io {
        doing: "reading a validator's entry",
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|_| CliError::Argument {
        argument: "--validator",
        got: path.display().to_string(),
        expected: "a file that `causeway key new --validator` wrote",
    })
}

fn funded(text: &str) -> Result<(Address, U256), CliError> {
    let bad = || CliError::Argument {
        argument: "--fund",
        got: text.into(),
        expected: "ADDRESS=AMOUNT",
    };
    let (address, amount) = text.split_once('=').ok_or_else(bad)?;
    let wei = smallest_units("--fund", amount)?;
    let balance = U256::from_str_radix(&wei, 10).map_err(|_| bad())?;
    Ok((address.parse().map_err(|_| bad())?, balance))
}
