//! The DID document of a device (W3C DID Core 1.0), made from its record in the registry.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use causeway_adapter_api::ChainId;
use causeway_adapter_device::directory::Standing;
use serde_json::{Value, json};

use super::DeviceRecord;

/// The document of `did`; `None` for a device that is no longer active: its DID is deactivated.
///
/// The controller is the owner's account (`did:pkh`, CAIP-10). The hardware key asserts readings; it is named by its number,
/// so that a signature made before a rekeying is never taken for one of the new key.
pub fn document(did: &str, record: &DeviceRecord, public: ChainId) -> Option<Value> {
    if record.state.standing() != Standing::Active {
        return None;
    }
    let key = format!("{did}#key-{}", record.key_number);
    let controller = format!("did:pkh:eip155:{}:{}", public.0, record.owner);
    let [x, y] = record.hardware.map(|c| URL_SAFE_NO_PAD.encode(c));
    Some(json!({
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/suites/jws-2020/v1"
        ],
        "id": did,
        "controller": controller,
        "verificationMethod": [{
            "id": key,
            "type": "JsonWebKey2020",
            "controller": did,
            "publicKeyJwk": { "kty": "EC", "crv": "P-256", "x": x, "y": y }
        }],
        "assertionMethod": [key],
        "authentication": [key]
    }))
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256, b256};

    use super::*;
    use crate::oracle::DeviceState;

    fn record(state: DeviceState) -> DeviceRecord {
        DeviceRecord {
            version: 3,
            key_number: 2,
            state,
            owner: Address::repeat_byte(1),
            consortium_owner: Address::repeat_byte(2),
            certificate: B256::repeat_byte(5),
            // RFC 7515, A.3: the JWK of its example has these coordinates.
            hardware: [
                b256!("7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445"),
                b256!("c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad"),
            ],
            feed_key: None,
            speaker: None,
        }
    }

    #[test]
    fn a_document_names_the_present_key_as_a_jwk() {
        let document = document(
            "did:odin:10.cold.7",
            &record(DeviceState::Active),
            ChainId(7001),
        );

        let document = document.unwrap();
        let method = &document["verificationMethod"][0];
        assert_eq!(document["id"], "did:odin:10.cold.7");
        assert_eq!(method["id"], "did:odin:10.cold.7#key-2");
        assert_eq!(document["assertionMethod"][0], method["id"]);
        let jwk = &method["publicKeyJwk"];
        assert_eq!(jwk["x"], "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        assert_eq!(jwk["y"], "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let controller = document["controller"].as_str().unwrap();
        assert!(
            controller.starts_with("did:pkh:eip155:7001:0x"),
            "{controller}"
        );
    }

    #[test]
    fn a_device_that_is_not_active_has_no_document() {
        for state in [
            DeviceState::Leaving,
            DeviceState::Revoked,
            DeviceState::Slashed,
            DeviceState::Gone,
        ] {
            assert_eq!(document("did:odin:1", &record(state), ChainId(1)), None);
        }
    }
}
