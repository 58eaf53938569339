//! Tenants' endpoints, over the open internet.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::RETRY_AFTER;
use reqwest::{Client, Response, redirect};
use tokio::time::timeout_at;
use url::Host;

use super::provide_crypto;
use super::public_resolver::{PublicResolver, RefusedAddress};
use crate::address::AllowList;
use crate::address::ip::forbidden;
use crate::delivery::prepare::Prepared;
use crate::delivery::retry_after::RetryAfter;
use crate::delivery::send::{Answer, MAX_HEAD_BYTES, Sender, Sent, TransportFailure};

/// How much of an answer is read to its end, so that the connection can be used again. A longer one costs the
/// connection, not our time.
const MAX_READ_BYTES: usize = 64 * 1024;
/// How long an idle connection is kept. Common servers close theirs after five seconds (Node, Apache), and a request
/// that meets the closing is a failed attempt; a function may also be frozen while a connection dies.
const IDLE: Duration = Duration::from_secs(4);

/// Sends to tenants' endpoints: no redirect, no proxy, no decompression, no cookies, and to public addresses only.
///
/// Where a kept connection turns out to be closed before anything was written to it, the HTTP client opens another
/// one: that is the same attempt.
#[derive(Debug, Clone)]
pub struct Receiver {
    public: Client,
    /// For what the allow list names. A resolver is told the name only, not the port, so the choice is made before.
    allow_listed: Option<Client>,
}

/// The HTTP client cannot be built, since this machine has no root certificates.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built")]
pub struct ReceiverError(#[from] reqwest::Error);

impl Receiver {
    /// A sender that goes beyond public addresses for what `allowed` names, and for nothing else.
    ///
    /// # Errors
    /// The machine has no root certificates.
    pub fn new(allowed: &AllowList) -> Result<Self, ReceiverError> {
        provide_crypto();
        let plain =
            || Client::builder().redirect(redirect::Policy::none()).referer(false).no_proxy().pool_idle_timeout(IDLE);
        let public = plain().dns_resolver(PublicResolver).build()?;
        let allow_listed = if allowed.is_empty() { None } else { Some(plain().build()?) };
        Ok(Self { public, allow_listed })
    }

    /// The client that may go there. HTTP clients ask no resolver about a host that is an address, so it is asked about here.
    fn client_for(&self, prepared: &Prepared) -> Result<&Client, TransportFailure> {
        if let (Some(client), true) = (&self.allow_listed, prepared.url().is_allow_listed()) {
            return Ok(client);
        }
        let refused = match prepared.url().url().host() {
            Some(Host::Ipv4(ip)) => forbidden(ip.into()),
            Some(Host::Ipv6(ip)) => forbidden(ip.into()),
            Some(Host::Domain(_)) | None => None,
        };
        refused.map_or(Ok(&self.public), |reason| Err(TransportFailure::AddressRefused(reason)))
    }

    async fn answer(&self, prepared: &Prepared) -> Result<Answer, TransportFailure> {
        let deadline = tokio::time::Instant::now() + prepared.timeout();
        let request = self
            .client_for(prepared)?
            .post(prepared.url().url().clone())
            .headers(prepared.headers().clone())
            .body(prepared.body().clone());
        let response = timeout_at(deadline, request.send())
            .await
            .map_err(|_| TransportFailure::Timeout)?
            .map_err(|error| failure(&error))?;
        let code = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| RetryAfter::parse(value.to_str().ok()?));
        Ok(Answer::Status { code, retry_after, head: head(response, deadline).await })
    }
}

impl Sender for Receiver {
    async fn send(&self, prepared: &Prepared) -> Sent {
        let start = Instant::now();
        let answer = self.answer(prepared).await.unwrap_or_else(Answer::Failed);
        Sent { at: prepared.at(), duration: start.elapsed(), answer }
    }
}

/// The first bytes of the body. The status is the answer: a body that breaks off or does not end takes nothing from it.
async fn head(mut response: Response, deadline: tokio::time::Instant) -> Bytes {
    let mut head = BytesMut::new();
    let mut n_read = 0;
    while n_read <= MAX_READ_BYTES {
        let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await else { break };
        n_read += chunk.len();
        let wanted = chunk.len().min(MAX_HEAD_BYTES - head.len());
        head.extend_from_slice(&chunk[..wanted]);
    }
    head.freeze()
}

/// What went wrong, by the types of its causes: their texts may hold the URL, and change.
fn failure(error: &reqwest::Error) -> TransportFailure {
    let causes = || std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source());
    if let Some(RefusedAddress(reason)) = causes().find_map(|cause| cause.downcast_ref()) {
        TransportFailure::AddressRefused(*reason)
    } else if causes().any(is_tls) {
        TransportFailure::Tls
    } else if error.is_dns() {
        TransportFailure::Dns
    } else if error.is_timeout() {
        TransportFailure::Timeout
    } else if error.is_connect() {
        TransportFailure::Connect
    } else {
        TransportFailure::Reset
    }
}

/// An I/O error does not give what it wraps as its source, and may wrap another one.
fn is_tls(cause: &(dyn StdError + 'static)) -> bool {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => is_tls(wrapped),
        None => cause.is::<rustls::Error>(),
    }
}

#[cfg(test)]
mod tests;
