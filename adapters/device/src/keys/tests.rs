use super::*;
use crate::reading::tests::body;

#[test]
fn a_signature_holds_for_its_key_and_reading_alone() {
    let (key, other) = (HardwareKey::generate(), HardwareKey::generate());

    let signature = key.sign(&body());

    assert!(key.public().verify(&body(), &signature));
    assert!(!other.public().verify(&body(), &signature));
    let changed = Body {
        value: 426,
        ..body()
    };
    assert!(!key.public().verify(&changed, &signature));
    assert_eq!(signature, key.sign(&body()), "the nonce is not random");
}

#[test]
fn the_other_form_of_a_signature_is_refused() {
    let key = HardwareKey::generate();
    let low = Signature::from_slice(&key.sign(&body())).unwrap();
    let (r, s) = low.split_scalars();

    let high = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();

    assert!(high.normalize_s().is_some());
    assert!(!key.public().verify(&body(), &high.to_bytes().into()));
}

#[test]
fn a_feed_signature_is_the_one_statements_check() {
    let key = FeedKey::from_seed(&[7; 32]).unwrap();
    let cold = Body {
        value: -185,
        ..body()
    };

    let signature = key.sign(&cold).unwrap();

    assert!(key.public().verify(&cold, &signature));
    assert!(!key.public().verify(&body(), &signature));
    let mut large = signature;
    large[..32].fill(0xff);
    assert!(!key.public().verify(&cold, &large), "not canonical");
    let huge = Body {
        value: 1 << 31,
        ..body()
    };
    assert!(matches!(
        key.sign(&huge),
        Err(KeyError::ValueRange(2_147_483_648))
    ));
    assert!(!key.public().verify(&huge, &signature));
}

#[test]
fn public_keys_travel_as_coordinates() {
    let hardware = HardwareKey::generate().public();
    let feed = FeedKey::from_seed(&[7; 32]).unwrap().public();

    let [x, y] = hardware.coordinates();
    assert_eq!(HardwarePublic::from_coordinates(x, y).unwrap(), hardware);
    assert!(HardwarePublic::from_coordinates(x, x).is_err());
    let [x, y] = feed.coordinates();
    assert_eq!(FeedPublic::from_coordinates(x, y).unwrap(), feed);
    assert!(FeedPublic::from_coordinates(x, x).is_err());
}

#[test]
fn key_files_are_private_and_are_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hardware.pem");
    let key = HardwareKey::generate();

    key.save(&path, None).unwrap();

    assert_eq!(
        HardwareKey::load(&path, None).unwrap().public(),
        key.public()
    );
    assert!(matches!(key.save(&path, None), Err(KeyError::File { .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        HardwareKey::load(&path, None),
        Err(KeyError::Exposed { mode: 0o640, .. })
    ));
}

#[test]
fn an_encrypted_key_opens_with_its_password_alone() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    write_private(&at("right"), b"correct horse\n").unwrap();
    write_private(&at("wrong"), b"battery staple\n").unwrap();
    write_private(&at("empty"), b"\n").unwrap();
    let key = HardwareKey::generate();

    key.save(&at("key.pem"), Some(&at("right"))).unwrap();

    let text = fs::read_to_string(at("key.pem")).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let opened = HardwareKey::load(&at("key.pem"), Some(&at("right"))).unwrap();
    assert_eq!(opened.public(), key.public());
    for password in [None, Some(at("wrong"))] {
        let refused = HardwareKey::load(&at("key.pem"), password.as_deref());
        assert!(matches!(refused, Err(KeyError::Format { .. })));
    }
    let refused = HardwareKey::load(&at("key.pem"), Some(&at("empty")));
    assert!(matches!(refused, Err(KeyError::PasswordEmpty { .. })));
}

#[test]
fn a_feed_seed_is_kept_in_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("feed.key");

    let made = FeedKey::create(&path).unwrap();

    assert_eq!(FeedKey::load(&path).unwrap().public(), made.public());
    fs::write(&path, "not hex").unwrap();
    assert!(matches!(FeedKey::load(&path), Err(KeyError::Format { .. })));
}
