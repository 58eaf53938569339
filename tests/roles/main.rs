//! Each function's role gives what its code calls for, and nothing else. What the code calls for is derived from the
//! sources: which functions of the store can be reached from the function's own files, and which calls of AWS those make
//! on which table.
//!
//! What this does not see: which of the queues and secrets whose addresses a function is given are called; which index of
//! a table is asked; and rows: the conditions of `receive`'s role are not looked at.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails its test")]

mod reach;
mod sources;
mod touched;

use std::collections::{BTreeMap, BTreeSet};

use gancho_tests::cloudformation::{functions, one_or_more, queues_of, resources, statements, template, variables};
use serde_json::Value;

use crate::reach::Graph;
use crate::sources::{Module, Sources};
use crate::touched::{Table, Touched};

/// A permission: the action, and the logical name of what it is for.
type Right = (String, String);

/// What the pollers of queues do in a function's name.
const POLLER: [&str; 3] = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];

/// What a verb of the store could do and a function never asks of it: function, action, table, and why.
const NOT_ASKED: [(&str, &str, &str, &str); 3] = [
    (
        "sweep",
        "dynamodb:DeleteItem",
        "DirectoryTable",
        "the directory has one verb for all changes; of them, what exists from the start needs those that make",
    ),
    (
        "operate",
        "dynamodb:PutItem",
        "SignalsTable",
        "a record notes a hold where it parks a row; what the operator sets back is to run, and never parked",
    ),
    (
        "operate",
        "dynamodb:DeleteItem",
        "SyncTable",
        "what is finished there is the reading of a query; a dirty row, which has a verb of that name, is sync's to finish",
    ),
];

/// Whether a file is one of those a function is built from. The two faces of `manage` share what is in neither's folder;
/// its `main` puts both together.
fn is_of(function: &str, (krate, path): &Module) -> bool {
    match function {
        "portal" | "operate" => {
            let other = if function == "portal" { "operate" } else { "portal" };
            krate == "manage" && path.first().is_some_and(|first| first != other)
        }
        _ => krate == function,
    }
}

/// The logical name of a table that the code calls by a field's name.
fn table_named(field: &str) -> String {
    let (first, rest) = field.split_at(1);
    format!("{}{rest}Table", first.to_uppercase())
}

/// What a function's variables whose names fit refer to.
fn given(function: &Value, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let fitting = variables(function).into_iter().filter(|(name, _)| fits(name)).map(|(_, value)| value);
    let named = fitting.map(|value| value["Ref"].as_str().or(value["Fn::GetAtt"][0].as_str()).unwrap().to_owned());
    named.collect()
}

/// What the code of a function needs.
fn needed(graph: &Graph<'_>, touched: &Touched, name: &str, function: &Value) -> BTreeMap<Right, String> {
    let reached = graph.reached_from(|file| is_of(name, &graph.sources.all[file].module));
    let mut rights = BTreeMap::new();
    let mut called = BTreeMap::new();
    for n in reached.keys() {
        for touch in touched.tables.get(n).into_iter().flatten() {
            if let Table::Named(field) = &touch.table {
                let index = if touch.index { "/index" } else { "" };
                let right = (format!("dynamodb:{}", touch.action), format!("{}{index}", table_named(field)));
                rights.entry(right).or_insert_with(|| graph.way_to(*n, &reached));
            }
        }
        for action in touched.queues.get(n).into_iter().flatten() {
            called.entry(*action).or_insert_with(|| graph.way_to(*n, &reached));
        }
    }
    rights.extend(of_queues(function, called));
    rights.extend(of_everybody(function).into_iter().map(|right| (right, String::new())));
    rights
}

/// What the code does to the queues whose addresses a function is given.
fn of_queues(function: &Value, called: BTreeMap<&str, String>) -> Vec<(Right, String)> {
    let mut rights = Vec::new();
    let queues = given(function, |name| name.starts_with("QUEUE_") && !name.ends_with("_DLQ_URL"));
    let dead = given(function, |name| name.ends_with("_DLQ_URL"));
    for (action, way) in called {
        let of = match action {
            "SendMessage" => queues.clone(),
            "GetQueueAttributes" => queues.iter().chain(&dead).cloned().collect(),
            _ => dead.clone(),
        };
        rights.extend(of.into_iter().map(|queue| ((format!("sqs:{action}"), queue), way.clone())));
    }
    rights
}

/// What every function needs for what it is given: its queues polled, its secrets read, its log and traces written.
fn of_everybody(function: &Value) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for queue in queues_of(function) {
        rights.extend(POLLER.map(|action| (action.to_owned(), queue.clone())));
    }
    let secrets = given(function, |name| name.starts_with("SECRET_"));
    rights.extend(secrets.into_iter().map(|secret| ("secretsmanager:GetSecretValue".to_owned(), secret)));
    // Lambda writes the log and the traces in the function's name.
    let group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap();
    rights.extend(["logs:CreateLogStream", "logs:PutLogEvents"].map(|action| (action.to_owned(), group.to_owned())));
    rights.extend(
        ["xray:PutTelemetryRecords", "xray:PutTraceSegments"].map(|action| (action.to_owned(), "*".to_owned())),
    );
    rights
}

/// What a role gives. An index can be asked, and nothing else: the other actions that a statement names beside are void.
fn granted(role: &Value) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for statement in statements(role) {
        for action in one_or_more(&statement["Action"]) {
            let action = action.as_str().unwrap().trim_end_matches('*');
            for resource in one_or_more(&statement["Resource"]) {
                let resource = resource_named(resource);
                let of_index = resource.ends_with("/index");
                if !of_index || matches!(action, "dynamodb:Query" | "dynamodb:Scan") {
                    rights.insert((action.to_owned(), resource));
                }
            }
        }
    }
    rights
}

fn resource_named(resource: &Value) -> String {
    if let Some(name) = resource["Fn::GetAtt"][0].as_str() {
        return name.to_owned();
    }
    let text = resource["Fn::Sub"].as_str().or(resource.as_str()).unwrap();
    match text.strip_prefix("${").and_then(|text| text.split_once(".Arn}/index/")) {
        Some((table, _)) => format!("{table}/index"),
        None => text.to_owned(),
    }
}

#[test]
fn each_role_gives_what_its_functions_code_calls_for_and_nothing_else() {
    let sources = Sources::read();
    let graph = Graph::of(&sources);
    let touched = Touched::by(&graph);
    let template = template();
    let roles = resources(&template, "AWS::IAM::Role");
    let mut wrong = String::new();
    let mut not_asked = 0;
    for (logical, function) in functions(&template) {
        let name = logical.trim_end_matches("Function").to_lowercase();
        let role = &roles[function["Role"]["Fn::GetAtt"][0].as_str().unwrap()];
        let (mut needed, granted) = (needed(&graph, &touched, &name, &function), granted(role));
        for (_, action, on, _) in NOT_ASKED.iter().filter(|(of, ..)| *of == name) {
            not_asked += usize::from(needed.remove(&((*action).to_owned(), (*on).to_owned())).is_some());
        }
        for ((action, on), way) in needed.iter().filter(|(right, _)| !granted.contains(right)) {
            wrong += &format!("\n{name} lacks {action} on {on}: {way}");
        }
        for (action, on) in granted.iter().filter(|right| !needed.contains_key(right)) {
            wrong += &format!("\n{name} has no use for {action} on {on}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(not_asked, NOT_ASKED.len(), "an exception that is none any more");
}
