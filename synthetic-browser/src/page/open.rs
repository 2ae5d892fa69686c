//! [`Opening`]: how a page is opened.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::url::Url;
use synthetic_core::{Failure, Result, Run, Secret};

use crate::Browser;
use crate::browser::{Seats, VIEWPORT};
use crate::engine::{ContextOptions, Credentials, Tab};
use crate::evidence::{Collector, Evidence};
use crate::network::pattern::Pattern;
use crate::network::rules::{Answer, Rules};
use crate::page::dialog::{Dialog, Dialogs};
use crate::page::limit::{Limit, span};
use crate::page::login::Login;
use crate::page::watch::{Unexpected, Watch};
use crate::page::{Inner, NAVIGATION_PATIENCE, PATIENCE, Page};

/// Opens a page for a run, in a context that no other run has. Await it.
///
/// # Default
///
/// - a viewport of 1280 × 720 CSS pixels, one of the device each, which tabs that the page opens have, too; the browser's own locale, time zone and user agent
/// - no login, no extra headers, no credentials, no downloads
/// - certificates are checked
///
/// # Examples
///
/// ```no_run
/// # use synthetic_core::prelude::*;
/// # use synthetic_browser::Browser;
/// # async fn german(run: Run, browser: Browser) -> Result {
/// let page = browser.page(&run).base("https://shop.example").locale("de-DE").viewport(390, 844).await?;
/// page.goto("/").await
/// # }
/// ```
#[must_use = "a page is opened when it is awaited"]
pub struct Opening {
    browser: Browser,
    run: Run,
    options: ContextOptions,
    base: Option<String>,
    patience: Duration,
    navigation_patience: Duration,
    dialogs: Dialogs,
    login: Option<Login>,
    downloads: bool,
    auth: Option<(String, Secret)>,
    evidence: Evidence,
    rules: Vec<(String, Option<Answer>)>,
    place: &'static Location<'static>,
}

impl Browser {
    /// Opens a page for a run. The run closes it, whatever happens.
    ///
    /// The browser is launched when it is not. When all its places are taken, the run waits for one with its first page; that is
    /// time of the run. Other pages of the run share its place.
    #[track_caller]
    pub fn page(&self, run: &Run) -> Opening {
        Opening {
            browser: self.clone(),
            run: run.clone(),
            options: ContextOptions::default(),
            base: None,
            patience: PATIENCE,
            navigation_patience: NAVIGATION_PATIENCE,
            dialogs: Dialogs::default(),
            login: None,
            downloads: false,
            auth: None,
            evidence: self.kept_evidence(),
            rules: Vec::new(),
            place: Location::caller(),
        }
    }
}

impl Opening {
    /// Sets what relative URLs are relative to.
    pub fn base(mut self, url: impl Into<String>) -> Self {
        self.base = Some(url.into());
        self
    }

    /// Sets the size of the viewport in CSS pixels, in the place of 1280 × 720.
    pub fn viewport(mut self, width: u32, height: u32) -> Self {
        let scale = self.options.viewport.map_or(1.0, |(_, _, scale)| scale);
        self.options.viewport = Some((width, height, scale));
        self
    }

    /// Sets how many pixels of the device there are to one of CSS: 2.0 for most telephones.
    pub fn pixel_ratio(mut self, ratio: f64) -> Self {
        let (width, height, _) = self.options.viewport.unwrap_or(VIEWPORT);
        self.options.viewport = Some((width, height, ratio));
        self
    }

