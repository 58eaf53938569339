//! DynamoDB, SQS and Secrets Manager in this process, on ports of the loopback: real protocols, so that the functions
//! and the SDK are what they are on AWS, with answers that cost little and can be made as slow as AWS's.
//!
//! What the tables do is dynoxide's; what they are is read from the template.

mod certificates;
pub mod counts;
mod door;
#[cfg(test)]
mod exams;
#[cfg(test)]
mod expressions;
pub mod queues;
mod secrets;
mod tables;
mod templated;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::AttributeValue;
use gancho::aws::{AwsConfig, Budget, QueueUrls, Tables, connect};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::certificates::Certificates;
use self::counts::Counts;
use self::queues::{Queues, Sent};
use self::secrets::Secrets;
use self::tables::Database;

/// The region that is signed for, as the local stack has it.
pub const REGION: &str = "us-east-1";
/// The account that queues are of.
const ACCOUNT: &str = "000000000000";
/// What is signed with; nobody looks.
const KEY: &str = "test";

/// What is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The tables.
    DynamoDb,
    /// The queues.
    Sqs,
    /// The secrets.
    SecretsManager,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DynamoDb, Self::Sqs, Self::SecretsManager];
}

/// What the door and the bench share.
#[derive(Debug)]
struct Shared {
    tables: Database,
    queues: Mutex<Queues>,
    secrets: Mutex<Secrets>,
    counts: Mutex<Counts>,
    /// Nanoseconds, by service.
    latency: [AtomicU64; 3],
}

impl Shared {
    fn latency(&self, of: Service) -> Duration {
        Duration::from_nanos(self.latency[of as usize].load(Ordering::Relaxed))
    }
}

/// What is in a lock, whoever panicked while holding it.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stand-ins, which stop when this is dropped. They have a thread of their own, so that what they cost can be told
/// from what is measured.
#[derive(Debug)]
pub struct StandIns {
    http: SocketAddr,
    https: SocketAddr,
    certificates: Certificates,
    shared: Arc<Shared>,
    /// Where the kernel tells of the thread.
    task: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl StandIns {
    /// Starts them, with the tables and queues of the template, all empty, named as the template names them.
    ///
    /// # Panics
    /// If the template cannot be read or no port be had: there is nothing to measure then.
    #[must_use]
    pub fn start() -> Self {
        let template = gancho_tests::cloudformation::template();
        let shared = Arc::new(Shared {
            tables: Database::create(&templated::tables(&template)),
            queues: Mutex::new(Queues::create(templated::queues(&template))),
            secrets: Mutex::default(),
            counts: Mutex::default(),
            latency: Default::default(),
        });
        let certificates = Certificates::make();
        let tls = certificates.server();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let theirs = Arc::clone(&shared);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime of its own").block_on(async move {
                let (http, https) = (listener().await, listener().await);
                let addresses = [&http, &https].map(|one| one.local_addr().expect("a port that is bound"));
                let task = fs::read_link("/proc/thread-self").expect("Linux tells a thread which it is");
                tell.send((addresses, Path::new("/proc").join(task))).expect("whoever started this waits for it");
                tokio::select! {
                    () = door::open(http, None, Arc::clone(&theirs)) => {}
                    () = door::open(https, Some(tls), theirs) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = thread::Builder::new().name("stand-ins".into()).spawn(run).expect("a thread");
        let ([http, https], task) = told.recv().expect("the stand-ins have started");
        Self { http, https, certificates, shared, task, stop: Some(stop), thread: Some(thread) }
    }

    /// Where they answer without TLS.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Where they answer with TLS, under a certificate of [`Self::trust_file`].
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://{}", self.https)
    }

    /// Writes the certificate of their authority into a directory: the file that `SSL_CERT_FILE` names to a function.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn trust_file(&self, directory: &Path) -> io::Result<PathBuf> {
        let file = directory.join(format!("authority-{}.pem", self.https.port()));
        fs::write(&file, self.certificates.authority())?;
        Ok(file)
    }

    /// What a server on `127.0.0.1` and `localhost` shows whoever trusts [`Self::trust_file`]: for a receiver of a
    /// bench's own.
    #[must_use]
    pub fn server_config(&self) -> Arc<tokio_rustls::rustls::ServerConfig> {
        self.certificates.server()
    }

