//! A person's name, and whether two spellings may be the same person's.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name")]
pub struct NotAName;

/// A name as it was given, white space put in order. Two names are compared with [`PersonName::matches`];
/// `==` compares the spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonName(String);

/// How well two names agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "match")]
pub enum NameMatch {
    /// The same words in the same order.
    Exact,
    /// The same first word, and more or less of the rest.
    Partial {
        /// How much of it.
        kind: PartialMatch,
        /// How many words they share.
        shared: usize,
    },
    /// Another first word, or nothing to compare.
    None,
}

/// What two names that begin alike have in common, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialMatch {
    /// Every word of the shorter one, two at least, stands in the longer one in the same order.
    AllOfShorter,
    /// First and last word.
    FirstAndLast,
    /// One name is a first name alone, and it is the other's first.
    FirstNameAlone,
}

/// Longest name kept, in bytes. The longest on a Brazilian civil registry are below it; a longer text is no name.
const MAX_LEN: usize = 200;

const PARTICLES: [&str; 8] = ["de", "da", "do", "das", "dos", "e", "di", "del"];
const TITLES: [&str; 6] = ["sr", "sra", "srta", "dr", "dra", "dona"];

impl PersonName {
    /// Reads a name: at least one letter, no control characters, of bounded length.
    ///
    /// # Errors
    /// When there is nothing in it to call anyone by.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        if text.len() > 4 * MAX_LEN {
            return Err(NotAName);
        }
        let visible: String =
            text.chars().filter(|c| !is_invisible(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let name = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        let sane = name.len() <= MAX_LEN && name.chars().any(char::is_alphabetic);
        if sane { Ok(Self(name)) } else { Err(NotAName) }
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_given(&self) -> &str {
        &self.0
    }

    /// The words that count, in lower case, without accents, titles and particles, joined by a space:
    /// one text for all spellings of a name.
    #[must_use]
    pub fn key(&self) -> String {
        self.words().join(" ")
    }

    /// Whether the other name may be the same person's, and why.
    ///
    /// ```
    /// use gancho::model::person::{NameMatch, PersonName};
    /// let lead = PersonName::parse("joão da silva").unwrap();
    /// assert_eq!(lead.matches(&PersonName::parse("JOAO SILVA").unwrap()), NameMatch::Exact);
    /// ```
    #[must_use]
    pub fn matches(&self, other: &Self) -> NameMatch {
        let (mine, theirs) = (self.words(), other.words());
        if mine.is_empty() || mine.first() != theirs.first() {
            return NameMatch::None;
        }
        if mine == theirs {
            return NameMatch::Exact;
        }
        let (shorter, longer) = if mine.len() <= theirs.len() { (&mine, &theirs) } else { (&theirs, &mine) };
        let in_order = in_order(shorter, longer);
        if shorter.len() == 1 {
            NameMatch::Partial { kind: PartialMatch::FirstNameAlone, shared: 1 }
        } else if in_order == shorter.len() {
            NameMatch::Partial { kind: PartialMatch::AllOfShorter, shared: in_order }
        } else if shorter.last() == longer.last() {
            let shared = shorter.iter().filter(|word| longer.contains(word)).count();
            NameMatch::Partial { kind: PartialMatch::FirstAndLast, shared }
        } else {
            NameMatch::None
        }
    }

    fn words(&self) -> Vec<String> {
        let plain: String = self.0.nfkd().filter(|c| !is_combining_mark(*c) && !"'’`´".contains(*c)).collect();
        let lower = plain.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let untitled = match words.split_first() {
            Some((first, rest)) if TITLES.contains(first) && !rest.is_empty() => rest,
            _ => &words,
        };
        let kept: Vec<&str> = untitled.iter().copied().filter(|w| !PARTICLES.contains(w)).collect();
        // Somebody called only "Do" is called Do.
        let kept = if kept.is_empty() { untitled.to_vec() } else { kept };
        kept.into_iter().map(|w| if w == "jr" { "junior".to_owned() } else { w.to_owned() }).collect()
    }
}

/// Characters that only turn or hide what stands around them; in a message they could make a name read as another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// How many words of `shorter` are met, in order, when reading `longer`; an initial stands for any word it begins.
fn in_order(shorter: &[String], longer: &[String]) -> usize {
    let mut rest = longer.iter();
    shorter
        .iter()
        .take_while(|word| {
            rest.any(|other| other == *word || (word.chars().count() == 1 && other.starts_with(word.as_str())))
        })
        .count()
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(…)")
    }
}

