//! The corners of DynamoDB's expressions that the store stands on, asked of the stand-in by the SDK.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use gancho::aws::Budget;

use super::StandIns;

const TABLE: &str = "SignalsTable";

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn set(texts: &[&str]) -> AttributeValue {
    AttributeValue::Ss(texts.iter().map(|&text| text.to_owned()).collect())
}

struct Row {
    _stand_ins: StandIns,
    db: Client,
}

impl Row {
    async fn with(attributes: &[(&str, AttributeValue)]) -> Self {
        let stand_ins = StandIns::start();
        let db = Client::new(&stand_ins.aws(Budget::WORKER.stretched(4)).await);
        let put = db.put_item().table_name(TABLE).item("pk", s("a")).item("sk", s("b"));
        let put = attributes.iter().fold(put, |put, (name, value)| put.item(*name, value.clone()));
        put.send().await.unwrap();
        Self { _stand_ins: stand_ins, db }
    }

    /// The row after this update; nothing if its condition does not hold.
    async fn after(
        &self,
        update: &str,
        condition: Option<&str>,
        values: &[(&str, AttributeValue)],
    ) -> Option<HashMap<String, AttributeValue>> {
        let call = self.db.update_item().table_name(TABLE).key("pk", s("a")).key("sk", s("b"));
        let call = call.update_expression(update).set_condition_expression(condition.map(str::to_owned));
        let call =
            values.iter().fold(call, |call, (name, value)| call.expression_attribute_values(*name, value.clone()));
        match call.return_values(ReturnValue::AllNew).send().await {
            Ok(out) => out.attributes,
            Err(error) => {
                let error = error.into_service_error();
                assert!(error.is_conditional_check_failed_exception(), "{error:?}");
                None
            }
        }
    }

    async fn holds(&self, condition: &str, values: &[(&str, AttributeValue)]) -> bool {
        let values: Vec<_> = values.iter().cloned().chain([(":touched", n(1))]).collect();
        self.after("SET touched = :touched", Some(condition), &values).await.is_some()
    }
}

#[tokio::test]
async fn conditions_look_at_what_is_there_and_at_what_is_not() {
    let row = Row::with(&[("turn", n(10)), ("events", set(&["x", "y"])), ("flag", AttributeValue::Bool(true))]).await;
    for (condition, value, holds) in [
        ("attribute_exists(turn) AND turn <> :v", n(0), true),
        ("attribute_not_exists(turn) OR turn = :v", n(10), true),
        ("attribute_not_exists(turn) OR turn = :v", n(9), false),
        // Numbers are compared as numbers, not as their texts.
        ("turn > :v", n(9), true),
        ("turn <= :v", n(9), false),
        ("turn = :v", s("10"), false),
        // Nothing stands in no relation, not even to what it is not.
        ("absent < :v", n(5), false),
        ("absent = :v", n(5), false),
        ("absent <> :v", n(5), true),
        ("NOT absent = :v", n(5), true),
        ("size(events) < :v", n(3), true),
        ("size(events) < :v", n(2), false),
        ("size(absent) < :v", n(2), false),
        ("contains(events, :v)", s("x"), true),
        ("NOT contains(events, :v)", s("x"), false),
        ("NOT contains(absent, :v)", s("x"), true),
        ("begins_with(sk, :v)", s("b"), true),
        ("turn BETWEEN :v AND :v", n(10), true),
        ("flag = :v", AttributeValue::Bool(true), true),
        ("NOT (turn = :v OR flag = :v) AND attribute_exists(pk)", n(9), true),
    ] {
        assert_eq!(row.holds(condition, &[(":v", value.clone())]).await, holds, "{condition}, {value:?}");
    }
}

#[tokio::test]
async fn updates_add_set_and_remove() {
    let row = Row::with(&[("answer", AttributeValue::M([("a".into(), s("1")), ("b".into(), s("2"))].into()))]).await;
    let values = [(":one", n(1)), (":x", set(&["x"])), (":first", s("first"))];
    let now = row.after("SET k = if_not_exists(k, :first) ADD c :one, e :x REMOVE answer.a", None, &values).await;
    let now = now.unwrap();
    assert_eq!([&now["c"], &now["e"], &now["k"]], [&n(1), &set(&["x"]), &s("first")]);
    assert_eq!(now["answer"], AttributeValue::M([("b".into(), s("2"))].into()));
    let values = [(":some", n(-3)), (":y", set(&["x", "y"])), (":second", s("second"))];
    let now = row.after("SET k = if_not_exists(k, :second) ADD c :some, e :y REMOVE absent", None, &values).await;
    let mut now = now.unwrap();
    let Some(AttributeValue::Ss(mut events)) = now.remove("e") else { panic!("a set of texts") };
    events.sort();
    assert_eq!((&now["c"], &now["k"], events), (&n(-2), &s("first"), vec!["x".to_owned(), "y".to_owned()]));
}

#[tokio::test]
async fn a_page_ends_at_a_megabyte_or_its_limit_and_the_next_goes_on_there() {
    let row = Row::with(&[]).await;
    for place in ["1", "2", "3", "4", "5"] {
        let put = row.db.put_item().table_name(TABLE).item("pk", s("large")).item("sk", s(place));
        put.item("text", s(&"x".repeat(300 * 1024))).send().await.unwrap();
    }
    let query = |condition: &str| {
        let query = row.db.query().table_name(TABLE).key_condition_expression(condition);
        query.expression_attribute_values(":pk", s("large")).return_consumed_capacity(ReturnConsumedCapacity::Indexes)
    };
    let places = |items: &[HashMap<String, AttributeValue>]| {
        items.iter().map(|item| item["sk"].as_s().unwrap().clone()).collect::<Vec<_>>().concat()
    };
    let first = query("pk = :pk").send().await.unwrap();
    let rest = query("pk = :pk").set_exclusive_start_key(first.last_evaluated_key.clone()).send().await.unwrap();
    assert!(rest.last_evaluated_key.is_none());
    assert!((3..=4).contains(&first.items().len()), "{}", first.items().len());
    assert_eq!(format!("{}{}", places(first.items()), places(rest.items())), "12345");
    // Stale reads of 300 KB each: half a unit for each 4 KB.
    let units = |page: &aws_sdk_dynamodb::operation::query::QueryOutput| {
        page.consumed_capacity().unwrap().capacity_units().unwrap()
    };
    assert!((units(&first) + units(&rest) - 187.5).abs() < 2.0, "{} and {}", units(&first), units(&rest));

    let between = query("pk = :pk AND sk BETWEEN :from AND :to")
        .expression_attribute_values(":from", s("2"))
        .expression_attribute_values(":to", s("4"))
        .projection_expression("sk")
        .scan_index_forward(false);
    let last = between.clone().limit(2).send().await.unwrap();
    let then = between.limit(2).set_exclusive_start_key(last.last_evaluated_key.clone()).send().await.unwrap();
    assert_eq!((places(last.items()), places(then.items())), ("43".to_owned(), "2".to_owned()));
    let filtered = query("pk = :pk AND begins_with(sk, :one)").expression_attribute_values(":one", s("1"));
    let filtered = filtered.filter_expression("attribute_exists(absent)").send().await.unwrap();
    assert_eq!((filtered.count(), filtered.scanned_count()), (0, 1));
}
