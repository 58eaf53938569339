//! What a filter lets through: one field's `=` are alternatives, all else must hold.

use axum::http::StatusCode;
use serde_json::Value;

use super::errors::{self, Failure};
use super::filter::{Condition, Operator};
use super::kinds::{Field, Kind};
use super::moscow;
use super::shelf::Entity;

/// What a list is to hold.
pub(super) struct Filter {
    of_fields: Vec<OfField>,
    /// Live ones, those in the recycle bin.
    deleted: Vec<bool>,
}

struct OfField {
    source: Source,
    any: Vec<Wanted>,
    all: Vec<(Operator, Wanted)>,
}

/// Where a value is found in an entity.
enum Source {
    Text(String),
    Number(String),
    Bool(String),
    Moment(String),
    Id(String),
    Reference(String),
    /// A variant's product, by its bare id.
    ProductId,
    Barcode,
    /// By the id in the attribute's href.
    Attribute(String),
    Assortment,
    StateName(Vec<(Value, String)>),
}

struct Wanted {
    text: String,
    number: Option<f64>,
}

impl Source {
    fn of(kind: Kind, base: &str, name: &str, states: &[Value]) -> Option<Self> {
        // Beside the kind's own fields: what every entity has.
        match name {
            "id" | "syncId" | "accountId" => return Some(Self::Id(name.into())),
            "updated" | "created" => return Some(Self::Moment(name.into())),
            "pathName" => return Some(Self::Text(name.into())),
            _ => {}
        }
        if let Some(path) = name.strip_prefix(base) {
            let under = format!("/entity/{}/metadata/attributes/", kind.attributes_of().name());
            return path.strip_prefix(&under).map(|id| Self::Attribute(id.into()));
        }
        match name {
            "barcode" if kind.field("barcodes").is_some() => return Some(Self::Barcode),
            "productid" if kind == Kind::Variant => return Some(Self::ProductId),
            "sum" if kind.is_document() => return Some(Self::Number(name.into())),
            "printed" | "published" if kind.is_document() => return Some(Self::Bool(name.into())),
            "assortment" if kind.is_document() => return Some(Self::Assortment),
            "state.name" if kind.is_document() => {
                let named =
                    |state: &Value| (state["meta"]["href"].clone(), state["name"].as_str().unwrap_or_default().into());
                return Some(Self::StateName(states.iter().map(named).collect()));
            }
            _ => {}
        }
        match kind.field(name)? {
            Field::Text(_) => Some(Self::Text(name.into())),
            Field::Int | Field::Number => Some(Self::Number(name.into())),
            Field::Bool => Some(Self::Bool(name.into())),
            Field::Moment => Some(Self::Moment(name.into())),
            Field::Ref(_) | Field::State => Some(Self::Reference(name.into())),
            Field::Barcodes => Some(Self::Barcode),
            _ => None,
        }
    }

    fn takes(&self, operator: Operator) -> bool {
        match self {
            Self::Text(_) | Self::Attribute(_) => true,
            Self::Number(_) | Self::Moment(_) => !operator.is_similarity(),
            Self::Bool(_) | Self::Id(_) | Self::Reference(_) | Self::ProductId | Self::Barcode => {
                !operator.is_similarity() && !operator.is_comparison()
            }
            Self::Assortment | Self::StateName(_) => operator == Operator::Is,
        }
    }

    fn wanted(&self, value: &str) -> Result<Wanted, Failure> {
        let plain = Wanted { text: value.to_owned(), number: None };
        if value.is_empty() {
            return Ok(plain);
        }
        match self {
            Self::Moment(_) => {
                let moment = moscow::parse(value).ok_or_else(errors::wrong_filter_date)?;
                Ok(Wanted { text: moscow::text(moment), number: None })
            }
            Self::Number(name) => {
                let number = value.parse().map_err(|_| wrong_value(name, value))?;
                Ok(Wanted { number: Some(number), ..plain })
            }
            Self::Bool(name) if !matches!(value, "true" | "false") => Err(wrong_value(name, value)),
            Self::Attribute(_) => Ok(Wanted { number: value.parse().ok(), ..plain }),
            _ => Ok(plain),
        }
    }

    /// All values there are of it, as texts.
    fn values(&self, entity: &Entity) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Object(_) => value["meta"]["href"].as_str().map(str::to_owned),
            other => Some(other.to_string()),
        };
        let field = |name: &str| entity.row.get(name).and_then(text).into_iter().collect();
        match self {
            Self::Text(name) | Self::Number(name) | Self::Bool(name) | Self::Moment(name) | Self::Id(name) => {
                field(name)
            }
            Self::Reference(name) => field(name),
            Self::ProductId => {
                let href = entity.row.get("product").and_then(text);
                href.and_then(|href| href.rsplit('/').next().map(str::to_owned)).into_iter().collect()
            }
            Self::Barcode => {
                let all = entity.row.get("barcodes").and_then(Value::as_array).into_iter().flatten();
                all.filter_map(Value::as_object).flat_map(|barcode| barcode.values().filter_map(text)).collect()
            }
            Self::Attribute(id) => {
                let all = entity.row.get("attributes").and_then(Value::as_array).into_iter().flatten();
                all.filter(|value| value["id"] == id.as_str()).filter_map(|value| text(&value["value"])).collect()
            }
            Self::Assortment => entity.parts.iter().filter_map(|part| text(&part["assortment"])).collect(),
            Self::StateName(states) => {
                let href = entity.row.get("state").map(|state| &state["meta"]["href"]);
                let held = states.iter().filter(|(own, _)| Some(own) == href);
                held.map(|(_, name)| name.clone()).collect()
            }
        }
    }
}

