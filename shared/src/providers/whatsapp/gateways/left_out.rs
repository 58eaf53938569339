//! What is not kept of a gateway's event: keys to the gateway, which stand in the body for no reason, and files.

/// Names of keys and tokens, without case and punctuation. `token` is an order's, too: with it anybody could ask for
/// the order.
const CREDENTIALS: [&str; 20] = [
    "accesstoken",
    "adminkey",
    "admintoken",
    "apikey",
    "apitoken",
    "authorization",
    "authtoken",
    "clienttoken",
    "globalapikey",
    "hmackey",
    "instancekey",
    "instancetoken",
    "jwtkey",
    "password",
    "secret",
    "secretkey",
    "sessiontoken",
    "token",
    "usertoken",
    "webhooksecret",
];
/// Names of files and pictures that some gateways put into the text.
const FILES: [&str; 7] =
    ["base64", "jpegthumbnail", "pngthumbnail", "thumbnail", "thumbnaildata", "scanssidecar", "streamingsidecar"];
/// The longest of those names, with room for punctuation.
const LONGEST: usize = 32;

/// Whether a member of this name is left out.
pub(super) fn is_left_out(name: &str) -> bool {
    if name.len() > LONGEST {
        return false;
    }
    let bare: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    CREDENTIALS.contains(&bare.as_str()) || FILES.contains(&bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tokens_and_files_are_left_out_in_every_spelling() {
        for name in [
            "apikey",
            "apiKey",
            "api_key",
            "API-KEY",
            "token",
            "instanceToken",
            "Authorization",
            "base64",
            "JPEGThumbnail",
        ] {
            assert!(is_left_out(name), "{name}");
        }
    }

    #[test]
    fn what_a_message_is_made_of_stays() {
        for name in ["body", "text", "mediaKey", "fileSha256", "messageSecret", "key", "id", "tokens", "url", ""] {
            assert!(!is_left_out(name), "{name}");
        }
    }
}
