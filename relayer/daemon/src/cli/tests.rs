use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use super::{
    CliError,
    args::{Cli, Command, Transfer},
    client::Api,
    transfer::{peg, smallest_units, swap, whole},
};
use crate::api::PegKind;

fn refused(line: &str) -> ErrorKind {
    Cli::try_parse_from(line.split(' '))
        .map(drop)
        .unwrap_err()
        .kind()
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn flags_that_hold_everywhere_may_stand_anywhere() {
    let cli =
        Cli::try_parse_from(["causeway", "demo", "--exit", "--json", "--data-dir", "x"]).unwrap();

    assert!(cli.global.json);
    assert!(matches!(cli.command, Command::Demo(args) if args.exit));
}

#[test]
fn what_is_missing_or_too_much_is_a_usage_error() {
    assert_eq!(
        refused("causeway transfer start --give 5"),
        ErrorKind::MissingRequiredArgument
    );
    assert_eq!(
        refused("causeway transfer list --limit 501"),
        ErrorKind::ValueValidation
    );
    assert_eq!(
        refused("causeway key issue --dir d --name n --role server"),
        ErrorKind::MissingRequiredArgument
    );
    assert_eq!(
        refused("causeway chain genesis --name x"),
        ErrorKind::MissingRequiredArgument
    );
    assert_eq!(refused("causeway nonsense"), ErrorKind::InvalidSubcommand);
}

#[test]
fn a_data_directory_without_a_daemon_is_never_answered_by_another_daemon() {
    let empty = tempfile::tempdir().unwrap();
    let dir = empty.path().to_str().unwrap();
    let cli = Cli::try_parse_from(["causeway", "transfer", "list", "--data-dir", dir]).unwrap();

    let refused = Api::connect(&cli.global).map(drop);

    assert!(matches!(refused, Err(CliError::NoDaemon { data_dir }) if data_dir == empty.path()));
}

#[test]
fn amounts_are_read_exactly() {
    let cases = [
        ("5", "5000000000000000000"),
        ("0.25", "250000000000000000"),
        ("0.000000000000000001", "1"),
        ("0", "0"),
        ("7wei", "7"),
    ];
    for (text, expected) in cases {
        assert_eq!(smallest_units("--give", text).unwrap(), expected, "{text}");
    }
}

#[test]
fn amounts_that_are_none_are_refused() {
    for text in [
        "",
        ".",
        "1.",
        ".5",
        "-1",
        "1e3",
        "0.0000000000000000001",
        "wei",
        "1,5",
        "0x10",
        "５",
    ] {
        assert!(smallest_units("--give", text).is_err(), "{text:?}");
    }
}

#[test]
fn amounts_are_shown_as_they_were_given() {
    for text in ["5", "0.25", "0", "1000000.000000000000000001"] {
        assert_eq!(whole(&smallest_units("--give", text).unwrap()), text);
    }
}

#[test]
fn a_way_over_the_peg_has_no_other_party_and_a_swap_has_one() {
    let start = |line: &str| {
        let line = format!("causeway transfer start --from a:x --give 5 --to b:x {line}");
        Cli::try_parse_from(line.split_whitespace()).map(|cli| match cli.command {
            Command::Transfer(Transfer::Start(start)) => start,
            _ => panic!("another command"),
        })
    };

    assert!(swap(&start("--counterparty y --want 5").unwrap()).is_ok());
    let peg_in = start("--kind peg-in --window 600").unwrap();
    let request = peg(&peg_in, PegKind::PegIn).unwrap();
    assert_eq!(request.give.asset, "peg");
    assert_eq!(request.window_seconds, Some(600));
    for wrong in [
        "",
        "--want 5",
        "--counterparty y",
        "--counterparty y --want 5 --window 9",
    ] {
        assert!(swap(&start(wrong).unwrap()).is_err(), "{wrong}");
    }
    for wrong in ["--counterparty y", "--want 5", "--want-asset native"] {
        let start = start(&format!("--kind peg-out {wrong}")).unwrap();
        assert!(peg(&start, PegKind::PegOut).is_err(), "{wrong}");
    }
    assert!(start("--kind teleport").is_err());
}

#[test]
fn an_outcome_is_confirmed_by_its_data_or_by_its_digest_never_by_both_or_neither() {
    let confirm = |rest: &str| format!("causeway transfer confirm 1f --to-counterparty 5 {rest}");
    let digest = format!("0x{}", "6e".repeat(32));

    for good in [
        "--data result --salt-file salt",
        &format!("--outcome-digest {digest}"),
    ] {
        assert!(
            Cli::try_parse_from(confirm(good).split(' ')).is_ok(),
            "{good}"
        );
    }
    let cases = [
        ("--as bob".to_owned(), ErrorKind::MissingRequiredArgument),
        ("--data result".into(), ErrorKind::MissingRequiredArgument),
        ("--outcome-digest 0x12".into(), ErrorKind::ValueValidation),
        (
            format!("--data r --salt-file s --outcome-digest {digest}"),
            ErrorKind::ArgumentConflict,
        ),
    ];
    for (bad, kind) in cases {
        assert_eq!(refused(&confirm(&bad)), kind, "{bad}");
    }
}
