//! The law of the house: a room imports only from the rooms of its row. See docs/architecture.md, "The rooms".

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may import from, itself always included. `#[cfg(test)]` code may use `testing` as well.
const LAW: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("signing", &["model"]),
    ("address", &[]),
    ("backoff", &["model"]),
    ("work", &["model"]),
    ("limits", &["model", "work"]),
    ("counters", &["model", "work"]),
    ("auth", &["model", "signing"]),
    ("providers", &["auth", "model", "signing"]),
    ("switches", &["auth", "model", "work"]),
    ("intake", &["model", "providers", "work"]),
    ("dispatch", &["model", "work"]),
    ("enrichment", &["dispatch", "intake", "limits", "model", "providers", "signing", "work"]),
    ("sync", &["dispatch", "intake", "limits", "model", "providers", "signing", "work"]),
    ("delivery", &["address", "backoff", "dispatch", "limits", "model", "signing", "work"]),
    ("data_subjects", &["model", "signing", "work"]),
    (
        "manage",
        &[
            "address",
            "auth",
            "backoff",
            "counters",
            "data_subjects",
            "delivery",
            "dispatch",
            "enrichment",
            "intake",
            "limits",
            "model",
            "providers",
            "signing",
            "switches",
            "sync",
            "work",
        ],
    ),
    ("clients", &["address", "delivery", "enrichment", "limits", "model", "sync"]),
    (
        "aws",
        &[
            "auth",
            "counters",
            "data_subjects",
            "delivery",
            "dispatch",
            "enrichment",
            "intake",
            "limits",
            "manage",
            "model",
            "providers",
            "switches",
            "sync",
            "work",
        ],
    ),
    ("config", &["aws", "model", "work"]),
    ("lambda", &["auth", "manage", "model", "work"]),
];

/// Names that only one room may say.
const RESERVED: &[(&str, &str)] = &[
    ("aws_sdk_", "aws"),
    ("aws_config", "aws"),
    ("reqwest", "clients"),
    ("lambda_http", "lambda"),
    ("lambda_runtime", "lambda"),
];

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src")
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(shared()).expect("inside the crate");
    let first = inside.iter().next().expect("a file has a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Files and parts of files that are compiled for tests only.
fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name == "tests.rs" || name.ends_with("_tests.rs") || name == "rude_server.rs"
}

/// The lines that are compiled outside tests: a file's tests stand at its end.
fn lines_of(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).expect("the file can be read");
    let mut lines = Vec::new();
    let mut text_lines = text.lines().enumerate().peekable();
    while let Some((n, line)) = text_lines.next() {
        let next = text_lines.peek().map(|(_, next)| next.trim_start()).unwrap_or_default();
        if line.trim() == "#[cfg(test)]" && next.starts_with("mod tests {") {
            break;
        }
        lines.push((n + 1, line.to_owned()));
    }
    lines
}

fn mentioned_rooms(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("crate::")
        .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, found)| {
            let rest = &code[at + found.len()..];
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
        })
        .filter(|room| !room.is_empty())
        .collect()
}

#[test]
fn a_room_imports_only_from_its_row() {
    let law: BTreeMap<_, _> = LAW.iter().copied().collect();
    let mut broken = Vec::new();
    for path in sources(&shared()) {
        let room = room_of(&path);
        if room == "lib" || room == "testing" || is_test_file(&path) {
            continue;
        }
        let Some(allowed) = law.get(room.as_str()) else {
            broken.push(format!("{}: the room `{room}` has no row in the law", path.display()));
            continue;
        };
        for (n, line) in lines_of(&path) {
            for other in mentioned_rooms(&line) {
                if other != room && !allowed.contains(&other.as_str()) {
                    broken.push(format!("{}:{n}: `{room}` may not import `{other}`", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_its_own_room_names_an_outside_world() {
    let mut broken = Vec::new();
    for path in sources(&shared()) {
        let room = room_of(&path);
        if is_test_file(&path) {
            continue;
        }
        for (n, line) in lines_of(&path) {
            let code = line.split("//").next().unwrap_or_default();
            for (name, home) in RESERVED {
                if code.contains(name) && room != *home {
                    broken.push(format!("{}:{n}: only `{home}` may name `{name}`", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_model_knows_neither_clock_nor_randomness() {
    let mut broken = Vec::new();
    for path in sources(&shared().join("model")) {
        for (n, line) in lines_of(&path) {
            for word in ["::now()", "rand::", "getrandom", "env::var"] {
                if line.contains(word) {
                    broken.push(format!("{}:{n}: {word}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_clock_is_read_by_the_functions_only() {
    let mut broken = Vec::new();
    for path in sources(&shared()) {
        for (n, line) in lines_of(&path) {
            if line.contains("Timestamp::now()") {
                broken.push(format!("{}:{n}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_row_of_the_law_is_a_room() {
    let rooms: BTreeSet<String> = sources(&shared()).iter().map(|path| room_of(path)).collect();
    let missing: Vec<_> = LAW.iter().map(|(room, _)| *room).filter(|room| !rooms.contains(*room)).collect();
    assert!(missing.is_empty(), "no such room: {missing:?}");
}
