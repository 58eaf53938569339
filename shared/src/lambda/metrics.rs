//! Metrics in CloudWatch's embedded format: a line of the log that CloudWatch turns into metrics. Few names, no
//! dimensions: each combination is paid for.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace every metric is in.
pub const NAMESPACE: &str = "Gancho";

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things; or 0 and 1, whose average is a rate.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

/// Writes metrics of one moment. Metrics are for watching: one that cannot be written is let go.
pub fn emit(now: Timestamp, values: &[(&str, f64, Unit)]) {
    let line = document(now, values).to_string();
    // Its own line, whole: the format is one JSON object a line.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Most values of one metric on a line.
const MOST_VALUES: usize = 100;

/// Writes many values of metrics that belong to one moment.
pub fn emit_many(now: Timestamp, series: &[(&str, &[f64], Unit)]) {
    for (name, values, unit) in series {
        for values in values.chunks(MOST_VALUES) {
            let line = written(now, &[(name, json!(values), *unit)]).to_string();
            let _ = writeln!(std::io::stdout().lock(), "{line}");
        }
    }
}

fn document(now: Timestamp, values: &[(&str, f64, Unit)]) -> Value {
    let values: Vec<_> = values.iter().map(|(name, value, unit)| (*name, json!(value), *unit)).collect();
    written(now, &values)
}

fn written(now: Timestamp, values: &[(&str, Value, Unit)]) -> Value {
    let metrics: Vec<Value> = values.iter().map(|(name, _, unit)| json!({"Name": name, "Unit": unit.name()})).collect();
    let mut document: Map<String, Value> =
        values.iter().map(|(name, value, _)| ((*name).to_owned(), value.clone())).collect();
    document.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics}],
        }),
    );
    Value::Object(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_one_line_that_cloudwatch_reads() {
        let line = document(Timestamp::UNIX_EPOCH, &[("DeliveryFailed", 1.0, Unit::Count)]).to_string();
        insta::assert_snapshot!(line, @r#"{"DeliveryFailed":1.0,"_aws":{"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"DeliveryFailed","Unit":"Count"}],"Namespace":"Gancho"}],"Timestamp":0}}"#);
    }
}