    /// The environment in which a function's process finds these services and no others, but for what it trusts.
    #[must_use]
    pub fn environment(&self, tls: bool) -> Vec<(&'static str, String)> {
        let endpoint = if tls { self.https() } else { self.http() };
        vec![
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", REGION.into()),
            ("AWS_ACCESS_KEY_ID", KEY.into()),
            ("AWS_SECRET_ACCESS_KEY", KEY.into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ]
    }

    /// The clients of this process, connected as a function connects, without TLS; whatever endpoint the environment
    /// names, which would go before this one.
    pub async fn aws(&self, budget: Budget) -> AwsConfig {
        let told = connect(budget).await;
        let credentials = Credentials::new(KEY, KEY, None, None, "stand-ins");
        let mut config = AwsConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.http())
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials));
        config
            .set_http_client(told.http_client())
            .set_timeout_config(told.timeout_config().cloned())
            .set_retry_config(told.retry_config().cloned())
            .set_identity_cache(told.identity_cache())
            .set_sleep_impl(told.sleep_impl())
            .set_time_source(told.time_source());
        config.build()
    }

    /// The names of the tables.
    #[must_use]
    pub fn tables(&self) -> Tables {
        let [events, directory, signals, parties, sync] =
            ["Events", "Directory", "Signals", "Parties", "Sync"].map(|name| format!("{name}Table"));
        Tables { events, directory, signals, parties, sync }
    }

    /// The addresses of the queues.
    #[must_use]
    pub fn queues(&self) -> QueueUrls {
        self.urls("Queue")
    }

    /// The addresses of the dead-letter queues.
    #[must_use]
    pub fn dead_letters(&self) -> QueueUrls {
        self.urls("DeadLetters")
    }

    fn urls(&self, kind: &str) -> QueueUrls {
        let url = |name: &str| Some(self.queue_url(&format!("{name}{kind}")));
        QueueUrls {
            lead: url("Lead"),
            dispatch: url("Dispatch"),
            delivery: url("Delivery"),
            delivery_slow: url("DeliverySlow"),
            sync: url("Sync"),
        }
    }

    /// The address of a queue, by the name that the template has for it.
    #[must_use]
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.http())
    }

    /// Takes every message out of a queue, those that are delayed too.
    ///
    /// # Panics
    /// If the template has no such queue.
    #[must_use]
    pub fn drain(&self, queue: &str) -> Vec<Sent> {
        held(&self.shared.queues).named(queue).expect("a queue of the template").drain()
    }

    /// Sets the text of a secret, by the name or ARN that it will be asked for by.
    pub fn put_secret(&self, name: &str, text: &str) {
        held(&self.shared.secrets).put(name, text);
    }

    /// Adds a table that the template does not have, as `CreateTable` is told of it.
    ///
    /// # Panics
    /// If DynamoDB would not make it.
    pub fn create_table(&self, described: &serde_json::Value) {
        self.shared.tables.add(described);
    }

    /// The items of a small table, as the protocol writes them: the first megabyte. The call is not counted.
    ///
    /// # Panics
    /// If there is no such table.
    #[must_use]
    pub fn items(&self, table: &str) -> Vec<serde_json::Value> {
        let asked = serde_json::json!({"TableName": table}).to_string();
        let answer = self.shared.tables.call("Scan", asked.as_bytes());
        let mut page: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let items = page["Items"].as_array_mut().expect("a page of this table");
        std::mem::take(items)
    }

    /// Puts items into a table beside the protocol: none is counted, and a million take a minute.
    ///
    /// # Panics
    /// If there is no such table, or an item lacks its key.
    pub fn load(&self, table: &str, items: impl IntoIterator<Item = HashMap<String, AttributeValue>>) {
        self.shared.tables.load(table, items);
    }

    /// From now on an answer of this service leaves no sooner than this after its request has come. What a timer adds
    /// is up to a millisecond; answers wait beside each other.
    pub fn set_latency(&self, of: Service, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.shared.latency[of as usize].store(nanos, Ordering::Relaxed);
    }

    /// What was called since the start or the last [`Self::reset`].
    #[must_use]
    pub fn counts(&self) -> Counts {
        held(&self.shared.counts).clone()
    }

    /// Counts from 0 again.
    pub fn reset(&self) {
        *held(&self.shared.counts) = Counts::default();
    }

    /// The processor time that all of this has taken so far.
    ///
    /// # Panics
    /// Where the kernel does not tell (`/proc/<pid>/task/<tid>/schedstat`).
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let told = fs::read_to_string(self.task.join("schedstat")).expect("Linux tells what a thread has spent");
        let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Duration::from_nanos(nanos.expect("nanoseconds come first"))
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.expect("a port of the loopback")
}

/// What came of a call.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Vec<u8>,
    /// What it read or wrote, and what that was billed.
    used: counts::Used,
}

impl Answer {
    fn ok(body: &serde_json::Value) -> Self {
        Self { status: 200, body: body.to_string().into_bytes(), used: counts::Used::default() }
    }

    fn refused(kind: &str, message: &str) -> Self {
        let body = serde_json::json!({"__type": kind, "message": message});
        Self { status: 400, ..Self::ok(&body) }
    }
}

/// Where a call that arrived at `now` may be answered, given how slow its service is.
fn answered_at(arrived: Instant, latency: Duration) -> tokio::time::Instant {
    (arrived + latency).into()
}
