//! Messages that nothing could be done with. The dead among the *work* are rows, and are listed as such: what lies in a
//! dead-letter queue is a bell that could not be read, or rang while the store did not answer.

use std::future::Future;

use crate::model::row::Queue;
use crate::work::{Bell, StoreError};

/// Most messages one call moves: it answers well within API Gateway's 30 seconds.
pub const MOST_AT_ONCE: usize = 500;

/// How full a queue is. SQS's word, so about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages waiting.
    pub waiting: u64,
    /// Messages a worker has.
    pub in_flight: u64,
    /// Messages whose delay is not over.
    pub delayed: u64,
}

/// A queue and its dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depths {
    /// Which queue.
    pub queue: Queue,
    /// The queue.
    pub main: Depth,
    /// Its dead letters; none where this function was given no address of them.
    pub dead: Option<Depth>,
}

/// A message taken from a dead-letter queue: nobody else sees it for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What it says.
    pub body: String,
    /// What it is deleted by.
    pub receipt: String,
    /// Whose it was: the fairness group it came with.
    pub group: Option<String>,
}

/// The queues, and where their dead letters lie.
pub trait DeadLetters: Send + Sync {
    /// How full a queue and its dead letters are.
    fn depths(&self, queue: Queue) -> impl Future<Output = Result<Depths, StoreError>> + Send;

    /// Takes up to ten dead letters; an empty answer means that none is left.
    fn take_dead(&self, queue: Queue) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send;

    /// Sends these to their queue again, and deletes those that were sent; how many.
    fn revive(&self, queue: Queue, letters: &[DeadLetter]) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// What a redrive did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Messages sent again.
    pub moved: usize,
    /// Messages that cannot be read: they stay where they are, for a person to see.
    pub unreadable: usize,
    /// Messages that could not be sent; they are dead letters again in a moment.
    pub unsent: usize,
    /// Whether the call stopped before the queue was empty.
    pub more: bool,
}

/// Sends a queue's dead letters again, those that can be read. A bell rung once too often is forgotten by its row, so
/// this may be done at any time.
///
/// # Errors
/// When the queues do not answer. What was moved is moved.
pub async fn redrive(queues: &impl DeadLetters, queue: Queue) -> Result<Redriven, StoreError> {
    let mut done = Redriven::default();
    loop {
        let letters = queues.take_dead(queue).await?;
        if letters.is_empty() {
            return Ok(done);
        }
        let n_letters = letters.len();
        let readable: Vec<_> = letters.into_iter().filter(|letter| Bell::read(&letter.body).is_ok()).collect();
        done.unreadable += n_letters - readable.len();
        let moved = queues.revive(queue, &readable).await?;
        done.moved += moved;
        done.unsent += readable.len() - moved;
        if done.moved + done.unreadable + done.unsent >= MOST_AT_ONCE {
            done.more = true;
            return Ok(done);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Two heaps of texts. What is taken is not seen again.
    #[derive(Default)]
    struct Heaps {
        dead: Mutex<Vec<String>>,
        sent: Mutex<Vec<String>>,
    }

    impl DeadLetters for Heaps {
        async fn depths(&self, queue: Queue) -> Result<Depths, StoreError> {
            Ok(Depths { queue, main: Depth::default(), dead: None })
        }

        async fn take_dead(&self, _: Queue) -> Result<Vec<DeadLetter>, StoreError> {
            let mut dead = self.dead.lock().unwrap();
            let n = dead.len().min(10);
            let letter = |body| DeadLetter { body, receipt: String::new(), group: None };
            Ok(dead.drain(..n).map(letter).collect())
        }

        async fn revive(&self, _: Queue, letters: &[DeadLetter]) -> Result<usize, StoreError> {
            self.sent.lock().unwrap().extend(letters.iter().map(|letter| letter.body.clone()));
            Ok(letters.len())
        }
    }

    fn bell(n: usize) -> String {
        format!(r#"{{"v":1,"row":"event/evt_{n}","turn":1}}"#)
    }

    #[tokio::test]
    async fn what_can_be_read_is_sent_again_and_the_rest_is_counted() {
        let heaps = Heaps::default();
        heaps.dead.lock().unwrap().extend((0..25).map(bell));
        heaps.dead.lock().unwrap().insert(3, "garbage".into());
        let done = redrive(&heaps, Queue::Lead).await.unwrap();
        assert_eq!(done, Redriven { moved: 25, unreadable: 1, unsent: 0, more: false });
        assert_eq!(heaps.sent.lock().unwrap().len(), 25);
    }

    #[tokio::test]
    async fn one_call_moves_no_more_than_it_has_time_for() {
        let heaps = Heaps::default();
        heaps.dead.lock().unwrap().extend((0..MOST_AT_ONCE + 7).map(bell));
        let done = redrive(&heaps, Queue::Lead).await.unwrap();
        assert_eq!((done.moved, done.more), (MOST_AT_ONCE, true));
        assert_eq!(redrive(&heaps, Queue::Lead).await.unwrap().moved, 7);
    }
}
