//! Views with the shapes and sizes real ones have; every text is `word`, so that hostile ones can be tried.
#![allow(missing_docs, unreachable_pub)]

use causeway_console::{
    Frame, Lang, Markup, Place, Who,
    pages::{
        alarms, chains, devices, evidence, explorer, feeds, found, health, log, members, messages,
        overview, problem, proofs, sealed, start, supply, transfer, transfers,
    },
    parts::{Money, Pager, Tone},
    plot::Sample,
    windows::{Lane, May, Window},
};

pub const NOW: u64 = 1_795_000_000;

pub fn frame(lang: Lang, word: &str) -> Frame {
    Frame {
        lang,
        path: "/transfers?kind=swap".into(),
        place: Some(Place::Overview),
        places: Place::ALL.into(),
        who: Who {
            name: Some(word.into()),
            role: Some("regulator".into()),
            may_act: true,
            may_oversee: true,
        },
        token: "00ff".into(),
        now: NOW,
    }
}

fn money(word: &str) -> Money {
    Money {
        amount: "25.000000000000000001".into(),
        unit: if word == "points" {
            word.into()
        } else {
            format!("× {word}")
        },
    }
}

fn validators(word: &str) -> Vec<chains::Validator> {
    let one = |index: u32| chains::Validator {
        vote: format!("0x{}{word}", format!("{index}a").repeat(20)),
        network: "0x77".repeat(16),
        endpoint: word.into(),
        signed: if index == 3 { 0 } else { 24 - index },
        of: 24,
    };
    (0..7).map(one).collect()
}

fn card(word: &str) -> chains::ChainCard {
    chains::ChainCard {
        name: word.into(),
        kind: "consortium".into(),
        id: 7002,
        height: Some(123_456),
        age: Some(1),
        stalled_after: 30,
        problem: Some(word.into()),
        validators: validators(word),
    }
}

fn transfer_line(word: &str) -> transfers::TransferLine {
    transfers::TransferLine {
        id: word.into(),
        kind: "peg_in".into(),
        role: "carrier".into(),
        stage: "opening".into(),
        outcome: None,
        from: word.into(),
        to: word.into(),
        give: Some(money(word)),
        want: Some(money(word)),
        alarm: Some(word.into()),
        updated: NOW,
    }
}

fn values(word: &str) -> Vec<Sample> {
    let sample = |x: u32| Sample {
        at: NOW + u64::from(x),
        value: f64::from(x % 7),
        text: word.into(),
    };
    (0..90).map(sample).collect()
}

fn lanes(word: &str) -> Vec<Lane> {
    let window = |(from, what)| Window { from, what };
    let all = [
        (NOW, May::Claim),
        (NOW + 60, May::PublicClaim),
        (NOW + 120, May::Refund),
        (NOW + 240, May::PublicRefund),
    ];
    vec![Lane {
        chain: word.into(),
        now: Some(NOW + 90),
        windows: all.map(window).into(),
        end: None,
    }]
}

fn decoded(word: &str) -> explorer::Decoded {
    explorer::Decoded {
        contract: word.into(),
        name: word.into(),
        arguments: vec![(word.into(), word.into(), word.into())],
    }
}

fn tx_line(word: &str) -> explorer::TxLine {
    explorer::TxLine {
        hash: word.into(),
        from: word.into(),
        to: Some(word.into()),
        call: Some(word.into()),
        succeeded: true,
    }
}

fn message_line(word: &str) -> messages::MessageLine {
    messages::MessageLine {
        id: word.into(),
        kind: "call".into(),
        from: word.into(),
        to: word.into(),
        sender: word.into(),
        recipient: word.into(),
        stage: word.into(),
        outcome: Some(word.into()),
        deadline: NOW,
    }
}

fn statement(word: &str) -> supply::Statement {
    supply::Statement {
        peg: word.into(),
        seq: 7,
        at: NOW,
        holds: false,
        finding: word.into(),
        missing: Some(money(word)),
        home: supply::End {
            chain: word.into(),
            port: word.into(),
            height: 5,
            is_paused: true,
        },
        side: supply::End::default(),
        books: Some(supply::Books {
            held: money(word),
            ..supply::Books::default()
        }),
    }
}

