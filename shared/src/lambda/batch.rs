//! Batches of bells: each record stands alone, a panic included.
//!
//! Needs `FunctionResponseTypes: [ReportBatchItemFailures]` on the event source; without it the answer is ignored and
//! every record counts as done.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use crate::work::{Bell, StoreError};

/// Rows that have killed this many workers run last and alone, so that they do not take their neighbours with them.
const SUSPECT: u32 = 2;
/// Records worked on at a time.
const PARALLEL: usize = 10;

/// What a function does with its bells.
pub trait Worker: Sync {
    /// A row that is ours.
    type Job: Send;

    /// Answers a bell; nothing where there is nothing to do.
    fn take(&self, bell: &Bell) -> impl Future<Output = Result<Option<Self::Job>, StoreError>> + Send;

    /// How many workers the row has killed, this one included should it die.
    fn deaths(job: &Self::Job) -> u32;

    /// Does the work and records it. Trouble with the work is recorded on the row; an error here says that the
    /// record could not be written.
    fn work(&self, job: Self::Job) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends the batch, once, after all of its rows: for what is written for all of them together. What goes wrong here
    /// makes no message come again.
    fn finish(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Answers a batch. A message is reported as failed only if it cannot be read, or the store did not answer: trouble
/// with a row is written on the row, and the row is what is tried again.
pub async fn answer<W: Worker>(event: SqsEvent, worker: &W) -> SqsBatchResponse {
    let taken: Vec<_> = stream::iter(event.records)
        .map(|record| read_and_take(worker, record))
        .buffer_unordered(PARALLEL)
        .collect()
        .await;

    let mut failed = Vec::new();
    let mut jobs = Vec::new();
    for outcome in taken {
        match outcome {
            Ok(Some(job)) => jobs.push(job),
            Ok(None) => {}
            Err(id) => failed.push(id),
        }
    }
    let (suspects, usual): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|(_, job)| W::deaths(job) >= SUSPECT);
    let done: Vec<_> = stream::iter(usual).map(|job| run(worker, job)).buffer_unordered(PARALLEL).collect().await;
    failed.extend(done.into_iter().flatten());
    for job in suspects {
        failed.extend(run(worker, job).await);
    }
    if AssertUnwindSafe(worker.finish()).catch_unwind().await.is_err() {
        tracing::error!("ending a batch panicked; its rows are recorded");
    }
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    response
}

fn failure(id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    failure
}

/// The row a message rings for, if it is ours now; or the id of a message that must come again.
async fn read_and_take<W: Worker>(
    worker: &W,
    record: aws_lambda_events::sqs::SqsMessage,
) -> Result<Option<(String, W::Job)>, String> {
    let id = record.message_id.unwrap_or_default();
    let bell = match Bell::read(record.body.as_deref().unwrap_or_default()) {
        Ok(bell) => bell,
        Err(error) => {
            tracing::error!(message.id = %id, %error, "a message that is no bell");
            return Err(id);
        }
    };
    match AssertUnwindSafe(worker.take(&bell)).catch_unwind().await {
        Ok(Ok(job)) => Ok(job.map(|job| (id, job))),
        Ok(Err(error)) => {
            tracing::error!(row = %bell.row, %error, "a row could not be taken");
            Err(id)
        }
        Err(_) => {
            tracing::error!(row = %bell.row, "taking a row panicked");
            Err(id)
        }
    }
}

/// Works on a row; the id of its message if the record could not be written. A panic leaves the row taken until its
/// lease ends and one death richer: the sweep rings again, and after five such ends it is given up.
async fn run<W: Worker>(worker: &W, (id, job): (String, W::Job)) -> Option<String> {
    match AssertUnwindSafe(worker.work(job)).catch_unwind().await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            tracing::error!(message.id = %id, %error, "a record could not be written");
            Some(id)
        }
        Err(_) => {
            tracing::error!(message.id = %id, "the work on a row panicked; its row stays due");
            None
        }
    }
}

