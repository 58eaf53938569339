//! The bodies of a client's WhatsApp API.

use utoipa::ToSchema;

use crate::model::whatsapp::Dialect;

/// By which door messages come.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoorName {
    /// Meta's Cloud API.
    CloudApi,
    /// A gateway that is a linked device.
    Baileys,
}

/// A number to be linked. Each door takes what is its own.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewConnection, example = json!({"phone_number": "+55 11 90000-0001", "provider": "baileys", "dialect": "gowa"}))]
pub struct NewConnectionBody {
    /// With its country code.
    #[schema(max_length = 40)]
    pub phone_number: String,
    /// By which door its messages come.
    pub provider: DoorName,
    /// `cloud_api`: the app's secret, which Meta signs with. Needed there.
    #[schema(min_length = 8, max_length = 500)]
    pub app_secret: Option<String>,
    /// `cloud_api`: the number as Meta names it. Where it is known, it alone decides.
    #[schema(pattern = "^[0-9]{1,32}$")]
    pub phone_number_id: Option<String>,
    /// `cloud_api`: what Meta is told together with the address; made up unless given.
    #[schema(min_length = 8, max_length = 200, pattern = "^[!-~]+$")]
    pub verify_token: Option<String>,
    /// `baileys`: what the gateway speaks; `baileys` unless given.
    pub dialect: Option<Dialect>,
    /// `baileys`: what the gateway proves itself with, where it can.
    #[schema(min_length = 8, max_length = 500)]
    pub secret: Option<String>,
}
