//! What identifies a person. None of these types can be displayed, and their `Debug` shows nothing: a value
//! reaches the outside only through a method that says what it gives away.

mod cpf;
mod email;
mod name;
mod phone;

pub use cpf::{Cpf, NotACpf};
pub use email::{Email, NotAnEmail};
pub use name::{NameMatch, NotAName, PartialMatch, PersonName};
pub use phone::{NotAPhone, Phone};
