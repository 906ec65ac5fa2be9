//! Whether an answer raises or clears an alarm: the same decision as the contract's (`FeedAlarm`).

use causeway_adapter_api::Timestamp;
use serde::{Deserialize, Serialize};

/// When an answer is an alarm. Independent of what is plausible: an alarm never silences a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Band {
    /// The least calm answer.
    pub low: i128,
    /// The greatest.
    pub high: i128,
    /// How far within the band an answer must be to end an alarm.
    pub hysteresis: u128,
    /// Seconds of data that must breach, or be calm, without interruption.
    pub duration: u32,
}

/// Whether an alarm is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Alarm {
    /// It is.
    pub raised: bool,
    /// When what would change that began.
    pub since: Option<Timestamp>,
}

impl Alarm {
    /// What the next answer makes of it. F12: raised by answers beyond the band alone, for `duration`; F13: cleared by
    /// answers within band and hysteresis alone, as long.
    #[must_use]
    pub fn next(self, band: &Band, answer: i128, at: Timestamp) -> Self {
        let Self { raised, since } = self;
        let margin = if raised { band.hysteresis } else { 0 };
        // What does not fit an i128 is beyond every answer.
        let above = band.low.checked_add_unsigned(margin);
        let below = band.high.checked_sub_unsigned(margin);
        let inside =
            above.is_some_and(|low| answer >= low) && below.is_some_and(|high| answer <= high);
        if inside != raised {
            return Self {
                raised,
                since: None,
            };
        }
        let since = since.unwrap_or(at);
        if at.0 >= since.0.saturating_add(band.duration.into()) {
            return Self {
                raised: !raised,
                since: None,
            };
        }
        Self {
            raised,
            since: Some(since),
        }
    }
}
