//! Presses the mouse on an element, and looks whether it was what received it.

use serde_json::{Value, json};
use synthetic_core::Result;

use crate::engine::{Button, MouseAction, World};
use crate::locator::Locator;
use crate::locator::action::{Act, CLICKABLE};
use crate::locator::reach::{Missed, Ready};
use crate::locator::seen::Seen;
use crate::page::action::Action;
use crate::page::limit::Limit;

impl Locator {
    #[track_caller]
    pub(super) fn press_mouse(&self, verb: &str, button: Button, clicks: u32) -> Action {
        let act = self.begin(verb);
        Action::new(async move { act.strike(&json!({ "aim": true }), button, clicks).await.map(drop) })
    }

    #[track_caller]
    pub(super) fn set_checked(&self, verb: &str, checked: bool) -> Action {
        let act = self.begin(verb);
        Action::new(async move {
            let limit = act.limit();
            let then = json!({ "do": "checked", "value": checked, "aim": true });
            if act.strike(&then, Button::Left, 1).await? == Struck::Already {
                return Ok(());
            }
            let expectation = act.locator.checked_is(checked, act.place);
            let settled = expectation.settle(&limit).await;
            settled.map_err(|unsettled| act.locator.page.raise(unsettled.failure, act.place))
        })
    }
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
enum Struck {
    /// The element received it, and its document may have gone away.
    It,
    /// It was not pressed: it is as it should be.
    Already,
    /// What else received it; `None` when it was nothing of the document.
    Other(Option<String>),
}

impl Act {
    /// Presses the mouse on the element, as one check of the run; again, if the page moved meanwhile and another received it.
    async fn strike(&self, then: &Value, button: Button, clicks: u32) -> Result<Struck> {
        self.locator.page.count_check();
        let limit = self.limit();
        loop {
            let ready = match Box::pin(self.locator.ready(&limit, CLICKABLE, then)).await {
                Ok(ready) => ready,
                Err(missed) => return Err(self.missed_in(missed, CLICKABLE, &limit).await),
            };
            match self.strike_once(&ready, button, clicks, &limit).await? {
                Struck::Other(other) if limit.is_over() => {
                    let received = other.unwrap_or_else(|| "nothing in its document".to_owned());
                    let why = Some(format!("moving or covered while it is clicked: {received} received it"));
                    let frame = ready.frame.unwrap_or_else(|| self.locator.page.main().clone());
                    let query = self.locator.query.clone();
                    let missed =
                        Missed::Seen { frame, query, in_frame: false, seen: Seen { count: 1, why, ..Seen::default() } };
                    return Err(self.missed_in(missed, CLICKABLE, &limit).await);
                }
                Struck::Other(_) => {}
                struck => return Ok(struck),
            }
        }
    }

    async fn strike_once(&self, ready: &Ready, button: Button, clicks: u32, limit: &Limit) -> Result<Struck> {
        let Ready { x, y, already, frame, .. } = ready;
        if *already {
            return Ok(Struck::Already);
        }
        let mut actions = vec![MouseAction::Move { x: *x, y: *y }];
        for count in 1..=clicks {
            actions.extend([MouseAction::Down { button, count }, MouseAction::Up { button, count }]);
        }
        let page = &self.locator.page;
        let asked = async {
            page.ask(limit, self.tab().mouse(&actions)).await?;
            let frame = frame.as_ref().unwrap_or_else(|| page.main());
            page.ask(limit, self.tab().call(frame, World::Ours, "() => canary.struck()", &[])).await
        };
        match asked.await {
            Ok(Value::Bool(true)) => Ok(Struck::It),
            Ok(other) => Ok(Struck::Other(other.as_str().map(ToOwned::to_owned))),
            Err(trouble) => self.left(trouble, limit).await.map(|()| Struck::It),
        }
    }
}
