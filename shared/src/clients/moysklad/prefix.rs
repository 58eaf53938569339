//! Which webhooks stay silent about what we write.

use reqwest::header::HeaderValue;
use url::Url;

use crate::clients::setup::{PlainHttp, SetupError, base_url};

const SETTING: &str = "the address of MoySklad's webhooks";
/// MoySklad takes no longer address of a webhook, so no prefix of one is longer.
const LONGEST: usize = 255;

/// The address that our doorbells for MoySklad begin with, and nobody else's. MoySklad silences every webhook whose
/// address *contains* it: one that is too short would silence webhooks that the account's owner lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookPrefix(HeaderValue);

impl HookPrefix {
    /// Takes the address up to where the sources' tokens begin: scheme, host, a path of at least two parts, and a slash
    /// at its end.
    ///
    /// # Errors
    /// When it is none, or too wide.
    pub fn new(text: &str) -> Result<Self, SetupError> {
        let bad = || SetupError::BadUrl { setting: SETTING };
        let url: Url = base_url(SETTING, text, PlainHttp::ToThisMachine)?;
        let segments = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).count();
        // What MoySklad compares is text: another spelling of the same address would silence nothing.
        let as_written = url.as_str() == text;
        if segments < 2 || !url.path().ends_with('/') || !as_written || text.len() > LONGEST || text.contains(',') {
            return Err(bad());
        }
        HeaderValue::try_from(text).map(Self).map_err(|_| bad())
    }

    /// Whether a webhook of this address stays silent.
    #[must_use]
    pub fn silences(&self, url: &str) -> bool {
        self.0.to_str().is_ok_and(|prefix| url.contains(prefix))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_our_doorbells_is_a_prefix() {
        for good in [
            "https://hooks.example.com/api/webhooks/moysklad/",
            "http://127.0.0.1:4566/_aws/execute-api/abc/local/api/webhooks/moysklad/",
        ] {
            let prefix = HookPrefix::new(good).unwrap();
            assert!(
                prefix.silences(&format!("{good}tok_1")) && !prefix.silences("https://hooks.example.com/api/other/1")
            );
        }
    }

    #[test]
    fn what_would_silence_others_or_nobody_is_refused() {
        for bad in [
            "",
            "https://",
            "https://hooks.example.com",
            "https://hooks.example.com/",
            "https://hooks.example.com/api/",
            "https://hooks.example.com/api/webhooks/moysklad",
            "HTTPS://hooks.example.com/api/webhooks/moysklad/",
            "https://Hooks.example.com/api/webhooks/moysklad/",
            "https://hooks.example.com:443/api/webhooks/moysklad/",
            "https://hooks.example.com/api/../api/webhooks/moysklad/",
            "https://hooks.example.com/api/webhooks/moysklad/?x=/",
            "https://u@hooks.example.com/api/webhooks/moysklad/",
            "http://hooks.example.com/api/webhooks/moysklad/",
            "https://a.example/api/webhooks/,https://b.example/api/webhooks/",
            " https://hooks.example.com/api/webhooks/moysklad/",
        ] {
            assert!(HookPrefix::new(bad).is_err(), "{bad}");
        }
        assert!(HookPrefix::new(&format!("https://hooks.example.com/api/{}/", "x".repeat(255))).is_err());
    }
}
