use std::{fs, path::Path};

use super::*;

fn base() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A profile that lacks nothing.
fn named() -> String {
    FULL.replace("causeway-test-key", "")
}

fn refused(text: &str) -> String {
    parse(text, base().path(), Purpose::Daemon)
        .unwrap_err()
        .to_string()
}

#[test]
fn every_example_can_be_started() {
    let dir = base();

    let local = parse(LOCAL, dir.path(), Purpose::Daemon).unwrap();
    let node = parse(NODE, dir.path(), Purpose::Node).unwrap();
    let full = parse(FULL, dir.path(), Purpose::Daemon).unwrap();
    let external = parse(EXTERNAL, dir.path(), Purpose::Daemon).unwrap();

    assert_eq!(
        (external.hosted().count(), external.external().count()),
        (1, 1)
    );
    assert!(local.profile.is_local());
    assert_eq!(local.chains.len(), 2);
    assert_eq!(node.profile, Profile::Named("testnet".into()));
    assert_eq!(
        (full.chains.len(), full.accounts.len(), full.offers.len()),
        (3, 2, 1)
    );
}

#[test]
fn the_full_example_explains_the_defaults_that_are_used() {
    let given = parse(FULL, base().path(), Purpose::Daemon).unwrap();
    let default = raw::Raw::default();

    assert_eq!(given.api.max_body_bytes, default.api.max_body_bytes);
    assert_eq!(given.api.max_event_streams, default.api.max_event_streams);
    assert_eq!(given.log.filter, default.log.filter);
    let transfers = &given.transfers.raw;
    assert_eq!(
        transfers.outage_budget_seconds,
        default.transfers.outage_budget_seconds
    );
    assert_eq!(
        transfers.clock_skew_seconds,
        default.transfers.clock_skew_seconds
    );
    assert_eq!(
        transfers.private_refund_seconds,
        default.transfers.private_refund_seconds
    );
    assert_eq!(transfers.slack_seconds, default.transfers.slack_seconds);
    assert_eq!(
        transfers.verdict_patience_seconds,
        default.transfers.verdict_patience_seconds
    );
}

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    let message = refused(&LOCAL.replace("[api]", "[api]\nlissten = \"127.0.0.1:1\""));

    assert!(message.contains("lissten"), "{message}");
    assert!(
        message.contains("causeway config example full"),
        "{message}"
    );
}

#[test]
fn the_stand_in_port_is_refused_outside_the_local_profile() {
    let listen = "listen = \"0.0.0.0:8547\"";
    let message = refused(&named().replace(
        listen,
        &format!("{listen}\nstand_in_listen = \"127.0.0.1:8546\""),
    ));

    assert!(
        message.contains("stand_in_listen is for the local profile alone"),
        "{message}"
    );
    assert!(message.contains("client certificate"), "{message}");
}

#[test]
fn ports_are_shifted_in_the_local_profile_alone() {
    let message = refused(&named().replace("local_port_shift = 0", "local_port_shift = 100"));

    assert!(message.contains("local_port_shift"), "{message}");
    assert!(message.contains("at each `listen`"), "{message}");
}

#[test]
fn the_delay_of_deposits_is_the_local_profile_s_to_say_and_within_what_the_registry_takes() {
    let with =
        |text: &str, seconds: u32| format!("{text}\n[oracle]\nexit_delay_seconds = {seconds}\n");
    let set = |seconds| parse(&with(LOCAL, seconds), base().path(), Purpose::Daemon);

    let said = set(60).unwrap().oracle.exit_delay;
    let default = parse(LOCAL, base().path(), Purpose::Daemon).unwrap();

    assert_eq!((said, default.oracle.exit_delay), (60, 3_600));
    for seconds in [0, 59, 7_776_001] {
        let message = refused(&with(LOCAL, seconds));
        assert!(message.contains("60 to 7776000"), "{message}");
    }
    let silent = "silent_after_seconds = 600";
    let message = refused(&named().replace(silent, &format!("{silent}\nexit_delay_seconds = 60")));
    assert!(
        message.contains("exit_delay_seconds is for the local profile alone"),
        "{message}"
    );
}

