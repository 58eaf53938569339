//! CPFs that somebody typed into a description or a message.

use crate::model::person::{Cpf, Phone};

/// How far before a bare number the word `cpf` may stand to be its label.
const LABEL_REACH: usize = 24;

/// The CPFs in a text, in order. Eleven digits in a row may as well be a mobile number, so:
/// - with its punctuation (`123.456.789-09`) a number is a CPF when its check digits are right;
/// - bare, it must also stand alone, and one that could be a mobile number is a CPF only if `cpf` stands before it;
/// - a number that is one of the lead's own telephones never is.
pub(super) fn find(text: &str, own_phones: &[Phone]) -> Vec<Cpf> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let len = run_len(&bytes[at..]);
        let run = &text[at..at + len];
        if stands_alone(text, at, len)
            && let Some(cpf) = read(run, &text[..at], own_phones)
        {
            found.push(cpf);
        }
        at += len;
    }
    found
}

/// A run of digits, held together by single dots, dashes and slashes between digits.
fn run_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    while len < bytes.len() {
        let joins = b".-/".contains(&bytes[len]) && bytes.get(len + 1).is_some_and(u8::is_ascii_digit);
        if !bytes[len].is_ascii_digit() && !joins {
            break;
        }
        len += 1;
    }
    len
}

/// Not a piece of a word, of an identifier or of an international number.
fn stands_alone(text: &str, at: usize, len: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + len..].chars().next();
    !before.is_some_and(|c| c.is_alphanumeric() || "_+@#".contains(c))
        && !after.is_some_and(|c| c.is_alphanumeric() || "_@".contains(c))
}

fn read(run: &str, before: &str, own_phones: &[Phone]) -> Option<Cpf> {
    let bytes = run.as_bytes();
    let punctuated = bytes.len() == 14 && bytes[3] == b'.' && bytes[7] == b'.' && matches!(bytes[11], b'-' | b'/');
    let dashed = bytes.len() == 12 && bytes[9] == b'-';
    let bare = bytes.len() == 11 && bytes.iter().all(u8::is_ascii_digit);
    if !(punctuated || dashed || bare) {
        return None;
    }
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    let cpf = Cpf::parse(&digits).ok()?;
    match Phone::parse(&digits) {
        Ok(phone) if own_phones.contains(&phone) => None,
        Ok(_) if bare && !labelled(before) => None,
        _ => Some(cpf),
    }
}

fn labelled(before: &str) -> bool {
    let reach: Vec<char> = before.chars().rev().take(LABEL_REACH).collect();
    let reach: String = reach.into_iter().rev().collect::<String>().to_lowercase();
    // The last `cpf` counts only if no other number lies between it and ours.
    reach.rfind("cpf").is_some_and(|at| !reach[at..].bytes().any(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Valid check digits, and also the form of a mobile number in São Paulo.
    const CPF_LIKE_A_MOBILE: &str = "11900000083";

    fn digits(text: &str) -> Vec<String> {
        find(text, &[]).iter().map(|cpf| cpf.digits().to_owned()).collect()
    }

    #[test]
    fn a_cpf_is_found_in_its_spellings() {
        for text in [
            "CPF 123.456.789-09.",
            "cpf:12345678909",
            "doc 123456789-09, ok",
            "(12345678909)",
            "“12345678909”",
            "x\n12345678909\ny",
            "123.456.789/09",
        ] {
            assert_eq!(digits(text), ["12345678909"], "{text}");
        }
    }

    #[test]
    fn several_are_kept_in_order() {
        assert_eq!(digits("000.000.001-91 e depois 123.456.789-09"), ["00000000191", "12345678909"]);
    }

    #[test]
    fn wrong_check_digits_and_pieces_of_longer_things_are_not_cpfs() {
        for text in [
            "123.456.789-00",
            "a12345678909",
            "12345678909b",
            "112345678909",
            "12345678909-1",
            "+12345678909",
            "11.222.333/0001-81",
            "id_12345678909",
            "é12345678909",
            "111.111.111-11",
            "12345678909@example.com",
        ] {
            assert!(digits(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_bare_number_that_may_be_a_mobile_needs_the_label() {
        assert!(Cpf::parse(CPF_LIKE_A_MOBILE).is_ok() && Phone::parse(CPF_LIKE_A_MOBILE).is_ok());
        assert!(digits(&format!("me liga {CPF_LIKE_A_MOBILE}")).is_empty());
        assert!(digits(&format!("cpf 12345678909 fone {CPF_LIKE_A_MOBILE}")).iter().all(|d| d == "12345678909"));
        assert_eq!(digits(&format!("meu CPF é {CPF_LIKE_A_MOBILE}")), [CPF_LIKE_A_MOBILE]);
        assert_eq!(digits("119.000.000-83"), [CPF_LIKE_A_MOBILE]);
    }

    #[test]
    fn the_leads_own_telephone_is_never_a_cpf() {
        let own = [Phone::parse(CPF_LIKE_A_MOBILE).unwrap()];
        assert!(find(&format!("CPF {CPF_LIKE_A_MOBILE}"), &own).is_empty());
        assert!(find("119.000.000-83", &own).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*|[0-9./ cpfé-]{0,60}") {
            let _ = find(&text, &[]);
        }
    }
}
