//! What pages load: one style, one script, one picture. Their addresses change with their content, so that a browser may
//! keep them for ever.

/// Something a page loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Last part of its address.
    pub name: &'static str,
    /// Its media type.
    pub media: &'static str,
    /// Its content.
    pub body: &'static str,
}

/// The style of every page.
pub const STYLE: Asset = Asset {
    name: "style.css",
    media: "text/css; charset=utf-8",
    body: include_str!("../assets/style.css"),
};

/// Brings news into a page that is open.
pub const SCRIPT: Asset = Asset {
    name: "page.js",
    media: "text/javascript; charset=utf-8",
    body: include_str!("../assets/page.js"),
};

/// The mark of the product.
pub const MARK: Asset = Asset {
    name: "mark.svg",
    media: "image/svg+xml",
    body: include_str!("../assets/mark.svg"),
};

/// All of them.
pub const ALL: [Asset; 3] = [STYLE, SCRIPT, MARK];

/// The policy under which every page works: own files alone, nothing inline, nothing from elsewhere.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl Asset {
    /// Its address.
    pub fn path(&self) -> String {
        format!("/assets/{}/{}", self.version(), self.name)
    }

    /// The middle part of its address.
    pub fn version(&self) -> String {
        format!("{:016x}", fnv(self.body.as_bytes()))
    }

    /// The asset of an address' last two parts; nothing else has one.
    pub fn find(version: &str, name: &str) -> Option<Self> {
        ALL.into_iter()
            .find(|asset| asset.name == name && asset.version() == version)
    }
}

/// FNV-1a: tells versions apart, protects nothing.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_addresses_are_found() {
        let version = STYLE.version();

        assert_eq!(Asset::find(&version, "style.css"), Some(STYLE));
        for name in [
            "",
            ".",
            "..",
            "../style.css",
            "style.css/",
            "page.js",
            "STYLE.CSS",
        ] {
            assert_eq!(Asset::find(&version, name), None, "{name}");
        }
        assert_eq!(Asset::find("0", "style.css"), None);
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for asset in ALL {
            let body = asset.body.replace("http://www.w3.org/2000/svg", "");
            for outside in [
                "http:",
                "https:",
                "//cdn",
                "@import",
                "url(",
                "eval(",
                "innerHTML",
            ] {
                assert!(!body.contains(outside), "{}: {outside}", asset.name);
            }
        }
    }
}
