//! Schemathesis: makes requests out of `/openapi.json`, good and bad, and holds the answers against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::lead::unique;
use crate::stack::Stack;

/// What is held against the description.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Requests made of chance for an operation, after those at the edges of what its schemas allow; the same in every run.
const EXAMPLES: &str = "6";

/// How operations are asked.
pub struct Plan {
    config: String,
}

/// One worker: more of them trip over each other in the interpreter. No data out of answers, and no stateful phase: both
/// would find in lists what other flows made, and delete it. A credential that is not taken, an operation that finds
/// nothing, or a name that is no operation's is a failure: nothing would be held against anything.
const RULES: &str = r#"
workers = 1
request-timeout = 60
[generation]
deterministic = true
database = "none"
no-shrink = true
[phases]
examples.extra-data-sources.responses = false
coverage.extra-data-sources.responses = false
fuzzing.extra-data-sources.responses = false
stateful.enabled = false
[warnings]
fail-on = ["missing_auth", "missing_test_data", "rate_limited", "unmatched_filter", "unused_openapi_auth"]
"#;

impl Default for Plan {
    fn default() -> Self {
        Self { config: RULES.to_owned() }
    }
}

impl Plan {
    /// Asks everything that needs this credential with this one.
    #[must_use]
    pub fn bearer(mut self, scheme: &str, token: &str) -> Self {
        self.config += &format!("[auth.openapi.{scheme}]\nbearer = {token:?}\n");
        self
    }

    /// Gives these operations a parameter's value, so that they find something.
    #[must_use]
    pub fn with(mut self, operations: &[&str], parameter: &str, value: &str) -> Self {
        let value = format!("parameters = {{ {parameter:?} = {value:?} }}");
        self.config += &format!("[[operations]]\ninclude-operation-id = {operations:?}\n{value}\n");
        self
    }

    /// The same with two parameters, that belong together.
    #[must_use]
    pub fn with_both(mut self, operations: &[&str], [(one, its), (other, others)]: [(&str, &str); 2]) -> Self {
        let values = format!("parameters = {{ {one:?} = {its:?}, {other:?} = {others:?} }}");
        self.config += &format!("[[operations]]\ninclude-operation-id = {operations:?}\n{values}\n");
        self
    }

    /// Leaves an operation out; the reason is for whoever reads the flow.
    #[must_use]
    pub fn without(mut self, operation: &str, _reason: &str) -> Self {
        self.config += &format!("[[operations]]\ninclude-operation-id = {operation:?}\nenabled = false\n");
        self
    }

    /// Operations that are asked about what is not there, and nothing else.
    #[must_use]
    pub fn in_vain(mut self, operations: &[&str]) -> Self {
        self.config += &format!("[[operations]]\ninclude-operation-id = {operations:?}\nwarnings = false\n");
        self
    }

    /// Asks, and gives what Schemathesis said, if there was anything to complain of.
    ///
    /// # Errors
    /// With its report.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn run(&self) -> Result<(), String> {
        let home = Home::new();
        fs::write(home.0.join("schemathesis.toml"), &self.config).expect("a file of its own");
        let Output { status, stdout, stderr } = self.command(&home.0).output().expect("Schemathesis runs");
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        if status.success() { Ok(()) } else { Err(said) }
    }

    fn command(&self, home: &Path) -> Command {
        let python = std::env::var("GANCHO_SCHEMATHESIS");
        let python = python.expect("GANCHO_SCHEMATHESIS is not set: `make test` installs it and says where");
        let api = &Stack::get().api_url;
        let mut command = Command::new(python);
        command.args(["-m", "schemathesis.cli", "--no-color", "--config-file"]).arg(home.join("schemathesis.toml"));
        command.args(["run", &format!("{api}/openapi.json"), "--url", api, "--checks", CHECKS, "-n", EXAMPLES]);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "127.0.0.1,localhost").current_dir(home);
        command
    }
}

/// A folder that goes when it is done with: the plan has credentials in it.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("gancho-schemathesis-{}-{}", std::process::id(), unique()));
        fs::create_dir_all(&path).expect("a folder of its own");
        Self(path)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
