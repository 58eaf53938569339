//! Whatever is outside, with every call to it numbered and open to a fault.

use std::future::Future;

use jiff::SignedDuration;

use super::clock;
use super::script::{Fault, Kind, Outside};
use crate::enrichment::ports::{Upstream, UpstreamError, UpstreamErrorKind};
use crate::sync::ports::MoyskladError;
use crate::work::StoreError;

/// How long a slow call takes: within every time-out, and longer than anybody's patience with a clock.
const A_WHILE: SignedDuration = SignedDuration::from_secs(8);

/// Something outside, by way of its faults.
#[derive(Debug, Clone)]
pub(super) struct Faulty<T> {
    pub(super) inner: T,
    pub(super) outside: Outside,
}

/// How a call says that it failed.
pub(super) trait Trouble {
    /// It may have been carried out.
    fn lost(call: &'static str, kind: Kind) -> Self;
    /// It was one too many, and was not.
    fn throttled(call: &'static str) -> Self;
}

impl Trouble for StoreError {
    fn lost(_: &'static str, _: Kind) -> Self {
        Self::Unavailable("the answer was lost".into())
    }

    fn throttled(_: &'static str) -> Self {
        Self::Unavailable("one call too many".into())
    }
}

fn upstream(call: &str) -> Upstream {
    match call {
        "by_phone" | "by_email" => Upstream::Diretrix,
        "by_cpf" => Upstream::WorkApi,
        _ => Upstream::C2s,
    }
}

impl Trouble for UpstreamError {
    fn lost(call: &'static str, kind: Kind) -> Self {
        let happened = if kind == Kind::Read { UpstreamErrorKind::Timeout } else { UpstreamErrorKind::UnknownOutcome };
        Self::new(upstream(call), happened)
    }

    fn throttled(call: &'static str) -> Self {
        Self::new(upstream(call), UpstreamErrorKind::RateLimited { retry_after: None })
    }
}

impl Trouble for MoyskladError {
    fn lost(_: &'static str, kind: Kind) -> Self {
        if kind == Kind::Read { Self::Timeout } else { Self::UnknownOutcome }
    }

    fn throttled(_: &'static str) -> Self {
        Self::RateLimited { after: SignedDuration::from_secs(3) }
    }
}

impl<T> Faulty<T> {
    pub(super) const fn new(inner: T, outside: Outside) -> Self {
        Self { inner, outside }
    }

    /// Makes a call, as the script has it.
    pub(super) async fn call<A, E: Trouble, F: Future<Output = Result<A, E>>>(
        &self,
        name: &'static str,
        kind: Kind,
        shelves: impl Fn() -> Vec<String>,
        act: impl Fn() -> F,
    ) -> Result<A, E> {
        match self.outside.pass(name, kind, shelves).await {
            None => act().await,
            Some(Fault::CrashBefore) => self.outside.crash().await,
            Some(Fault::CrashAfter) => {
                let _ = act().await;
                self.outside.crash().await
            }
            Some(Fault::AnswerLost | Fault::Half) => {
                let _ = act().await;
                Err(E::lost(name, kind))
            }
            Some(Fault::Throttled) => Err(E::throttled(name)),
            Some(Fault::Doubled) => {
                let _ = act().await;
                act().await
            }
            Some(Fault::Slow) => {
                clock::wait(A_WHILE);
                act().await
            }
        }
    }

    /// The same, where failing is an answer like another.
    pub(super) async fn call_for<A, F: Future<Output = A>>(
        &self,
        (name, kind): (&'static str, Kind),
        shelves: impl Fn() -> Vec<String>,
        act: impl Fn() -> F,
        failed: impl Fn(Fault) -> A,
    ) -> A {
        match self.outside.pass(name, kind, shelves).await {
            None => act().await,
            Some(Fault::CrashBefore) => self.outside.crash().await,
            Some(Fault::CrashAfter) => {
                let _ = act().await;
                self.outside.crash().await
            }
            Some(fault @ (Fault::AnswerLost | Fault::Half)) => {
                let _ = act().await;
                failed(fault)
            }
            Some(fault @ Fault::Throttled) => failed(fault),
            Some(Fault::Doubled) => {
                let _ = act().await;
                act().await
            }
            Some(Fault::Slow) => {
                clock::wait(A_WHILE);
                act().await
            }
        }
    }
}

/// Implements a trait of what is outside by way of its faults: for each call its kind, and what it looks at or changes.
macro_rules! by_way_of_faults {
    ($outside:path; $(
        $kind:ident $name:ident $(<$($generic:ident: $bound:path $(, $more:path)?);+>)?
        ($($arg:ident: $type:ty),*) -> $out:ty, on [$($shelf:expr),*];
    )*) => {
        impl<T: $outside> $outside for Faulty<T> {
            $(
                async fn $name $(<$($generic: $bound $(+ $more)? + Send + Sync),+>)? (&self, $($arg: $type),*) -> $out {
                    self.call(
                        stringify!($name),
                        Kind::$kind,
                        || vec![$($shelf.to_string()),*],
                        || <T as $outside>::$name $(::<$($generic),+>)? (&self.inner, $($arg),*),
                    )
                    .await
                }
            )*
        }
    };
}
pub(super) use by_way_of_faults;
