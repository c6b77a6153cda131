//! The schema of the public Azure Functions traces of 2019: a file for each day and kind, comma-separated, with hashes
//! for names and so without quotes.
//!
//! The invocations are needed; durations and memory are taken where they are there (the published set has no memory
//! for its last two days). Averages of several days are averaged.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::generate::DAY;
use crate::trace::{App, Function, Trace, Trigger};

const INVOCATIONS: &str = "invocations_per_function_md.anon.d";
const DURATIONS: &str = "function_durations_percentiles.anon.d";
const MEMORY: &str = "app_memory_percentiles.anon.d";

const INVOCATION_NAMES: [&str; 4] = ["HashOwner", "HashApp", "HashFunction", "Trigger"];
const DURATION_HEAD: &str = "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,\
    percentile_Average_0,percentile_Average_1,percentile_Average_25,percentile_Average_50,\
    percentile_Average_75,percentile_Average_99,percentile_Average_100";
const MEMORY_HEAD: &str = "HashOwner,HashApp,SampleCount,AverageAllocatedMb,\
    AverageAllocatedMb_pct1,AverageAllocatedMb_pct5,AverageAllocatedMb_pct25,AverageAllocatedMb_pct50,\
    AverageAllocatedMb_pct75,AverageAllocatedMb_pct95,AverageAllocatedMb_pct99,AverageAllocatedMb_pct100";

pub(crate) fn read(folder: &Path) -> Result<Trace> {
    let invocations = files(folder, INVOCATIONS)?;
    let Some((first, _)) = invocations.first() else {
        bail!("{} has no file {INVOCATIONS}NN.csv", folder.display());
    };
    let mut reader = Reader::default();
    for (day, path) in &invocations {
        reader.invocations(path, (day - first) * DAY)?;
        reader.trace.minutes = (day - first + 1) * DAY;
    }
    let mut durations = HashMap::new();
    for (_, path) in files(folder, DURATIONS)? {
        averages(&path, DURATION_HEAD, 3, 3, &mut durations)?;
    }
    let mut memory = HashMap::new();
    for (_, path) in files(folder, MEMORY)? {
        averages(&path, MEMORY_HEAD, 2, 3, &mut memory)?;
    }
    Ok(reader.with(&durations, &memory))
}

/// The files of a kind with their days, in order.
fn files(folder: &Path, kind: &str) -> Result<Vec<(u32, PathBuf)>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let day = name
            .strip_prefix(kind)
            .and_then(|rest| rest.strip_suffix(".csv"));
        if let Some(day) = day {
            let day = day
                .parse()
                .with_context(|| format!("{name} names no day"))?;
            ensure!(
                (1..=366).contains(&day),
                "{name} is of no day from 1 to 366"
            );
            files.push((day, path));
        }
    }
    files.sort();
    Ok(files)
}

#[derive(Default)]
struct Reader {
    trace: Trace,
    apps: HashMap<String, usize>,
    functions: HashMap<String, (usize, usize)>,
}

/// What a row is of, as one text.
fn key(fields: &[&str]) -> String {
    fields.join(",")
}

impl Reader {
    fn invocations(&mut self, path: &Path, from: u32) -> Result<()> {
        rows(path, check_invocation_head, |fields| {
            let [owner, app, name, trigger, counts @ ..] = fields else {
                bail!("it has no calls");
            };
            ensure!(
                counts.len() == DAY as usize,
                "it has {} minutes, not {DAY}",
                counts.len()
            );
            let trigger =
                Trigger::named(trigger).with_context(|| format!("unknown trigger {trigger:?}"))?;
            let mut calls = Vec::new();
            for (minute, count) in (from..).zip(counts) {
                let parsed = count.parse::<u32>();
                let count = parsed.with_context(|| {
                    format!("minute {}: {count:?} is no count", minute - from + 1)
                })?;
                if count > 0 {
                    calls.push((minute, count));
                }
            }
            self.function(owner, app, name, trigger, from)?
                .calls
                .append(&mut calls);
            Ok(())
        })
    }

    fn function(
        &mut self,
        owner: &str,
        app: &str,
        name: &str,
        trigger: Trigger,
        from: u32,
    ) -> Result<&mut Function> {
        let apps = &mut self.trace.apps;
        let app_at = *self.apps.entry(key(&[owner, app])).or_insert_with(|| {
            apps.push(App {
                owner: owner.into(),
                name: app.into(),
                memory_mb: None,
                functions: Vec::new(),
            });
            apps.len() - 1
        });
        let functions = &mut apps[app_at].functions;
        let (_, at) = *self
            .functions
            .entry(key(&[owner, app, name]))
            .or_insert_with(|| {
                functions.push(Function {
                    name: name.into(),
                    trigger,
                    duration_ms: None,
                    calls: Vec::new(),
                });
                (app_at, functions.len() - 1)
            });
        let function = &mut functions[at];
        let seen = function
            .calls
            .last()
            .is_some_and(|(minute, _)| *minute >= from);
        ensure!(!seen, "function {name} is there twice");
        Ok(function)
    }

