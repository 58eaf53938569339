//! What became of a message that was sent, in the words of the gateways.

use serde_json::Value;

use crate::model::whatsapp::Word;
use crate::providers::whatsapp::fields::whole;
use crate::providers::whatsapp::reading::Ignored;

/// The word of the normal form for a status of WAProto: a number, or its name.
pub(super) fn of_proto(value: &Value) -> Result<String, Option<Ignored>> {
    let name = match (whole(value), value.as_str().and_then(Word::read)) {
        (Some(number), _) => match number {
            0 => "failed",
            1 => return Err(Some(Ignored::Pending)),
            2 => "sent",
            3 => "delivered",
            4 => "read",
            5 => "played",
            _ => return Err(None),
        },
        (None, Some(word)) => match word.as_str() {
            "error" => "failed",
            "pending" => return Err(Some(Ignored::Pending)),
            "server_ack" => "sent",
            "delivery_ack" => "delivered",
            other => return Ok(other.to_owned()),
        },
        (None, None) => return Err(None),
    };
    Ok(name.to_owned())
}

/// The word for an `ack` of WhatsApp Web, which counts one less.
pub(super) fn of_ack(value: &Value) -> Result<String, Option<Ignored>> {
    let name = match whole(value).ok_or(None)? {
        ..0 => "failed",
        0 => return Err(Some(Ignored::Pending)),
        1 => "sent",
        2 => "delivered",
        3 => "read",
        4 => "played",
        _ => return Err(None),
    };
    Ok(name.to_owned())
}

/// The word for a receipt of whatsmeow. Those among one's own devices tell nothing of the other side.
pub(super) fn of_receipt(kind: &str) -> Result<String, Option<Ignored>> {
    let word = match kind {
        "" => "delivered",
        "sender" | "read-self" | "played-self" | "hist_sync" | "peer_msg" | "inactive" => {
            return Err(Some(Ignored::NotOurs));
        }
        "retry" => return Err(Some(Ignored::Pending)),
        "server-error" => "failed",
        other => return Word::read(other).map(|word| word.as_str().to_owned()).ok_or(None),
    };
    Ok(word.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_the_same_word_in_every_dialect() {
        for (word, proto, name, ack) in [
            ("failed", 0, "ERROR", -1),
            ("sent", 2, "SERVER_ACK", 1),
            ("delivered", 3, "DELIVERY_ACK", 2),
            ("read", 4, "READ", 3),
            ("played", 5, "PLAYED", 4),
        ] {
            assert_eq!(of_proto(&json!(proto)).as_deref(), Ok(word));
            assert_eq!(of_proto(&json!(name)).as_deref(), Ok(word));
            assert_eq!(of_ack(&json!(ack)).as_deref(), Ok(word));
        }
        assert_eq!(of_receipt("").as_deref(), Ok("delivered"));
        assert_eq!(of_receipt("read").as_deref(), Ok("read"));
    }

    #[test]
    fn what_has_not_left_and_what_is_not_ours_is_no_status() {
        assert_eq!(of_proto(&json!(1)), Err(Some(Ignored::Pending)));
        assert_eq!(of_ack(&json!(0)), Err(Some(Ignored::Pending)));
        assert_eq!(of_receipt("read-self"), Err(Some(Ignored::NotOurs)));
        for odd in [json!(null), json!(99), json!(1.5), json!([]), json!("")] {
            assert_eq!((of_proto(&odd), of_ack(&odd)), (Err(None), Err(None)), "{odd}");
        }
    }
}
