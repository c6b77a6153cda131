//! Who had the processors, in seconds of one of them.

use anyhow::{Context, Result};

/// Of the whole machine, since it started.
pub(crate) struct Machine {
    /// That nobody used, whether or not somebody waited for a disk.
    pub(crate) idle: f64,
}

impl Machine {
    pub(crate) fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("a stat has a first line")?;
        // cpu user nice system idle iowait ...
        let idle = line.split_whitespace().skip(4).take(2);
        Ok(Self {
            idle: seconds(idle)?,
        })
    }
}

/// Of a process, without its children.
pub(crate) fn processor_seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // utime and stime.
    seconds(fields(&stat)?.skip(11).take(2))
}

/// Of a process, of its children that ended and of those that live.
pub(crate) fn family_seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // utime, stime, cutime, cstime.
    let mut all = seconds(fields(&stat)?.skip(11).take(4))?;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A task may be gone by now.
        let children = std::fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            all += family_seconds(child.parse()?).unwrap_or_default();
        }
    }
    Ok(all)
}

/// Those of a process's stat from the third on: the second, its name, may hold anything but is the last thing in
/// parentheses.
fn fields(stat: &str) -> Result<impl Iterator<Item = &str>> {
    let (_, fields) = stat.rsplit_once(')').context("a stat has a name")?;
    Ok(fields.split_whitespace())
}

fn seconds<'a>(ticks: impl Iterator<Item = &'a str>) -> Result<f64> {
    let mut sum = 0.0;
    for field in ticks {
        sum += field.parse::<f64>()?;
    }
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(sum / f64::from(per_second))
}
