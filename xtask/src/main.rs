//! What this repository does to itself: `cargo xtask <command>`.

mod bench;
mod layers;
mod models;
mod peers;
mod run;
mod test;
mod versions;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  test [--fast]   install what the tests need, then check and run everything that .ci/run does
                  (--fast: no end-to-end tests)
  bench [GROUP] [--keep]
                   take the figures, each beside its floor (GROUP: server, store, functions, tables, million; all
                   but million if none is named; --keep: also write docs/benchmarks.md)
  models [SOURCE] reduce botocore's service models to crates/face-aws/models
                  (SOURCE: a folder or a wheel that holds botocore; the installed one if none is named)
  layers          check that crates only depend downwards and that engines know no vendor
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test::everything(),
        ["test", "--fast"] => test::fast(),
        ["bench"] => bench::figures("all", false),
        ["bench", "--keep"] => bench::figures("all", true),
        ["bench", group] => bench::figures(group, false),
        ["bench", group, "--keep"] => bench::figures(group, true),
        ["models"] => models::reduce(""),
        ["models", source] => models::reduce(source),
        ["layers"] => layers::check(),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
