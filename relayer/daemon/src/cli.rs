//! The command line.

mod alarm;
mod args;
mod chain;
mod client;
mod configs;
mod demo;
mod device;
mod digest;
mod doctor;
mod election;
mod error;
mod evidence;
mod feed;
mod key;
mod lane;
mod log;
mod market;
mod member;
mod message;
mod output;
mod proof;
mod reading;
mod run;
mod seal;
mod supply;
mod transfer;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

pub(crate) use doctor::live;
pub(crate) use evidence::in_words;

use args::{Cli, Command};
use error::CliError;
use output::Output;

/// Runs the command of this process and returns its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(cli, &output)),
        Err(source) => Err(CliError::Io {
            doing: "starting the runtime",
            source,
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

async fn dispatch(cli: Cli, output: &Output) -> Result<(), CliError> {
    let global = &cli.global;
    match cli.command {
        Command::Up => run::up(global, output).await,
        Command::Demo(args) => demo::run(global, &args, output).await,
        Command::Node { snapshot } => run::node(global, snapshot, output).await,
        Command::Transfer(command) => transfer::run(global, command, output).await,
        Command::Evidence(command) => evidence::run(global, command, output).await,
        Command::Log(command) => log::run(global, command, output).await,
        Command::Alarm(command) => alarm::run(global, command, output).await,
        Command::Lane(command) => lane::run(global, command, output).await,
        Command::Election(command) => election::run(global, command, output).await,
        Command::Member(command) => member::run(global, command, output).await,
        Command::Seal(command) => seal::run(global, command, output).await,
        Command::Message(command) => message::run(global, command, output).await,
        Command::Device(command) => device::run(global, command, output).await,
        Command::Reading(command) => reading::run(global, command, output).await,
        Command::Proof(command) => proof::run(global, command, output).await,
        Command::Supply { peg, limit } => supply::run(global, peg.as_deref(), limit, output).await,
        Command::Feed(command) => feed::run(global, command, output).await,
        Command::Market(command) => market::run(global, command, output).await,
        Command::Explain { id } if message::is_message(&id) => {
            message::explain(global, &id, output).await
        }
        Command::Explain { id } => transfer::explain(global, &id, output).await,
        Command::Chain(command) => chain::run(global, command, output).await,
        Command::Key(command) => key::run(global, command, output),
        Command::Config(command) => configs::run(global, command, output),
        Command::Doctor => doctor::run(global, output).await,
        Command::Bench(bench) => {
            let done = match bench {
                args::Bench::Chain(options) => crate::bench::chain(options, global.json).await,
                args::Bench::Network(options) => crate::bench::network(options, global.json).await,
                args::Bench::Pair(options) => crate::bench::pair(options, global.json).await,
                args::Bench::Prove(options) => crate::bench::prove(options, global.json).await,
                args::Bench::ProveRow(options) => crate::bench::prove_row(options).await,
                args::Bench::Evidence(options) => {
                    crate::bench::evidence(options, global.json).await
                }
                args::Bench::Feed(options) => crate::bench::feed(options, global.json).await,
                args::Bench::Ingest(options) => crate::bench::ingest(options, global.json).await,
                args::Bench::IngestServe(options) => crate::bench::ingest_serve(options).await,
                args::Bench::Log(options) => crate::bench::log(options, global.json).await,
                args::Bench::Relay(options) => crate::bench::relay(options, global.json).await,
                args::Bench::Serve(options) => crate::bench::serve(options).await,
            };
            done.map_err(|e| CliError::Failed(format!("{e:#}")))
        }
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "causeway",
                &mut std::io::stdout(),
            );
            Ok(())
        }
    }
}
