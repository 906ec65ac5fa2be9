use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use causeway_adapter_hosted::tls::{Peer, Role as TlsRole};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::*;
use crate::config::PasswordSource;

fn store(dir: &Path, password: &str) -> Keystore {
    let file = dir.join("password");
    if !file.exists() {
        write_new(&file, password.as_bytes()).unwrap();
    }
    Keystore {
        path: dir.join("key.json"),
        password: PasswordSource::File(file),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_keystore_opens_to_the_key_that_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "correct horse");

    let made = store.create(Mark::Own).unwrap();

    assert_eq!(store.open().unwrap(), made);
    assert_eq!(store.address().unwrap(), address_of(&made));
    assert_eq!(mode(&store.path), 0o600);
    let text = fs::read_to_string(&store.path).unwrap();
    assert!(!text.contains(&hex::encode(made.secret_bytes())));
    assert!(!text.contains(TEST_KEY_MARK));
}

#[test]
fn a_wrong_password_does_not_open_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "right");
    store.create(Mark::Own).unwrap();
    fs::write(dir.path().join("password"), "wrong").unwrap();

    assert!(matches!(store.open(), Err(KeystoreError::Locked { .. })));
}

#[test]
fn a_key_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "pw");
    let first = store.create(Mark::Test).unwrap();

    assert!(matches!(
        store.create(Mark::Own),
        Err(KeystoreError::Exists { .. })
    ));
    assert_eq!(store.open().unwrap(), first);
    assert!(
        fs::read_to_string(&store.path)
            .unwrap()
            .contains(TEST_KEY_MARK)
    );
}

#[test]
fn what_is_no_keystore_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), "pw");

    assert!(matches!(store.open(), Err(KeystoreError::File { .. })));
    fs::write(&store.path, "{}").unwrap();
    assert!(matches!(store.open(), Err(KeystoreError::Locked { .. })));
    assert!(matches!(
        store.address(),
        Err(KeystoreError::NotAKey { .. })
    ));
}

#[test]
fn the_network_seed_does_not_show_the_vote_key() {
    let key = secp256k1::SecretKey::from_byte_array([7; 32]).unwrap();

    assert_ne!(*network_seed(&key), [7; 32]);
    assert_eq!(*network_seed(&key), *network_seed(&key));
}

#[test]
fn an_issued_certificate_says_who_and_in_which_role() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Authority::create(dir.path(), "test CA").unwrap();

    let subject = Subject {
        name: "acme".into(),
        role: Role::Regulator,
        hosts: Vec::new(),
    };
    let issued = ca.issue(&subject).unwrap();

    let certificate = CertificateDer::from_pem_file(&issued.certificate).unwrap();
    let peer = Peer::from_certificate(&certificate).unwrap();
    assert_eq!(
        (peer.name.as_str(), peer.role),
        ("acme", TlsRole::Regulator)
    );
    assert_eq!(
        (mode(&issued.key), mode(&dir.path().join("ca.key"))),
        (0o600, 0o600)
    );
    assert!(matches!(ca.issue(&subject), Err(CaError::Exists { .. })));
    assert!(matches!(
        Authority::create(dir.path(), "again"),
        Err(CaError::Exists { .. })
    ));
}

#[test]
fn a_missing_ca_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();

    let error = Authority::open(dir.path()).unwrap_err().to_string();

    assert!(error.contains("causeway key ca"), "{error}");
}
