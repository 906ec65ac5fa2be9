//! `eth_call`, `eth_estimateGas`, `eth_createAccessList`.

use std::sync::Arc;

use alloy_eips::{BlockId, eip2930::AccessList};
use alloy_primitives::{U64, U256};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use revm::context::{
    TxEnv,
    result::{HaltReason, InvalidTransaction},
};

use super::{
    context::{Context, Reply, reply},
    error::RpcError,
    params::Args,
    simulate::{End, Run, Simulation},
};
use crate::execute::{ExecutedBlock, TX_GAS_CAP};

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;
/// Gas a call with value hands to its receiver on top (EVM call stipend).
const CALL_STIPEND: u64 = 2_300;
/// The search for the least gas ends when the bounds are this close, in parts per thousand (as go-ethereum).
const TOLERANCE_PERMILLE: u64 = 15;

/// Arguments the three share.
struct Call {
    request: TransactionRequest,
    block: Arc<ExecutedBlock>,
    state: Option<StateOverride>,
    overrides: Option<BlockOverrides>,
}

impl Call {
    fn new(ctx: &Context, mut args: Args) -> Result<Self, RpcError> {
        let request = args.required("transaction")?;
        let block: Option<BlockId> = args.optional("block")?;
        let state = args.optional("state overrides")?;
        let overrides = args.optional("block overrides")?;
        args.end()?;
        Ok(Self {
            request,
            block: ctx.state(block)?,
            state,
            overrides,
        })
    }

    fn simulation(&mut self, ctx: &Context) -> Result<Simulation<'_>, RpcError> {
        let chain_id = ctx.node.spec().chain_id;
        let mut simulation =
            Simulation::new(chain_id, &self.block.state, self.block.block().header());
        if let Some(state) = self.state.take() {
            simulation.override_state(state)?;
        }
        if let Some(overrides) = self.overrides.take() {
            simulation.override_block(overrides)?;
        }
        Ok(simulation)
    }
}

pub(crate) fn call(ctx: &Context, args: Args) -> Reply {
    let mut call = Call::new(ctx, args)?;
    let request = std::mem::take(&mut call.request);
    let mut simulation = call.simulation(ctx)?;
    let tx = simulation.transaction(request, ctx.limits.call_gas)?;
    reply(simulation.run(tx)?.output()?)
}

pub(crate) fn estimate_gas(ctx: &Context, args: Args) -> Reply {
    let mut call = Call::new(ctx, args)?;
    let request = std::mem::take(&mut call.request);
    let cap = ctx.node.spec().gas_limit.min(TX_GAS_CAP);
    let mut simulation = call.simulation(ctx)?;
    let tx = simulation.transaction(request, cap)?;
    reply(U64::from(estimate(&mut simulation, tx)?))
}

pub(crate) fn create_access_list(ctx: &Context, args: Args) -> Reply {
    let mut call = Call::new(ctx, args)?;
    let request = std::mem::take(&mut call.request);
    let mut simulation = call.simulation(ctx)?;
    let mut tx = simulation.transaction(request, ctx.limits.call_gas)?;
    tx.tx_type = tx.tx_type.max(1);
    let access_list = simulation.run(tx.clone())?.touched;
    tx.access_list = access_list.clone();
    let run = simulation.run(tx)?;
    reply(AccessListReply {
        access_list,
        gas_used: U64::from(run.gas_used),
        error: run.output().err().map(|error| error.to_string()),
    })
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessListReply {
    access_list: AccessList,
    gas_used: U64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The least gas, within the tolerance, with which the transaction does what it does with plenty.
///
/// "Does not fail" is not enough: a contract that swallows the failure of a call it makes (a verifier that answers
/// `false` when a precompile runs out of gas) does not fail with too little gas, it silently does something else. So the
/// search compares what the call returns, logs and changes with the run that had the most gas. A contract whose effects
/// depend on the gas itself is told apart by a second run with twice what it needs, and searched by success alone.
fn estimate(simulation: &mut Simulation<'_>, tx: TxEnv) -> Result<u64, RpcError> {
    let (highest, limited) = affordable(simulation, &tx)?;
    let mut at = |gas: u64| {
        simulation.run(TxEnv {
            gas_limit: gas,
            ..tx.clone()
        })
    };
    let full = at(highest).map_err(|error| {
        if limited {
            short_of(error, highest)
        } else {
            error
        }
    })?;
    match full.end {
        End::Returned(_) => {}
        End::Reverted(output) => return Err(RpcError::Reverted(output)),
        End::Halted(HaltReason::OutOfGas(_)) => return Err(RpcError::GasAllowance(highest)),
        End::Halted(reason) => return Err(RpcError::Halted(reason)),
    }
    if full.gas_spent == TRANSFER_GAS {
        return Ok(TRANSFER_GAS); // A plain transfer needs exactly this.
    }
    let guess = (full.gas_spent + CALL_STIPEND) * 64 / 63;
    let strict = at((guess * 2).min(highest))?.effects == full.effects;
    let mut enough = |gas: u64| -> Result<bool, RpcError> {
        match at(gas) {
            Ok(Run {
                end: End::Returned(_),
                effects,
                ..
            }) => Ok(!strict || effects == full.effects),
            Ok(_) => Ok(false),
            Err(RpcError::Invalid(
                InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
            )) => Ok(false),
            Err(error) => Err(error),
        }
    };
    let (mut low, mut high) = (full.gas_used.saturating_sub(1), highest);
    if guess < high {
        if enough(guess)? {
            high = guess;
        } else {
            low = low.max(guess);
        }
    }
    while low + 1 < high && (high - low) * 1000 / high >= TOLERANCE_PERMILLE {
        // Most transactions need little more than they use: probe near the lower bound first.
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
        if enough(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// The most gas the sender can pay for, and whether its balance is what limits it.
fn affordable(simulation: &Simulation<'_>, tx: &TxEnv) -> Result<(u64, bool), RpcError> {
    let balance = simulation.balance(tx.caller);
    let Some(left) = balance.checked_sub(tx.value) else {
        return Err(RpcError::Funds { sender: tx.caller });
    };
    if tx.gas_price == 0 {
        return Ok((tx.gas_limit, false));
    }
    let gas = (left / U256::from(tx.gas_price)).saturating_to::<u64>();
    Ok((tx.gas_limit.min(gas), gas < tx.gas_limit))
}

/// When money limits the gas, too little gas is a lack of money.
fn short_of(error: RpcError, allowance: u64) -> RpcError {
    match error {
        RpcError::Invalid(
            InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
            | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
        ) => RpcError::GasAllowance(allowance),
        other => other,
    }
}
