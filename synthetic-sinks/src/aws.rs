//! What every client of AWS has to say when a call comes to nothing.

use std::error::Error;

/// Returns what the causes of an error say, each once and in one line: below that are lists of what was tried.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        let line = text.lines().next().unwrap_or_default().trim_end_matches(" Attempted:").trim_end_matches('.');
        // "other" is how the SDK calls an error that is none of its kinds.
        if line != "other" && !texts.iter().any(|known| known.contains(line)) {
            texts.push(line.to_owned());
        }
        next = cause.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

/// Returns what to do, in parentheses, about a call that was never made, for these causes.
pub(crate) fn advice_before_the_call(causes: &str) -> &'static str {
    let causes = causes.to_ascii_lowercase();
    if causes.contains("missing region") || causes.contains("missing signing region") {
        " (set AWS_REGION, or a region in the profile)"
    } else if causes.contains("credential") || causes.contains("identity") {
        " (set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role)"
    } else {
        " (is the network there, and AWS_ENDPOINT_URL right?)"
    }
}

/// Returns what to do about an answer that refuses the caller, whatever was called.
pub(crate) fn advice_for_the_caller(code: &str) -> Option<&'static str> {
    match code {
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure" => {
            Some("the credentials are of no account that it knows: check AWS_ACCESS_KEY_ID or AWS_PROFILE")
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "IncompleteSignature" => {
            Some("check AWS_SECRET_ACCESS_KEY, and the clock of this machine")
        }
        "ExpiredToken" | "ExpiredTokenException" => Some("renew the credentials"),
        "RequestExpired" | "RequestTimeTooSkewed" => Some("check the clock of this machine"),
        "OptInRequired" => Some("enable this region for the account, or set another one in AWS_REGION"),
        _ => None,
    }
}
