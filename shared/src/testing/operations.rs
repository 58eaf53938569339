//! The operations of an API's description, and of a table of routes, as sets that can be compared.

use std::collections::BTreeSet;

use utoipa::openapi::OpenApi;

/// Those of a description: `get /health`.
#[must_use]
pub fn of(document: &OpenApi) -> BTreeSet<String> {
    let item = |(path, item): (&String, &utoipa::openapi::PathItem)| {
        let methods = [
            ("get", item.get.is_some()),
            ("post", item.post.is_some()),
            ("put", item.put.is_some()),
            ("patch", item.patch.is_some()),
            ("delete", item.delete.is_some()),
        ];
        methods
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(method, _)| format!("{method} {path}"))
            .collect::<Vec<_>>()
    };
    document.paths.paths.iter().flat_map(item).collect()
}

/// Those of a table of `gancho::routes!`, nested under a path.
#[must_use]
pub fn table(under: &str, routes: &[(&str, &str)]) -> BTreeSet<String> {
    routes.iter().map(|(method, path)| format!("{method} {under}{path}")).collect()
}
