//! `causeway config`.

use serde_json::json;

use super::{
    CliError,
    args::{ConfigCommand, ExampleName, Global},
    output::Output,
    run,
};
use crate::config::{self, Purpose};

pub(super) fn run(
    global: &Global,
    command: ConfigCommand,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check { node } => {
            let purpose = if node { Purpose::Node } else { Purpose::Daemon };
            let config = run::read(global, purpose)?;
            let chains: Vec<&String> = config.chains.keys().collect();
            output.answer(
                &json!({
                    "ok": true, "profile": config.profile.name(), "data_dir": config.data_dir,
                    "chains": chains, "accounts": config.accounts.len(), "offers": config.offers.len()
                }),
                format!(
                    "the configuration can be started\n  profile   {}\n  data_dir  {}\n  chains    {}\n  accounts  {}\n  offers    {}",
                    config.profile.name(),
                    config.data_dir.display(),
                    chains.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", "),
                    config.accounts.len(),
                    config.offers.len()
                ),
            );
        }
        ConfigCommand::Example { which } => print!(
            "{}",
            match which {
                ExampleName::Local => config::LOCAL,
                ExampleName::Node => config::NODE,
                ExampleName::External => config::EXTERNAL,
                ExampleName::Full => config::FULL,
            }
        ),
    }
    Ok(())
}
