//! Does something, and waits for what the page is to do meanwhile: open a dialog or a tab, give a file.

use std::future::Future;
use std::panic::Location;

use synthetic_core::{Failure, Result};

use crate::page::Page;
use crate::page::ask::Trouble;
use crate::page::limit::span;
use crate::page::watch::Tally;

/// What is waited for, in the words of its failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaited<'a> {
    /// `popup of the page`.
    pub(crate) what: &'a str,
    /// `opens`.
    pub(crate) expected: &'a str,
    /// What there was instead: `no tab was opened`.
    pub(crate) missing: &'a str,
}

impl Page {
    /// Does something, as one check of the run, and returns what is found in what happened as soon as it is there, in the page's
    /// patience from when it is done.
    pub(crate) async fn during<T, R: Send>(
        &self,
        awaited: Awaited<'_>,
        doing: impl Future<Output = Result<T>> + Send,
        find: impl FnMut(&mut Tally) -> Option<R> + Send,
        place: &'static Location<'static>,
    ) -> Result<R> {
        self.count_check();
        doing.await?;
        self.happens(awaited, self.patience(), find, place).await
    }

    /// Returns what is found in what happened as soon as it is there.
    pub(crate) async fn happens<R: Send>(
        &self,
        Awaited { what, expected, missing }: Awaited<'_>,
        patience: std::time::Duration,
        find: impl FnMut(&mut Tally) -> Option<R> + Send,
        place: &'static Location<'static>,
    ) -> Result<R> {
        let limit = self.limit(patience);
        let happened = self.watch().until(find);
        let trouble = match self.ask(&limit, async { Ok(happened.await) }).await {
            Ok(found) => return Ok(found),
            Err(trouble) => trouble,
        };
        let failure = match trouble {
            Trouble::Silent => {
                let actual = format!("{missing} (waited {})", span(limit.whole()));
                let failure = Failure::new(what).expected(expected).actual(actual);
                self.with_surroundings(failure, self.main(), None).await
            }
            trouble => self.troubled(what, trouble, &limit).await,
        };
        Err(self.raise(failure, place))
    }
}
