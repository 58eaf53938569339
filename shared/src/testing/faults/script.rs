//! What goes wrong, and where: every outward call of a verb has a number, and at some of them something strikes.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use crate::work::DueRow;

/// What can go wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The worker dies before it.
    CrashBefore,
    /// The worker dies after it: its effect stands, and nobody hears the answer.
    CrashAfter,
    /// Its effect stands, and the answer says that it failed.
    AnswerLost,
    /// It is refused as one too many, and nothing happens.
    Throttled,
    /// It is carried out twice, as where a client has sent it again; the second answer counts.
    Doubled,
    /// It takes a while.
    Slow,
    /// Half of its effect stands, and the answer says that it failed: of an event the row, without its body.
    Half,
}

/// What a call is to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes nothing.
    Read,
    /// It changes something, and a client may send it again by itself.
    Write,
    /// It changes something, and no client sends it again by itself.
    Once,
    /// As a write; its effect is of two writes, of which one may fail.
    Both,
}

impl Kind {
    /// All that can go wrong at such a call. A reader that dies after the call is one that dies before the next.
    pub(super) const fn faults(self) -> &'static [Fault] {
        use Fault::{AnswerLost, CrashAfter, CrashBefore, Doubled, Half, Slow, Throttled};
        match self {
            Self::Read => &[CrashBefore, AnswerLost, Throttled, Slow],
            Self::Write => &[CrashBefore, CrashAfter, AnswerLost, Throttled, Doubled, Slow],
            Self::Once => &[CrashBefore, CrashAfter, AnswerLost, Throttled, Slow],
            Self::Both => &[CrashBefore, CrashAfter, AnswerLost, Throttled, Doubled, Slow, Half],
        }
    }
}

/// A fault at a verb's so-manieth call, counted from 0 over all its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    pub(super) verb: &'static str,
    pub(super) call: usize,
    pub(super) fault: Fault,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) verb: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it looks at or changes.
    pub(super) shelves: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    strikes: Vec<Strike>,
    verb: &'static str,
    counts: BTreeMap<&'static str, usize>,
    calls: Vec<Call>,
    permitted: bool,
    crashed: bool,
    /// The due index after each write, the newest last.
    indices: Vec<Vec<(String, DueRow)>>,
    stale_by: usize,
}

/// Everything that is outside of a worker, as far as calls to it go. Its clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Outside(Arc<Mutex<State>>);

impl Outside {
    pub(super) fn new(strikes: &[Strike]) -> Self {
        Self(Arc::new(Mutex::new(State { strikes: strikes.to_vec(), ..State::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many writes the due index lags behind from now on.
    pub(super) fn let_index_lag(&self, writes: usize) {
        self.lock().stale_by = writes;
    }

    /// Notes the due index, if a write has changed it.
    pub(super) fn note_index(&self, index: Vec<(String, DueRow)>) {
        let mut state = self.lock();
        if state.indices.last() != Some(&index) {
            state.indices.push(index);
        }
    }

    /// The entries of a partition as they were so many writes ago; nothing where the index does not lag.
    pub(super) fn stale_index(&self, shard: &str, by: Timestamp, limit: usize) -> Option<Vec<DueRow>> {
        let state = self.lock();
        if state.stale_by == 0 {
            return None;
        }
        let index = state.indices.iter().rev().nth(state.stale_by).into_iter().flatten();
        let mut due: Vec<DueRow> =
            index.filter(|(of, row)| of == shard && row.due_at <= by).map(|(_, row)| row.clone()).collect();
        due.sort_by_key(|row| row.due_at);
        due.truncate(limit);
        Some(due)
    }

    /// Whose calls follow.
    pub(super) fn enter(&self, verb: &'static str) {
        self.lock().verb = verb;
    }

    /// The calls made so far.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Waits to be let through, and says what strikes. A worker that died waits for ever.
    pub(super) async fn pass(
        &self,
        name: &'static str,
        kind: Kind,
        shelves: impl Fn() -> Vec<String>,
    ) -> Option<Fault> {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.crashed {
                return Poll::Pending;
            }
            if !std::mem::take(&mut state.permitted) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let verb = state.verb;
            let count = state.counts.entry(verb).or_default();
            let call = *count;
            *count += 1;
            state.calls.push(Call { verb, name, kind, shelves: shelves() });
            Poll::Ready(state.strikes.iter().find(|strike| strike.verb == verb && strike.call == call).map(|s| s.fault))
        })
        .await
    }

    /// The worker dies here.
    pub(super) async fn crash(&self) -> ! {
        self.lock().crashed = true;
        std::future::pending().await
    }

    /// Lets one worker make one call. Whether it is done, or died, or may go on.
    pub(super) fn step<F: Future + ?Sized>(&self, worker: std::pin::Pin<&mut F>) -> Step<F::Output> {
        let before = {
            let mut state = self.lock();
            state.permitted = true;
            state.calls.len()
        };
        let polled = worker.poll(&mut Context::from_waker(Waker::noop()));
        let mut state = self.lock();
        state.permitted = false;
        if std::mem::take(&mut state.crashed) {
            return Step::Died;
        }
        match polled {
            Poll::Ready(done) => Step::Done(done),
            Poll::Pending if state.calls.len() > before => Step::Called,
            Poll::Pending => Step::Idle,
        }
    }

    /// Has one worker work to its end; nothing if it died. `after` is done after each of its calls.
    pub(super) fn run<T>(&self, worker: impl Future<Output = T>, mut after: impl FnMut()) -> Option<T> {
        let mut worker = pin!(worker);
        let mut idle = 0;
        loop {
            let step = self.step(worker.as_mut());
            after();
            match step {
                Step::Done(done) => return Some(done),
                Step::Died => return None,
                Step::Called => idle = 0,
                Step::Idle => idle += 1,
            }
            assert!(idle < 1_000, "a worker waits for what is no call");
        }
    }
}

/// What a worker did when it was let.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<T> {
    /// It came to its end.
    Done(T),
    /// It died.
    Died,
    /// It made a call.
    Called,
    /// It made none: it waits for another, or was not woken yet.
    Idle,
}
