//! The synthetic people: invented names, CPFs of the 000.000.00x-xx range that are nobody's, e-mails at example.com.

use serde::{Deserialize, Serialize};

use super::bounded::BoundedMap;

const MAX_PEOPLE: usize = 100_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    /// 11 digits; 14 make it a company, which only Work API's phone module knows.
    pub(crate) cpf: String,
    pub(crate) name: String,
    /// Digits with 55.
    #[serde(default)]
    pub(crate) phones: Vec<String>,
    #[serde(default)]
    pub(crate) emails: Vec<String>,
    /// With a decimal comma, as Work API writes it.
    #[serde(default = "default_income")]
    pub(crate) income: String,
    /// Whether Diretrix knows them.
    #[serde(default = "yes")]
    pub(crate) diretrix: bool,
    #[serde(default)]
    pub(crate) work: WorkShape,
}

/// How Work API's `cpf` module shows a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkShape {
    #[default]
    Full,
    /// `[]` where the objects would be.
    Empty,
    /// Objects null or absent.
    Absent,
    /// Not found.
    Unknown,
}

fn default_income() -> String {
    "6089,28".into()
}

fn yes() -> bool {
    true
}

impl Person {
    pub(crate) fn is_company(&self) -> bool {
        self.cpf.len() == 14
    }

    /// `phone` with or without 55.
    fn has_phone(&self, phone: &str) -> bool {
        self.phones.iter().any(|own| own == phone || own.strip_prefix("55") == Some(phone))
    }

    fn has_email(&self, email: &str) -> bool {
        self.emails.iter().any(|own| own.eq_ignore_ascii_case(email))
    }
}

pub(crate) struct People(BoundedMap<Person>);

impl Default for People {
    fn default() -> Self {
        let mut people = Self(BoundedMap::new(MAX_PEOPLE));
        for person in catalogue() {
            people.put(person);
        }
        people
    }
}

impl People {
    /// Adds a person, or replaces the one with that CPF.
    pub(crate) fn put(&mut self, person: Person) {
        let cpf = person.cpf.clone();
        self.0.insert(&cpf, person);
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Person> {
        self.0.values()
    }

    pub(crate) fn by_cpf(&self, cpf: &str) -> Option<&Person> {
        self.0.get(cpf)
    }

    pub(crate) fn by_phone(&self, phone: &str) -> impl Iterator<Item = &Person> {
        self.all().filter(move |person| person.has_phone(phone))
    }

    pub(crate) fn by_email(&self, email: &str) -> impl Iterator<Item = &Person> {
        self.all().filter(move |person| person.has_email(email))
    }
}

/// Nobody has the phone 5511900000099 or the e-mail nobody@example.com.
fn catalogue() -> Vec<Person> {
    let person = |n: u32, name: &str, phones: &[&str], email: &str| Person {
        cpf: cpf(n),
        name: name.into(),
        phones: phones.iter().map(|&phone| phone.into()).collect(),
        emails: vec![email.into()],
        income: default_income(),
        diretrix: true,
        work: WorkShape::Full,
    };
    const SHARED: &str = "5511900000003";
    vec![
        person(1, "Ana Exemplo da Silva", &["5511900000001"], "ana@example.com"),
        person(2, "Bruno Modelo Teste", &[], "bruno@example.com"),
        person(3, "Carla Amostra Pereira", &[SHARED], "carla@example.com"),
        person(4, "Davi Amostra Pereira", &[SHARED], "davi@example.com"),
        Person {
            income: "1.412,00".into(),
            ..person(5, "Elisa Fictícia de Souza", &[SHARED, "5511900000005"], "elisa@example.com")
        },
        Person {
            work: WorkShape::Unknown,
            ..person(6, "Fábio Inventado Ramos", &["5511900000006"], "fabio@example.com")
        },
        Person {
            work: WorkShape::Empty,
            ..person(7, "Gabriela Sintética Lima", &["5511900000007"], "gabriela@example.com")
        },
        Person {
            work: WorkShape::Absent,
            ..person(8, "Heitor Imaginário Costa", &["5511900000008"], "heitor@example.com")
        },
        Person { diretrix: false, ..person(9, "Iara Suposta Nunes", &["5511900000009"], "iara@example.com") },
        Person {
            cpf: "11222333000181".into(),
            ..person(0, "Empresa Fictícia Ltda", &[SHARED, "5511900000010"], "empresa@example.com")
        },
    ]
}

/// A CPF with valid check digits over nine digits.
fn cpf(base: u32) -> String {
    let mut digits: Vec<u32> = format!("{base:09}").chars().filter_map(|c| c.to_digit(10)).collect();
    for _ in 0..2 {
        let weights = (2..=digits.len() as u32 + 1).rev();
        let sum: u32 = digits.iter().zip(weights).map(|(d, weight)| d * weight).sum();
        digits.push(match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        });
    }
    digits.iter().map(u32::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_documented_test_numbers() {
        assert_eq!(cpf(1), "00000000191");
        assert_eq!(cpf(123_456_789), "12345678909");
        assert_eq!(cpf(111_444_777), "11144477735");
    }
}
