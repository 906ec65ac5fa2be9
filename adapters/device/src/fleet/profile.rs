//! What simulated devices measure. The same device says the same things in every run.

use crate::{
    directory::Feed,
    names::{FeedName, NameError, Unit},
};

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Temperature of a refrigerated container.
    ColdChain,
    /// Energy counted by a meter.
    Meter,
    /// Banknotes left in a cash machine.
    Atm,
}

impl Profile {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ColdChain => "cold-chain",
            Self::Meter => "meter",
            Self::Atm => "atm",
        }
    }

    /// The feed of its devices.
    pub fn feed(self) -> Feed {
        let (name, unit, decimals, min, max) = match self {
            Self::ColdChain => ("trial/cold-chain", "Cel", 1, -400, 600),
            Self::Meter => ("trial/meter", "kWh", 3, 0, 2_000_000_000),
            Self::Atm => ("trial/atm", "1", 0, 0, 20_000),
        };
        let parts = || -> Result<(FeedName, Unit), NameError> {
            Ok((FeedName::new(name)?, Unit::new(unit)?))
        };
        // INVARIANT: the names above are names; a test makes each feed.
        #[expect(clippy::expect_used, reason = "constants that a test reads")]
        let (name, unit) = parts().expect("the profile's names are names");
        Feed {
            name,
            unit,
            decimals,
            min,
            max,
            proved: false,
        }
    }

    /// The value that device number `device` measures the `n`th time, in units of the last digit.
    pub fn value(self, device: usize, n: u64) -> i64 {
        let noise = mix(device as u64, n);
        match self {
            // Around 4 degrees, drifting within a day of readings.
            Self::ColdChain => {
                let drift = i64::try_from(n % 240).unwrap_or(0);
                let wave = if drift < 120 { drift } else { 240 - drift };
                20 + wave / 4 + noise % 7
            }
            // It only counts up.
            Self::Meter => i64::try_from(n % 1_000_000).unwrap_or(0) * 100 + noise % 100,
            // Emptied by withdrawals, filled when it is low.
            Self::Atm => 10_000 - i64::try_from(n % 180).unwrap_or(0) * 50 - noise % 50,
        }
    }
}

/// Spreads two numbers over 0..2^31 (the finalizer of SplitMix64).
fn mix(a: u64, b: u64) -> i64 {
    let mut z = a.rotate_left(32) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::try_from((z ^ (z >> 31)) >> 33).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_plausible() {
        for profile in [Profile::ColdChain, Profile::Meter, Profile::Atm] {
            let feed = profile.feed();
            for n in 0..2000 {
                let value = profile.value(7, n);
                assert!(
                    (feed.min..=feed.max).contains(&value),
                    "{profile:?} {n}: {value}"
                );
            }
        }
    }
}
