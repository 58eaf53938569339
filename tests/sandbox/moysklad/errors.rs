//! MoySklad's errors: `{"errors":[{"error","code","parameter"?,"moreInfo","dependencies"?,"meta"?}]}`.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

const DOCUMENTATION: &str = "https://dev.moysklad.ru/doc/api/remap/1.2/#error_";

/// One error, with the status it has when it is the whole answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    error: Map<String, Value>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: u32, text: impl Into<String>) -> Self {
        let mut error = Map::new();
        error.insert("error".into(), Value::String(text.into()));
        error.insert("code".into(), json!(code));
        error.insert("moreInfo".into(), json!(format!("{DOCUMENTATION}{code}")));
        Self { status, error }
    }

    /// For what the documentation gives a status and no code.
    pub(super) fn without_code(status: StatusCode, text: impl Into<String>) -> Self {
        let mut error = Map::new();
        error.insert("error".into(), Value::String(text.into()));
        Self { status, error }
    }

    pub(super) fn at(mut self, parameter: &str) -> Self {
        self.error.insert("parameter".into(), json!(parameter));
        self
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.error.insert(name.into(), value);
        self
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> Option<u64> {
        self.error.get("code")?.as_u64()
    }

    pub(super) fn body(&self) -> Value {
        json!({"errors": [self.error]})
    }
}

fn bad(code: u32, text: impl Into<String>) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, code, text)
}

pub(super) fn unknown_path(path: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, 1002, format!("Неопознанный путь: {path}"))
}

pub(super) fn unknown_type(name: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, 1005, format!("Неизвестный тип: '{name}'"))
}

pub(super) fn not_an_id(text: &str) -> Failure {
    bad(1000, format!("Элемент URI не является идентификатором: '{text}'"))
}

pub(super) fn not_allowed(method: &str) -> Failure {
    let text = format!("Операция {method} не поддерживается для данного ресурса");
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, 1039, text)
}

/// The target of a request.
pub(super) fn not_found(kind: &str, id: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, 1021, format!("Объект с типом '{kind}' и идентификатором '{id}' не найден"))
}

/// What a field refers to: the same code as a missing target, told apart by `parameter`.
pub(super) fn reference_not_found(field: &str, kind: &str, id: &str) -> Failure {
    bad(1021, format!("Объект с типом '{kind}' и идентификатором '{id}' не найден")).at(field)
}

pub(super) fn empty(field: &str) -> Failure {
    let text = format!("Ошибка сохранения объекта: поле '{field}' не может быть пустым или отсутствовать");
    Failure::new(StatusCode::PRECONDITION_FAILED, 3000, text).at(field)
}

pub(super) fn too_long(field: &str, max: usize) -> Failure {
    bad(3008, format!("Ошибка сохранения объекта: значение поля '{field}' длиннее {max}")).at(field)
}

pub(super) fn wrong_type(field: &str, wanted: &str) -> Failure {
    bad(2016, format!("Ошибка формата: значение поля '{field}' не соответствует типу {wanted}")).at(field)
}

pub(super) fn no_meta(field: &str) -> Failure {
    bad(2014, format!("Ошибка формата: отсутствует meta для поля '{field}'")).at(field)
}

pub(super) fn no_href(field: &str) -> Failure {
    bad(2010, format!("Ошибка формата: отсутствует href для meta поля '{field}'")).at(field)
}

pub(super) fn no_type(field: &str) -> Failure {
    bad(2011, format!("Ошибка формата: отсутствует type для meta поля '{field}'")).at(field)
}

pub(super) fn wrong_href(field: &str) -> Failure {
    bad(2013, format!("Ошибка формата: неправильное значение href для meta поля '{field}'")).at(field)
}

pub(super) fn wrong_server(href: &str) -> Failure {
    bad(1059, format!("Некорректный сервер в идентификаторе объекта: '{href}'"))
}

pub(super) fn wrong_meta_type() -> Failure {
    bad(1060, "Некорректный тип данных в meta сущности, поле type")
}

pub(super) fn wrong_kind(field: &str, given: &str, wanted: &str) -> Failure {
    let text = format!("Ошибка формата: href указывает на сущность неправильного типа '{given}', требуется '{wanted}'");
    bad(2024, text).at(field)
}

pub(super) fn wrong_value(field: &str, given: &str, allowed: &str) -> Failure {
    let text = format!(
        "Ошибка сохранения объекта: неверное значение '{given}' поля '{field}'. Допустимые значения: {allowed}"
    );
    bad(3005, text).at(field)
}