fn feed_line(word: &str) -> feeds::FeedLine {
    feeds::FeedLine {
        id: word.into(),
        name: word.into(),
        answer: Some(money(word)),
        at: Some(NOW),
        quorum: (3, 4),
        is_alarmed: true,
        is_stale: false,
    }
}

fn device_line(word: &str) -> devices::DeviceLine {
    devices::DeviceLine {
        id: word.into(),
        name: word.into(),
        owner: word.into(),
        feeds: vec![word.into()],
        reading: Some(money(word)),
        at: Some(NOW),
        health: devices::DeviceHealth::Lying,
    }
}

/// Every page, full.
fn consortium(word: &str) -> members::Consortium {
    members::Consortium {
        chain: word.into(),
        needed: 3,
        needed_for_pause: 2,
        organisations: vec![members::Organisation {
            number: 1,
            name: word.into(),
            account: word.into(),
            role: word.into(),
            validators: vec![word.into()],
            certificates: 2,
        }],
        proposals: vec![members::Proposal {
            number: 1,
            proposer: word.into(),
            told: word.into(),
            why: Some(word.into()),
            state: word.into(),
            votes: (1, 1, 3),
            closes: NOW,
        }],
        has_more: true,
    }
}

fn contest(word: &str) -> members::Contest {
    members::Contest {
        chain: word.into(),
        seats: 7,
        in_office: true,
        candidates: vec![members::Candidate {
            number: 1,
            owner: word.into(),
            endpoint: word.into(),
            score: money(word),
            deposit: money(word),
            votes: money(word),
            state: word.into(),
            elected: Some(word.into()),
            filled: 9_900,
            benched_until: None,
        }],
        more: 3,
    }
}