    fn with(
        mut self,
        durations: &HashMap<String, Average>,
        memory: &HashMap<String, Average>,
    ) -> Trace {
        for app in &mut self.trace.apps {
            app.memory_mb = memory
                .get(&key(&[&app.owner, &app.name]))
                .map(Average::value);
            for function in &mut app.functions {
                let found = durations.get(&key(&[&app.owner, &app.name, &function.name]));
                function.duration_ms = found.map(Average::value);
            }
        }
        self.trace
    }
}

#[derive(Default)]
struct Average {
    sum: f64,
    count: u32,
}

impl Average {
    fn value(&self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }
}

fn check_invocation_head(head: &str) -> Result<()> {
    let mut names = head.split(',');
    for wanted in INVOCATION_NAMES {
        let found = names.next().unwrap_or_default();
        ensure!(
            found == wanted,
            "the header has {found:?} where {wanted:?} should be"
        );
    }
    let minutes: Vec<String> = (1..=DAY).map(|minute| minute.to_string()).collect();
    ensure!(
        names.eq(minutes.iter()),
        "the header does not go on with the minutes 1 to {DAY}"
    );
    Ok(())
}

/// Of rows that begin with `names` hashes, the number in field `at`.
fn averages(
    path: &Path,
    head: &str,
    names: usize,
    at: usize,
    into: &mut HashMap<String, Average>,
) -> Result<()> {
    let check = |found: &str| {
        ensure!(found == head, "the header is not {head:?}");
        Ok(())
    };
    rows(path, check, |fields| {
        let wanted = head.split(',').count();
        ensure!(
            fields.len() == wanted,
            "it has {} fields, not {wanted}",
            fields.len()
        );
        let value: f64 = fields[at]
            .parse()
            .with_context(|| format!("{:?} is no number", fields[at]))?;
        ensure!(
            value.is_finite() && value >= 0.0,
            "{value} is no average of these"
        );
        let average = into.entry(key(&fields[..names])).or_default();
        average.sum += value;
        average.count += 1;
        Ok(())
    })
}

fn rows(
    path: &Path,
    check: impl Fn(&str) -> Result<()>,
    mut row: impl FnMut(&[&str]) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut head = false;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let place = || format!("{}:{number}", path.display());
        let line = line.with_context(place)?;
        let line = line.trim_end_matches('\r');
        if !head {
            check(line.trim_start_matches('\u{feff}')).with_context(place)?;
            head = true;
        } else if !line.is_empty() {
            row(&line.split(',').collect::<Vec<_>>()).with_context(place)?;
        }
    }
    ensure!(head, "{} is empty", path.display());
    Ok(())
}

pub(crate) fn write(folder: &Path, trace: &Trace) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for day in 0..trace.minutes.div_ceil(DAY) {
        let create = |kind: &str| {
            let path = folder.join(format!("{kind}{:02}.csv", day + 1));
            let file = File::create(&path).with_context(|| format!("create {}", path.display()));
            Ok::<_, anyhow::Error>(BufWriter::new(file?))
        };
        write_invocations(create(INVOCATIONS)?, trace, day)?;
        write_durations(create(DURATIONS)?, trace)?;
        write_memory(create(MEMORY)?, trace)?;
    }
    Ok(())
}

fn write_invocations(mut to: impl Write, trace: &Trace, day: u32) -> Result<()> {
    write!(to, "{}", INVOCATION_NAMES.join(","))?;
    for minute in 1..=DAY {
        write!(to, ",{minute}")?;
    }
    writeln!(to)?;
    let minutes = day * DAY..(day + 1) * DAY;
    for (app, function) in functions(trace) {
        let calls = function
            .calls
            .iter()
            .filter(|(minute, _)| minutes.contains(minute));
        let calls: HashMap<u32, u32> = calls.copied().collect();
        // As in the published files, a function is there on the days on which it was called.
        if calls.is_empty() {
            continue;
        }
        write!(
            to,
            "{},{},{},{}",
            app.owner,
            app.name,
            function.name,
            function.trigger.name()
        )?;
        for minute in minutes.clone() {
            write!(to, ",{}", calls.get(&minute).unwrap_or(&0))?;
        }
        writeln!(to)?;
    }
    Ok(to.flush()?)
}

fn functions(trace: &Trace) -> impl Iterator<Item = (&App, &Function)> {
    trace
        .apps
        .iter()
        .flat_map(|app| app.functions.iter().map(move |function| (app, function)))
}

fn write_durations(mut to: impl Write, trace: &Trace) -> Result<()> {
    writeln!(to, "{DURATION_HEAD}")?;
    for (app, function) in functions(trace) {
        if let Some(average) = function.duration_ms {
            let all = vec![average.to_string(); 9].join(",");
            let count = function.calls();
            writeln!(
                to,
                "{},{},{},{average},{count},{all}",
                app.owner, app.name, function.name
            )?;
        }
    }
    Ok(to.flush()?)
}