#[test]
fn a_stand_in_port_that_others_reach_is_refused_in_any_profile() {
    let message = refused(&LOCAL.replace("127.0.0.1:8546", "0.0.0.0:8546"));

    assert!(message.contains("expected a loopback address"), "{message}");
}

#[test]
fn validators_are_not_made_outside_the_local_profile() {
    let message = refused(&named().replace(
        "kind = \"public\"",
        "kind = \"public\"\nlocal_validators = 7",
    ));

    assert!(
        message.contains("local_validators is for the local profile alone"),
        "{message}"
    );
}

#[test]
fn certificates_are_required_outside_the_local_profile() {
    let without_api = named().replace("[api.tls]\n", "[ignored]\n");
    let start = without_api.find("[ignored]").unwrap();
    let end = start + without_api[start..].find("# A chain hosted").unwrap();
    let text = format!("{}{}", &without_api[..start], &without_api[end..]);

    let message = refused(&text);

    assert!(message.contains("api.tls is missing"), "{message}");
    assert!(message.contains("causeway key ca"), "{message}");
}

#[test]
fn a_test_key_is_refused_outside_the_local_profile() {
    let dir = base();
    fs::create_dir_all(dir.path().join("keys")).unwrap();
    let mark = format!("{{\"note\":\"{}\"}}", crate::keys::TEST_KEY_MARK);
    fs::write(dir.path().join("keys/treasury.json"), mark).unwrap();

    let message = parse(FULL, dir.path(), Purpose::Daemon)
        .unwrap_err()
        .to_string();

    assert!(message.contains("treasury.json is a test key"), "{message}");
    assert!(message.contains("causeway key new"), "{message}");
}

#[test]
fn certificates_of_a_local_profile_are_refused_outside_it() {
    let dir = base();
    fs::create_dir_all(dir.path().join("tls")).unwrap();
    fs::write(dir.path().join("tls").join(crate::keys::TEST_DIR_MARK), "").unwrap();

    let result = parse(FULL, dir.path(), Purpose::Daemon);

    assert!(matches!(result, Err(ConfigError::TestKey { .. })));
}