/// Serves a queue: each batch gets a worker of its own, made for the invocation's deadline.
///
/// # Errors
/// When the runtime API cannot be reached.
pub async fn serve<W: Worker>(worker_until: impl Fn(Timestamp) -> W) -> Result<(), lambda_runtime::Error> {
    let worker_until = &worker_until;
    lambda_runtime::run(lambda_runtime::service_fn(async move |event: lambda_runtime::LambdaEvent<SqsEvent>| {
        let worker = worker_until(deadline(event.context.deadline));
        Ok::<_, lambda_runtime::Error>(answer(event.payload, &worker).await)
    }))
    .await
}

/// When an invocation must have ended, from Lambda's context (milliseconds since 1970).
#[must_use]
pub fn deadline(context_deadline_ms: u64) -> Timestamp {
    i64::try_from(context_deadline_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_lambda_events::sqs::SqsMessage;

    use super::*;

    /// Rows are `event/evt_<what>`: what happens is in the name.
    #[derive(Default)]
    struct Script {
        worked: Mutex<Vec<String>>,
        finish_panics: bool,
    }

    impl Worker for Script {
        type Job = String;

        async fn take(&self, bell: &Bell) -> Result<Option<String>, StoreError> {
            let name = bell.row.to_string().trim_start_matches("event/evt_").to_owned();
            match name.as_str() {
                "down" => Err(StoreError::Unavailable("test".into())),
                "nothing" => Ok(None),
                _ => Ok(Some(name)),
            }
        }

        fn deaths(job: &String) -> u32 {
            if job.starts_with("suspect") { 2 } else { 1 }
        }

        async fn work(&self, job: String) -> Result<(), StoreError> {
            self.worked.lock().unwrap().push(job.clone());
            assert!(!job.contains("panics"), "as asked");
            if job == "unrecorded" { Err(StoreError::Unavailable("test".into())) } else { Ok(()) }
        }

        async fn finish(&self) {
            self.worked.lock().unwrap().push("finish".to_owned());
            assert!(!self.finish_panics, "as asked");
        }
    }

    fn batch(names: &[&str]) -> SqsEvent {
        let mut event = SqsEvent::default();
        for name in names {
            let mut message = SqsMessage::default();
            message.message_id = Some((*name).to_owned());
            message.body = Some(match *name {
                "garbage" => "not a bell".to_owned(),
                name => format!(r#"{{"v":1,"row":"event/evt_{name}","turn":1}}"#),
            });
            event.records.push(message);
        }
        event
    }

    async fn failures(names: &[&str], script: &Script) -> Vec<String> {
        let response = answer(batch(names), script).await;
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    #[tokio::test]
    async fn one_bad_message_does_not_hold_back_the_batch() {
        let script = Script::default();
        assert_eq!(failures(&["garbage", "good", "nothing", "down", "unrecorded"], &script).await.len(), 3);
        assert_eq!(*script.worked.lock().unwrap(), ["good", "unrecorded", "finish"]);
    }

    #[tokio::test]
    async fn a_panic_takes_no_neighbour_with_it_and_leaves_the_retry_to_the_row() {
        let script = Script::default();
        assert_eq!(failures(&["panics", "good"], &script).await, Vec::<String>::new());
        assert!(script.worked.lock().unwrap().contains(&"good".to_owned()));
    }

    #[tokio::test]
    async fn a_row_that_killed_workers_runs_after_all_others() {
        let script = Script::default();
        failures(&["suspect1", "a", "suspect2panics", "b"], &script).await;
        let worked = script.worked.lock().unwrap();
        assert!(worked[2..4].iter().all(|name| name.starts_with("suspect")), "{worked:?}");
        assert_eq!(worked[4..], ["finish"]);
    }

    #[tokio::test]
    async fn a_batch_that_cannot_be_ended_well_makes_no_message_come_again() {
        let script = Script { finish_panics: true, ..Script::default() };
        assert_eq!(failures(&["good", "down"], &script).await, ["down"]);
    }

    #[tokio::test]
    async fn a_batch_that_went_well_answers_an_empty_list() {
        let response = answer(batch(&["good"]), &Script::default()).await;
        insta::assert_snapshot!(serde_json::to_string(&response).unwrap(), @r#"{"batchItemFailures":[]}"#);
    }
}
