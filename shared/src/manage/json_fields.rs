//! Reading a JSON object field by field, so that all that is wrong with it is told at once.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

#[cfg(test)]
use super::asked;
use crate::model::field_error::FieldError;

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON at all: 400.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON that is not acceptable, and every reason why: 422.
    #[error("the body is not acceptable")]
    Fields(Vec<FieldError>),
}

/// An object being read, with what was wrong so far. Fields nobody asks for are passed over: a client may be newer
/// or older than we are.
#[derive(Default)]
pub struct JsonFields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl JsonFields {
    /// Reads the bytes of an object.
    ///
    /// # Errors
    /// They are not JSON, or not an object.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self { object, errors: Vec::new() }),
            Ok(_) => Err(BodyError::Fields(vec![FieldError::new("", "invalid_type", "the body must be an object")])),
            Err(_) => Err(BodyError::NotJson),
        }
    }

    /// Whether the field is there, be it null.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        #[cfg(test)]
        asked::note(path);
        self.object.contains_key(path)
    }

    /// Whether the field is absent or null.
    #[must_use]
    pub fn is_missing(&self, path: &str) -> bool {
        #[cfg(test)]
        asked::note(path);
        self.object.get(path).is_none_or(Value::is_null)
    }

    /// Takes a field; null counts as absent.
    pub fn take(&mut self, path: &str) -> Option<Value> {
        #[cfg(test)]
        asked::note(path);
        self.object.remove(path).filter(|value| !value.is_null())
    }

    /// Notes what is wrong.
    pub fn refuse(&mut self, path: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError::new(path, code, detail));
    }

    /// Takes a text.
    pub fn text(&mut self, path: &str) -> Option<String> {
        match self.take(path)? {
            Value::String(text) => Some(text),
            _ => self.refused(path, "invalid_type", "this must be a string"),
        }
    }

    /// Takes true or false.
    pub fn boolean(&mut self, path: &str) -> Option<bool> {
        match self.take(path)? {
            Value::Bool(value) => Some(value),
            _ => self.refused(path, "invalid_type", "this must be true or false"),
        }
    }

    /// Takes an object, to be read field by field like the body. What is wrong in it is told by `absorb`.
    pub fn object(&mut self, path: &str) -> Option<Self> {
        let value = self.take(path)?;
        self.inner(path, value)
    }

    /// Reads an object that was taken from inside a field.
    pub fn inner(&mut self, path: &str, value: Value) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self { object, errors: Vec::new() }),
            _ => self.refused(path, "invalid_type", "this must be an object"),
        }
    }

    /// Tells what was wrong with an object that stood at this path, and what nobody asked for there.
    pub fn absorb(&mut self, path: &str, mut inner: Self) {
        inner.refuse_rest();
        let named =
            inner.errors.into_iter().map(|error| FieldError { path: format!("{path}.{}", error.path), ..error });
        self.errors.extend(named);
    }

    /// Takes a whole number within bounds.
    pub fn number(&mut self, path: &str, bounds: &RangeInclusive<u32>) -> Option<u32> {
        let value = self.take(path)?;
        self.bounded(path, &value, bounds)
    }

    /// Reads a whole number within bounds that was taken from inside a field.
    pub fn bounded(&mut self, path: &str, value: &Value, bounds: &RangeInclusive<u32>) -> Option<u32> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Some(number),
            None => self.refused(
                path,
                "out_of_range",
                format!("this must be a whole number from {} to {}", bounds.start(), bounds.end()),
            ),
        }
    }

    /// Notes what is wrong, and gives nothing.
    pub fn refused<T>(&mut self, path: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Option<T> {
        self.refuse(path, code, detail);
        None
    }

    /// Refuses every field that was not taken: an operator's typing mistake must not pass for a wish that was heard.
    pub fn refuse_rest(&mut self) {
        let rest: Vec<String> =
            self.object.iter().filter(|(_, value)| !value.is_null()).map(|(k, _)| k.clone()).collect();
        for path in rest {
            self.refuse(path, "unknown_field", "there is no such field here");
        }
    }

    /// What was made of the fields.
    ///
    /// # Errors
    /// Anything was wrong.
    pub fn finish<T>(self, made: Option<T>) -> Result<T, BodyError> {
        match made {
            Some(made) if self.errors.is_empty() => Ok(made),
            _ => Err(BodyError::Fields(self.errors)),
        }
    }
}
