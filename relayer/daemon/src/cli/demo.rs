//! `causeway demo`.

use super::{
    CliError,
    args::{Demo, Global},
    output::Output,
    run,
};
use crate::{
    config::{ConfigError, Purpose},
    demo::{self, Step},
};

pub(super) async fn run(global: &Global, args: &Demo, output: &Output) -> Result<(), CliError> {
    let mut config = run::read(global, Purpose::Daemon)?;
    if !config.profile.is_local() {
        return Err(CliError::Config(ConfigError::LocalOnly {
            key: "demo".into(),
            profile: config.profile.name().into(),
            instead: "it moves test points of test keys; leave --config out",
        }));
    }
    if config.log.filter == crate::config::raw::Log::default().filter && !output.is_json() {
        // The steps tell what happens; the log is for what goes wrong.
        config.log.filter = "warn".into();
    }
    if let Some(style) = global.log {
        config.log.format = style.into();
    }
    crate::logs::init(&config.log);
    let say = |step: &Step| output.answer(step, step.text());
    let note = |text: &str| output.say(text);
    let (daemon, ok) = demo::run(&config, &say, &note).await?;
    run::announce(&config, &daemon, output);
    if args.exit {
        run::stop(&config, daemon).await;
    } else {
        output.say("\n  It keeps serving; Ctrl-C stops it. Try: causeway transfer list");
        run::serve(&config, daemon, output).await?;
    }
    if ok {
        Ok(())
    } else {
        Err(CliError::Failed(
            "the demonstration failed; the summary says where".into(),
        ))
    }
}
