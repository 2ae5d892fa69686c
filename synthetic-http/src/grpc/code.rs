//! The status codes of gRPC.

use std::fmt;

/// A status code, as <https://grpc.github.io/grpc/core/md_doc_statuscodes.html> names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code(String);

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Code {
    /// Takes a code as it stands in `grpc-status`.
    pub(crate) fn of(code: &str) -> Self {
        Self(code.trim().to_owned())
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.0 == "0"
    }

    fn name(&self) -> Option<&'static str> {
        NAMES.get(self.0.parse::<usize>().ok()?).copied()
    }

    /// Returns what to look at where a health check is answered with this code.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self.name()? {
            "NOT_FOUND" => {
                "the server does not know a service of this name: is it the full name, with its package, and does the server tell \
                 its health service of it? no name asks for the server as a whole"
            }
            "UNIMPLEMENTED" => {
                "the server has no grpc.health.v1.Health: is it the right port, and is that service added to it?"
            }
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => {
                "health is only told to those who may know it: give the check credentials"
            }
            "UNAVAILABLE" => "is it a proxy that answers, and is the service behind it down?",
            _ => return None,
        })
    }
}

/// `NOT_FOUND (5)`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{:?}, which gRPC does not know", self.0),
        }
    }
}
