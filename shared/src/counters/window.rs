//! Over which time counts are asked for, and in which slots they are kept.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// How long a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
}

impl Grain {
    /// Both.
    pub const ALL: [Self; 2] = [Self::FiveMinutes, Self::Hour];

    /// How long a slot is.
    #[must_use]
    pub const fn length(self) -> SignedDuration {
        match self {
            Self::FiveMinutes => SignedDuration::from_mins(5),
            Self::Hour => SignedDuration::from_hours(1),
        }
    }

    /// How long a slot is kept, from its beginning: longer than any window that is made of it.
    #[must_use]
    pub const fn kept_for(self) -> SignedDuration {
        match self {
            Self::FiveMinutes => SignedDuration::from_hours(3),
            Self::Hour => SignedDuration::from_hours(8 * 24),
        }
    }

    /// When the slot of this moment began.
    #[must_use]
    pub fn slot(self, at: Timestamp) -> Timestamp {
        let since = at.as_second().rem_euclid(self.length().as_secs());
        Timestamp::from_second(at.as_second() - since).unwrap_or(at)
    }
}

/// The last hour, day or week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// An hour, in slots of five minutes.
    Hour,
    /// A day, in slots of an hour.
    Day,
    /// Seven days, in slots of an hour.
    Week,
}

/// There is no such window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of 1h, 24h, 7d")]
pub struct UnknownWindow;

impl Window {
    /// Every window.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// The name in a query.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// What its slots are.
    #[must_use]
    pub const fn grain(self) -> Grain {
        match self {
            Self::Hour => Grain::FiveMinutes,
            Self::Day | Self::Week => Grain::Hour,
        }
    }

    /// How long it is, but for the slot it begins in.
    #[must_use]
    pub const fn length(self) -> SignedDuration {
        match self {
            Self::Hour => SignedDuration::from_hours(1),
            Self::Day => SignedDuration::from_hours(24),
            Self::Week => SignedDuration::from_hours(7 * 24),
        }
    }

    /// When it began: at the beginning of a slot, so that it is whole slots, and a little longer than its name.
    #[must_use]
    pub fn since(self, now: Timestamp) -> Timestamp {
        self.grain().slot(now.saturating_sub(self.length()).unwrap_or(Timestamp::MIN))
    }

    /// The beginnings of its slots, oldest first.
    pub fn slots(self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let step = self.grain().length();
        std::iter::successors(Some(self.since(now)), move |at| at.checked_add(step).ok())
            .take_while(move |at| *at <= now)
    }
}

impl FromStr for Window {
    type Err = UnknownWindow;

    fn from_str(text: &str) -> Result<Self, UnknownWindow> {
        Self::ALL.into_iter().find(|window| window.name() == text).ok_or(UnknownWindow)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_is_whole_slots() {
        let now: Timestamp = "2026-01-20T10:17:31Z".parse().unwrap();
        let told = Window::ALL.map(|window| {
            let slots: Vec<_> = window.slots(now).collect();
            format!("{} from {} to {}: {}", window.name(), slots[0], slots[slots.len() - 1], slots.len())
        });
        insta::assert_snapshot!(told.join("\n"), @r"
        1h from 2026-01-20T09:15:00Z to 2026-01-20T10:15:00Z: 13
        24h from 2026-01-19T10:00:00Z to 2026-01-20T10:00:00Z: 25
        7d from 2026-01-13T10:00:00Z to 2026-01-20T10:00:00Z: 169
        ");
        assert_eq!("2h".parse::<Window>(), Err(UnknownWindow));
    }

    proptest! {
        #[test]
        fn every_moment_of_a_window_is_in_one_of_its_slots_and_is_kept_that_long(
            now in 0_i64..4_000_000_000, back in 0_i64..=604_800,
        ) {
            let at = |second| Timestamp::from_second(second).unwrap();
            for window in Window::ALL.into_iter().filter(|window| back <= window.length().as_secs()) {
                let slot = window.grain().slot(at(now - back));
                prop_assert_eq!(window.slots(at(now)).filter(|begin| *begin == slot).count(), 1);
                prop_assert!(slot + window.grain().kept_for() > at(now));
            }
        }
    }
}
