//! The head of an order.

use serde_json::{Value, json};

use super::{Fields, Writing, put};
use crate::model::moysklad::EntityKind;
use crate::sync::plan::decide::Blocked;
use crate::sync::plan::meta::{id_of, to_named, to_state};

impl Writing<'_> {
    pub(super) fn order(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) -> Result<(), Blocked> {
        if !self.is_order() {
            return Ok(());
        }
        let arrives_as = self.origin.kind.arrives_as();
        for name in ["moment", "applicable", "vatEnabled", "vatIncluded", "deliveryPlannedMoment"] {
            let of_orders_only = name == "deliveryPlannedMoment";
            if let Some(value) = entity.get(name).filter(|_| !of_orders_only || arrives_as == EntityKind::CustomerOrder)
            {
                put(out, there, name, value.clone());
            }
        }
        if let Some(currency) = entity.pointer("/rate/currency").and_then(id_of) {
            let wanted = self.translation.currency(currency).ok_or(Blocked::UnknownCurrency)?;
            let current = there.and_then(|there| there.pointer("/rate/currency")).and_then(id_of);
            if there.is_none_or(|_| current.is_some_and(|current| current != wanted)) {
                out.insert("rate".to_owned(), json!({"currency": to_named(self.base, "currency", wanted)}));
            }
        }
        if there.is_none() {
            let orders = self.settings.orders.as_ref().ok_or(Blocked::NoOrderSettings)?;
            out.insert("organization".to_owned(), to_named(self.base, "organization", orders.organization));
            out.insert("agent".to_owned(), to_named(self.base, "counterparty", orders.agent));
            if let Some(store) = orders.store {
                out.insert("store".to_owned(), to_named(self.base, "store", store));
            }
        }
        Ok(())
    }

    /// The state of the same name. One that the target has not leaves the order in the state it is in.
    pub(super) fn state(&self, entity: &Value, there: Option<&Value>, out: &mut Fields) {
        if !self.is_order() || !self.settings.orders.as_ref().is_some_and(|orders| orders.states) {
            return;
        }
        let (kind, as_kind) = (self.origin.kind, self.origin.kind.arrives_as());
        let state = entity.get("state").and_then(id_of).and_then(|id| self.translation.state(kind, id));
        if let Some(state) = state
            && there.and_then(|there| there.get("state")).and_then(id_of) != Some(state)
        {
            out.insert("state".to_owned(), to_state(self.base, as_kind, state));
        }
    }
}
