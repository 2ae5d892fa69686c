//! E-mail addresses for people who are made and cannot be deleted.

use super::Mark;

/// The longest part of an address before the `@`, in bytes (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL_PART: usize = 64;
const USER: &str = "canary+";
/// The longest name of a monitor in an address, in bytes, where a whole mark does not fit.
const LONGEST_MONITOR: usize = 8;

/// # For people who cannot be deleted
impl Mark {
    /// Returns an e-mail address that carries the mark: `canary+syn1-shop-signup-01JD3QKX7V0000000000000000-1@example.com`.
    ///
    /// What is sent there is delivered to the mailbox `canary` of the domain, by what most servers do with a `+` (RFC 5233
    /// calls it a subaddress). Take a domain of your own whose mail you can read, or `example.com` or one below `.test`
    /// (RFC 2606), to which nothing is ever delivered. [`find_in`](Self::find_in) finds the mark again.
    ///
    /// The part before the `@` has at most 64 bytes (RFC 5321); the names in a longer mark are cut so that it fits. It is
    /// unique as before, has the run's id in it, and is the same each time.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::cleanup::Mark;
    ///
    /// let mark: Mark = "syn1-monitor_of_the_shop-sign-up-of-a-new-customer-01JD3QKX7V0000000000000000-12".parse()?;
    /// let address = mark.email("shop.test");
    /// assert_eq!(address, "canary+syn1-monitor_-sign-up-of-a--01JD3QKX7V0000000000000000-12@shop.test");
    /// let found = Mark::find_in(&address).unwrap();
    /// assert_eq!((found.run_id(), found.number()), (mark.run_id(), mark.number()));
    /// # Ok::<(), synthetic_core::cleanup::ParseMarkError>(())
    /// ```
    #[must_use]
    pub fn email(&self, domain: &str) -> String {
        let most = LONGEST_LOCAL_PART - USER.len();
        if self.as_str().len() <= most {
            return format!("{USER}{self}@{domain}");
        }
        // The names are what may be cut: letters, digits, `-` and `_`, so that every byte is a character.
        let (monitor, canary) = (self.monitor(), self.canary());
        let monitor = &monitor[..monitor.len().min(LONGEST_MONITOR)];
        let rest = self.as_str().len() - self.monitor().len() - canary.len();
        let canary = &canary[..canary.len().min(most - rest - monitor.len())];
        format!("{USER}{}@{domain}", Self::new(monitor, canary, self.run_id(), self.number()))
    }

    /// Returns the [`email`](Self::email) address as it stands in the query of a URL, where a `+` would be read as a blank:
    /// `canary%2Bsyn1-shop-signup-01JD3QKX7V0000000000000000-1%40example.com`.
    ///
    /// A client that encodes what it is given, such as `.query("email", …)`, takes [`email`](Self::email) instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::cleanup::Mark;
    ///
    /// let mark: Mark = "syn1-shop-signup-01JD3QKX7V0000000000000000-1".parse()?;
    /// let url = format!("/customers?email={}", mark.email_in_url("example.com"));
    /// assert_eq!(url, "/customers?email=canary%2Bsyn1-shop-signup-01JD3QKX7V0000000000000000-1%40example.com");
    /// # Ok::<(), synthetic_core::cleanup::ParseMarkError>(())
    /// ```
    #[must_use]
    pub fn email_in_url(&self, domain: &str) -> String {
        // All else in a mark and in a domain name stands there as it is (RFC 3986, section 2.3).
        self.email(domain).replace('+', "%2B").replace('@', "%40")
    }
}
