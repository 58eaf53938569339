//! A process of a function, and what it is asked.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use axum::body::Bytes;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::desk::{Desk, Told};
use super::spent::{self, Allocations};

/// How long a process may be silent: longer than any invocation may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a silent process is still there.
const LOOK: Duration = Duration::from_millis(100);

/// A program that speaks the Runtime API.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// What it is called in tables.
    pub name: String,
    /// What is run.
    pub argv: Vec<OsString>,
    /// What it sees of the environment beside what Lambda sets: nothing of ours.
    pub env: Vec<(OsString, OsString)>,
    /// Where it runs, if that matters.
    pub directory: Option<PathBuf>,
    /// The file that takes what it writes, which is added to.
    pub log: Option<PathBuf>,
    /// The core it may run on; any, otherwise.
    pub core: Option<usize>,
    /// The memory that Lambda says it has, MB.
    pub memory_mb: u32,
}

impl Program {
    /// A program with this name and command, and the memory of the template's functions.
    pub fn new(name: impl Into<String>, argv: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let argv = argv.into_iter().map(Into::into).collect();
        Self { name: name.into(), argv, memory_mb: 512, ..Self::default() }
    }

    /// The same, with these variables too.
    #[must_use]
    pub fn with(mut self, env: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>) -> Self {
        self.env.extend(env.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }
}

/// An invocation's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was answered.
    pub body: Bytes,
    /// From handing over the event to the last byte of the answer.
    pub took: Duration,
    /// From the start of the process to the last byte of the answer.
    pub since_start: Duration,
}

/// One process of a program, ended when this is dropped.
#[derive(Debug)]
pub struct Worker {
    name: String,
    child: Child,
    started: Instant,
    events: mpsc::UnboundedSender<Bytes>,
    told: mpsc::UnboundedReceiver<Told>,
    first_next: Option<Duration>,
    serving: JoinHandle<()>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.serving.abort();
    }
}

impl Worker {
    /// Starts a process with a Runtime API of its own.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(program: &Program) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("a port of the loopback")?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::unbounded_channel();
        let (tell, told) = mpsc::unbounded_channel();
        // An answer is short, and must not wait for the acknowledgement of the one before.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let desk = Desk::new(waiting, tell).router();
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, desk).await;
        });
        let mut command = command(program)?;
        command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("{} cannot be started", program.name))?;
        if let Some(core) = program.core {
            spent::keep_on(child.id(), core)?;
        }
        Ok(Self { name: program.name.clone(), child, started, events, told, first_next: None, serving })
    }

    /// From the start of the process to its first question for an event.
    ///
    /// # Errors
    /// It ended, or says that it could not begin.
    pub async fn ready(&mut self) -> Result<Duration> {
        if let Some(first) = self.first_next {
            return Ok(first);
        }
        match self.listen().await? {
            Told::Next(_) => self.first_next.ok_or_else(|| anyhow!("a question has its time")),
            Told::CouldNotBegin(why) => bail!("{} could not begin: {}", self.name, String::from_utf8_lossy(&why)),
            Told::Answered { .. } => bail!("{} has answered before it asked", self.name),
        }
    }

    /// Hands over an event, and waits for the answer.
    ///
    /// # Errors
    /// The process ended, could not begin, or says that the invocation failed.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Answer> {
        self.events.send(event).map_err(|_| anyhow!("{}: its Runtime API is gone", self.name))?;
        loop {
            match self.listen().await? {
                Told::Next(_) => {}
                Told::Answered { took, at, answer: Ok(body) } => {
                    return Ok(Answer { body, took, since_start: at - self.started });
                }
                Told::Answered { answer: Err(why), .. } | Told::CouldNotBegin(why) => {
                    bail!("{} failed: {}", self.name, String::from_utf8_lossy(&why));
                }
            }
        }
    }

    /// The process's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Processor time it has spent so far, all threads, those that ended too.
    ///
    /// # Errors
    /// It is no more.
    pub fn cpu(&self) -> Result<Duration> {
        spent::cpu(self.pid())
    }

    /// The most memory it has held, bytes.
    ///
    /// # Errors
    /// It is no more.
    pub fn peak_memory(&self) -> Result<u64> {
        spent::peak_memory(self.pid())
    }

    async fn listen(&mut self) -> Result<Told> {
        let silent_since = Instant::now();
        loop {
            match tokio::time::timeout(LOOK, self.told.recv()).await {
                Ok(Some(told)) => {
                    if let (Told::Next(at), None) = (&told, self.first_next) {
                        self.first_next = Some(*at - self.started);
                    }
                    return Ok(told);
                }
                Ok(None) => bail!("{}: its Runtime API is gone", self.name),
                Err(_) => {}
            }
            if let Some(end) = self.child.try_wait()? {
                bail!("{} has ended ({end}); its log may say why", self.name);
            }
            if silent_since.elapsed() > PATIENCE {
                bail!("{} has said nothing for {PATIENCE:?}", self.name);
            }
        }
    }
}

/// Starts a process whose allocations are counted, readies it by some events and counts those of the others: how many
/// there are for each of them.
///
/// # Errors
/// It fails at an event.
pub async fn run_for(program: &Program, counter: &Allocations, ready: &[Bytes], counted: &[Bytes]) -> Result<f64> {
    let counting = program.clone().with(counter.environment());
    let mut worker = Worker::start(&counting).await?;
    for event in ready {
        worker.invoke(event.clone()).await?;
    }
    let before = counter.read()?;
    for event in counted {
        worker.invoke(event.clone()).await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = (counter.read()? - before) as f64 / counted.len().max(1) as f64;
    Ok(each)
}

fn command(program: &Program) -> Result<Command> {
    let (first, rest) = program.argv.split_first().ok_or_else(|| anyhow!("{}: nothing to run", program.name))?;
    let mut command = Command::new(first);
    command.args(rest).stdin(Stdio::null());
    // What Lambda sets, as far as a runtime reads it:
    // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", program.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/measured")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "measured")
        .envs(program.env.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &program.directory {
        command.current_dir(directory);
    }
    match &program.log {
        Some(log) => {
            log.parent().map(fs::create_dir_all).transpose()?;
            let file = File::options().create(true).append(true).open(log)?;
            command.stdout(file.try_clone()?).stderr(file);
        }
        None => {
            command.stdout(Stdio::null()).stderr(Stdio::inherit());
        }
    }
    Ok(command)
}
