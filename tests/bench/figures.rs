//! Medians, and tables in the form that docs/performance.md has them in.

use std::time::Duration;

/// Milliseconds.
#[must_use]
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The value below which that part of the values lies; 0 of none.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "places in a short list"
    )]
    let place = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

/// The value in the middle.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// A number beside what was asked for.
#[derive(Debug, serde::Serialize)]
pub struct Held {
    /// What it is.
    pub what: String,
    /// What was asked for.
    pub asked: String,
    /// What it came to.
    pub measured: String,
    /// Whether that is enough.
    pub met: bool,
}

impl Held {
    /// A number that must not be above another.
    pub fn most(what: impl Into<String>, measured: f64, most: f64, unit: &str) -> Self {
        let (asked, shown) = (format!("≤ {most}{unit}"), format!("{measured:.2}{unit}"));
        Self { what: what.into(), asked, measured: shown, met: measured <= most }
    }

    /// A number that must not be below another.
    pub fn least(what: impl Into<String>, measured: f64, least: f64, unit: &str) -> Self {
        let (asked, shown) = (format!("≥ {least}{unit}"), format!("{measured:.2}{unit}"));
        Self { what: what.into(), asked, measured: shown, met: measured >= least }
    }
}

/// What was asked for, as a table.
#[must_use]
pub fn held_against(held: &[Held]) -> String {
    let cells = |one: &Held| {
        let met = if one.met { "met" } else { "missed" };
        (one.what.clone(), vec![one.asked.clone(), one.measured.clone(), met.to_owned()])
    };
    table(&["held against", "asked", "measured", ""], &held.iter().map(cells).collect::<Vec<_>>())
}

/// A table of Markdown; cells that a row lacks are dashes.
#[must_use]
pub fn table(head: &[&str], rows: &[(String, Vec<String>)]) -> String {
    let line = |cells: &[&str]| format!("| {} |", cells.join(" | "));
    let mut lines = vec![line(head), format!("{}|", "|---".repeat(head.len()))];
    for (first, cells) in rows {
        let cells: Vec<&str> = std::iter::once(first.as_str()).chain(cells.iter().map(String::as_str)).collect();
        let missing = vec!["–"; head.len().saturating_sub(cells.len())];
        lines.push(line(&[cells, missing].concat()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_value_that_lies_there_in_whatever_order_they_come() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!([0.0, 0.5, 0.75, 1.0].map(|part| quantile(&values, part)), [1.0, 3.0, 4.0, 5.0]);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn what_a_row_lacks_is_a_dash() {
        let rows = [("a".to_owned(), vec!["1".to_owned()])];
        assert_eq!(table(&["x", "y", "z"], &rows), "| x | y | z |\n|---|---|---|\n| a | 1 | – |");
    }
}
