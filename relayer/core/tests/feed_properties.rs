//! What holds of a feed for any sequence of events, in any order, with any times.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes};
use causeway_adapter_api::{ChainId, Timestamp};
use causeway_core::feed::{
    self, Alarm, Answer, Band, Complete, Effect, Event, Millis, Observation, Pace, Place, Proposal,
    Report, Round, Rules, Sample, Settings, SignedObservation, State,
};
use proptest::prelude::*;

const CHAIN: ChainId = ChainId(1);
const OPERATORS: u8 = 7;

fn rules() -> Rules {
    let pace = Pace {
        gather: Millis(100),
        resend: Millis(500),
        patience: Millis(2_000),
        stage: Millis(300),
        fresh: Millis(5_000),
        skew: Millis(1_000),
    };
    let settings = Settings {
        config: B256::repeat_byte(1),
        operators: OPERATORS,
        me: Place(2),
        chains: vec![CHAIN],
        min: -1_000,
        max: 1_000,
        band: band(),
        deviation: 50,
        heartbeat: Millis(3_000),
        pace,
    };
    settings.check().expect("sound")
}

fn band() -> Band {
    Band {
        low: 200,
        high: 800,
        hysteresis: 50,
        duration: 12,
    }
}

fn part(round: Round, value: i128, at: Millis) -> SignedObservation {
    let sample = Sample { value, at };
    SignedObservation {
        observation: Observation { round, sample },
        signature: Bytes::new(),
    }
}

prop_compose! {
    fn some_parts(round: Round)(
        parts in prop::collection::btree_map(0_u8..9, (-1_100_i128..1_100, 0_u64..9_000), 0..9)
    ) -> BTreeMap<Place, SignedObservation> {
        let parts = parts.into_iter();
        parts.map(|(place, (value, at))| (Place(place), part(round, value, Millis(at)))).collect()
    }
}

fn some_event() -> impl Strategy<Value = Event> {
    let round = (0_u32..6).prop_map(Round);
    let place = (0_u8..9).prop_map(Place);
    let value = -1_100_i128..1_100;
    let at = (0_u64..9_000).prop_map(Millis);
    let proposal = round.clone().prop_flat_map(some_parts);
    prop_oneof![
        3 => Just(Event::Tick),
        3 => (value.clone(), at.clone())
            .prop_map(|(value, at)| Event::Sampled(Sample { value, at })),
        1 => round.clone().prop_map(|round| Event::Requested { chain: CHAIN, round }),
        1 => (round.clone(), value.clone(), 0_u64..9).prop_map(|(round, value, second)| {
            let observed_at = Timestamp(second);
            Event::Answered { chain: CHAIN, answer: Answer { round, value, observed_at } }
        }),
        6 => (place.clone(), round.clone(), value, at)
            .prop_map(|(from, round, value, at)| Event::Observed { from, signed: part(round, value, at) }),
        3 => proposal.clone().prop_filter_map("no parts", |parts| {
            let report = Report::of(&parts)?;
            let from = rules().leader(report.round);
            Some(Event::Proposed { from, proposal: Proposal { report, parts } })
        }),
        4 => (place, round).prop_map(|(from, round)| {
            let signature = Bytes::new();
            Event::Signed { from, round, signature }
        }),
        1 => proposal.prop_filter_map("no parts", |parts| {
            let report = Report::of(&parts)?;
            Some(Event::Completed(Complete { report, signatures: BTreeMap::new() }))
        }),
    ]
}

fn some_history() -> impl Strategy<Value = Vec<(u64, Event)>> {
    prop::collection::vec((0_u64..700, some_event()), 0..60)
}

