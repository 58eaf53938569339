//! SQS: standard queues in memory. A message comes after its delay and comes again unless it is deleted; none is moved
//! to a dead-letter queue.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Answer;

/// Messages that one call may bring or take.
const MOST: usize = 10;

/// What was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The body.
    pub body: String,
    /// The message group.
    pub group: Option<String>,
    /// How often it was received.
    pub received: u32,
}

/// One queue. Messages lie in the order in which they may be seen.
#[derive(Debug)]
pub(super) struct Queue {
    hidden_for: Duration,
    next: u64,
    by_time: BTreeMap<(Instant, u64), Sent>,
    seen_at: HashMap<u64, Instant>,
}

impl Queue {
    fn new(hidden_for: Duration) -> Self {
        Self { hidden_for, next: 0, by_time: BTreeMap::new(), seen_at: HashMap::new() }
    }

    fn place(&mut self, number: u64, at: Instant, message: Sent) {
        self.by_time.insert((at, number), message);
        self.seen_at.insert(number, at);
    }

    fn send(&mut self, message: Sent, delay: Duration, now: Instant) -> u64 {
        self.next += 1;
        self.place(self.next, now + delay, message);
        self.next
    }

    fn receive(&mut self, most: usize, hidden_for: Option<Duration>, now: Instant) -> Vec<(u64, Sent)> {
        let ready: Vec<_> = self.by_time.range(..=(now, u64::MAX)).map(|(place, _)| *place).take(most).collect();
        let mut taken = Vec::with_capacity(ready.len());
        for place in ready {
            if let Some(mut message) = self.by_time.remove(&place) {
                message.received += 1;
                taken.push((place.1, message.clone()));
                self.place(place.1, now + hidden_for.unwrap_or(self.hidden_for), message);
            }
        }
        taken
    }

    /// Deletes a message, if it is the same receipt: one that was received again meanwhile stays.
    fn delete(&mut self, receipt: &str) -> bool {
        let Some((number, received)) = receipt.split_once('.') else { return false };
        let (Ok(number), Ok(received)) = (number.parse::<u64>(), received.parse::<u32>()) else { return false };
        let Some(&at) = self.seen_at.get(&number) else { return true };
        if self.by_time.get(&(at, number)).is_some_and(|message| message.received == received) {
            self.by_time.remove(&(at, number));
            self.seen_at.remove(&number);
        }
        true
    }

    fn depths(&self, now: Instant) -> [usize; 3] {
        let waiting = self.by_time.range(..=(now, u64::MAX)).count();
        let hidden = self.by_time.range((now, u64::MAX)..);
        let (mut in_flight, mut delayed) = (0, 0);
        for (_, message) in hidden {
            if message.received > 0 { in_flight += 1 } else { delayed += 1 }
        }
        [waiting, in_flight, delayed]
    }

    pub(super) fn drain(&mut self) -> Vec<Sent> {
        self.seen_at.clear();
        std::mem::take(&mut self.by_time).into_values().collect()
    }
}

#[derive(Debug)]
pub(super) struct Queues(HashMap<String, Queue>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    id: String,
    #[serde(default)]
    message_body: String,
    message_group_id: Option<String>,
    #[serde(default)]
    delay_seconds: u64,
    #[serde(default)]
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    queue_name: String,
    #[serde(default)]
    entries: Vec<Entry>,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u64>,
    #[serde(flatten)]
    one: Entry,
}

impl Queues {
    /// Empty queues: name, and how long a message that was received is not seen.
    pub(super) fn create(queues: Vec<(String, Duration)>) -> Self {
        Self(queues.into_iter().map(|(name, hidden_for)| (name, Queue::new(hidden_for))).collect())
    }

    pub(super) fn named(&mut self, name: &str) -> Option<&mut Queue> {
        self.0.get_mut(name)
    }

