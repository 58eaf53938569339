//! Every order in which two mains, three children and their notices can meet, within bounds: notices are reordered,
//! doubled and lost, workers come between. It always comes to rest with each child equal to its main account.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::play::{account, account_row, dictionary, tenant};
use super::*;
use crate::model::moysklad::{EntityId, EntityKind, EntityRef, Groups};
use crate::providers::moysklad::payload::Notice;
use crate::sync::plan::Mark;
use crate::sync::store::{DirtyRows, GuardRows};
use crate::testing::memory_moysklad::MemoryMoysklad;
use crate::testing::memory_sync::{MemorySync, Nobody};

const MAINS: [u32; 2] = [1, 2];
const CHILDREN: [(u32, u32); 3] = [(11, 1), (12, 1), (21, 2)];
const KIND: EntityKind = EntityKind::Product;

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Deed {
    Make(u32),
    Change(u32),
    DeleteInMain(u32),
    DeleteInChild(u32),
}

#[derive(Clone)]
struct State {
    world: MemoryMoysklad,
    store: MemorySync,
    /// What has been told and not heard, in no order.
    in_flight: Vec<Notice>,
    /// What persons will do, in this order, each at any time.
    deeds: Vec<Deed>,
    may_double: u8,
    may_lose: u8,
    lost: bool,
    n_heard: usize,
    n_writes: usize,
}

/// The clock stands still: whatever is told is told within one minute.
fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

fn done<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("everything in memory is there at once")
}

impl State {
    fn new(deeds: &[Deed], may_double: u8, may_lose: u8, header_ignored: bool) -> Self {
        let (world, store) = (MemoryMoysklad::default(), MemorySync::default());
        world.ignore_header(header_ignored);
        for main in MAINS {
            store.put_account(account_row(main, None));
            world.set_dictionary(account(main), dictionary(main));
        }
        for (child, main) in CHILDREN {
            store.put_account(account_row(child, Some(main)));
            world.set_dictionary(account(child), dictionary(child));
        }
        let deeds = deeds.iter().rev().copied().collect();
        Self { world, store, in_flight: vec![], deeds, may_double, may_lose, lost: false, n_heard: 0, n_writes: 0 }
    }

    fn copied(&self) -> Self {
        Self { world: self.world.copied(), store: self.store.copied(), ..self.clone() }
    }

