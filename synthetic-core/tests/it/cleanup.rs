//! What a canary made is removed: every way in which it is made, in which its run ends, and in which its process dies.

mod crash_windows;
mod creating;
mod hard_cases;
mod life;
mod made;
mod removing;
pub(crate) mod shelf;
#[cfg(unix)]
mod signals;
pub(crate) mod target;
mod traps;
mod world;
