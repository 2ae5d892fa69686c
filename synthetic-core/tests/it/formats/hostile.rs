//! Whatever a target answers is text in every format, and never part of it.

use pulldown_cmark::{Event, Options, Parser};
use quick_junit::{Report as Junit, TestCaseStatus};
use synthetic_core::cli::Format;
use synthetic_core::prelude::*;

use super::beside_the_runs;
use super::runs::{HOSTILE, Runs, saying, without_lines};

async fn check(format: Format, text: &'static str) -> String {
    let runs = saying(text).await;
    format.render(&runs.reports, &beside_the_runs(&runs))
}

/// What GitHub's runner makes of a line: its commands, as its source reads them.
fn command(line: &str) -> Option<(String, String)> {
    let known = |name: &str| {
        let commands = [
            "error",
            "warning",
            "notice",
            "debug",
            "group",
            "endgroup",
            "add-mask",
            "stop-commands",
            "set-output",
            "set-env",
            "add-path",
            "echo",
            "save-state",
            "add-matcher",
            "remove-matcher",
        ];
        commands.contains(&name.to_lowercase().as_str()).then(|| name.to_lowercase())
    };
    let v2 = || {
        let (info, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
        Some((known(info.split(' ').next()?)?, data.to_owned()))
    };
    let v1 = || {
        let (info, data) = line.split_once("##[")?.1.split_once(']')?;
        Some((known(info.split(' ').next()?)?, data.to_owned()))
    };
    v2().or_else(v1)
}

fn commands(text: &str) -> Vec<(String, String)> {
    text.split(['\r', '\n']).filter_map(command).collect()
}

#[tokio::test(start_paused = true)]
async fn no_text_gives_github_a_command() {
    assert_eq!(command("::error file=a::b"), Some(("error".to_owned(), "b".to_owned())), "it is read as it should be");
    assert_eq!(command(" x ##[group]b"), Some(("group".to_owned(), "b".to_owned())));
    let names = |text: &str| commands(text).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let tame = check(Format::Github, "tame").await;
    let hostile = check(Format::Github, HOSTILE).await;
    assert_eq!(names(&hostile), names(&tame), "{hostile}");
    assert!(names(&tame).starts_with(&["group", "endgroup", "error", "notice"].map(str::to_owned)), "{tame}");
    let (_, message) = commands(&hostile).into_iter().find(|(name, _)| name == "error").unwrap();
    let message = message.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    assert!(message.starts_with("failed: x    step ") && message.contains("\n  %0A::error::late"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn no_text_breaks_junit() {
    let (tame, hostile) = (check(Format::Junit, "tame").await, check(Format::Junit, HOSTILE).await);
    for c in hostile.chars() {
        let legal = matches!(c, '\n' | '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(legal, "{c:?} is in no XML 1.0");
    }
    let (tame, hostile) = (Junit::deserialize_from_str(&tame).unwrap(), Junit::deserialize_from_str(&hostile).unwrap());
    let shape = |junit: &Junit| {
        let cases = junit.test_suites.iter().flat_map(|suite| &suite.test_cases);
        let cases =
            cases.map(|case| (case.name.to_string(), std::mem::discriminant(&case.status), case.properties.len()));
        (junit.tests, junit.failures, junit.errors, cases.collect::<Vec<_>>())
    };
    assert_eq!(shape(&hostile), shape(&tame));
    let TestCaseStatus::NonSuccess { message, description, .. } = &hostile.test_suites[0].test_cases[0].status else {
        panic!("{hostile:?}");
    };
    let (message, description) = (message.as_ref().unwrap(), description.as_ref().unwrap());
    assert!(message.starts_with("x ::error::forged ::stop-commands::t ##[add-mask]s"), "{message:?}");
    for kept in
        ["]]> <![CDATA[ &amp; <failure/> \"q\" 'q' \\u{0}\\u{7}\\u{7f}\\u{85}\\u{fffe} \\u{1b}[31mred", "    tab https"]
    {
        assert!(description.contains(kept), "{description:?}");
    }
}

/// What of a document is its form: everything but what is only text, also within a line of HTML.
fn form(markdown: &str) -> Vec<String> {
    let shown = regex::Regex::new("<code>[^<]*</code>").unwrap();
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let form = events.filter(|event| !matches!(event, Event::Text(_)));
    form.map(|event| shown.replace_all(&format!("{event:?}"), "<code></code>").into_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn no_text_breaks_markdown() {
    let (tame, hostile) = (check(Format::Markdown, "tame").await, check(Format::Markdown, HOSTILE).await);
    assert_eq!(form(&hostile), form(&tame), "{hostile}");
    let rows = hostile.lines().filter(|line| line.starts_with("| <code>test")).count();
    assert_eq!(rows, 1);
    let row = hostile.lines().find(|line| line.starts_with("| <code>test")).unwrap();
    let of_text = row.replace("**failed**", "");
    assert!(!of_text.contains(['`', '@', '*', '[', '\\']) && row.matches('|').count() == 6, "{row}");
    let fence = hostile.lines().find(|line| line.starts_with("```")).unwrap();
    assert_eq!(fence, "`````text", "a fence is longer than any in the text");
}

#[tokio::test(start_paused = true)]
async fn no_text_commands_a_terminal_or_stands_where_a_line_of_ours_does() {
    let text = check(Format::Pretty, HOSTILE).await;
    let unfit =
        |c: &char| (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202e}' | '\u{2066}' | '\u{2028}');
    assert_eq!(text.chars().find(unfit), None);
    let ours = ["failed    test", "error: ", "warning: ", "notice: ", "failed: ", ""];
    for line in text.lines().filter(|line| !line.starts_with(' ')) {
        assert!(
            ours.iter().any(|start| line.starts_with(start) && (!start.is_empty() || line.is_empty())),
            "{line:?} in {text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_canary_may_have_breaks_nothing_either() {
    let mut texts = Vec::new();
    for name in ["Tame name", HOSTILE] {
        let mut runs = Runs::new();
        let report = runs.run(Spec::new(name), |run| async move { run.expect("x", 1, eq(1)) }).await;
        assert_eq!(report.outcome, Outcome::Error, "it is refused");
        report.monitor = Some(name.into());
        let summary = runs.summary();
        texts.push(Format::ALL.map(|format| format.render(&runs.reports, &summary)));
    }
    let [tame, hostile] = [&texts[0], &texts[1]];
    let [pretty, _, junit, github, markdown] = hostile;
    assert_eq!(pretty.lines().filter(|line| !line.starts_with("  ") && !line.is_empty()).count(), 3, "{pretty}");
    let junit = Junit::deserialize_from_str(junit).unwrap();
    assert_eq!((junit.test_suites.len(), junit.tests, junit.errors), (1, 1, 1));
    let expected = ["group", "endgroup", "error"];
    assert_eq!(commands(github).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "{github}");
    assert_eq!(form(markdown), form(&tame[4]), "{markdown}");
}

#[tokio::test(start_paused = true)]
async fn it_is_shown_as_it_is_but_for_what_has_no_shape() {
    let mut runs = Runs::new();
    runs.run(Spec::new("test"), |run| async move { Err(run.raise(Failure::new("answer").actual(HOSTILE))) }).await;
    let render = |format: Format| without_lines(&format.render(&runs.reports, &runs.summary()));
    insta::assert_snapshot!("hostile_pretty", render(Format::Pretty));
    insta::assert_snapshot!("hostile_junit", render(Format::Junit));
    insta::assert_snapshot!("hostile_github", render(Format::Github));
    insta::assert_snapshot!("hostile_markdown", render(Format::Markdown));
}