    pub(super) fn call(&mut self, operation: &str, body: &[u8], now: Instant) -> Answer {
        let asked: Asked = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return Answer::refused("com.amazonaws.sqs#InvalidMessageContents", &error.to_string()),
        };
        let name = asked.queue_url.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&asked.queue_name);
        let Some(queue) = self.0.get_mut(name) else {
            return Answer::refused("com.amazonaws.sqs#QueueDoesNotExist", "The specified queue does not exist.");
        };
        if asked.entries.len() > MOST {
            return Answer::refused("com.amazonaws.sqs#TooManyEntriesInBatchRequest", "More than 10 entries.");
        }
        let mut answer = Answer::ok(&match operation {
            "SendMessage" => send(queue, asked.one, now),
            "SendMessageBatch" => {
                let sent = asked.entries.into_iter().map(|entry| {
                    let id = entry.id.clone();
                    let mut sent = send(queue, entry, now);
                    sent["Id"] = id.into();
                    sent
                });
                json!({"Successful": sent.collect::<Vec<_>>(), "Failed": []})
            }
            "ReceiveMessage" => {
                let most = asked.max_number_of_messages.unwrap_or(1).clamp(1, MOST);
                let taken = queue.receive(most, asked.visibility_timeout.map(Duration::from_secs), now);
                json!({"Messages": taken.into_iter().map(received).collect::<Vec<_>>()})
            }
            "DeleteMessage" => {
                queue.delete(&asked.one.receipt_handle);
                json!({})
            }
            "DeleteMessageBatch" => {
                let (done, not): (Vec<_>, Vec<_>) =
                    asked.entries.iter().partition(|entry| queue.delete(&entry.receipt_handle));
                let done: Vec<_> = done.iter().map(|entry| json!({"Id": entry.id})).collect();
                let not: Vec<_> = not
                    .iter()
                    .map(|entry| json!({"Id": entry.id, "Code": "ReceiptHandleIsInvalid", "SenderFault": true}))
                    .collect();
                json!({"Successful": done, "Failed": not})
            }
            "GetQueueAttributes" => {
                let names = ["", "NotVisible", "Delayed"].map(|what| format!("ApproximateNumberOfMessages{what}"));
                let depths = queue.depths(now).map(|many| Value::String(many.to_string()));
                json!({"Attributes": names.into_iter().zip(depths).collect::<serde_json::Map<_, _>>()})
            }
            _ => return Answer::refused("UnknownOperationException", operation),
        });
        answer.used.items = u64::from(operation != "GetQueueAttributes");
        answer
    }
}

fn send(queue: &mut Queue, entry: Entry, now: Instant) -> Value {
    // Some SDKs hold what was sent against it.
    let digest = md5_of(&entry.message_body);
    let message = Sent { body: entry.message_body, group: entry.message_group_id, received: 0 };
    let number = queue.send(message, Duration::from_secs(entry.delay_seconds), now);
    json!({"MessageId": number.to_string(), "MD5OfMessageBody": digest})
}

fn md5_of(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

fn received((number, message): (u64, Sent)) -> Value {
    let mut attributes = json!({"ApproximateReceiveCount": message.received.to_string()});
    if let Some(group) = &message.group {
        attributes["MessageGroupId"] = json!(group);
    }
    let receipt = format!("{number}.{}", message.received);
    json!({
        "MessageId": number.to_string(),
        "ReceiptHandle": receipt,
        "MD5OfBody": md5_of(&message.body),
        "Body": message.body,
        "Attributes": attributes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue::new(Duration::from_secs(30))
    }

    fn sent(body: &str) -> Sent {
        Sent { body: body.into(), group: None, received: 0 }
    }

    #[test]
    fn a_message_comes_after_its_delay_and_again_unless_it_is_deleted() {
        let (mut queue, start) = (queue(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        queue.send(sent("now"), Duration::ZERO, start);
        queue.send(sent("later"), Duration::from_secs(5), start);
        assert_eq!(queue.depths(start), [1, 0, 1]);
        let first = queue.receive(10, None, start);
        assert_eq!(first.len(), 1);
        assert!(queue.receive(10, None, at(4)).is_empty());
        assert_eq!(queue.depths(at(4)), [0, 1, 1]);
        assert_eq!(queue.receive(10, None, at(5))[0].1.body, "later");
        let again = queue.receive(10, None, at(30));
        assert_eq!((again[0].0, again[0].1.received), (first[0].0, 2));
        // The receipt of the first time is none any more.
        assert!(queue.delete(&format!("{}.1", again[0].0)));
        assert_eq!(queue.depths(at(30)), [0, 2, 0]);
        assert!(queue.delete(&format!("{}.2", again[0].0)));
        assert_eq!(queue.depths(at(100)), [1, 0, 0]);
    }

    #[test]
    fn what_is_taken_out_of_a_queue_is_what_was_sent() {
        let mut queue = queue();
        for body in ["a", "b", "c"] {
            queue.send(sent(body), Duration::from_secs(900), Instant::now());
        }
        assert_eq!(queue.drain().iter().map(|one| one.body.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(queue.drain().is_empty());
    }
}
