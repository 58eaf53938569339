//! What the played third parties accept. Plainly fake by default, and never to be replaced by real ones:
//! the sandbox logs what it is asked, credentials included.

/// The credentials of the played third parties.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `sandbox-c2s-token`; `sandbox-c2s-token+<anything>` is another company's token.
    pub c2s_token: String,
    /// `sandbox-work-token`.
    pub work_token: String,
    /// `sandbox`.
    pub diretrix_user: String,
    /// `sandbox-password`.
    pub diretrix_password: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            c2s_token: "sandbox-c2s-token".into(),
            work_token: "sandbox-work-token".into(),
            diretrix_user: "sandbox".into(),
            diretrix_password: "sandbox-password".into(),
        }
    }
}

impl Credentials {
    /// The defaults, each overridable: `SANDBOX_C2S_TOKEN`, `SANDBOX_WORK_TOKEN`, `SANDBOX_DIRETRIX_USER`,
    /// `SANDBOX_DIRETRIX_PASSWORD`.
    pub fn from_env() -> Self {
        let default = Self::default();
        let or = |name: &str, default: String| std::env::var(name).unwrap_or(default);
        Self {
            c2s_token: or("SANDBOX_C2S_TOKEN", default.c2s_token),
            work_token: or("SANDBOX_WORK_TOKEN", default.work_token),
            diretrix_user: or("SANDBOX_DIRETRIX_USER", default.diretrix_user),
            diretrix_password: or("SANDBOX_DIRETRIX_PASSWORD", default.diretrix_password),
        }
    }
}
