//! Leads and people that no other test has: all invented.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A number that no other call gives, in this run or one shortly before it; nine digits.
#[must_use]
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let start = u64::try_from(millis % 9_000_000).expect("fits") * 100;
    let _ = NEXT.compare_exchange(0, start.max(1), Ordering::Relaxed, Ordering::Relaxed);
    NEXT.fetch_add(7, Ordering::Relaxed) % 899_999_999 + 100_000_000
}

/// Somebody who can be looked up.
#[derive(Debug, Clone)]
pub struct Person {
    /// Full name.
    pub name: String,
    /// Eleven digits, the last two of which check the others.
    pub cpf: String,
    /// Country code, area code, mobile number.
    pub phone: String,
    /// An address.
    pub email: String,
}

impl Person {
    /// Somebody new.
    #[must_use]
    pub fn new() -> Self {
        let n = unique();
        Self {
            name: "Joana Inventada de Souza".to_owned(),
            cpf: cpf(n),
            phone: format!("55119{:08}", n % 100_000_000),
            email: format!("joana{n}@example.com"),
        }
    }

    /// Somebody new of that name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::new() }
    }

    /// As the sandbox's registries know them.
    #[must_use]
    pub fn as_registered(&self) -> Value {
        json!({"cpf": self.cpf, "name": self.name, "phones": [self.phone], "emails": [self.email]})
    }

    /// As a customer who gave a name and a telephone number.
    #[must_use]
    pub fn by_phone(&self) -> Value {
        json!({"name": self.name, "phone": self.phone})
    }

    /// As a customer who gave a name and an e-mail address.
    #[must_use]
    pub fn by_email(&self) -> Value {
        json!({"name": self.name, "email": self.email})
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

/// A lead, as C2S tells of it.
#[derive(Debug, Clone)]
pub struct Lead {
    /// Its identifier at C2S.
    pub id: String,
    /// The customer as given.
    pub customer: Value,
    /// When it came in.
    pub born: Timestamp,
}

impl Lead {
    /// A new lead with this customer.
    #[must_use]
    pub fn new(customer: Value) -> Self {
        let born = Timestamp::from_second(Timestamp::now().as_second()).expect("a time");
        Self { id: format!("lead-{}", unique()), customer, born }
    }

    /// The change of the lead that was made so many seconds after it came in.
    #[must_use]
    pub fn changed(&self, seconds: i64) -> Value {
        let at = self.born + SignedDuration::from_secs(seconds);
        self.spelt(&at.to_string(), if seconds == 0 { "on_create_lead" } else { "on_update_lead" })
    }

    /// A change with its time as it is given.
    #[must_use]
    pub fn spelt(&self, updated_at: &str, hook_action: &str) -> Value {
        json!({
            "id": self.id,
            "hook_action": hook_action,
            "attributes": {"updated_at": updated_at, "customer": self.customer, "messages": []},
        })
    }
}

fn cpf(base: u64) -> String {
    let mut digits: Vec<u64> = format!("{base:09}").bytes().map(|b| u64::from(b - b'0')).collect();
    for _ in 0..2 {
        let weights = (2..=digits.len() as u64 + 1).rev();
        let sum: u64 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
        digits.push(match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        });
    }
    digits.iter().map(u64::to_string).collect()
}