/// Every accepted step: its time, the state after it, and what it asked for. What goes to ourselves comes back.
fn trace(history: &[(u64, Event)]) -> Vec<(Millis, State, Vec<Effect>)> {
    let (mut state, mut time, mut all) = (feed::begin(&rules(), Round(0)), 0, Vec::new());
    for (pause, event) in history {
        time += pause;
        let mut events = vec![event.clone()];
        while let Some(event) = events.pop() {
            let now = Millis(time);
            let Ok((next, effects)) = feed::step(&state, &event, now, &rules()) else {
                continue;
            };
            events.extend(effects.iter().filter_map(|effect| match effect {
                Effect::Propose(proposal) => Some(Event::Proposed {
                    from: rules().me,
                    proposal: proposal.clone(),
                }),
                _ => None,
            }));
            state = next;
            all.push((now, state.clone(), effects));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn one_report_of_a_round_is_signed_and_rounds_never_go_back(history in some_history()) {
        let mut signed: BTreeMap<Round, Report> = BTreeMap::new();
        let mut last = Round(0);
        for (_, state, effects) in trace(&history) {
            prop_assert!(state.round >= last);
            last = state.round;
            for effect in effects {
                if let Effect::Sign { report, to } = effect {
                    prop_assert_eq!(to, rules().leader(report.round));
                    prop_assert!(signed.keys().next_back().is_none_or(|newest| *newest <= report.round));
                    let first = signed.entry(report.round).or_insert_with(|| report.clone());
                    prop_assert_eq!(&*first, &report);
                }
            }
        }
    }

    #[test]
    fn what_is_signed_is_what_a_chain_takes(history in some_history()) {
        for (now, _, effects) in trace(&history) {
            for effect in effects {
                let Effect::Sign { report, .. } = effect else { continue };
                prop_assert!(report.values.len() >= rules().quorum());
                prop_assert!(report.values.windows(2).all(|pair| pair[0] <= pair[1]));
                prop_assert_eq!(report.observers.count_ones() as usize, report.values.len());
                prop_assert_eq!(report.observers >> OPERATORS, 0);
                let answer = report.answer().expect("some");
                prop_assert!((-1_000..=1_000).contains(&answer));
                prop_assert!(Millis::from_seconds(report.observed_at) <= now.plus(rules().pace.skew));
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_old_samples_are_not_observed(history in some_history()) {
        for (now, state, effects) in trace(&history) {
            prop_assert!(state.heard.len() <= OPERATORS.into());
            prop_assert!(state.signatures.len() <= OPERATORS.into());
            for effect in effects {
                if let Effect::Observe(observation) = effect {
                    prop_assert_eq!(observation.round, state.round);
                    prop_assert!(now <= observation.sample.at.plus(rules().pace.fresh));
                }
            }
        }
    }

    #[test]
    fn a_repeated_event_changes_nothing_but_what_is_sent_again(history in some_history(), last in some_event()) {
        let mut time = Millis(0);
        let mut state = feed::begin(&rules(), Round(0));
        if let Some((now, reached, _)) = trace(&history).pop() {
            (time, state) = (now, reached);
        }
        let Ok((once, _)) = feed::step(&state, &last, time, &rules()) else { return Ok(()) };
        if let Ok((twice, effects)) = feed::step(&once, &last, time, &rules()) {
            let again = |effect: &Effect| matches!(effect, Effect::Sign { .. });
            prop_assert!(effects.iter().all(again), "{:?}", effects);
            prop_assert_eq!(twice, once);
        }
    }

    #[test]
    fn a_state_that_was_stored_goes_on_alike(history in some_history(), more in some_event(), pause in 0_u64..5_000) {
        let Some((now, state, _)) = trace(&history).pop() else { return Ok(()) };
        let stored = serde_json::to_vec(&feed::Stored::from(state.clone())).expect("serialises");
        let restored: State = serde_json::from_slice::<feed::Stored>(&stored).expect("parses").into();
        let later = now.plus(Millis(pause));
        prop_assert_eq!(
            feed::step(&restored, &more, later, &rules()),
            feed::step(&state, &more, later, &rules())
        );
    }

    #[test]
    fn the_median_lies_between_honest_observations(
        parts in prop::collection::btree_map(0_u8..OPERATORS, -1_000_i128..1_000, 5..=7),
        liars in prop::collection::btree_set(0_u8..9, 0..=2)
    ) {
        let liars: BTreeSet<Place> = liars.into_iter().map(Place).collect();
        let parts = parts.into_iter();
        let parts: BTreeMap<_, _> =
            parts.map(|(place, value)| (Place(place), part(Round(1), value, Millis(0)))).collect();
        let honest = parts.iter().filter(|(place, _)| !liars.contains(place));
        let honest: Vec<i128> = honest.map(|(_, part)| part.observation.sample.value).collect();
        let answer = Report::of(&parts).and_then(|report| report.answer()).expect("some");
        prop_assert!(honest.iter().any(|value| *value <= answer));
        prop_assert!(honest.iter().any(|value| *value >= answer));
    }

    /// The last answers alone decide: written another way than the machine.
    #[test]
    fn alarms_are_those_of_the_book(answers in prop::collection::vec((0_i128..1_000, 0_u64..9), 0..40)) {
        let (mut alarm, mut expected, mut turned, mut time) = (Alarm::default(), false, 0, 0);
        let mut seen: Vec<(i128, u64)> = Vec::new();
        for (answer, pause) in answers {
            time += pause;
            seen.push((answer, time));
            alarm = alarm.next(&band(), answer, Timestamp(time));
            let wanted = |value: i128| if expected {
                (250..=750).contains(&value)
            } else {
                !(200..=800).contains(&value)
            };
            let recent = seen.get(turned..).unwrap_or_default();
            let run = recent.iter().rev().take_while(|(value, _)| wanted(*value));
            if run.last().is_some_and(|(_, since)| time - since >= 12) {
                (expected, turned) = (!expected, seen.len());
            }
            prop_assert_eq!(alarm.raised, expected);
        }
    }
}
