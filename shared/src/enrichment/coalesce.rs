//! A lead that changes many times a minute is processed once for all of them.
//!
//! Every event's worker decides for itself, from the same list, and all come to the same end: nobody counts at the
//! door, and no worker waits for another.

use jiff::{SignedDuration, Timestamp};

use crate::model::ids::EventId;

/// The minute the rate is counted over.
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// An event of the lead, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenEvent {
    /// The event.
    pub id: EventId,
    /// When it happened, by the provider's clock.
    pub occurred_at: Timestamp,
    /// When it came in.
    pub received_at: Timestamp,
}

/// How many are too many, and how long the first of those waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadRate {
    /// Events a minute that are processed as they come.
    pub per_minute: usize,
    /// At the latest so long after the first waiting one, the newest is processed.
    pub wait: SignedDuration,
}

/// What an event is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Be processed, alone.
    Proceed,
    /// Wait for others until then.
    Wait {
        /// When to decide again.
        until: Timestamp,
    },
    /// Be processed for all that waited, with the contact data of these others merged in (the newest first).
    Lead {
        /// The others.
        others: Vec<EventId>,
    },
    /// Give way to this one.
    GiveWay {
        /// The newest of those that waited.
        to: EventId,
    },
}

/// What `event` is to do, given all events of its lead. Events whose list entry is still on its way are given a
/// moment: the group is closed a little before it is decided.
#[must_use]
pub fn decide(event: &EventId, seen: &[SeenEvent], rate: &LeadRate, now: Timestamp) -> Decision {
    let mut by_receipt: Vec<&SeenEvent> = seen.iter().collect();
    by_receipt.sort_by(|a, b| (a.received_at, a.occurred_at, &a.id).cmp(&(b.received_at, b.occurred_at, &b.id)));
    by_receipt.dedup_by(|a, b| a.id == b.id);

    let over: Vec<&SeenEvent> = by_receipt
        .iter()
        .enumerate()
        .filter(|(n, event)| {
            let minute_before = event.received_at.saturating_sub(MINUTE).unwrap_or(Timestamp::MIN);
            by_receipt[..=*n].iter().filter(|other| other.received_at > minute_before).count() > rate.per_minute
        })
        .map(|(_, event)| *event)
        .collect();
    let Some(group) = group_of(event, &over, rate) else { return Decision::Proceed };
    if now < group.decided_at {
        return Decision::Wait { until: group.decided_at };
    }
    let newest = group.events.iter().max_by_key(|event| (event.occurred_at, event.received_at, &event.id));
    match newest {
        Some(newest) if newest.id != *event => Decision::GiveWay { to: newest.id.clone() },
        _ => {
            let first = group.events.first().map_or(now, |first| first.received_at);
            let since = first.saturating_sub(MINUTE).unwrap_or(Timestamp::MIN);
            let last = group.events.last().map_or(now, |last| last.received_at);
            let mut others: Vec<&SeenEvent> = by_receipt
                .into_iter()
                .filter(|other| other.id != *event && other.received_at > since && other.received_at <= last)
                .collect();
            others.sort_by_key(|other| std::cmp::Reverse((other.occurred_at, other.received_at)));
            Decision::Lead { others: others.into_iter().map(|other| other.id.clone()).collect() }
        }
    }
}

struct Group<'a> {
    events: Vec<&'a SeenEvent>,
    decided_at: Timestamp,
}

