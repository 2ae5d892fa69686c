//! [`Instance`]: a browser that was launched, and the task that looks after it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Settings;
use crate::engine::{self, Engine, EngineError};
use crate::launch::error::LaunchError;
use crate::launch::find::{self, Places};
use crate::launch::folder::Folder;
use crate::launch::memory::{self, Bounds};
use crate::launch::process::{Plan, Process, ending};
use crate::launch::{Product, flags, reap};

/// How often it is looked at what the browser takes.
const LOOK: Duration = Duration::from_secs(3);
/// How long a browser that is asked to close may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long it may take until it shows how a browser ended that has closed its connection.
const ENDING: Duration = Duration::from_secs(1);
/// What Firefox says when it can be connected to.
const LISTENING: &str = "WebDriver BiDi listening on ";

/// A browser that runs, or ran. It is closed when the last one who has it drops it.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) product: Product,
    pub(super) engine: Arc<dyn Engine>,
    /// Its own, removed with it, whatever becomes of us.
    pub(super) folder: PathBuf,
    /// That of pages that are opened without one.
    pub(super) viewport: Option<(u32, u32, f64)>,
    /// Why it is gone, once it is.
    end: watch::Receiver<Option<LaunchError>>,
    stop: Stop,
    runs: AtomicU32,
    tired: AtomicBool,
}

/// Asks a browser to close, or ends it at once.
#[derive(Debug, Clone)]
struct Stop {
    nicely: CancellationToken,
    because: watch::Sender<Option<LaunchError>>,
}

impl Stop {
    /// Waits until it is to end at once, and returns why.
    async fn because(&self) -> LaunchError {
        let mut because = self.because.subscribe();
        loop {
            if let Some(because) = because.borrow_and_update().clone() {
                return because;
            }
            // We have a sender ourselves, so it is never closed.
            let _ = because.changed().await;
        }
    }
}

