//! Recorded requests: how the files under `events` are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A file: what it is about, the request, and what is to come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded<E> {
    pub(crate) description: String,
    pub(crate) request: Request,
    pub(crate) expect: E,
}

/// A request as it came. It has one of the three bodies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    body: Option<Value>,
    body_text: Option<String>,
    body_base64: Option<String>,
}

impl Request {
    /// The bytes of its body.
    pub(crate) fn body(&self) -> Vec<u8> {
        match (&self.body, &self.body_text, &self.body_base64) {
            (Some(json), None, None) => json.to_string().into_bytes(),
            (None, Some(text), None) => text.clone().into_bytes(),
            (None, None, Some(coded)) => STANDARD.decode(coded).unwrap(),
            _ => panic!("one of body, body_text and body_base64"),
        }
    }
}

/// The recordings of a folder of `events`, in order of their names.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "the recordings are there");
    files
}

/// Reads a recording. `{{filler:n}}` in it stands for n letters; what else stands in double braces, for what `filled`
/// makes of the text.
pub(crate) fn read<E: DeserializeOwned>(path: &Path, filled: impl FnOnce(String) -> String) -> Recorded<E> {
    let mut text = filled(fs::read_to_string(path).unwrap());
    while let Some((before, rest)) = text.split_once("{{filler:") {
        let (n, after) = rest.split_once("}}").unwrap();
        text = format!("{before}{}{after}", "x".repeat(n.parse().unwrap()));
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a recording is called.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}
