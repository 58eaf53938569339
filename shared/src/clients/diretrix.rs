//! Diretrix: whose is this number, whose is this address. Basic auth; 400 and 404 both mean nobody.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::exchange::{send, under};
use super::setup::{PlainHttp, Secret, SetupError, base_url};
use super::tolerant::{Scalar, TolerantList};
use crate::enrichment::ports::{FoundPerson, PersonFinder, Upstream, UpstreamError, UpstreamErrorKind};
use crate::model::person::{Cpf, Email, PersonName, Phone};

/// How to reach Diretrix.
#[derive(Clone)]
pub struct DiretrixConfig {
    /// Base address. Their documented one is plain http, hence the next field.
    pub base_url: String,
    /// Whether an operator has agreed to credentials and people travelling in the clear.
    pub allow_http: bool,
    /// User of the account.
    pub user: Secret,
    /// Its password.
    pub password: Secret,
    /// Time for a whole exchange; [`DiretrixClient::TIMEOUT`] in production.
    pub timeout: Duration,
}

/// A client of Diretrix.
#[derive(Clone)]
pub struct DiretrixClient {
    http: reqwest::Client,
    base: Url,
    user: Secret,
    password: Secret,
    timeout: Duration,
}

#[derive(Deserialize)]
struct PersonBody {
    #[serde(default)]
    nome: Scalar,
    #[serde(default)]
    cpf: Scalar,
}

/// An answer is a name and a number or two.
const MAX_ANSWER: usize = 1024 * 1024;

impl DiretrixClient {
    /// They answer in 0.5 to 2 s, now and then in far more.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// A client with these settings.
    ///
    /// # Errors
    /// When the address is none, or http without the operator's word.
    pub fn new(http: reqwest::Client, config: DiretrixConfig) -> Result<Self, SetupError> {
        let plain = if config.allow_http { PlainHttp::Everywhere } else { PlainHttp::Refused };
        let base = base_url("DIRETRIX_BASE_URL", &config.base_url, plain)?;
        Ok(Self { http, base, user: config.user, password: config.password, timeout: config.timeout })
    }

    async fn ask(&self, by: &str, value: &str) -> Result<Vec<FoundPerson>, UpstreamErrorKind> {
        let (Some(user), Some(password)) = (self.user.get(), self.password.get()) else {
            return Err(UpstreamErrorKind::Misconfigured);
        };
        let url = under(&self.base, &["Consultas", "Pessoa", by, value]);
        let request = self.http.get(url).basic_auth(user, Some(password));
        let answer = send(request, self.timeout, MAX_ANSWER).await.map_err(|silence| silence.kind())?;
        if matches!(answer.status, 400 | 404) {
            return Ok(Vec::new());
        }
        if let Some(failure) = answer.failure() {
            return Err(failure);
        }
        let body = answer.body.as_deref().ok_or(answer.broken())?;
        let TolerantList(persons) = serde_json::from_slice(body).map_err(|_| answer.broken())?;
        // An object that is no person is an error they did not give a status to.
        let unreadable = body.trim_ascii_start().starts_with(b"{")
            && persons.iter().all(|p: &PersonBody| p.nome.0.is_none() && p.cpf.0.is_none());
        if unreadable { Err(answer.broken()) } else { Ok(persons.iter().filter_map(found).collect()) }
    }
}

/// Who has no name or no CPF that can be one is nobody we could tell a broker of.
fn found(body: &PersonBody) -> Option<FoundPerson> {
    let name = PersonName::parse(body.nome.text()?).ok()?;
    let cpf = body.cpf.text()?;
    // As a number it has lost its leading zeros.
    let cpf = Cpf::parse_padded(&if cpf.bytes().all(|b| b.is_ascii_digit()) {
        format!("{cpf:0>11}")
    } else {
        cpf.to_owned()
    });
    Some(FoundPerson { name, cpf: cpf.ok()? })
}

fn error(kind: UpstreamErrorKind) -> UpstreamError {
    UpstreamError::new(Upstream::Diretrix, kind)
}

impl PersonFinder for DiretrixClient {
    async fn by_phone(&self, phone: &Phone) -> Result<Vec<FoundPerson>, UpstreamError> {
        self.ask("Telefone", phone.national()).await.map_err(error)
    }

    async fn by_email(&self, email: &Email) -> Result<Vec<FoundPerson>, UpstreamError> {
        self.ask("Email", email.address()).await.map_err(error)
    }
}

impl fmt::Debug for DiretrixClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiretrixClient").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "diretrix_tests.rs"]
mod tests;
