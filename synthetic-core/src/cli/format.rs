//! TEMP
use crate::monitor::Summary;
use crate::report::Report;
use std::sync::Arc;
/// TEMP
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// a
    #[default]
    Pretty,
    /// b
    Json,
}
impl Format {
    /// TEMP
    pub fn render(self, reports: &[Arc<Report>], summary: &Summary) -> String {
        reports.iter().map(|report| format!("{report}\n")).collect::<String>() + &summary.to_string()
    }
}
