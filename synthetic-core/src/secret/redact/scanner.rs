//! Finds many words in a text at once.

use std::collections::HashMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::secret::name::is_name_char;

/// How many bytes of a form the automaton knows. The rest is compared when they are met: a key of several kilobytes, in
/// all its forms, would else be an automaton of many megabytes.
const ANCHOR: usize = 16;

/// The fewest bytes of a form that are taken for a form that was cut short.
const CUT_MIN: usize = 4;

/// How far before a cut the form that was cut may begin, in bytes.
const CUT_WINDOW: usize = 4 * 1024;

/// What says that a text was cut short, or, after a quote, that it begins in the middle.
const CUT: &str = "…";

/// How a label begins; its name and a bracket follow.
const LABEL: &str = "[redacted:";

/// A name, and the forms of one of its values.
pub(super) struct Word<'a> {
    pub(super) name: &'a str,
    pub(super) forms: &'a [Arc<str>],
}

/// Where a secret stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    label: usize,
    /// The length of the longest form in it, which decides about the label.
    longest: usize,
}

/// The automaton of the beginnings of all forms, and the forms themselves.
///
/// Overlapping matches are asked for, not the leftmost and longest: where the end of one secret is the beginning of
/// another, the rest of the second would else stay, and an anchor whose form does not follow would hide a shorter one.
pub(super) struct Scanner {
    anchors: AhoCorasick,
    /// For each pattern of the automaton: what may be meant.
    meanings: Vec<Vec<Meaning>>,
    /// For the first four bytes of a form: which forms.
    beginnings: HashMap<[u8; CUT_MIN], Vec<(Arc<str>, usize)>>,
    /// Which two bytes stand side by side in some form: most texts are told by them to be part of none.
    pairs: Vec<bool>,
    labels: Vec<String>,
}

enum Meaning {
    /// A secret, with the index of its label.
    Form(Arc<str>, usize),
    /// What a secret is replaced by: what is within is no secret, else a name could be scrubbed out of a label.
    Label(Arc<str>),
    Cut,
}

