//! Why a wish is not granted.

use super::json_fields::BodyError;
use crate::model::ids::SubscriptionId;
use crate::signing::seal::OpenError;
use crate::work::StoreError;

/// Why a wish is not granted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// It does not exist, or is not the caller's to know of.
    #[error("there is nothing by that name")]
    NotFound,
    /// What was sent cannot be used.
    #[error(transparent)]
    Input(#[from] BodyError),
    /// It does not go together with how things stand.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// What was sealed does not open: ours to mend.
    #[error("a sealed value cannot be read: {0}")]
    Sealed(#[from] OpenError),
    /// It was changed at the same time.
    #[error("it was changed at the same time")]
    Changed,
    /// MoySklad did not do what it was asked, for this reason: a stable word.
    #[error("MoySklad did not do it: {0}")]
    Upstream(String),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What stands against a wish.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another subscription of the tenant has the same URL and scope and an event in common.
    #[error("A subscription with this URL and event exists already.")]
    SubscriptionExists {
        /// Which, where the store could tell.
        by: Option<SubscriptionId>,
    },
    /// The tenant has as many as it may.
    #[error("A tenant may have at most {max} subscriptions.")]
    TooManySubscriptions {
        /// How many.
        max: usize,
    },
    /// The number's line is linked already. Whose it is, the caller is not told.
    #[error("This number is linked already.")]
    NumberLinked,
    /// The tenant has as many as it may.
    #[error("A tenant may have at most {max} connections.")]
    TooManyConnections {
        /// How many.
        max: usize,
    },
    /// The delivery is still under way: there is nothing to replay yet.
    #[error("The delivery has not ended.")]
    NotEnded,
    /// What the delivery said was erased, or is no longer kept.
    #[error("What this delivery carried was erased or is no longer kept.")]
    Erased,
    /// The delivery's subscription was deleted.
    #[error("The subscription of this delivery was deleted.")]
    SubscriptionGone,
    /// The MoySklad account is set up already. Whose it is is not said.
    #[error("This MoySklad account is set up already.")]
    AccountTaken,
    /// Other accounts have their catalogue from it.
    #[error("This account is the main account of others. Take them away first, or give them another.")]
    HasChildren,
    /// The account is switched off: what is marked for it would wait.
    #[error("The account is disabled. Enable it first.")]
    AccountDisabled,
    /// A walk is under way.
    #[error("A resync of this account is under way.")]
    AlreadyRunning,
    /// What a prefix is made of cannot be one, or a webhook's address would be too long.
    #[error("The platform's own address cannot be registered. Set the parameter PublicUrl.")]
    NoPublicUrl,
    /// The subscription is switched off: what is sent to it would be cancelled at once.
    #[error("The subscription is not active. Switch it on first.")]
    SubscriptionInactive,
}

impl Conflict {
    /// A stable word, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SubscriptionExists { .. } => "subscription_exists",
            Self::TooManySubscriptions { .. } => "too_many_subscriptions",
            Self::NumberLinked => "number_linked",
            Self::TooManyConnections { .. } => "too_many_connections",
            Self::NotEnded => "not_ended",
            Self::Erased => "erased",
            Self::SubscriptionGone => "subscription_gone",
            Self::AccountTaken => "account_taken",
            Self::HasChildren => "has_children",
            Self::AccountDisabled => "account_disabled",
            Self::AlreadyRunning => "already_running",
            Self::NoPublicUrl => "no_public_url",
            Self::SubscriptionInactive => "subscription_inactive",
        }
    }
}
