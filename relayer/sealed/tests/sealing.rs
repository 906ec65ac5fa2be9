//! What is sealed opens for parties, and for whoever enough holders release their shares to; for nobody else.
#![allow(missing_docs)]

use alloy_primitives::{Address, B256, b256};
use causeway_sealed::{
    ContentKey, MAX_CONTENT, OpenError, Place, Points, Released, SEALED_KEY, SealError, Sealed,
    SealingKey, ShareError, combine, open_file, open_whole, release, seal,
};
use proptest::{prelude::*, sample::subsequence};
use rand::{SeedableRng as _, rngs::StdRng};

const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);
const GRANT: u64 = 3;
const PLACE: Place = Place {
    chain: 7001,
    contract: Address::repeat_byte(0x5c),
    owner: ALICE,
};

fn key(seed: u8) -> SealingKey {
    SealingKey::of_account(&[seed; 32])
}

fn holder(number: u32) -> SealingKey {
    key(u8::try_from(100 + number).expect("a small number"))
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(1)
}

fn regulator() -> SealingKey {
    key(9)
}

/// Sealed for alice and bob, and for so many holders; holder `i` is organisation `10 i`.
fn sealed(content: &[u8], needed: u32, holders: u32) -> Sealed {
    let parties = [(ALICE, key(1).public()), (BOB, key(2).public())];
    let holders: Vec<_> = (1..=holders)
        .map(|n| (n * 10, holder(n).public()))
        .collect();
    seal(&PLACE, content, needed, &parties, &holders, &mut rng()).expect("sealed")
}

fn share_of(sealed: &Sealed, number: u32) -> Released<'_> {
    Released {
        content: sealed.content,
        organisation: number * 10,
        number,
        sealed: &sealed.shares[number as usize - 1],
    }
}

fn released(sealed: &Sealed, number: u32) -> [u8; SEALED_KEY] {
    let to = (GRANT, regulator().public());
    let share = share_of(sealed, number);
    release(&holder(number), &share, &sealed.points, to, &mut rng()).expect("a share")
}

fn combined(
    sealed: &Sealed,
    shares: &[(u32, [u8; SEALED_KEY])],
) -> (Result<ContentKey, ShareError>, Vec<u32>) {
    let shares: Vec<_> = shares
        .iter()
        .map(|(number, bytes)| Released {
            sealed: bytes,
            ..share_of(sealed, *number)
        })
        .collect();
    let (key, bad) = combine(&regulator(), GRANT, &sealed.points, &shares);
    (key, bad.iter().map(|bad| bad.organisation).collect())
}

fn opened(sealed: &Sealed, key: &ContentKey) -> Result<Vec<u8>, OpenError> {
    let expected = (sealed.digest, sealed.commitment);
    open_file(&PLACE, &sealed.file, key, expected).map(|plain| plain.to_vec())
}

#[test]
fn each_party_opens_it_alone() {
    let sealed = sealed(b"37 bundles", 3, 4);

    for (account, seed, place) in [(ALICE, 1, 0), (BOB, 2, 1)] {
        let whole = &sealed.wholes[place];
        let found = open_whole(&key(seed), sealed.content, account, &sealed.points, whole).unwrap();
        assert_eq!(opened(&sealed, &found).unwrap(), b"37 bundles");
        // Nobody opens what is sealed for another, nor under another's name.
        let other = open_whole(&key(3), sealed.content, account, &sealed.points, whole);
        assert_eq!(other, Err(ShareError::NotForThisKey));
        let renamed = open_whole(
            &key(seed),
            sealed.content,
            PLACE.contract,
            &sealed.points,
            whole,
        );
        assert_eq!(renamed, Err(ShareError::NotForThisKey));
    }
}

#[test]
fn too_few_shares_open_nothing() {
    let sealed = sealed(b"content", 3, 4);
    let shares = [1, 2].map(|n| (n, released(&sealed, n)));

    let (key, bad) = combined(&sealed, &shares);

    assert_eq!(key, Err(ShareError::TooFew { good: 2, needed: 3 }));
    assert!(bad.is_empty());
    // One share three times is one share.
    let same = released(&sealed, 4);
    let (key, _) = combined(&sealed, &[(4, same), (4, same), (4, same)]);
    assert_eq!(key, Err(ShareError::TooFew { good: 1, needed: 3 }));
}

