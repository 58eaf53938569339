//! Outward HTTP: one file per counterpart. Only this room names the HTTP client.

pub mod public_resolver;
pub mod receiver;

/// Gives TLS its cryptography: `ring`, for the whole process. Asked for by every client, done once.
fn provide_crypto() {
    // An error says that it has been done.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
