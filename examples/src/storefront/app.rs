//! What one shop knows, and which route leads where.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use fastrand::Rng;

use super::faults::Faults;
use super::grants::Grants;
use super::metrics::Metrics;
use super::order_book::OrderBook;
use super::{admin, api, auth, gate, health, metrics, orders, pages, redirects, reservations};

const BODY_LIMIT: usize = 64 * 1024;
const LOGIN_LIFETIME: Duration = Duration::from_secs(3600);

/// Each source of chance has its own sequence, so that turning a fault on does not change the reservations.
const FAULTS_SEED: u64 = 0x5eed_0000_0000_fa17;

/// What the builder decided, and nothing changes later.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    pub(crate) max_reservation_delay: Duration,
    pub(crate) confirm_after: Duration,
    pub(crate) max_orders: usize,
    pub(crate) username: String,
    pub(crate) password: String,
}

/// One shop.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    memory: Mutex<Memory>,
}

/// What a shop remembers.
pub(crate) struct Memory {
    pub(crate) orders: OrderBook,
    pub(crate) tokens: Grants,
    pub(crate) sessions: Grants,
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) faults: Faults,
    pub(crate) fault_chance: Rng,
    pub(crate) reservation_chance: Rng,
}

impl App {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        let memory = Memory {
            orders: OrderBook::new(settings.confirm_after, settings.max_orders),
            tokens: Grants::new("sft_", LOGIN_LIFETIME),
            sessions: Grants::new("sfs_", LOGIN_LIFETIME),
            counters: BTreeMap::new(),
            faults: settings.faults.clone(),
            fault_chance: Rng::with_seed(settings.seed ^ FAULTS_SEED),
            reservation_chance: Rng::with_seed(settings.seed),
        };
        Arc::new(Self { settings, metrics: Metrics::new(), memory: Mutex::new(memory) })
    }

    /// Locks the memory. No handler panics while it holds the lock with a change half done, so poison is ignored.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether this is the one user of the shop.
    pub(crate) fn knows(&self, username: &str, password: &str) -> bool {
        username == self.settings.username && password == self.settings.password
    }
}

impl Memory {
    /// Forgets everything that requests left behind; faults and the sequences of chance stay.
    pub(crate) fn reset(&mut self) {
        self.orders.clear();
        self.tokens.clear();
        self.sessions.clear();
        self.counters.clear();
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/health", get(health::show))
        .route("/orders", get(orders::list).post(orders::create))
        .route("/orders/{id}", get(orders::show).patch(orders::change).delete(orders::delete))
        .route("/login", get(pages::login).post(auth::login))
        .route("/account", get(auth::account))
        .route("/reservations", post(reservations::reserve))
        .route("/", get(pages::home))
        .route("/session", post(pages::sign_in))
        .route("/dashboard", get(pages::dashboard))
        .route("/api/activity", get(pages::activity))
        .route("/logout", post(pages::sign_out))
        .route("/metrics", get(metrics::show))
        .route("/redirect/{hops}", get(redirects::chain))
        .route("/redirect-to", any(redirects::to))
        .route("/_admin/state", get(admin::state).delete(admin::reset))
        .route("/_admin/faults", get(admin::faults).put(admin::set_faults).delete(admin::clear_faults))
        .fallback(api::no_such_route)
        .method_not_allowed_fallback(api::no_such_method)
        .layer(from_fn_with_state(Arc::clone(&app), gate::pass))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(app)
}