    /// Sets the locale: `de-DE`.
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.options.locale = Some(locale.into());
        self
    }

    /// Sets the time zone by its IANA name: `Europe/Berlin`.
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        self.options.time_zone = Some(zone.into());
        self
    }

    /// Sets the user agent.
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.options.user_agent = Some(agent.into());
        self
    }

    /// Adds a header to every request, of whatever origin.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.headers.push((name.into(), value.into()));
        self
    }

    /// Answers HTTP authentication, Basic or Digest, with a name and a password: where the origin of the [base](Self::base)
    /// asks for it, and nowhere else. Without a base the page is not opened.
    pub fn basic_auth(mut self, user: impl Into<String>, password: &Secret) -> Self {
        self.auth = Some((user.into(), password.clone()));
        self
    }

    /// Starts as one that has [logged in](Page::save_login).
    pub fn login(mut self, login: &Login) -> Self {
        self.login = Some(login.clone());
        self
    }

    /// Allows downloads, see [`Page::download`].
    pub fn downloads(mut self) -> Self {
        self.downloads = true;
        self
    }

    /// Takes certificates that do not hold, for a test system that has no other.
    pub fn accept_bad_certificates(mut self) -> Self {
        self.options.accept_bad_certificates = true;
        self
    }

    /// Sets what evidence is kept of the page by itself, in the place of what the browser says.
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// Blocks requests, from the first one on, see [`Page::block`]: `block(["*.doubleclick.net/**", "**/*.woff2"])`.
    pub fn block<P: Into<String>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.rules.extend(patterns.into_iter().map(|pattern| (pattern.into(), None)));
        self
    }

    /// Answers requests ourselves, from the first one on, see [`Page::answer`].
    pub fn answer(mut self, pattern: impl Into<String>, answer: Answer) -> Self {
        self.rules.push((pattern.into(), Some(answer)));
        self
    }

    /// Sets what becomes of dialogs.
    pub fn on_dialog(mut self, dialogs: Dialogs) -> Self {
        self.dialogs = dialogs;
        self
    }

    /// Sets how long the page waits for an element to be fit, and for an expectation to hold: 5 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets how long the page waits for a navigation: 30 s.
    pub fn navigation_patience(mut self, patience: Duration) -> Self {
        self.navigation_patience = patience;
        self
    }

    async fn open(self) -> Result<Page> {
        let Self { browser, run, mut options, base, place, .. } = self;
        let setup = |problem: String| run.raise(Failure::setup(format!("open a page: {problem}")).at(place));
        let base = match base {
            Some(base) => {
                let parsed = Url::parse(&base).map_err(|error| {
                    setup(format!("the base {:?} is no URL: {error}", crate::page::url::shown(&base)))
                })?;
                crate::page::url::target(parsed.as_str(), None).map_err(setup)?;
                Some(parsed)
            }
            None => None,
        };
        if let Some((user, password)) = self.auth {
            let Some(base) = &base else {
                return Err(setup("basic_auth needs to know whom the password is for: add `.base(url)`".to_owned()));
            };
            run.keep_secret(&password)?;
            options.credentials = Some(Credentials { origin: base.origin(), user, password });
        }
        let rules = Rules::default();
        for (pattern, answer) in self.rules {
            if let Some(problem) = answer.as_ref().and_then(Answer::defect) {
                return Err(setup(format!("the answer to {pattern:?}: {problem}")));
            }
            rules.add(Pattern::new(&pattern).map_err(setup)?, answer);
        }
        options.downloads = self.downloads.then(PathBuf::new);
        let limit = Limit::new(Duration::MAX, Some(&run));
        let seats = run.extension::<Seats>();
        let lease = tokio::time::timeout_at(limit.until, browser.lease(&options, &seats)).await;
        let mut lease = match lease {
            Ok(Ok(lease)) => lease,
            Ok(Err(error)) => return Err(run.raise(error.into_failure().at(place))),
            Err(_) => {
                let problem = format!("open a page: the browser had no place for one within {}", span(limit.whole()));
                let hint =
                    "let more runs have a page at a time with `Browser::max_pages`, or fewer canaries run at a time";
                return Err(run.raise(Failure::setup(problem).hint(hint).at(place)));
            }
        };
        let Some(tab) = lease.take_tab() else { return Err(setup("the context has no tab".to_owned())) };
        let (tab, watch) = Watch::new(tab, self.dialogs);
        let page = Page {
            inner: Arc::new(Inner {
                run: Some(run.clone()),
                redactor: run.secrets().redactor().clone(),
                context: Arc::clone(lease.context()),
                health: Some(lease.health()),
                main: tab.main_frame(),
                tab,
                watch: Arc::clone(&watch),
                base,
                rules,
                collector: Arc::new(Collector::new(self.evidence, lease.version().to_owned(), run.extension())),
                downloads: self.downloads,
            }),
            patience: self.patience,
            navigation_patience: self.navigation_patience,
        };
        page.collect_for(&run);
        let closing = run.clone();
        run.defer("close the page", async move {
            lease.close().await;
            let Unexpected { here, in_popups } = watch.take_unexpected();
            for Dialog { kind, message, .. } in here {
                closing.warn(format!("dialog {kind} opened last, and nobody saw it: {message:?}"));
            }
            for Dialog { kind, message, .. } in in_popups {
                closing.warn(format!(
                    "dialog {kind} opened in a tab that the page opened, and nobody saw it: {message:?}"
                ));
            }
            Ok(())
        });
        page.hold("open a page", place).await?;
        if let Some(login) = &self.login {
            page.restore(login, place).await?;
        }
        Ok(page)
    }
}

impl IntoFuture for Opening {
    type Output = Result<Page>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Page>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opening(a page of {:?})", self.browser)
    }
}

impl Page {
    /// Makes the page of a tab that this one opened.
    pub(crate) fn sibling(&self, tab: Arc<dyn Tab>, watch: Arc<Watch>) -> Self {
        let collector = self.collector();
        self.watch().change(|tally| tally.taken.push(Arc::clone(&watch)));
        let inner = Inner {
            run: self.inner.run.clone(),
            redactor: self.inner.redactor.clone(),
            context: Arc::clone(&self.inner.context),
            health: self.inner.health.clone(),
            main: tab.main_frame(),
            tab,
            watch,
            base: self.inner.base.clone(),
            rules: Rules::default(),
            collector: Arc::new(collector.sibling()),
            downloads: self.inner.downloads,
        };
        let page = Self { inner: Arc::new(inner), ..self.clone() };
        if let Some(run) = page.run() {
            page.collect_for(&run);
        }
        page
    }
}
