//! What the machine itself takes.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::stats::Times;

/// Flushes per second: append 4 KiB, sync the data, again and again for a second.
pub(crate) fn flushes_per_second(work: &Path) -> Result<f64> {
    let path = work.join("flushes");
    let mut file = File::create(&path)?;
    let page = [7; 4_096];
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Starting a process that does nothing and waiting for its end.
pub(crate) fn process() -> Result<Times> {
    let times = (0..50).map(|_| {
        let started = Instant::now();
        Command::new("/bin/true").stdin(Stdio::null()).status()?;
        Ok(started.elapsed())
    });
    Ok(Times::new(times.collect::<Result<_>>()?))
}
