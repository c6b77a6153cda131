//! Takes the figures and, when asked, keeps them in the documentation.

use anyhow::{Context, Result, bail};

use crate::peers;
use crate::run::{cargo, root, step, target};

const PAGE: &str = "docs/benchmarks.md";

/// Takes the figures of one group, or of `all`.
pub(crate) fn figures(wanted: &str, keep: bool) -> Result<()> {
    let packages = ["--package", "fulmar", "--package", "benches"];
    step(
        "build",
        cargo(&["build", "--profile", "dist", "--locked"]).args(packages),
    )?;
    peers::install()?;
    // Some take too long to be among all, and are known by their names only.
    let usual = run("--groups")?;
    let groups: Vec<&str> = match wanted {
        "all" => usual.lines().collect(),
        one => vec![one],
    };
    for group in groups {
        let table = run(group)?;
        eprint!("\n{group}\n\n{table}");
        if keep {
            let path = root().join(PAGE);
            let page = std::fs::read_to_string(&path)?;
            std::fs::write(path, with_table(&page, group, &table)?)?;
        }
    }
    Ok(())
}

fn run(argument: &str) -> Result<String> {
    let output = std::process::Command::new(target().join("dist/benches"))
        .arg(argument)
        .env("FULMAR", target().join("dist/fulmar"))
        .envs(peers::places())
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("start the benchmark")?;
    if !output.status.success() {
        bail!("the benchmark failed ({})", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The page with a group's table between the group's marks.
fn with_table(page: &str, group: &str, table: &str) -> Result<String> {
    let begin = format!("<!-- figures of {group}: begin -->\n");
    let end = format!("<!-- figures of {group}: end -->\n");
    let (head, rest) = page
        .split_once(&begin)
        .with_context(|| format!("{PAGE} has no line {}", begin.trim()))?;
    let (_, tail) = rest
        .split_once(&end)
        .with_context(|| format!("{PAGE} has no line {}", end.trim()))?;
    Ok(format!("{head}{begin}\n{table}\n{end}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_replaces_its_own_group_only() {
        let marks = |group: &str, table: &str| {
            format!("<!-- figures of {group}: begin -->\n{table}<!-- figures of {group}: end -->\n")
        };
        let page = format!("a\n{}b\n{}c\n", marks("x", "old\n"), marks("y", "other\n"));
        let page = with_table(&page, "x", "new\n").unwrap();
        assert_eq!(
            page,
            format!(
                "a\n{}b\n{}c\n",
                marks("x", "\nnew\n\n"),
                marks("y", "other\n")
            )
        );
        assert!(with_table(&page, "z", "new\n").is_err());
    }
}
