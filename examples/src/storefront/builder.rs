//! How a shop is ordered before it opens.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::app::{App, Settings};
use super::auth::{PASSWORD, USERNAME};
use super::faults::Faults;
use super::server::{self, Running};
use super::tls::Tls;

/// Builds a shop and opens it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_examples::storefront::{Faults, Storefront, Tls};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shop = Storefront::new()
///     .seed(7)
///     .faults(Faults::parse("lost_answers=0.1")?)
///     .max_reservation_delay(Duration::ZERO)
///     .tls(Tls::DaysLeft(20))
///     .start()
///     .await?;
/// assert!(shop.url().starts_with("https://localhost:"));
/// assert!(shop.ca_pem().is_some_and(|pem| pem.starts_with("-----BEGIN CERTIFICATE-----")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a shop opens when it is started"]
pub struct Storefront {
    listen: SocketAddr,
    tls: Option<Tls>,
    settings: Settings,
}

const MOST_ORDERS: usize = 10_000;

impl Storefront {
    /// Returns a shop without faults, on a free port of 127.0.0.1, without TLS.
    pub fn new() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            settings: Settings {
                seed: 0,
                faults: Faults::none(),
                max_reservation_delay: Duration::from_millis(150),
                confirm_after: Duration::from_millis(300),
                max_orders: MOST_ORDERS,
                username: USERNAME.to_owned(),
                password: PASSWORD.to_owned(),
            },
        }
    }

    /// Sets where chance begins: two shops with one seed that get the same requests in the same order make the same
    /// reservations and meet the same faults. Ids and tokens differ all the same.
    ///
    /// # Default
    ///
    /// 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets the faults with which the shop opens.
    ///
    /// # Default
    ///
    /// [`Faults::none`].
    pub fn faults(mut self, faults: Faults) -> Self {
        self.settings.faults = faults;
        self
    }

    /// Sets the longest time that a `POST /reservations` takes.
    ///
    /// # Default
    ///
    /// 150 ms.
    pub fn max_reservation_delay(mut self, max: Duration) -> Self {
        self.settings.max_reservation_delay = max;
        self
    }

    /// Sets how long an order stays `pending` before it is `confirmed`.
    ///
    /// # Default
    ///
    /// 300 ms.
    pub fn confirm_after(mut self, after: Duration) -> Self {
        self.settings.confirm_after = after;
        self
    }

    /// Sets how many orders the shop holds before it answers 507; more than 10,000 are never held.
    ///
    /// # Default
    ///
    /// 10,000.
    pub fn max_orders(mut self, max: usize) -> Self {
        self.settings.max_orders = max.min(MOST_ORDERS);
        self
    }

    /// Sets the one user that the shop knows.
    ///
    /// # Default
    ///
    /// [`USERNAME`] with [`PASSWORD`].
    pub fn user(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.settings.username = username.into();
        self.settings.password = password.into();
        self
    }

    /// Sets where the shop listens; port 0 is a free one.
    ///
    /// The shop has no protection of any kind, and its admin routes are open to all who reach it: an address that other
    /// machines reach is for closed networks only.
    ///
    /// # Default
    ///
    /// `127.0.0.1:0`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Serves HTTPS, HTTP/2 included, with this certificate where the shop [listens](Self::listen); plain HTTP then moves
    /// to a free port of the same address ([`Running::plain_url`]).
    ///
    /// # Default
    ///
    /// Plain HTTP only.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Opens the shop. When this returns, it answers.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound, or a certificate cannot be made.
    pub async fn start(self) -> io::Result<Running> {
        server::start(App::new(self.settings), self.listen, self.tls).await
    }
}

impl Default for Storefront {
    fn default() -> Self {
        Self::new()
    }
}

/// Leaves the password out.
impl fmt::Debug for Storefront {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storefront")
            .field("listen", &self.listen)
            .field("tls", &self.tls)
            .field("seed", &self.settings.seed)
            .field("faults", &self.settings.faults)
            .finish_non_exhaustive()
    }
}
