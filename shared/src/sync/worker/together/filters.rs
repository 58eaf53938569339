//! Many searches in few filters.

use std::collections::BTreeSet;

use super::{ARCHIVED, MOST_TOGETHER};
use crate::sync::plan::Search;
use crate::sync::ports::Condition;

/// Most bytes of the values of one filter, encoded.
const LONGEST_FILTER: usize = 4_500;

/// A filter, and whose searches it answers.
type InFilter = (Vec<Condition>, Vec<(usize, Search)>);

/// Searches by one field, put into as few filters as there is room for. A search by several fields has one of its own.
pub(super) fn in_filters(searches: Vec<(usize, Search)>) -> Vec<InFilter> {
    let mut filters: Vec<InFilter> = Vec::new();
    for (n, search) in searches {
        let room = filters.last().is_some_and(|(filter, own)| {
            own.iter().all(|(_, other)| are_alike(other, &search))
                && length(filter) + length(&search.filter) <= LONGEST_FILTER
                // What is archived is asked for once.
                && filter.len() + search.filter.len() <= MOST_TOGETHER + 2 * ARCHIVED.len()
        });
        match filters.last_mut().filter(|_| room) {
            Some((filter, own)) => {
                let news = search.filter.iter().filter(|condition| !filter.contains(condition));
                let news: Vec<Condition> = news.cloned().collect();
                filter.extend(news);
                own.push((n, search));
            }
            None => filters.push((search.filter.clone(), vec![(n, search)])),
        }
    }
    filters
}

/// Whether two searches differ in the values of one field only. What is archived is asked for by all.
fn are_alike(one: &Search, other: &Search) -> bool {
    let fields = |search: &Search| -> BTreeSet<&'static str> {
        search.filter.iter().map(|condition| condition.field).filter(|field| *field != "archived").collect()
    };
    let archived = |search: &Search| -> Vec<Condition> {
        search.filter.iter().filter(|condition| condition.field == "archived").cloned().collect()
    };
    let (of_one, of_other) = (fields(one), fields(other));
    one.kind == other.kind && of_one.len() == 1 && of_one == of_other && archived(one) == archived(other)
}

/// At most so many bytes in an address.
fn length(filter: &[Condition]) -> usize {
    filter.iter().map(|condition| condition.field.len() + 3 * condition.value.len() + 6).sum()
}
