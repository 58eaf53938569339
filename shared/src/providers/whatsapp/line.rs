//! The numbers that a source serves, and whether an event is for one of them.

use super::reading::RefusalCode;
use crate::model::whatsapp::{Line, WhatsappNumber};

/// What an event says of the number it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) number: Option<WhatsappNumber>,
    pub(super) phone_number_id: Option<String>,
}

/// Whether an event that names no number may be the source's only one's. Most gateways name none, and each has a
/// source of its own; Meta always names one, and one app may serve many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unstated {
    Refused,
    IsTheOnlyOne,
}

/// The line an event is for.
pub(super) fn find<'a>(lines: &'a [Line], stated: &Stated, unstated: Unstated) -> Result<&'a Line, RefusalCode> {
    if stated.number.is_none() && stated.phone_number_id.is_none() {
        return match (unstated, lines) {
            (Unstated::IsTheOnlyOne, [only]) if !only.disabled => Ok(only),
            _ => Err(RefusalCode::NumberMissing),
        };
    }
    let is_for = |line: &&Line| match (&line.phone_number_id, &stated.phone_number_id) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => stated.number.as_ref().is_some_and(|number| number.same_line(&line.number)),
    };
    lines.iter().find(is_for).filter(|line| !line.disabled).ok_or(RefusalCode::NumberForeign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u8, phone_number_id: Option<&str>) -> Line {
        Line {
            connection: format!("con_{n}").parse().unwrap(),
            number: number(&format!("551190000000{n}")),
            phone_number_id: phone_number_id.map(str::to_owned),
            client: None,
            disabled: false,
        }
    }

    fn number(text: &str) -> WhatsappNumber {
        WhatsappNumber::parse(text).unwrap()
    }

    fn stated(digits: Option<&str>, id: Option<&str>) -> Stated {
        Stated { number: digits.map(number), phone_number_id: id.map(str::to_owned) }
    }

    #[test]
    fn an_event_goes_to_the_number_it_names_and_to_no_other() {
        let lines = [line(1, None), line(2, Some("id2"))];
        let found = |stated: &Stated| find(&lines, stated, Unstated::Refused).map(|line| line.connection.as_str());
        assert_eq!(found(&stated(Some("5511900000001"), None)), Ok("con_1"));
        assert_eq!(found(&stated(Some("5511900000001"), Some("id1"))), Ok("con_1"), "the id was never told us");
        assert_eq!(
            found(&stated(Some("5511900000009"), Some("id2"))),
            Ok("con_2"),
            "where it is known, the id decides"
        );
        assert_eq!(found(&stated(Some("5511900000002"), Some("id9"))), Err(RefusalCode::NumberForeign));
        assert_eq!(found(&stated(Some("5511900000009"), None)), Err(RefusalCode::NumberForeign));
    }

    #[test]
    fn a_disabled_clients_number_is_nobodys() {
        let disabled = [Line { disabled: true, ..line(1, None) }];
        let named = stated(Some("5511900000001"), None);
        assert_eq!(find(&disabled, &named, Unstated::Refused), Err(RefusalCode::NumberForeign));
        assert_eq!(find(&disabled, &Stated::default(), Unstated::IsTheOnlyOne), Err(RefusalCode::NumberMissing));
    }

    #[test]
    fn an_event_without_a_number_is_the_only_ones_or_nobodys() {
        let (one, two) = ([line(1, None)], [line(1, None), line(2, None)]);
        assert!(find(&one, &Stated::default(), Unstated::IsTheOnlyOne).is_ok());
        for (lines, unstated) in
            [(&one[..], Unstated::Refused), (&two, Unstated::IsTheOnlyOne), (&[], Unstated::IsTheOnlyOne)]
        {
            assert_eq!(find(lines, &Stated::default(), unstated), Err(RefusalCode::NumberMissing));
        }
    }
}