#[test]
fn a_wrong_share_is_named_and_the_others_are_used() {
    let sealed = sealed(b"content", 3, 4);
    let mut shares = [1, 2, 3, 4].map(|n| (n, released(&sealed, n)));
    // The second gives what is the third's, the first something changed.
    shares[1].1 = shares[2].1;

    let (found, bad) = combined(&sealed, &shares);
    assert_eq!(bad, [20]);
    assert_eq!(opened(&sealed, &found.unwrap()).unwrap(), b"content");

    shares[0].1[SEALED_KEY - 1] ^= 1;
    let (found, bad) = combined(&sealed, &shares);
    assert_eq!(bad, [10, 20]);
    assert_eq!(found, Err(ShareError::TooFew { good: 2, needed: 3 }));
}

#[test]
fn a_share_of_another_content_or_grant_is_refused() {
    let (one, mut other) = (sealed(b"one", 2, 4), sealed(b"one", 2, 4));
    // The same keys, another content: nothing of it fits.
    other.content = B256::repeat_byte(7);
    let foreign = Released {
        content: other.content,
        ..share_of(&one, 1)
    };
    let to = (GRANT, regulator().public());
    let refused = release(&holder(1), &foreign, &one.points, to, &mut rng());
    assert_eq!(refused, Err(ShareError::NotForThisKey));

    let later = [1, 2].map(|number| {
        let to = (GRANT + 1, regulator().public());
        let share = share_of(&one, number);
        let bytes = release(&holder(number), &share, &one.points, to, &mut rng());
        (number, bytes.unwrap())
    });
    let (found, bad) = combined(&one, &later);
    assert_eq!(found, Err(ShareError::TooFew { good: 0, needed: 2 }));
    assert_eq!(bad, [10, 20]);
}

#[test]
fn a_holder_releases_no_share_that_is_wrong() {
    let (mut sealed, to) = (sealed(b"content", 3, 4), (GRANT, regulator().public()));
    let stranger = release(
        &holder(2),
        &share_of(&sealed, 1),
        &sealed.points,
        to,
        &mut rng(),
    );
    assert_eq!(stranger, Err(ShareError::NotForThisKey));
    // The owner dealt it another number than the chain says.
    let misplaced = Released {
        number: 2,
        ..share_of(&sealed, 1)
    };
    let refused = release(&holder(1), &misplaced, &sealed.points, to, &mut rng());
    assert_eq!(refused, Err(ShareError::NotOnPolynomial));
    sealed.shares[0] = [0; SEALED_KEY];
    let zeros = release(
        &holder(1),
        &share_of(&sealed, 1),
        &sealed.points,
        to,
        &mut rng(),
    );
    assert_eq!(zeros, Err(ShareError::NotForThisKey));
    let nobody = release(
        &holder(2),
        &share_of(&sealed, 2),
        &sealed.points,
        (GRANT, B256::ZERO),
        &mut rng(),
    );
    assert_eq!(nobody, Err(ShareError::Recipient));
}

#[test]
fn a_key_that_takes_nothing_keeps_nobody_from_sealing() {
    let holders = [
        (10, holder(1).public()),
        (20, B256::ZERO),
        (30, holder(3).public()),
    ];
    let parties = [(ALICE, key(1).public())];
    let sealed = seal(&PLACE, b"content", 2, &parties, &holders, &mut rng()).unwrap();

    assert_eq!(sealed.shares[1], [0; SEALED_KEY]);
    let shares = [1, 3].map(|n| (n, released(&sealed, n)));
    let (found, _) = combined(&sealed, &shares);
    assert_eq!(opened(&sealed, &found.unwrap()).unwrap(), b"content");
    // A party would read nothing: that is told at once.
    let party = [(BOB, B256::ZERO)];
    let refused = seal(&PLACE, b"content", 2, &party, &holders, &mut rng());
    assert_eq!(refused.unwrap_err(), SealError::PartyKey(BOB));
}

