//! Who is behind a lead: which questions are worth a query, and what the answers amount to.

use serde::{Deserialize, Serialize};

use crate::enrichment::ports::FoundPerson;
use crate::model::contact::Contact;
use crate::model::person::{Cpf, Email, NameMatch, PartialMatch, PersonName, Phone};

/// Most questions of each kind: each costs a query, and what the first three did not find the fourth seldom does.
const MAX_OF_EACH_KIND: usize = 3;

/// Something to ask a [`PersonFinder`](crate::enrichment::ports::PersonFinder).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'a> {
    /// Whose number is this?
    Phone(&'a Phone),
    /// Whose address is this?
    Email(&'a Email),
}

impl Question<'_> {
    /// By what the answer will have been found.
    #[must_use]
    pub fn found_by(&self) -> FoundBy {
        match self {
            Self::Phone(_) => FoundBy::Phone,
            Self::Email(_) => FoundBy::Email,
        }
    }
}

/// The questions worth asking, in order: mobile numbers, which have one owner, before landlines, which have a household,
/// before addresses. Placeholders are left out: their answer would be a stranger.
#[must_use]
pub fn questions(contact: &Contact) -> Vec<Question<'_>> {
    let mobiles = contact.phones.iter().filter(|phone| phone.is_mobile());
    let landlines = contact.phones.iter().filter(|phone| !phone.is_mobile());
    let emails = contact.emails.iter().filter(|email| !email.is_placeholder());
    mobiles
        .chain(landlines)
        .take(MAX_OF_EACH_KIND)
        .map(Question::Phone)
        .chain(emails.take(MAX_OF_EACH_KIND).map(Question::Email))
        .collect()
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked by.
    pub by: FoundBy,
    /// Who was found.
    pub persons: Vec<FoundPerson>,
}

/// What led to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// The lead states the CPF.
    Payload,
    /// A telephone number.
    Phone,
    /// An e-mail address.
    Email,
}

/// Why this person and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The lead states one CPF.
    StatedInLead,
    /// The lead states several, and the registry gives the number or address to one of them.
    StatedAndFound,
    /// Nobody else was found, and the name agrees, or the lead has none.
    OnlyOne,
    /// Nobody else was found, though the name is another: a broker must be told.
    OnlyOneNameDiffers,
    /// Of several, the only one whose name agrees.
    NameMatch,
    /// Of several, the only one found by number and by address.
    FoundTwice,
}

/// Why nobody was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// The lead states several CPFs, and nothing says which is whose.
    SeveralStated,
    /// Several were found, and the lead has no name to choose by.
    NoName,
    /// Several were found, and no name agrees.
    NoNameMatches,
    /// Several were found, and more than one name agrees equally well.
    SeveralNamesMatch,
}

/// What is known of who is behind a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "resolution")]
pub enum Resolution {
    /// This person.
    Found {
        /// Their CPF.
        cpf: Cpf,
        /// The name on the registry that was asked; none if the lead itself states the CPF.
        name: Option<PersonName>,
        /// What led to them.
        by: FoundBy,
        /// Why them.
        why: Why,
    },
    /// Several could be, and a wrong name in a broker's thread is worse than none.
    Ambiguous {
        /// How many.
        candidates: usize,
        /// Why none was chosen.
        why: WhyNot,
    },
    /// Nobody was found.
    NotFound,
}

impl Resolution {
    /// Whether no further answer could do better. A sole person with another name is taken only if nothing better
    /// comes: telephone numbers change hands.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Found { why, .. } => *why != Why::OnlyOneNameDiffers,
            Self::Ambiguous { .. } | Self::NotFound => false,
        }
    }
}

/// What the answers so far amount to. Ask with no answers first: a lead that states its CPF needs no question.
/// Then put the [`questions`] one by one, and stop as soon as it [is settled](Resolution::is_settled).
#[must_use]
pub fn resolve(contact: &Contact, answers: &[Answer]) -> Resolution {
    if let [cpf] = contact.cpfs.as_slice() {
        return Resolution::Found { cpf: cpf.clone(), name: None, by: FoundBy::Payload, why: Why::StatedInLead };
    }
    let mut found = answers.iter().filter_map(|answer| choose(contact, answer).ok());
    let first = found.next();
    let settled = first.iter().cloned().chain(found).find(Resolution::is_settled);
    settled.or_else(|| found_twice(answers)).or(first).unwrap_or_else(|| unresolved(contact, answers))
}

