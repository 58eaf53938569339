//! Depths and dead letters on SQS. A redrive is receive, send, delete: it can look at each message, which the
//! service's own redrive cannot.

use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};

use super::failure::store_error;
use super::store::Store;
use crate::manage::dead_letters::{DeadLetter, DeadLetters, Depth, Depths};
use crate::model::row::Queue;
use crate::work::StoreError;

/// How long a dead letter that was taken is not seen, seconds. Longer than a call takes, so that an unreadable one is
/// met once.
const TAKEN_FOR_S: i32 = 60;

impl Store {
    async fn depth(&self, url: &str) -> Result<Depth, StoreError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let call = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let out = call.send().await.map_err(|error| store_error("GetQueueAttributes", &error))?;
        let [waiting, in_flight, delayed] = names.map(|name| {
            out.attributes().and_then(|all| all.get(&name)).and_then(|n| n.parse().ok()).unwrap_or_default()
        });
        Ok(Depth { waiting, in_flight, delayed })
    }

    fn dead_url(&self, queue: Queue) -> Result<&str, StoreError> {
        let missing = || StoreError::Refused(format!("no address of the dead letters of {}", queue.name()));
        self.dead_letters_of(queue).ok_or_else(missing)
    }

    async fn bury(&self, queue: Queue, letters: &[&DeadLetter]) -> Result<(), StoreError> {
        let mut entries = Vec::with_capacity(letters.len());
        for (n, letter) in letters.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string()).receipt_handle(&letter.receipt);
            entries.push(entry.build().map_err(|error| StoreError::Refused(error.to_string()))?);
        }
        // One that is not deleted is sent again by the next redrive: a bell too many is harmless.
        let call = self.sqs.delete_message_batch().queue_url(self.dead_url(queue)?).set_entries(Some(entries));
        call.send().await.map(|_| ()).map_err(|error| store_error("DeleteMessageBatch", &error))
    }
}

impl DeadLetters for Store {
    async fn depths(&self, queue: Queue) -> Result<Depths, StoreError> {
        let main = self.depth(self.queue_url(queue)?).await?;
        let dead = match self.dead_letters_of(queue) {
            Some(url) => Some(self.depth(url).await?),
            None => None,
        };
        Ok(Depths { queue, main, dead })
    }

    async fn take_dead(&self, queue: Queue) -> Result<Vec<DeadLetter>, StoreError> {
        let call = self
            .sqs
            .receive_message()
            .queue_url(self.dead_url(queue)?)
            .max_number_of_messages(10)
            .visibility_timeout(TAKEN_FOR_S)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId);
        let out = call.send().await.map_err(|error| store_error("ReceiveMessage", &error))?;
        Ok(out.messages.unwrap_or_default().into_iter().map(letter).collect())
    }

    async fn revive(&self, queue: Queue, letters: &[DeadLetter]) -> Result<usize, StoreError> {
        if letters.is_empty() {
            return Ok(0);
        }
        let mut entries = Vec::with_capacity(letters.len());
        for (n, letter) in letters.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(&letter.body)
                .set_message_group_id(letter.group.clone());
            entries.push(entry.build().map_err(|error| StoreError::Refused(error.to_string()))?);
        }
        let call = self.sqs.send_message_batch().queue_url(self.queue_url(queue)?);
        let out =
            call.set_entries(Some(entries)).send().await.map_err(|error| store_error("SendMessageBatch", &error))?;
        let sent: Vec<&DeadLetter> =
            out.successful().iter().filter_map(|one| letters.get(one.id().parse::<usize>().ok()?)).collect();
        if !sent.is_empty() {
            self.bury(queue, &sent).await?;
        }
        Ok(sent.len())
    }
}

fn letter(message: Message) -> DeadLetter {
    let group = message.attributes.as_ref().and_then(|all| all.get(&MessageSystemAttributeName::MessageGroupId));
    let group = group.filter(|group| !group.is_empty()).cloned();
    DeadLetter { group, body: message.body.unwrap_or_default(), receipt: message.receipt_handle.unwrap_or_default() }
}
