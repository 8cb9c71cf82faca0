//! Which replica a request goes to.

use authbench_engine::Route;

/// A replica, if there are several.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place(Option<u16>);

impl Place {
    /// The only one.
    pub(crate) const ONLY: Self = Self(None);

    /// Of `replicas` replicas, the one that is `turns` further on than the home
    /// of the account `number`. All logins of an account have one home, so
    /// that strategies whose logins live in one process can end them together.
    pub(crate) fn new(replicas: usize, number: u32, turns: u32) -> Self {
        match replicas {
            0 | 1 => Self(None),
            // There are no more than a few replicas.
            many => Self(Some(((number as usize + turns as usize) % many) as u16)),
        }
    }

    /// Its number among all; 0 if there is one only.
    pub(crate) fn number(self) -> usize {
        self.0.map_or(0, usize::from)
    }

    /// How requests get there.
    pub(crate) fn route(self) -> Route {
        self.0
            .map_or(Route::Any, |number| Route::To(usize::from(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_replica_is_anywhere_and_several_take_turns() {
        assert_eq!(Place::new(1, 7, 3).route(), Route::Any);
        let turns: Vec<_> = (0..4).map(|turns| Place::new(3, 7, turns)).collect();
        let numbers: Vec<_> = turns.iter().map(|place| place.number()).collect();
        assert_eq!(numbers, [1, 2, 0, 1]);
        assert_eq!(turns[1].route(), Route::To(2));
    }
}
