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
