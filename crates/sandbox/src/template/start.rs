//! Starting a program as a template.

use std::os::fd::AsFd;
use std::sync::Arc;

use tokio::process::{ChildStderr, ChildStdout};

use super::{Makes, Prepared, Template, TemplateOrder, TemplateSpec};
use crate::cgroup::Cgroup;
use crate::chores::Remains;
use crate::jail::{order, parents_first, pipe, places};
use crate::keeper::copy_of_us;
use crate::network::Doors;
use crate::spec::{Join, Make, Place, Spec, Task};
use crate::stock::Stock;
use crate::{Error, Result, channel, seccomp};

/// How many children with all their processes a template may have where nothing but their number is limited.
const FAMILY: u32 = 64;

pub(crate) fn start(
    stock: &Arc<Stock>,
    spec: &Spec,
    template: TemplateSpec,
    doors: Option<Doors>,
    remains: Remains,
) -> Result<Prepared> {
    let failed = |step| move |cause: std::io::Error| Error::io(step, cause);
    let group = stock
        .group(&spec.limits)
        .map_err(failed("make a control group"))?;
    let (stdout, its_stdout) = pipe().map_err(failed("make a pipe"))?;
    let (stderr, its_stderr) = pipe().map_err(failed("make a pipe"))?;
    let task = Task::Template(Box::new(arrange(stock, spec, template, group.as_ref())));
    let passed = spec.fds.iter().map(|passed| &passed.fd);
    let passed: Vec<_> = [&its_stdout, &its_stderr]
        .into_iter()
        .chain(passed)
        .map(AsFd::as_fd)
        .collect();
    let (ours, theirs) = channel::pair().map_err(failed("make a channel"))?;
    // It waits there until the child reads it.
    channel::send(ours.as_fd(), &task, &passed).map_err(failed("hand over the order"))?;
    let process = copy_of_us(theirs).spawn();
    let process = process.map_err(failed("start a process"))?;
    let makes = Makes {
        stock: stock.clone(),
        doors,
        remains,
    };
    let read = failed("read its output");
    let stdout = ChildStdout::from_std(std::process::ChildStdout::from(stdout)).map_err(read)?;
    let stderr = ChildStderr::from_std(std::process::ChildStderr::from(stderr)).map_err(read)?;
    Ok(Prepared {
        template: Template::new(ours, process, group, makes)?,
        stdout: Some(stdout),
        stderr: Some(stderr),
    })
}

fn arrange(
    stock: &Stock,
    spec: &Spec,
    template: TemplateSpec,
    group: Option<&Cgroup>,
) -> TemplateOrder {
    let empty = template.places.into_iter().map(|target| Place {
        target,
        is_folder: true,
        is_writable: false,
    });
    let mut root = stock.root(places(spec).into_iter().chain(empty).collect());
    root.filter = seccomp::listened(spec.network);
    // Where they are counted by user, its children's count as its own too; each has its own limit besides.
    let pids = spec.limits.pids.saturating_mul(FAMILY);
    TemplateOrder {
        order: order(spec),
        make: Make {
            user: stock.user(),
            network: spec.network,
            tmp: spec.tmp,
            pids: group.is_none().then_some(pids),
            join: Join::Write,
            is_late: false,
        },
        root,
        mounts: parents_first(&spec.mounts).into_iter().cloned().collect(),
        groups: group.map(Cgroup::members).unwrap_or_default(),
        server: std::process::id(),
        control: template.control,
        threads: template.threads,
    }
}
