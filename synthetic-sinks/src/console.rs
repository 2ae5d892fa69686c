//! Writes to standard output, or to what stands in for it, on a thread that may block.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use synthetic_core::sink::DeliveryError;

/// Where text goes that a person or a CI system reads as it comes.
#[derive(Clone)]
pub(crate) struct Console {
    writer: Arc<Mutex<dyn Write + Send>>,
    /// The writer is the process's standard output.
    pub(crate) is_stdout: bool,
}

impl Console {
    pub(crate) fn stdout() -> Self {
        Self { writer: Arc::new(Mutex::new(io::stdout())), is_stdout: true }
    }

    pub(crate) fn of(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Arc::new(Mutex::new(writer)), is_stdout: false }
    }

    /// Writes and flushes: a reader that does not keep up holds no thread of the runtime.
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

    /// Writes at once, if nobody else writes just now.
    pub(crate) fn write_now(&self, bytes: &[u8]) {
        if let Ok(mut writer) = self.writer.try_lock() {
            let _ = writer.write_all(bytes).and_then(|()| writer.flush());
        }
    }
}
