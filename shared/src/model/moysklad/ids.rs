//! MoySklad's identifiers: UUIDs, in one spelling.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::model::schema::text_like;

/// The text is no UUID as MoySklad writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID of the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")]
pub struct NotAUuid;

/// Length of the only spelling accepted: with hyphens, without braces.
const LEN: usize = 36;
/// It, as an expression.
const FORM: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The identifier that this UUID is.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text_like(FORM.to_owned()).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                concat!("Moysklad", stringify!($name)).into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAUuid;

            fn from_str(text: &str) -> Result<Self, NotAUuid> {
                if text.len() != LEN {
                    return Err(NotAUuid);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| NotAUuid)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAUuid;

            fn try_from(text: String) -> Result<Self, NotAUuid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

uuid_id!(
    /// A MoySklad account: what webhooks call `accountId`.
    AccountId
);
uuid_id!(
    /// Anything inside an account: an entity, a price type, a currency.
    EntityId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_uuid_has_one_text_whatever_its_case() {
        let upper: EntityId = "75C896D0-0A3D-11EC-0A80-0FFC000B2A4C".parse().unwrap();
        assert_eq!(upper.to_string(), "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c");
        assert_eq!(serde_json::to_string(&upper).unwrap(), r#""75c896d0-0a3d-11ec-0a80-0ffc000b2a4c""#);
    }

    #[test]
    fn other_spellings_and_paths_are_no_identifier() {
        for bad in [
            "",
            "75c896d00a3d11ec0a800ffc000b2a4c",
            "{75c896d0-0a3d-11ec-0a80-0ffc000b2a4c}",
            "urn:uuid:75c896d0-0a3d-11ec-0a80-0ffc000b2a4c",
            "75c896d0-0a3d-11ec-0a80-0ffc000b2a4c/../x",
            "../../../../../../../../../../etc/pass",
        ] {
            assert_eq!(bad.parse::<EntityId>(), Err(NotAUuid), "{bad}");
        }
    }
}
