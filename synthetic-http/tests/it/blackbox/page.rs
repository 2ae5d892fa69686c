//! The page about the differences has them all, with their reasons, and no others.

use super::differences::DIFFERENCES;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/http/blackbox.md"));

#[test]
fn the_page_has_every_difference_with_its_reason_and_no_other() {
    let (_, table) = PAGE.split_once("## Where we judge otherwise\n").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| target "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), DIFFERENCES.len());
    for difference in DIFFERENCES {
        let row = rows.iter().find(|row| row[0] == difference.row);
        let row = row.unwrap_or_else(|| panic!("the page does not have {:?}", difference.row));
        let verdicts = if difference.passes { ["fails", "passes"] } else { ["passes", "fails"] };
        assert_eq!(row[1..], [&verdicts[..], &[difference.why]].concat(), "{:?}", difference.row);
    }
}
