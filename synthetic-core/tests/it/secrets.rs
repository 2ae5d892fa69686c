//! Secrets and personas in a run: what was resolved leaves it nowhere.

use synthetic_core::Runner;
use synthetic_core::prelude::*;
