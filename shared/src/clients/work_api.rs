//! Work API ("Completa Buscas"): a person's record by CPF. The token travels in the query, and errors in a 200.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::exchange::{Answer, send, stated_failure};
use super::setup::{PlainHttp, Secret, SetupError, base_url};
use super::tolerant::{Scalar, Tolerant, TolerantList};
use crate::enrichment::income::Income;
use crate::enrichment::ports::{PersonRecord, PersonRegistry, Upstream, UpstreamError, UpstreamErrorKind};
use crate::model::contact::Contact;
use crate::model::person::{Cpf, Email, PersonName, Phone};

/// How to reach Work API.
#[derive(Clone)]
pub struct WorkApiConfig {
    /// The address of its one route; without a path, `/api` is meant.
    pub base_url: String,
    /// The account's token.
    pub token: Secret,
    /// Time for a whole exchange; [`WorkApiClient::TIMEOUT`] in production.
    pub timeout: Duration,
}

/// A client of Work API.
#[derive(Clone)]
pub struct WorkApiClient {
    http: reqwest::Client,
    route: Url,
    token: Secret,
    timeout: Duration,
}

/// What is read of an answer. A record holds health, tax and family too: none of it is given a field, so none is held.
#[derive(Deserialize)]
struct RecordBody {
    #[serde(default)]
    status: Scalar,
    #[serde(default)]
    code: Scalar,
    #[serde(default, rename = "statusMsg")]
    status_msg: Scalar,
    #[serde(default)]
    reason: Scalar,
    #[serde(default)]
    message: Scalar,
    #[serde(default)]
    erro: Scalar,
    #[serde(default, rename = "DadosBasicos")]
    basics: Option<Tolerant<Basics>>,
    #[serde(default, rename = "DadosEconomicos")]
    economics: Tolerant<Economics>,
    #[serde(default)]
    telefones: TolerantList<PhoneBody>,
    #[serde(default)]
    emails: TolerantList<EmailBody>,
}

#[derive(Deserialize)]
struct Basics {
    #[serde(default)]
    nome: Scalar,
    #[serde(default)]
    cpf: Scalar,
}

#[derive(Deserialize)]
struct Economics {
    #[serde(default)]
    renda: Scalar,
    #[serde(default, rename = "rendaPresumida")]
    presumed: Scalar,
}

#[derive(Deserialize)]
struct PhoneBody {
    #[serde(default)]
    telefone: Scalar,
}

#[derive(Deserialize)]
struct EmailBody {
    #[serde(default)]
    email: Scalar,
}

/// Full records have been seen at some tens of kilobytes.
const MAX_ANSWER: usize = 1024 * 1024;

impl WorkApiClient {
    /// Integrators raised theirs from 15 to 30 to 60 s.
    pub const TIMEOUT: Duration = Duration::from_secs(60);

    /// A client with these settings.
    ///
    /// # Errors
    /// When the address is none, or http to another machine: the token is in the query.
    pub fn new(http: reqwest::Client, config: WorkApiConfig) -> Result<Self, SetupError> {
        let mut route = base_url("WORK_API_BASE_URL", &config.base_url, PlainHttp::ToThisMachine)?;
        if route.path() == "/" {
            route.set_path("/api");
        }
        Ok(Self { http, route, token: config.token, timeout: config.timeout })
    }

    async fn ask(&self, cpf: &Cpf) -> Result<Option<PersonRecord>, UpstreamErrorKind> {
        let token = self.token.get().ok_or(UpstreamErrorKind::Misconfigured)?;
        let request =
            self.http.get(self.route.clone()).query(&[("token", token), ("modulo", "cpf"), ("consulta", cpf.digits())]);
        let answer = send(request, self.timeout, MAX_ANSWER).await.map_err(|silence| silence.kind())?;
        match understood(&answer, cpf) {
            Err(UpstreamErrorKind::NotFound) => Ok(None),
            other => other,
        }
    }
}