/// The person one answer points at, or why it points at none.
fn choose(contact: &Contact, answer: &Answer) -> Result<Resolution, Option<WhyNot>> {
    let persons = distinct(&answer.persons);
    let found = |person: &FoundPerson, why| {
        Ok(Resolution::Found { cpf: person.cpf.clone(), name: Some(person.name.clone()), by: answer.by, why })
    };
    let stated: Vec<_> = persons.iter().filter(|person| contact.cpfs.contains(&person.cpf)).collect();
    if let [person] = stated.as_slice() {
        return found(person, Why::StatedAndFound);
    }
    match (persons.as_slice(), &contact.name) {
        ([], _) => Err(None),
        ([person], Some(name)) if name.matches(&person.name) == NameMatch::None => {
            found(person, Why::OnlyOneNameDiffers)
        }
        ([person], _) => found(person, Why::OnlyOne),
        (_, None) => Err(Some(WhyNot::NoName)),
        (several, Some(name)) => {
            let best = several.iter().map(|person| strength(name.matches(&person.name))).max().unwrap_or_default();
            let alike: Vec<_> =
                several.iter().filter(|p| best > 0 && strength(name.matches(&p.name)) == best).collect();
            match alike.as_slice() {
                [] => Err(Some(WhyNot::NoNameMatches)),
                [person] => found(person, Why::NameMatch),
                _ => Err(Some(WhyNot::SeveralNamesMatch)),
            }
        }
    }
}

fn strength(name_match: NameMatch) -> u8 {
    match name_match {
        NameMatch::Exact => 4,
        NameMatch::Partial { kind: PartialMatch::AllOfShorter, .. } => 3,
        NameMatch::Partial { kind: PartialMatch::FirstAndLast, .. } => 2,
        NameMatch::Partial { kind: PartialMatch::FirstNameAlone, .. } => 1,
        NameMatch::None => 0,
    }
}

fn found_twice(answers: &[Answer]) -> Option<Resolution> {
    let by = |by| -> Vec<&FoundPerson> { answers.iter().filter(|a| a.by == by).flat_map(|a| &a.persons).collect() };
    let emails = by(FoundBy::Email);
    let both: Vec<FoundPerson> =
        by(FoundBy::Phone).into_iter().filter(|p| emails.iter().any(|e| e.cpf == p.cpf)).cloned().collect();
    match distinct(&both).as_slice() {
        [person] => Some(Resolution::Found {
            cpf: person.cpf.clone(),
            name: Some(person.name.clone()),
            by: FoundBy::Phone,
            why: Why::FoundTwice,
        }),
        _ => None,
    }
}

fn unresolved(contact: &Contact, answers: &[Answer]) -> Resolution {
    let why = answers.iter().rev().find_map(|answer| choose(contact, answer).err().flatten());
    let all: Vec<FoundPerson> = answers.iter().flat_map(|answer| answer.persons.clone()).collect();
    match why {
        Some(why) => Resolution::Ambiguous { candidates: distinct(&all).len(), why },
        None if contact.cpfs.len() > 1 => {
            Resolution::Ambiguous { candidates: contact.cpfs.len(), why: WhyNot::SeveralStated }
        }
        None => Resolution::NotFound,
    }
}