impl Scanner {
    pub(super) fn new<'a>(words: impl Iterator<Item = Word<'a>>) -> Self {
        let mut patterns: HashMap<Vec<u8>, Vec<Meaning>> = HashMap::new();
        let mut mean = |text: &[u8], meaning| {
            patterns.entry(text[..text.len().min(ANCHOR)].to_vec()).or_default().push(meaning);
        };
        let mut beginnings: HashMap<[u8; CUT_MIN], Vec<(Arc<str>, usize)>> = HashMap::new();
        let mut pairs = vec![false; 1 << 16];
        let mut labels: Vec<String> = Vec::new();
        let mut label_of: HashMap<&str, usize> = HashMap::new();
        for word in words {
            let label = *label_of.entry(word.name).or_insert_with(|| {
                let text = label(word.name);
                mean(text.as_bytes(), Meaning::Label(text.as_str().into()));
                labels.push(text);
                labels.len() - 1
            });
            for form in word.forms {
                mean(form.as_bytes(), Meaning::Form(Arc::clone(form), label));
                form.as_bytes().windows(2).for_each(|two| pairs[pair(two)] = true);
                if let Some(&first) = form.as_bytes().first_chunk() {
                    beginnings.entry(first).or_default().push((Arc::clone(form), label));
                }
            }
        }
        mean(CUT.as_bytes(), Meaning::Cut);

        let (patterns, meanings): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        // A table for every state and byte would read a megabyte in 2 ms instead of in 4, and take ten times as long to
        // build, which happens with every new value.
        let anchors = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns)
            .expect("the forms are bounded far below what an automaton can hold");
        Self { anchors, meanings, beginnings, pairs, labels }
    }

    /// Returns what the secret at `span` is replaced by.
    pub(super) fn label(&self, span: &Span) -> &str {
        &self.labels[span.label]
    }

    /// Returns the name of the secret at `span`, as labels show it.
    pub(super) fn name(&self, span: &Span) -> &str {
        self.label(span).trim_start_matches(LABEL).trim_end_matches(']')
    }

    /// Returns where secrets stand, in order and without overlap.
    pub(super) fn spans(&self, text: &[u8]) -> Vec<Span> {
        let mut hits = Vec::new();
        let mut labels = Vec::new();
        let mut last_cut = 0;
        for found in self.anchors.find_overlapping_iter(text) {
            let start = found.start();
            for meaning in &self.meanings[found.pattern()] {
                match meaning {
                    Meaning::Form(form, label) if text[start..].starts_with(form.as_bytes()) => {
                        hits.push(Span::new(start, form.len(), *label));
                    }
                    Meaning::Label(label) if text[start..].starts_with(label.as_bytes()) => {
                        labels.push(start..start + label.len());
                    }
                    Meaning::Form(..) | Meaning::Label(_) => {}
                    Meaning::Cut => {
                        self.find_cut(text, last_cut, start, &mut hits);
                        last_cut = found.end();
                        if text[..start].ends_with(b"\"") {
                            hits.extend(self.find_rest(text, last_cut));
                        }
                    }
                }
            }
        }
        if !labels.is_empty() {
            labels.sort_by_key(|label| label.start);
            hits.retain(|hit| {
                let before = labels.partition_point(|label| label.start <= hit.start);
                before == 0 || labels[before - 1].end < hit.end
            });
        }
        merged(hits)
    }

    /// Finds the longest beginning of a form that stands between `from` and `cut`, directly before the cut or before
    /// the one space that is put in front of it.
    fn find_cut(&self, text: &[u8], from: usize, cut: usize, hits: &mut Vec<Span>) {
        let mut ends = vec![cut];
        if text[..cut].ends_with(b" ") {
            ends.push(cut - 1);
        }
        for start in from.max(cut.saturating_sub(CUT_WINDOW))..cut {
            let Some(first) = text[start..cut].first_chunk::<CUT_MIN>() else { return };
            let Some(forms) = self.beginnings.get(first) else { continue };
            for &end in &ends {
                let Some(part) = text.get(start..end).filter(|part| part.len() >= CUT_MIN) else { continue };
                if let Some((_, label)) = forms.iter().find(|(form, _)| form.as_bytes().starts_with(part)) {
                    hits.push(Span::new(start, part.len(), *label));
                    return;
                }
            }
        }
    }

    /// Finds the longest end of a form that stands directly behind the cut that ends at `from`, or a part of a form that is
    /// cut at both ends.
    fn find_rest(&self, text: &[u8], from: usize) -> Option<Span> {
        let rest = &text[from..];
        let first = rest.first_chunk::<CUT_MIN>()?;
        if !first.windows(2).all(|two| self.pairs[pair(two)]) {
            return None;
        }
        let mut longest: Option<Span> = None;
        for (form, label) in self.beginnings.values().flatten() {
            let form = form.as_bytes();
            for (at, _) in form.windows(CUT_MIN).enumerate().filter(|(_, window)| window == first) {
                let same = form[at..].iter().zip(rest).take_while(|(a, b)| a == b).count();
                let is_part = at + same == form.len() || rest[same..].starts_with(CUT.as_bytes());
                // The label that was known first among equals, in whatever order the forms come.
                let better = |span: &Span| (same, span.label) > (span.longest, *label);
                if is_part && longest.as_ref().is_none_or(better) {
                    longest = Some(Span::new(from, same, *label));
                }
            }
        }
        longest
    }
}

/// Returns the place of two bytes in a table of all pairs.
fn pair(two: &[u8]) -> usize {
    usize::from(two[0]) << 8 | usize::from(two[1])
}

impl Span {
    const fn new(start: usize, len: usize, label: usize) -> Self {
        Self { start, end: start + len, label, longest: len }
    }
}

/// Returns what a secret is replaced by. It breaks neither JSON nor HTML, whatever the name.
fn label(name: &str) -> String {
    let name: String = name.chars().map(|c| if is_name_char(c) { c } else { '_' }).collect();
    format!("{LABEL}{name}]")
}

/// Joins what overlaps, under the label of the longest form, and among equals the one that was known first.
fn merged(mut hits: Vec<Span>) -> Vec<Span> {
    hits.sort_by_key(|hit| (hit.start, hit.label));
    let mut spans: Vec<Span> = Vec::new();
    for hit in hits {
        match spans.last_mut() {
            Some(span) if hit.start < span.end => {
                span.end = span.end.max(hit.end);
                if hit.longest > span.longest {
                    span.longest = hit.longest;
                    span.label = hit.label;
                }
            }
            _ => spans.push(hit),
        }
    }
    spans
}
