//! Leads and the messages in their threads.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::sandbox::bounded::BoundedMap;

const MAX_LEADS: usize = 50_000;
/// A lead with more is a loop in the making; the oldest are forgotten, `n_messages` tells.
const MAX_MESSAGES: usize = 200;

#[derive(Clone, Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) created_at: String,
}

/// A lead as a test puts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLead {
    /// A text or a number, and answered as it was given.
    id: Value,
    /// `created_at` and `updated_at` are now unless given.
    #[serde(default)]
    attributes: Map<String, Value>,
}

pub(crate) struct Lead {
    id: Value,
    attributes: Map<String, Value>,
    messages: VecDeque<Message>,
    n_messages: u64,
    /// A lead made up because somebody asked for it is in no list: a poll must not find what C2S never had.
    is_made_up: bool,
}

pub(crate) struct Leads {
    by_id: BoundedMap<Lead>,
    n_created: u64,
}

impl Default for Leads {
    fn default() -> Self {
        Self { by_id: BoundedMap::new(MAX_LEADS), n_created: 0 }
    }
}

impl Leads {
    /// Puts a lead, or replaces the attributes of the one with that id; its messages stay.
    pub(crate) fn put(&mut self, new: NewLead) -> Result<&Lead, String> {
        let key = match &new.id {
            Value::String(text) if !text.is_empty() => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err("id is a text or a number".into()),
        };
        match self.by_id.get_mut(&key) {
            Some(known) => {
                known.id = new.id;
                known.attributes = with_times(new.attributes);
                known.is_made_up = false;
            }
            None => self.by_id.insert(&key, Lead::new(new.id, new.attributes, false)),
        }
        self.by_id.get(&key).ok_or_else(|| "no room".into())
    }

    /// A lead posted through the API: what belongs to the customer goes under `customer`, as the API shows it.
    pub(crate) fn create(&mut self, mut given: Map<String, Value>) -> &Lead {
        self.n_created += 1;
        let id = format!("sandbox-lead-{:06}", self.n_created);
        let mut customer = Map::new();
        for name in ["name", "email", "phone"] {
            if let Some(value) = given.remove(name) {
                customer.insert(name.to_owned(), value);
            }
        }
        given.entry("customer").or_insert(Value::Object(customer));
        given.entry("lead_status").or_insert_with(|| json!({"id": 1, "alias": "novo", "name": "Novo"}));
        let lead = Lead::new(Value::String(id.clone()), given, false);
        self.by_id.insert(&id, lead);
        self.made_up(&id)
    }

    /// An unknown lead is none if strict, else made up on the spot, so that any lead id of a test can be answered.
    pub(crate) fn find(&mut self, id: &str, strict: bool) -> Option<&mut Lead> {
        if strict {
            return self.by_id.get_mut(id);
        }
        Some(self.made_up(id))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Lead> {
        self.by_id.get(id)
    }

    pub(crate) fn listed(&self) -> impl Iterator<Item = &Lead> {
        self.by_id.values().filter(|lead| !lead.is_made_up)
    }

    fn made_up(&mut self, id: &str) -> &mut Lead {
        self.by_id.get_or_insert_with(id, || Lead::new(Value::String(id.to_owned()), Map::new(), true))
    }
}

impl Lead {
    fn new(id: Value, attributes: Map<String, Value>, is_made_up: bool) -> Self {
        Self { id, attributes: with_times(attributes), messages: VecDeque::new(), n_messages: 0, is_made_up }
    }

    /// Writes a message into the thread; `updated_at` always moves, by a second at least.
    pub(crate) fn add_message(&mut self, body: &str) -> Message {
        self.n_messages += 1;
        let now = Timestamp::now();
        let lead_id = self.id.as_str().map_or_else(|| self.id.to_string(), str::to_owned);
        let message = Message {
            id: format!("{lead_id}-message-{}", self.n_messages),
            body: body.to_owned(),
            created_at: to_the_second(now),
        };
        self.messages.push_back(message.clone());
        if self.messages.len() > MAX_MESSAGES {
            self.messages.pop_front();
        }
        let bumped = self.time("updated_at").map_or(now, |old| now.max(old + SignedDuration::from_secs(1)));
        self.attributes.insert("updated_at".into(), to_the_second(bumped).into());
        message
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }

    pub(crate) fn n_messages(&self) -> u64 {
        self.n_messages
    }

    pub(crate) fn is_made_up(&self) -> bool {
        self.is_made_up
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.get(name)
    }

    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.attributes.get(name)?.as_str()?.parse().ok()
    }

    /// `{"id","type","attributes"}`, the thread in `attributes.messages` if it is visible.
    pub(crate) fn as_json(&self, messages_visible: bool) -> Value {
        let mut attributes = self.attributes.clone();
        if messages_visible {
            attributes.insert("messages".into(), json!(self.messages));
        }
        json!({"id": self.id, "type": "lead", "attributes": attributes})
    }
}

fn with_times(mut attributes: Map<String, Value>) -> Map<String, Value> {
    for name in ["created_at", "updated_at"] {
        attributes.entry(name).or_insert_with(|| to_the_second(Timestamp::now()).into());
    }
    attributes
}

/// C2S times have second precision.
fn to_the_second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
