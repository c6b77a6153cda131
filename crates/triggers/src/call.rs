//! Calling an operation of the cloud that a schedule belongs to. What it is called, and what it takes, only its face knows;
//! here it is a job like others that leave the transaction (`outgoing`).

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::target::Named;

/// A call that is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// In the words of the face, and in whose name.
    pub operation: Named,
    /// What is given to it.
    pub input: Bytes,
}

/// Why an operation did not do what it was called for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// In the words of the face.
    pub code: String,
    pub message: String,
    /// Whether it may be better next time.
    pub again: bool,
}

type Answer = Pin<Box<dyn Future<Output = Result<(), Declined>> + Send>>;

/// The operations that can be called.
#[derive(Clone)]
pub struct Operations(Arc<dyn Fn(Call) -> Answer + Send + Sync>);

impl Operations {
    pub fn new<F>(call: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Declined>> + Send + 'static,
    {
        Self(Arc::new(move |asked| Box::pin(call(asked))))
    }

    /// Where there are none.
    pub fn none() -> Self {
        Self::new(|call| async move {
            Err(Declined {
                code: String::new(),
                message: format!("there is no operation {}", call.operation.name),
                again: false,
            })
        })
    }

    pub(crate) fn call(&self, call: Call) -> Answer {
        (self.0)(call)
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operations")
    }
}
