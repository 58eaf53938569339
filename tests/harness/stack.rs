//! The stack under test, as its stack file tells of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::Deserialize;

/// Where everything is.
#[derive(Deserialize)]
pub struct Stack {
    /// Base of every route.
    pub api_url: String,
    /// The local cloud.
    pub endpoint_url: String,
    /// Its region.
    pub region: String,
    /// The operator's token.
    pub admin_token: String,
    /// The token of the default C2S source.
    pub c2s_token: String,
    /// Who plays the third parties.
    pub sandbox_url: String,
    /// Ports: of the servers, and of a receiver that deliveries may reach.
    pub ports: BTreeMap<String, u16>,
    /// Names of the functions.
    pub functions: BTreeMap<String, String>,
    /// Log groups of the functions.
    pub log_groups: BTreeMap<String, String>,
    /// Names of the tables.
    pub tables: BTreeMap<String, String>,
    /// Addresses of the queues.
    pub queues: BTreeMap<String, String>,
    /// Addresses of their dead-letter queues.
    pub dead_letters: BTreeMap<String, String>,
    /// Where its secrets are.
    pub secrets: BTreeMap<String, String>,
    /// The directory of the stack file: the mark its processes bear.
    #[serde(skip)]
    pub home: PathBuf,
}

/// The variable that says where the stack file is.
const VARIABLE: &str = "GANCHO_STACK";

impl Stack {
    /// The stack of this run.
    ///
    /// # Panics
    /// Without one: a flow that does not run must not look like one that passed.
    pub fn get() -> &'static Self {
        static STACK: OnceLock<Stack> = OnceLock::new();
        STACK.get_or_init(|| {
            let Ok(path) = std::env::var(VARIABLE) else {
                panic!("{VARIABLE} is not set: flows run against a stack of their own, which `make test` starts");
            };
            let path = PathBuf::from(path);
            let text =
                std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{VARIABLE} = {}: {e}", path.display()));
            let mut stack: Self =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{} is no stack file: {e}", path.display()));
            stack.home = path.parent().map(PathBuf::from).unwrap_or_default();
            stack
        })
    }
}
