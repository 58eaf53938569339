//! The ways in, each with requests made from a recorded one.

use std::path::Path;

use anyhow::Result;
use gancho::signing::hmac_sha256;
use gancho_bench::runtime::envelope::{Request, recorded};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::house::{APP_SECRET, Credentials};

/// Leads in a batch.
const BATCH: u64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Route {
    Lead,
    LeadAgain,
    LeadBatch,
    TenantEvent,
    CloudApi,
    Gateway,
    Moysklad,
}

impl Route {
    pub(crate) const ALL: [Self; 7] = [
        Self::Lead,
        Self::LeadAgain,
        Self::LeadBatch,
        Self::TenantEvent,
        Self::CloudApi,
        Self::Gateway,
        Self::Moysklad,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lead => "C2S, a new lead",
            Self::LeadAgain => "C2S, a copy",
            Self::LeadBatch => "C2S, 100 new leads",
            Self::TenantEvent => "a tenant's event",
            Self::CloudApi => "WhatsApp, Cloud API, signed",
            Self::Gateway => "WhatsApp, Baileys",
            Self::Moysklad => "MoySklad, a notice",
        }
    }

    /// Events of one request.
    pub(crate) const fn events(self) -> u64 {
        if matches!(self, Self::LeadBatch) { BATCH } else { 1 }
    }

    /// Whether an answer says that the event was taken.
    pub(crate) fn is_taken(self, answer: &[u8]) -> bool {
        // Writers of JSON differ in where they put spaces.
        String::from_utf8_lossy(answer).replace(' ', "").contains(self.taken())
    }

    const fn taken(self) -> &'static str {
        match self {
            Self::Lead | Self::CloudApi | Self::Gateway | Self::Moysklad => r#"\"processed\":1,"#,
            Self::LeadAgain => r#"\"duplicates\":1,"#,
            Self::LeadBatch => r#"\"processed\":100,"#,
            Self::TenantEvent => r#"\"duplicate\":false"#,
        }
    }
}

/// A recorded body with the headers that came with it.
type Recorded = (Value, Vec<(String, String)>);

/// The recorded requests.
pub(crate) struct Bodies {
    lead: Recorded,
    tenant: Recorded,
    cloud_api: Recorded,
    gateway: Recorded,
    moysklad: Recorded,
}

impl Bodies {
    pub(crate) fn read(events: &Path) -> Result<Self> {
        Ok(Self {
            lead: recorded(events, "c2s/lead.created.json")?,
            tenant: recorded(events, "tenant/payment.received.json")?,
            cloud_api: recorded(events, "whatsapp/message.text.json")?,
            gateway: recorded(events, "baileys/baileys.text.json")?,
            moysklad: recorded(events, "moysklad/product.update.json")?,
        })
    }

    /// The request of this number.
    pub(crate) fn request(&self, route: Route, n: u64, credentials: &Credentials) -> Request {
        let now = Timestamp::now().as_second();
        let of_lead = |id: String| {
            let mut lead = self.lead.0.clone();
            lead["id"] = id.into();
            lead
        };
        let (target, recorded, body) = match route {
            Route::Lead => ("/api/v1/webhooks/c2s".to_owned(), &self.lead, of_lead(format!("lead-{n}"))),
            Route::LeadAgain => ("/api/v1/webhooks/c2s".to_owned(), &self.lead, of_lead("lead-again".into())),
            Route::LeadBatch => {
                let leads = (0..BATCH).map(|place| of_lead(format!("lead-{n}-{place}"))).collect();
                ("/api/v1/webhooks/c2s".to_owned(), &self.lead, Value::Array(leads))
            }
            Route::TenantEvent => {
                let mut body = self.tenant.0.clone();
                body["id"] = format!("event-{n}").into();
                ("/api/v1/tenant/events".to_owned(), &self.tenant, body)
            }
            Route::CloudApi => {
                let mut body = self.cloud_api.0.clone();
                let message = &mut body["entry"][0]["changes"][0]["value"]["messages"][0];
                (message["id"], message["timestamp"]) = (format!("wamid.{n}").into(), now.to_string().into());
                (format!("/api/v1/webhooks/whatsapp/{}", credentials.cloud_api), &self.cloud_api, body)
            }
            Route::Gateway => {
                let mut body = self.gateway.0.clone();
                let message = &mut body["data"]["messages"][0];
                message["key"]["id"] = format!("3EB0{n:012X}").into();
                message["messageTimestamp"] = json!(now);
                (format!("/api/v1/webhooks/baileys/{}", credentials.gateway), &self.gateway, body)
            }
            Route::Moysklad => {
                let request = format!("640569eb-522d-427a-b07e-{n:012x}");
                let target = format!("/api/webhooks/moysklad/{}?requestId={request}", credentials.moysklad);
                (target, &self.moysklad, self.moysklad.0.clone())
            }
        };
        let (mut headers, body) = (recorded.1.clone(), body.to_string());
        let more = match route {
            Route::Lead | Route::LeadAgain | Route::LeadBatch => Some(("x-webhook-token", credentials.c2s.clone())),
            Route::TenantEvent => Some(("authorization", format!("Bearer {}", credentials.tenant))),
            Route::CloudApi => {
                let signature = hex::encode(hmac_sha256(APP_SECRET.as_bytes(), &[body.as_bytes()]));
                Some(("x-hub-signature-256", format!("sha256={signature}")))
            }
            Route::Gateway | Route::Moysklad => None,
        };
        headers.extend(more.map(|(name, value)| (name.to_owned(), value)));
        Request { target, headers, body }
    }
}
