//! The template as CloudFormation sees it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn template() -> Value {
    let text = fs::read_to_string(root().join("template.yaml")).unwrap();
    untagged(serde_yaml_ng::from_str(&text).unwrap())
}

/// CloudFormation's short forms written out: `!Ref X` is `{"Ref": "X"}`.
fn untagged(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let name = if matches!(name, "Ref" | "Condition") { name.to_owned() } else { format!("Fn::{name}") };
            let mut inner = untagged(tagged.value);
            if name == "Fn::GetAtt"
                && let Some(text) = inner.as_str()
            {
                inner = text.split('.').collect();
            }
            json!({name: inner})
        }
        Yaml::Mapping(mapping) => {
            let entry = |(key, value): (Yaml, Yaml)| (key.as_str().unwrap().to_owned(), untagged(value));
            Value::Object(mapping.into_iter().map(entry).collect::<Map<_, _>>())
        }
        Yaml::Sequence(sequence) => sequence.into_iter().map(untagged).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// The resources of a type: name and properties.
pub(crate) fn resources(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let all = template["Resources"].as_object().unwrap().iter();
    all.filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, r)| (name.clone(), r["Properties"].clone()))
        .collect()
}

pub(crate) fn functions(template: &Value) -> BTreeMap<String, Value> {
    resources(template, "AWS::Serverless::Function")
}

/// What the mappings of a function read from: the logical names of its queues.
pub(crate) fn queues_of(function: &Value) -> Vec<String> {
    let events = function["Events"].as_object().into_iter().flatten().map(|(_, event)| event);
    let of_sqs = events.filter(|event| event["Type"] == "SQS");
    of_sqs.map(|event| event["Properties"]["Queue"]["Fn::GetAtt"][0].as_str().unwrap().to_owned()).collect()
}

/// The statements of a role.
pub(crate) fn statements(role: &Value) -> Vec<&Value> {
    let policies = role["Policies"].as_array().unwrap().iter();
    policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap()).collect()
}

pub(crate) fn one_or_more(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |all| all.iter().collect())
}

pub(crate) fn variables(of: &Value) -> BTreeMap<String, Value> {
    let all = of["Environment"]["Variables"].as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.clone())).collect()
}
