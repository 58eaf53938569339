//! What template.yaml promises and nothing on this machine can show by running it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gancho_tests::cloudformation::{
    functions, one_or_more, queues_of, resources, root, statements, template, variables,
};
use serde_json::{Value, json};

/// A number as it stands, or the default of the parameter it refers to.
fn number(template: &Value, value: &Value) -> u64 {
    match value["Ref"].as_str() {
        Some(parameter) => template["Parameters"][parameter]["Default"].as_u64().unwrap(),
        None => value.as_u64().unwrap(),
    }
}

#[test]
fn a_message_stays_hidden_six_times_as_long_as_its_function_may_take() {
    let template = template();
    let queues = resources(&template, "AWS::SQS::Queue");
    let mut looked_at = 0;
    for (name, function) in functions(&template) {
        for queue in queues_of(&function) {
            let hidden = number(&template, &queues[&queue]["VisibilityTimeout"]);
            let timeout = number(&template, &function["Timeout"]);
            assert!(hidden >= 6 * timeout, "{queue}: {hidden} s, while {name} may take {timeout} s");
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 5, "lead, sync, dispatch and both delivery queues");
}

#[test]
fn every_consumed_queue_has_dead_letters_that_are_kept_longer() {
    let template = template();
    let queues = resources(&template, "AWS::SQS::Queue");
    for (name, function) in functions(&template) {
        for queue in queues_of(&function) {
            let redrive = &queues[&queue]["RedrivePolicy"];
            assert!(redrive["maxReceiveCount"].as_u64().unwrap() >= 5, "{queue} of {name}");
            let dead = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0].as_str().unwrap();
            let (kept, dead_kept) =
                (&queues[&queue]["MessageRetentionPeriod"], &queues[dead]["MessageRetentionPeriod"]);
            assert!(dead_kept.as_u64().unwrap() > kept.as_u64().unwrap(), "{dead}");
        }
    }
    for (name, queue) in queues {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}");
    }
}

#[test]
fn a_batch_reports_the_messages_that_failed_and_takes_no_more_workers_than_it_may() {
    let template = template();
    for (name, function) in functions(&template) {
        for event in function["Events"].as_object().into_iter().flatten().map(|(_, event)| event) {
            if event["Type"] == "SQS" {
                let mapping = &event["Properties"];
                assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{name}");
                assert!(!mapping["ScalingConfig"]["MaximumConcurrency"].is_null(), "{name}");
            }
        }
    }
}

#[test]
fn every_function_has_a_role_a_log_group_and_a_name_of_its_own() {
    let template = template();
    let (functions, roles) = (functions(&template), resources(&template, "AWS::IAM::Role"));
    let groups = resources(&template, "AWS::Logs::LogGroup");
    let mut taken = BTreeSet::new();
    for (name, function) in &functions {
        let role = function["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        assert!(roles.contains_key(role) && taken.insert(role.to_owned()), "{name} shares {role}");
        let group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap();
        assert!(!groups[group]["RetentionInDays"].is_null() && taken.insert(group.to_owned()), "{name}");
        let verb = name.trim_end_matches("Function").to_lowercase();
        assert_eq!(function["FunctionName"]["Fn::Sub"], format!("${{AWS::StackName}}-{verb}"));
    }
}

#[test]
fn no_role_may_touch_everything_of_a_kind() {
    let template = template();
    for (name, role) in resources(&template, "AWS::IAM::Role") {
        assert_eq!(role["ManagedPolicyArns"], Value::Null, "{name}: what it may do is written out");
        for statement in statements(&role) {
            assert_eq!(statement["Effect"], "Allow", "{name}");
            let actions: Vec<_> = one_or_more(&statement["Action"]).into_iter().map(|a| a.as_str().unwrap()).collect();
            let of_traces = actions.iter().all(|action| action.starts_with("xray:"));
            for resource in one_or_more(&statement["Resource"]) {
                assert!(of_traces || *resource != "*", "{name}: {statement:#}");
            }
            for action in actions {
                // A batch has the permission of the single call; the star is its name on the local cloud.
                let star = action.contains('*');
                let batch = ["sqs:SendMessage*", "sqs:DeleteMessage*"].contains(&action);
                assert!(!star || batch, "{name}: {action}");
            }
        }
    }
}

#[test]
fn functions_that_ring_their_own_queue_may_loop() {
    let template = template();
    let roles = resources(&template, "AWS::IAM::Role");
    let mut looping = Vec::new();
    for (name, function) in functions(&template) {
        let role = &roles[function["Role"]["Fn::GetAtt"][0].as_str().unwrap()];
        let rings = |queue: &str| {
            statements(role).iter().any(|statement| {
                let sends =
                    one_or_more(&statement["Action"]).iter().any(|a| a.as_str().unwrap().starts_with("sqs:Send"));
                sends && one_or_more(&statement["Resource"]).iter().any(|r| r["Fn::GetAtt"][0] == queue)
            })
        };
        // What works on a row without a claim rings no bell for later.
        let rings_itself = queues_of(&function).iter().any(|queue| rings(queue)) && name != "DispatchFunction";
        assert_eq!(function["RecursiveLoop"] == "Allow", rings_itself, "{name}");
        if rings_itself {
            looping.push(name);
        }
    }
    assert_eq!(looping, ["DeliverFunction", "EnrichFunction", "SyncFunction"]);
}

#[test]
fn every_alarm_ends_in_an_anchor_of_the_runbook() {
    let template = template();
    let runbook = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let headings = runbook.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    };
    let anchors: BTreeSet<String> = headings.map(anchor).collect();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    assert!(alarms.len() >= 20, "{}", alarms.len());
    for (name, alarm) in alarms {
        let description = alarm["AlarmDescription"].as_str().unwrap();
        let (_, link) = description.rsplit_once(" See docs/operations.md#").unwrap_or_else(|| panic!("{name}"));
        assert!(anchors.contains(link), "{name}: there is no heading for #{link}");
        assert!(!alarm["AlarmActions"].as_array().unwrap().is_empty(), "{name} tells nobody");
        assert!(alarm["Metrics"].is_null(), "{name}: a rate is the average of a metric that is 0 or 1");
    }
}

