//! From the bytes of a request to what it tells of: one notice for each object of `events`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::moysklad::{AccountId, Action, EntityId, EntityKind, Groups, parse_moscow_time};
use crate::providers::batch::{BodyError, Elements, elements};

/// Most bytes in a request. A thousand notices with all their fields are fewer.
pub const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Most notices in one request: MoySklad's arrays have no more.
pub const MAX_EVENTS: usize = 1_000;
/// Most bytes of one notice.
const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Most names believed of `updatedFields`; an entity has some dozens.
const MOST_FIELDS: usize = 200;
/// Longest name of a field or of a kind of entity.
const LONGEST_NAME: usize = 64;
/// Longest `href` looked at.
const LONGEST_HREF: usize = 1_024;
/// How far MoySklad's clock may be from ours: its tries follow each other at once.
const BELIEVED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// The version of the stored form. A reader that does not know it says so instead of guessing.
const VERSION: u8 = 1;

/// Why a notice was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionCode {
    /// Above what one notice may have.
    EventTooLarge,
    /// Something other than an object, or one that says a thing twice.
    InvalidEvent,
    /// No account, or none that can be one.
    MissingAccount,
    /// No entity, or an address that is not one of an entity.
    MissingEntity,
    /// Nothing that is done to entities.
    UnknownAction,
}

impl RejectionCode {
    /// A stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventTooLarge => "event_too_large",
            Self::InvalidEvent => "invalid_event",
            Self::MissingAccount => "missing_account",
            Self::MissingEntity => "missing_entity",
            Self::UnknownAction => "unknown_action",
        }
    }

    /// What that is, for people.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::EventTooLarge => "It has more than 64 KB.",
            Self::InvalidEvent => "It is not an object, or says a thing twice.",
            Self::MissingAccount => "It has no `accountId`, or none that can be one.",
            Self::MissingEntity => "Its `meta` does not name an entity.",
            Self::UnknownAction => "Its `action` is not CREATE, UPDATE or DELETE.",
        }
    }
}

/// A notice that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection {
    /// Its place in the request.
    pub index: usize,
    /// Why.
    pub code: RejectionCode,
}

/// What is wrong with a request as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Its body.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// JSON, but not an object with an array of `events`.
    #[error("the body is not an object with an array of events")]
    Shape,
    /// It tells of an account that is not the source's: somebody else's webhook has this address.
    #[error("the account is not this source's")]
    ForeignAccount,
}

impl RequestError {
    /// A stable word.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Body(error) => error.code(),
            Self::Shape => "invalid_body",
            Self::ForeignAccount => "foreign_account",
        }
    }
}

/// That something was done to an entity. This is also what is stored of it: who did it is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    v: u8,
    /// Whose entity.
    pub account_id: AccountId,
    /// Of which kind, in MoySklad's word; it has more kinds than are carried.
    pub entity_type: String,
    /// Which.
    pub entity_id: EntityId,
    /// What was done.
    pub action: Action,
    /// What changed of it, as far as that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_fields: Option<Vec<String>>,
    /// When, by MoySklad's clock.
    pub at: Timestamp,
}

/// Stored bytes that are no notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a notice of this version")]
pub struct NoNotice;

impl Notice {
    /// What a poll has seen for itself.
    #[must_use]
    pub fn seen(account_id: AccountId, kind: EntityKind, entity_id: EntityId, action: Action, at: Timestamp) -> Self {
        let entity_type = kind.name().to_owned();
        Self { v: VERSION, account_id, entity_type, entity_id, action, updated_fields: None, at }
    }

    /// The kind, if it is one that is carried.
    #[must_use]
    pub fn kind(&self) -> Option<EntityKind> {
        self.entity_type.parse().ok()
    }

    /// The groups of fields that may have changed.
    #[must_use]
    pub fn groups(&self) -> Groups {
        match (self.action, &self.updated_fields) {
            (Action::Update, Some(fields)) => Groups::of_fields(fields.iter().map(String::as_str)),
            _ => Groups::all(),
        }
    }

    /// Reads a stored notice.
    ///
    /// # Errors
    /// When it is none, or of a version that is not known here.
    pub fn read(stored: &[u8]) -> Result<Self, NoNotice> {
        let notice: Self = serde_json::from_slice(stored).map_err(|_| NoNotice)?;
        if notice.v == VERSION { Ok(notice) } else { Err(NoNotice) }
    }
}

/// The notices of one request, in order; what became of each.
pub type Batch = Vec<Result<Notice, Rejection>>;

