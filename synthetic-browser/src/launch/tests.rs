//! Real processes, and real browsers where there are some.
