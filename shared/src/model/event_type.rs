//! The catalogue of what can be heard about. Closed: a new type is one variant here.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::schema::one_of;

/// The text is no type of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event type of the catalogue")]
pub struct UnknownEventType;

macro_rules! catalogue {
    ($($variant:ident $name:literal $description:literal,)+) => {
        /// What an event says has happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum EventType {
            $(#[doc = $description] $variant,)+
        }

        impl EventType {
            /// Every type, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One sentence for the catalogue.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)+ }
            }
        }

        impl FromStr for EventType {
            type Err = UnknownEventType;

            fn from_str(text: &str) -> Result<Self, UnknownEventType> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(UnknownEventType) }
            }
        }
    };
}

catalogue! {
    PaymentReceived "payment.received" "A payment has come in.",
    PaymentFailed "payment.failed" "A payment has failed.",
    CustomerCreated "customer.created" "A customer has been created.",
    CustomerUpdated "customer.updated" "A customer's data has changed.",
    SalesOrderCreated "sales_order.created" "A sales order has been created.",
    SalesOrderConfirmed "sales_order.confirmed" "A sales order has been confirmed.",
    SalesOrderCancelled "sales_order.cancelled" "A sales order has been cancelled.",
    InvoiceCreated "invoice.created" "An invoice has been created.",
    InvoiceSent "invoice.sent" "An invoice has been sent to its customer.",
    InvoiceAuthorized "invoice.authorized" "The tax authority has authorized an invoice.",
    InvoiceRejected "invoice.rejected" "The tax authority has rejected an invoice.",
    InvoiceCancelled "invoice.cancelled" "An invoice has been cancelled.",
    LeadReceived "lead.received" "A lead has come in from C2S.",
    LeadEnriched "lead.enriched" "A lead's person has been found and the lead enriched.",
    LeadUnmatched "lead.unmatched" "Nobody was found for a lead's contact data.",
    LeadEnrichmentFailed "lead.enrichment_failed" "A lead's enrichment has failed for good.",
    WhatsappMessage "whatsapp.message" "A WhatsApp message has come in.",
    WhatsappStatus "whatsapp.status" "The status of a sent WhatsApp message has changed.",
    MoyskladSynced "moysklad.synced" "A MoySklad change has been carried to the other accounts.",
    MoyskladSyncFailed "moysklad.sync_failed" "A MoySklad change could not be carried over.",
    MoyskladLoopSuspected "moysklad.loop_suspected" "The same MoySklad entity keeps changing: two systems may be answering each other.",
    WebhookTest "webhook.test" "A test, asked for by the tenant.",
    EndpointDisabled "endpoint.disabled" "A subscription was switched off, because its endpoint said so or kept failing.",
    DeliveryExhausted "delivery.exhausted" "A delivery has used up its tries.",
}

impl EventType {
    /// Whether the platform makes events of this type. A tenant can hear of them, but not publish them.
    #[must_use]
    pub const fn is_platform(self) -> bool {
        match self {
            Self::PaymentReceived
            | Self::PaymentFailed
            | Self::CustomerCreated
            | Self::CustomerUpdated
            | Self::SalesOrderCreated
            | Self::SalesOrderConfirmed
            | Self::SalesOrderCancelled
            | Self::InvoiceCreated
            | Self::InvoiceSent
            | Self::InvoiceAuthorized
            | Self::InvoiceRejected
            | Self::InvoiceCancelled => false,
            Self::LeadReceived
            | Self::LeadEnriched
            | Self::LeadUnmatched
            | Self::LeadEnrichmentFailed
            | Self::WhatsappMessage
            | Self::WhatsappStatus
            | Self::MoyskladSynced
            | Self::MoyskladSyncFailed
            | Self::MoyskladLoopSuspected
            | Self::WebhookTest
            | Self::EndpointDisabled
            | Self::DeliveryExhausted => true,
        }
    }

    /// Whether events of this type belong to a WhatsApp connection, which their `data` names.
    #[must_use]
    pub const fn is_of_a_connection(self) -> bool {
        matches!(self, Self::WhatsappMessage | Self::WhatsappStatus)
    }

    /// Whether events of this type tell of deliveries themselves. When such an event cannot be delivered, no further
    /// event may tell of that: a dead endpoint subscribed to `*` would otherwise cause events for ever.
    #[must_use]
    pub const fn is_about_delivery(self) -> bool {
        matches!(self, Self::WebhookTest | Self::EndpointDisabled | Self::DeliveryExhausted)
    }
}

impl PartialSchema for EventType {
    fn schema() -> RefOr<Schema> {
        one_of(Self::ALL.iter().map(|known| known.as_str().to_owned()))
    }
}

impl ToSchema for EventType {}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for EventType {
    type Error = UnknownEventType;

    fn try_from(text: String) -> Result<Self, UnknownEventType> {
        text.parse()
    }
}

