//! Runs a small shop that canaries can watch, and that breaks on demand.
//!
//! The shop has what a canary of a real service meets: a health page, orders that are created, read, changed and
//! deleted, an unreliable call to a third party, bearer tokens, and pages with a login for a browser. Faults are set
//! while it runs, from Rust ([`Running::set_faults`]) or over HTTP (`PUT /_admin/faults`): slow answers, errors, lost
//! answers, creates that are applied long after their client has gone. Everything lives in memory, and several shops
//! may run side by side in one process.
//!
//! # Routes
//!
//! | route | answer |
//! |---|---|
//! | `GET /health` | 200, `{"status":"ok","version":"1.4.2","checks":{"db":"up","cache":"up"}}` |
//! | `POST /orders` | 201, the order and its `Location`; takes `{"sku", "quantity"?, "reference"?, "customerId"?}` and honours `Idempotency-Key` |
//! | `GET /orders` | 200, `{"orders":[…],"count":n}`; `?reference=` and `?customerId=` select exact matches |
//! | `GET /orders/{id}` | 200, the order |
//! | `PATCH /orders/{id}` | 200, the changed order; takes `{"quantity"?, "status"?}` |
//! | `DELETE /orders/{id}` | 204 |
//! | `POST /login` | 200, `{"token","expiresIn"}`; takes `{"username","password"}` as JSON or as a form |
//! | `GET /account` | 200, `{"username","tier"}`, for a bearer token of `POST /login` or for [`API_TOKEN`] |
//! | `POST /reservations` | 200 in 85 of 100 cases, 400 in 5, 401 in 4, 500 in 6, each after a random delay; [`Warehouse`] changes the shares |
//! | `GET /` | the page "Example App" with `#login-btn` |
//! | `GET /login` | the login page: `#username`, `#password`, `#submit-login` |
//! | `POST /session` | 303 to the dashboard with a session cookie, or the login page with `#login-error` (401) |
//! | `GET /dashboard` | the page with `.dashboard-container`; 303 to the login page without a session |
//! | `GET /api/activity` | 200, what the dashboard's script shows, for a session |
//! | `POST /logout` | 303 to `/`; the session is gone |
//! | `GET /redirect/{n}` | 302, the first of n hops (1 to 100) that end at `/health` |
//! | `GET /metrics` | 200, `http_request_duration{method,url,code}` in seconds, in OpenMetrics text |
//! | any `/redirect-to?url=…&status=…` | a redirect to any URL, with 301, 302 (the default), 303, 307 or 308 |
//! | `GET /_admin/state` | 200, [`Snapshot`]; `DELETE` forgets it all (204) |
//! | `GET /_admin/faults` | 200, [`Faults`]; `PUT` replaces them (200), `DELETE` removes them (204) |
//!
//! An error is JSON, `{"error":{"code","message"}}`: 400 for what cannot be parsed, 401 without a login, 404 and 405 for
//! what is not there, 413 above 64 KiB of body, 422 for what is well-formed and wrong, and 507 when the shop is full.
//!
//! # Orders
//!
//! An order is `pending` when it is placed and `confirmed` a moment later (300 ms unless
//! [`confirm_after`](Storefront::confirm_after) says otherwise), unless a `PATCH` has decided its status. A request that
//! repeats an `Idempotency-Key` gets the first answer again, with `Idempotency-Replayed: true`, also when the order has
//! been deleted since; with another body it gets 422. A `+` in a query is a blank, as in any form: a client that sends
//! one unescaped asks for something else than it means.
//!
//! # Limits
//!
//! At most 10,000 orders, and as many idempotency keys, tokens and sessions, of which the oldest are forgotten first.

mod admin;
mod api;
mod app;
mod auth;
mod builder;
mod faults;
mod gate;
mod grants;
mod health;
mod metrics;
mod order_book;
mod orders;
mod pages;
mod redirects;
mod reservations;
mod server;
mod tls;

pub use admin::Snapshot;
pub use auth::{API_TOKEN, PASSWORD, USERNAME};
pub use builder::Storefront;
pub use faults::{Faults, ParseFaultsError};
pub use order_book::{Order, Status};
pub use reservations::Warehouse;
pub use server::Running;
pub use tls::{ParseTlsError, Tls};
