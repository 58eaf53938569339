//! The upstreams' clients, from settings and credentials.

use std::time::Duration;

use anyhow::Context as _;
use gancho::clients::{
    C2sClient, C2sConfig, DiretrixClient, DiretrixConfig, Secret, WorkApiClient, WorkApiConfig, upstream_http,
};
use gancho::config::EnrichConfig;
use serde::Deserialize;

/// The text of the providers' secret. What is empty is not configured.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    c2s_token: String,
    work_token: String,
    diretrix_user: String,
    diretrix_password: String,
}

/// The clients. Who has no address or no credentials is not asked.
pub(crate) struct Upstreams {
    pub(crate) finder: Option<DiretrixClient>,
    pub(crate) registry: Option<WorkApiClient>,
    pub(crate) thread: C2sClient,
}

pub(crate) fn connect(config: &EnrichConfig, credentials: &str) -> anyhow::Result<Upstreams> {
    // The error of a JSON parser may quote what it read.
    let credentials: Credentials = serde_json::from_str(credentials)
        .map_err(|_| anyhow::anyhow!("the providers' secret is not the JSON it should be"))?;
    let http = upstream_http()?;
    let timeout = |own: Duration| own.min(config.upstream_timeout);
    let thread = C2sClient::new(
        http.clone(),
        C2sConfig {
            base_url: config.c2s_base_url.clone(),
            auth_header: config.c2s_auth_header.clone(),
            subscribe_path: config.c2s_subscribe_path.clone(),
            token: Secret::new(credentials.c2s_token),
            timeout: timeout(C2sClient::TIMEOUT),
        },
    )
    .context("C2S")?;
    let finder = match (&config.diretrix_base_url, credentials.diretrix_user.is_empty()) {
        (Some(base_url), false) => Some(DiretrixClient::new(
            http.clone(),
            DiretrixConfig {
                base_url: base_url.clone(),
                allow_http: config.diretrix_allow_http,
                user: Secret::new(credentials.diretrix_user),
                password: Secret::new(credentials.diretrix_password),
                timeout: timeout(DiretrixClient::TIMEOUT),
            },
        )?),
        _ => None,
    };
    let registry = match (&config.work_api_base_url, credentials.work_token.is_empty()) {
        (Some(base_url), false) => Some(WorkApiClient::new(
            http,
            WorkApiConfig {
                base_url: base_url.clone(),
                token: Secret::new(credentials.work_token),
                timeout: timeout(WorkApiClient::TIMEOUT),
            },
        )?),
        _ => None,
    };
    Ok(Upstreams { finder, registry, thread })
}
