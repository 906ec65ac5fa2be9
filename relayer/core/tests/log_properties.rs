//! The event log: bytes that are kept, one encoding, and that no change of a segment goes unseen.

use alloy_primitives::{Address, B256, Bytes, hex};
use causeway_core::log::{
    ACTS, Act, Body, Broken, ChainEvent, Entry, Follower, Head, SegmentHead, tree,
};
use proptest::prelude::*;

fn event(height: u64, index: u64, data: &[u8]) -> Body {
    Body::Event(ChainEvent {
        tx: B256::with_last_byte(index as u8),
        data: Bytes::copy_from_slice(data),
        block: B256::repeat_byte(height as u8),
        index,
        height,
        topics: vec![B256::repeat_byte(3), B256::repeat_byte(4)],
        address: Address::repeat_byte(5),
    })
}

fn acts() -> Vec<Act> {
    let text = |text: &str| text.to_owned();
    vec![
        Act::Started {
            version: text("0.1.0"),
        },
        Act::Ordered {
            task: text("root:7001:1"),
            chain: 7002,
            account: Address::repeat_byte(6),
        },
        Act::AlarmRaised {
            id: 1,
            rule: text("gap"),
            text: text("item 4 of lane 1 is missing"),
            subject: text("public/1"),
        },
        Act::AlarmAcknowledged {
            by: text("regulator"),
            id: 1,
            note: text("查 seen"),
        },
        Act::AlarmEscalated { id: 1 },
        Act::AlarmCleared { id: 1 },
        Act::Paused {
            by: text("regulator"),
            why: text("an item is withheld"),
            lane: 1,
            chain: 7001,
        },
        Act::Unpaused {
            by: text("admin"),
            why: text("it came"),
            lane: 1,
            chain: 7001,
        },
        Act::Opened {
            by: text("regulator"),
            right: text("vote 7"),
            digest: B256::repeat_byte(9),
        },
    ]
}

/// One entry of each kind, in the segments where they belong.
fn one_of_each() -> Vec<Vec<u8>> {
    let mut chain = Follower::new(7001);
    let mut own = Follower::new(ACTS);
    let first = chain.append(1_800_000_000, event(7, 0, &[1, 2, 3]));
    let acts = acts()
        .into_iter()
        .map(|act| own.append(1_800_000_001, Body::Act(act)));
    let entries = std::iter::once(first).chain(acts);
    entries.map(|entry| entry.expect("in order").1).collect()
}

fn head() -> Head {
    let segment = |id, size, height| SegmentHead {
        id,
        root: B256::repeat_byte(id as u8),
        size,
        height,
    };
    let chains = vec![segment(7002, 3, 40), segment(7001, 2, 30)];
    Head::new(1_800_000_002, segment(ACTS, 9, 0), chains)
}

#[test]
fn the_bytes_of_version_1_are_kept() {
    let mut lines: Vec<String> = one_of_each().iter().map(hex::encode).collect();
    lines.push(hex::encode(head().encode()));
    lines.push(hex::encode(head().chains_root()));
    lines.push(hex::encode(head().digest()));
    let written = lines.join("\n") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/log.v1.hex");
    if std::env::var_os("CAUSEWAY_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &written).expect("the golden file is writable");
    }

    let kept = std::fs::read_to_string(path).expect("the golden file");

    assert_eq!(written, kept, "the stored form changed");
}

#[test]
fn map_keys_stand_in_the_order_of_rfc_8949() {
    fn check(value: &ciborium::Value) {
        match value {
            ciborium::Value::Map(pairs) => {
                let keys: Vec<&str> = pairs.iter().filter_map(|(key, _)| key.as_text()).collect();
                let mut sorted = keys.clone();
                sorted.sort_by_key(|key| (key.len(), *key));
                assert_eq!(keys, sorted);
                assert_eq!(keys.len(), pairs.len());
                pairs.iter().for_each(|(_, value)| check(value));
            }
            ciborium::Value::Array(items) => items.iter().for_each(check),
            _ => {}
        }
    }

    for bytes in one_of_each().into_iter().chain([head().encode()]) {
        check(&ciborium::from_reader(bytes.as_slice()).expect("CBOR"));
    }
}

#[test]
fn what_was_written_is_read_and_encodes_to_the_same_bytes() {
    for bytes in one_of_each() {
        let entry = Entry::decode(&bytes).expect("an entry");
        assert_eq!(entry.encode(), bytes);
    }
    assert_eq!(Head::decode(&head().encode()), Some(head()));
}

#[test]
fn an_entry_of_a_later_version_is_named_as_such() {
    let mut entry = Entry::decode(&one_of_each()[0]).expect("an entry");
    entry.v = 2;

    let refused = Follower::new(7001).take(&entry.encode());

    assert!(
        matches!(refused, Err(Broken::Version { got: 2, .. })),
        "{refused:?}"
    );
}

#[test]
fn the_root_over_the_chains_knows_no_order_and_no_quiet_blocks() {
    let mut other = head();
    other.chains[0].height += 5;
    other.at += 1;
    other.acts.size += 1;
    let mut longer = head();
    longer.chains[0].size += 1;

    assert_eq!(other.chains_root(), head().chains_root());
    assert_ne!(other.digest(), head().digest());
    assert_ne!(longer.chains_root(), head().chains_root());
    assert_eq!(head().size(), 5);
}

