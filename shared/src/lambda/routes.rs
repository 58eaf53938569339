//! Routes and what `/openapi.json` says of them, from one table.

/// Makes a function that gives the router of a table of routes, and a type that describes them: it has what the
/// handlers' `#[utoipa::path]` say, and `ROUTES`, the table itself, against which a test holds what they say.
#[macro_export]
macro_rules! routes {
    (
        $(#[$about:meta])*
        fn $name:ident<$($generic:ident: $bound:path),+>() -> $router:ty, described by $described:ident:
        $($path:literal => $($method:ident $($handler:ident)::+),+;)+
    ) => {
        $(#[$about])*
        fn $name<$($generic: $bound + 'static),+>() -> $router {
            ::axum::Router::new()
                $(.route($path, ::axum::routing::MethodRouter::new()$(.$method($($handler)::+))+))+
        }

        #[derive(::utoipa::OpenApi)]
        #[openapi(paths($($($($handler)::+),+),+))]
        struct $described;

        impl $described {
            /// The method and path of each.
            #[cfg(test)]
            const ROUTES: &[(&str, &str)] = &[$($((stringify!($method), $path)),+),+];
        }
    };
}
