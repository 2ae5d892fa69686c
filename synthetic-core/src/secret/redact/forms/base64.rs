//! Base64, of a value on its own and as a part of something longer.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::percent;

/// The fewest characters of a part: fewer would be found by chance in every longer text, such as a picture.
const MIN_PART: usize = 8;

/// Adds `bytes` in both alphabets: padded, unpadded, and as a part; and percent-encoded or JSON-escaped, where the
/// alphabet has characters that are.
pub(super) fn add(bytes: &[u8], forms: &mut BTreeSet<String>) {
    for (padded, unpadded) in [(&STANDARD, &STANDARD_NO_PAD), (&URL_SAFE, &URL_SAFE_NO_PAD)] {
        let whole = [padded.encode(bytes), unpadded.encode(bytes)];
        for text in whole.into_iter().chain(parts(bytes, unpadded)) {
            if text.contains(['+', '/', '=']) {
                forms.extend(percent::both_cases(&text));
                forms.extend([text.replace('/', "\\/"), text.replace('+', "\\u002B"), text.replace('+', "&#43;")]);
                forms.insert(text.replace('/', "&#x2F;"));
            }
            forms.insert(text);
        }
    }
}

/// Returns the characters that depend on `bytes` alone, for each of the three ways in which they can lie in groups of
/// three when something stands before and behind them.
fn parts(bytes: &[u8], engine: &GeneralPurpose) -> impl Iterator<Item = String> {
    (0..3).filter_map(move |before| {
        let mut all = vec![0; before];
        all.extend_from_slice(bytes);
        let text = engine.encode(&all);
        let first = (8 * before).div_ceil(6);
        let end = 8 * all.len() / 6;
        text.get(first..end).filter(|part| part.len() >= MIN_PART).map(str::to_owned)
    })
}
