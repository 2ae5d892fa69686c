use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

use super::*;

fn knowing(secrets: &[(&str, &str)]) -> Redactor {
    let redactor = Redactor::new();
    for &(name, value) in secrets {
        redactor.register(&Secret::new(name, value)).unwrap();
    }
    redactor
}

#[track_caller]
fn check(redactor: &Redactor, text: &str, scrubbed: &str) {
    assert_eq!(redactor.redact(text), scrubbed);
    assert_eq!(redactor.redact_bytes(text.as_bytes()), scrubbed.as_bytes());
    assert_eq!(redactor.is_clean(text), text == scrubbed, "{text}");
    assert_eq!(redactor.redact(scrubbed), scrubbed, "scrubbing twice changes nothing");
}

#[test]
fn every_form_is_scrubbed_and_the_text_around_it_stays() {
    let value = "p@ss/w\"ö <&'+\\%2f=";
    let redactor = knowing(&[("web/password", value)]);
    for (form, text) in [
        ("raw", r#"p@ss/w"ö <&'+\%2f="#),
        ("unreserved only", "p%40ss%2Fw%22%C3%B6%20%3C%26%27%2B%5C%252f%3D"),
        ("unreserved only, lower-case", "p%40ss%2fw%22%c3%b6%20%3c%26%27%2b%5c%252f%3d"),
        ("form", "p%40ss%2Fw%22%C3%B6+%3C%26%27%2B%5C%252f%3D"),
        ("form, lower-case", "p%40ss%2fw%22%c3%b6+%3c%26%27%2b%5c%252f%3d"),
        ("component of JavaScript", "p%40ss%2Fw%22%C3%B6%20%3C%26'%2B%5C%252f%3D"),
        ("URI of JavaScript", "p@ss/w%22%C3%B6%20%3C&'+%5C%252f="),
        ("quote of Python", "p%40ss/w%22%C3%B6%20%3C%26%27%2B%5C%252f%3D"),
        ("path segment of Go", "p@ss%2Fw%22%C3%B6%20%3C&%27+%5C%252f="),
        ("user information of Go", "p%40ss%2Fw%22%C3%B6%20%3C&%27+%5C%252f="),
        ("URL fragment, query, path", r"p@ss/w%22%C3%B6%20%3C&'+\%2f="),
        ("URL query of http", r"p@ss/w%22%C3%B6%20%3C&%27+\%2f="),
        ("URL path segment", r"p@ss%2Fw%22%C3%B6%20%3C&'+\%252f="),
        ("URL user information", "p%40ss%2Fw%22%C3%B6%20%3C&'+%5C%2f%3D"),
        ("percent-encoded twice", "p%2540ss%252Fw%2522%25C3%25B6%2520%253C%2526%2527%252B%255C%25252f%253D"),
        ("JSON", r#"p@ss/w\"ö <&'+\\%2f="#),
        ("JSON with escaped slashes", r#"p@ss\/w\"ö <&'+\\%2f="#),
        ("JSON in ASCII", r#"p@ss/w\"\u00f6 <&'+\\%2f="#),
        ("JSON in ASCII, upper-case", r#"p@ss/w\"\u00F6 <&'+\\%2f="#),
        ("JSON of PHP", r#"p@ss\/w\"\u00f6 <&'+\\%2f="#),
        ("JSON of Go", r#"p@ss/w\"ö \u003c\u0026'+\\%2f="#),
        ("JSON of Gson", r#"p@ss/w\"ö \u003c\u0026\u0027+\\%2f\u003d"#),
        ("JSON of .NET", r"p@ss/w\u0022\u00F6 \u003C\u0026\u0027\u002B\\%2f="),
        ("JSON in JSON", r#"p@ss/w\\\"ö <&'+\\\\%2f="#),
        ("Debug", r#"p@ss/w\"ö <&'+\\%2f="#),
        ("escape_debug", r#"p@ss/w\"ö <&\'+\\%2f="#),
        ("escape_default", r#"p@ss/w\"\u{f6} <&\'+\\%2f="#),
        ("Debug of bytes", r#"p@ss/w\"\xc3\xb6 <&'+\\%2f="#),
        ("HTML text", "p@ss/w\"ö &lt;&amp;'+\\%2f="),
        ("HTML attribute, old", "p@ss/w&quot;ö <&amp;'+\\%2f="),
        ("HTML attribute", "p@ss/w&quot;ö &lt;&amp;'+\\%2f="),
        ("HTML of Python", "p@ss/w&quot;ö &lt;&amp;&#x27;+\\%2f="),
        ("HTML of PHP", "p@ss/w&quot;ö &lt;&amp;&#039;+\\%2f="),
        ("HTML of Jinja", "p@ss/w&#34;ö &lt;&amp;&#39;+\\%2f="),
        ("HTML of Go templates", "p@ss/w&#34;ö &lt;&amp;&#39;&#43;\\%2f="),
        ("HTML with slashes", "p@ss&#x2F;w&quot;ö &lt;&amp;&#x27;+\\%2f="),
        ("HTML with everything", "p@ss&#x2F;w&quot;ö &lt;&amp;&#39;+\\%2f&#x3D;"),
        ("XML", "p@ss/w&quot;ö &lt;&amp;&apos;+\\%2f="),
        ("base64", "cEBzcy93IsO2IDwmJytcJTJmPQ=="),
        ("base64 without padding", "cEBzcy93IsO2IDwmJytcJTJmPQ"),
        ("base64, percent-encoded", "cEBzcy93IsO2IDwmJytcJTJmPQ%3D%3D"),
    ] {
        for (before, after) in [("", ""), ("before ", " after"), ("\"", "\""), ("=", "&x=1"), ("ö", "ö"), (":", "@")]
        {
            let scrubbed = format!("{before}[redacted:web/password]{after}");
            assert_eq!(redactor.redact(&format!("{before}{text}{after}")), scrubbed, "{form}");
        }
        check(&redactor, &format!("{text}, {text}"), "[redacted:web/password], [redacted:web/password]");
    }
}

#[test]
fn basic_authentication_is_scrubbed_however_long_the_user_is() {
    let redactor = knowing(&[("pw", "hunter22")]);
    for user in ["", "a", "ab", "abc", "abcd", "canary@example.com"] {
        for after in ["", "!", "!!"] {
            let text = format!("Basic {}", STANDARD.encode(format!("{user}:hunter22{after}")));
            let scrubbed = redactor.redact(&text).into_owned();
            let (before, rest) = scrubbed.split_once("[redacted:pw]").unwrap_or_else(|| panic!("{text}: {scrubbed}"));
            assert!(text.starts_with(before) && text.ends_with(rest), "{text}: {scrubbed}");
            // What stays is the user, with at most one character of what is mixed.
            let known = (8 * (user.len() + 1)).div_ceil(6);
            assert!(before.len() <= "Basic ".len() + known, "{scrubbed}");
            assert!(rest.len() <= 1 + "ISE=".len(), "{scrubbed}");
        }
    }
}

#[test]
fn the_url_safe_alphabet_is_scrubbed_too() {
    let redactor = knowing(&[("pw", "a>>>b???c~~~d")]);
    check(&redactor, "x YT4-PmI_Pz9jfn5-ZA x", "x [redacted:pw] x");
    check(&redactor, "x YT4-PmI_Pz9jfn5-ZA== x", "x [redacted:pw] x");
    check(&redactor, "x YT4+PmI/Pz9jfn5+ZA== x", "x [redacted:pw] x");
    check(&redactor, "x YT4%2BPmI%2FPz9jfn5%2BZA%3D%3D x", "x [redacted:pw] x");
    check(&redactor, r"x YT4+PmI\/Pz9jfn5+ZA== x", "x [redacted:pw] x");
}

#[test]
fn a_short_secret_is_not_looked_for_within_base64() {
    let redactor = knowing(&[("pw", "abcd")]);
    check(&redactor, "YWJjZA== and YWJjZA", "[redacted:pw] and [redacted:pw]");
    let within = STANDARD.encode("x:abcd:yz");
    check(&redactor, &within, &within);
}

#[test]
fn whitespace_around_a_value_may_be_lost() {
    let redactor = knowing(&[("pw", "  hunter22 \n")]);
    check(&redactor, "<hunter22>", "<[redacted:pw]>");
    check(&redactor, "<  hunter22 \n>", "<[redacted:pw]>");
    check(&redactor, "<%20%20hunter22%20%0A>", "<[redacted:pw]>");
}

#[test]
fn a_key_of_several_lines_is_scrubbed_line_by_line_and_its_frame_is_not() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq+hkiG9w0/AQEF\nshort\nAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n";
    let redactor = knowing(&[("tls/key", key)]);
    check(&redactor, key, "[redacted:tls/key]");
    check(&redactor, &key.replace('\n', "\r\n"), "[redacted:tls/key]");
    check(&redactor, &key.trim().replace('\n', "\\n"), "[redacted:tls/key]");
    check(&redactor, &format!("key={}", STANDARD.encode(key)), "key=[redacted:tls/key]");
    check(&redactor, "1: AASCBKcwggSjAgEAAoIB\n2: short", "1: [redacted:tls/key]\n2: short");
    check(&redactor, "MIIEvQIBADANBgkq%2BhkiG9w0%2FAQEF", "[redacted:tls/key]");
    let other = "-----BEGIN PRIVATE KEY-----\nother";
    check(&redactor, other, other);
}

#[test]
fn a_key_with_line_ends_in_letters_is_scrubbed_line_by_line_too() {
    let redactor = knowing(&[("tls/key", r"-----BEGIN X-----\nMIIEvQIBADANBgkq\nAASCBKcwggSj\n-----END X-----\n")]);
    check(&redactor, "-----BEGIN X-----\nMIIEvQIBADANBgkq\nAASCBKcwggSj\n-----END X-----", "[redacted:tls/key]");
    check(&redactor, "1: AASCBKcwggSj", "1: [redacted:tls/key]");
}

#[test]
fn where_secrets_overlap_all_of_it_goes() {
    let redactor = knowing(&[("short", "hunter"), ("long", "hunter22"), ("next", "22skidoo"), ("inner", "unte")]);
    for (text, scrubbed) in [
        ("hunter22!", "[redacted:long]!"),
        ("hunter!", "[redacted:short]!"),
        ("unter", "[redacted:inner]r"),
        ("hunter22skidoo!", "[redacted:long]!"),
        ("22skidoohunter", "[redacted:next][redacted:short]"),
        ("hunterhunter22", "[redacted:short][redacted:long]"),
    ] {
        check(&redactor, text, scrubbed);
    }
}

#[test]
fn a_value_of_two_names_carries_the_first() {
    check(&knowing(&[("one", "hunter22"), ("two", "hunter22")]), "hunter22", "[redacted:one]");
}

#[test]
fn a_long_form_does_not_hide_a_shorter_one_that_begins_alike() {
    let redactor = knowing(&[("long", "abcdefghijklmnopqrstuvwxyz"), ("short", "abcde"), ("tail", "jklmnop")]);
    check(&redactor, "abcdefghijklmnopqrstuvwxy", "[redacted:short]fghi[redacted:tail]qrstuvwxy");
}

#[test]
fn a_label_is_never_scrubbed_itself() {
    let redactor = knowing(&[("web/password", "password"), ("other", "redacted")]);
    check(&redactor, "my password", "my [redacted:web/password]");
    check(&redactor, "redacted", "[redacted:other]");
    // A label of a name that nobody knows is just text.
    check(&redactor, "[redacted:x/password]", "[[redacted:other]:x/[redacted:web/password]]");
}

#[test]
fn a_label_breaks_neither_json_nor_html_whatever_the_name() {
    check(&knowing(&[("a\"]<b>\n", "hunter22")]), "hunter22", "[redacted:a___b__]");
}

#[test]
fn a_value_that_was_cut_short_is_scrubbed_up_to_the_cut() {
    let redactor = knowing(&[("pw", "correct horse battery"), ("quoted", "say \"hello\" twice")]);
    for (text, scrubbed) in [
        ("\"correct horse bat … (20 characters left out)", "\"[redacted:pw] … (20 characters left out)"),
        ("corr…", "[redacted:pw]…"),
        ("correct …", "[redacted:pw]…"),
        ("cor…", "cor…"),
        ("incorrect…", "in[redacted:pw]…"),
        ("correct horse bat", "correct horse bat"),
        ("correct, … horse", "correct, … horse"),
        ("say \\\"hel …", "[redacted:quoted] …"),
        ("… corr… and corr…", "… [redacted:pw]… and [redacted:pw]…"),
    ] {
        check(&redactor, text, scrubbed);
    }
}

#[test]
fn nothing_known_returns_the_text_itself() {
    let redactor = Redactor::new();
    assert!(matches!(redactor.redact("hunter22"), Cow::Borrowed("hunter22")));
    assert!(matches!(redactor.redact_bytes(b"hunter22"), Cow::Borrowed(b"hunter22")));
    assert!(redactor.is_clean("hunter22"));
    let redactor = knowing(&[("pw", "hunter22")]);
    assert!(matches!(redactor.redact("clean"), Cow::Borrowed("clean")));
}

#[test]
fn bytes_that_are_not_text_stay() {
    let redactor = knowing(&[("pw", "hunter22")]);
    assert_eq!(redactor.redact_bytes(b"\xff\xfehunter22\0\xc3"), &b"\xff\xfe[redacted:pw]\0\xc3"[..]);
}

#[test]
fn a_rotated_secret_is_scrubbed_in_its_old_form_too() {
    let redactor = knowing(&[("pw", "hunter22")]);
    let clone = redactor.clone();
    check(&redactor, "hunter22 hunter33", "[redacted:pw] hunter33");
    clone.register(&Secret::new("pw", "hunter33")).unwrap();
    check(&redactor, "hunter22 hunter33", "[redacted:pw] [redacted:pw]");
}

#[test]
fn the_same_value_again_builds_nothing() {
    let redactor = knowing(&[("pw", "hunter22")]);
    let before = redactor.scanner().unwrap();
    redactor.register(&Secret::new("pw", "hunter22")).unwrap();
    assert!(Arc::ptr_eq(&before, &redactor.scanner().unwrap()));
    redactor.register(&Secret::new("pw", "hunter33")).unwrap();
    assert!(!Arc::ptr_eq(&before, &redactor.scanner().unwrap()));
}

#[test]
fn values_that_cannot_be_scrubbed_are_refused() {
    let redactor = Redactor::new();
    let error = redactor.register(&Secret::new("pin", " 123 ")).unwrap_err();
    assert!(matches!(error, SecretError::TooShort { .. }), "{error}");
    let error = redactor.register(&Secret::new("big", "x".repeat(MAX_SECRET_BYTES + 1))).unwrap_err();
    assert!(matches!(error, SecretError::TooLarge { .. }), "{error}");
    assert_eq!(format!("{redactor:?}"), "Redactor { values: 0, .. }");
}

#[test]
fn beyond_the_bound_the_oldest_superseded_value_goes_and_is_counted() {
    let redactor = knowing(&[("fixed", "never-forgotten")]);
    for number in 0..MAX_VALUES {
        redactor.register(&Secret::new("token", format!("token-{number:04}"))).unwrap();
    }
    assert_eq!(redactor.forgotten(), 1);
    check(&redactor, "token-0000 token-0001", "token-0000 [redacted:token]");
    check(&redactor, "never-forgotten", "[redacted:fixed]");

    // Seen again, it is young again.
    redactor.register(&Secret::new("token", "token-0001")).unwrap();
    redactor.register(&Secret::new("token", "token-next")).unwrap();
    assert_eq!(redactor.forgotten(), 2);
    check(&redactor, "token-0001 token-0002 token-next", "[redacted:token] token-0002 [redacted:token]");
}

#[test]
fn a_value_too_many_is_refused_when_all_others_are_current() {
    let redactor = Redactor::new();
    for number in 0..MAX_VALUES {
        redactor.register(&Secret::new(format!("s{number}"), format!("value-{number:04}"))).unwrap();
    }
    assert_eq!(
        redactor.register(&Secret::new("more", "one-too-many")).unwrap_err().to_string(),
        "secret \"more\" is one too many to keep out of reports: give values that change one name"
    );
    check(&redactor, "one-too-many value-0000", "one-too-many [redacted:s0]");
    assert_eq!(redactor.forgotten(), 0);
}

#[test]
fn the_forms_of_the_largest_secrets_stay_within_their_bound() {
    let redactor = Redactor::new();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..6 {
        let value: String =
            (0..MAX_SECRET_BYTES).map(|_| char::from(random.choice(b"aZ9+/=&%\"\\ '<~").copied().unwrap())).collect();
        redactor.register(&Secret::new("big", &value)).unwrap();
        assert_eq!(redactor.redact(&format!("<{value}>")), "<[redacted:big]>");
    }
    let known = redactor.lock();
    assert!(known.values.iter().map(|value| value.bytes).sum::<usize>() <= MAX_FORM_BYTES);
    assert_eq!(known.values.len() as u64 + redactor.forgotten(), 6);
    assert!(redactor.forgotten() > 0, "the bound was met");
}

#[test]
fn registering_and_scrubbing_at_the_same_time_never_misses_a_known_secret() {
    let redactor = Redactor::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let redactor = &redactor;
            scope.spawn(move || {
                for number in 0..25 {
                    let value = format!("value-{thread}-{number:03}");
                    redactor.register(&Secret::new(format!("t{thread}"), &value)).unwrap();
                    assert_eq!(redactor.redact(&value), format!("[redacted:t{thread}]"));
                }
            });
        }
    });
}

const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const PATH: &AsciiSet = &QUERY.add(b'?').add(b'^').add(b'`').add(b'{').add(b'}');
const USERINFO: &AsciiSet =
    &PATH.add(b'/').add(b':').add(b';').add(b'=').add(b'@').add(b'[').add(b'\\').add(b']').add(b'|');
const SEGMENT: &AsciiSet = &PATH.add(b'/').add(b'%');
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes a value in every form, by other means than the code under test where there are any.
fn written(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap();
    let mut all = vec![value.to_owned(), json[1..json.len() - 1].to_owned()];
    for set in [UNRESERVED, QUERY, PATH, USERINFO, SEGMENT] {
        all.push(utf8_percent_encode(value, set).to_string());
    }
    all.push(all[2].replace("%20", "+"));
    let debug = format!("{value:?}");
    all.push(debug[1..debug.len() - 1].to_owned());
    all.push(
        value
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;"),
    );
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        all.push(engine.encode(value));
    }
    all
}

fn random_text(random: &mut fastrand::Rng, chars: std::ops::Range<usize>) -> String {
    let odd: Vec<char> = "+/=&%\"\\ <>'`{}^|~.-_:;@#?\n\r\täßé€\u{a0}漢字🦀".chars().collect();
    let length = random.usize(chars);
    (0..length)
        .map(|_| if random.u8(..3) == 0 { odd[random.usize(..odd.len())] } else { random.alphanumeric() })
        .collect()
}

#[test]
fn no_form_of_a_random_secret_survives_and_other_text_stays() {
    let mut random = fastrand::Rng::with_seed(2_000);
    for round in 0..2_000 {
        let value = random_text(&mut random, 8..40);
        if Secret::new("s", &value).is_too_short() {
            continue;
        }
        let redactor = knowing(&[("s", &value)]);
        // A `|` between them: a `=` that follows base64 would be taken for its padding.
        let (before, after) =
            (random_text(&mut random, 0..30) + "|", "|".to_owned() + &random_text(&mut random, 0..30));
        for form in written(&value) {
            let scrubbed = redactor.redact(&format!("{before}{form}{after}")).into_owned();
            assert!(
                scrubbed.starts_with(&before) && scrubbed.ends_with(&after),
                "round {round}: {form:?}: {scrubbed:?}"
            );
            assert!(scrubbed.contains("[redacted:s]"), "round {round}: {form:?}: {scrubbed:?}");
            assert!(!scrubbed.contains(form.trim()), "round {round}: {form:?}: {scrubbed:?}");
            assert!(redactor.is_clean(&scrubbed), "round {round}: {form:?}: {scrubbed:?}");
        }
        let within = format!("{before}{value}{after}");
        for engine in [STANDARD, URL_SAFE_NO_PAD] {
            let scrubbed = redactor.redact(&engine.encode(&within)).into_owned();
            assert!(scrubbed.contains("[redacted:s]"), "round {round}: {value:?} in {within:?}: {scrubbed}");
        }
        let innocent = random_text(&mut random, 0..400);
        check(&redactor, &innocent, &innocent);
    }
}

#[test]
fn a_part_that_an_excerpt_shows_is_scrubbed() {
    let redactor = knowing(&[("key", "sk_live_51H8xQ2e\"Zv"), ("other", "unrelated-value")]);
    for (text, scrubbed) in [
        (r#"goes on with "…live_51H8…""#, r#"goes on with "…[redacted:key]…""#),
        (r#"goes on with "…8xQ2e\"Zv&x=1""#, r#"goes on with "…[redacted:key]&x=1""#),
        (r#"in JSON \"…live_51H…\""#, r#"in JSON \"…[redacted:key]…\""#),
        (r#""…live_and_well""#, r#""…live_and_well""#),
        (r#"…live_51H8…"#, r#"…live_51H8…"#),
        (r#""…e\"Z"#, r#""…e\"Z"#),
    ] {
        check(&redactor, text, scrubbed);
    }
}