impl Instance {
    /// Launches one. `stop` ends it, also while it is launched. The task that looks after it is one of `tasks`, and ends when
    /// nothing of it is left.
    pub(super) async fn launch(
        settings: &Settings,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Result<Self, LaunchError> {
        let mut process = start(settings).await?;
        let product = settings.product;
        let connected = tokio::select! {
            connected = timeout(settings.launch_timeout, connect(product, &mut process)) => connected.unwrap_or_else(|_| {
                let seconds = settings.launch_timeout.as_secs_f64();
                Err(LaunchError::new(format!("{product} did not answer within {seconds} s of being started")))
            }),
            () = stop.cancelled() => Err(LaunchError::new(format!("{product} was closed while it was launched"))),
        };
        let engine = match connected {
            Ok(engine) => engine,
            Err(error) => {
                let error = error.last_words(product, &process.stderr().text());
                process.kill().await;
                return Err(error);
            }
        };
        tracing::debug!(version = engine.version(), group = process.group(), "launched a browser");
        let (folder, viewport) = (process.folder().path().to_owned(), settings.viewport());
        let (ended, end) = watch::channel(None);
        let stop = Stop { nicely: stop, because: watch::Sender::new(None) };
        let keeper =
            Keeper { product, process, engine: Arc::clone(&engine), stop: stop.clone(), bounds: settings.bounds };
        tasks.spawn(keeper.keep(ended));
        let (runs, tired) = (AtomicU32::new(0), AtomicBool::new(false));
        Ok(Self { product, engine, folder, viewport, end, stop, runs, tired })
    }

    /// Counts a run, and returns how many there were with it.
    pub(super) fn count(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns whether another run may have it.
    pub(super) fn is_fit(&self) -> bool {
        !self.tired.load(Ordering::Relaxed)
            && !self.stop.nicely.is_cancelled()
            && self.stop.because.borrow().is_none()
            // The task that would say how it ended is gone with its runtime.
            && self.end.has_changed().is_ok_and(|_| self.end.borrow().is_none())
    }

    /// Says that no other run is to have it.
    pub(super) fn tire(&self) {
        self.tired.store(true, Ordering::Relaxed);
    }

    /// Ends it at once, for a reason.
    pub(super) fn kill(&self, because: LaunchError) {
        self.stop.because.send_replace(Some(because));
    }

    pub(super) fn end(&self) -> watch::Receiver<Option<LaunchError>> {
        self.end.clone()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.nicely.cancel();
    }
}

/// What looks after a browser.
struct Keeper {
    product: Product,
    process: Process,
    engine: Arc<dyn Engine>,
    stop: Stop,
    bounds: Bounds,
}

impl Keeper {
    /// Waits until the browser ends or has to, says why, and removes all that is left of it.
    async fn keep(mut self, ended: watch::Sender<Option<LaunchError>>) {
        let why = self.until_the_end().await;
        // What it said last is on its way. Those it started may have its standard error, and live on.
        let _ = timeout(ENDING / 10, self.process.stderr().ended()).await;
        // Its last words may tell of what was secret to a run.
        tracing::debug!(%why, "a browser ended");
        let why = why.last_words(self.product, &self.process.stderr().text());
        ended.send_replace(Some(why));
        self.process.kill().await;
    }

    async fn until_the_end(&mut self) -> LaunchError {
        let product = self.product;
        let stop = self.stop.clone();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        loop {
            tokio::select! {
                biased;
                status = self.process.wait() => {
                    return match status {
                        Ok(status) => ended_with(product, status),
                        Err(error) => LaunchError::new(format!("{product} is gone: {error}")),
                    };
                }
                because = stop.because() => return because,
                () = stop.nicely.cancelled() => {
                    let closes = async {
                        self.engine.close().await;
                        let _ = self.process.wait().await;
                    };
                    let _ = timeout(FAREWELL, closes).await;
                    return LaunchError::new(format!("{product} was closed"));
                }
                told = self.engine.gone() => {
                    return match timeout(ENDING, self.process.wait()).await {
                        Ok(Ok(status)) => ended_with(product, status),
                        _ => LaunchError::new(format!("{product} closed its connection: {told}")),
                    };
                }
                _ = look.tick() => {
                    if let Err(error) = self.process.keep_a_janitor().await {
                        tracing::warn!(%error, "nobody ends {product} when we are killed: the janitor could not be started");
                    }
                    if let Some(excess) = self.excess().await {
                        return LaunchError::new(format!("{product} was killed: {excess}"));
                    }
                }
            }
        }
    }

    async fn excess(&self) -> Option<String> {
        let (bounds, group, folder) = (self.bounds, self.process.group(), self.process.folder().path().to_owned());
        tokio::task::spawn_blocking(move || memory::excess(&bounds, group, &folder)).await.ok().flatten()
    }
}

/// Starts its process, after what others left was removed.
async fn start(settings: &Settings) -> Result<Process, LaunchError> {
    let settings = settings.clone();
    let product = settings.product;
    let prepared = tokio::task::spawn_blocking(move || prepare(&settings)).await;
    let (folder, plan) = prepared.unwrap_or_else(|_| Err(LaunchError::new("the runtime ends")))?;
    let program = plan.program.clone();
    Process::start(folder, &plan)
        .await
        .map_err(|error| LaunchError::new(format!("{product} ({}) could not be started: {error}", program.display())))
}

fn prepare(settings: &Settings) -> Result<(Folder, Plan), LaunchError> {
    let product = settings.product;
    let program = find::find(product, settings.executable.as_deref(), &Places::usual(product))?;
    memory::preflight(product, &settings.bounds, Path::new("/"))?;
    let root: PathBuf = settings.root.clone().unwrap_or_else(std::env::temp_dir);
    reap::reap(&root);
    let folder = Folder::create(&root).map_err(|error| {
        LaunchError::new(format!("{product} has no folder for its profile: {}: {error}", root.display()))
            .hint("name another folder with the browser's profiles(…)")
    })?;
    match flags::plan(product, program, &settings.wishes, &folder) {
        Ok(plan) => Ok((folder, plan)),
        Err(error) => {
            let _ = folder.remove();
            Err(error)
        }
    }
}

/// Waits until the browser can be spoken to.
async fn connect(product: Product, process: &mut Process) -> Result<Arc<dyn Engine>, LaunchError> {
    let stderr = process.stderr().clone();
    let pipe = process.take_pipe();
    let connects = async move {
        match (product, pipe) {
            (Product::Chromium, Some((output, input))) => engine::cdp::connect(output, input).await,
            (Product::Chromium, None) => Err(EngineError::Gone("it has no pipe".to_owned())),
            (Product::Firefox, _) => match stderr.line(LISTENING).await {
                Some(address) => engine::bidi::Bidi::connect(&format!("{address}/session")).await,
                None => Err(EngineError::Gone("it says nothing any more".to_owned())),
            },
        }
    };
    let error = tokio::select! {
        connected = connects => match connected {
            Ok(engine) => return Ok(engine),
            Err(error) => error.to_string(),
        },
        status = process.wait() => return Err(ended(product, process, status).await),
    };
    // Most often it is gone because it ended.
    match timeout(ENDING, process.wait()).await {
        Ok(status) => Err(ended(product, process, status).await),
        Err(_) => Err(LaunchError::new(format!("{product} was started, and could not be spoken to: {error}"))),
    }
}

async fn ended(product: Product, process: &Process, status: std::io::Result<std::process::ExitStatus>) -> LaunchError {
    let _ = timeout(ENDING / 10, process.stderr().ended()).await;
    let how = status.map_or_else(|error| format!("is gone: {error}"), ending);
    let error = LaunchError::new(format!("{product} {how} before it could be spoken to"));
    if process.stderr().text().contains("No usable sandbox") {
        return error.hint(
            "let its user make user namespaces, or switch the sandbox off with the browser's sandbox(false) where all \
             pages are one's own",
        );
    }
    error
}

/// Says how a browser ended that was to stay.
fn ended_with(product: Product, status: std::process::ExitStatus) -> LaunchError {
    use std::os::unix::process::ExitStatusExt as _;

    let error = LaunchError::new(format!("{product} {} while it was in use", ending(status)));
    // SIGKILL.
    if status.signal() == Some(9) {
        error.hint(
            "that is what the system does when memory runs out: look into the kernel's log, and at the memory limit of the \
             container",
        )
    } else {
        error
    }
}
