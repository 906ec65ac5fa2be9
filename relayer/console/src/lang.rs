//! Languages, and which one somebody reads.

use crate::texts::{EN, Texts, ZH};

/// A language of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese, simplified.
    Zh,
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// Its name in addresses and cookies.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// Its tag, as HTML wants it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// What it calls itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// The language of this name, if there is one.
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The one asked for, else the one chosen before, else the first of `Accept-Language` that is here, else English.
    ///
    /// ```
    /// use causeway_console::Lang;
    ///
    /// assert_eq!(Lang::choose(None, None, Some("fr, zh-CN;q=0.9, en;q=0.8")), Lang::Zh);
    /// assert_eq!(Lang::choose(Some("en"), Some("zh"), None), Lang::En);
    /// ```
    pub fn choose(asked: Option<&str>, chosen: Option<&str>, accepted: Option<&str>) -> Self {
        let said = asked.and_then(Self::named);
        let said = said.or_else(|| chosen.and_then(Self::named));
        said.or_else(|| accepted.and_then(Self::accepted))
            .unwrap_or_default()
    }

    /// The one of the highest quality; of equals the first.
    fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(u32, Self)> = None;
        // A header of any length is cut by the server; so many languages nobody reads.
        for part in header.split(',').take(32) {
            let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let Some(lang) = Self::named(&primary.to_ascii_lowercase()) else {
                continue;
            };
            let quality = rest.trim().strip_prefix("q=").map_or(1_000, thousandths);
            if quality > 0 && best.is_none_or(|(most, _)| quality > most) {
                best = Some((quality, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }

    pub(crate) const fn texts(self) -> &'static Texts {
        match self {
            Self::En => &EN,
            Self::Zh => &ZH,
        }
    }
}

/// A quality of `Accept-Language`; one that is none counts as zero.
fn thousandths(quality: &str) -> u32 {
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = part.bytes().take(3).chain(std::iter::repeat(b'0')).take(3);
    let digits: String = whole
        .bytes()
        .take(1)
        .chain(digits)
        .map(char::from)
        .collect();
    digits.parse().map_or(0, |q: u32| q.min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_highest_quality_is_taken() {
        let accepted = |header| Lang::choose(None, None, Some(header));

        assert_eq!(accepted("zh;q=0.3, en;q=0.7"), Lang::En);
        assert_eq!(accepted("en;q=0.3, zh-Hans-CN"), Lang::Zh);
        assert_eq!(accepted("ZH"), Lang::Zh);
        assert_eq!(accepted("zh;q=0"), Lang::En);
        assert_eq!(accepted("zh;q=0.001"), Lang::Zh);
    }

    #[test]
    fn what_is_no_language_changes_nothing() {
        for header in [
            "",
            ",,,",
            ";q=",
            "zh;q=x",
            "tlh",
            "en-\u{0}",
            "zh;q=0.\u{4e00}",
        ] {
            assert_eq!(
                Lang::choose(None, None, Some(header)),
                Lang::En,
                "{header:?}"
            );
        }
        assert_eq!(Lang::choose(Some("../zh"), Some("zh"), None), Lang::Zh);
        assert_eq!(Lang::choose(Some("xx"), Some("yy"), None), Lang::En);
    }

    #[test]
    fn both_tables_say_every_text_and_keep_its_places() {
        let places = |text: &str| text.matches("{}").count();
        for ((key, en), (other, zh)) in EN.all().iter().zip(ZH.all()) {
            assert_eq!(*key, other);
            assert!(!en.trim().is_empty() && !zh.trim().is_empty(), "{key}");
            assert_eq!(places(en), places(zh), "{key}");
        }
    }

    #[test]
    fn every_chinese_text_is_chinese() {
        let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        for (key, zh) in ZH.all() {
            assert!(zh.chars().any(is_chinese) || key == "api", "{key}: {zh}");
        }
        assert!(!EN.all().iter().any(|(_, en)| en.chars().any(is_chinese)));
    }
}
