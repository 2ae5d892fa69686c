//! What stands in the way of a call, and what to do about it.

use std::time::Duration;

use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use synthetic_core::sink::DeliveryError;

use crate::aws::{advice_before_the_call, advice_for_the_caller, causes};

/// How long to wait when the server says that there was too much and not for how long: its limits are by the second.
const PAUSE: Duration = Duration::from_secs(5);

/// What stands in the way of a call.
#[derive(Debug, PartialEq)]
pub(super) enum Obstacle {
    /// The values that it holds: others may pass.
    Refused(String),
    /// Everything else.
    Delivery(DeliveryError),
}

type PutError = SdkError<PutMetricDataError>;

pub(super) fn of(error: &PutError, namespace: &str) -> Obstacle {
    let again = |what: String| Obstacle::Delivery(DeliveryError::Retry(what));
    match error {
        SdkError::TimeoutError(_) => again("CloudWatch did not answer in time".to_owned()),
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            let answer = error.raw_response();
            let status = answer.map_or(0, |answer| answer.status().as_u16());
            let after = answer.and_then(|answer| answer.headers().get("retry-after")?.trim().parse().ok());
            let code = error.code().unwrap_or("without a code");
            let message = error.message().unwrap_or("without a word");
            answered(&Answer { status, code, message, after: after.map(Duration::from_secs) }, namespace)
        }
        // No region or no credentials, or a name that cannot be resolved. The credentials of a role come from a server
        // that may be slow to start, so none of it is final; what was meant is in the causes.
        _ => {
            let causes = causes(error);
            let advice = advice_before_the_call(&causes);
            again(format!("cannot reach CloudWatch: {causes}{advice}"))
        }
    }
}

/// What a server answered.
struct Answer<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    after: Option<Duration>,
}

fn answered(answer: &Answer<'_>, namespace: &str) -> Obstacle {
    let Answer { status, code, message, after } = *answer;
    let said = format!("CloudWatch answered {status} {code}: {message}");
    let fatal = |advice: String| Obstacle::Delivery(DeliveryError::Fatal(format!("{said} ({advice})")));
    if let Some(advice) = advice_for_the_caller(code) {
        // Credentials are renewed, and clocks set.
        let passes = code.contains("Expired") || code == "RequestTimeTooSkewed";
        let told = || Obstacle::Delivery(DeliveryError::Retry(format!("{said} ({advice})")));
        return if passes { told() } else { fatal(advice.to_owned()) };
    }
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "LimitExceeded"
        | "LimitExceededException" => limited(said, after),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" => fatal(format!(
            "allow cloudwatch:PutMetricData in the namespace {namespace:?}; roles that were made for canaries allow only \
             \"CloudWatchSynthetics\""
        )),
        _ => match status {
            429 => limited(said, after),
            // With a date or a pause, it knows when it will be back.
            408 | 500.. if after.is_none() => Obstacle::Delivery(DeliveryError::Retry(said)),
            408 | 500.. => limited(said, after),
            400 | 413 | 422 => Obstacle::Refused(said),
            401 | 403 => fatal(format!("allow cloudwatch:PutMetricData in the namespace {namespace:?}")),
            404 | 405 => fatal("is there CloudWatch behind AWS_ENDPOINT_URL?".to_owned()),
            // What is no answer of the protocol, as a proxy may give it.
            _ => Obstacle::Delivery(DeliveryError::Retry(said)),
        },
    }
}

fn limited(why: String, after: Option<Duration>) -> Obstacle {
    Obstacle::Delivery(DeliveryError::RateLimited { after: after.unwrap_or(PAUSE), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_class_and_says_what_to_do() {
        let after = Some(Duration::from_secs(7));
        let cases = [
            (400, "Throttling", None, "limited 5s"),
            (400, "ThrottlingException", after, "limited 7s"),
            (429, "anything", None, "limited 5s"),
            (503, "ServiceUnavailable", after, "limited 7s"),
            (503, "ServiceUnavailable", None, "again"),
            (500, "InternalServiceFault", None, "again"),
            (504, "without a code", None, "again"),
            (408, "RequestTimeout", None, "again"),
            (302, "without a code", None, "again"),
            (400, "ExpiredTokenException", None, "again: renew the credentials"),
            (403, "RequestExpired", None, "again: check the clock"),
            (400, "InvalidParameterValue", None, "refused"),
            (413, "RequestEntityTooLarge", None, "refused"),
            (403, "AccessDenied", None, "fatal: allow cloudwatch:PutMetricData in the namespace \"Shop\""),
            (403, "anything", None, "fatal: allow cloudwatch:PutMetricData in the namespace \"Shop\""),
            (403, "InvalidClientTokenId", None, "fatal: the credentials are of no account"),
            (403, "SignatureDoesNotMatch", None, "fatal: check AWS_SECRET_ACCESS_KEY"),
            (403, "OptInRequired", None, "fatal: enable this region"),
            (404, "UnknownOperationException", None, "fatal: is there CloudWatch behind AWS_ENDPOINT_URL?"),
        ];
        for (status, code, after, expected) in cases {
            let said = format!("CloudWatch answered {status} {code}: no");
            let got = match answered(&Answer { status, code, message: "no", after }, "Shop") {
                Obstacle::Refused(text) => text.replace(&said, "refused"),
                Obstacle::Delivery(DeliveryError::Retry(text)) => text.replace(&said, "again"),
                Obstacle::Delivery(DeliveryError::RateLimited { after, why }) => {
                    why.replace(&said, &format!("limited {after:?}"))
                }
                Obstacle::Delivery(DeliveryError::Fatal(text)) => text.replace(&said, "fatal"),
                Obstacle::Delivery(other) => panic!("{other:?}"),
            };
            let got = got.replace(" (", ": ");
            assert!(got.starts_with(expected), "{status} {code}: {got}, not {expected}");
        }
    }
}