fn understood(answer: &Answer, asked: &Cpf) -> Result<Option<PersonRecord>, UpstreamErrorKind> {
    let body: Option<Tolerant<RecordBody>> = answer.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
    let body = body.and_then(|tolerant| tolerant.0);
    if let Some(failure) = body.as_ref().and_then(|body| stated(body, answer)) {
        return Err(failure);
    }
    match answer.failure() {
        // Their "nobody" is JSON. Any other 404 is a wrong address, and must not pass for a person who does not exist.
        Some(UpstreamErrorKind::NotFound) if body.is_none() => {
            return Err(UpstreamErrorKind::Rejected { status: answer.status });
        }
        Some(failure) => return Err(failure),
        None => {}
    }
    // An object without the block that every record has is an error we do not know.
    let body = body.ok_or(answer.broken())?;
    let basics = body.basics.as_ref().ok_or(answer.broken())?;
    let Some(basics) = &basics.0 else {
        return Ok(None);
    };
    // Somebody else's record must never be told as this person's.
    if basics.cpf.text().is_some_and(|cpf| !is_same(cpf, asked)) {
        return Err(answer.broken());
    }
    let Some(name) = basics.nome.text().and_then(|name| PersonName::parse(name).ok()) else {
        return Ok(None);
    };
    let phones = body.telefones.0.iter().filter_map(|p| Phone::parse(p.telefone.text()?).ok()).collect();
    let emails = body.emails.0.iter().filter_map(|e| Email::parse(e.email.text()?).ok()).collect();
    let Contact { phones, emails, .. } = Contact::new(None, phones, emails, Vec::new());
    Ok(Some(PersonRecord { name, income: body.economics.0.as_ref().and_then(income), phones, emails }))
}

fn income(economics: &Economics) -> Option<Income> {
    [&economics.renda, &economics.presumed].into_iter().find_map(|scalar| Income::parse(scalar.text()?).ok())
}

fn is_same(text: &str, asked: &Cpf) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // Padded to fourteen, or a number without its leading zeros.
    digits.trim_start_matches('0') == asked.digits().trim_start_matches('0')
}

/// The error that a body states, whatever its status line says.
fn stated(body: &RecordBody, answer: &Answer) -> Option<UpstreamErrorKind> {
    let texts = [&body.reason, &body.message, &body.erro, &body.status_msg];
    let words: String = texts.into_iter().filter_map(Scalar::text).collect::<Vec<_>>().join(" ").to_lowercase();
    let says = |stems: &[&str]| stems.iter().any(|stem| words.contains(stem));
    let number = |scalar: &Scalar| scalar.text().and_then(|text| text.parse::<u16>().ok());
    let status = number(&body.status).or_else(|| number(&body.code)).filter(|status| (100..600).contains(status));
    if status.is_none_or(|status| status < 300) && body.erro.text().is_none() {
        return None;
    }
    if says(&["credit", "crédit", "saldo"]) {
        return Some(UpstreamErrorKind::OutOfCredits);
    }
    // A module our plan does not have: every call would fail alike until somebody changes the plan.
    if says(&["modul", "módul"]) {
        return Some(UpstreamErrorKind::Misconfigured);
    }
    match status.filter(|status| *status >= 300) {
        Some(status) => stated_failure(status, answer.retry_after),
        None if says(&["token"]) => Some(UpstreamErrorKind::CredentialsRefused),
        None if says(&["encontrad", "not found", "nenhum"]) => Some(UpstreamErrorKind::NotFound),
        None => Some(answer.broken()),
    }
}

impl PersonRegistry for WorkApiClient {
    async fn by_cpf(&self, cpf: &Cpf) -> Result<Option<PersonRecord>, UpstreamError> {
        self.ask(cpf).await.map_err(|kind| UpstreamError::new(Upstream::WorkApi, kind))
    }
}

impl fmt::Debug for WorkApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkApiClient").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "work_api_tests.rs"]
mod tests;