/// Reads a request that came for `account`. A bad notice does not spoil its neighbours, but one of another account
/// spoils the request: its sender has our address and not our account.
///
/// # Errors
/// When there is nothing to look at, or it is not this account's.
pub fn parse_body(body: &[u8], account: AccountId, now: Timestamp) -> Result<Batch, RequestError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(BodyError::BodyTooLarge.into());
    }
    let whole: &RawValue = serde_json::from_slice(body).map_err(|_| BodyError::InvalidJson)?;
    let Outer { audit_context, events } = read(whole).ok_or(RequestError::Shape)?;
    let events = events.filter(|events| events.get().starts_with('[')).ok_or(RequestError::Shape)?;
    let Elements { raw, more } = elements(events.get().as_bytes(), MAX_EVENTS)?;
    if more {
        return Err(BodyError::TooManyEvents.into());
    }
    if raw.is_empty() {
        return Err(BodyError::EmptyBatch.into());
    }
    let at = audit_context.and_then(|context| moment(context, now)).unwrap_or(now);
    let read = |(index, raw)| of_account(raw, account, at).map(|found| found.map_err(|code| Rejection { index, code }));
    raw.into_iter().enumerate().map(read).collect()
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, rename = "auditContext")]
    audit_context: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AuditContext<'a> {
    #[serde(borrow)]
    moment: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow, rename = "accountId")]
    account_id: Option<&'a RawValue>,
    #[serde(borrow, rename = "updatedFields")]
    updated_fields: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "type")]
    entity_type: Option<&'a RawValue>,
    #[serde(borrow)]
    href: Option<&'a RawValue>,
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    // An array would be read as the fields in their order.
    raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()).ok()).flatten()
}

fn text(raw: Option<&RawValue>, longest: usize) -> Option<String> {
    let raw = raw?.get();
    // Each letter may be escaped as six, and two quotes stand around them.
    if raw.len() > longest * 6 + 2 {
        return None;
    }
    serde_json::from_str(raw).ok().filter(|text: &String| text.len() <= longest)
}

fn moment(context: &RawValue, now: Timestamp) -> Option<Timestamp> {
    let AuditContext { moment } = read(context)?;
    let at = parse_moscow_time(&text(moment, LONGEST_NAME)?)?;
    (at.duration_since(now).abs() <= BELIEVED_WITHIN).then_some(at)
}

fn of_account(
    raw: &RawValue,
    account: AccountId,
    at: Timestamp,
) -> Result<Result<Notice, RejectionCode>, RequestError> {
    if raw.get().len() > MAX_EVENT_BYTES {
        return Ok(Err(RejectionCode::EventTooLarge));
    }
    let Some(event) = read::<Event<'_>>(raw) else {
        return Ok(Err(RejectionCode::InvalidEvent));
    };
    match text(event.account_id, LONGEST_NAME).and_then(|text| text.parse::<AccountId>().ok()) {
        Some(stated) if stated != account => Err(RequestError::ForeignAccount),
        Some(_) => Ok(notice(&event, account, at)),
        None => Ok(Err(RejectionCode::MissingAccount)),
    }
}

fn notice(event: &Event<'_>, account_id: AccountId, at: Timestamp) -> Result<Notice, RejectionCode> {
    let (entity_type, entity_id) = event.meta.and_then(entity).ok_or(RejectionCode::MissingEntity)?;
    let action = text(event.action, LONGEST_NAME).and_then(|text| text.parse().ok());
    let action = action.ok_or(RejectionCode::UnknownAction)?;
    let updated_fields = event.updated_fields.filter(|_| action == Action::Update).and_then(fields);
    Ok(Notice { v: VERSION, account_id, entity_type, entity_id, action, updated_fields, at })
}

/// The kind and the identifier that an address ends in. The address itself is not kept, and nothing is ever asked of it:
/// our token would go wherever it leads.
fn entity(meta: &RawValue) -> Option<(String, EntityId)> {
    let Meta { entity_type, href } = read(meta)?;
    let href = text(href, LONGEST_HREF)?;
    let path = href.split(['?', '#']).next()?;
    let mut segments = path.rsplit('/');
    let (id, kind, entity) = (segments.next()?, segments.next()?, segments.next()?);
    let kind = name(&kind.to_ascii_lowercase())?;
    let stated = text(entity_type, LONGEST_NAME)?;
    (entity == "entity" && stated.eq_ignore_ascii_case(&kind)).then_some(())?;
    Some((kind, id.parse().ok()?))
}

/// The names of the fields; nothing if any is none or there are too many: then everything may have changed.
fn fields(raw: &RawValue) -> Option<Vec<String>> {
    let Elements { raw, more } = elements(raw.get().as_bytes(), MOST_FIELDS).ok()?;
    if more {
        return None;
    }
    raw.into_iter().map(|raw| text(Some(raw), LONGEST_NAME).and_then(|field| name(&field))).collect()
}

fn name(text: &str) -> Option<String> {
    let sane = (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    sane.then(|| text.to_owned())
}

impl fmt::Display for RejectionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
