//! Which lead, and how it can be reached.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::person::{Cpf, Email, PersonName, Phone};

/// Why a text is not a lead's identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lead's identifier: 1 to 128 letters, digits, `-`, `_`, `.` or `:`")]
pub struct NotALeadId;

/// A lead's identifier at C2S. It goes into a path and into keys, so its letters are few.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeadId(String);

impl LeadId {
    /// Longest identifier accepted.
    pub const MAX_LEN: usize = 128;

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LeadId {
    type Err = NotALeadId;

    fn from_str(text: &str) -> Result<Self, NotALeadId> {
        let sane = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
            // `.` and `..` would leave the path they are put in.
            && text.bytes().any(|b| b.is_ascii_alphanumeric());
        if sane { Ok(Self(text.to_owned())) } else { Err(NotALeadId) }
    }
}

impl TryFrom<String> for LeadId {
    type Error = NotALeadId;

    fn try_from(text: String) -> Result<Self, NotALeadId> {
        text.parse()
    }
}

impl From<LeadId> for String {
    fn from(id: LeadId) -> String {
        id.0
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a lead says of the person behind it. Lists are in the order of preference, without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// The name given.
    pub name: Option<PersonName>,
    /// Telephone numbers.
    pub phones: Vec<Phone>,
    /// E-mail addresses.
    pub emails: Vec<Email>,
    /// CPFs stated in the lead. More than one means that it is not known whose is whose.
    pub cpfs: Vec<Cpf>,
}

/// Most entries kept in each list: a lead has a handful, and every one may cost a paid query.
const MAX_EACH: usize = 10;

impl Contact {
    /// A contact with its lists put in order: first mention first, no repetition, bounded.
    #[must_use]
    pub fn new(name: Option<PersonName>, phones: Vec<Phone>, emails: Vec<Email>, cpfs: Vec<Cpf>) -> Self {
        Self { name, phones: distinct(phones), emails: distinct(emails), cpfs: distinct(cpfs) }
    }

    /// What several events say of one lead together, the newest having the first word.
    #[must_use]
    pub fn merge(newest_first: impl IntoIterator<Item = Self>) -> Self {
        let mut merged = Self::default();
        for contact in newest_first {
            merged.name = merged.name.or(contact.name);
            merged.phones.extend(contact.phones);
            merged.emails.extend(contact.emails);
            merged.cpfs.extend(contact.cpfs);
        }
        Self::new(merged.name, merged.phones, merged.emails, merged.cpfs)
    }

    /// A digest that stays the same as long as nothing new is known of the person, whatever the order and spelling:
    /// it decides whether an enrichment, and the message it ends in, is a new one.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |label: &str, mut values: Vec<String>| {
            values.sort_unstable();
            values.dedup();
            hash.update(label.as_bytes());
            hash.update((values.len() as u64).to_be_bytes());
            for value in values {
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value.as_bytes());
            }
        };
        put("name", self.name.iter().map(PersonName::key).collect());
        put("phones", self.phones.iter().map(|p| p.e164_digits().to_owned()).collect());
        put("emails", self.emails.iter().map(|e| e.address().to_owned()).collect());
        put("cpfs", self.cpfs.iter().map(|c| c.digits().to_owned()).collect());
        hex::encode(hash.finalize())
    }

    /// Whether there is nothing to look anybody up by.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.phones.is_empty() && self.emails.is_empty() && self.cpfs.is_empty()
    }
}

fn distinct<T: PartialEq>(values: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for value in values {
        if kept.len() < MAX_EACH && !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contact(name: &str, phones: &[&str], emails: &[&str]) -> Contact {
        Contact::new(
            PersonName::parse(name).ok(),
            phones.iter().map(|p| Phone::parse(p).unwrap()).collect(),
            emails.iter().map(|e| Email::parse(e).unwrap()).collect(),
            vec![],
        )
    }

    #[test]
    fn the_newest_has_the_first_word_and_the_others_fill_in() {
        let newest = contact("", &["11900000002"], &[]);
        let older = contact("Ana Souza", &["11900000001", "11900000002"], &["ana@example.com"]);
        let oldest = contact("Ana", &["11900000003"], &[]);
        let merged = Contact::merge([newest, older, oldest]);
        assert_eq!(merged, contact("Ana Souza", &["11900000002", "11900000001", "11900000003"], &["ana@example.com"]));
    }

    #[test]
    fn order_and_spelling_do_not_change_the_digest() {
        let one = contact("João da Silva", &["11900000001", "11900000002"], &["a@example.com"]);
        let other = contact("JOAO SILVA", &["+55 11 90000-0002", "5511900000001"], &["A@example.com"]);
        assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn anything_new_changes_the_digest() {
        let base = contact("Ana", &["11900000001"], &[]);
        let mut digests = vec![
            base.digest(),
            Contact::default().digest(),
            contact("Bia", &["11900000001"], &[]).digest(),
            contact("Ana", &["11900000002"], &[]).digest(),
            contact("Ana", &["11900000001", "11900000002"], &[]).digest(),
            contact("Ana", &["11900000001"], &["ana@example.com"]).digest(),
            Contact { cpfs: vec![Cpf::parse("00000000191").unwrap()], ..base.clone() }.digest(),
        ];
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 7);
    }

    #[test]
    fn the_digest_of_a_contact_never_changes_between_versions() {
        insta::assert_snapshot!(contact("Ana", &["11900000001"], &["ana@example.com"]).digest(), @"0d001e30a51e24903d42504c75378f5bea855d69d90b7c4bbc43154d4a31760d");
    }

    #[test]
    fn lists_are_bounded() {
        let phones = (0..50).map(|n| Phone::parse(&format!("119000001{n:02}")).unwrap()).collect();
        assert_eq!(Contact::new(None, phones, vec![], vec![]).phones.len(), MAX_EACH);
    }

    #[test]
    fn an_id_that_could_leave_its_path_or_key_is_refused() {
        for good in ["lead-1", "52489380592", "a.b:c_d", &"x".repeat(128)] {
            assert!(good.parse::<LeadId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a#b", "a b", "a?b", "a%2fb", "é", "a\u{0}", &"x".repeat(129)] {
            assert!(bad.parse::<LeadId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_shows_nobody() {
        let shown = format!("{:?}", contact("Ana Souza", &["11900000001"], &["ana@example.com"]));
        insta::assert_snapshot!(shown, @"Contact { name: Some(PersonName(…)), phones: [Phone(…)], emails: [Email(…)], cpfs: [] }");
    }

    proptest! {
        #[test]
        fn a_stored_contact_is_read_back(phone in "119[0-9]{8}", email in "[a-z]{1,8}@[a-z]{1,8}\\.com", name in "[A-Z][a-z]{1,8} [A-Z][a-z]{1,8}") {
            let contact = Contact::new(
                PersonName::parse(&name).ok(), Phone::parse(&phone).into_iter().collect(), Email::parse(&email).into_iter().collect(), vec![],
            );
            let stored: Contact = serde_json::from_str(&serde_json::to_string(&contact).unwrap()).unwrap();
            prop_assert_eq!(stored.digest(), contact.digest());
            prop_assert_eq!(&stored, &contact);
            prop_assert_eq!(Contact::merge([contact.clone(), contact.clone()]), contact);
        }
    }
}
