//! MoySklad's notices.

use jiff::SignedDuration;

use super::{ACCOUNT, caller, now};
use crate::model::event::Provider;
use crate::providers::moysklad::payload::{MAX_EVENTS, Notice, parse_body};
use crate::providers::moysklad::translate::announced;
use crate::providers::moysklad::verify::incoming;

/// How far a notice's time may be from ours.
const BELIEVED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn play(body: &[u8]) {
    let account = ACCOUNT.parse().expect("an account");
    let caller = caller(Provider::Moysklad);
    let taken = incoming(&caller, account, None, &[], body, now());
    let notices = match parse_body(body, account, now()) {
        Ok(notices) => notices,
        Err(error) => {
            assert_eq!(taken.err(), Some(error));
            return;
        }
    };
    let taken = taken.expect("what can be read is looked at notice by notice");
    assert!((1..=MAX_EVENTS).contains(&notices.len()) && notices.len() == taken.len());
    for (index, (notice, taken)) in notices.into_iter().zip(taken).enumerate() {
        let notice = match notice {
            Ok(notice) => notice,
            Err(rejection) => {
                assert_eq!((rejection.index, taken.is_err()), (index, true));
                continue;
            }
        };
        let taken = taken.expect("what is read is taken");
        assert_eq!(notice.account_id, account, "nothing of another account");
        assert!(notice.at.duration_since(now()).abs() <= BELIEVED_WITHIN);
        let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b));
        let names = std::iter::once(&notice.entity_type).chain(notice.updated_fields.iter().flatten());
        assert!(names.into_iter().all(|name| plain(name) && (1..=64).contains(&name.len())), "names are words");
        let _ = (notice.kind(), notice.groups());
        let kept = &taken.body().bytes;
        assert_eq!(Notice::read(kept).as_ref(), Ok(&notice), "what is stored is read back the same");
        assert!(announced(kept).is_ok(), "what is kept can be told");
    }
}