/// The events that wait together with `event`: a group begins with a waiting event that is in none before, and takes
/// all that come in until shortly before its wait is over.
fn group_of<'a>(event: &EventId, over: &[&'a SeenEvent], rate: &LeadRate) -> Option<Group<'a>> {
    let margin = (rate.wait / 12).min(SignedDuration::from_secs(5));
    let mut rest = over;
    while let Some(first) = rest.first() {
        let closes = first.received_at.saturating_add(rate.wait - margin - margin).unwrap_or(Timestamp::MAX);
        let decided_at = first.received_at.saturating_add(rate.wait - margin).unwrap_or(Timestamp::MAX);
        let n = rest.iter().take_while(|event| event.received_at <= closes).count();
        let (group, later) = rest.split_at(n);
        if group.iter().any(|waiting| waiting.id == *event) {
            return Some(Group { events: group.to_vec(), decided_at });
        }
        rest = later;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: LeadRate = LeadRate { per_minute: 10, wait: SignedDuration::from_secs(60) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn id(n: usize) -> EventId {
        EventId::derive(&[&n.to_string()])
    }

    /// Events received at these seconds, each having happened at the second it is numbered with.
    fn events(received: &[i64]) -> Vec<SeenEvent> {
        received
            .iter()
            .enumerate()
            .map(|(n, seconds)| SeenEvent {
                id: id(n),
                occurred_at: at(i64::try_from(n).unwrap()),
                received_at: at(*seconds),
            })
            .collect()
    }

    #[test]
    fn ten_events_a_minute_are_processed_as_they_come() {
        let seen = events(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        for n in 0..10 {
            assert_eq!(decide(&id(n), &seen, &RATE, at(9)), Decision::Proceed);
        }
    }

    #[test]
    fn the_eleventh_waits_and_then_speaks_for_all() {
        let seen = events(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(decide(&id(10), &seen, &RATE, at(10)), Decision::Wait { until: at(65) });
        let others = (0..10).rev().map(id).collect();
        assert_eq!(decide(&id(10), &seen, &RATE, at(65)), Decision::Lead { others });
    }

    #[test]
    fn of_those_that_waited_the_newest_by_its_own_time_is_processed_and_the_others_name_it() {
        let mut seen = events(&[0; 13]);
        seen[11].occurred_at = at(1_000);
        for (n, event) in seen.iter_mut().enumerate() {
            event.received_at = at(i64::try_from(n).unwrap());
        }
        for n in [10, 12] {
            assert_eq!(decide(&id(n), &seen, &RATE, at(70)), Decision::GiveWay { to: id(11) });
        }
        assert!(matches!(decide(&id(11), &seen, &RATE, at(70)), Decision::Lead { .. }));
    }

    #[test]
    fn the_minute_after_is_a_new_minute() {
        let seen = events(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 70]);
        assert_eq!(decide(&id(10), &seen, &RATE, at(70)), Decision::Proceed);
    }

    proptest! {
        #[test]
        fn every_waiting_event_is_processed_or_named_within_its_minute(
            received in prop::collection::vec(0_i64..200, 1..60),
            per_minute in 1_usize..12,
        ) {
            let seen = events(&received);
            let rate = LeadRate { per_minute, ..RATE };
            for event in &seen {
                match decide(&event.id, &seen, &rate, at(1_000)) {
                    Decision::Proceed | Decision::Lead { .. } => {}
                    Decision::GiveWay { to } => {
                        let newest = seen.iter().find(|other| other.id == to).unwrap();
                        prop_assert!(newest.occurred_at >= event.occurred_at);
                        let leads = matches!(decide(&to, &seen, &rate, at(1_000)), Decision::Lead { .. });
                        prop_assert!(leads, "whoever is given way to leads");
                    }
                    Decision::Wait { .. } => prop_assert!(false, "nobody waits for ever"),
                }
                if let Decision::Wait { until } = decide(&event.id, &seen, &rate, event.received_at) {
                    prop_assert!(until <= event.received_at + SignedDuration::from_secs(60));
                }
            }
        }

        #[test]
        fn the_order_of_the_list_does_not_matter(received in prop::collection::vec(0_i64..100, 1..40)) {
            let seen = events(&received);
            let mut turned = seen.clone();
            turned.reverse();
            for event in &seen {
                prop_assert_eq!(decide(&event.id, &seen, &RATE, at(500)), decide(&event.id, &turned, &RATE, at(500)));
            }
        }
    }
}
