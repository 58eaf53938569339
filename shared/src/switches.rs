//! Switches: what an operator has turned off. Work behind one waits and is not lost.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::auth::BELIEVED_FOR;
use crate::model::delivery::Delivery;
use crate::model::event::{Event, Provider};
use crate::model::ids::{SourceId, SubscriptionId, TenantId};
use crate::work::{Hold, StoreError};

/// What work is about: the names of the switches that concern it, the widest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(Vec<String>);

impl Subject {
    /// The switches that concern an event.
    #[must_use]
    pub fn event(event: &Event) -> Self {
        Self::source(&event.tenant, event.provider, &event.source)
    }

    /// The switches that concern the work of a source.
    #[must_use]
    pub fn source(tenant: &TenantId, provider: Provider, source: &SourceId) -> Self {
        Self(vec![
            "all".to_owned(),
            format!("provider:{}", provider.name()),
            format!("tenant:{tenant}"),
            format!("source:{source}"),
        ])
    }

    /// The switches that concern work for a provider that no source is known of.
    #[must_use]
    pub fn provider(tenant: &TenantId, provider: Provider) -> Self {
        Self(vec!["all".to_owned(), format!("provider:{}", provider.name()), format!("tenant:{tenant}")])
    }

    /// The switches that concern a delivery.
    #[must_use]
    pub fn delivery(delivery: &Delivery) -> Self {
        Self::subscription(&delivery.tenant, &delivery.subscription)
    }

    /// The switches that concern what goes to a subscription.
    #[must_use]
    pub fn subscription(tenant: &TenantId, subscription: &SubscriptionId) -> Self {
        Self(vec!["all".to_owned(), format!("tenant:{tenant}"), format!("subscription:{subscription}")])
    }
}

/// Where switches are kept.
pub trait Switches: Send + Sync {
    /// The names of all that are off.
    fn off(&self) -> impl Future<Output = Result<HashSet<String>, StoreError>> + Send;
}

/// The switches, believed for a few seconds.
#[derive(Debug)]
pub struct Switchboard<S> {
    switches: S,
    believed: Mutex<Option<(Timestamp, HashSet<String>)>>,
}

impl<S: Switches> Switchboard<S> {
    /// A board that has not looked yet.
    #[must_use]
    pub const fn new(switches: S) -> Self {
        Self { switches, believed: Mutex::new(None) }
    }

    /// The switch this work waits behind, if any.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn held_by(&self, subject: &Subject, now: Timestamp) -> Result<Option<Hold>, StoreError> {
        let known = self.known(now);
        let off = match known {
            Some(off) => off,
            None => {
                let off = self.switches.off().await?;
                *self.believed.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, off.clone()));
                off
            }
        };
        Ok(subject.0.iter().find(|what| off.contains(*what)).map(|what| Hold::switch(what)))
    }

    fn known(&self, now: Timestamp) -> Option<HashSet<String>> {
        let believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        believed.as_ref().filter(|(since, _)| now.duration_since(*since) < BELIEVED_FOR).map(|(_, off)| off.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Board(Mutex<HashSet<String>>);

    impl Switches for Board {
        async fn off(&self) -> Result<HashSet<String>, StoreError> {
            Ok(self.0.lock().unwrap().clone())
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn lead() -> Subject {
        Subject::source(&TenantId::default_tenant(), Provider::C2s, &SourceId::default_c2s())
    }

    #[tokio::test]
    async fn work_waits_behind_the_widest_switch_that_is_off() {
        let board = Switchboard::new(Board::default());
        for what in ["source:src_default", "provider:c2s", "tenant:ten_other"] {
            board.switches.0.lock().unwrap().insert(what.to_owned());
        }
        assert_eq!(board.held_by(&lead(), at(0)).await, Ok(Some(Hold::switch("provider:c2s"))));
        let other = Subject::subscription(&TenantId::default_tenant(), &"sub_1".parse().unwrap());
        assert_eq!(board.held_by(&other, at(0)).await, Ok(None));
    }

    #[tokio::test]
    async fn a_switch_takes_effect_within_ten_seconds() {
        let board = Switchboard::new(Board::default());
        assert_eq!(board.held_by(&lead(), at(0)).await, Ok(None));
        board.switches.0.lock().unwrap().insert("all".to_owned());
        assert_eq!(board.held_by(&lead(), at(9)).await, Ok(None));
        assert_eq!(board.held_by(&lead(), at(10)).await, Ok(Some(Hold::switch("all"))));
    }
}