#[test]
fn sizes_and_thresholds_that_make_no_sense_are_refused() {
    let holders: Vec<_> = (1..=4).map(|n| (n, holder(n).public())).collect();
    let parties = [(ALICE, key(1).public())];
    let refused = |content: &[u8], needed| {
        seal(&PLACE, content, needed, &parties, &holders, &mut rng()).unwrap_err()
    };

    assert!(matches!(refused(b"", 3), SealError::Size { got: 0, .. }));
    let large = vec![0; MAX_CONTENT + 1];
    assert!(matches!(refused(&large, 3), SealError::Size { .. }));
    for needed in [0, 1, 5] {
        let threshold = SealError::Threshold { needed, holders: 4 };
        assert_eq!(refused(b"content", needed), threshold);
    }
    assert_eq!(sealed(&large[1..], 3, 4).file.len(), MAX_CONTENT + 73);
}

#[test]
fn every_changed_byte_of_a_file_and_another_owner_are_refused() {
    let sealed = sealed(b"ten figures", 3, 4);
    let whole = &sealed.wholes[0];
    let key = open_whole(&key(1), sealed.content, ALICE, &sealed.points, whole).unwrap();

    for at in 0..sealed.file.len() {
        let mut changed = sealed.clone();
        changed.file[at] ^= 1;
        let digest = opened(&changed, &key);
        assert!(matches!(digest, Err(OpenError::Digest { .. })), "{at}");
        // Even where the digest were the changed one's.
        if let Err(OpenError::Digest { got, .. }) = digest {
            changed.digest = got;
        }
        assert!(opened(&changed, &key).is_err(), "{at}");
    }
    let other = Place {
        owner: BOB,
        ..PLACE
    };
    let expected = (sealed.digest, sealed.commitment);
    let refused = open_file(&other, &sealed.file, &key, expected);
    assert_eq!(refused.unwrap_err(), OpenError::Key);
    let another = (sealed.digest, B256::ZERO);
    let refused = open_file(&PLACE, &sealed.file, &key, another).unwrap_err();
    assert!(matches!(refused, OpenError::Commitment { .. }));
}

#[test]
fn commitments_are_read_as_they_were_written_and_nothing_else_is() {
    let sealed = sealed(b"content", 3, 4);
    let bytes = sealed.points.bytes();

    assert_eq!(bytes.len(), 3 * 48);
    assert_eq!(Points::read(&bytes, 3), Ok(sealed.points.clone()));
    for (wrong, needed) in [
        (&bytes[..], 2),
        (&bytes[..], 4),
        (&bytes[1..], 3),
        (&[0; 144], 3),
        (&[], 0),
    ] {
        assert_eq!(
            Points::read(wrong, needed),
            Err(ShareError::Points { needed })
        );
    }
}

#[test]
fn nothing_secret_is_printed() {
    let sealed = sealed(b"content", 3, 4);
    let found = open_whole(
        &key(1),
        sealed.content,
        ALICE,
        &sealed.points,
        &sealed.wholes[0],
    )
    .unwrap();

    assert_eq!(format!("{found:?}"), "ContentKey(..)");
    assert_eq!(
        format!("{:?}", key(1)),
        format!("SealingKey({})", key(1).public())
    );
}

#[test]
fn the_sealing_key_of_an_account_stays_the_same() {
    assert_eq!(key(1).public(), GOLDEN);
}

proptest! {
    #[test]
    fn any_so_many_shares_open_it_whatever_it_is(
        content in prop::collection::vec(any::<u8>(), 1..300),
        (needed, chosen) in (2_u32..8).prop_flat_map(|needed| {
            (Just(needed), subsequence((1_u32..10).collect::<Vec<_>>(), needed as usize))
        }),
    ) {
        let sealed = sealed(&content, needed, 9);
        let shares: Vec<_> = chosen.iter().map(|n| (*n, released(&sealed, *n))).collect();

        let (found, bad) = combined(&sealed, &shares);

        prop_assert!(bad.is_empty());
        prop_assert_eq!(opened(&sealed, &found.unwrap()).unwrap(), content);
    }
}

/// Published keys must open what was sealed to them for ever.
const GOLDEN: B256 = b256!("4922f75620f3d9af90efaae0d8970bda2b817b98fd95a568ac9399f6e83e7f0a");
