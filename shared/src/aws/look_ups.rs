//! Look-ups in DynamoDB.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use super::failure::store_error;
use super::items::{PK, SK, from_item, n, s, to_item};
use super::keys;
use super::store::Store;
use crate::enrichment::look_up::{LookUp, LookUps};
use crate::enrichment::workflow::{LeadBody, Leads};
use crate::model::contact::LeadId;
use crate::model::event::{Event, RawBody};
use crate::model::ids::SourceId;
use crate::work::StoreError;

impl LookUps for Store {
    async fn begin(&self, row: &LookUp) -> Result<Option<LookUp>, StoreError> {
        let there = self.put_new(&self.tables.parties, key(row), to_item(row)?).await?;
        there.map(from_item).transpose()
    }

    async fn find(&self, source: &SourceId, lead: &LeadId, contact: &str) -> Result<Option<LookUp>, StoreError> {
        let there = self.get(&self.tables.parties, keys::enrichment(source, lead.as_str(), contact)).await?;
        there.map(from_item).transpose()
    }

    async fn save(&self, row: &mut LookUp) -> Result<bool, StoreError> {
        let seen = row.version;
        row.version += 1;
        let mut item = to_item(row)?;
        let key = key(row);
        item.insert(PK.into(), s(key.pk));
        item.insert(SK.into(), s(key.sk));
        let answer = self
            .db
            .put_item()
            .table_name(&self.tables.parties)
            .set_item(Some(item))
            .condition_expression("version = :seen")
            .expression_attribute_values(":seen", n(seen))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await;
        match answer {
            Ok(out) => {
                self.meter.add(out.consumed_capacity());
                Ok(true)
            }
            Err(SdkError::ServiceError(refusal)) if refusal.err().is_conditional_check_failed_exception() => {
                self.meter.add_units(1.0);
                Ok(false)
            }
            Err(error) => Err(store_error("PutItem", &error)),
        }
    }
}

fn key(row: &LookUp) -> keys::Key {
    keys::enrichment(&row.source, row.lead.as_str(), &row.contact)
}

/// How many of a lead's newest events are looked at to decide its rate.
const EVENTS_OF_A_LEAD: i32 = 200;

impl Leads for Store {
    async fn bodies_of(&self, event: &Event) -> Result<Vec<RawBody>, StoreError> {
        self.bodies(event).await
    }

    async fn bodies_of_lead(&self, source: &SourceId, lead: &str) -> Result<Vec<LeadBody>, StoreError> {
        let bodies = self.subject_bodies(source, lead, EVENTS_OF_A_LEAD).await?;
        Ok(bodies
            .into_iter()
            .map(|body| LeadBody { event: body.event, received_at: body.received_at, body: body.body })
            .collect())
    }
}
