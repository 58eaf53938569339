//! The template as CloudFormation sees it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The root of this repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `template.yaml`, with the short forms of its functions written out.
///
/// # Panics
/// If it is not there or is no YAML.
pub fn template() -> Value {
    let text = fs::read_to_string(root().join("template.yaml")).expect("template.yaml lies at the root");
    untagged(serde_yaml_ng::from_str(&text).expect("template.yaml is YAML"))
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
            let entry =
                |(key, value): (Yaml, Yaml)| (key.as_str().expect("a key is a text").to_owned(), untagged(value));
            Value::Object(mapping.into_iter().map(entry).collect::<Map<_, _>>())
        }
        Yaml::Sequence(sequence) => sequence.into_iter().map(untagged).collect(),
        other => serde_json::to_value(other).expect("YAML is no more than JSON, tags aside"),
    }
}

/// The resources of a type: name and properties.
///
/// # Panics
/// If the template has no resources.
pub fn resources(template: &Value, kind: &str) -> BTreeMap<String, Value> {
    let all = template["Resources"].as_object().expect("a template has resources").iter();
    all.filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, r)| (name.clone(), r["Properties"].clone()))
        .collect()
}

/// The functions: name and properties.
pub fn functions(template: &Value) -> BTreeMap<String, Value> {
    resources(template, "AWS::Serverless::Function")
}

/// What the mappings of a function read from: the logical names of its queues.
///
/// # Panics
/// If one of them names no queue of the template.
pub fn queues_of(function: &Value) -> Vec<String> {
    let events = function["Events"].as_object().into_iter().flatten().map(|(_, event)| event);
    let of_sqs = events.filter(|event| event["Type"] == "SQS");
    of_sqs
        .map(|event| {
            event["Properties"]["Queue"]["Fn::GetAtt"][0].as_str().expect("a mapping names its queue").to_owned()
        })
        .collect()
}

/// The statements of a role.
///
/// # Panics
/// If it has no policies.
pub fn statements(role: &Value) -> Vec<&Value> {
    let policies = role["Policies"].as_array().expect("a role has policies").iter();
    policies
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().expect("a policy has statements"))
        .collect()
}

/// The members of a list, or the one value that stands where a list may.
pub fn one_or_more(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |all| all.iter().collect())
}

/// The environment that a function, or all of them, is given.
pub fn variables(of: &Value) -> BTreeMap<String, Value> {
    let all = of["Environment"]["Variables"].as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.clone())).collect()
}
