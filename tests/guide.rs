//! docs/receivers.md shows files that stand beside it, and these run: what the platform signs they take, and nothing
//! else. tests/flows/receivers_verify.rs gives them what a whole stack has sent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gancho::delivery::message::Message;
use gancho::model::event::Announcement;
use gancho::model::event_type::EventType;
use gancho::model::ids::{EventId, TenantId};
use gancho::signing::compat;
use gancho::signing::secret::Secret;
use gancho::signing::standard::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, TOLERANCE_S, sign};
use gancho_tests::receivers::{Receiver, Sent, folder, genuine_by_the_body_alone};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const BUILT: &str = env!("CARGO_BIN_EXE_receiver");
const PLAIN: &str = "a sécret without a prefix";

fn announcement(key: &str) -> Announcement {
    Announcement {
        id: EventId::derive(&[key]),
        tenant: TenantId::default_tenant(),
        event_type: EventType::LeadReceived,
        at: Timestamp::now(),
        data: json!({"lead_id": key, "note": "Ângela Fictícia Conceição"}),
    }
}

/// A delivery as the platform signs it with these secrets.
fn signed(message: &Message, at: Timestamp, secrets: &[&Secret]) -> Sent {
    let secrets: Vec<Secret> = secrets.iter().copied().cloned().collect();
    let headers = [
        ("content-type", "application/json".to_owned()),
        (HEADER_ID, message.webhook_id().to_owned()),
        (HEADER_TIMESTAMP, at.as_second().to_string()),
        (HEADER_SIGNATURE, sign(message.webhook_id(), at, message.body(), &secrets)),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Sent { headers, body: message.body().to_vec() }
}

async fn all_answer(receivers: &[Receiver], status: u16, sent: &Sent, what: &str) {
    for receiver in receivers {
        assert_eq!(receiver.take(sent).await, status, "{:?}: {what}", receiver.language);
    }
}

#[test]
fn the_guide_shows_the_files_as_they_are() {
    let guide = fs::read_to_string(folder().join("../receivers.md")).unwrap();
    let mut quotes = BTreeMap::new();
    for block in guide.split("\n```").skip(1).step_by(2) {
        let (language, code) = block.split_once('\n').unwrap();
        quotes.entry(language).or_insert_with(Vec::new).push(format!("{code}\n"));
    }
    let mut n_files = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let language = match path.extension().and_then(|extension| extension.to_str()) {
            Some("py") => "python",
            Some("mjs") => "javascript",
            Some("rs") => "rust",
            _ => continue,
        };
        let code = fs::read_to_string(&path).unwrap();
        assert!(quotes[language].contains(&code), "{} is not what the guide shows", path.display());
        n_files += 1;
    }
    let n_quotes: usize = ["python", "javascript", "rust"].iter().map(|language| quotes[language].len()).sum();
    assert_eq!(n_quotes, n_files, "the guide shows code that no file holds, and no test runs");
}

#[test]
fn the_versions_the_guide_names_are_those_that_are_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let guide = read("docs/receivers.md");
    let manifest = read("Cargo.toml");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("standardwebhooks = \"=")).unwrap();
    let python = read("local/requirements-receivers.in");
    let python = python.lines().find_map(|line| line.strip_prefix("standardwebhooks==")).unwrap();
    let package: serde_json::Value = serde_json::from_str(&read("tests/receivers/javascript/package.json")).unwrap();
    let javascript = package["dependencies"]["standardwebhooks"].as_str().unwrap();
    let told = format!("Rust {}, Python {python}, JavaScript {javascript}", rust.trim_end_matches('"'));
    assert!(guide.contains(&told), "{told}");
}

#[tokio::test]
async fn the_guides_receivers_take_what_is_signed_and_keep_it_once() {
    for secret in [Secret::generate([1; 32]), Secret::parse(PLAIN).unwrap()] {
        let receivers = Receiver::all(BUILT, secret.expose());
        let announcement = announcement("kept");
        let message = Message::of(&announcement);
        let genuine = signed(&message, Timestamp::now(), &[&secret]);
        all_answer(&receivers, 204, &genuine, "genuine").await;
        // A later attempt: the same event, signed anew.
        let again = signed(&message, Timestamp::now() + SignedDuration::from_secs(2), &[&secret]);
        all_answer(&receivers, 204, &again, "a copy").await;
        for receiver in &receivers {
            let kept = receiver.kept();
            assert_eq!(kept.len(), 1, "{:?}: {kept:?}", receiver.language);
            assert_eq!(kept[announcement.id.as_str()]["data"], announcement.data, "{:?}", receiver.language);
        }
    }
}

