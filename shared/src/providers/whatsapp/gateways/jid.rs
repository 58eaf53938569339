//! WhatsApp's own addresses: `5511900000001:12@s.whatsapp.net`.

use serde_json::Value;

use crate::model::whatsapp::WhatsappNumber;
use crate::providers::whatsapp::fields::is_id;

/// An address, its device left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Jid {
    /// A person, by number.
    User(WhatsappNumber),
    /// A person whose number is hidden, by what stands for it.
    Lid(String),
    /// A group.
    Group(String),
    /// A broadcast list; `status@broadcast` are the stories.
    Broadcast(String),
    /// A channel.
    Newsletter(String),
    /// WhatsApp's own accounts, and what there may come to be.
    Other(String),
}

impl Jid {
    /// Reads an address. A bare number is a person's.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !is_id(text) || text.len() > 128 {
            return None;
        }
        let Some((user, server)) = text.split_once('@') else {
            return WhatsappNumber::parse(without_device(text)).ok().map(Self::User);
        };
        if user.is_empty() || server.is_empty() || server.contains('@') {
            return None;
        }
        let whole = || format!("{user}@{server}");
        let person = without_device(user);
        Some(match server {
            "s.whatsapp.net" | "c.us" | "hosted" => match WhatsappNumber::parse(person) {
                Ok(number) => Self::User(number),
                Err(_) => Self::Other(format!("{person}@s.whatsapp.net")),
            },
            "lid" | "hosted.lid" => Self::Lid(format!("{person}@lid")),
            "g.us" => Self::Group(whole()),
            "broadcast" => Self::Broadcast(whole()),
            "newsletter" => Self::Newsletter(whole()),
            _ => Self::Other(whole()),
        })
    }

    /// Reads an address in JSON: a text, or the object that WPPConnect makes of some.
    pub(super) fn of(value: Option<&Value>) -> Option<Self> {
        match value? {
            Value::String(text) => Self::parse(text),
            Value::Object(object) => match object.get("_serialized").and_then(Value::as_str) {
                Some(text) => Self::parse(text),
                None => {
                    let part = |name: &str| object.get(name).and_then(Value::as_str);
                    Self::parse(&format!("{}@{}", part("user")?, part("server")?))
                }
            },
            _ => None,
        }
    }

    /// One text for all spellings of an address.
    pub(super) fn canonical(&self) -> String {
        match self {
            Self::User(number) => format!("{}@s.whatsapp.net", number.digits()),
            Self::Lid(text)
            | Self::Group(text)
            | Self::Broadcast(text)
            | Self::Newsletter(text)
            | Self::Other(text) => text.clone(),
        }
    }

    /// The number, where the address is one.
    pub(super) fn number(&self) -> Option<&WhatsappNumber> {
        match self {
            Self::User(number) => Some(number),
            _ => None,
        }
    }
}

/// `5511900000001.0:12` and `5511900000001_1:12` are two of one person's devices.
fn without_device(user: &str) -> &str {
    user.split([':', '.', '_']).next().unwrap_or(user)
}

/// A person, by the address and the other address a gateway may give beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) number: Option<WhatsappNumber>,
    /// What stands for a hidden number.
    pub(super) user_id: Option<String>,
}

impl Person {
    pub(super) fn of(jid: &Jid, other: Option<&Jid>) -> Self {
        let both = || std::iter::once(jid).chain(other);
        Self {
            number: both().find_map(Jid::number).cloned(),
            user_id: both().find(|jid| matches!(jid, Jid::Lid(_) | Jid::Other(_))).map(Jid::canonical),
        }
    }

    /// By number where it is known, else by what stands for it.
    pub(super) fn text(&self) -> Option<String> {
        self.number.as_ref().map(|number| number.digits().to_owned()).or_else(|| self.user_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn canonical(text: &str) -> Option<String> {
        Jid::parse(text).map(|jid| jid.canonical())
    }

    #[test]
    fn every_spelling_of_a_person_is_one_address() {
        for spelling in [
            "5511900000001@s.whatsapp.net",
            "5511900000001:12@s.whatsapp.net",
            "5511900000001.0:12@s.whatsapp.net",
            "5511900000001_1:12@s.whatsapp.net",
            "5511900000001@c.us",
            "5511900000001",
        ] {
            assert_eq!(canonical(spelling).as_deref(), Some("5511900000001@s.whatsapp.net"), "{spelling}");
        }
        assert_eq!(canonical("123456789012345:3@lid").as_deref(), Some("123456789012345@lid"));
    }

    #[test]
    fn groups_lists_channels_and_oddities_are_told_apart() {
        assert!(matches!(Jid::parse("120363000000000001@g.us"), Some(Jid::Group(_))));
        assert!(matches!(Jid::parse("5511900000001-1600000000@g.us"), Some(Jid::Group(_))));
        assert!(matches!(Jid::parse("status@broadcast"), Some(Jid::Broadcast(_))));
        assert!(matches!(Jid::parse("120363000000000002@newsletter"), Some(Jid::Newsletter(_))));
        assert!(matches!(Jid::parse("0@s.whatsapp.net"), Some(Jid::Other(_))));
        for odd in ["", "@", "@g.us", "a@", "a@b@c", "a b@g.us", "not a number", "ação@g.us", &"1".repeat(129)] {
            assert_eq!(Jid::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_address_may_be_an_object() {
        let whole = json!({"server": "c.us", "user": "5511900000001", "_serialized": "5511900000001@c.us"});
        let parts = json!({"server": "c.us", "user": "5511900000001"});
        for value in [whole, parts] {
            assert!(matches!(Jid::of(Some(&value)), Some(Jid::User(_))), "{value}");
        }
        assert_eq!((Jid::of(None), Jid::of(Some(&json!(7)))), (None, None));
    }

    #[test]
    fn a_hidden_number_is_found_beside_what_stands_for_it() {
        let (lid, user) = (Jid::parse("99@lid").unwrap(), Jid::parse("5511900000001@c.us").unwrap());
        let hidden = Person::of(&lid, None);
        assert_eq!((hidden.number.clone(), hidden.text().as_deref()), (None, Some("99@lid")));
        for person in [Person::of(&lid, Some(&user)), Person::of(&user, Some(&lid))] {
            assert_eq!((person.text().as_deref(), person.user_id.as_deref()), (Some("5511900000001"), Some("99@lid")));
        }
    }

    proptest! {
        #[test]
        fn one_text_stands_for_itself(text in "[0-9a-z:._-]{0,20}@?[a-z.]{0,15}") {
            if let Some(jid) = Jid::parse(&text) {
                prop_assert_eq!(Jid::parse(&jid.canonical()), Some(jid));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = Jid::parse(&text);
        }
    }
}
