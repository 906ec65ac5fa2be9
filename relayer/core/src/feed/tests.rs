use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, address, b256, bytes};
use causeway_adapter_api::{ChainId, Timestamp};

use super::*;

const A: ChainId = ChainId(1);
const B: ChainId = ChainId(2);
const START: u64 = 1_800_000_000_000;

fn settings(me: u8) -> Settings {
    Settings {
        config: B256::repeat_byte(0x11),
        operators: 4,
        me: Place(me),
        chains: vec![A, B],
        min: -4_000,
        max: 6_000,
        band: band(),
        deviation: 50,
        heartbeat: Millis(60_000),
        pace: Pace {
            gather: Millis(100),
            resend: Millis(500),
            patience: Millis(2_000),
            stage: Millis(300),
            fresh: Millis(10_000),
            skew: Millis(1_000),
        },
    }
}

fn band() -> Band {
    Band {
        low: 200,
        high: 800,
        hysteresis: 50,
        duration: 120,
    }
}

fn rules(me: u8) -> Rules {
    settings(me).check().expect("sound")
}

fn at(millis: u64) -> Millis {
    Millis(START + millis)
}

fn sample(value: i128, millis: u64) -> Event {
    let at = at(millis);
    Event::Sampled(Sample { value, at })
}

fn part(place: u8, round: u32, value: i128) -> SignedObservation {
    let sample = Sample {
        value,
        at: at(u64::from(place)),
    };
    SignedObservation {
        observation: Observation {
            round: Round(round),
            sample,
        },
        signature: Bytes::from(vec![place]),
    }
}

fn observed(place: u8, round: u32, value: i128) -> Event {
    Event::Observed {
        from: Place(place),
        signed: part(place, round, value),
    }
}

fn parts(round: u32, values: &[(u8, i128)]) -> BTreeMap<Place, SignedObservation> {
    let parts = values.iter();
    parts
        .map(|(place, value)| (Place(*place), part(*place, round, *value)))
        .collect()
}

fn proposal(round: u32, values: &[(u8, i128)]) -> Proposal {
    let parts = parts(round, values);
    let report = Report::of(&parts).expect("parts");
    Proposal { report, parts }
}

fn proposed(round: u32, values: &[(u8, i128)]) -> Event {
    Event::Proposed {
        from: Place((round % 4) as u8),
        proposal: proposal(round, values),
    }
}

fn complete(round: u32) -> Complete {
    let signatures = (0..3).map(|p| (Place(p), Bytes::from(vec![p])));
    Complete {
        report: proposal(round, &THREE).report,
        signatures: signatures.collect(),
    }
}

fn answer(chain: ChainId, round: u32, value: i128) -> Event {
    let answer = Answer {
        round: Round(round),
        value,
        observed_at: Timestamp(START / 1_000),
    };
    Event::Answered { chain, answer }
}

const THREE: [(u8, i128); 3] = [(0, 400), (1, 410), (2, 420)];

/// Applies events, each at its time; every one must be accepted.
fn run(me: u8, events: &[(u64, Event)]) -> (State, Vec<Effect>) {
    let (mut state, mut all) = (begin(&rules(me), Round(0)), Vec::new());
    for (millis, event) in events {
        let (next, effects) = step(&state, event, at(*millis), &rules(me)).expect("accepted");
        state = next;
        all.extend(effects);
    }
    (state, all)
}

fn refused(me: u8, before: &[(u64, Event)], millis: u64, event: &Event) -> Why {
    let (state, _) = run(me, before);
    step(&state, event, at(millis), &rules(me))
        .expect_err("refused")
        .why
}

fn names(effects: &[Effect]) -> Vec<&'static str> {
    let name = |effect: &Effect| match effect {
        Effect::Observe(_) => "observe",
        Effect::Propose(_) => "propose",
        Effect::Sign { .. } => "sign",
        Effect::Publish(_) => "publish",
        Effect::Transmit { .. } => "transmit",
    };
    effects.iter().map(name).collect()
}

/// Round 1 as its leader sees it, up to the complete report.
fn led() -> Vec<(u64, Event)> {
    let mut events = vec![
        (0, sample(410, 0)),
        (10, observed(0, 1, 400)),
        (20, observed(1, 1, 410)),
        (30, observed(2, 1, 420)),
        (130, Event::Tick),
        (140, proposed(1, &THREE)),
    ];
    for place in 0..3 {
        let signature = Bytes::from(vec![place]);
        let (from, round) = (Place(place), Round(1));
        let event = Event::Signed {
            from,
            round,
            signature,
        };
        events.push((150 + u64::from(place), event));
    }
    events
}

