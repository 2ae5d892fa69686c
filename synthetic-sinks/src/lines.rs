//! A writer of lines that may block: the process's standard output, or what a user gives.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use synthetic_core::sink::DeliveryError;

/// A writer, and whether it is the process's standard output.
#[derive(Clone)]
pub(crate) struct Lines {
    writer: Arc<Mutex<dyn Write + Send>>,
    is_console: bool,
}

impl Lines {
    pub(crate) fn stdout() -> Self {
        Self { writer: Arc::new(Mutex::new(io::stdout())), is_console: true }
    }

    pub(crate) fn to(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Arc::new(Mutex::new(writer)), is_console: false }
    }

    pub(crate) const fn is_console(&self) -> bool {
        self.is_console
    }

    /// Writes on a thread that may block, so that a reader that does not keep up slows no canary.
    pub(crate) async fn write(&self, bytes: Vec<u8>) -> Result<(), DeliveryError> {
        let writer = Arc::clone(&self.writer);
        let written = tokio::task::spawn_blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.write_all(&bytes)?;
            writer.flush()
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(DeliveryError::Fatal("nobody reads standard output any more".to_owned()))
            }
            Ok(Err(error)) => Err(DeliveryError::Retry(format!("cannot write to standard output: {error}"))),
            Err(_) => Err(DeliveryError::Fatal("the runtime was shut down".to_owned())),
        }
    }

    /// Writes at once, unless another thread is writing.
    pub(crate) fn write_now(&self, bytes: &[u8]) {
        if let Ok(mut writer) = self.writer.try_lock() {
            let _ = writer.write_all(bytes).and_then(|()| writer.flush());
        }
    }
}