fn wrong_value(name: &str, value: &str) -> Failure {
    let text = format!("Неверное значение '{value}' параметра фильтрации '{name}'");
    Failure::new(StatusCode::BAD_REQUEST, 1014, text).at("filter")
}

fn matches(operator: Operator, value: &str, wanted: &Wanted) -> bool {
    if let (Some(number), Ok(own)) = (wanted.number, value.parse::<f64>()) {
        return match operator {
            Operator::Is => own == number,
            Operator::IsNot => own != number,
            Operator::Above => own > number,
            Operator::Below => own < number,
            Operator::AtLeast => own >= number,
            Operator::AtMost => own <= number,
            _ => like(operator, value, &wanted.text),
        };
    }
    // Moments are written so that texts compare as they do.
    match operator {
        Operator::Is => value == wanted.text,
        Operator::IsNot => value != wanted.text,
        Operator::Above => value > wanted.text.as_str(),
        Operator::Below => value < wanted.text.as_str(),
        Operator::AtLeast => value >= wanted.text.as_str(),
        Operator::AtMost => value <= wanted.text.as_str(),
        _ => like(operator, value, &wanted.text),
    }
}

/// Whatever the case.
fn like(operator: Operator, value: &str, wanted: &str) -> bool {
    let (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
    match operator {
        Operator::BeginsWith => value.starts_with(&wanted),
        Operator::EndsWith => value.ends_with(&wanted),
        _ => value.contains(&wanted),
    }
}

impl OfField {
    fn holds(&self, entity: &Entity) -> bool {
        let values = self.source.values(entity);
        let is = |wanted: &Wanted| match wanted.text.is_empty() {
            true => values.is_empty(),
            false => values.iter().any(|value| matches(Operator::Is, value, wanted)),
        };
        let holds = |(operator, wanted): &(Operator, Wanted)| match operator {
            Operator::IsNot if wanted.text.is_empty() => !values.is_empty(),
            Operator::IsNot => !values.iter().any(|value| matches(Operator::Is, value, wanted)),
            operator => values.iter().any(|value| matches(*operator, value, wanted)),
        };
        (self.any.is_empty() || self.any.iter().any(is)) && self.all.iter().all(holds)
    }
}

impl Filter {
    pub(super) fn read(kind: Kind, base: &str, states: &[Value], conditions: &[Condition]) -> Result<Self, Failure> {
        let mut filter = Self { of_fields: Vec::new(), deleted: Vec::new() };
        let mut names: Vec<&str> = Vec::new();
        for condition in conditions {
            if condition.field == "isDeleted" && kind.is_document() {
                filter.deleted.push(flag(condition)?);
            } else if !names.contains(&condition.field.as_str()) {
                names.push(&condition.field);
            }
        }
        if filter.deleted.is_empty() {
            filter.deleted.push(false);
        }
        for name in &names {
            let of_name = conditions.iter().filter(|condition| condition.field == *name);
            let source = Source::of(kind, base, name, states);
            let source = source.ok_or_else(|| errors::wrong_filter(format!("неизвестное поле '{name}'")))?;
            filter.of_fields.push(of_field(name, source, of_name)?);
        }
        // What is archived is listed where it is asked for.
        if kind.has_archive() && !names.contains(&"archived") {
            let live =
                vec![Wanted { text: "false".into(), number: None }, Wanted { text: String::new(), number: None }];
            filter.of_fields.push(OfField { source: Source::Bool("archived".into()), any: live, all: Vec::new() });
        }
        Ok(filter)
    }

    pub(super) fn holds(&self, entity: &Entity) -> bool {
        self.deleted.contains(&entity.is_trashed) && self.of_fields.iter().all(|of_field| of_field.holds(entity))
    }
}

fn flag(condition: &Condition) -> Result<bool, Failure> {
    match (condition.operator, condition.value.as_str()) {
        (Operator::Is, "true") => Ok(true),
        (Operator::Is, "false") => Ok(false),
        _ => Err(wrong_value(&condition.field, &condition.value)),
    }
}

fn of_field<'a>(
    name: &str,
    source: Source,
    conditions: impl Iterator<Item = &'a Condition>,
) -> Result<OfField, Failure> {
    let mut of_field = OfField { source, any: Vec::new(), all: Vec::new() };
    for condition in conditions {
        let operator = condition.operator;
        if !of_field.source.takes(operator) {
            let reason = format!("оператор '{}' не поддерживается для поля '{name}'", operator.text());
            return Err(errors::wrong_filter(reason));
        }
        let wanted = of_field.source.wanted(&condition.value)?;
        match operator {
            Operator::Is => of_field.any.push(wanted),
            // Of several of one kind the first counts.
            operator if operator.is_comparison() && of_field.all.iter().any(|(own, _)| *own == operator) => {}
            operator => of_field.all.push((operator, wanted)),
        }
    }
    if !of_field.any.is_empty() && of_field.all.iter().any(|(operator, _)| operator.is_comparison()) {
        return Err(errors::wrong_filter(format!("равенство и неравенство для одного поля '{name}'")));
    }
    Ok(of_field)
}
