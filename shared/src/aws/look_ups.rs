//! Look-ups in DynamoDB.

use super::items::{from_item, n, to_item};
use super::keys;
use super::puts::Over;
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
        let over = Over::This("version", n(seen));
        Ok(self.put_over(&self.tables.parties, key(row), to_item(row)?, over).await?.is_none())
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
