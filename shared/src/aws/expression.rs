//! Builds the texts of a conditional update: names and values behind placeholders, since many of our words are reserved.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An update under construction.
#[derive(Debug, Default)]
pub(super) struct Update {
    sets: Vec<String>,
    adds: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    pub(super) fn set(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.sets.push(format!("{name} = {value}"));
        self
    }

    /// Sets what is not there yet.
    pub(super) fn set_first(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
        self
    }

    pub(super) fn add(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.adds.push(format!("{name} {value}"));
        self
    }

    pub(super) fn remove(mut self, name: &str) -> Self {
        let name = self.name(name);
        self.removes.push(name);
        self
    }

    /// A condition `name OP value`.
    pub(super) fn only_if(mut self, name: &str, op: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.conditions.push(format!("{name} {op} {value}"));
        self
    }

    /// A condition that the attribute is absent, or stands so to the value.
    pub(super) fn only_if_absent_or(mut self, name: &str, op: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR {name} {op} {value})"));
        self
    }

    /// A condition that a set has fewer members than this.
    pub(super) fn only_if_fewer_than(mut self, name: &str, most: AttributeValue) -> Self {
        let (name, most) = (self.name(name), self.value(most));
        self.conditions.push(format!("size({name}) < {most}"));
        self
    }

    /// A condition that a set does not hold the value.
    pub(super) fn only_if_without(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.conditions.push(format!("NOT contains({name}, {value})"));
        self
    }

    /// A condition that the value is not among those of a set, which may be absent.
    pub(super) fn only_if_not_among(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.conditions.push(format!("(attribute_not_exists({name}) OR NOT contains({name}, {value}))"));
        self
    }

    /// A condition that the number is not above the value, absent being 0; or that the other attribute is there.
    pub(super) fn only_if_not_above(mut self, name: &str, count: u32, unless: &str) -> Self {
        let (name, unless, value) = (self.name(name), self.name(unless), self.value(super::items::n(count)));
        self.conditions
            .push(format!("(attribute_not_exists({name}) OR {name} <= {value} OR attribute_exists({unless}))"));
        self
    }

    pub(super) fn only_if_there(mut self, name: &str) -> Self {
        let name = self.name(name);
        self.conditions.push(format!("attribute_exists({name})"));
        self
    }

    pub(super) fn only_if_not_there(mut self, name: &str) -> Self {
        let name = self.name(name);
        self.conditions.push(format!("attribute_not_exists({name})"));
        self
    }

    /// The parts the SDK's builder takes.
    pub(super) fn finish(self) -> Finished {
        let mut update = String::new();
        for (word, parts) in [("SET", &self.sets), ("ADD", &self.adds), ("REMOVE", &self.removes)] {
            if !parts.is_empty() {
                if !update.is_empty() {
                    update.push(' ');
                }
                update.push_str(word);
                update.push(' ');
                update.push_str(&parts.join(", "));
            }
        }
        let condition = (!self.conditions.is_empty()).then(|| self.conditions.join(" AND "));
        let values = (!self.values.is_empty()).then_some(self.values);
        Finished { update, condition, names: self.names, values }
    }
}

/// The parts of an update.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) update: String,
    pub(super) condition: Option<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: Option<HashMap<String, AttributeValue>>,
}

#[cfg(test)]
mod tests {
    use super::super::items::{n, s};
    use super::*;

    #[test]
    fn an_update_names_everything_by_placeholders() {
        let finished = Update::default()
            .set("status", s("processing"))
            .add("deaths", n(1))
            .remove("lease_until")
            .only_if("turn", "=", n(1))
            .only_if_there("due_shard")
            .only_if_absent_or("lease_until", "<", n(5))
            .finish();
        insta::assert_snapshot!(finished.update, @"SET #status = :v0 ADD #deaths :v1 REMOVE #lease_until");
        insta::assert_snapshot!(
            finished.condition.unwrap(),
            @"#turn = :v2 AND attribute_exists(#due_shard) AND (attribute_not_exists(#lease_until) OR #lease_until < :v3)"
        );
    }
}
