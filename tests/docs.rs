//! The documents keep their word: links lead somewhere, alarms have their runbooks, tables are the code's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below the root with this ending, outside of what is built or installed.
fn files(ending: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    walk(&path, ending, found);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), ending, &mut found);
    found.sort();
    found
}

/// The lines of a document outside its code blocks.
fn prose(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            inside ^= fence;
            !inside && !fence
        })
        .collect()
}

/// What a heading is linked by, as GitHub makes it.
fn slug(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .into_iter()
        .filter(|line| line.starts_with('#'))
        .map(|line| slug(line.trim_start_matches('#')))
        .collect()
}

/// The targets of `[…](target)` in a document.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let outside_code: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (at, _) in outside_code.match_indices("](") {
            let rest = &outside_code[at + 2..];
            found.extend(rest.split_once(')').map(|(target, _)| target.to_owned()));
        }
    }
    found
}

/// The texts between backticks in a line.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The cells of a table's row.
fn cells(line: &str) -> Option<Vec<&str>> {
    line.strip_prefix('|')?.strip_suffix('|').map(|row| row.split('|').map(str::trim).collect())
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in files(".md") {
        let text = read(&document);
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').map_or((link.as_str(), None), |(p, a)| (p, Some(a)));
            let target = match path {
                "" => document.clone(),
                path => document.parent().expect("a file is in a folder").join(path),
            };
            let missing = !target.exists()
                || anchor
                    .is_some_and(|anchor| !anchors(&fs::read_to_string(&target).unwrap_or_default()).contains(anchor));
            if missing {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_alarm_has_its_runbook() {
    let template = read("template.yaml");
    let mut broken = Vec::new();
    let mut n_alarms = 0;
    for line in template.lines().filter(|line| line.trim_start().starts_with("AlarmDescription:")) {
        n_alarms += 1;
        let link = line.trim().trim_end_matches('"').rsplit("See ").next().unwrap_or_default();
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        if !path.ends_with(".md") || !anchors(&read(path)).contains(anchor) {
            broken.push(line.trim().to_owned());
        }
    }
    assert_eq!(n_alarms, template.matches("Type: AWS::CloudWatch::Alarm").count(), "an alarm without a description");
    assert!(broken.is_empty(), "no such runbook:\n{}", broken.join("\n"));
}

#[test]
fn the_table_of_costs_is_what_is_computed() {
    let computed = std::process::Command::new("python3").arg(root().join("tests/bench/cost/cost.py")).output();
    let computed = computed.expect("Python is there: all of this is started by it");
    assert!(computed.status.success(), "{}", String::from_utf8_lossy(&computed.stderr));
    let (table, told) = (String::from_utf8_lossy(&computed.stdout), read("docs/costs.md"));
    assert!(!table.trim().is_empty() && told.contains(table.trim()), "docs/costs.md does not show:\n{table}");
}

#[test]
fn every_name_of_the_code_is_in_the_code() {
    let sources: String = files(".rs").iter().map(read).collect();
    let mut missing = Vec::new();
    for document in files(".md") {
        for name in prose(&read(&document)).into_iter().flat_map(quoted) {
            let snake = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            // A test, a code or word on the wire, a field.
            let forms = [format!("fn {name}("), format!("\"{name}\""), format!(" {name}:")];
            if snake && name.contains('_') && !forms.iter().any(|form| sources.contains(form)) {
                missing.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "not in the code:\n{}", missing.join("\n"));
}

/// The template's parameters with their defaults.
fn parameters() -> BTreeMap<String, String> {
    let template = read("template.yaml");
    let mut found = BTreeMap::new();
    let mut name = String::new();
    let section = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
    for line in section.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        if let Some(default) = line.strip_prefix("    Default: ") {
            found.insert(name.clone(), default.trim_matches('"').to_owned());
        } else if line.starts_with("  ") && !line.starts_with("   ") {
            name = line.trim().trim_end_matches(':').to_owned();
        }
    }
    found
}

#[test]
fn every_parameter_is_documented_with_its_default() {
    let told: BTreeMap<String, String> = read("docs/operations.md")
        .lines()
        .filter_map(cells)
        .filter(|row| row.len() == 3 && row[0].starts_with('`'))
        .map(|row| {
            let default = if row[1] == "empty" { "" } else { row[1].trim_matches('`') };
            (row[0].trim_matches('`').to_owned(), default.to_owned())
        })
        .filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect();
    assert_eq!(told, parameters());
}

#[test]
fn the_table_of_rooms_is_the_law() {
    let house = read("tests/house.rs");
    let law = house.split("const LAW").nth(1).and_then(|rest| rest.split("\n];").next()).expect("the law is there");
    let mut rooms = BTreeMap::new();
    for row in law.split('(').skip(1) {
        let mut names = row.split('"').skip(1).step_by(2).map(str::to_owned);
        if let Some(room) = names.next() {
            rooms.insert(room, names.collect::<BTreeSet<_>>());
        }
    }
    let architecture = read("docs/architecture.md");
    let section = architecture.split("\n## The rooms").nth(1).and_then(|rest| rest.split("\n## ").next());
    let told: BTreeMap<String, BTreeSet<String>> = section
        .expect("there is a section about the rooms")
        .lines()
        .filter_map(cells)
        .filter(|row| row.len() == 3 && row[0].starts_with('`'))
        .map(|row| (row[0].trim_matches('`').to_owned(), quoted(row[2]).into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(told, rooms);
}
