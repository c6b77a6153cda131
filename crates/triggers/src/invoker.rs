//! Running functions, as far as deliveries need it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use functions::{Functions, Invoke, Outcome};

type Invoked = Pin<Box<dyn Future<Output = functions::Result<Outcome>> + Send>>;

/// Runs a function and waits for its outcome.
#[derive(Clone)]
pub struct Invoker(Arc<dyn Fn(Invoke) -> Invoked + Send + Sync>);

impl Invoker {
    pub fn new<F>(invoke: impl Fn(Invoke) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = functions::Result<Outcome>> + Send + 'static,
    {
        Self(Arc::new(move |asked| Box::pin(invoke(asked))))
    }

    pub fn of(functions: Functions) -> Self {
        Self::new(move |asked| {
            let functions = functions.clone();
            async move { functions.invoke_apart(asked).await }
        })
    }

    pub(crate) fn invoke(&self, asked: Invoke) -> Invoked {
        (self.0)(asked)
    }
}

impl fmt::Debug for Invoker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invoker")
    }
}