// ---- F1: when a round begins

#[test]
fn a_first_sample_begins_the_first_round() {
    let (state, effects) = run(0, &[(0, sample(400, 0))]);

    assert_eq!(state.round, Round(1));
    assert_eq!(names(&effects), ["observe"]);
}

#[test]
fn an_answered_feed_rests_until_deviation_heartbeat_or_request() {
    let mut rest = vec![
        (0, sample(400, 0)),
        (1, answer(A, 1, 400)),
        (1, answer(B, 1, 400)),
    ];
    rest.push((2, sample(449, 2)));
    assert_eq!(run(0, &rest).0.round, Round(1));

    let with = |millis, event| {
        let mut events = rest.clone();
        events.push((millis, event));
        run(0, &events).0.round
    };
    assert_eq!(with(3, sample(450, 3)), Round(2), "deviation");
    let (chain, round) = (B, Round(2));
    assert_eq!(
        with(3, Event::Requested { chain, round }),
        Round(2),
        "request"
    );
    let mut late = rest.clone();
    late.extend([(59_999, sample(400, 59_999)), (60_000, Event::Tick)]);
    assert_eq!(run(0, &late).0.round, Round(2), "heartbeat");
}

#[test]
fn a_feed_whose_devices_are_silent_says_nothing_old() {
    let rest = [
        (0, sample(400, 0)),
        (1, answer(A, 1, 400)),
        (1, answer(B, 1, 400)),
    ];
    let mut events = rest.to_vec();
    events.push((60_000, Event::Tick));

    assert_eq!(run(0, &events).0.round, Round(1));
}

#[test]
fn implausible_and_old_samples_are_refused() {
    assert_eq!(refused(0, &[], 0, &sample(6_001, 0)), Why::Implausible);
    assert_eq!(refused(0, &[], 0, &sample(i128::MIN, 0)), Why::Implausible);
    assert_eq!(
        refused(0, &[(0, sample(1, 5))], 6, &sample(2, 5)),
        Why::Known
    );
}

// ---- F4: where the honest are

#[test]
fn f_liars_do_not_pull_anybody_into_a_round() {
    let far = observed(3, u32::MAX, 400);
    let (state, _) = run(0, &[(0, sample(400, 0)), (1, far)]);

    assert_eq!(state.round, Round(1));
}

#[test]
fn f_plus_one_operators_are_followed() {
    let events = [
        (0, sample(400, 0)),
        (1, observed(3, 9, 400)),
        (2, observed(2, 7, 400)),
    ];
    let (state, effects) = run(0, &events);

    assert_eq!(state.round, Round(7));
    assert_eq!(names(&effects), ["observe", "observe"]);
}

#[test]
fn observations_of_nobody_of_the_future_or_implausible_are_refused() {
    assert_eq!(refused(0, &[], 0, &observed(4, 1, 400)), Why::Foreign);
    assert_eq!(refused(0, &[], 0, &observed(1, 1, 9_999)), Why::Implausible);
    let early = Event::Observed {
        from: Place(1),
        signed: part(1, 1, 400),
    };
    let (state, rules) = (begin(&rules(0), Round(0)), rules(0));
    let before = Millis(START - 1_000);
    let why = step(&state, &early, before, &rules)
        .expect_err("refused")
        .why;
    assert_eq!(why, Why::TimeRefused);
    assert_eq!(
        refused(0, &[(5, observed(1, 2, 4))], 6, &observed(1, 1, 4)),
        Why::Known
    );
}

// ---- F5, F6, F7: proposing and signing

#[test]
fn a_leader_makes_one_report_and_completes_it() {
    let (state, effects) = run(1, &led());

    let expected = [
        "observe", "propose", "sign", "publish", "transmit", "transmit",
    ];
    assert_eq!(names(&effects), expected);
    let report = &state.complete.expect("complete").0.report;
    assert_eq!((report.answer(), report.observers), (Some(410), 7));
    assert_eq!(report.observed_at, Timestamp(START / 1_000));
}

#[test]
fn a_leader_waits_no_longer_than_for_all() {
    let mut events = led()[..4].to_vec();
    events.push((31, observed(3, 1, 430)));
    let (_, effects) = run(1, &events);

    assert_eq!(names(&effects), ["observe", "propose"]);
}

