//! What events look like: one JSON Schema a type, kept in `schemas/`.

use super::event_type::EventType;

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/", $name, ".json"))
    };
}

/// The JSON Schema of events of this type, as text: what can be published, and what is sent.
#[must_use]
pub const fn schema(event_type: EventType) -> &'static str {
    match event_type {
        EventType::PaymentReceived => file!("payment.received"),
        EventType::PaymentFailed => file!("payment.failed"),
        EventType::CustomerCreated => file!("customer.created"),
        EventType::CustomerUpdated => file!("customer.updated"),
        EventType::SalesOrderCreated => file!("sales_order.created"),
        EventType::SalesOrderConfirmed => file!("sales_order.confirmed"),
        EventType::SalesOrderCancelled => file!("sales_order.cancelled"),
        EventType::InvoiceCreated => file!("invoice.created"),
        EventType::InvoiceSent => file!("invoice.sent"),
        EventType::InvoiceAuthorized => file!("invoice.authorized"),
        EventType::InvoiceRejected => file!("invoice.rejected"),
        EventType::InvoiceCancelled => file!("invoice.cancelled"),
        EventType::LeadReceived => file!("lead.received"),
        EventType::LeadEnriched => file!("lead.enriched"),
        EventType::LeadUnmatched => file!("lead.unmatched"),
        EventType::LeadEnrichmentFailed => file!("lead.enrichment_failed"),
        EventType::WebhookTest => file!("webhook.test"),
        EventType::EndpointDisabled => file!("endpoint.disabled"),
        EventType::DeliveryExhausted => file!("delivery.exhausted"),
        EventType::WhatsappMessage => file!("whatsapp.message"),
        EventType::WhatsappStatus => file!("whatsapp.status"),
        EventType::MoyskladSynced => file!("moysklad.synced"),
        EventType::MoyskladSyncFailed => file!("moysklad.sync_failed"),
        EventType::MoyskladLoopSuspected => file!("moysklad.loop_suspected"),
    }
}
