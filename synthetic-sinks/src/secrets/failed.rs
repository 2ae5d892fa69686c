//! Why a service gave nothing, and what to do about it.

use std::error::Error;
use std::time::Duration;

// Both have the same from the crates beneath.
#[cfg(feature = "secrets-manager")]
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
#[cfg(not(feature = "secrets-manager"))]
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error as ThisError;

use crate::aws::{advice_before_the_call, advice_for_the_caller, causes};

/// Says why a service gave nothing: never with what an answer held, but for its error code and its message.
#[derive(Debug, ThisError)]
pub(super) enum Failed {
    #[error("it did not answer within {} ms: is the network there, and AWS_ENDPOINT_URL right?", .0.as_millis())]
    Late(Duration),
    #[error("{0}")]
    Told(String),
}

/// What may be missing for a call.
pub(super) struct Rights {
    /// `secretsmanager:GetSecretValue`.
    pub(super) action: &'static str,
    /// The ARN that a policy names.
    pub(super) resource: String,
}

/// Returns why a call failed; `None` when it says that what was asked for is not there.
pub(super) fn of<E>(error: &SdkError<E>, missing: &[&str], rights: &Rights) -> Option<Failed>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(answer) = error else { return Some(Failed::Told(unanswered(error))) };
    let status = answer.raw().status().as_u16();
    let (code, message) = (answer.err().code().unwrap_or_default(), answer.err().message().unwrap_or_default());
    if missing.contains(&code) {
        return None;
    }
    Some(Failed::Told(answered(status, code, message, rights)))
}

fn unanswered<E: Error + 'static>(error: &SdkError<E>) -> String {
    match error {
        SdkError::TimeoutError(_) => {
            "it did not answer in time: is the network there, and AWS_ENDPOINT_URL right?".to_owned()
        }
        // What it is made of, and thus what may be in its text, is unknown.
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            format!("it answered {status} and what is not of its protocol: what is behind AWS_ENDPOINT_URL?")
        }
        error => {
            let causes = causes(error);
            let advice = advice_before_the_call(&causes);
            format!("it cannot be reached: {causes}{advice}")
        }
    }
}

fn answered(status: u16, code: &str, message: &str, rights: &Rights) -> String {
    let mut said = format!("it answered {status}");
    for (separator, text) in [(" ", code), (": ", message)] {
        if !text.is_empty() {
            said.push_str(separator);
            said.push_str(text);
        }
    }
    let is_of_the_key = ["kms", "ciphertext"].iter().any(|word| message.to_ascii_lowercase().contains(word));
    let Rights { action, resource } = rights;
    let advice = match code {
        "AccessDeniedException" | "AccessDenied" if is_of_the_key => {
            "allow kms:Decrypt on the key that it is encrypted with".to_owned()
        }
        "AccessDeniedException" | "AccessDenied" => format!("allow {action} on {resource}"),
        "DecryptionFailure" | "InvalidKeyId" => {
            "is the key that it is encrypted with enabled, and kms:Decrypt allowed on it?".to_owned()
        }
        "InvalidRequestException" if message.contains("deletion") => "restore it, or name another one".to_owned(),
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => {
            "ask less often, by a longer `ttl`, or raise the quota".to_owned()
        }
        _ => match advice_for_the_caller(code) {
            Some(advice) => advice.to_owned(),
            None if status == 401 || status == 403 => format!("allow {action} on {resource}"),
            None => return said,
        },
    };
    format!("{said} ({advice})")
}

/// Returns the ARN that a policy would name: `arn:aws:ssm:eu-west-1:*:parameter/web/password`.
///
/// Source of the partitions: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.
pub(super) fn arn(service: &str, region: Option<&str>, resource: &str) -> String {
    let region = region.unwrap_or("*");
    let partition = match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:{service}:{region}:*:{resource}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_says_what_to_do() {
        let rights = Rights { action: "ssm:GetParameter", resource: arn("ssm", Some("eu-west-1"), "parameter/a") };
        let allow = "allow ssm:GetParameter on arn:aws:ssm:eu-west-1:*:parameter/a";
        for (status, code, message, advice) in [
            (400, "AccessDeniedException", "User: x is not authorized", allow),
            (403, "", "", allow),
            (400, "AccessDeniedException", "Access to KMS is not allowed", "allow kms:Decrypt on the key"),
            (400, "DecryptionFailure", "no", "is the key that it is encrypted with enabled"),
            (400, "InvalidKeyId", "no", "is the key that it is encrypted with enabled"),
            (400, "InvalidRequestException", "it was marked for deletion.", "restore it"),
            (400, "ThrottlingException", "Rate exceeded", "ask less often"),
            (400, "UnrecognizedClientException", "no", "the credentials are of no account"),
            (403, "SignatureDoesNotMatch", "no", "check AWS_SECRET_ACCESS_KEY"),
            (400, "ExpiredTokenException", "no", "renew the credentials"),
            (500, "InternalServiceError", "no", ""),
        ] {
            let said = answered(status, code, message, &rights);
            let begin = format!("it answered {status} {code}: {message}");
            let begin = if code.is_empty() { "it answered 403" } else { &begin };
            let rest = said.strip_prefix(begin).unwrap_or_else(|| panic!("{said}"));
            assert!(
                if advice.is_empty() { rest.is_empty() } else { rest.starts_with(&format!(" ({advice}")) },
                "{said}"
            );
        }
    }

    #[test]
    fn an_arn_is_of_the_partition_of_its_region() {
        assert_eq!(arn("ssm", Some("cn-north-1"), "x"), "arn:aws-cn:ssm:cn-north-1:*:x");
        assert_eq!(arn("ssm", Some("us-gov-west-1"), "x"), "arn:aws-us-gov:ssm:us-gov-west-1:*:x");
        assert_eq!(arn("ssm", None, "x"), "arn:aws:ssm:*:*:x");
    }
}