pub fn full(frame: &Frame, word: &str) -> Vec<(&'static str, Markup)> {
    let w = || word.to_owned();
    let pager = || Pager {
        newer: Some("/a?offset=1".into()),
        older: Some("/a?offset=50".into()),
    };
    let crossing = |progress| overview::Crossing {
        link: "/transfers/1".into(),
        kind: w(),
        from: w(),
        to: w(),
        is_outward: progress % 2 == 0,
        money: Some(money(word)),
        stage: w(),
        progress,
    };
    let view = overview::Overview {
        chains: vec![card(word), card(word)],
        crossing: (0..9).map(crossing).collect(),
        crossing_count: 9,
        pegs: vec![overview::PegLine {
            name: w(),
            holds: false,
            held: Some(money(word)),
            supply: None,
            at: NOW,
        }],
        attention: vec![overview::Attention {
            tone: Tone::Bad,
            what: "chain_stalled",
            about: w(),
            link: "/chains".into(),
        }],
        steps: vec![overview::Step {
            at: NOW,
            link: "/x".into(),
            kind: w(),
            event: w(),
            stage: w(),
            chain: Some(w()),
        }],
    };
    let chain = chains::Chain {
        card: card(word),
        hash: Some(w()),
        rpc: Some(w()),
        rpc_tls: Some(w()),
        contracts: vec![(w(), w())],
        accounts: vec![chains::Account {
            name: w(),
            address: w(),
            has: vec![money(word)],
        }],
        blocks: vec![chains::BlockLine {
            number: 3,
            hash: w(),
            time: NOW,
            transactions: 2,
        }],
        pace: vec![chains::Pace {
            number: 3,
            millis: 900,
            transactions: 2,
        }],
        pager: pager(),
    };
    let block = explorer::Block {
        chain: w(),
        hash: w(),
        proposer: w(),
        certificate: Some((5, 7)),
        transactions: vec![tx_line(word)],
        ..explorer::Block::default()
    };
    let transaction = explorer::Transaction {
        chain: w(),
        line: tx_line(word),
        symbol: Some(w()),
        call: Some(decoded(word)),
        events: vec![
            explorer::Event {
                address: w(),
                symbol: Some(w()),
                decoded: Some(decoded(word)),
                ..explorer::Event::default()
            },
            explorer::Event {
                topics: vec![w()],
                data: w(),
                ..explorer::Event::default()
            },
        ],
        evidence: Some("/v1/evidence?chain=a&tx=0x".into()),
        ..explorer::Transaction::default()
    };
    let part = transfer::Part {
        line: transfer_line(word),
        place: w(),
        next: w(),
        until: Some((w(), NOW, 90)),
        costs: w(),
        otherwise: w(),
        history: vec![transfer::Line {
            at: NOW,
            event: Some(w()),
            does: vec![w()],
            stage: w(),
            said: Some((w(), 9, Some(w()))),
        }],
        proofs: vec![(w(), w(), 9)],
    };
    let one_transfer = transfer::Transfer {
        id: w(),
        parts: vec![part],
        lanes: lanes(word),
        may_refund: true,
        refund_asked: true,
    };
    let report = evidence::Report {
        file: w(),
        bytes: 9,
        digest: w(),
        about: Some(w()),
        links: vec![evidence::Link {
            name: w(),
            verdict: evidence::Verdict::Broken,
            why: Some(w()),
        }],
        findings: vec![(7001, 9, NOW, w())],
    };
    let message = messages::Message {
        line: message_line(word),
        message_id: w(),
        payload: w(),
        result: Some(w()),
        sent: (w(), 9),
        explanation: w(),
        history: vec![messages::Said {
            chain: w(),
            tx: w(),
            said: w(),
            ..messages::Said::default()
        }],
        ..messages::Message::default()
    };
    vec![
        ("overview", overview::page(frame, &view)),
        ("chains", chains::list(frame, &view.chains)),
        ("chain", chains::page(frame, &chain)),
        ("block", explorer::block(frame, &block)),
        ("transaction", explorer::transaction(frame, &transaction)),
        (
            "transfers",
            transfers::page(
                frame,
                &transfers::Transfers {
                    rows: vec![transfer_line(word); 3],
                    filter: transfers::Filter {
                        kind: w(),
                        role: w(),
                        chain: w(),
                    },
                    chains: vec![w()],
                    pager: pager(),
                },
            ),
        ),
        ("transfer", transfer::page(frame, &one_transfer)),
        (
            "start",
            start::page(
                frame,
                &start::Start {
                    chains: vec![w()],
                    accounts: vec![w()],
                    typed: ["give", "to_account", "counterparty"]
                        .map(|field| (field.into(), w()))
                        .into(),
                    wrong: Some(w()),
                },
            ),
        ),
        (
            "messages",
            messages::list(
                frame,
                &messages::Messages {
                    rows: vec![message_line(word)],
                    pager: pager(),
                },
            ),
        ),
        ("message", messages::page(frame, &message)),
        ("supply", supply::list(frame, &[statement(word)])),
        (
            "peg",
            supply::page(
                frame,
                &supply::Peg {
                    name: w(),
                    statements: vec![statement(word)],
                    history: vec![supply::Sum::default()],
                    unit: w(),
                    pager: pager(),
                },
            ),
        ),
        (
            "proofs",
            proofs::page(
                frame,
                &[proofs::Proofs {
                    chain: w(),
                    circuits: vec![proofs::Circuit {
                        name: w(),
                        verifier: w(),
                        key: w(),
                        is_development: true,
                    }],
                    contracts: vec![(w(), w())],
                }],
            ),
        ),
        (
            "evidence",
            evidence::page(
                frame,
                &evidence::Evidence {
                    max_bytes: 8 << 20,
                    chains: vec![w()],
                    known: vec![w()],
                    report: Some(report),
                },
            ),
        ),
        (
            "members",
            members::page(
                frame,
                &members::Community {
                    chains: vec![members::Members {
                        chain: w(),
                        now: validators(word),
                        next: Some(validators(word)),
                        ..members::Members::default()
                    }],
                    consortium: members::Told::Known(consortium(word)),
                    contest: members::Told::Known(contest(word)),
                    sealed: members::Told::Known(vec![sealed::Sealed {
                        id: w(),
                        digest: w(),
                        parties: vec![w()],
                        at: NOW,
                        shares: (3, 4),
                        openings: vec![sealed::Opening {
                            number: 1,
                            to: w(),
                            why: Some(w()),
                            at: NOW,
                            released: vec![w()],
                        }],
                    }]),
                },
            ),
        ),
        (
            "members-silent",
            members::page(
                frame,
                &members::Community {
                    consortium: members::Told::Problem(w()),
                    contest: members::Told::Problem(w()),
                    sealed: members::Told::Problem(w()),
                    ..members::Community::default()
                },
            ),
        ),
        (
            "health",
            health::page(
                frame,
                &health::Health {
                    version: w(),
                    since: NOW - 100,
                    findings: vec![health::Finding {
                        check: w(),
                        is_ok: false,
                        detail: w(),
                    }],
                    metrics: vec![(w(), w(), w())],
                    has_more: true,
                },
            ),
        ),
        ("feeds", feeds::list(frame, &[feed_line(word)], &pager())),
        (
            "feed",
            feeds::page(
                frame,
                &feeds::Feed {
                    line: feed_line(word),
                    answers: values(word),
                    band: Some((1.0, 5.0)),
                    unit: w(),
                    delivered: vec![(w(), 3, NOW)],
                    devices: vec![("/devices/1".into(), w())],
                    rounds: vec![feeds::Round {
                        number: 3,
                        answer: money(word),
                        at: NOW,
                        trigger: w(),
                        signers: 3,
                    }],
                    pager: pager(),
                },
            ),
        ),
        (
            "devices",
            devices::list(frame, &[device_line(word)], &pager()),
        ),
        (
            "device",
            devices::page(
                frame,
                &devices::Device {
                    line: device_line(word),
                    key: w(),
                    certificate: w(),
                    sequence: Some(3),
                    stored: vec![(w(), 3)],
                    is_private: false,
                    readings: values(word),
                    band: Some((1.0, 5.0)),
                    unit: w(),
                    refused: vec![(NOW, w())],
                },
            ),
        ),
        (
            "alarms",
            alarms::page(
                frame,
                &alarms::Alarms {
                    rows: vec![alarms::Alarm {
                        id: w(),
                        rule: w(),
                        tone: Tone::Bad,
                        told: w(),
                        link: Some("/x".into()),
                        raised: NOW,
                        cleared: None,
                        is_escalated: true,
                        times: 3,
                        acknowledged: None,
                    }],
                    may_acknowledge: true,
                    pager: pager(),
                },
            ),
        ),
        (
            "log",
            log::page(
                frame,
                &log::Log {
                    rows: vec![log::Entry {
                        source: w(),
                        kind: w(),
                        subject: w(),
                        link: Some("/x".into()),
                        hash: w(),
                        ..log::Entry::default()
                    }],
                    size: 1,
                    root: w(),
                    anchored: Some(log::Anchor {
                        size: 1,
                        number: 2,
                        link: "/x".into(),
                        at: NOW,
                    }),
                    gaps: vec![(w(), w())],
                    broken: vec![w()],
                    query: w(),
                    pager: pager(),
                },
            ),
        ),
        ("found", found::page(frame, &[(w(), "/x".into())])),
        (
            "problem",
            problem::page(
                frame,
                &problem::Problem {
                    title: w(),
                    detail: w(),
                    what_to_do: w(),
                },
            ),
        ),
    ]
}

/// Every page that can have nothing, with nothing.
pub fn empty(frame: &Frame) -> Vec<(&'static str, Markup)> {
    let pager = Pager::default();
    vec![
        (
            "overview",
            overview::page(frame, &overview::Overview::default()),
        ),
        ("chain", chains::page(frame, &chains::Chain::default())),
        (
            "transfers",
            transfers::page(frame, &transfers::Transfers::default()),
        ),
        (
            "messages",
            messages::list(frame, &messages::Messages::default()),
        ),
        ("supply", supply::list(frame, &[])),
        ("proofs", proofs::page(frame, &[])),
        (
            "members",
            members::page(
                frame,
                &members::Community {
                    sealed: members::Told::Known(Vec::new()),
                    ..members::Community::default()
                },
            ),
        ),
        ("feeds", feeds::list(frame, &[], &pager)),
        ("devices", devices::list(frame, &[], &pager)),
        ("alarms", alarms::page(frame, &alarms::Alarms::default())),
        ("log", log::page(frame, &log::Log::default())),
    ]
}
