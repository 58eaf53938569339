//! Reading the parameters of a query, so that all that is wrong with them is told at once.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use url::form_urlencoded;

#[cfg(test)]
use super::asked;
use super::json_fields::BodyError;
use super::page::{DEFAULT_LIMIT, LIMIT};
use crate::model::field_error::FieldError;

/// Parameters looked at. API Gateway bears longer queries than anybody needs.
const MAX_PARAMETERS: usize = 50;

/// A query being read, with what was wrong so far. A parameter nobody asked for is an error: a filter that is
/// silently not applied makes the answer a lie.
pub struct QueryFields {
    parameters: BTreeMap<String, String>,
    errors: Vec<FieldError>,
}

impl QueryFields {
    /// Reads what stands behind the `?`.
    #[must_use]
    pub fn read(query: Option<&str>) -> Self {
        let mut fields = Self { parameters: BTreeMap::new(), errors: Vec::new() };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()).take(MAX_PARAMETERS) {
            if fields.parameters.contains_key(name.as_ref()) {
                fields.refuse(&name, "duplicate", "this is there twice");
            }
            fields.parameters.insert(name.into_owned(), value.into_owned());
        }
        fields
    }

    /// Reads a query that asks for a page and for nothing else: how many entries, and the last that was seen before.
    ///
    /// # Errors
    /// Anything is wrong.
    pub fn page<T: FromStr>(query: Option<&str>) -> Result<(usize, Option<T>), BodyError> {
        let mut fields = Self::read(query);
        let limit = fields.limit();
        let cursor = fields.parsed("cursor", "invalid_cursor", "this is no `next_cursor` of this list");
        fields.finish((limit, cursor))
    }

    /// Notes what is wrong.
    pub fn refuse(&mut self, path: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(path, code, detail));
    }

    /// Takes a parameter; an empty one counts as absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        #[cfg(test)]
        asked::note(name);
        self.parameters.remove(name).filter(|value| !value.is_empty())
    }

    /// Takes a parameter that parses.
    pub fn parsed<T: FromStr>(&mut self, name: &str, code: &'static str, detail: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.refuse(name, code, detail);
        }
        parsed
    }

    /// Takes a time.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        // An offset's `+` that was not escaped arrives as a space.
        let time = time(&self.text(name)?.replace(' ', "+"));
        if time.is_none() {
            self.refuse(name, "invalid_time", NOT_A_TIME);
        }
        time
    }

    /// Takes a whole number within bounds.
    pub fn number(&mut self, name: &str, bounds: &RangeInclusive<u32>) -> Option<u32> {
        let number = self.text(name)?.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            let detail = format!("this must be a whole number from {} to {}", bounds.start(), bounds.end());
            self.refuse(name, "out_of_range", detail);
        }
        number
    }

    /// Takes how many entries are wanted.
    pub fn limit(&mut self) -> usize {
        let limit = self.number("limit", &LIMIT).unwrap_or(DEFAULT_LIMIT);
        usize::try_from(limit).unwrap_or_default()
    }

    /// What was made of the parameters.
    ///
    /// # Errors
    /// Anything was wrong.
    pub fn finish<T>(mut self, made: T) -> Result<T, BodyError> {
        for name in std::mem::take(&mut self.parameters).into_keys() {
            self.refuse(&name, "unknown_parameter", "there is no parameter of this name");
        }
        if self.errors.is_empty() { Ok(made) } else { Err(BodyError::Fields(self.errors)) }
    }
}

/// What is said of a text that is no time.
pub(super) const NOT_A_TIME: &str = "this must be a time like 2025-01-20T10:00:00Z";

/// Reads a time as RFC 3339 writes it.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(query: &str, read: impl FnOnce(&mut QueryFields)) -> Vec<(String, &'static str)> {
        let mut fields = QueryFields::read(Some(query));
        read(&mut fields);
        match fields.finish(()) {
            Err(BodyError::Fields(errors)) => errors.into_iter().map(|error| (error.path, error.code)).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_query_is_told_at_once() {
        let wrong = errors("limit=0&since=yesterday&colour=red", |fields| {
            fields.limit();
            fields.time("since");
        });
        assert_eq!(
            wrong,
            [
                ("limit".to_owned(), "out_of_range"),
                ("since".to_owned(), "invalid_time"),
                ("colour".to_owned(), "unknown_parameter"),
            ]
        );
        assert_eq!(errors("a=1&a=2", |fields| drop(fields.text("a"))), [("a".to_owned(), "duplicate")]);
    }

    #[test]
    fn the_plus_of_an_offset_may_be_written_plainly() {
        for query in
            ["since=2025-01-20T10:00:00+03:00", "since=2025-01-20T10:00:00%2B03:00", "since=2025-01-20T07:00:00Z"]
        {
            let mut fields = QueryFields::read(Some(query));
            assert_eq!(fields.time("since").unwrap().to_string(), "2025-01-20T07:00:00Z");
        }
    }

    #[test]
    fn limits_hold_on_both_sides() {
        for (query, limit) in [
            ("", Some(50)),
            ("limit=1", Some(1)),
            ("limit=100", Some(100)),
            ("limit=101", None),
            ("limit=-1", None),
            ("limit=x", None),
        ] {
            let mut fields = QueryFields::read(Some(query));
            let read = fields.limit();
            assert_eq!(fields.finish(read).ok(), limit, "{query}");
        }
    }
}
