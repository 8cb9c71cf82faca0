//! The locks of the tables: parking_lot's, or those of a model checker, which
//! then decides who goes first.

use std::ops::{Deref, DerefMut};

use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A family of locks.
pub(in super::super) trait Locks {
    type Exclusive<T>: Lock<T>;
    type Shared<T>: SharedLock<T>;
}

/// A lock with one holder.
pub(in super::super) trait Lock<T> {
    type Guard<'a>: DerefMut<Target = T>
    where
        Self: 'a;

    fn new(value: T) -> Self;
    fn lock(&self) -> Self::Guard<'_>;
}

/// A lock with many readers or one writer.
pub(in super::super) trait SharedLock<T> {
    type Read<'a>: Deref<Target = T>
    where
        Self: 'a;
    type Write<'a>: DerefMut<Target = T>
    where
        Self: 'a;

    fn new(value: T) -> Self;
    fn read(&self) -> Self::Read<'_>;
    fn write(&self) -> Self::Write<'_>;
}

/// The locks that programs use.
pub(in super::super) struct ParkingLot;

impl Locks for ParkingLot {
    type Exclusive<T> = Mutex<T>;
    type Shared<T> = RwLock<T>;
}

impl<T> Lock<T> for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        Self: 'a;

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.lock()
    }
}

impl<T> SharedLock<T> for RwLock<T> {
    type Read<'a>
        = RwLockReadGuard<'a, T>
    where
        Self: 'a;
    type Write<'a>
        = RwLockWriteGuard<'a, T>
    where
        Self: 'a;

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.read()
    }

    fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.write()
    }
}
