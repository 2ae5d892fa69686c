//! One-time codes: the second factor of a test user.

use std::time::SystemTime;

use aws_lc_rs::hmac;
use synthetic_core::{Clock, Failure, Result, Run, Secret};
use url::Url;

use crate::scope::raise;

/// Returns the one-time code that an authenticator app would show now (TOTP, RFC 6238), by the clock of the run.
///
/// The secret is what the app would scan, `otpauth://totp/…?secret=…` with its `algorithm` (SHA1, SHA256, SHA512), `digits`
/// (6 to 8) and `period`; or the key alone in base32, which means SHA1, 6 digits and 30 s, as apps do. Spaces and case in
/// it do not matter. The code is a secret of the run, so no report shows it. A target takes a code once: ask for a new one
/// for each login.
///
/// # Errors
///
/// Returns an error of our own that says what is wrong with the secret, without a word of it.
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, totp};
///
/// async fn login(run: Run) -> Result {
///     let code = totp(&run.secret("shop/totp").await?)?;
///     Http::at("https://shop.example").post("/login/code").form([("code", code.expose())]).send().await.map(drop)
/// }
/// ```
#[track_caller]
pub fn totp(secret: &Secret) -> Result<Secret> {
    let place = std::panic::Location::caller();
    let run = Run::current();
    let now = run.as_ref().map_or_else(Clock::system, Run::clock).now();
    let wrong = |why: String| {
        let failure = Failure::setup(format!("no one-time code can be made of secret {:?}: {why}", secret.name()));
        raise(failure.at(place), run.as_ref(), None)
    };
    let code = Generator::read(secret.expose()).map_err(wrong)?.code(now);
    let code = Secret::new(format!("one-time code of {}", secret.name()), code);
    if let Some(run) = &run {
        run.secrets().redactor().register(&code).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(code)
}

/// What makes codes of moments.
struct Generator {
    key: hmac::Key,
    digits: u32,
    /// In seconds.
    period: u64,
}

impl Generator {
    fn read(text: &str) -> Result<Self, String> {
        if !text.trim_start().starts_with("otpauth:") {
            return Self::new(text, "SHA1", 6, 30);
        }
        let url = Url::parse(text.trim()).map_err(|_| "it begins with otpauth: and is no URL".to_owned())?;
        if url.host_str() != Some("totp") {
            return Err(
                "it is for codes that are counted (otpauth://hotp), and only those by time (totp) are made".to_owned()
            );
        }
        let of = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        let number = |name: &str, usual: u64| match of(name) {
            Some(value) => value.parse().map_err(|_| format!("its {name} is no number")),
            None => Ok(usual),
        };
        let key = of("secret").ok_or("it has no parameter secret")?;
        let digits = u32::try_from(number("digits", 6)?).unwrap_or(u32::MAX);
        Self::new(&key, &of("algorithm").unwrap_or_else(|| "SHA1".to_owned()), digits, number("period", 30)?)
    }

    fn new(key: &str, algorithm: &str, digits: u32, period: u64) -> Result<Self, String> {
        let key = base32(key).filter(|key| !key.is_empty());
        let key = key.ok_or("its key is not base32: that has the letters A to Z and the digits 2 to 7")?;
        let algorithm = match algorithm.to_ascii_uppercase().replace('-', "").as_str() {
            "SHA1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            "SHA256" => hmac::HMAC_SHA256,
            "SHA512" => hmac::HMAC_SHA512,
            _ => return Err("its algorithm is none of SHA1, SHA256 and SHA512".to_owned()),
        };
        if !(6..=8).contains(&digits) {
            return Err(format!("it wants codes of {digits} digits, and they have 6 to 8"));
        }
        if period == 0 {
            return Err("its period is 0 s".to_owned());
        }
        Ok(Self { key: hmac::Key::new(algorithm, &key), digits, period })
    }

    /// RFC 4226, section 5.3, of the count that RFC 6238, section 4.2, makes of a moment.
    fn code(&self, now: SystemTime) -> String {
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let tag = hmac::sign(&self.key, &(seconds / self.period).to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 0xf);
        let cut =
            tag[offset..offset + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
        format!("{:0width$}", cut % 10_u32.pow(self.digits), width = self.digits as usize)
    }
}

/// Reads base32 (RFC 4648, section 6), with or without padding; spaces and dashes, in which people read keys out, are left
/// out.
fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for each in text.trim_end_matches('=').bytes().filter(|each| !matches!(each, b' ' | b'-' | b'\n' | b'\r' | b'\t')) {
        let five = match each.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        buffer = (buffer << 5) | u32::from(five);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).unwrap_or_default());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// RFC 6238, appendix B (with errata 2866: the keys are as long as the hash).
    #[test]
    fn codes_are_those_of_the_standard() {
        let keys = [
            ("SHA1", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            ("SHA256", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA===="),
            (
                "SHA512",
                "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA=",
            ),
        ];
        for (seconds, codes) in [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            for ((algorithm, key), code) in keys.iter().zip(codes) {
                let text = format!(
                    "otpauth://totp/Shop:ann?secret={key}&issuer=Shop&algorithm={algorithm}&digits=8&period=30"
                );
                assert_eq!(Generator::read(&text).unwrap().code(now), code, "{algorithm} at {seconds}");
            }
            let spoken = "gezd gnbv gy3t qojq gezd gnbv gy3t qojq";
            assert_eq!(Generator::read(spoken).unwrap().code(now), codes[0][2..], "a key alone has six digits");
        }
    }

    #[test]
    fn what_is_no_secret_is_told_without_a_word_of_it() {
        for (text, why) in [
            ("s3cr3t!", "not base32"),
            ("", "not base32"),
            ("otpauth://hotp/x?secret=GEZDGNBV&counter=1", "by time"),
            ("otpauth://totp/x?issuer=Shop", "no parameter secret"),
            ("otpauth://totp/x?secret=GEZDGNBV&digits=12", "12 digits"),
            ("otpauth://totp/x?secret=GEZDGNBV&period=0", "period is 0"),
            ("otpauth://totp/x?secret=GEZDGNBV&algorithm=MD5", "none of SHA1"),
        ] {
            let told = Generator::read(text).err().unwrap();
            assert!(told.contains(why) && !told.contains("GEZ") && !told.contains("s3cr"), "{told}");
        }
        let failure = totp(&Secret::new("shop/totp", "s3cr3t!")).unwrap_err();
        assert!(failure.is_error() && failure.to_string().contains("shop/totp"), "{failure}");
    }

    #[test]
    fn base32_is_read_with_and_without_padding() {
        for (text, bytes) in
            [("", ""), ("MY======", "f"), ("MZXQ====", "fo"), ("mzxw6", "foo"), ("MZXW6YTBOI======", "foobar")]
        {
            assert_eq!(base32(text).unwrap(), bytes.as_bytes(), "{text}");
        }
        assert_eq!(base32("M1"), None);
    }
}
