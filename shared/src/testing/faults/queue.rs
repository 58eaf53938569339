//! The queues: what is rung comes at least once, in any order, and again if nobody was done with it.

use jiff::{SignedDuration, Timestamp};

use crate::model::row::{Queue, RowKey};
use crate::work::{Bell, Delay, Ring};

/// How long a message is hidden once somebody has it.
const HIDDEN: SignedDuration = SignedDuration::from_secs(180);
/// How often it comes before it lies among the dead letters, where nobody looks in these stories.
const MOST_TIMES: u32 = 5;
/// Choices that are gone through one by one; whatever comes after them comes in the order it was rung.
const MOST_CHOICES: usize = 3;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) queue: Queue,
    pub(super) bell: Bell,
    at: Timestamp,
    times: u32,
}

impl Message {
    /// A message that comes now.
    pub(super) const fn new(queue: Queue, bell: Bell, at: Timestamp) -> Self {
        Self { queue, bell, at, times: 0 }
    }
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Messages(Vec<Message>);

impl Messages {
    /// A bell is rung. What is due later than a queue can delay is the sweep's.
    pub(super) fn add(&mut self, ring: &Ring, now: Timestamp) {
        if let Delay::Seconds(seconds) = ring.delay(now) {
            let at = now + SignedDuration::from_secs(seconds.into());
            self.0.push(Message::new(ring.queue, ring.bell.clone(), at));
        }
    }

    /// When the next comes for one of these rows.
    pub(super) fn next_at(&self, rows: impl Fn(&RowKey) -> bool) -> Option<Timestamp> {
        self.0.iter().filter(|message| rows(&message.bell.row)).map(|message| message.at).min()
    }

    /// One of those that may come now.
    pub(super) fn take(&mut self, now: Timestamp, choices: &mut Choices) -> Message {
        let ready: Vec<usize> = (0..self.0.len()).filter(|n| self.0[*n].at <= now).collect();
        self.0.remove(ready[choices.choose(ready.len())])
    }

    /// The oldest of these, whenever it comes.
    pub(super) fn take_for(&mut self, of: impl Fn(&Message) -> bool) -> Option<Message> {
        let at = self.0.iter().position(of)?;
        Some(self.0.remove(at))
    }

    /// One that nobody was done with comes again.
    pub(super) fn hide(&mut self, message: Message, now: Timestamp) {
        let times = message.times + 1;
        if times < MOST_TIMES {
            self.0.push(Message { at: now + HIDDEN, times, ..message });
        }
    }
}

/// Which of several was chosen, each time.
#[derive(Debug, Clone, Default)]
pub(super) struct Choices {
    given: Vec<usize>,
    made: Vec<(usize, usize)>,
}

impl Choices {
    fn choose(&mut self, of: usize) -> usize {
        if of < 2 || self.made.len() >= MOST_CHOICES {
            return 0;
        }
        let chosen = self.given.get(self.made.len()).copied().unwrap_or(0);
        self.made.push((chosen, of));
        chosen
    }

    /// The next story that differs from this one, if there is another.
    pub(super) fn next(mut self) -> Option<Self> {
        while let Some((chosen, of)) = self.made.pop() {
            if chosen + 1 < of {
                let given = self.made.iter().map(|(chosen, _)| *chosen).chain([chosen + 1]).collect();
                return Some(Self { given, made: Vec::new() });
            }
        }
        None
    }
}
