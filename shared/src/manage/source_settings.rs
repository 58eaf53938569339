//! What a source's `config` says: how a WhatsApp sender proves itself, and which numbers it may speak for; and of which
//! account MoySklad may tell.

use std::str::FromStr;

use serde_json::Value;

use super::chance::Chance;
use super::json_fields::JsonFields;
use crate::model::event::Provider;
use crate::model::field_error::FieldError;
use crate::model::ids::{SourceId, TenantId};
use crate::model::moysklad::AccountId;
use crate::model::sealed::Sealed;
use crate::model::whatsapp::{Dialect, Sender, WhatsappNumber};
use crate::providers::whatsapp::HmacKey;
use crate::providers::whatsapp::cloud::challenge::VerifyToken;
use crate::providers::whatsapp::gateways::proof::Proof;

/// Most numbers a source may serve. A connection is two writes, and all of a source are made in one transaction.
pub const MAX_NUMBERS: usize = 40;
/// Meta's names of numbers have some sixteen digits.
const MAX_ID_DIGITS: usize = 32;

/// What is said of a source's sender, as far as anything is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What Meta signs with.
    pub app_secret: Option<HmacKey>,
    /// What Meta shows before it sends anything.
    pub verify_token: Option<VerifyToken>,
    /// What a gateway speaks.
    pub dialect: Option<Dialect>,
    /// What a gateway proves itself with; `Some(None)` takes it away.
    pub secret: Option<Option<HmacKey>>,
    /// The numbers the source serves.
    pub numbers: Option<Vec<NamedNumber>>,
    /// The MoySklad account whose changes it may tell of. A source has one for good.
    pub account_id: Option<AccountId>,
}

/// A number a source is to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedNumber {
    /// The number.
    pub number: WhatsappNumber,
    /// The number as Meta names it.
    pub phone_number_id: Option<String>,
    /// Whose it is; the source's tenant's unless said.
    pub client: Option<TenantId>,
}

impl Settings {
    /// Takes `config`. What the provider has no use for is refused; so is, of a source that is to be made, what is
    /// missing.
    pub(super) fn take(fields: &mut JsonFields, provider: Option<Provider>, is_new: bool) -> Self {
        let mut inner = match fields.object("config") {
            Some(inner) => inner,
            None if is_new && matches!(provider, Some(Provider::WhatsappCloud | Provider::Moysklad)) => {
                JsonFields::default()
            }
            None => return Self::default(),
        };
        let (cloud, gateway) = match provider {
            Some(Provider::WhatsappCloud) => (true, false),
            Some(Provider::Baileys) => (false, true),
            Some(Provider::C2s | Provider::Tenant | Provider::Moysklad) => (false, false),
            None => (true, true),
        };
        let mut settings = Self::default();
        if cloud {
            if is_new && provider.is_some() && inner.is_missing("app_secret") {
                inner.refuse("app_secret", "missing", "this is needed");
            }
            settings.app_secret = app_secret(&mut inner);
            settings.verify_token = verify_token(&mut inner);
        }
        if gateway {
            settings.dialect = dialect(&mut inner);
            settings.secret = secret(&mut inner);
        }
        if cloud || gateway {
            settings.numbers = numbers(&mut inner);
        }
        if is_new && provider == Some(Provider::Moysklad) {
            settings.account_id = account_id(&mut inner);
        }
        fields.absorb("config", inner);
        settings
    }

    /// How the sender of a new source proves itself.
    ///
    /// # Errors
    /// With what is missing for it.
    pub(super) fn sender(
        &self,
        provider: Provider,
        tenant: &TenantId,
        source: &SourceId,
        chance: &Chance<'_>,
    ) -> Result<Option<Sender>, FieldError> {
        let seal = |key: &HmacKey| sealed(key, tenant, source, chance);
        Ok(match provider {
            Provider::C2s | Provider::Tenant | Provider::Moysklad => None,
            Provider::WhatsappCloud => {
                let app_secret = self
                    .app_secret
                    .as_ref()
                    .ok_or_else(|| FieldError::new("config.app_secret", "missing", "this is needed"))?;
                let verify_token = self.verify_token.as_ref().map(VerifyToken::hash).unwrap_or_default();
                Some(Sender::CloudApi { app_secret: seal(app_secret), verify_token })
            }
            Provider::Baileys => {
                let dialect = self.dialect.unwrap_or_default();
                let secret = self.secret.as_ref().and_then(Option::as_ref).map(seal);
                Some(provable(Sender::Gateway { dialect, secret })?)
            }
        })
    }

    /// How the sender proves itself after these changes.
    ///
    /// # Errors
    /// When it would have a secret and no way to prove that it knows it.
    pub(super) fn changed(
        &self,
        sender: Sender,
        tenant: &TenantId,
        source: &SourceId,
        chance: &Chance<'_>,
    ) -> Result<Sender, FieldError> {
        let seal = |key: &HmacKey| sealed(key, tenant, source, chance);
        Ok(match sender {
            Sender::CloudApi { app_secret, verify_token } => Sender::CloudApi {
                app_secret: self.app_secret.as_ref().map_or(app_secret, seal),
                verify_token: self.verify_token.as_ref().map_or(verify_token, VerifyToken::hash),
            },
            Sender::Gateway { dialect, secret } => {
                let secret = self.secret.as_ref().map_or(secret, |wish| wish.as_ref().map(seal));
                provable(Sender::Gateway { dialect: self.dialect.unwrap_or(dialect), secret })?
            }
        })
    }
}

