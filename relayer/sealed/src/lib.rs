//! Content that stays sealed until enough members release their shares of its key.
//!
//! ```text
//!  content --key--> file        key = p(0), p random of degree needed - 1
//!                               party:  p(0) sealed to its key       holder i: p(i) sealed to its key
//!  opening: holders seal p(i) again, to whoever the vote names; `needed` of them give p(0)
//! ```
//!
//! * [`SealingKey`]: whom keys are sealed to (HPKE, RFC 9180: X25519, HKDF-SHA256, ChaCha20-Poly1305).
//! * [`seal`]: makes the file (XChaCha20-Poly1305), its commitment and all sealed keys.
//! * [`release`], [`combine`], [`open_file`]: a holder's part, the recipient's, and the content checked against its commitment.
//!
//! The polynomial's commitments (Feldman) are public: a share that is not on it is named and left out, and any `needed`
//! shares that are on it give one key. Pure: randomness arrives as an input. What never happens here: a key or a content is
//! printed, or returned before it was checked.

mod dealt;
mod error;
mod file;
mod key;

pub use dealt::{BadShare, ContentKey, Points, Released, combine, open_whole, release};
pub use error::{OpenError, SealError, ShareError};
pub use file::{MAX_CONTENT, MAX_FILE, Place, Sealed, open_file, seal};
pub use key::{PublicKey, SEALED_KEY, SealedKey, SealingKey};
