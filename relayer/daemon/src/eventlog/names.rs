//! Names of what stands in the log.

use alloy_primitives::B256;
use causeway_contracts as c;
use causeway_core::log::{Act, Body};

/// The name and contract of an event, by its signature.
fn known(topic: B256) -> Option<(&'static str, &'static str)> {
    macro_rules! look {
        ($($contract:ident :: $events:ident,)*) => {
            $(if let Some(name) = c::$contract::$events::name_by_selector(topic.0) {
                return Some((name, stringify!($contract)));
            })*
        };
    }
    // The first that knows it: both ports of a peg say the same words.
    look! {
        HashTimeLock::HashTimeLockEvents,
        Gateway::GatewayEvents,
        LightClient::LightClientEvents,
        EventHub::EventHubEvents,
        PegVault::PegVaultEvents,
        PegMint::PegMintEvents,
        PegToken::PegTokenEvents,
        SettlementEscrow::SettlementEscrowEvents,
        Settlement::SettlementEvents,
        DeliveryAgreement::DeliveryAgreementEvents,
        ValidatorSet::ValidatorSetEvents,
        VerifierRegistry::VerifierRegistryEvents,
        OwnedAnchors::OwnedAnchorsEvents,
        DeviceSessions::DeviceSessionsEvents,
        SessionCondition::SessionConditionEvents,
        CredentialDesk::CredentialDeskEvents,
        MeteredToken::MeteredTokenEvents,
        DeviceRegistry::DeviceRegistryEvents,
        DeviceMirror::DeviceMirrorEvents,
        FeedAggregator::FeedAggregatorEvents,
        Evidence::EvidenceEvents,
        EvidenceRoll::EvidenceRollEvents,
        DataMarket::DataMarketEvents,
        MemberRegistry::MemberRegistryEvents,
        Election::ElectionEvents,
        SealedContent::SealedContentEvents,
    }
    None
}

/// The name of an event; `Unknown` for one that none of our contracts has.
pub fn event_name(topics: &[B256]) -> &'static str {
    let known = topics.first().and_then(|topic| known(*topic));
    known.map_or("Unknown", |(name, _)| name)
}

/// A contract that says this event.
pub fn contract_name(topics: &[B256]) -> Option<&'static str> {
    let (_, contract) = topics.first().and_then(|topic| known(*topic))?;
    Some(contract)
}

/// The name of what an entry says.
pub fn kind_of(body: &Body) -> &'static str {
    match body {
        Body::Event(event) => event_name(&event.topics),
        Body::Act(act) => act.name(),
    }
}

/// The act of an entry.
pub const fn act_of(body: &Body) -> Option<&Act> {
    match body {
        Body::Act(act) => Some(act),
        Body::Event(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolEvent as _;

    use super::*;

    #[test]
    fn events_are_named_by_their_signature() {
        let name = |topic| event_name(&[topic]);

        assert_eq!(name(c::HashTimeLock::Locked::SIGNATURE_HASH), "Locked");
        assert_eq!(
            name(c::Gateway::ItemAppended::SIGNATURE_HASH),
            "ItemAppended"
        );
        assert_eq!(name(c::PegMint::PegClaimed::SIGNATURE_HASH), "PegClaimed");
        assert_eq!(name(B256::ZERO), "Unknown");
        assert_eq!(event_name(&[]), "Unknown");
    }
}