#[tokio::test]
async fn the_guides_receivers_refuse_what_is_not_signed_for_them_now() {
    let secret = Secret::generate([1; 32]);
    let receivers = Receiver::all(BUILT, secret.expose());
    let message = Message::of(&announcement("refused"));
    let now = Timestamp::now();
    let genuine = signed(&message, now, &[&secret]);
    let border = SignedDuration::from_secs(TOLERANCE_S + 60);
    let none_of_v1 = genuine.headers[HEADER_SIGNATURE].replace("v1,", "v2,");
    let mut not_text = genuine.clone();
    not_text.body.push(0xff);
    let refused = [
        ("another byte", genuine.altered()),
        ("bytes that are no text", not_text),
        ("another id", genuine.altered_in(HEADER_ID)),
        ("another signature", genuine.altered_in(HEADER_SIGNATURE)),
        ("another time", genuine.with(HEADER_TIMESTAMP, &(now.as_second() + 1).to_string())),
        ("no time", genuine.with(HEADER_TIMESTAMP, "soon")),
        ("an old time, signed", signed(&message, now - border, &[&secret])),
        ("a time to come, signed", signed(&message, now + border, &[&secret])),
        ("another's secret", signed(&message, now, &[&Secret::generate([2; 32])])),
        ("another version", genuine.with(HEADER_SIGNATURE, &none_of_v1)),
        ("a signature without a comma", genuine.with(HEADER_SIGNATURE, "v1")),
        ("a signature in no base64", genuine.with(HEADER_SIGNATURE, "v1,=")),
        ("no id", genuine.without(HEADER_ID)),
        ("no time at all", genuine.without(HEADER_TIMESTAMP)),
        ("no signature", genuine.without(HEADER_SIGNATURE)),
    ];
    for (what, sent) in refused {
        all_answer(&receivers, 401, &sent, what).await;
    }
    for receiver in &receivers {
        assert_eq!(receiver.kept(), BTreeMap::new(), "{:?}", receiver.language);
    }
}

#[tokio::test]
async fn the_guides_receivers_take_both_secrets_of_a_rotation_and_the_events_of_a_batch() {
    let (old, new) = (Secret::generate([1; 32]), Secret::generate([2; 32]));
    let both = [&new, &old];
    let one = announcement("one");
    let others = [announcement("two"), announcement("three"), one.clone()];
    let batch = Message::batch(&"dlv_1".parse().unwrap(), Timestamp::now(), &others);
    for mine in [&old, &new] {
        let receivers = Receiver::all(BUILT, mine.expose());
        all_answer(&receivers, 204, &signed(&Message::of(&one), Timestamp::now(), &both), "during the overlap").await;
        let sent = signed(&batch, Timestamp::now(), &both);
        all_answer(&receivers, 401, &sent.altered(), "another byte in a batch").await;
        all_answer(&receivers, 204, &sent, "a batch").await;
        all_answer(&receivers, 204, &sent, "a copy of a batch").await;
        let mut expected: Vec<&str> = others.iter().map(|announcement| announcement.id.as_str()).collect();
        expected.sort_unstable();
        for receiver in &receivers {
            assert_eq!(Vec::from_iter(receiver.kept().keys()), expected, "{:?}", receiver.language);
        }
    }
    let receivers = Receiver::all(BUILT, old.expose());
    all_answer(&receivers, 401, &signed(&Message::of(&one), Timestamp::now(), &[&new]), "after the overlap").await;
}

#[tokio::test]
async fn the_guides_receivers_ask_for_another_try_when_they_cannot_keep_an_event() {
    let secret = Secret::generate([1; 32]);
    let receivers = Receiver::all(BUILT, secret.expose());
    let announcement = announcement("later");
    let genuine = signed(&Message::of(&announcement), Timestamp::now(), &[&secret]);
    receivers.iter().for_each(Receiver::break_inbox);
    all_answer(&receivers, 503, &genuine, "nowhere to keep it").await;
    receivers.iter().for_each(Receiver::mend_inbox);
    all_answer(&receivers, 204, &genuine, "the next try").await;
    for receiver in &receivers {
        assert!(receiver.kept().contains_key(announcement.id.as_str()), "{:?}", receiver.language);
    }
}

#[test]
fn the_signature_of_the_body_alone_is_checked_as_the_guide_has_it() {
    let body = Message::of(&announcement("body only")).body().to_vec();
    for secret in [Secret::generate([1; 32]), Secret::parse(PLAIN).unwrap()] {
        let signature = compat::sha256_hex(&secret, &body);
        assert!(genuine_by_the_body_alone(secret.expose(), &body, &signature));
        assert!(!genuine_by_the_body_alone(secret.expose(), &body[1..], &signature));
        assert!(!genuine_by_the_body_alone(secret.expose(), &body, &signature.replace("sha256=", "")));
        let other = Secret::generate([2; 32]);
        assert!(!genuine_by_the_body_alone(other.expose(), &body, &signature));
    }
}
