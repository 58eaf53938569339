//! What came in, as it is stored with its event.

use super::super::store::Store;
use crate::model::event::{Event, RawBody};
use crate::sync::store::Notices;
use crate::work::StoreError;

impl Notices for Store {
    async fn notice_of(&self, event: &Event) -> Result<Option<RawBody>, StoreError> {
        Ok(self.bodies(event).await?.into_iter().next())
    }
}
