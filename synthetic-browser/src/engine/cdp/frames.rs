//! The frames of a tab, the sessions that reach them, and the worlds that scripts can be called in.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::super::{FrameId, World};
use super::connection::SessionId;

#[derive(Debug, Default)]
pub(super) struct Frames {
    frames: HashMap<FrameId, Frame>,
}

#[derive(Debug)]
struct Frame {
    /// Frames of other processes have sessions of their own.
    session: SessionId,
    parent: Option<FrameId>,
    page: Option<Document>,
    ours: Option<Document>,
}

/// A document in one of its worlds.
#[derive(Debug)]
struct Document {
    /// What the protocol calls an execution context, unlike any other of the browser.
    context: Arc<str>,
    alive: watch::Sender<()>,
}

/// Where a script can be called.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) session: SessionId,
    pub(super) context: Arc<str>,
    alive: watch::Receiver<()>,
}

impl Place {
    /// Returns once the document is gone.
    pub(super) async fn gone(&mut self) {
        // Nothing is ever sent: what comes is that there is no sender any more.
        while self.alive.changed().await.is_ok() {}
    }
}

impl Frames {
    /// A frame is there, and `session` reaches it: it is new, or it moved from another process.
    pub(super) fn attached(&mut self, frame: &FrameId, parent: Option<FrameId>, session: &SessionId) {
        match self.frames.get_mut(frame) {
            Some(known) => {
                if known.session != *session {
                    known.session = Arc::clone(session);
                    known.page = None;
                    known.ours = None;
                }
                if parent.is_some() {
                    known.parent = parent;
                }
            }
            None => {
                let new = Frame { session: Arc::clone(session), parent, page: None, ours: None };
                self.frames.insert(frame.clone(), new);
            }
        }
    }

    /// Removes a frame and those in it, and returns them, the innermost first.
    pub(super) fn removed(&mut self, frame: &FrameId) -> Vec<FrameId> {
        let children: Vec<FrameId> =
            self.frames.iter().filter(|(_, f)| f.parent.as_ref() == Some(frame)).map(|(id, _)| id.clone()).collect();
        let mut removed: Vec<FrameId> = children.iter().flat_map(|child| self.removed(child)).collect();
        if self.frames.remove(frame).is_some() {
            removed.push(frame.clone());
        }
        removed
    }

    pub(super) fn contains(&self, frame: &FrameId) -> bool {
        self.frames.contains_key(frame)
    }

    pub(super) fn session(&self, frame: &FrameId) -> Option<&SessionId> {
        self.frames.get(frame).map(|frame| &frame.session)
    }

    pub(super) fn world_created(&mut self, frame: &FrameId, world: World, context: &str, session: &SessionId) {
        // A frame that moved to another process: this is the last word of the one that it left.
        if self.session(frame).is_some_and(|owner| owner != session) {
            return;
        }
        self.attached(frame, None, session);
        let Some(frame) = self.frames.get_mut(frame) else { return };
        let slot = match world {
            World::Page => &mut frame.page,
            World::Ours => &mut frame.ours,
        };
        *slot = Some(Document { context: context.into(), alive: watch::Sender::new(()) });
    }

    pub(super) fn world_destroyed(&mut self, context: &str) {
        for frame in self.frames.values_mut() {
            for slot in [&mut frame.page, &mut frame.ours] {
                if slot.as_ref().is_some_and(|document| &*document.context == context) {
                    *slot = None;
                }
            }
        }
    }

    /// All documents that a session reaches are gone.
    pub(super) fn worlds_cleared(&mut self, session: &SessionId) {
        for frame in self.frames.values_mut().filter(|frame| frame.session == *session) {
            frame.page = None;
            frame.ours = None;
        }
    }

    /// Returns where a script is to be called: `None` without such a frame, `Some(None)` while its document is on its way.
    pub(super) fn place(&self, frame: &FrameId, world: World) -> Option<Option<Place>> {
        let frame = self.frames.get(frame)?;
        let document = match world {
            World::Page => &frame.page,
            World::Ours => &frame.ours,
        };
        Some(document.as_ref().map(|document| Place {
            session: Arc::clone(&frame.session),
            context: Arc::clone(&document.context),
            alive: document.alive.subscribe(),
        }))
    }
}
