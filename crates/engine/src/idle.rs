//! Connections that wait for a request, by address.

use std::collections::VecDeque;

use crate::options::Route;

/// Idle connections, the longest idle of each address first.
#[derive(Debug)]
pub(crate) struct Idle {
    places: Vec<VecDeque<usize>>,
    count: usize,
    /// The place whose turn is next.
    turn: usize,
}

impl Idle {
    /// Of `conns` connections over `places` addresses, none of them idle yet.
    pub(crate) fn new(places: usize, conns: usize) -> Self {
        let each = conns.div_ceil(places.max(1));
        Self {
            places: vec![VecDeque::with_capacity(each); places],
            count: 0,
            turn: 0,
        }
    }

    /// Whether [`Idle::take`] would give one.
    pub(crate) fn has(&self, route: Route) -> bool {
        match route {
            Route::Any => self.count > 0,
            Route::To(place) => self
                .places
                .get(place)
                .is_some_and(|conns| !conns.is_empty()),
        }
    }

    /// Connection `conn` to address `place` is idle from now on.
    pub(crate) fn push(&mut self, place: usize, conn: usize) {
        self.places[place].push_back(conn);
        self.count += 1;
    }

    /// Takes the one that has been idle longest at the address that `route`
    /// names, or whose turn it is.
    pub(crate) fn take(&mut self, route: Route) -> Option<usize> {
        let conn = match route {
            Route::To(place) => self.places.get_mut(place)?.pop_front()?,
            Route::Any if self.count == 0 => return None,
            Route::Any => self.take_in_turn()?,
        };
        self.count -= 1;
        Some(conn)
    }

    /// Takes connection `conn` out.
    pub(crate) fn remove(&mut self, place: usize, conn: usize) {
        let conns = &mut self.places[place];
        let before = conns.len();
        conns.retain(|idle| *idle != conn);
        self.count -= before - conns.len();
    }

    fn take_in_turn(&mut self) -> Option<usize> {
        for _ in 0..self.places.len() {
            let place = self.turn;
            self.turn = if place + 1 < self.places.len() {
                place + 1
            } else {
                0
            };
            if let Some(conn) = self.places[place].pop_front() {
                return Some(conn);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_turn_over_the_addresses_and_longest_idle_first() {
        let mut idle = Idle::new(3, 6);
        for conn in 0..6 {
            idle.push(conn % 3, conn);
        }
        idle.remove(1, 1);
        assert_eq!((idle.count, idle.take(Route::To(2))), (5, Some(2)));
        let taken: Vec<_> = std::iter::from_fn(|| idle.take(Route::Any)).collect();
        assert_eq!(taken, [0, 4, 5, 3]);
        assert!(!idle.has(Route::Any) && !idle.has(Route::To(0)) && !idle.has(Route::To(9)));
        idle.push(2, 5);
        assert!(idle.has(Route::Any) && idle.has(Route::To(2)) && !idle.has(Route::To(1)));
        assert_eq!(
            (idle.take(Route::To(1)), idle.take(Route::To(9))),
            (None, None)
        );
        assert_eq!((idle.take(Route::Any), idle.count), (Some(5), 0));
    }
}
