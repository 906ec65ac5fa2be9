//! The binary as scripts use it: what it prints, and the documented exit codes.

use std::{
    path::Path,
    process::{Command, Output},
};

fn causeway(dir: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_causeway"))
        .args(line.split(' '))
        .current_dir(dir)
        .env_remove("CAUSEWAY_CONFIG")
        .env_remove("CAUSEWAY_API_URL")
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();

    let clap = causeway(dir.path(), "transfer start");
    let ours = causeway(
        dir.path(),
        "transfer start --from alice --give 5 --counterparty bob --to b:alice --want 5 --api http://127.0.0.1:9",
    );

    assert_eq!(clap.status.code(), Some(2));
    assert_eq!(ours.status.code(), Some(2));
    assert!(text(&ours.stderr).contains("CHAIN:ACCOUNT"));
}

#[test]
fn a_refused_configuration_ends_with_3_and_names_the_key() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("c.toml"),
        "profile = \"local\"\ncolour = \"red\"\n",
    )
    .unwrap();

    let output = causeway(dir.path(), "config check --config c.toml --json");

    assert_eq!(output.status.code(), Some(3));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["exit_code"], 3);
    assert!(
        answer["error"].as_str().unwrap().contains("colour"),
        "{answer}"
    );
}

#[test]
fn a_daemon_that_does_not_answer_ends_with_4_and_says_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();

    // Port 9 is the discard service, which nobody runs.
    let output = causeway(dir.path(), "chain status --api http://127.0.0.1:9");

    assert_eq!(output.status.code(), Some(4));
    assert!(
        text(&output.stderr).contains("causeway up"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_environment_overrides_the_file_and_its_keys_are_checked_too() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, value: &str| {
        Command::new(env!("CARGO_BIN_EXE_causeway"))
            .args(["config", "check", "--json"])
            .current_dir(dir.path())
            .env(name, value)
            .output()
            .unwrap()
    };

    let good = check("CAUSEWAY_DATA_DIR", "elsewhere");
    let bad = check("CAUSEWAY_API__MAX_BODY_BYTES", "7");

    assert!(
        text(&good.stdout).contains("elsewhere"),
        "{}",
        text(&good.stdout)
    );
    assert_eq!(bad.status.code(), Some(3));
    assert!(
        text(&bad.stderr).contains("api.max_body_bytes is 7"),
        "{}",
        text(&bad.stderr)
    );
}

#[test]
fn every_printed_example_is_the_file_of_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");

    for name in ["local", "node", "full"] {
        let output = causeway(dir.path(), &format!("config example {name}"));
        let file = std::fs::read_to_string(config.join(format!("{name}.toml"))).unwrap();
        assert_eq!(text(&output.stdout), file, "{name}");
    }
}

#[test]
fn a_key_is_made_shown_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pw"), "secret words\n").unwrap();

    let made = causeway(dir.path(), "key new --out k.json --password-file pw --json");
    let again = causeway(dir.path(), "key new --out k.json --password-file pw");
    let shown = causeway(dir.path(), "key show k.json --password-file pw");
    let bare = causeway(dir.path(), "key new --out k2.json");

    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(again.status.code(), Some(3));
    let address = made["address"].as_str().unwrap().to_lowercase();
    assert!(text(&shown.stdout).to_lowercase().contains(&address));
    assert_eq!(bare.status.code(), Some(2));
    assert!(!dir.path().join("k2.json").exists());
}

#[test]
fn completions_are_printed_for_every_shell() {
    let dir = tempfile::tempdir().unwrap();

    for shell in ["bash", "zsh", "fish"] {
        let output = causeway(dir.path(), &format!("completions {shell}"));
        assert!(text(&output.stdout).contains("transfer"), "{shell}");
    }
}
