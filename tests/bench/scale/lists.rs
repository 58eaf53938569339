//! What tenants and operators ask, of some thousand deliveries and of a million.

use gancho::aws::Store;
use gancho::counters::undelivered;
use gancho::manage::delivery_list::Horizon;
use gancho::manage::{delivery_list, event_list, overview, platform_stats, stats};
use gancho_bench::stand_ins::StandIns;
use jiff::SignedDuration;
use serde::Serialize;

use crate::history::{self, tenant};
use crate::measure::{Measured, measured};
use crate::{now, store_on};

/// Events an hour of each tenant.
const PER_HOUR: [usize; 2] = [1, 120];

/// Something that is asked, with the query that asks it.
#[derive(Clone, Copy)]
enum Question {
    Deliveries(&'static str),
    Events(&'static str),
    Stats(&'static str),
    PlatformStats(&'static str),
    Today,
    Failures,
    Undelivered,
}

const QUESTIONS: [Question; 15] = [
    Question::Deliveries("limit=25"),
    Question::Deliveries("limit=25&subscription_id=sub_3"),
    Question::Deliveries("limit=25&status=failed"),
    Question::Deliveries("limit=25&event=payment.received"),
    Question::Events("limit=25"),
    Question::Events("limit=25&tenant=ten_3"),
    Question::Events("limit=25&status=failed"),
    Question::Events("limit=25&provider=c2s"),
    Question::Stats("window=1h"),
    Question::Stats("window=24h"),
    Question::Stats("window=7d"),
    Question::PlatformStats("window=24h"),
    Question::Today,
    Question::Failures,
    Question::Undelivered,
];

impl Question {
    fn name(self) -> String {
        match self {
            Self::Deliveries(query) => format!("deliveries?{query}"),
            Self::Events(query) => format!("events?{query}"),
            Self::Stats(query) => format!("stats?{query}"),
            Self::PlatformStats(query) => format!("platform's stats?{query}"),
            Self::Today => "today's events, counted".into(),
            Self::Failures => "failed events, counted".into(),
            Self::Undelivered => "what was not delivered in an hour".into(),
        }
    }

    /// Asks; how many rows or figures are in the answer, and whether there are more.
    async fn ask(self, store: &Store) -> (usize, bool) {
        let horizon = Horizon { clock: now, kept_for: SignedDuration::from_hours(24 * 90) };
        match self {
            Self::Deliveries(query) => {
                let page = delivery_list::list(store, &tenant(3), Some(query), &horizon).await.expect("an answer");
                (page.data.len(), page.next_cursor.is_some())
            }
            Self::Events(query) => {
                let page = event_list::list(store, Some(query), now()).await.expect("an answer");
                (page.data.len(), page.next_cursor.is_some())
            }
            Self::Stats(query) => {
                let told = stats::of_tenant(store, &tenant(3), Some(query), now()).await.expect("an answer");
                (told.window.series.len() + told.by_subscription.len(), !told.window.complete)
            }
            Self::PlatformStats(query) => {
                let told = platform_stats::of_all(store, Some(query), now()).await.expect("an answer");
                (told.window.series.len() + told.by_tenant.len(), !told.window.complete)
            }
            Self::Today => {
                let today = overview::today(store, now()).await.expect("an answer");
                (usize::try_from(today.counted).unwrap_or(usize::MAX), !today.complete)
            }
            Self::Failures => {
                let failures = overview::failures(store, now()).await.expect("an answer");
                (usize::try_from(failures.count).unwrap_or(usize::MAX), !failures.complete)
            }
            Self::Undelivered => (undelivered(store, now()).await.expect("an answer").len(), false),
        }
    }
}

/// What a question took.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Asked {
    /// Rows or figures in the answer.
    pub(crate) told: usize,
    /// Whether there are more.
    pub(crate) more: bool,
    #[serde(flatten)]
    pub(crate) measured: Measured,
}

/// A question to a small table and to a large one.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) question: String,
    pub(crate) small: Asked,
    pub(crate) large: Asked,
}

/// All that was asked of both tables.
#[derive(Debug, Serialize)]
pub(crate) struct Lists {
    /// Events and deliveries in the small table, and in the large one.
    pub(crate) rows: [(usize, usize); 2],
    pub(crate) lines: Vec<Line>,
}

pub(crate) async fn measure() -> Lists {
    let [small, large] = PER_HOUR;
    let (small, large) = (ask_all(small).await, ask_all(large).await);
    let lines = QUESTIONS.iter().zip(small.into_iter().zip(large));
    let lines = lines.map(|(question, (small, large))| Line { question: question.name(), small, large }).collect();
    Lists { rows: PER_HOUR.map(history::size), lines }
}

async fn ask_all(per_hour: usize) -> Vec<Asked> {
    let (events, deliveries) = history::size(per_hour);
    println!("questions to {events} events and {deliveries} deliveries …");
    let stand_ins = StandIns::start();
    let store = store_on(&stand_ins).await;
    stand_ins.load(&stand_ins.tables().events, history::rows(per_hour));
    history::tell(&store, per_hour).await;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let ((told, more), measured) = measured(&stand_ins, question.ask(&store)).await;
        answers.push(Asked { told, more, measured });
    }
    answers
}