#[test]
fn events_out_of_order_and_in_foreign_segments_are_refused() {
    let mut chain = Follower::new(7001);
    chain.append(1, event(5, 1, b"")).expect("the first");

    for (height, index) in [(5, 1), (5, 0), (4, 9)] {
        let refused = chain.append(1, event(height, index, b""));
        assert!(
            matches!(refused, Err(Broken::Order { .. })),
            "{height} {index}"
        );
    }
    let act = chain.append(1, Body::Act(Act::AlarmCleared { id: 1 }));
    assert!(matches!(act, Err(Broken::Foreign { .. })));
    let event = Follower::new(ACTS).append(1, event(1, 1, b""));
    assert!(matches!(event, Err(Broken::Foreign { .. })));
    assert_eq!(chain.len(), 1, "nothing was taken");
}

/// A segment of events as it is kept.
fn segment(data: &[Vec<u8>]) -> (Vec<Vec<u8>>, SegmentHead) {
    let mut follower = Follower::new(7001);
    let rows = data.iter().zip(1..);
    let rows = rows.map(|(data, height)| {
        let appended = follower.append(height, event(height, 0, data));
        appended.expect("in order").1
    });
    let rows = rows.collect();
    let size = follower.len();
    let root = follower.tree().root(size).expect("in range");
    (
        rows,
        SegmentHead {
            id: 7001,
            root,
            size,
            height: size,
        },
    )
}

fn checked(rows: &[Vec<u8>], head: &SegmentHead) -> Result<(), Broken> {
    let mut follower = Follower::new(7001);
    for row in rows {
        follower.take(row)?;
    }
    follower.check(head)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_events_give_the_same_root(data in proptest::collection::vec(any::<Vec<u8>>(), 1..20)) {
        let (rows, head) = segment(&data);
        let (again, same) = segment(&data);

        prop_assert_eq!(rows.clone(), again);
        prop_assert_eq!(head, same);
        prop_assert_eq!(checked(&rows, &head), Ok(()));
    }

    #[test]
    fn a_changed_byte_is_seen_and_named(
        data in proptest::collection::vec(any::<Vec<u8>>(), 1..12),
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let (mut rows, head) = segment(&data);
        let number = which.index(rows.len());
        let byte = place.index(rows[number].len());
        rows[number][byte] ^= flip;

        let broken = checked(&rows, &head).expect_err("a byte was changed");

        // The entry itself, the next one whose link does not fit, or the root of the last one.
        let named = match broken {
            Broken::Unreadable { position, .. } | Broken::NotCanonical { position, .. }
            | Broken::Misplaced { position, .. } | Broken::Order { position, .. }
            | Broken::Foreign { position, .. } | Broken::Version { position, .. } => position,
            Broken::Link { position, .. } => position.saturating_sub(u64::from(position > number as u64)),
            _ => head.size - 1,
        };
        prop_assert_eq!(named, number as u64);
    }

    #[test]
    fn a_removed_or_moved_entry_is_seen(
        data in proptest::collection::vec(any::<Vec<u8>>(), 2..12),
        one in any::<prop::sample::Index>(),
        two in any::<prop::sample::Index>(),
    ) {
        let (rows, head) = segment(&data);
        let (one, two) = (one.index(rows.len()), two.index(rows.len()));

        let mut removed = rows.clone();
        removed.remove(one);
        let broken = checked(&removed, &head).expect_err("an entry was removed");
        let named = match broken {
            Broken::Misplaced { position, .. } => position,
            Broken::Short { got, .. } => got,
            other => return Err(TestCaseError::fail(other.to_string())),
        };
        prop_assert_eq!(named, one as u64);

        if one != two {
            let mut moved = rows;
            moved.swap(one, two);
            let broken = checked(&moved, &head).expect_err("two were exchanged");
            let first = one.min(two) as u64;
            let is_named = matches!(broken, Broken::Misplaced { position, .. } if position == first);
            prop_assert!(is_named, "{broken}");
        }
    }

    #[test]
    fn a_rewritten_segment_is_seen_by_an_older_head(
        data in proptest::collection::vec(any::<Vec<u8>>(), 2..12),
        which in any::<prop::sample::Index>(),
    ) {
        let (_, head) = segment(&data);
        let mut other = data;
        let number = which.index(other.len());
        other[number].push(0);
        let (rows, _) = segment(&other);

        // Every link fits: who made this had all the time. The root does not.
        let broken = checked(&rows, &head);

        prop_assert!(matches!(broken, Err(Broken::Root { .. })), "{broken:?}");
    }

    #[test]
    fn anything_else_is_no_entry(bytes in any::<Vec<u8>>()) {
        prop_assert!(Entry::decode(&bytes).is_err());
    }
}

#[test]
fn an_entry_is_proved_against_a_head_that_was_signed_before() {
    let data: Vec<Vec<u8>> = (0..9_u8).map(|n| vec![n]).collect();
    let (rows, _) = segment(&data);
    let mut follower = Follower::new(7001);
    for row in &rows {
        follower.take(row).expect("as it was written");
    }

    let root = follower.tree().root(6).expect("it had six");
    let path = follower.tree().inclusion(4, 6).expect("in range");

    assert!(tree::is_included(tree::leaf(&rows[4]), 4, 6, &path, root));
}