#[test]
fn no_secret_stands_in_an_environment_an_output_or_a_parameter() {
    let template = template();
    let secrets = resources(&template, "AWS::SecretsManager::Secret");
    assert!(!template.to_string().contains("{{resolve:"), "what is resolved is shown to whoever may read the stack");
    for (name, parameter) in template["Parameters"].as_object().unwrap() {
        assert!(!["Token", "Password", "Key"].iter().any(|word| name.ends_with(word)), "{name}: {parameter}");
    }
    // A secret's reference is its address, and its address alone.
    let mut addresses: Vec<Value> = Vec::new();
    for function in functions(&template).values() {
        addresses
            .extend(variables(function).into_iter().filter(|(name, _)| name.starts_with("SECRET_")).map(|(_, v)| v));
    }
    addresses.extend(
        template["Outputs"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.contains("Secret"))
            .map(|(_, o)| o["Value"].clone()),
    );
    assert!(!addresses.is_empty());
    for address in addresses {
        let [name, attribute] = [&address["Fn::GetAtt"][0], &address["Fn::GetAtt"][1]];
        assert!(secrets.contains_key(name.as_str().unwrap()) && attribute == "Id", "{address}");
    }
}

#[test]
fn tables_outlive_the_stack_and_can_be_restored() {
    let template = template();
    let tables = resources(&template, "AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 5);
    for (name, table) in tables {
        assert_eq!(template["Resources"][&name]["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(template["Resources"][&name]["UpdateReplacePolicy"], "Retain", "{name}");
        assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "{name}");
        assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "expires_at", "Enabled": true}), "{name}");
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{name}");
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{name}");
    }
}

/// Every name of a setting that stands in these sources.
fn settings_read(sources: &[PathBuf]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in sources {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let quoted = code.split('"').skip(1).step_by(2);
        let shouted = |word: &&str| {
            word.contains('_') && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        names.extend(quoted.filter(shouted).map(str::to_owned));
    }
    names
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_setting_the_code_reads_is_in_the_template_and_every_one_there_is_read() {
    // Cargo's and Lambda's own; and what is there only so that a release reaches every function.
    const NOT_READ: [&str; 2] = ["AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "GANCHO_RELEASE"];
    let mut sources = rust_files(&root().join("shared/src/config"));
    for function in ["receive", "enrich", "sync", "dispatch", "deliver", "manage", "sweep"] {
        sources.push(root().join(format!("functions/{function}/src/main.rs")));
    }
    let read = settings_read(&sources);
    let read: BTreeSet<_> = read.into_iter().filter(|name| !name.starts_with("CARGO_")).collect();

    let template = template();
    let mut given: BTreeSet<String> = variables(&template["Globals"]["Function"]).into_keys().collect();
    for function in functions(&template).values() {
        given.extend(variables(function).into_keys());
    }
    let missing: Vec<_> = read.difference(&given).collect();
    assert!(missing.is_empty(), "read and not in the template: {missing:?}");
    let idle: Vec<_> = given.difference(&read).filter(|name| !NOT_READ.contains(&name.as_str())).collect();
    assert!(idle.is_empty(), "in the template and not read: {idle:?}");
}
