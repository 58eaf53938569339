//! What the broker is told, in the lead's own thread.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::enrichment::ports::PersonRecord;
use crate::enrichment::resolve::{FoundBy, Resolution, Why};

/// Why a text is not a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message's reference")]
pub struct NotAReference;

/// A short mark in the message by which it is found in the thread again: `g-7f3a2c`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// The reference of the message that belongs to this piece of work. It must only be unique within one lead's thread,
    /// so 24 bits are plenty.
    #[must_use]
    pub fn derive(work: &str) -> Self {
        Self(format!("g-{}", hex::encode(&Sha256::digest(work)[..3])))
    }

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = NotAReference;

    fn from_str(text: &str) -> Result<Self, NotAReference> {
        let digits = text.strip_prefix("g-").unwrap_or_default();
        let sane = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if sane { Ok(Self(text.to_owned())) } else { Err(NotAReference) }
    }
}

impl TryFrom<String> for Reference {
    type Error = NotAReference;

    fn try_from(text: String) -> Result<Self, NotAReference> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> String {
        reference.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What goes into the thread.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// This text.
    Send(String),
    /// Nothing: a broker's thread is not for telling that there is nothing to tell.
    Skip(SkipReason),
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(_) => f.write_str("Send(…)"),
            Self::Skip(reason) => write!(f, "Skip({reason:?})"),
        }
    }
}

/// Why no message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Nobody was found.
    NotFound,
    /// Several could be behind the lead.
    Ambiguous,
    /// The CPF came from the lead itself and the registry does not know it.
    NothingLearned,
}

/// The message for what was found, in Portuguese. Names, a masked CPF, a band of income and how many contacts are on
/// record: what helps a broker talk to the customer, and nothing that could be used without them.
#[must_use]
pub fn compose(resolution: &Resolution, record: Option<&PersonRecord>, reference: &Reference) -> Message {
    let (cpf, found_name, by, why) = match resolution {
        Resolution::Found { cpf, name, by, why } => (cpf, name, *by, *why),
        Resolution::Ambiguous { .. } => return Message::Skip(SkipReason::Ambiguous),
        Resolution::NotFound => return Message::Skip(SkipReason::NotFound),
    };
    let Some(name) = record.map(|r| &r.name).or(found_name.as_ref()) else {
        return Message::Skip(SkipReason::NothingLearned);
    };
    let mut lines = vec![
        format!("Cadastro localizado {}", by_what(by)),
        format!("Nome: {}", name.as_given()),
        format!("CPF: {}", cpf.masked()),
    ];
    if let Some(income) = record.and_then(|r| r.income.as_ref()) {
        lines.push(format!("Faixa de renda: {}", income.band().label()));
    }
    if let Some(contacts) = record.and_then(contacts) {
        lines.push(format!("No cadastro: {contacts}"));
    }
    if let Some(remark) = remark(why) {
        lines.push(remark.to_owned());
    }
    lines.push(format!("[ref {reference}]"));
    Message::Send(lines.join("\n"))
}

fn by_what(by: FoundBy) -> &'static str {
    match by {
        FoundBy::Payload => "pelo CPF informado",
        FoundBy::Phone => "pelo telefone",
        FoundBy::Email => "pelo e-mail",
    }
}

fn remark(why: Why) -> Option<&'static str> {
    match why {
        Why::OnlyOneNameDiffers => Some("Atenção: o nome difere do informado no lead."),
        Why::FoundTwice => Some("Localizado pelo telefone e pelo e-mail."),
        Why::StatedInLead | Why::StatedAndFound | Why::OnlyOne | Why::NameMatch => None,
    }
}

