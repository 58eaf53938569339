//! The only room that names the AWS SDK. `keys` owns every key, `items` every attribute the rules of work touch.

mod batches;
mod bells;
mod cards;
mod connect;
mod connections;
mod counters;
mod dead_letters;
mod deletes;
mod deliveries;
mod directory;
mod due;
mod event_file;
mod expression;
mod failure;
#[cfg(feature = "testing")]
mod filling;
mod healths;
mod inbox;
mod items;
pub mod keys;
mod listing;
mod look_ups;
mod many;
mod meter;
mod moysklad;
mod outbox;
mod packed;
mod personal_data;
mod puts;
mod queries;
mod rows;
mod secrets;
mod signals;
mod store;
mod subjects;
mod subscription_book;
mod subscriptions;
mod sweep_lease;
mod switches;
mod transact;
#[cfg(test)]
mod written_before;

pub use connect::{AwsConfig, Budget, connect};
pub use inbox::SubjectBody;
pub use meter::WriteMeter;
pub use secrets::{SecretError, Secrets};
pub use store::{QueueUrls, Store, Tables};
