//! A function of the template as a process, with what the template gives it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Program;
use crate::stand_ins::{REGION, StandIns};

/// The secret that the stack key is in.
pub const STACK_KEY: &str = "stack-key";
/// Where systems keep the authorities they trust: Debian and its kin, Amazon Linux and its.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The authorities that a function trusts: those of this machine, as many as on Lambda, and the stand-ins' own. One
/// alone would be read faster than it is there.
///
/// # Errors
/// The file cannot be written.
pub fn trusted(services: &StandIns, directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let own = services.trust_file(directory)?;
    let mut all = BUNDLES.iter().find_map(|bundle| fs::read(bundle).ok()).unwrap_or_default();
    all.push(b'\n');
    all.extend(fs::read(&own)?);
    let file = directory.join("trusted.pem");
    fs::write(&file, all)?;
    Ok(file)
}

/// A function's process: the variables of the template, the stand-ins in the place of AWS, reached by TLS.
#[must_use]
pub fn function(name: &str, binary: &Path, services: &StandIns, trusted: &Path) -> Program {
    let (tables, queues) = (services.tables(), services.queues());
    // Some clients call the address of a queue and not the endpoint they were told.
    let queue = |url: Option<String>| url.unwrap_or_default().replacen(&services.http(), &services.https(), 1);
    Program::new(name, [binary]).with(services.environment(true)).with([
        ("SSL_CERT_FILE", trusted.to_string_lossy().into_owned()),
        // Lambda sets it beside `AWS_REGION`, and some clients read no other.
        ("AWS_DEFAULT_REGION", REGION.into()),
        ("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "true".into()),
        ("GANCHO_LOG", "INFO".into()),
        ("GANCHO_RELEASE", "measured".into()),
        // A machine that is busy with something else must not turn into retries, which would be counted as calls.
        ("AWS_PATIENCE", "10".into()),
        ("EVENT_RETENTION_DAYS", "90".into()),
        ("WORK_BUDGET_S", "60".into()),
        ("SECRET_STACK_KEY", STACK_KEY.into()),
        ("TABLE_EVENTS", tables.events),
        ("TABLE_DIRECTORY", tables.directory),
        ("TABLE_SIGNALS", tables.signals),
        ("QUEUE_LEAD_URL", queue(queues.lead)),
        ("QUEUE_DISPATCH_URL", queue(queues.dispatch)),
        ("QUEUE_DELIVERY_URL", queue(queues.delivery)),
        ("QUEUE_DELIVERY_SLOW_URL", queue(queues.delivery_slow)),
        ("QUEUE_SYNC_URL", queue(queues.sync)),
    ])
}
