//! Chromium, by its DevTools protocol.
