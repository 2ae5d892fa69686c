//! Firefox, by WebDriver BiDi.
