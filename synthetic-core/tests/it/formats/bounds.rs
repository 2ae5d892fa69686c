//! What is written has bounds, and says what was left out.

use std::sync::Arc;

use quick_junit::{Report as Junit, TestCaseStatus};
use synthetic_core::cli::Format;
use synthetic_core::monitor::Summary;
use synthetic_core::prelude::*;

use super::many;
use super::runs::Runs;

/// A run that failed with a text that has no end, and how often it is there.
async fn long(number: usize) -> (Vec<Arc<Report>>, Summary) {
    let mut runs = Runs::new();
    runs.run(Spec::new("endless"), |run| async move {
        for n in 0..20 {
            run.soft(
                "look",
                async move { Err::<(), _>(Failure::new(format!("part {n}")).actual("ü|".repeat(10_000))) },
            )
            .await;
        }
        run.expect("x", 1, eq(1))
    })
    .await;
    runs.reports = many(&runs.reports[0], number);
    let summary = runs.summary();
    (runs.reports, summary)
}

#[tokio::test(start_paused = true)]
async fn markdown_fits_into_a_comment_and_counts_what_it_leaves_out() {
    for (number, problems) in [(1, 0), (30, 2), (3000, 0), (3000, 100)] {
        let (reports, mut summary) = long(number).await;
        summary.problems = vec!["p".repeat(2000); problems];
        let markdown = Format::Markdown.render(&reports, &summary);
        assert!(markdown.len() <= 65_000, "{} for {number}", markdown.len());
        let left_out = |before: &str, after: &str| -> usize {
            let number =
                markdown.lines().find_map(|line| line.strip_prefix(before)?.strip_suffix(after)?.split(' ').next());
            number.map_or(0, |number| number.parse().unwrap())
        };
        let shown = |start: &str| markdown.lines().filter(|line| line.starts_with(start)).count();
        let rows = (shown("| <code>endless</code> "), left_out("| ", " | | left out here | | |"));
        let notes = (shown("- **error**: "), left_out("- ", " left out here"));
        let texts = (shown("<details>"), left_out("The text of ", " left out here."));
        assert_eq!((rows.0 + rows.1, notes.0 + notes.1, texts.0 + texts.1), (number, problems, number), "{markdown}");
        assert!(rows.0 >= number.min(30) && notes.0 >= problems.min(5) && texts.0 > 0, "{rows:?} {notes:?} {texts:?}");
        assert_eq!(shown("<details>"), shown("</details>"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_github_is_short_and_a_case_of_junit_not_endless() {
    let (reports, summary) = long(1).await;
    let github = Format::Github.render(&reports, &summary);
    let message = github.lines().find(|line| line.starts_with("::error ")).unwrap();
    assert!(
        (4096..4800).contains(&message.len()) && message.contains(" bytes left out)%0Aand 19 more in the log%0Arun ")
    );
    let junit = Junit::deserialize_from_str(&Format::Junit.render(&reports, &summary)).unwrap();
    let TestCaseStatus::NonSuccess { message, description, .. } = &junit.test_suites[0].test_cases[0].status else {
        panic!("{junit:?}");
    };
    let (message, description) = (message.as_ref().unwrap(), description.as_ref().unwrap());
    assert_eq!((message.chars().count(), message.ends_with('…')), (241, true));
    assert!(description.len() < 66_000 && description.ends_with(" bytes left out)"), "{}", description.len());
}
