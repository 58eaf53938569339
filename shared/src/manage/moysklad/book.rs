//! MoySklad accounts as the operator finds them: one, a tenant's, or all.

use std::fmt;
use std::future::Future;
use std::str::FromStr;

use jiff::Timestamp;

use crate::model::ids::TenantId;
use crate::model::moysklad::{Account, AccountId};
use crate::work::StoreError;

/// Where accounts are read. They are written with the rest of the [`directory`](crate::manage::directory). Reads are
/// strong, but for the list of everybody's.
pub trait MoyskladAccounts: Send + Sync {
    /// A tenant's account.
    fn account(
        &self,
        tenant: &TenantId,
        id: AccountId,
    ) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;

    /// An account, whosever it is.
    fn claimed_account(&self, id: AccountId) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;

    /// A tenant's accounts, in no order.
    fn accounts_of(&self, tenant: &TenantId) -> impl Future<Output = Result<Vec<Account>, StoreError>> + Send;

    /// Accounts before `before` in the order in which they were made, the last first.
    fn all_accounts(
        &self,
        before: Option<&Place>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Account>, StoreError>> + Send;
}

/// The place of an account in the list of all: by when it was made, to the microsecond.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    made_at: i64,
    account: AccountId,
}

/// The text is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the list of accounts")]
pub struct NoPlace;

impl Place {
    /// The place of this account.
    #[must_use]
    pub fn of(account: &Account) -> Self {
        Self { made_at: account.created_at.as_microsecond(), account: account.id }
    }

    /// When it was made.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.made_at).unwrap_or(Timestamp::MAX)
    }

    /// Which account.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.made_at, self.account)
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (made_at, account) = text.split_once('_').ok_or(NoPlace)?;
        let made_at: i64 = made_at.parse().map_err(|_| NoPlace)?;
        Timestamp::from_microsecond(made_at).map_err(|_| NoPlace)?;
        Ok(Self { made_at, account: account.parse().map_err(|_| NoPlace)? })
    }
}
