//! What all operations have in common: who may call, and what is answered when something is wrong.

use gancho::lambda::problem_schema::ProblemDocument;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, Ref, RefOr, Response, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The answers that many operations share: status, name among the components, what it means.
const SHARED: [(u16, &str, &str); 8] = [
    (400, "NotJson", "The body is not JSON, or holds nothing."),
    (401, "Unauthorized", "The credential is missing, unknown, expired, revoked or disabled."),
    (403, "WrongCredential", "A credential of another kind."),
    (404, "NotFound", "Nothing by that name, or not yours."),
    (413, "TooLarge", "The body is too large, or holds too many events."),
    (422, "Unacceptable", "The body or the query is not acceptable; `errors` says everything that is wrong with it."),
    (500, "Internal", "A fault of ours."),
    (503, "Unavailable", "The store did not answer: the same request will go through later."),
];
/// What API Gateway answers in our place.
const THROTTLED: (u16, &str) = (429, "Throttled");

/// Adds it to every operation that does not say it itself.
pub(super) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    let shared = SHARED.map(|(_, name, meaning)| (name, problem(meaning)));
    let mut schemas = vec![(ProblemDocument::name().into_owned(), ProblemDocument::schema())];
    ProblemDocument::schemas(&mut schemas);
    let more = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .responses_from_iter(shared.into_iter().chain([(THROTTLED.1, throttled())]))
        .build();
    components.schemas.extend(more.schemas);
    components.responses.extend(more.responses);
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            complete(operation);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [get, post, put, patch, delete].into_iter().flatten()
}

fn complete(operation: &mut Operation) {
    let has = |kind: &ParameterIn| {
        let one_is = |one: &RefOr<Parameter>| matches!(one, RefOr::T(one) if one.parameter_in == *kind);
        operation.parameters.iter().flatten().any(one_is)
    };
    // The doorbells of C2S and what is open to all say for themselves what they refuse.
    let ours = operation.security.iter().flatten().any(|needed| {
        let needed = serde_json::to_value(needed).unwrap_or_default();
        ["tenant_key", "admin_token"].iter().any(|name| needed.get(name).is_some())
    });
    let (named, asked, told) = (
        has(&ParameterIn::Path),
        has(&ParameterIn::Query) || has(&ParameterIn::Header),
        operation.request_body.is_some(),
    );
    for (status, name, _) in SHARED {
        let answered = match status {
            400 | 413 => ours && told,
            401 | 403 => ours,
            404 => ours && named,
            422 => ours && (told || asked),
            _ => true,
        };
        if answered {
            answer(operation, status, name);
        }
    }
    answer(operation, THROTTLED.0, THROTTLED.1);
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for content in body.content.values_mut() {
            if let RefOr::T(content) = content {
                absent_is_not_null(&mut content.schema);
            }
        }
    }
}

/// A body that need not be there is an `Option` to its handler; but one that is there is never null.
fn absent_is_not_null(schema: &mut Option<RefOr<Schema>>) {
    if let Some(RefOr::T(Schema::OneOf(either))) = schema
        && let [body @ RefOr::Ref(_), RefOr::T(Schema::Object(other))] = either.items.as_slice()
        && other.schema_type == SchemaType::from(Type::Null)
    {
        *schema = Some(body.clone());
    }
}

fn answer(operation: &mut Operation, status: u16, name: &str) {
    let shared = || RefOr::Ref(Ref::from_response_name(name));
    operation.responses.responses.entry(status.to_string()).or_insert_with(shared);
}

fn problem(meaning: &str) -> Response {
    let document = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDocument::name()))).build();
    ResponseBuilder::new().description(meaning).content("application/problem+json", document).build()
}

fn throttled() -> Response {
    let text: RefOr<Schema> = ObjectBuilder::new().schema_type(Type::String).into();
    let body = ObjectBuilder::new().property("message", text).required("message");
    let meaning = "More requests than the stage takes. API Gateway says so, and not in a problem document.";
    let content = ContentBuilder::new().schema(Some(body)).build();
    ResponseBuilder::new().description(meaning).content("application/json", content).build()
}

fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let bearer = |about: &str| {
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about)).build())
    };
    let header = ApiKeyValue::with_description(
        "X-Webhook-Token",
        "The default source's token. The header's name is a parameter of the stack, `C2sTokenHeader`.",
    );
    [
        ("tenant_key", bearer("A tenant's key, `gch_…`.")),
        ("admin_token", bearer("The operator's token.")),
        ("c2s_token", SecurityScheme::ApiKey(ApiKey::Header(header))),
    ]
}
