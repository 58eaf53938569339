//! Logs: one JSON object a line, our own crates at the level asked for, all others at `warn`.

use tracing_subscriber::EnvFilter;

/// Our crates, as `tracing` knows them.
const OURS: [&str; 7] = ["gancho", "receive", "enrich", "dispatch", "deliver", "manage", "sweep"];

/// Starts logging. `level` applies to our crates only: a library at `debug` may print what we promised not to.
pub fn start(level: &str) {
    let level = level.to_ascii_lowercase();
    let level = match level.as_str() {
        "trace" | "debug" | "info" | "warn" | "error" => level.as_str(),
        _ => "info",
    };
    let directives: Vec<String> =
        std::iter::once("warn".to_owned()).chain(OURS.iter().map(|name| format!("{name}={level}"))).collect();
    let filter = EnvFilter::try_new(directives.join(",")).unwrap_or_else(|_| EnvFilter::new("warn"));
    // Lambda stamps the line with its own time; ours would be the second.
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .without_time()
        .with_env_filter(filter)
        .init();
}
