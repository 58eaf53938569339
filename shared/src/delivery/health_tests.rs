use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::delivery::judge::Why;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_900_000_000_000 + millis).unwrap()
}

fn dlv(name: &str) -> DeliveryId {
    format!("dlv_{name}").parse().unwrap()
}

fn sent(code: u16, took_ms: u64) -> Sent {
    let answer = Answer::Status { code, retry_after: None, head: Bytes::new() };
    Sent { at: at(0), duration: Duration::from_millis(took_ms), answer }
}

fn no_answer(failure: TransportFailure) -> Sent {
    Sent { at: at(0), duration: Duration::from_secs(10), answer: Answer::Failed(failure) }
}

fn observed(sent: &Sent) -> Observation {
    let judgement = match &sent.answer {
        Answer::Status { code: 200..=299, .. } => Judgement::Delivered,
        _ => Judgement::Failed { why: Why::Status(500) },
    };
    Observation::of(sent, &judgement)
}

fn after(health: &Health, sent: &Sent, now: i64) -> Health {
    health.after(&dlv("any"), observed(sent), None, at(now)).unwrap_or_else(|| health.clone())
}

fn broken(times: &[i64]) -> Health {
    times.iter().fold(Health::default(), |health, now| after(&health, &sent(500, 5), *now))
}

#[test]
fn an_endpoint_that_does_well_is_never_written_about() {
    assert_eq!(Health::default().after(&dlv("a"), observed(&sent(200, 5)), None, at(0)), None);
}

#[test]
fn five_broken_answers_in_a_row_within_a_minute_open_the_breaker() {
    let times = [0, 14_000, 28_000, 42_000];
    assert_eq!(broken(&times).open_until, None);
    let open = after(&broken(&times), &sent(503, 5), 60_000);
    assert_eq!(open.open_until, Some(at(65_000)));
    assert_eq!(after(&broken(&times), &sent(503, 5), 60_001).open_until, None, "not quite within");
}

#[test]
fn five_within_a_minute_count_wherever_the_minute_begins() {
    assert_eq!(broken(&[0, 50_000, 61_000, 72_000, 83_000]).open_until, None);
    assert!(broken(&[0, 50_000, 61_000, 72_000, 83_000, 94_000]).open_until.is_some());
}

#[test]
fn three_broken_answers_and_no_other_within_ten_seconds_open_the_breaker() {
    assert_eq!(broken(&[0, 5_000, 10_001]).open_until, None);
    assert!(broken(&[0, 5_000, 10_000]).open_until.is_some());
}

#[test]
fn a_good_answer_lately_keeps_a_short_burst_from_opening_it() {
    let two = broken(&[0, 10]);
    let third = |well: Option<Timestamp>| two.after(&dlv("a"), observed(&sent(500, 5)), well, at(20)).unwrap();
    assert_eq!(third(Some(at(-5_000))).open_until, None);
    assert!(third(Some(at(-10_000))).open_until.is_some());
    assert!(third(None).open_until.is_some());
}

#[test]
fn time_outs_and_lost_connections_break_it_and_refusals_do_not() {
    for failure in
        [TransportFailure::Connect, TransportFailure::Timeout, TransportFailure::Reset, TransportFailure::Dns]
    {
        let health = (0..3).fold(Health::default(), |health, n| after(&health, &no_answer(failure), n));
        assert!(health.open_until.is_some(), "{failure}");
    }
    for code in [301, 400, 404, 429] {
        let health = (0..9).fold(Health::default(), |health, n| after(&health, &sent(code, 5), n));
        assert_eq!(health.open_until, None, "{code}");
    }
}

#[test]
fn while_it_is_open_one_delivery_finds_out_and_all_others_wait() {
    let open = broken(&[0, 1, 2]);
    let until = open.open_until.unwrap();
    let Gate::ProbeLater(when, Some(appointed)) = open.ask(&dlv("a"), at(10), SignedDuration::from_secs(10)) else {
        panic!("nobody finds out yet")
    };
    assert_eq!(when, until);
    assert_eq!(appointed.ask(&dlv("a"), at(11), SignedDuration::from_secs(10)), Gate::ProbeLater(until, None));
    assert_eq!(appointed.ask(&dlv("b"), at(11), SignedDuration::from_secs(10)), Gate::Closed);
    assert_eq!(appointed.ask(&dlv("b"), until, SignedDuration::from_secs(10)), Gate::Closed, "the appointed one goes");
    let Gate::Probe(probing) = appointed.ask(&dlv("a"), until, SignedDuration::from_secs(10)) else {
        panic!("its time")
    };
    assert_eq!(probing.ask(&dlv("b"), until, SignedDuration::from_secs(10)), Gate::Closed);
}