#[test]
fn values_out_of_range_say_what_is_allowed() {
    let cases = [
        (
            "outage_budget_seconds = 3",
            "outage_budget_seconds = 0",
            "1 to 2592000",
        ),
        ("local_validators = 7", "local_validators = 3", "4 to 101"),
        ("chain_id = 7002", "chain_id = 7001", "no other chain"),
        (
            "listen = \"127.0.0.1:8700\"",
            "listen = \"0.0.0.0:8700\"",
            "[api.tls]",
        ),
        ("[hosted.public]", "[hosted.\"../public\"]", "a-z"),
    ];
    for (from, to, expected) in cases {
        assert!(LOCAL.contains(from), "{from}");
        let message = refused(&LOCAL.replace(from, to));
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn an_offer_for_an_unknown_chain_or_account_is_refused() {
    let chain = refused(&named().replace("take_chain = \"public\"", "take_chain = \"mars\""));
    let account = refused(&named().replace("account = \"treasury\"", "account = \"nobody\""));

    assert!(chain.contains("names mars"), "{chain}");
    assert!(account.contains("names nobody"), "{account}");
}

#[test]
fn a_password_in_two_places_or_none_is_refused() {
    let key = "password_file = \"keys/treasury.password\"";
    let both = refused(&named().replace(key, &format!("{key}\npassword_env = \"PW\"")));
    let none = refused(&named().replace(key, ""));

    for message in [both, none] {
        assert!(
            message.contains("exactly one of password_file and password_env"),
            "{message}"
        );
    }
}

#[test]
fn relative_paths_belong_to_the_file() {
    let config = parse(FULL, Path::new("/etc/causeway"), Purpose::Daemon).unwrap();

    assert_eq!(
        config.transfers.seal_key_file,
        Path::new("/etc/causeway/keys/seal.key")
    );
    assert_eq!(config.data_dir, Path::new("/var/lib/causeway"));
}

/// The full example with one line of its external chain replaced.
fn sidechain(from: &str, to: &str) -> String {
    let text = named();
    assert!(text.contains(from), "{from}");
    // A section's name stands in those of its parts too.
    let times = if from.starts_with("evm.") { 9 } else { 1 };
    text.replacen(from, to, times)
}

const URLS: &str = "urls = [\"https://";

#[test]
fn an_external_chain_is_what_its_section_says() {
    let config = parse(FULL, base().path(), Purpose::Daemon).unwrap();

    let (name, chain) = config.external().next().unwrap();

    assert_eq!(name, "sidechain");
    assert_eq!(chain.adapter.urls.len(), 3);
    assert_eq!(chain.adapter.quorum, Some(2));
    assert_eq!(chain.adapter.finality, causeway_adapter_evm::Finality::Tag);
    assert_eq!(chain.assumed.finality_ms, 1_200_000);
}

#[test]
fn the_full_example_explains_the_defaults_of_external_chains() {
    let config = parse(FULL, base().path(), Purpose::Daemon).unwrap();
    let (_, given) = config.external().next().unwrap();
    let short = "[evm.short]\nchain_id = 9\nurls = [\"http://a\", \"http://b\", \"http://c\"]\n";
    let config = parse(&format!("{LOCAL}\n{short}"), base().path(), Purpose::Daemon).unwrap();
    let (_, default) = config.external().next().unwrap();

    assert_eq!(default.adapter.quorum, given.adapter.quorum);
    assert_eq!(default.adapter.finality, given.adapter.finality);
    assert_eq!(default.assumed, given.assumed);
    assert_eq!(default.raw.poll_ms, given.raw.poll_ms);
    assert_eq!(default.raw.max_range, given.raw.max_range);
    assert_eq!(default.raw.request_timeout_ms, given.raw.request_timeout_ms);
    assert_eq!(default.raw.max_response_bytes, given.raw.max_response_bytes);
    assert_eq!(default.raw.watchtower, given.raw.watchtower);
    let fees = |chain: &Evm| {
        let fees = chain.raw.fees.clone();
        let kind = fees.kind;
        (
            kind,
            fees.max_fee_per_gas_wei,
            fees.default_tip_wei,
            fees.gas_margin_percent,
            fees.max_gas,
        )
    };
    assert_eq!(fees(default), fees(given));
}

#[test]
fn every_finality_rule_can_be_written() {
    use causeway_adapter_evm::Finality;
    let cases = [
        ("finality = \"finalized\"", Finality::Tag),
        ("finality = \"instant\"", Finality::Instant),
        ("finality.confirmations = 12", Finality::Confirmations(12)),
    ];
    for (text, expected) in cases {
        let text = sidechain("finality = \"finalized\"", text);
        let config = parse(&text, base().path(), Purpose::Daemon).unwrap();
        let (_, chain) = config.external().next().unwrap();
        assert_eq!(chain.adapter.finality, expected);
    }
}

#[test]
fn a_wrong_external_chain_is_refused_with_the_key_and_what_it_must_be() {
    let cases = [
        // The key of former versions.
        (URLS, "url = [\"https://", "url"),
        (
            "quorum = 2",
            "quorum = 0",
            "evm.sidechain.quorum must be more than half",
        ),
        (
            "quorum = 2",
            "quorum = 1",
            "evm.sidechain.quorum must be more than half",
        ),
        ("quorum = 2", "quorum = 4", "at most all of them"),
        (
            URLS,
            "urls = [\"ftp://",
            "evm.sidechain.urls[0] cannot be used: it begins with neither",
        ),
        (URLS, "urls = [\"wss://", "it begins with neither"),
        (URLS, "urls = [\"not a url ", "it is no URL"),
        (
            "https://one.example/rpc",
            "https://two.example/rpc",
            "name each node once",
        ),
        ("chain_id = 31337", "chain_id = 0", "expected above 0"),
        (
            "chain_id = 31337",
            "chain_id = 7001",
            "an id that no other chain has",
        ),
        (
            "evm.sidechain",
            "evm.consortium",
            "a name that no hosted chain has",
        ),
        ("evm.sidechain", "evm.SideChain", "a-z"),
        (
            "finality = \"finalized\"",
            "finality.confirmations = 0",
            "evm.sidechain.finality must be `instant`",
        ),
        (
            "finality = \"finalized\"",
            "finality = \"latest\"",
            "latest",
        ),
        (
            "poll_ms = 1_000",
            "poll_ms = 1",
            "evm.sidechain.poll_ms must be 10 to 60000",
        ),
        (
            "max_gas = 16_777_216",
            "max_gas = 1",
            "evm.sidechain.fees must allow 21000 gas",
        ),
        (
            "assumed_inclusion_ms = 36_000",
            "assumed_inclusion_ms = 0",
            "1 to 86400000",
        ),
        (
            "key_file = \"tls/node-client.key\"",
            "",
            "evm.sidechain.tls must name certificate and key together",
        ),
    ];
    for (from, to, expected) in cases {
        let message = refused(&sidechain(from, to));
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn the_address_of_a_node_is_not_shown_because_it_may_hold_a_key() {
    let message = refused(&sidechain(URLS, "urls = [\"ftp://secret-key@"));

    assert!(!message.contains("secret-key"), "{message}");
}

#[test]
fn an_external_chain_without_a_contract_is_refused_outside_the_local_profile() {
    let text = named();
    let section = text.find("[evm.sidechain]").unwrap();
    let (before, after) = text.split_at(section);
    let after = after.replacen("hash_time_lock = ", "points_token = ", 1);
    let after = after.replacen(
        "\npoints_token = \"0x0000000000000000000000000000000000000002\"",
        "",
        1,
    );

    let message = refused(&format!("{before}{after}"));

    assert!(
        message.contains("evm.sidechain.hash_time_lock is missing"),
        "{message}"
    );
}

#[test]
fn an_offer_of_points_where_there_is_no_token_is_refused() {
    let text = EXTERNAL.replace(
        "[evm.sidechain]",
        "[evm.sidechain]\nhash_time_lock = \"0x0000000000000000000000000000000000000001\"",
    );

    let message = refused(&text);

    assert!(
        message.contains("that chain has no points_token"),
        "{message}"
    );
}

#[test]
fn a_peg_is_refused_with_what_to_do() {
    const SIDECHAIN_GATEWAY: &str = "gateway = \"0x0000000000000000000000000000000000000003\"";
    let cases = [
        (
            "guardian = \"watchtower\"",
            "guardian = \"nobody\"",
            "pegs.gold.guardian names nobody, which no accounts section has",
        ),
        (
            "guardian = \"watchtower\"",
            "guardian = \"watchtower\"\nguardians = 2",
            "guardians",
        ),
        ("pegs.gold", "pegs.Gold", "1 to 32 of a-z, 0-9 and -"),
        (
            "port = \"0x0000000000000000000000000000000000000011\"",
            "port = \"0x0000000000000000000000000000000000000000\"",
            "pegs.gold.home.port is 0x0000000000000000000000000000000000000000, expected the address",
        ),
        (
            "asset = \"0x0000000000000000000000000000000000000022\"",
            "asset = \"native\"",
            "pegs.gold.side.asset must be the address of the PegToken",
        ),
        (
            "light_client = \"0x0000000000000000000000000000000000000023\"",
            "",
            "light_client",
        ),
        (
            "[pegs.gold.side]\nchain = \"consortium\"",
            "[pegs.gold.side]\nchain = \"public\"",
            "pegs.gold.side.chain must be another chain",
        ),
        (
            "[pegs.gold.side]\nchain = \"consortium\"",
            "[pegs.gold.side]\nchain = \"sidechain\"",
            "be a chain that proves itself",
        ),
        (
            "[pegs.gold.side]\nchain = \"consortium\"",
            "[pegs.gold.side]\nchain = \"nowhere\"",
            "pegs.gold.side.chain names nowhere, which no hosted or evm section has",
        ),
        (
            "carrier = \"treasury\"\n\n# Where the asset",
            "carrier = \"nobody\"\n\n# Where the asset",
            "pegs.gold.carrier names nobody, which no accounts section has",
        ),
        (
            "settlements.trade",
            "settlements.Trade",
            "1 to 32 of a-z, 0-9 and -",
        ),
        (
            "[settlements.trade]\n",
            "[settlements.trade]\nfee = 1\n",
            "fee",
        ),
        (
            "carrier = \"treasury\"\n\n# The chain of the escrow",
            "carrier = \"nobody\"\n\n# The chain of the escrow",
            "settlements.trade.carrier names nobody, which no accounts section has",
        ),
        (
            "[settlements.trade.consortium]\nchain = \"consortium\"",
            "[settlements.trade.consortium]\nchain = \"public\"",
            "settlements.trade.consortium.chain must be another chain",
        ),
        (
            "[settlements.trade.public]\nchain = \"public\"",
            "[settlements.trade.public]\nchain = \"sidechain\"",
            "settlements.trade.public.chain must be a chain that proves itself",
        ),
        (
            "escrow = \"0x0000000000000000000000000000000000000031\"",
            "escrow = \"0x31\"",
            "settlements.trade.public.escrow is 0x31, expected the address",
        ),
        (
            "settlement = \"0x0000000000000000000000000000000000000041\"",
            "settlement = \"0x0000000000000000000000000000000000000000\"",
            "settlements.trade.consortium.settlement is 0x0000000000000000000000000000000000000000, expected the",
        ),
        (
            "gateway = \"0x0000000000000000000000000000000000000004\"",
            "gateway = \"0x0000000000000000000000000000000000000000\"",
            "hosted.public.gateway is 0x0000000000000000000000000000000000000000, expected an address",
        ),
    ];
    for (from, to, expected) in cases {
        let text = named();
        assert!(text.contains(from), "{from}");
        // Without a gateway an external chain does not prove itself.
        let text = text.replace(SIDECHAIN_GATEWAY, "");
        let message = refused(&text.replace(from, to));
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn the_example_names_an_operator_with_its_broker_and_feed() {
    let given = parse(FULL, base().path(), Purpose::Daemon).unwrap().oracle;
    let default = raw::Raw::default().oracle;

    assert_eq!(given.period.as_secs(), default.period_seconds);
    assert_eq!(given.per_second.get(), default.readings_per_second);
    assert_eq!(given.max_archive_bytes, default.max_archive_bytes);
    assert_eq!(given.silent_after.as_secs(), default.silent_after_seconds);
    assert_eq!(
        (given.enabled, given.slash),
        (default.enabled, default.slash)
    );
    let north = &given.operators["north"];
    let mqtt = north.mqtt.as_ref().unwrap();
    assert_eq!((mqtt.host.as_str(), mqtt.port), ("broker.example", 8883));
    assert_eq!(given.feeds[0].keeper.as_deref(), Some("north"));
    assert!(given.feeds[0].aggregators.is_some());
}

#[test]
fn what_operators_cannot_be_started_with_is_named() {
    let wrong = [
        (
            "period_seconds = 3_600",
            "period_seconds = 0",
            "oracle.period_seconds",
        ),
        (
            "readings_per_second = 100",
            "readings_per_second = 0",
            "oracle.readings_per_second",
        ),
        (
            "keeper = \"north\"",
            "keeper = \"south\"",
            "oracle.feeds[0].keeper",
        ),
        (
            "mqtts://broker.example:8883",
            "mqtt://broker.example:1883",
            "mqtt.url",
        ),
        (
            "mqtts://broker.example:8883",
            "mqtts://broker.example",
            "mqtt.url",
        ),
        (
            "devices = [\"did:odin:1.4711.1\"]",
            "devices = [\"did:web:x\"]",
            "feeds[0].devices",
        ),
        (
            "name = \"cold-chain/4711/temperature\"",
            "name = \"Cold Chain\"",
            "feeds[0].name",
        ),
        ("min = -4_000", "min = 6_000", "feeds[0].min"),
        (
            "consortium_aggregator = \"0x0000000000000000000000000000000000000037\"\n",
            "",
            "feeds[0].public_aggregator",
        ),
        (
            "[oracle.operators.north]\n",
            "[oracle.operators.north]\ncolour = 1\n",
            "colour",
        ),
        (
            "listen = \"0.0.0.0:8701\"",
            "",
            "oracle.operators.north.listen",
        ),
        (
            "0x0000000000000000000000000000000000000035",
            "0x0000000000000000000000000000000000000000",
            "oracle.contracts.evidence",
        ),
    ];
    for (from, to, named) in wrong {
        assert!(FULL.contains(from), "{from}");
        let message = refused(&FULL.replacen(from, to, 1));
        assert!(message.contains(named), "{to}: {message}");
    }
}

#[test]
fn the_local_profile_deploys_the_contracts_of_devices_itself() {
    let contracts = "\n[oracle.contracts]\npublic_chain = \"public\"\nconsortium_chain = \"consortium\"\n\
        device_registry = \"0x0000000000000000000000000000000000000031\"\n\
        evidence_roll = \"0x0000000000000000000000000000000000000032\"\n\
        data_market = \"0x0000000000000000000000000000000000000033\"\n\
        device_mirror = \"0x0000000000000000000000000000000000000034\"\n\
        evidence = \"0x0000000000000000000000000000000000000035\"\n";

    let message = refused(&format!("{LOCAL}{contracts}"));

    assert!(message.contains("oracle.contracts"), "{message}");
    assert!(message.contains("left out"), "{message}");
}

#[test]
fn a_second_peg_of_a_port_and_a_second_settlement_of_a_pair_are_refused() {
    let text = named();
    let start = text.find("[pegs.gold]").unwrap();
    let end = text.find("[settlements.trade]").unwrap();
    let next = text.find("# Devices, and the operators").unwrap();
    let (peg, settlement) = (&text[start..end], &text[end..next]);

    let twice = refused(&format!("{text}\n{}", peg.replace("gold", "silver")));
    let again = refused(&format!("{text}\n{}", settlement.replace("trade", "more")));

    assert!(
        twice.contains("pegs.silver.home.port is") && twice.contains("no other peg has"),
        "{twice}"
    );
    assert!(
        again.contains("settlements.trade must be between another pair of chains"),
        "{again}"
    );
}

#[test]
fn what_the_local_profile_makes_by_itself_is_not_named_there() {
    let gateway = LOCAL.replace(
        "[hosted.public]",
        "[hosted.public]\ngateway = \"0x0000000000000000000000000000000000000004\"",
    );
    let address = "\"0x0000000000000000000000000000000000000005\"";
    let settlement = format!(
        "{LOCAL}\n[settlements.trade]\ncarrier = \"alice\"\n[settlements.trade.public]\nchain = \"public\"\n\
         escrow = {address}\nlight_client = {address}\n[settlements.trade.consortium]\nchain = \"consortium\"\n\
         settlement = {address}\n"
    );

    let gateway = refused(&gateway);
    let settlement = refused(&settlement);

    assert!(
        gateway.contains("hosted.public.gateway must be left out"),
        "{gateway}"
    );
    assert!(
        settlement.contains("settlements.trade must be left out"),
        "{settlement}"
    );
}

#[test]
fn where_members_and_elections_are_is_named_wholly_or_not_at_all() {
    let full = parse(FULL, base().path(), Purpose::Daemon).unwrap();
    assert_eq!(
        full.members.map(|(chain, _)| chain),
        Some("consortium".into())
    );
    let election = full.election.expect("the example names one");
    assert_eq!(election.keeper.as_deref(), Some("watchtower"));

    const MEMBERS: &str = "[members]\nchain = \"consortium\"";
    const ELECTION: &str = "[election]\nchain = \"public\"";
    const REGISTRY: &str = "\nregistry = \"0x0000000000000000000000000000000000000032\"\n";
    const NO_REGISTRY: &str = "\nregistry = \"0x0000000000000000000000000000000000000000\"\n";
    const SEALED: &str = "\nsealed_content = \"0x0000000000000000000000000000000000000034\"\n";
    const NO_SEALED: &str = "\nsealed_content = \"0x0000000000000000000000000000000000000000\"\n";
    const CONTRACT: &str = "\ncontract = \"0x0000000000000000000000000000000000000033\"\n";
    const NO_CONTRACT: &str = "\ncontract = \"0x0000000000000000000000000000000000000000\"\n";
    let cases = [
        (MEMBERS, "[members]\nchain = \"nowhere\"", "members.chain"),
        (MEMBERS, "[members]", "members.chain"),
        (REGISTRY, "\n", "members.chain"),
        (REGISTRY, NO_REGISTRY, "members.registry"),
        (SEALED, NO_SEALED, "members.sealed_content"),
        (
            ELECTION,
            "[election]\nchain = \"nowhere\"",
            "election.chain",
        ),
        (ELECTION, "[election]", "election.chain"),
        (CONTRACT, NO_CONTRACT, "election.contract"),
        (
            "harm nobody.   default: none\nkeeper = \"watchtower\"",
            "harm nobody.\nkeeper = \"nobody\"",
            "election.keeper",
        ),
    ];
    for (from, to, key) in cases {
        assert!(FULL.contains(from), "{from}");
        let message = refused(&named().replacen(from, to, 1));
        assert!(message.contains(key), "{key}: {message}");
    }
}

#[test]
fn what_a_reader_cannot_be_started_with_is_named() {
    let from_snapshot = "start_from_snapshot = true\n";
    let sources = named();
    let sources = sources.lines().find(|line| line.starts_with("sources = ["));
    let sources = sources.unwrap().to_owned();
    let tls = "source_tls.ca_file = \"tls/ca.pem\"\n";
    let without = |text: &str| named().replace(text, "");
    let many = format!("sources = [{}]", "\"http://a\",".repeat(17));
    for (text, key, expected) in [
        (
            named().replace(&sources, "sources = [\"ftp://user:secret@host\"]"),
            "hosted.public.sources[0]",
            "it begins with neither http:// nor https://",
        ),
        (
            named().replace(&sources, &many),
            "hosted.public.sources",
            "at most 16",
        ),
        (without(tls), "hosted.public.source_tls", "name the CA"),
        (
            named().replace(tls, &format!("{tls}source_tls.key_file = \"tls/a.key\"\n")),
            "hosted.public.source_tls",
            "or neither",
        ),
        (
            without(&sources),
            "hosted.public.start_from_snapshot",
            "come with sources",
        ),
        (
            named().replace("keep_blocks = 1_000_000", "keep_blocks = 255"),
            "hosted.public.keep_blocks",
            "at least 256",
        ),
    ] {
        let message = refused(&text);
        assert!(message.contains(key), "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
    assert!(named().contains(from_snapshot));
    let local = LOCAL.replacen(
        "kind = \"public\"\n",
        "kind = \"public\"\nsources = [\"http://127.0.0.1:1\"]\n",
        1,
    );
    assert!(refused(&local).contains("come with genesis_file"));
}
