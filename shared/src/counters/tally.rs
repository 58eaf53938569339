//! The counts of one batch.

use std::collections::BTreeMap;

use super::counts::{Counts, Tried};
use crate::model::event_type::EventType;
use crate::model::ids::{SubscriptionId, TenantId};

/// What counts are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// Whose deliveries.
    pub tenant: TenantId,
    /// To whom.
    pub subscription: SubscriptionId,
    /// Of what.
    pub event_type: EventType,
}

/// Gathers the attempts of a batch, so that each row of counters is written once for all of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Counted, Counts>);

impl Tally {
    /// Counts an attempt.
    pub fn note(&mut self, tried: &Tried<'_>) {
        let counted = Counted {
            tenant: tried.tenant.clone(),
            subscription: tried.subscription.clone(),
            event_type: tried.event_type,
        };
        self.0.entry(counted).or_default().note(tried);
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was counted.
    pub fn iter(&self) -> impl Iterator<Item = (&Counted, &Counts)> {
        self.0.iter()
    }

    /// What was counted, whoever it was for: what is kept for ever must not grow with every subscription there ever was.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<(TenantId, EventType), Counts> {
        let mut totals: BTreeMap<_, Counts> = BTreeMap::new();
        for (counted, counts) in &self.0 {
            totals.entry((counted.tenant.clone(), counted.event_type)).or_default().merge(counts);
        }
        totals
    }
}
