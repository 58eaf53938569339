//! The person in a C2S lead: as given, and in normal form.

use std::fmt;

use serde_json::{Map, Value};

use super::cpf_in_text;
use crate::model::contact::Contact;
use crate::model::person::{Cpf, Email, PersonName, Phone};

type Object = Map<String, Value>;

/// The customer's particulars as the sender wrote them, white space apart: what a tenant is told of its own lead.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The name.
    pub name: Option<String>,
    /// Telephone numbers.
    pub phones: Vec<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
}

/// What is longer is no name, number or address, and is left out of [`Given`]; the raw event still has it.
const MAX_GIVEN: usize = 320;

/// How much free text is searched for a CPF, over all fields and messages together.
const MAX_SEARCHED: usize = 64 * 1024;

const PHONE_FIELDS: [&str; 3] = ["phone", "phone2", "phone_global"];
const CPF_FIELDS: [&str; 5] = ["cpf", "document", "documento", "cpf_cnpj", "cpfCnpj"];
const TEXT_FIELDS: [&str; 3] = ["description", "observation", "notes"];

/// Reads the customer of a lead, or the lead's own fields where the body is flat.
pub(super) fn read(attributes: &Object) -> (Given, Contact) {
    let customer = attributes.get("customer").and_then(Value::as_object).unwrap_or(attributes);
    let given = Given {
        name: customer.get("name").and_then(text),
        phones: distinct(PHONE_FIELDS.iter().filter_map(|field| customer.get(*field).and_then(text))),
        emails: distinct(customer.get("email").and_then(text)),
    };
    let phones: Vec<Phone> = given
        .phones
        .iter()
        // One field may hold two numbers.
        .flat_map(|field| field.split(['/', ';', ',', '|']))
        .filter_map(|number| Phone::parse(number).ok())
        .collect();
    let emails =
        given.emails.iter().flat_map(|field| field.split([';', ','])).filter_map(|e| Email::parse(e).ok()).collect();
    let cpfs = cpfs(customer, attributes, &phones);
    let name = given.name.as_deref().and_then(|name| PersonName::parse(name).ok());
    let contact = Contact::new(name, phones, emails, cpfs);
    (given, contact)
}

/// Stated in a field first, then found in free text.
fn cpfs(customer: &Object, attributes: &Object, phones: &[Phone]) -> Vec<Cpf> {
    let stated = [customer, attributes].into_iter().flat_map(|o| CPF_FIELDS.iter().filter_map(|field| o.get(*field)));
    let mut cpfs: Vec<Cpf> = stated.filter_map(stated_cpf).collect();
    let texts = [customer, attributes].into_iter().flat_map(|o| TEXT_FIELDS.iter().filter_map(|field| o.get(*field)));
    let messages = attributes.get("messages").and_then(Value::as_array).into_iter().flatten();
    let bodies = messages.filter_map(|message| message.get("body").or(Some(message)));
    let mut budget = MAX_SEARCHED;
    for text in texts.chain(bodies).filter_map(Value::as_str) {
        let Some(rest) = budget.checked_sub(text.len()) else {
            break;
        };
        budget = rest;
        cpfs.extend(cpf_in_text::find(text, phones));
    }
    cpfs
}

fn stated_cpf(value: &Value) -> Option<Cpf> {
    match value {
        Value::String(text) => Cpf::parse(text).ok(),
        // A number has lost its leading zeros; below nine digits it is more likely something else.
        Value::Number(number) => {
            number.as_u64().filter(|n| *n >= 100_000_000).and_then(|n| Cpf::parse(&format!("{n:011}")).ok())
        }
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= MAX_GIVEN).then_some(text)
}

fn distinct(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, phones, emails) = (self.name.is_some(), self.phones.len(), self.emails.len());
        f.debug_struct("Given").field("name", &name).field("phones", &phones).field("emails", &emails).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contact(attributes: Value) -> Contact {
        read(attributes.as_object().unwrap()).1
    }

    #[test]
    fn numbers_are_read_wherever_they_stand_and_once() {
        let lead = json!({"customer": {"phone": 5_511_900_000_001_u64, "phone2": "(11) 90000-0001 / 11 90000-0002", "phone_global": "+5511900000003"}});
        let national: Vec<String> = contact(lead).phones.iter().map(|p| p.national().to_owned()).collect();
        assert_eq!(national, ["11900000001", "11900000002", "11900000003"]);
    }

    #[test]
    fn a_flat_lead_is_its_own_customer() {
        let read = contact(json!({"name": "Ana Souza", "email": "Ana@Example.com", "phone": "11900000001"}));
        assert_eq!((read.name.unwrap().as_given(), read.phones.len(), read.emails.len()), ("Ana Souza", 1, 1));
    }

    #[test]
    fn a_lead_with_a_customer_does_not_lend_it_its_own_name() {
        assert_eq!(contact(json!({"name": "Lead 17", "customer": {"email": "ana@example.com"}})).name, None);
    }

    #[test]
    fn stated_cpfs_come_before_those_found_in_texts() {
        let read = contact(json!({
            "description": "CPF 000.000.002-72",
            "messages": [{"body": "meu cpf: 00000000353"}, "000.000.004-34", 7, {"body": null}],
            "customer": {"document": "123.456.789-09", "cpf": null},
            "cpf": 12_345_678_909_u64,
        }));
        let digits: Vec<&str> = read.cpfs.iter().map(Cpf::digits).collect();
        assert_eq!(digits, ["12345678909", "00000000272", "00000000353", "00000000434"]);
    }

    #[test]
    fn a_company_number_is_not_a_cpf() {
        assert!(contact(json!({"customer": {"cpf_cnpj": "11.222.333/0001-81"}, "document": 191})).cpfs.is_empty());
    }

    #[test]
    fn what_cannot_be_used_is_still_kept_as_given() {
        let lead = json!({"customer": {"name": "  Ana\n Souza ", "phone": "+1 212 555 0100", "email": "nao tem"}});
        let (given, contact) = read(lead.as_object().unwrap());
        assert_eq!(given.phones, ["+1 212 555 0100"]);
        assert_eq!((given.name.as_deref(), given.emails.len()), (Some("Ana Souza"), 1));
        assert!(contact.is_unreachable());
        insta::assert_snapshot!(format!("{given:?}"), @"Given { name: true, phones: 1, emails: 1 }");
    }

    #[test]
    fn any_type_anywhere_is_borne() {
        for odd in [json!(null), json!(true), json!([1, {"a": []}]), json!({"x": 1}), json!(-1.5)] {
            let lead = json!({"customer": odd, "name": odd, "phone": odd, "email": odd, "cpf": odd, "messages": odd, "description": odd});
            let _ = contact(lead);
        }
    }
}
