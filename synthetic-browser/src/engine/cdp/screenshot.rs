//! Pictures of a tab.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{Rect, Result, Shot};
use super::json::Fields as _;
use super::page::Page;
use super::tab::from_base64;

/// The longest side of a picture, in CSS pixels: beyond it Chromium repeats what it has painted.
const LONGEST_SIDE: f64 = 16384.0;

pub(super) async fn take(page: &Page, shot: &Shot) -> Result<Bytes> {
    // The encoder that is told to hurry makes files of about twice the size in a third of the time.
    let mut parameters = json!({ "format": "png", "optimizeForSpeed": true });
    if shot.full_page || shot.clip.is_some() {
        let metrics = page.ask("Page.getLayoutMetrics", json!({})).await?;
        let clip = match shot.clip {
            Some(clip) if shot.full_page => clip,
            // The protocol counts from the top left of the page.
            Some(clip) => {
                let scrolled = &metrics["cssVisualViewport"];
                Rect { x: clip.x + scrolled.number("pageX"), y: clip.y + scrolled.number("pageY"), ..clip }
            }
            None => whole(&metrics["cssContentSize"]),
        };
        parameters["clip"] = json!({
            "x": clip.x, "y": clip.y, "scale": 1,
            "width": clip.width.min(LONGEST_SIDE), "height": clip.height.min(LONGEST_SIDE),
        });
        parameters["captureBeyondViewport"] = json!(shot.full_page);
    }
    let answer = page.ask("Page.captureScreenshot", parameters).await?;
    from_base64("Page.captureScreenshot", answer.text("data"))
}

fn whole(size: &Value) -> Rect {
    Rect { x: 0.0, y: 0.0, width: size.number("width"), height: size.number("height") }
}