pub(super) fn sync_id_is_fixed() -> Failure {
    bad(1047, "Вы не можете обновить поле syncId в запросе на обновление сущности").at("syncId")
}

pub(super) fn not_a_uuid(field: &str) -> Failure {
    bad(1052, "Неверный формат UUID").at(field)
}

pub(super) fn foreign_child(field: &str) -> Failure {
    bad(1046, "Дочерняя сущность не может изменять свою родительскую сущность").at(field)
}

pub(super) fn not_positive(field: &str) -> Failure {
    bad(3003, format!("Ошибка сохранения объекта: поле '{field}' должно быть больше нуля")).at(field)
}

pub(super) fn negative(field: &str) -> Failure {
    bad(3002, format!("Ошибка сохранения объекта: поле '{field}' не может иметь отрицательное значение")).at(field)
}

pub(super) fn in_use(dependencies: Vec<Value>) -> Failure {
    Failure::new(StatusCode::CONFLICT, 1028, "Объект уже используется и не может быть удален")
        .with("dependencies", Value::Array(dependencies))
}

pub(super) fn not_json() -> Failure {
    bad(2001, "Ошибка формата: входящий запрос не соответствует формату JSON")
}

pub(super) fn neither_object_nor_array() -> Failure {
    bad(2005, "Ошибка формата: входящий JSON должен начинаться либо с объекта, либо с массива")
}

pub(super) fn an_object_is_expected() -> Failure {
    bad(2009, "Ошибка формата: запрос на создание/обновление одной сущности не должен содержать массив")
}

pub(super) fn nothing_given() -> Failure {
    bad(1027, "Запрос не содержит объектов")
}

/// The documentation gives this one a status only.
pub(super) fn too_many(what: &str) -> Failure {
    let text = format!("Количество элементов в '{what}' превышает максимально допустимое: 1000");
    Failure::without_code(StatusCode::PAYLOAD_TOO_LARGE, text)
}

pub(super) fn wrong_parameter(name: &str, given: &str, allowed: &str) -> Failure {
    bad(1084, format!("Неверное значение '{given}' параметра запроса '{name}', допустимые значения: '{allowed}'"))
        .at(name)
}

pub(super) fn wrong_filter(reason: impl Into<String>) -> Failure {
    bad(1034, format!("Ошибка фильтрации: {}", reason.into())).at("filter")
}

pub(super) fn wrong_filter_date() -> Failure {
    bad(1035, "Ошибка фильтрации: неверный формат даты параметра фильтрации").at("filter")
}

pub(super) fn wrong_order(field: &str) -> Failure {
    let text =
        format!("Ошибка сортировки: неизвестное поле '{field}' или сортировка для данного поля не поддерживается");
    bad(1063, text).at("order")
}

pub(super) fn unauthenticated(reason: &str) -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, 1056, format!("Ошибка аутентификации: {reason}"))
}

pub(super) fn no_access() -> Failure {
    Failure::new(StatusCode::FORBIDDEN, 1061, "Отсутствует доступ к API для данного пользователя")
}

pub(super) fn over_the_rate() -> Failure {
    let text = "Превышено ограничение на количество запросов в единицу времени";
    Failure::new(StatusCode::TOO_MANY_REQUESTS, 1049, text)
}

pub(super) fn over_the_parallel() -> Failure {
    let text = "Превышено ограничение на одновременное количество запросов";
    Failure::new(StatusCode::TOO_MANY_REQUESTS, 1073, text)
}

pub(super) fn too_large() -> Failure {
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, 1044, "Превышен максимальный размер запроса")
}

pub(super) fn wrong_accept() -> Failure {
    let text = "Неверное значение заголовка 'Accept'. Поддерживается только значение 'application/json;charset=utf-8'";
    bad(1062, text)
}

pub(super) fn wrong_content_type() -> Failure {
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, 1037, "Неверно указан Content-Type запроса")
}

/// The documentation says that such a value is refused with an error, not with which.
pub(super) fn wrong_prefix(given: &str) -> Failure {
    bad(1040, format!("Неверно заданы параметры запроса: '{given}' без протокола и полного доменного имени"))
        .at("X-Lognex-WebHook-DisableByPrefix")
}

/// Errors 30000 to 30010.
pub(super) fn webhook(code: u32, field: &str, text: &str) -> Failure {
    let status = if matches!(code, 30004 | 30006) { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
    Failure::new(status, code, format!("Ошибка сохранения вебхука: {text}")).at(field)
}