impl From<EventType> for &'static str {
    fn from(event_type: EventType) -> &'static str {
        event_type.as_str()
    }
}

/// Which types a subscription wants: one, all (`*`), or a family (`invoice.*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EventPattern {
    /// Every type there is or will be.
    All,
    /// Every type whose name starts with this and a dot.
    Family(String),
    /// This type.
    Exactly(EventType),
}

impl EventPattern {
    /// Whether events of this type are wanted.
    #[must_use]
    pub fn matches(&self, event_type: EventType) -> bool {
        match self {
            Self::All => true,
            Self::Family(family) => family_of(event_type) == family,
            Self::Exactly(wanted) => *wanted == event_type,
        }
    }
}

fn family_of(event_type: EventType) -> &'static str {
    event_type.as_str().split('.').next().unwrap_or_default()
}

impl FromStr for EventPattern {
    type Err = UnknownEventType;

    /// A family nobody belongs to is refused: it is a spelling mistake, and would never match.
    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        if text == "*" {
            return Ok(Self::All);
        }
        match text.strip_suffix(".*") {
            Some(family) if EventType::ALL.iter().any(|known| family_of(*known) == family) => {
                Ok(Self::Family(family.to_owned()))
            }
            Some(_) => Err(UnknownEventType),
            None => text.parse().map(Self::Exactly),
        }
    }
}

impl PartialSchema for EventPattern {
    fn schema() -> RefOr<Schema> {
        let families: BTreeSet<&str> = EventType::ALL.iter().map(|known| family_of(*known)).collect();
        let families = families.into_iter().map(|family| Self::Family(family.to_owned()));
        let types = EventType::ALL.iter().copied().map(Self::Exactly);
        one_of(std::iter::once(Self::All).chain(families).chain(types).map(String::from))
    }
}

impl ToSchema for EventPattern {}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Family(family) => write!(f, "{family}.*"),
            Self::Exactly(event_type) => event_type.fmt(f),
        }
    }
}

impl TryFrom<String> for EventPattern {
    type Error = UnknownEventType;

    fn try_from(text: String) -> Result<Self, UnknownEventType> {
        text.parse()
    }
}

impl From<EventPattern> for String {
    fn from(pattern: EventPattern) -> String {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_back_from_its_name() {
        for event_type in EventType::ALL {
            assert_eq!(event_type.to_string().parse(), Ok(*event_type));
            let json = serde_json::to_string(event_type).unwrap();
            assert_eq!(serde_json::from_str::<EventType>(&json).unwrap(), *event_type);
        }
    }

    #[test]
    fn the_catalogue_is_the_published_one() {
        let published: Vec<&str> =
            EventType::ALL.iter().filter(|one| !one.is_platform()).map(|one| one.as_str()).collect();
        let platform: Vec<&str> =
            EventType::ALL.iter().filter(|one| one.is_platform()).map(|one| one.as_str()).collect();
        insta::assert_snapshot!(published.join(" "), @"payment.received payment.failed customer.created customer.updated sales_order.created sales_order.confirmed sales_order.cancelled invoice.created invoice.sent invoice.authorized invoice.rejected invoice.cancelled");
        insta::assert_snapshot!(platform.join(" "), @"lead.received lead.enriched lead.unmatched lead.enrichment_failed whatsapp.message whatsapp.status moysklad.synced moysklad.sync_failed moysklad.loop_suspected webhook.test endpoint.disabled delivery.exhausted");
    }

    #[test]
    fn a_family_matches_its_members_only() {
        let invoices: EventPattern = "invoice.*".parse().unwrap();
        let matched: Vec<&str> =
            EventType::ALL.iter().filter(|one| invoices.matches(**one)).map(|one| one.as_str()).collect();
        assert_eq!(
            matched,
            ["invoice.created", "invoice.sent", "invoice.authorized", "invoice.rejected", "invoice.cancelled"]
        );
    }

    #[test]
    fn a_star_matches_everything_and_a_name_only_itself() {
        let all: EventPattern = "*".parse().unwrap();
        let one: EventPattern = "lead.enriched".parse().unwrap();
        for event_type in EventType::ALL {
            assert!(all.matches(*event_type));
            assert_eq!(one.matches(*event_type), *event_type == EventType::LeadEnriched);
        }
    }

    #[test]
    fn a_pattern_that_could_never_match_is_refused() {
        for bad in ["", "**", "foo.*", ".*", "invoice", "invoice.", "invoice.*.*", "sales.*", "INVOICE.*", "lead.lost"]
        {
            assert!(bad.parse::<EventPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_is_read_back_from_its_text() {
        for text in ["*", "invoice.*", "sales_order.*", "payment.failed"] {
            assert_eq!(text.parse::<EventPattern>().unwrap().to_string(), text);
        }
    }
}