#[test]
fn what_was_signed_is_signed_again_and_nothing_else_of_that_round() {
    let first = (1, proposed(1, &THREE));
    let (_, effects) = run(3, &[first.clone(), (2, proposed(1, &THREE))]);
    assert_eq!(names(&effects), ["sign", "sign"]);

    let other = proposed(1, &[(0, 400), (1, 410), (3, 420)]);
    assert_eq!(
        refused(3, std::slice::from_ref(&first), 2, &other),
        Why::SignedAnother
    );
    let (_, effects) = run(3, &[first, (2, proposed(2, &THREE))]);
    assert_eq!(names(&effects), ["sign", "sign"]);
}

#[test]
fn a_proposal_of_the_wrong_leader_round_or_parts_is_refused() {
    let from = |place, proposal| Event::Proposed {
        from: Place(place),
        proposal,
    };
    assert_eq!(
        refused(3, &[], 1, &from(2, proposal(1, &THREE))),
        Why::NotLeader
    );
    let later = [(1, proposed(2, &THREE))];
    assert_eq!(refused(3, &later, 2, &proposed(1, &THREE)), Why::OldRound);
    let few = proposed(1, &[(0, 400), (1, 410)]);
    assert_eq!(refused(3, &[], 1, &few), Why::NotItsObservations);
    let mut changed = proposal(1, &THREE);
    changed.report.values[1] = 411;
    assert_eq!(
        refused(3, &[], 1, &from(1, changed)),
        Why::NotItsObservations
    );
    let mut moved = proposal(1, &THREE);
    moved.report.observed_at = Timestamp(1);
    assert_eq!(refused(3, &[], 1, &from(1, moved)), Why::NotItsObservations);
    let mut mixed = proposal(1, &THREE);
    mixed.parts.insert(Place(3), part(3, 2, 400));
    assert_eq!(refused(3, &[], 1, &from(1, mixed)), Why::NotItsObservations);
    let stranger = proposed(1, &[(0, 400), (1, 410), (4, 420)]);
    assert_eq!(refused(3, &[], 1, &stranger), Why::Foreign);
    let wild = proposed(1, &[(0, 400), (1, 7_000), (2, 8_000)]);
    assert_eq!(refused(3, &[], 1, &wild), Why::Implausible);
}

#[test]
fn data_that_is_old_or_of_the_future_is_not_signed() {
    assert_eq!(
        refused(3, &[], 10_001, &proposed(1, &THREE)),
        Why::TimeRefused
    );
    let (state, rules) = (begin(&rules(3), Round(0)), rules(3));
    let early = Millis(START - 1_001);
    let why = step(&state, &proposed(1, &THREE), early, &rules)
        .expect_err("refused")
        .why;
    assert_eq!(why, Why::TimeRefused);
    let newer = Answer {
        round: Round(1),
        value: 1,
        observed_at: Timestamp(START / 1_000 + 1),
    };
    let newer = (
        0,
        Event::Answered {
            chain: A,
            answer: newer,
        },
    );
    assert_eq!(
        refused(3, &[newer], 1, &proposed(2, &THREE)),
        Why::TimeRefused
    );
}

#[test]
fn signatures_of_nothing_proposed_count_for_nothing() {
    let signature = Bytes::from(vec![1]);
    let (from, round) = (Place(2), Round(1));
    let event = Event::Signed {
        from,
        round,
        signature,
    };
    assert_eq!(refused(1, &[], 0, &event), Why::NoProposal);
}

// ---- F8, F9: silence

#[test]
fn a_round_that_takes_too_long_is_followed_by_the_next_with_more_patience() {
    let begun = led()[..4].to_vec();
    let with = |ticks: &[u64]| {
        let mut events = begun.clone();
        events.extend(ticks.iter().map(|millis| (*millis, Event::Tick)));
        run(0, &events).0
    };
    assert_eq!(with(&[2_029]).round, Round(1));
    assert_eq!(with(&[2_030]).round, Round(2));
    assert_eq!(
        with(&[2_030, 9_000]).round,
        Round(2),
        "not while too few are in it"
    );
    assert_eq!(with(&[2_030]).attempts, 1);
}

#[test]
fn what_may_be_lost_is_said_again() {
    let mut events = led()[..5].to_vec();
    events.push((500, Event::Tick));
    let (_, effects) = run(1, &events);

    assert_eq!(
        names(&effects),
        ["observe", "propose", "observe", "propose"]
    );
}

