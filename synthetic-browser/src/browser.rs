//! [`Browser`]: one that is warm, for many runs.

mod instance;
mod lease;
mod pool;
mod seats;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::lease::{Health, Lease};
use self::pool::Pool;
pub(crate) use self::seats::Seats;
use crate::engine::ContextOptions;
use crate::evidence::Evidence;
use crate::launch::Product;
use crate::launch::error::LaunchError;
use crate::launch::flags::Wishes;
use crate::launch::memory::Bounds;

/// What pages have for a viewport unless somebody says otherwise: width and height in CSS pixels, and pixels of the device to
/// one of them.
pub(crate) const VIEWPORT: (u32, u32, f64) = (1280, 720, 1.0);

/// Holds a browser that is launched when it is first used, stays warm, and gives each run a context of its own: cookies,
/// storage and cache that no other run sees.
///
/// Clones are the same browser. Setters return another one, with that setting, which is not launched; use them before the
/// first run.
///
/// A browser that crashed, was killed, does not answer or had its number of runs is replaced by the next run that needs one; the
/// run that was hit ends with an error of the monitor that has the browser's last words, since nothing was learned of the target.
///
/// It ends with its last clone, once no page is open, or by [`close`](Self::close). Its processes and its profile never
/// outlive our process, even if that is killed with `kill -9`: a small shell waits for that, and the next launch removes what
/// a killed shell could not. On Linux that holds for processes that leave their process group, too.
///
/// # Where it is
///
/// Chromium is the first of `chromium`, `chromium-browser`, `google-chrome`, `google-chrome-stable`, `chrome` and
/// `headless-shell` in `PATH` and the usual folders, Firefox the first of `firefox-esr` and `firefox`. The variables
/// `CANARY_CHROMIUM` and `CANARY_FIREFOX` come before that, and [`executable`](Self::executable) before all.
///
/// # Runtime
///
/// It belongs to the runtime in which it was launched, and ends with it; used in another one, it is launched again there.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_browser::Browser;
///
/// let browser = Browser::chromium().flag("--lang=de").launch_timeout(Duration::from_secs(60));
/// assert!(format!("{browser:?}").contains("Chromium"));
/// ```
#[derive(Clone)]
pub struct Browser {
    pool: Arc<Pool>,
}

/// What a browser is launched and held with.
#[derive(Debug, Clone)]
struct Settings {
    product: Product,
    executable: Option<PathBuf>,
    wishes: Wishes,
    /// Where profiles are.
    root: Option<PathBuf>,
    max_pages: usize,
    launch_timeout: Duration,
    runs: u32,
    bounds: Bounds,
    spare: bool,
    evidence: Evidence,
}

impl Settings {
    /// Returns whether a page is made ready ahead. Not in Firefox: a window that opens there is in front, and the page of the run
    /// that goes on paints and gets input as one behind it.
    fn has_spare(&self) -> bool {
        self.spare && self.product == Product::Chromium
    }

    /// Returns the viewport of pages that are opened without one; `None` where a flag says how large windows are.
    fn viewport(&self) -> Option<(u32, u32, f64)> {
        (!self.wishes.say_sizes()).then_some(VIEWPORT)
    }
}

impl Browser {
    /// Holds a Chromium, or a Chrome.
    #[must_use]
    pub fn chromium() -> Self {
        Self::new(Product::Chromium)
    }

    /// Holds a Firefox.
    #[must_use]
    pub fn firefox() -> Self {
        Self::new(Product::Firefox)
    }