/// One entry per CPF: a registry may hold several spellings of one person.
fn distinct(persons: &[FoundPerson]) -> Vec<FoundPerson> {
    let mut kept: Vec<FoundPerson> = Vec::new();
    for person in persons {
        if !kept.iter().any(|k| k.cpf == person.cpf) {
            kept.push(person.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: (&str, &str) = ("ANA MARIA DE SOUZA", "00000000191");
    const BETO: (&str, &str) = ("ROBERTO LIMA", "00000000272");
    const ANA_LIMA: (&str, &str) = ("ANA LIMA", "00000000353");

    fn answer(by: FoundBy, persons: &[(&str, &str)]) -> Answer {
        let person = |(name, cpf): &(&str, &str)| FoundPerson {
            name: PersonName::parse(name).unwrap(),
            cpf: Cpf::parse(cpf).unwrap(),
        };
        Answer { by, persons: persons.iter().map(person).collect() }
    }

    fn named(name: &str) -> Contact {
        Contact { name: PersonName::parse(name).ok(), ..Contact::default() }
    }

    /// The last digits of the CPF that was chosen, and why; or why none was.
    fn shown(contact: &Contact, answers: &[Answer]) -> String {
        match resolve(contact, answers) {
            Resolution::Found { cpf, by, why, .. } => format!("{} {by:?} {why:?}", &cpf.digits()[8..]),
            Resolution::Ambiguous { candidates, why } => format!("{candidates} {why:?}"),
            Resolution::NotFound => "nobody".to_owned(),
        }
    }

    #[test]
    fn a_lead_that_states_its_cpf_needs_no_question() {
        let lead = Contact { cpfs: vec![Cpf::parse(ANA.1).unwrap()], ..named("Ana") };
        assert_eq!(shown(&lead, &[]), "191 Payload StatedInLead");
    }

    #[test]
    fn one_person_is_taken_and_a_differing_name_is_said() {
        let one = [answer(FoundBy::Phone, &[ANA])];
        assert_eq!(shown(&named("Ana Souza"), &one), "191 Phone OnlyOne");
        assert_eq!(shown(&named(""), &one), "191 Phone OnlyOne");
        assert_eq!(shown(&named("Carla Dias"), &one), "191 Phone OnlyOneNameDiffers");
    }

    #[test]
    fn one_person_under_two_spellings_is_one_person() {
        let twice = [answer(FoundBy::Phone, &[ANA, ("ANA M SOUZA", ANA.1)])];
        assert_eq!(shown(&named(""), &twice), "191 Phone OnlyOne");
    }

    #[test]
    fn of_several_the_name_decides() {
        let several = [answer(FoundBy::Phone, &[BETO, ANA, ANA_LIMA])];
        assert_eq!(shown(&named("Ana Souza"), &several), "191 Phone NameMatch");
        assert_eq!(shown(&named("roberto"), &several), "272 Phone NameMatch");
        assert_eq!(shown(&named("Ana"), &several), "3 SeveralNamesMatch");
        assert_eq!(shown(&named("Carla"), &several), "3 NoNameMatches");
        assert_eq!(shown(&named(""), &several), "3 NoName");
    }

    #[test]
    fn an_address_decides_what_the_number_left_open() {
        let answers = [answer(FoundBy::Phone, &[BETO, ANA]), answer(FoundBy::Email, &[ANA])];
        assert_eq!(shown(&named(""), &answers), "191 Email OnlyOne");
        let both_open = [answer(FoundBy::Phone, &[BETO, ANA]), answer(FoundBy::Email, &[ANA, ANA_LIMA])];
        assert_eq!(shown(&named(""), &both_open), "191 Phone FoundTwice");
    }

    #[test]
    fn a_sole_person_with_another_name_gives_way_to_a_better_one() {
        let old_owner = [answer(FoundBy::Phone, &[BETO])];
        assert!(!resolve(&named("Ana Souza"), &old_owner).is_settled());
        let answers = [answer(FoundBy::Phone, &[BETO]), answer(FoundBy::Email, &[ANA])];
        assert_eq!(shown(&named("Ana Souza"), &answers), "191 Email OnlyOne");
        let no_better = [answer(FoundBy::Phone, &[BETO]), answer(FoundBy::Email, &[])];
        assert_eq!(shown(&named("Ana Souza"), &no_better), "272 Phone OnlyOneNameDiffers");
    }

    #[test]
    fn of_several_stated_cpfs_the_one_the_registry_knows_is_taken() {
        let lead =
            Contact { cpfs: vec![Cpf::parse(ANA.1).unwrap(), Cpf::parse("00000000434").unwrap()], ..named("Carla") };
        assert_eq!(shown(&lead, &[]), "2 SeveralStated");
        assert_eq!(shown(&lead, &[answer(FoundBy::Phone, &[BETO, ANA])]), "191 Phone StatedAndFound");
        assert_eq!(shown(&lead, &[answer(FoundBy::Phone, &[])]), "2 SeveralStated");
    }

    #[test]
    fn nobody_is_an_answer() {
        assert_eq!(shown(&named("Ana"), &[]), "nobody");
        assert_eq!(shown(&named("Ana"), &[answer(FoundBy::Phone, &[]), answer(FoundBy::Email, &[])]), "nobody");
    }

    #[test]
    fn only_questions_that_may_find_the_right_person_are_asked() {
        let phones = ["1130000001", "11900000001", "11900000002", "11900000003"];
        let emails = ["999999@example.com", "ana@example.com"];
        let contact = Contact::new(
            None,
            phones.iter().map(|p| Phone::parse(p).unwrap()).collect(),
            emails.iter().map(|e| Email::parse(e).unwrap()).collect(),
            vec![],
        );
        let asked: Vec<&str> = questions(&contact)
            .into_iter()
            .map(|q| match q {
                Question::Phone(phone) => phone.national(),
                Question::Email(email) => email.address(),
            })
            .collect();
        assert_eq!(asked, ["11900000001", "11900000002", "11900000003", "ana@example.com"]);
    }

    #[test]
    fn a_stored_resolution_is_read_back_and_shows_nobody() {
        let found = resolve(&named("Ana Souza"), &[answer(FoundBy::Phone, &[ANA])]);
        let stored = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Resolution>(&stored).unwrap(), found);
        insta::assert_snapshot!(format!("{found:?}"), @"Found { cpf: Cpf(…), name: Some(PersonName(…)), by: Phone, why: OnlyOne }");
    }
}