#[test]
fn others_send_in_their_turn_what_a_chain_still_lacks() {
    let events = |millis| {
        [
            (10, Event::Completed(complete(1))),
            (20, answer(A, 1, 410)),
            (millis, Event::Tick),
        ]
    };
    // Round 1 is led by place 1: place 3 is the second after it.
    assert_eq!(names(&run(3, &events(609)).1), [""; 0]);
    let (_, effects) = run(3, &events(610));
    let [Effect::Transmit { chain, .. }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(*chain, B);
    assert_eq!(
        refused(3, &events(10), 700, &Event::Completed(complete(1))),
        Why::Known
    );
}

#[test]
fn a_transaction_that_did_not_help_is_asked_for_again() {
    let mut events = led();
    events.extend([(2_151, Event::Tick), (2_152, Event::Tick)]);
    let (_, effects) = run(1, &events);

    let sent = names(&effects)
        .into_iter()
        .filter(|name| *name == "transmit");
    assert_eq!(sent.count(), 4);
}

// ---- alarm

#[test]
fn alarms_follow_the_answers_of_each_chain() {
    let alarm = |steps: &[(i128, u64)]| {
        let steps = steps.iter();
        steps.fold(Alarm::default(), |alarm, (value, at)| {
            alarm.next(&band(), *value, Timestamp(*at))
        })
    };
    assert!(!alarm(&[(801, 0), (801, 119)]).raised);
    assert!(alarm(&[(801, 0), (801, 120)]).raised);
    assert!(alarm(&[(199, 0), (5_000, 120)]).raised, "beyond either end");
    assert!(
        !alarm(&[(801, 0), (800, 60), (801, 120)]).raised,
        "interrupted"
    );
    assert!(
        alarm(&[(801, 0), (801, 120), (751, 130), (751, 300)]).raised,
        "hysteresis"
    );
    assert!(
        !alarm(&[(801, 0), (801, 120), (750, 130), (250, 250)]).raised,
        "cleared"
    );
    let (state, _) = run(0, &[(0, answer(A, 1, 900))]);
    assert_eq!(state.seen[0].alarm.since, Some(Timestamp(START / 1_000)));
    assert_eq!(state.seen[1].alarm, Alarm::default());
    assert_eq!(
        refused(0, &[(0, answer(A, 1, 900))], 1, &answer(A, 1, 900)),
        Why::Known
    );
    assert_eq!(
        refused(0, &[], 1, &answer(ChainId(3), 1, 900)),
        Why::Foreign
    );
}

#[test]
fn a_band_at_the_end_of_numbers_never_wraps() {
    let band = Band {
        low: i128::MIN,
        high: i128::MAX,
        hysteresis: u128::MAX,
        duration: 0,
    };
    let alarm = Alarm::default().next(&band, 0, Timestamp(0));
    assert!(!alarm.raised);
    let raised = Alarm {
        raised: true,
        since: None,
    };
    assert!(raised.next(&band, 0, Timestamp(0)).raised);
}

// ---- settings, digests, messages

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings(0);
        change(&mut settings);
        settings.check().expect_err("refused").to_string()
    };
    for operators in [0, 1, 3, 5, 6, 32, 34] {
        let mut settings = settings(0);
        settings.operators = operators;
        let error = settings.check().expect_err("refused");
        assert_eq!(error, BadSettings::ConfigOperators { got: operators });
    }
    assert!(with(|s| s.me = Place(4)).contains("place: 4 of 4"));
    assert!(with(|s| s.chains.clear()).contains("chains"));
    assert!(with(|s| s.chains.push(A)).contains("chains"));
    assert!(with(|s| s.min = 6_000).contains("plausible range"));
    assert!(with(|s| s.config = B256::ZERO).contains("config is zero"));
    assert!(with(|s| s.deviation = 0).contains("deviation is zero"));
    assert!(with(|s| s.heartbeat = Millis(0)).contains("heartbeat is zero"));
    assert!(with(|s| s.pace.resend = Millis(0)).contains("resend is zero"));
    assert!(with(|s| s.pace.patience = Millis(0)).contains("patience is zero"));
    assert!(with(|s| s.pace.fresh = Millis(0)).contains("fresh is zero"));
}

