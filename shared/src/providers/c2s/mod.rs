//! Contact2Sale: real-estate leads. It signs nothing and documents no body, so the address is the secret
//! and every shape seen in the wild is read.

mod cpf_in_text;
mod customer;
pub mod payload;
mod shape;
pub mod translate;
mod updated_at;
pub mod verify;
