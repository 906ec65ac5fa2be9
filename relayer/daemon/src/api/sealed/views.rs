//! Sealed contents as the API tells and takes them. Hashes, keys and what is sealed are hexadecimal with 0x; times are unix
//! seconds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A content: who may open it, and who was let to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SealedView {
    /// Its id.
    pub content: String,
    /// Id of the chain it is registered on.
    pub chain_id: u64,
    /// The `SealedContent` there.
    pub contract: String,
    /// Who registered it.
    pub owner: String,
    /// The name of that account here, if its key is here.
    pub owner_name: Option<String>,
    /// When.
    pub sealed_at: u64,
    /// Bytes of the sealed file.
    pub size: u32,
    /// SHA-256 of the sealed file.
    pub digest: String,
    /// What the plain content answers to.
    pub commitment: String,
    /// What it belongs to; zero for nothing.
    pub subject: String,
    /// Shares that open it.
    pub needed: u32,
    /// Who opens it alone.
    pub parties: Vec<PartyOf>,
    /// Who holds a share, in the order of the shares' numbers.
    pub holders: Vec<HolderOf>,
    /// Whether the sealed file is here.
    pub here: bool,
    /// Openings that members voted.
    pub openings: Vec<OpeningView>,
    /// Keys sealed for others; of one content alone.
    pub keys: Option<SealedKeys>,
}

/// A party, with the key that it has published; of a content's list without.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PartyOf {
    /// Its account.
    pub account: String,
    /// The name of that account here, if its key is here.
    pub name: Option<String>,
    /// Its sealing key; empty where it does not matter.
    #[serde(default)]
    pub key: String,
}

/// A member that holds a share.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HolderOf {
    /// Number of the organisation.
    pub organisation: u32,
    /// Its name.
    pub name: String,
    /// Its sealing key; empty where it does not matter.
    #[serde(default)]
    pub key: String,
}

/// An opening.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpeningView {
    /// Its number.
    pub grant: u64,
    /// Number of the organisation that may read it.
    pub organisation: u32,
    /// Its name.
    pub name: String,
    /// The account it reads by.
    pub recipient: String,
    /// The key that shares are sealed to.
    pub key: String,
    /// When.
    pub granted_at: u64,
    /// The proposal that was voted.
    pub proposal: Option<u64>,
    /// Why, as soon as the event log has it.
    pub why: Option<String>,
    /// Whose shares are there.
    pub released: Vec<ReleasedView>,
}

/// A share that was released.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReleasedView {
    /// Number of the organisation.
    pub organisation: u32,
    /// Its name.
    pub name: String,
    /// The share, sealed to the opening's key; of one content alone.
    pub share: Option<String>,
}

/// Keys sealed for others.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SealedKeys {
    /// Commitments to the shares: a point of BLS12-381 for each share that is needed.
    pub points: String,
    /// The content's key, sealed for each party.
    pub parties: Vec<PartyShare>,
    /// A share of it, sealed for each holder.
    pub holders: Vec<HolderShare>,
}

/// The content's key, sealed for a party.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyShare {
    /// Its account.
    pub account: String,
    /// Its sealing key.
    pub key: String,
    /// What is sealed to it: 80 bytes.
    pub sealed: String,
}

/// A share, sealed for a holder.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HolderShare {
    /// Number of the organisation.
    pub organisation: u32,
    /// Its sealing key.
    pub key: String,
    /// What is sealed to it: 80 bytes.
    pub sealed: String,
}

/// Contents.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SealedList {
    /// Newest first.
    pub contents: Vec<SealedView>,
    /// Where the next page begins, if there is one.
    pub next_before: Option<u64>,
}

/// What must be known to seal something.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PutTerms {
    /// Id of the chain.
    pub chain_id: u64,
    /// The `SealedContent` there.
    pub contract: String,
    /// Shares that will open it.
    pub needed: u32,
    /// Who holds a share.
    pub holders: Vec<HolderOf>,
    /// The parties, in the order they were asked for.
    pub parties: Vec<PartyOf>,
}

/// Publish the sealing key of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishKey {
    /// The account, whose key is here: a name or an address.
    pub by: String,
}

/// Register a sealed content.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSealed {
    /// Who registers it, an account whose key is here: a name or an address.
    pub by: String,
    /// The content's id, from owner and digest.
    pub content: String,
    /// The sealed file, base64.
    pub file: String,
    /// SHA-256 of the sealed file.
    pub digest: String,
    /// What the plain content answers to.
    pub commitment: String,
    /// What it belongs to; zero for nothing.
    pub subject: String,
    /// Commitments to the shares.
    pub points: String,
    /// The key sealed for each party, ascending by account.
    pub parties: Vec<PartyShare>,
    /// A share sealed for each holder, ascending by organisation.
    pub holders: Vec<HolderShare>,
}

/// Release a share.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseShare {
    /// The member's account, whose key is here: a name or an address.
    pub by: String,
    /// Number of the opening; the newest without it.
    pub grant: Option<u64>,
}