/// `contracts/test/OracleVectors.t.sol` has the same.
#[test]
fn the_digest_of_a_report_is_that_of_the_contract() {
    let report = Report {
        round: Round(7),
        observed_at: Timestamp(1_800_000_000),
        observers: 11,
        values: vec![-425, 12, 600],
    };
    let expected = b256!("5fa77e7a84380edcd8ee15d4e5efaa51025385b7e7d5458a816e83406cd59c0d");
    assert_eq!(report.digest(B256::repeat_byte(0x11)), expected);
    let observation = Observation {
        round: Round(7),
        sample: Sample {
            value: -425,
            at: Millis(1_800_000_000_123),
        },
    };
    let expected = b256!("f854440ee05871e4bd70fef3251e0a1cd17ba5abb1fd5a799d1a7e1dd4810293");
    assert_eq!(observation.digest(B256::repeat_byte(0x11)), expected);
}

#[test]
fn messages_of_the_wrong_size_place_or_signature_are_refused_before_they_say_anything() {
    let roster = Roster::new((1..=4).map(Address::repeat_byte).collect());
    let (state, rules) = (begin(&rules(0), Round(0)), rules(0));
    let open = |from, message| roster.open(Place(from), message, &state, &rules);
    let observation = |length| {
        let mut signed = part(1, 1, 400);
        signed.signature = Bytes::from(vec![1; length]);
        Message::Observation(signed)
    };
    assert_eq!(
        open(4, observation(64)),
        Err(BadMessage::PeerUnknown(Place(4)))
    );
    for length in [0, 63, 65] {
        let (place, got) = (Place(1), length);
        let expected = BadMessage::PeerSignatureMalformed { place, got };
        assert_eq!(open(1, observation(length)), Err(expected));
    }
    let wrong = open(1, observation(64)).expect_err("refused");
    assert!(
        matches!(wrong, BadMessage::PeerSignatureWrong { .. }),
        "{wrong}"
    );
    let few = Message::Proposal(proposal(1, &[(0, 1), (1, 2)]));
    let (got, min, max) = (2, 3, 4);
    assert_eq!(
        open(1, few),
        Err(BadMessage::PeerPartsRefused { got, min, max })
    );
    let mut many = complete(1);
    many.signatures = (0..=u8::MAX).map(|p| (Place(p), Bytes::new())).collect();
    let got = 256;
    let expected = BadMessage::PeerPartsRefused { got, min, max };
    assert_eq!(open(1, Message::Complete(many)), Err(expected));
    let (round, signature) = (Round(1), Bytes::new());
    let nothing = Message::Signature { round, signature };
    assert_eq!(open(1, nothing), Err(BadMessage::PeerNoProposal(round)));
}

/// Signed by another library with the key of 32 bytes 7.
#[test]
fn a_signature_of_another_library_is_accepted_and_counts_for_its_maker_alone() {
    let account = address!("4a62316623ad457f02cdc5d997ded67a383ec569");
    let roster = Roster::new(vec![Address::ZERO, Address::ZERO, account, Address::ZERO]);
    let signature = bytes!(
        "c5fde91e66770ca038296652c0f44085d9f4033b841db086c91e2e271ea3328d"
        "7bd0160c0ec341ac66d6af03fbe43c60c4936c1a3ba96639e4e1c82987825ae7"
    );
    let sample = Sample {
        value: -425,
        at: Millis(1_800_000_000_123),
    };
    let observation = Observation {
        round: Round(7),
        sample,
    };
    let signed = SignedObservation {
        observation,
        signature,
    };
    let (state, rules) = (begin(&rules(0), Round(0)), rules(0));
    let open = |from, signed: &SignedObservation| {
        let message = Message::Observation(signed.clone());
        roster.open(Place(from), message, &state, &rules)
    };

    let from = Place(2);
    let event = Event::Observed {
        from,
        signed: signed.clone(),
    };
    assert_eq!(open(2, &signed), Ok(event));
    let mut changed = signed.clone();
    changed.observation.sample.value = -424;
    for (from, signed) in [(1, &signed), (2, &changed)] {
        let error = open(from, signed).expect_err("refused");
        assert!(
            matches!(error, BadMessage::PeerSignatureWrong { .. }),
            "{error}"
        );
    }
}

#[test]
fn the_next_time_that_matters_is_after_now() {
    let (state, _) = run(0, &[(0, sample(400, 0))]);
    assert_eq!(wake(&state, at(0), &rules(0)), Some(at(500)));
    assert_eq!(wake(&state, at(500), &rules(0)), None);
    assert_eq!(wake(&begin(&rules(0), Round(0)), at(0), &rules(0)), None);
}