    fn new(product: Product) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with(Settings {
            product,
            executable: None,
            wishes: Wishes::default(),
            root: None,
            max_pages: processors.max(2),
            launch_timeout: Duration::from_secs(30),
            runs: 200,
            bounds: Bounds::default(),
            spare: true,
            evidence: Evidence::default(),
        })
    }

    fn with(settings: Settings) -> Self {
        Self { pool: Pool::new(settings) }
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.pool.settings().clone();
        change(&mut settings);
        Self::with(settings)
    }

    /// Takes this program, and looks for no other.
    ///
    /// # Default
    ///
    /// The first that is found, see [above](Self#where-it-is).
    #[must_use]
    pub fn executable(self, program: impl Into<PathBuf>) -> Self {
        self.set(|settings| settings.executable = Some(program.into()))
    }

    /// Adds a flag to its command line, after those of the library. Those that the library depends on, such as
    /// `--user-data-dir`, cannot be set: the launch then fails. Features that `--disable-features` names join those that the
    /// library switches off. Where a flag says how large windows are, such as `--window-size`, pages that are opened without a
    /// viewport have what that leaves them.
    ///
    /// # Default
    ///
    /// None of one's own.
    #[must_use]
    pub fn flag(self, flag: impl Into<String>) -> Self {
        self.set(|settings| settings.wishes.flags.push(flag.into()))
    }

    /// Puts profiles into this folder, which is made when it is not there. Each launch has a new one, removed when it ends.
    ///
    /// # Default
    ///
    /// The system's folder for temporary files.
    #[must_use]
    pub fn profiles(self, folder: impl Into<PathBuf>) -> Self {
        self.set(|settings| settings.root = Some(folder.into()))
    }

    /// Says whether it does without a window; with one, a person can look on.
    ///
    /// # Default
    ///
    /// Without.
    #[must_use]
    pub fn headless(self, headless: bool) -> Self {
        self.set(|settings| settings.wishes.headless = headless)
    }

    /// Says whether pages are rendered in the browser's sandbox.
    ///
    /// # Default
    ///
    /// In it; but Chromium refuses to start so as root, and is started with `--no-sandbox` then. In a container it may need to
    /// be switched off for another user, too, where that one may not make user namespaces: the launch then fails, with what
    /// Chromium says of it.
    #[must_use]
    pub fn sandbox(self, sandbox: bool) -> Self {
        self.set(|settings| settings.wishes.sandbox = Some(sandbox))
    }

    /// Bounds how many runs have pages at the same time; 0 is taken for 1. All pages of a run share its place, which it has until
    /// the last of them is closed. A run that is one too many waits, which counts as its own time.
    ///
    /// # Default
    ///
    /// As many as there are processors, at least 2.
    #[must_use]
    pub fn max_pages(self, pages: usize) -> Self {
        self.set(|settings| settings.max_pages = pages.max(1))
    }

    /// Bounds how long a launch may take, and how long the browser may take to open a page: one that takes longer is killed.
    ///
    /// # Default
    ///
    /// 30 s.
    #[must_use]
    pub fn launch_timeout(self, timeout: Duration) -> Self {
        self.set(|settings| settings.launch_timeout = timeout)
    }

    /// Launches a new browser after this many runs; the old one ends with the last run that has it. 0 is taken for 1.
    ///
    /// # Default
    ///
    /// 200.
    #[must_use]
    pub fn restart_after(self, runs: u32) -> Self {
        self.set(|settings| settings.runs = runs.max(1))
    }

    /// Refuses to launch it, with an error of the monitor, where less memory than this is available: on the machine, or in the
    /// control group that we are in. In bytes; known on Linux only.
    ///
    /// # Default
    ///
    /// 256 MiB.
    #[must_use]
    pub fn memory_needed(self, bytes: u64) -> Self {
        self.set(|settings| settings.bounds.available = bytes)
    }

    /// Kills it when all its processes together have more memory than this. In bytes, without the programs and libraries
    /// themselves (`RssAnon` and `RssShmem` of proc(5)); looked at every 3 seconds, on Linux only.
    ///
    /// # Default
    ///
    /// 1.5 GiB.
    #[must_use]
    pub fn memory_limit(self, bytes: u64) -> Self {
        self.set(|settings| settings.bounds.memory = bytes)
    }

    /// Kills it when its profile takes more than this on the disk. In bytes; looked at every 3 seconds.
    ///
    /// # Default
    ///
    /// 256 MiB.
    #[must_use]
    pub fn disk_limit(self, bytes: u64) -> Self {
        self.set(|settings| settings.bounds.disk = bytes)
    }

    /// Says whether a page is made ready for the next run when one has ended, so that it does not wait for the browser to make one.
    ///
    /// # Default
    ///
    /// One is, in Chromium. In Firefox none ever is: a window that opens there is in front of the page of the run that goes on.
    #[must_use]
    pub fn spare_page(self, spare: bool) -> Self {
        self.set(|settings| settings.spare = spare)
    }

    /// Says what evidence is kept of its pages by itself.
    ///
    /// # Default
    ///
    /// [`Evidence::on_failure`].
    #[must_use]
    pub fn evidence(self, evidence: Evidence) -> Self {
        self.set(|settings| settings.evidence = evidence)
    }

    /// Launches it unless it is running, and returns its name and version, such as `Chromium 156.0.8078.79`. A run does that
    /// itself; called before, the first run does not wait for it.
    ///
    /// # Errors
    ///
    /// An error of the monitor when there is none to launch, or too little memory, or it ends or does not answer.
    pub async fn launch(&self) -> synthetic_core::Result<String> {
        self.pool.version().await.map_err(LaunchError::into_failure)
    }

    /// Ends it, also where a run still has it, and returns when its processes and its profile are gone. The next use launches
    /// it again.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn kept_evidence(&self) -> Evidence {
        self.pool.settings().evidence.clone()
    }

    /// Opens a context, and a page in it, for a run that has these seats.
    pub(crate) async fn lease(&self, options: &ContextOptions, seats: &Seats) -> Result<Lease, LaunchError> {
        self.pool.lease(options, seats).await
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("settings", self.pool.settings()).finish_non_exhaustive()
    }
}
