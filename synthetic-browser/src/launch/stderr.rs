//! [`Stderr`]: what a browser says on its standard error, of which the end is kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

/// How much is kept, in bytes.
const KEPT: usize = 256 * 1024;

/// The end of what a program says on its standard error. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Stderr {
    kept: Arc<Mutex<VecDeque<u8>>>,
    /// How many bytes there were; closed when there will be no more.
    read: watch::Receiver<u64>,
}

impl Stderr {
    /// Reads in the background, so that the program never waits for us, until there is no more.
    pub(crate) fn follow(mut from: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (told, read) = watch::channel(0);
        let this = Self { kept: Arc::default(), read };
        let kept = Arc::clone(&this.kept);
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = from.read(&mut buffer).await {
                {
                    let mut kept = lock(&kept);
                    kept.extend(&buffer[..count]);
                    let surplus = kept.len().saturating_sub(KEPT);
                    kept.drain(..surplus);
                }
                told.send_modify(|read| *read += count as u64);
            }
        });
        this
    }

    /// Returns what is kept.
    pub(crate) fn text(&self) -> String {
        let kept = lock(&self.kept).iter().copied().collect::<Vec<_>>();
        String::from_utf8_lossy(&kept).into_owned()
    }

    /// Waits for a whole line that begins so, and returns the rest of it; `None` when there is no more to come.
    pub(crate) async fn line(&self, start: &str) -> Option<String> {
        let mut read = self.read.clone();
        loop {
            read.borrow_and_update();
            let text = self.text();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            if let Some(rest) = whole.lines().find_map(|line| line.strip_prefix(start)) {
                return Some(rest.trim().to_owned());
            }
            read.changed().await.ok()?;
        }
    }

    /// Waits until there is no more to come: nobody has it open any more.
    pub(crate) async fn ended(&self) {
        let mut read = self.read.clone();
        while read.changed().await.is_ok() {}
    }
}

fn lock(kept: &Mutex<VecDeque<u8>>) -> MutexGuard<'_, VecDeque<u8>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn a_line_is_found_once_it_is_whole() {
        let (mut program, ours) = tokio::io::duplex(64);
        let stderr = Stderr::follow(ours);
        program.write_all(b"noise\nlistening on ws://127").await.unwrap();
        let finds = tokio::spawn({
            let stderr = stderr.clone();
            async move { stderr.line("listening on ").await }
        });
        tokio::task::yield_now().await;
        program.write_all(b".0.0.1:1\n").await.unwrap();
        assert_eq!(finds.await.unwrap().as_deref(), Some("ws://127.0.0.1:1"));
        drop(program);
        stderr.ended().await;
        assert_eq!(stderr.line("nothing").await, None);
    }

    #[tokio::test]
    async fn only_the_end_is_kept() {
        let (mut program, ours) = tokio::io::duplex(64 * 1024);
        let stderr = Stderr::follow(ours);
        program.write_all(&vec![b'x'; KEPT]).await.unwrap();
        program.write_all(b"the end").await.unwrap();
        drop(program);
        stderr.ended().await;
        let text = stderr.text();
        assert_eq!((text.len(), text.ends_with("xthe end")), (KEPT, true));
    }
}
