//! Why a webhook cannot be set up.

/// Why a [`Webhook`](super::Webhook) cannot be set up. No URL, token or header value stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// What was given as an address is none.
    #[error("the address of the webhook {0}")]
    InvalidUrl(String),
    /// The template names what there is not, or does not make JSON.
    #[error("the template of the webhook {0}")]
    InvalidTemplate(String),
    /// It cannot be sent as a header.
    #[error("the header {0}")]
    InvalidHeader(String),
    /// It cannot be a label.
    #[error("the label {0}")]
    InvalidLabel(String),
    /// No canary can ever fulfil it, or every one always does.
    #[error("the rule {0}")]
    InvalidRule(String),
    /// A root certificate cannot be read.
    #[error("the root certificate {0}")]
    InvalidRoot(String),
}
