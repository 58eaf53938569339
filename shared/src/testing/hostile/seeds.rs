//! Inputs to begin with: the bodies of recorded requests, with what stands in braces put in.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{NOW_S, now};

/// Largest recording that is taken: mutations of large ones are slow, and say no more.
const LARGEST: usize = 64 * 1024;
const DAY_S: i64 = 86_400;

/// The bodies of the requests in a folder of `events` whose names begin like this.
pub(super) fn bodies(folder: &str, prefix: &str) -> Vec<Vec<u8>> {
    files(folder, prefix).iter().filter_map(|text| body(&serde_json::from_str(text).ok()?)).collect()
}

/// The envelopes of API Gateway.
pub(super) fn envelopes() -> Vec<Vec<u8>> {
    files("envelopes", "apigw.").into_iter().map(String::into_bytes).collect()
}

fn files(folder: &str, prefix: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(folder);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the recordings are there").map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    paths.sort();
    let texts = paths.iter().map(|path| filled(fs::read_to_string(path).expect("a recording is text")));
    texts.filter(|text| text.len() <= LARGEST).collect()
}

fn body(recording: &Value) -> Option<Vec<u8>> {
    let request = recording.get("request")?;
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    match (request.get("body"), text("body_text"), text("body_base64")) {
        (Some(json), ..) => Some(json.to_string().into_bytes()),
        (None, Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, None, coded) => STANDARD.decode(coded?).ok(),
    }
}

fn filled(mut text: String) -> String {
    for quoted in [r#""{{now_number}}""#, r#"\"{{now_number}}\""#] {
        text = text.replace(quoted, &NOW_S.to_string());
    }
    for (name, value) in [
        ("{{now}}", NOW_S.to_string()),
        ("{{now_rfc3339}}", now().to_string()),
        ("{{stale}}", (NOW_S - 31 * DAY_S).to_string()),
        ("{{future}}", (NOW_S + 7 * DAY_S).to_string()),
    ] {
        text = text.replace(name, &value);
    }
    // A filler makes a body too large, which one seed need not be.
    while let Some((before, rest)) = text.split_once("{{filler:") {
        let after = rest.split_once("}}").map_or("", |(_, after)| after);
        text = format!("{before}x{after}");
    }
    text
}