impl TryFrom<String> for PersonName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, NotAName> {
        Self::parse(&text)
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> PersonName {
        PersonName::parse(text).unwrap()
    }

    #[test]
    fn accents_case_particles_and_titles_do_not_make_another_name() {
        for (one, other) in [
            ("João da Silva", "JOAO SILVA"),
            ("Ana  Maria\tde Souza", "ana maria souza"),
            ("Sra. Ana Souza", "Ana Souza"),
            ("Antônio D'Ávila", "Antonio Davila"),
            ("José Lima Jr.", "Jose Lima Junior"),
            ("Joa\u{303}o Lima", "Jo\u{e3}o Lima"),
            ("Ａna Lima", "Ana Lima"),
        ] {
            assert_eq!(name(one).matches(&name(other)), NameMatch::Exact, "{one} / {other}");
            assert_eq!(name(one).key(), name(other).key());
        }
    }

    #[test]
    fn a_partial_match_says_what_agrees() {
        let full = name("Ana Maria Pereira de Souza");
        let partial = |kind, shared| NameMatch::Partial { kind, shared };
        assert_eq!(name("Ana Souza").matches(&full), partial(PartialMatch::AllOfShorter, 2));
        assert_eq!(full.matches(&name("Ana M. Souza")), partial(PartialMatch::AllOfShorter, 3));
        assert_eq!(name("Ana Lima Souza").matches(&full), partial(PartialMatch::FirstAndLast, 2));
        assert_eq!(name("Ana").matches(&full), partial(PartialMatch::FirstNameAlone, 1));
        assert_eq!(name("Ana Lima").matches(&full), NameMatch::None);
        assert_eq!(name("Maria Souza").matches(&full), NameMatch::None);
        assert_eq!(name("Souza Ana").matches(&name("Ana Souza")), NameMatch::None);
    }

    #[test]
    fn a_text_without_letters_is_no_name() {
        for bad in ["", "   ", "123", "+55 11", "...", "\u{0}\u{1}"] {
            assert_eq!(PersonName::parse(bad), Err(NotAName), "{bad:?}");
        }
        assert!(PersonName::parse(&"a ".repeat(5000)).is_err());
        assert_eq!(name("Ana\r\nSouza\u{0}").as_given(), "Ana Souza");
        assert_eq!(name("Ana\u{202e} Sou\u{200b}za").as_given(), "Ana Souza");
    }

    #[test]
    fn debug_shows_no_letter() {
        assert_eq!(format!("{:?}", name("Ana Souza")), "PersonName(…)");
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_matching_has_no_direction(one in "[A-Za-zÀ-ÿ' .-]{1,30}", other in "[A-Za-zÀ-ÿ' .-]{1,30}") {
            if let (Ok(one), Ok(other)) = (PersonName::parse(&one), PersonName::parse(&other)) {
                if !one.key().is_empty() {
                    prop_assert_eq!(one.matches(&one), NameMatch::Exact);
                }
                let strength = |m: NameMatch| match m { NameMatch::Exact => 2, NameMatch::Partial { .. } => 1, NameMatch::None => 0 };
                prop_assert_eq!(strength(one.matches(&other)), strength(other.matches(&one)));
                prop_assert_eq!(PersonName::parse(one.as_given()), Ok(one));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            if let Ok(name) = PersonName::parse(&text) {
                let _ = name.matches(&name);
            }
        }
    }
}
