//! The numbers a source serves, and the connections they are.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::chance::Chance;
use super::directory::{Change, Directory, Entry, EntryName};
use super::source_settings::{MAX_NUMBERS, NamedNumber};
use super::sources::SourceError;
use crate::model::field_error::FieldError;
use crate::model::ids::{ConnectionId, SourceId, TenantId};
use crate::model::source::Source;
use crate::model::whatsapp::{Connection, Line};
use crate::work::StoreError;

/// A source's lines after a change of its numbers, and what is written for it.
pub(super) struct Relined {
    pub(super) lines: Vec<Line>,
    pub(super) changes: Vec<Change>,
}

/// What becomes of a source's lines when it is to serve these numbers and no others. A number that stays keeps its
/// connection.
pub(super) async fn reline(
    directory: &impl Directory,
    source: &Source,
    wished: &[NamedNumber],
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Relined, SourceError> {
    let before = source.whatsapp.as_ref().map(|setup| setup.lines.as_slice()).unwrap_or_default();
    let (mut lines, mut changes) = (Vec::with_capacity(wished.len()), Vec::new());
    for (n, wish) in wished.iter().enumerate() {
        let client = wish.client.clone().filter(|client| *client != source.tenant);
        let line = match before.iter().find(|line| line.number.same_line(&wish.number)) {
            Some(line) if line.client != client => return Err(SourceError::NumberLinked),
            Some(line) => {
                let (number, phone_number_id) = (wish.number.clone(), wish.phone_number_id.clone());
                let after = Line { number, phone_number_id, ..line.clone() };
                if after != *line {
                    let owner = owner(source, line);
                    let row = directory.connection(owner, &line.connection).await?;
                    let created_at = row.map_or(now, |row| row.created_at);
                    changes.push(Change::Replace(Entry::Connection(connection(source, &after, created_at))));
                }
                after
            }
            None => {
                let line = new_line(directory, client, n, wish, chance, now).await?;
                changes.push(Change::Create(Entry::Connection(connection(source, &line, now))));
                line
            }
        };
        lines.push(line);
    }
    let gone = before.iter().filter(|line| wished.iter().all(|wish| !line.number.same_line(&wish.number)));
    changes.extend(gone.map(|line| Change::Drop(released(source, line))));
    if changes.len() > MAX_NUMBERS {
        let detail = format!("change at most {MAX_NUMBERS} numbers at a time");
        return Err(SourceError::Unacceptable(vec![FieldError::new("config.numbers", "too_many", detail)]));
    }
    Ok(Relined { lines, changes })
}

async fn new_line(
    directory: &impl Directory,
    client: Option<TenantId>,
    n: usize,
    wish: &NamedNumber,
    chance: &Chance<'_>,
    now: Timestamp,
) -> Result<Line, SourceError> {
    let mut disabled = false;
    if let Some(client) = &client {
        let Some(tenant) = directory.tenant(client).await? else {
            let path = format!("config.numbers[{n}].tenant_id");
            let unknown = FieldError::new(path, "unknown_tenant", "there is no such tenant");
            return Err(SourceError::Unacceptable(vec![unknown]));
        };
        disabled = !tenant.enabled;
    }
    // Asked for the answer's sake: the write itself demands that nobody holds it.
    if directory.holder_of(&wish.number).await?.is_some() {
        return Err(SourceError::NumberLinked);
    }
    Ok(Line {
        connection: ConnectionId::new(now, chance.bytes()),
        number: wish.number.clone(),
        phone_number_id: wish.phone_number_id.clone(),
        client,
        disabled,
    })
}

/// Whose a line of a source is.
fn owner<'a>(source: &'a Source, line: &'a Line) -> &'a TenantId {
    line.client.as_ref().unwrap_or(&source.tenant)
}

fn connection(source: &Source, line: &Line, created_at: Timestamp) -> Connection {
    Connection {
        id: line.connection.clone(),
        tenant: owner(source, line).clone(),
        source: source.id.clone(),
        provider: source.provider,
        phone_number: line.number.clone(),
        phone_number_id: line.phone_number_id.clone(),
        created_at,
    }
}

/// The connection that goes with a line.
pub(super) fn released(source: &Source, line: &Line) -> EntryName {
    EntryName::Connection(owner(source, line).clone(), line.connection.clone(), line.number.clone())
}

/// Other tenants' sources that serve a number of this one's.
pub(super) async fn elsewhere(directory: &impl Directory, tenant: &TenantId) -> Result<Vec<Source>, StoreError> {
    let mut sources = BTreeMap::<SourceId, Source>::new();
    for connection in directory.connections_of(tenant).await? {
        if sources.contains_key(&connection.source) {
            continue;
        }
        if let Some(source) = directory.source(&connection.source).await?.filter(|source| source.tenant != *tenant) {
            sources.insert(source.id.clone(), source);
        }
    }
    Ok(sources.into_values().collect())
}

/// Takes the lines of a source away that are told so; the connections that go with them.
pub(super) fn take_away(source: &mut Source, goes: impl Fn(&Line) -> bool) -> Vec<Change> {
    let Some(mut setup) = source.whatsapp.take() else { return Vec::new() };
    let (gone, kept): (Vec<Line>, Vec<Line>) = setup.lines.into_iter().partition(goes);
    setup.lines = kept;
    source.whatsapp = Some(setup);
    gone.iter().map(|line| Change::Drop(released(source, line))).collect()
}