#[test]
fn a_probe_that_never_comes_is_followed_by_any_other_delivery() {
    let open = Health { prober: Some(dlv("dead")), ..broken(&[0, 1, 2]) };
    let until = open.open_until.unwrap();
    let soon = later(until, PROBE_OVERDUE);
    assert_eq!(open.ask(&dlv("b"), soon, SignedDuration::from_secs(10)), Gate::Closed);
    let overdue = later(soon, SignedDuration::from_millis(1));
    assert!(matches!(open.ask(&dlv("b"), overdue, SignedDuration::from_secs(10)), Gate::Probe(_)));
}

#[test]
fn each_failed_probe_doubles_the_wait_up_to_five_minutes() {
    let mut health = broken(&[0, 1, 2]);
    let mut waits = Vec::new();
    for _ in 0..9 {
        let now = health.open_until.unwrap();
        let Gate::Probe(probing) = health.ask(&dlv("a"), now, SignedDuration::from_secs(10)) else {
            panic!("its time")
        };
        health = probing.after(&dlv("a"), observed(&sent(500, 5)), None, now).unwrap();
        waits.push(health.open_until.unwrap().duration_since(now).as_secs());
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300, 300]);
}

#[test]
fn who_was_under_way_when_it_opened_does_not_prolong_it() {
    let open = Health { prober: Some(dlv("a")), ..broken(&[0, 1, 2]) };
    assert_eq!(open.after(&dlv("late"), observed(&sent(500, 5)), None, at(3)), None);
}

#[test]
fn a_good_answer_closes_it_and_forgets_every_failure() {
    let open = broken(&[0, 1, 2]);
    let closed = open.after(&dlv("a"), observed(&sent(200, 5)), None, at(9_000)).unwrap();
    assert_eq!(closed, Health { version: closed.version, ..Health::default() });
}

#[test]
fn a_slow_answer_or_none_in_time_marks_it_and_a_fast_one_clears_the_mark() {
    assert!(!after(&Health::default(), &sent(200, 2_000), 0).slow);
    let slow = after(&Health::default(), &sent(200, 2_001), 0);
    assert!(slow.slow && slow.failing_since.is_none());
    assert!(after(&Health::default(), &no_answer(TransportFailure::Timeout), 0).slow);
    assert!(after(&slow, &no_answer(TransportFailure::Connect), 1).slow, "says nothing of its speed");
    assert!(!after(&slow, &sent(200, 20), 1).slow);
}

#[test]
fn five_days_of_nothing_but_failure_and_it_is_given_up() {
    let day = 24 * 3_600_000;
    let failing = after(&Health::default(), &sent(404, 5), 0);
    assert!(!after(&failing, &sent(500, 5), 5 * day - 1).is_given_up(at(5 * day - 1)));
    assert!(after(&failing, &sent(500, 5), 5 * day).is_given_up(at(5 * day)));
    let recovered = after(&failing, &sent(200, 5), 3 * day);
    assert!(!after(&recovered, &sent(500, 5), 5 * day).is_given_up(at(5 * day)));
}

proptest! {
    #[test]
    fn no_story_leaves_it_open_without_somebody_who_can_find_out(
        story in proptest::collection::vec((0_u8..4, 0_i64..20_000, 0_u8..3), 0..60)
    ) {
        let mut health = Health::default();
        let mut now = 0;
        for (what, wait, who) in story {
            now += wait;
            let delivery = dlv(&format!("d{who}"));
            match health.ask(&delivery, at(now), SignedDuration::from_secs(10)) {
                Gate::Closed | Gate::ProbeLater(_, None) => continue,
                Gate::ProbeLater(_, Some(to)) => { health = to; continue; }
                Gate::Probe(to) => health = to,
                Gate::Open => {}
            }
            let answer = match what {
                0 => sent(200, 5),
                1 => sent(404, 5),
                2 => no_answer(TransportFailure::Timeout),
                _ => sent(500, 5),
            };
            if let Some(to) = health.after(&delivery, observed(&answer), None, at(now)) {
                prop_assert_eq!(to.version, health.version + 1);
                health = to;
            }
            prop_assert!(health.broken.len() <= STREAK);
            if let Some(until) = health.open_until {
                prop_assert!(until.duration_since(at(now)) <= LONGEST_WAIT);
                // Once it is overdue, anybody may go.
                let then = later(until, PROBE_OVERDUE + SignedDuration::from_secs(1));
                let stranger = health.ask(&dlv("stranger"), then, SignedDuration::from_secs(10));
                prop_assert!(matches!(stranger, Gate::Probe(_)));
            }
        }
    }
}
