//! The floor: the AWS calls that `receive` makes for a new lead, of the same operations, in the same number and order
//! and with items of the same size, on the same libraries at their defaults; and nothing else. No request is looked
//! at, nobody is let in or kept out, nothing is logged.

mod items;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use lambda_http::{Body, Error, Request, Response};

use crate::items::Items;

/// How long `receive` believes a card.
const BELIEVED_FOR: Duration = Duration::from_secs(10);
/// After how many leads `receive` writes how many there were.
const COUNTED_EVERY: u32 = 50;

const ANSWER: &str = r#"{"status":"received","received":1,"processed":1,"duplicates":0,"rejected":0,"errors":[]}"#;

struct Floor {
    db: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    items: Items,
    queue: String,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    card_since: Option<Instant>,
    uncounted: u32,
    counted: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let aws = aws_config::from_env().http_client(http).load().await;
    let variable = |name: &str| std::env::var(name).map_err(|_| Error::from(format!("{name} is not set")));
    let floor = Floor {
        db: aws_sdk_dynamodb::Client::new(&aws),
        sqs: aws_sdk_sqs::Client::new(&aws),
        items: Items::read(&variable("FLOOR_ITEMS")?)?,
        queue: variable("QUEUE_LEAD_URL")?,
        memory: Mutex::default(),
    };
    let secret = variable("SECRET_STACK_KEY")?;
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    let (card, waiting, secret) = tokio::join!(
        floor.read_card(),
        floor
            .sqs
            .get_queue_attributes()
            .queue_url(&floor.queue)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .send(),
        secrets.get_secret_value().secret_id(secret).send(),
    );
    card?;
    waiting?;
    secret?;
    let floor = &floor;
    lambda_http::run(lambda_http::service_fn(move |request: Request| async move {
        let _ = request;
        floor.answer().await
    }))
    .await
}

impl Floor {
    async fn answer(&self) -> Result<Response<Body>, Error> {
        let (card_is_old, count_is_due) = self.due();
        if card_is_old {
            self.read_card().await?;
        }
        let key = format!("{:032x}", rand::random::<u128>());
        let (row, body) = tokio::join!(self.put(self.items.row(&key)), self.put(self.items.body(&key)));
        row?;
        body?;
        let ring = SendMessageBatchRequestEntry::builder()
            .id("0")
            .message_body(format!(r#"{{"v":1,"row":"event/evt_{key}","turn":1}}"#))
            .delay_seconds(0)
            .message_group_id("ten_default")
            .build()?;
        let ringing = self.sqs.send_message_batch().queue_url(&self.queue).entries(ring).send();
        if count_is_due {
            let (rung, counted) = tokio::join!(ringing, self.count());
            rung?;
            counted?;
        } else {
            ringing.await?;
        }
        Ok(Response::builder().header("content-type", "application/json").body(ANSWER.into())?)
    }

    fn due(&self) -> (bool, bool) {
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let card_is_old = memory.card_since.is_none_or(|since| since.elapsed() >= BELIEVED_FOR);
        if card_is_old {
            memory.card_since = Some(Instant::now());
        }
        memory.uncounted += 1;
        let count_is_due = !memory.counted || memory.uncounted >= COUNTED_EVERY;
        if count_is_due {
            (memory.counted, memory.uncounted) = (true, 0);
        }
        (card_is_old, count_is_due)
    }

    async fn read_card(&self) -> Result<(), Error> {
        let read = self.db.get_item().table_name(&self.items.directory).set_key(Some(self.items.card.clone()));
        read.send().await?;
        Ok(())
    }

    async fn put(&self, item: items::Item) -> Result<(), Error> {
        self.db
            .put_item()
            .table_name(&self.items.events)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await?;
        Ok(())
    }

    async fn count(&self) -> Result<(), Error> {
        let n = |n: u32| AttributeValue::N(n.to_string());
        self.db
            .update_item()
            .table_name(&self.items.signals)
            .key("pk", AttributeValue::S("COUNTS#ARRIVALS".into()))
            .key("sk", AttributeValue::S("c2s".into()))
            .update_expression("ADD #a :a, #b :b, #c :c")
            .expression_attribute_names("#a", "received")
            .expression_attribute_names("#b", "duplicate")
            .expression_attribute_names("#c", "rejected")
            .expression_attribute_values(":a", n(COUNTED_EVERY))
            .expression_attribute_values(":b", n(0))
            .expression_attribute_values(":c", n(0))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await?;
        Ok(())
    }
}