    fn collect(mut self) -> Self {
        self.in_flight.extend(self.world.told());
        self.in_flight.sort_by_key(|notice| format!("{notice:?}"));
        self.n_writes += self.world.written().len();
        let _ = self.world.n_calls();
        self
    }

    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?}{:?}{:?}", self.world, self.store, self.in_flight).hash(&mut hasher);
        (self.deeds.len(), self.may_double, self.may_lose, self.lost).hash(&mut hasher);
        hasher.finish()
    }

    fn first(&self, of: u32) -> Option<EntityId> {
        self.world.all(account(of), KIND).first()?["id"].as_str()?.parse().ok()
    }

    fn perform(&self, deed: Deed) {
        match deed {
            Deed::Make(main) => {
                let body = json!({"name": format!("of {main}"), "externalCode": format!("x-{main}")});
                self.world.made_by_hand(account(main), KIND, body);
            }
            Deed::Change(main) => {
                if let Some(id) = self.first(main) {
                    let name = format!("of {main}, with {} deeds left", self.deeds.len());
                    self.world.changed_by_hand(account(main), KIND, id, json!({"name": name}));
                }
            }
            Deed::DeleteInMain(of) | Deed::DeleteInChild(of) => {
                if let Some(id) = self.first(of) {
                    self.world.deleted_by_hand(account(of), KIND, id);
                }
            }
        }
    }

    fn hear(&self, notice: &Notice) {
        // No two requests come in at one moment; of which entity it is the how manieth is all that counts.
        let kind = notice.kind().expect("a kind that is carried");
        let entity = EntityRef { account: notice.account_id, kind, id: notice.entity_id };
        let guard = done(self.store.loop_guard(&tenant(), entity)).expect("the store is up");
        let nth = guard.map_or(0, |guard| guard.rev);
        let teller = Teller::Webhook { received_at: now() + SignedDuration::from_millis(nth.into()) };
        done(take_notice(&self.store, &self.world, &tenant(), notice, None, teller, now())).expect("the store is up");
    }

    fn drain(&self, target: u32, at: Timestamp) {
        let (tenant, clock) = (tenant(), move || at);
        let asked = Drain {
            tenant: &tenant,
            target: account(target),
            last_call: Timestamp::MAX,
            clock: &clock,
            listener: &Nobody,
        };
        done(drain(&self.store, &self.world, &asked)).expect("the store is up");
    }

    fn is_due(&self, child: u32) -> bool {
        self.store.all_dirty().iter().any(|row| row.target == account(child) && row.not_before <= now())
    }

    /// Everything that can happen next.
    fn successors(&self) -> Vec<Self> {
        let mut next = Vec::new();
        if let Some(deed) = self.deeds.last() {
            let mut state = self.copied();
            state.deeds.pop();
            state.perform(*deed);
            next.push(state.collect());
        }
        for n in 0..self.in_flight.len() {
            if n > 0 && self.in_flight[n] == self.in_flight[n - 1] {
                continue;
            }
            let mut heard = self.copied();
            let notice = heard.in_flight.remove(n);
            heard.hear(&notice);
            heard.n_heard += 1;
            if self.may_double > 0 {
                let mut doubled = heard.copied();
                doubled.may_double -= 1;
                doubled.in_flight.push(notice);
                next.push(doubled.collect());
            }
            next.push(heard.collect());
            if self.may_lose > 0 {
                let mut lost = self.copied();
                lost.in_flight.remove(n);
                lost.may_lose -= 1;
                lost.lost = true;
                next.push(lost.collect());
            }
        }
        for (child, _) in CHILDREN {
            if self.is_due(child) {
                let state = self.copied();
                state.drain(child, now());
                next.push(state.collect());
            }
        }
        next
    }

    /// What the poll does: everything that stands in a main account, and everything that is mapped, is looked at.
    fn reconcile(&self) {
        let mut origins = Vec::new();
        for (child, main) in CHILDREN {
            let ids =
                self.world.all(account(main), KIND).into_iter().map(|one| one["id"].as_str().unwrap().parse().unwrap());
            origins.extend(ids.map(|id| (child, EntityRef { account: account(main), kind: KIND, id })));
            let mapped = self.store.all_mappings().into_iter().filter(|mapping| mapping.target == account(child));
            origins.extend(mapped.map(|mapping| (child, mapping.origin)));
        }
        for (child, origin) in origins {
            let mark = Mark { target: account(child), origin, groups: Groups::all(), because: None };
            done(self.store.mark(&tenant(), &mark, now(), now())).expect("the store is up");
        }
    }

    fn check_at_rest(&self) {
        let state = self.copied();
        if state.lost {
            state.reconcile();
        }
        // What was held is looked at once it is quiet.
        let quiet = now() + SignedDuration::from_hours(2);
        for (child, main) in CHILDREN {
            state.drain(child, quiet);
            let names = |of: u32| -> Vec<String> {
                let mut names: Vec<String> =
                    state.world.all(account(of), KIND).iter().map(|one| one["name"].to_string()).collect();
                names.sort();
                names
            };
            assert_eq!(names(child), names(main), "child {child}, lost: {}", state.lost);
        }
        assert!(state.store.all_dirty().is_empty());
    }
}

/// Walks through everything that can happen; how many states, and how many of them at rest.
fn explore(start: State) -> (usize, usize) {
    let mut seen = HashSet::from([start.digest()]);
    let mut ahead = vec![start];
    let mut at_rest = 0;
    while let Some(state) = ahead.pop() {
        // Each notice that is heard costs each of two children two writes at most, whatever else happens.
        assert!(state.n_writes <= 4 * state.n_heard, "{} writes for {} notices", state.n_writes, state.n_heard);
        let next = state.successors();
        if next.is_empty() {
            at_rest += 1;
            state.check_at_rest();
        }
        for state in next {
            if seen.insert(state.digest()) {
                ahead.push(state);
            }
        }
        assert!(seen.len() < 50_000, "it does not come to rest");
    }
    (seen.len(), at_rest)
}

#[test]
fn whatever_happens_to_notices_each_child_ends_equal_to_its_main_account() {
    use Deed::{Change, DeleteInChild, DeleteInMain, Make};
    // One child's story can be told at length; of two, each can be at another place at every moment.
    let stories: [(&[Deed], u8, u8); 10] = [
        (&[Make(1), Change(1)], 1, 0),
        (&[Make(1), Change(1)], 0, 1),
        (&[Make(1), DeleteInChild(11)], 1, 0),
        (&[Make(1), DeleteInChild(11)], 0, 1),
        (&[Make(1), DeleteInMain(1)], 1, 0),
        (&[Make(1), DeleteInMain(1)], 0, 1),
        (&[Make(1), Change(1), DeleteInChild(12)], 0, 0),
        (&[Make(1), Make(2), Change(2)], 0, 0),
        (&[Make(2), DeleteInChild(21), DeleteInMain(2)], 1, 1),
        (&[Make(2), Change(2), Change(2)], 1, 1),
    ];
    let mut total = 0;
    for (deeds, may_double, may_lose) in stories {
        for header_ignored in [false, true] {
            let (states, at_rest) = explore(State::new(deeds, may_double, may_lose, header_ignored));
            assert!(at_rest > 0, "{deeds:?} never comes to rest");
            total += states;
        }
    }
    assert!(total > 1_000, "{total} states");
}