fn write_memory(mut to: impl Write, trace: &Trace) -> Result<()> {
    writeln!(to, "{MEMORY_HEAD}")?;
    for app in &trace.apps {
        if let Some(average) = app.memory_mb {
            let all = vec![average.to_string(); 8].join(",");
            writeln!(to, "{},{},1,{average},{all}", app.owner, app.name)?;
        }
    }
    Ok(to.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Size, generate};

    fn head() -> String {
        let minutes: Vec<String> = (1..=DAY).map(|minute| minute.to_string()).collect();
        format!("{},{}", INVOCATION_NAMES.join(","), minutes.join(","))
    }

    fn row(names: &str, first: &str) -> String {
        format!("{names},{first}{}", ",0".repeat(DAY as usize - 1))
    }

    /// What reading a file of calls with this content says.
    fn refusal(content: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(format!("{INVOCATIONS}01.csv")), content).unwrap();
        format!("{:#}", read(folder.path()).unwrap_err())
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut trace = generate(5, Size { apps: 30, days: 2 });
        write(folder.path(), &trace).unwrap();
        // Those that were never called are in no file, and nobody learns the order of the others.
        for app in &mut trace.apps {
            app.functions.retain(|function| !function.calls.is_empty());
        }
        trace.apps.retain(|app| !app.functions.is_empty());
        let sorted = |mut trace: Trace| {
            trace.apps.sort_by(|a, b| a.name.cmp(&b.name));
            for app in &mut trace.apps {
                app.functions.sort_by(|a, b| a.name.cmp(&b.name));
            }
            trace
        };
        assert_eq!(sorted(read(folder.path()).unwrap()), sorted(trace));
    }

    #[test]
    fn days_follow_each_other_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        for (day, count) in [("03", "2"), ("05", "7")] {
            let content = format!("{}\r\n{}\r\n", head(), row("o,a,f,queue", count));
            std::fs::write(
                folder.path().join(format!("{INVOCATIONS}{day}.csv")),
                content,
            )
            .unwrap();
        }
        let trace = read(folder.path()).unwrap();
        assert_eq!(trace.minutes, 3 * DAY);
        let function = &trace.apps[0].functions[0];
        assert_eq!(function.trigger, Trigger::Queue);
        assert_eq!(function.calls, [(0, 2), (2 * DAY, 7)]);
        assert_eq!(
            (function.duration_ms, trace.apps[0].memory_mb),
            (None, None)
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let (head, good) = (head(), row("o,a,f,http", "1"));
        let with = |line: &str| refusal(&format!("{head}\n{good}\n{line}\n"));
        assert!(refusal("").contains("is empty"));
        assert!(
            refusal("a,b,c\n").contains("csv:1: the header has \"a\""),
            "{}",
            refusal("a,b,c\n")
        );
        assert!(
            refusal("HashOwner,HashApp,HashFunction,Trigger,1,2\n").contains("minutes 1 to 1440")
        );
        assert!(with("o,a,g,http,1,2").contains("csv:3: it has 2 minutes"));
        assert!(with("o,a").contains("csv:3: it has no calls"));
        assert!(with(&row("o,a,g,carrier pigeon", "1")).contains("carrier pigeon"));
        for count in ["-1", "1.5", "", "x", "99999999999"] {
            assert!(
                with(&row("o,a,g,http", count)).contains("is no count"),
                "{count}"
            );
        }
        assert!(with(&good).contains("twice"));
        assert!(refusal(&format!("{head}\n\u{fffd}\n")).contains("csv:2"));
    }

    #[test]
    fn a_folder_without_calls_and_a_file_that_is_no_text_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(format!("{:#}", read(folder.path()).unwrap_err()).contains("has no file"));
        assert!(read(&folder.path().join("nowhere")).is_err());
        std::fs::write(
            folder.path().join(format!("{INVOCATIONS}01.csv")),
            [0xff, 0xfe, b'\n'],
        )
        .unwrap();
        assert!(read(folder.path()).is_err());
        std::fs::write(folder.path().join(format!("{INVOCATIONS}x.csv")), "").unwrap();
        assert!(format!("{:#}", read(folder.path()).unwrap_err()).contains("names no day"));
    }

    #[test]
    fn averages_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let invocations = format!("{}\n{}\n", head(), row("o,a,f,http", "1"));
        std::fs::write(
            folder.path().join(format!("{INVOCATIONS}01.csv")),
            invocations,
        )
        .unwrap();
        let durations = folder.path().join(format!("{DURATIONS}01.csv"));
        for average in ["-1", "NaN", "inf", "x"] {
            let content = format!("{DURATION_HEAD}\no,a,f,{average},1,1,1,1,1,1,1,1,1,1\n");
            std::fs::write(&durations, content).unwrap();
            assert!(read(folder.path()).is_err(), "{average}");
        }
        std::fs::write(&durations, format!("{DURATION_HEAD}\no,a,f,1\n")).unwrap();
        assert!(format!("{:#}", read(folder.path()).unwrap_err()).contains("4 fields, not 14"));
        std::fs::write(
            &durations,
            format!("{DURATION_HEAD}\no,a,f,250,1,1,1,1,1,1,1,1,1,1\n"),
        )
        .unwrap();
        let trace = read(folder.path()).unwrap();
        assert_eq!(trace.apps[0].functions[0].duration_ms, Some(250.0));
    }
}
