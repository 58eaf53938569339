//! Memory that does not grow: the oldest goes when a bound is reached.

use std::collections::{HashMap, VecDeque};

/// The last entries, numbered from 1, bounded in number and in bytes.
pub(crate) struct Ring<T> {
    kept: VecDeque<(usize, T)>,
    dropped: u64,
    bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

impl<T> Ring<T> {
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Self {
        Self { kept: VecDeque::new(), dropped: 0, bytes: 0, max_entries, max_bytes }
    }

    /// The number that the next entry will get.
    pub(crate) fn next_n(&self) -> u64 {
        self.total() + 1
    }

    /// How many there ever were, the forgotten ones included.
    pub(crate) fn total(&self) -> u64 {
        self.dropped + self.kept.len() as u64
    }

    pub(crate) fn push(&mut self, bytes: usize, entry: T) {
        self.bytes += bytes;
        self.kept.push_back((bytes, entry));
        while self.kept.len() > self.max_entries || self.bytes > self.max_bytes {
            let Some((freed, _)) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= freed;
            self.dropped += 1;
        }
    }

    /// The entry with that number, unless it is forgotten.
    pub(crate) fn get_mut(&mut self, n: u64) -> Option<&mut T> {
        let index = usize::try_from(n.checked_sub(self.dropped + 1)?).ok()?;
        self.kept.get_mut(index).map(|(_, entry)| entry)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.kept.iter_mut().map(|(_, entry)| entry)
    }

    /// The kept entries with a number above `n`, oldest first.
    pub(crate) fn after(&self, n: u64) -> impl Iterator<Item = &T> {
        let skip = usize::try_from(n.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        self.kept.iter().skip(skip).map(|(_, entry)| entry)
    }
}

/// A map that forgets its oldest key when it is full.
pub(crate) struct BoundedMap<V> {
    values: HashMap<String, V>,
    order: VecDeque<String>,
    max: usize,
}

impl<V> BoundedMap<V> {
    pub(crate) fn new(max: usize) -> Self {
        Self { values: HashMap::new(), order: VecDeque::new(), max }
    }

    pub(crate) fn insert(&mut self, key: &str, value: V) {
        if self.values.insert(key.to_owned(), value).is_none() {
            self.order.push_back(key.to_owned());
        }
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.values.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.values.get_mut(key)
    }

    pub(crate) fn get_or_insert_with(&mut self, key: &str, new: impl FnOnce() -> V + Copy) -> &mut V {
        if !self.values.contains_key(key) {
            self.insert(key, new());
        }
        self.values.entry(key.to_owned()).or_insert_with(new)
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if self.values.remove(key).is_some() {
            self.order.retain(|kept| kept != key);
        }
    }

    /// In the order in which the keys came.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.order.iter().filter_map(|key| self.values.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_forgets_the_oldest_by_number_and_by_bytes_and_keeps_their_numbers() {
        let mut ring = Ring::new(3, 100);
        for n in 1..=5 {
            ring.push(10, n);
        }
        assert_eq!(ring.after(0).copied().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(ring.after(4).copied().collect::<Vec<_>>(), [5]);
        assert_eq!(ring.total(), 5);
        assert_eq!(ring.get_mut(2), None);
        assert_eq!(ring.get_mut(4), Some(&mut 4));
        ring.push(85, 6);
        assert_eq!(ring.after(0).copied().collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn a_full_map_forgets_its_oldest_key() {
        let mut map = BoundedMap::new(2);
        for key in ["a", "b", "a", "c"] {
            map.insert(key, key);
        }
        assert_eq!(map.values().copied().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(*map.get_or_insert_with("d", || "d"), "d");
        assert_eq!(map.get("b"), None);
    }
}
