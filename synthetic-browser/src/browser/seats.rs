//! [`Seats`]: how many runs have pages of a browser at the same time.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// A run's place in a browser, which all its pages there share. It is given back with the last of them.
pub(super) type Seat = Arc<OwnedSemaphorePermit>;

/// The seat that a run has. Locked while it waits for one: its other pages wait for the same.
type Taken = Arc<tokio::sync::Mutex<Weak<OwnedSemaphorePermit>>>;

/// The seats that a run has, one in each browser that it has pages of. An extension of the run.
///
/// Were each page to take one of its own, two runs with two pages each could wait for each other: both have one, and neither
/// gives it back before it has another.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<Vec<(Arc<Semaphore>, Taken)>>);

impl Seats {
    /// Returns the seat that the run has among these; waits for one when it has none.
    pub(super) async fn take(&self, among: &Arc<Semaphore>) -> Result<Seat, AcquireError> {
        let taken = self.of(among);
        let mut taken = taken.lock().await;
        if let Some(seat) = taken.upgrade() {
            return Ok(seat);
        }
        let seat = Arc::new(Arc::clone(among).acquire_owned().await?);
        *taken = Arc::downgrade(&seat);
        Ok(seat)
    }

    fn of(&self, among: &Arc<Semaphore>) -> Taken {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, taken)) = seats.iter().find(|(known, _)| Arc::ptr_eq(known, among)) {
            return Arc::clone(taken);
        }
        let taken = Taken::default();
        seats.push((Arc::clone(among), Arc::clone(&taken)));
        taken
    }
}
