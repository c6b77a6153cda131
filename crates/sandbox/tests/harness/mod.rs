//! Runs tests as the language's own harness does, in programs that need a `main` of their own: started as the hidden
//! subcommand, they become the jail.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};

pub(crate) type Test = Pin<Box<dyn Future<Output = ()>>>;
pub(crate) type Named = (&'static str, fn() -> Test);

/// Of one test.
const LONGEST: Duration = Duration::from_secs(120);

pub(crate) fn run(tests: Vec<Named>) -> ! {
    let trial = |(name, test): Named| {
        Trial::test(name, move || {
            alone(test);
            Ok(())
        })
    };
    let trials = tests.into_iter().map(trial).collect();
    let mut arguments = Arguments::from_args();
    // Some count what their process has. Several processes do not disturb each other.
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit()
}

fn alone(test: fn() -> Test) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let test = async { tokio::time::timeout(LONGEST, test()).await };
    runtime.block_on(test).expect("it ends in time");
}
