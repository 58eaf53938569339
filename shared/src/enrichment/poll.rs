//! The poll: asks C2S what its webhooks missed, and takes it in by the same door.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::ports::{LeadThread, PersonFinder, PersonRegistry};
use super::workflow::{Backing, Enricher};
use crate::intake::{Inbox, Recorded, take_in};
use crate::model::job::{JobStatus, Poll};
use crate::providers::c2s::payload::parse_event;
use crate::providers::c2s::verify::polled;
use crate::work::{Bell, Claimed, Next, Record, Ring, StoreError, Taken, take};

/// How far each poll looks back beyond the last: clocks differ, and what is asked for twice is recorded once.
const OVERLAP: SignedDuration = SignedDuration::from_secs(300);
/// Pages of one run. At 50 leads a page this is 2,000 leads an hour; the next run goes on where this one stopped.
const MAX_PAGES: u32 = 40;
/// When to ask again where C2S did not answer.
const AFTER_TROUBLE: SignedDuration = SignedDuration::from_secs(300);

#[derive(Debug, Serialize)]
struct Patch {
    since: Timestamp,
    missed: u32,
}

/// What a poll found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled {
    /// Leads it was shown.
    pub shown: u32,
    /// Leads that had not come in by themselves.
    pub missed: u32,
    /// Why it ended early.
    pub trouble: Option<&'static str>,
}

impl<S: Backing + Inbox, F: PersonFinder, R: PersonRegistry, T: LeadThread> Enricher<S, F, R, T> {
    /// Answers the bell of a poll.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take_poll(&self, bell: &Bell, deadline: Timestamp) -> Result<Option<Claimed<Poll>>, StoreError> {
        match take::<Poll>(&self.store, bell, &self.settings.timing, (self.clock)(), deadline).await? {
            // A poll that died is asked again like any other: it harms nobody, and it has no end to be given up to.
            Taken::Yes(claimed) | Taken::Crashed(claimed) => Ok(Some(*claimed)),
            Taken::Left(_) => Ok(None),
        }
    }

    /// Runs a claimed poll and says when the next is.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn poll(&self, claimed: Claimed<Poll>, deadline: Timestamp) -> Result<Polled, StoreError> {
        let (store, thread, clock) = (&self.store, &self.thread, self.clock);
        let (timing, interval) = (&self.settings.timing, self.settings.poll_interval);
        let Claimed { row, fence } = claimed;
        let started = clock();
        let since = row.since.saturating_sub(OVERLAP).unwrap_or(row.since);
        let mut found = Polled { shown: 0, missed: 0, trouble: None };
        let mut newest = row.since;
        for page in 1..=MAX_PAGES {
            if deadline.duration_since(clock()) < self.settings.call_time {
                found.trouble = Some("out_of_time");
                break;
            }
            let page = match thread.leads_updated_since(since, page).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(source.id = %row.source, error = error.kind.code(), "a poll was not answered");
                    found.trouble = Some(error.kind.code());
                    break;
                }
            };
            let leads: Vec<_> = page.items.iter().filter_map(|item| parse_event(item).ok()).collect();
            found.shown += u32::try_from(page.items.len()).unwrap_or(u32::MAX);
            newest = leads.iter().map(|lead| lead.updated_at).chain([newest]).max().unwrap_or(newest);
            let incoming: Vec<_> = leads.into_iter().map(|lead| polled(&row.source, &row.tenant, lead)).collect();
            let recorded = take_in(store, &incoming, timing, clock()).await?;
            let new = recorded.iter().filter(|recorded| **recorded == Recorded::New).count();
            found.missed += u32::try_from(new).unwrap_or(u32::MAX);
            if !page.more {
                break;
            }
        }
        // Whole: everything before this run's start is in. Not whole: everything before the newest that was shown is.
        let since = if found.trouble.is_none() { started } else { newest };
        let wait = if found.trouble.is_none() { interval } else { AFTER_TROUBLE.min(interval) };
        let not_before = clock().saturating_add(wait).unwrap_or(started);
        let record = Record {
            status: JobStatus::Waiting.name(),
            next: Next::Again { not_before, queue: None },
            counted: true,
            patch: Patch { since, missed: found.missed },
            remove: &[],
        };
        if store.record::<Poll, _>(&fence, &record).await? {
            let mut ring = Ring::of(&row);
            ring.not_before = not_before;
            for bell in store.ring(&[ring], clock()).await {
                tracing::warn!(row = %bell.row, why = %bell.why, "a bell could not be rung; the sweep will");
            }
        }
        Ok(found)
    }
}
