//! `filter=` as it is written: conditions separated by `;`, a `;` of a value written `\;`.

use super::errors::{self, Failure};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Is,
    IsNot,
    Above,
    Below,
    AtLeast,
    AtMost,
    Contains,
    BeginsWith,
    EndsWith,
}

/// Longest first: `=~` is not `=` and a `~`.
const OPERATORS: [(&str, Operator); 9] = [
    ("!=", Operator::IsNot),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("~=", Operator::BeginsWith),
    ("=~", Operator::EndsWith),
    ("=", Operator::Is),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("~", Operator::Contains),
];

impl Operator {
    pub(super) fn text(self) -> &'static str {
        OPERATORS.iter().find(|(_, own)| *own == self).map_or("", |(text, _)| text)
    }

    pub(super) fn is_comparison(self) -> bool {
        matches!(self, Self::Above | Self::Below | Self::AtLeast | Self::AtMost)
    }

    pub(super) fn is_similarity(self) -> bool {
        matches!(self, Self::Contains | Self::BeginsWith | Self::EndsWith)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) value: String,
}

pub(super) fn parse(text: &str) -> Result<Vec<Condition>, Failure> {
    let conditions = split(text);
    conditions.iter().filter(|condition| !condition.is_empty()).map(|condition| one(condition)).collect()
}

/// At each `;` that no backslash stands before.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&';') => {
                letters.next();
                parts.last_mut().unwrap_or(&mut String::new()).push(';');
            }
            ';' => parts.push(String::new()),
            letter => parts.last_mut().unwrap_or(&mut String::new()).push(letter),
        }
    }
    parts
}

fn one(text: &str) -> Result<Condition, Failure> {
    let at = text
        .find(['=', '!', '>', '<', '~'])
        .ok_or_else(|| errors::wrong_filter(format!("нет оператора в '{text}'")))?;
    let (field, rest) = text.split_at(at);
    let known = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator));
    let (operator_text, operator) =
        known.ok_or_else(|| errors::wrong_filter(format!("неизвестный оператор в '{text}'")))?;
    if field.is_empty() {
        return Err(errors::wrong_filter(format!("нет поля в '{text}'")));
    }
    Ok(Condition { field: field.to_owned(), operator: *operator, value: rest[operator_text.len()..].to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<(String, &'static str, String)> {
        let all = parse(text).unwrap().into_iter();
        all.map(|condition| (condition.field, condition.operator.text(), condition.value)).collect()
    }

    #[test]
    fn conditions_part_at_semicolons_without_a_backslash() {
        assert_eq!(
            said(r"name=a\;b;code!=;updated>=2026-01-01 00:00:00"),
            [
                ("name".into(), "=", "a;b".into()),
                ("code".into(), "!=", String::new()),
                ("updated".into(), ">=", "2026-01-01 00:00:00".into())
            ]
        );
    }

    #[test]
    fn an_operator_of_two_signs_is_not_taken_for_one() {
        for (text, operator) in
            [("a=~b", "=~"), ("a~=b", "~="), ("a~b", "~"), ("a>=b", ">="), ("a>b", ">"), ("a<=b", "<="), ("a!=b", "!=")]
        {
            assert_eq!(said(text), [("a".into(), operator, "b".into())], "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for wrong in ["name", "=1", "name!1"] {
            assert_eq!(parse(wrong).unwrap_err().code(), Some(1034), "{wrong}");
        }
    }
}