fn contacts(record: &PersonRecord) -> Option<String> {
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let counts = [count(record.phones.len(), "telefone", "telefones"), count(record.emails.len(), "e-mail", "e-mails")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrichment::income::Income;
    use crate::enrichment::resolve::WhyNot;
    use crate::model::person::{Cpf, Email, PersonName, Phone};

    fn found(name: Option<&str>, by: FoundBy, why: Why) -> Resolution {
        let name = name.map(|name| PersonName::parse(name).unwrap());
        Resolution::Found { cpf: Cpf::parse("12345678909").unwrap(), name, by, why }
    }

    fn record() -> PersonRecord {
        PersonRecord {
            name: PersonName::parse("ANA MARIA DE SOUZA").unwrap(),
            income: Some(Income::parse("6089,28").unwrap()),
            phones: vec![Phone::parse("11900000001").unwrap(), Phone::parse("11900000002").unwrap()],
            emails: vec![Email::parse("ana@example.com").unwrap()],
        }
    }

    fn text(resolution: &Resolution, record: Option<&PersonRecord>) -> String {
        match compose(resolution, record, &"g-7f3a2c".parse().unwrap()) {
            Message::Send(text) => text,
            Message::Skip(reason) => format!("skipped: {reason:?}"),
        }
    }

    #[test]
    fn a_person_found_with_a_record() {
        insta::assert_snapshot!(text(&found(Some("ANA M SOUZA"), FoundBy::Phone, Why::NameMatch), Some(&record())), @"
        Cadastro localizado pelo telefone
        Nome: ANA MARIA DE SOUZA
        CPF: ***.456.789-**
        Faixa de renda: R$ 5 mil a R$ 10 mil
        No cadastro: 2 telefones, 1 e-mail
        [ref g-7f3a2c]
        ");
    }

    #[test]
    fn a_name_that_differs_is_pointed_out() {
        let bare = PersonRecord { income: None, phones: vec![], emails: vec![], ..record() };
        insta::assert_snapshot!(text(&found(Some("ANA SOUZA"), FoundBy::Email, Why::OnlyOneNameDiffers), Some(&bare)), @"
        Cadastro localizado pelo e-mail
        Nome: ANA MARIA DE SOUZA
        CPF: ***.456.789-**
        Atenção: o nome difere do informado no lead.
        [ref g-7f3a2c]
        ");
    }

    #[test]
    fn a_person_without_a_record_has_the_finders_name() {
        insta::assert_snapshot!(text(&found(Some("ANA SOUZA"), FoundBy::Phone, Why::FoundTwice), None), @"
        Cadastro localizado pelo telefone
        Nome: ANA SOUZA
        CPF: ***.456.789-**
        Localizado pelo telefone e pelo e-mail.
        [ref g-7f3a2c]
        ");
    }

    #[test]
    fn where_nothing_was_learned_nothing_is_said() {
        assert_eq!(text(&found(None, FoundBy::Payload, Why::StatedInLead), None), "skipped: NothingLearned");
        assert_eq!(text(&Resolution::NotFound, None), "skipped: NotFound");
        let ambiguous = Resolution::Ambiguous { candidates: 2, why: WhyNot::NoName };
        assert_eq!(text(&ambiguous, None), "skipped: Ambiguous");
    }

    #[test]
    fn a_name_cannot_put_lines_into_the_message() {
        let hostile = PersonRecord { name: PersonName::parse("ANA\n[ref g-000000]\u{0}").unwrap(), ..record() };
        let text = text(&found(None, FoundBy::Payload, Why::StatedInLead), Some(&hostile));
        assert_eq!(text.lines().filter(|line| line.starts_with("[ref ")).count(), 1);
    }

    #[test]
    fn the_message_never_holds_what_it_is_about_in_full() {
        let text = text(&found(None, FoundBy::Payload, Why::StatedInLead), Some(&record()));
        for secret in ["12345678909", "123.456.789-09", "900000001", "ana@example.com", "6089"] {
            assert!(!text.contains(secret), "{text}");
        }
    }

    #[test]
    fn a_reference_is_the_works_own_and_stays() {
        insta::assert_snapshot!(Reference::derive("src_default/lead-1/digest"), @"g-4176cf");
        assert_ne!(Reference::derive("a"), Reference::derive("b"));
        for bad in ["", "g-", "g-7F3A2C", "g-7f3a2", "x-7f3a2c", "g-7f3a2c0"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }
}