/// Seals what a sender proves itself with.
fn sealed(key: &HmacKey, tenant: &TenantId, source: &SourceId, chance: &Chance<'_>) -> Sealed {
    chance.keys.seal(key.expose().as_bytes(), tenant, source.as_str(), chance.bytes())
}

/// Whether a gateway of this dialect can prove that it knows a secret.
pub(super) const fn is_provable(dialect: Dialect) -> bool {
    Proof::of(dialect).is_some()
}

/// A secret that nobody can prove to know would shut the door to everybody.
fn provable(sender: Sender) -> Result<Sender, FieldError> {
    match &sender {
        Sender::Gateway { dialect, secret: Some(_) } if !is_provable(*dialect) => {
            let detail = "a gateway of this dialect cannot prove that it knows a secret";
            Err(FieldError::new("config.secret", "not_supported", detail))
        }
        _ => Ok(sender),
    }
}

/// Takes MoySklad's own identifier of an account.
fn account_id(fields: &mut JsonFields) -> Option<AccountId> {
    if fields.is_missing("account_id") {
        return fields.refused("account_id", "missing", "this is needed");
    }
    parsed(fields, "account_id", "invalid_account", "MoySklad's own identifier of the account, a UUID")
}

/// Takes what Meta signs with.
pub(super) fn app_secret(fields: &mut JsonFields) -> Option<HmacKey> {
    key(fields, "app_secret")
}

/// Takes what Meta shows before it sends anything.
pub(super) fn verify_token(fields: &mut JsonFields) -> Option<VerifyToken> {
    let text = fields.text("verify_token")?;
    match VerifyToken::parse(&text) {
        Ok(token) => Some(token),
        Err(error) => fields.refused("verify_token", "invalid_token", error.to_string()),
    }
}

/// Takes what a gateway speaks.
pub(super) fn dialect(fields: &mut JsonFields) -> Option<Dialect> {
    parsed(fields, "dialect", "unknown_dialect", &format!("there are: {}", Dialect::ALL.map(Dialect::name).join(", ")))
}

/// Takes what a gateway proves itself with; null takes it away.
pub(super) fn secret(fields: &mut JsonFields) -> Option<Option<HmacKey>> {
    if fields.has("secret") && fields.is_missing("secret") {
        return Some(None);
    }
    key(fields, "secret").map(Some)
}

/// Takes a telephone number.
pub(super) fn phone_number(fields: &mut JsonFields) -> Option<WhatsappNumber> {
    if fields.is_missing("phone_number") {
        return fields.refused("phone_number", "missing", "this is needed");
    }
    let text = fields.text("phone_number")?;
    match WhatsappNumber::parse(&text) {
        Ok(number) => Some(number),
        Err(error) => fields.refused("phone_number", "invalid_number", error.to_string()),
    }
}

/// Takes a number as Meta names it.
pub(super) fn phone_number_id(fields: &mut JsonFields) -> Option<String> {
    let text = fields.text("phone_number_id")?;
    let sane = (1..=MAX_ID_DIGITS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if sane {
        return Some(text);
    }
    fields.refused("phone_number_id", "invalid_id", format!("this has up to {MAX_ID_DIGITS} digits"))
}

fn key(fields: &mut JsonFields, path: &str) -> Option<HmacKey> {
    let text = fields.text(path)?;
    match HmacKey::parse(&text) {
        Ok(key) => Some(key),
        Err(error) => fields.refused(path, "invalid_secret", error.to_string()),
    }
}

fn parsed<T: FromStr>(fields: &mut JsonFields, path: &str, code: &'static str, detail: &str) -> Option<T> {
    match fields.text(path)?.parse() {
        Ok(value) => Some(value),
        Err(_) => fields.refused(path, code, detail),
    }
}

fn numbers(fields: &mut JsonFields) -> Option<Vec<NamedNumber>> {
    let path = "numbers";
    let values = match fields.take(path)? {
        Value::Array(values) if values.len() <= MAX_NUMBERS => values,
        Value::Array(_) => return fields.refused(path, "too_many", format!("at most {MAX_NUMBERS} numbers")),
        _ => return fields.refused(path, "invalid_type", "this must be an array of numbers"),
    };
    let mut numbers: Vec<NamedNumber> = Vec::with_capacity(values.len());
    let mut all_are = true;
    for (n, value) in values.into_iter().enumerate() {
        let path = format!("{path}[{n}]");
        let Some(mut one) = fields.inner(&path, value) else {
            all_are = false;
            continue;
        };
        let number = phone_number(&mut one);
        let phone_number_id = phone_number_id(&mut one);
        let client = parsed(&mut one, "tenant_id", "unknown_tenant", "there is no such tenant");
        match number {
            Some(number) if numbers.iter().any(|other| other.number.same_line(&number)) => {
                one.refuse("phone_number", "repeated", "this line is named already");
            }
            Some(number) => numbers.push(NamedNumber { number, phone_number_id, client }),
            None => all_are = false,
        }
        fields.absorb(&path, one);
    }
    all_are.then_some(numbers)
}
