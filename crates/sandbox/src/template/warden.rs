//! The outside of a template: the process that started it, sees to its forks and gives each child what is its own.
//!
//! A template is as hostile as an instance from its first line of somebody's code. It has an instance's walls, but one
//! door: to `unshare` exactly these namespaces is not refused by the filter but put to this process, which lets one through
//! for each fork that the server has asked for. (The flags are in a register, so what is let through is what was looked
//! at. Whoever in the template gets it, only the first process of new namespaces that gives everything up comes of it.)
//! Everything else about the child is done from here, without its help: who it is, its
//! control groups, its `/tmp`, its `/proc`, its network. Then this process looks at what became of it, and only a child
//! that has given everything up is given what an instance has, and handed to the server. Children are made ahead, so all
//! of that has been done when one is wanted but its mounts.
//!
//! The child is not the template's own but its init's, so a template may end, and what came of it lives on.

use std::collections::VecDeque;
use std::fs;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use super::confine::{die_with_the_server, join, own_user_namespace, reap_all, wait_for};
use super::furnish::{bring, furnish};
use super::{Birth, ForkOrder, Request, TemplateOrder};
use crate::channel::{self, Status};
use crate::confine::{self, Never, Step, check};
use crate::seccomp::{self, Listener};
use crate::spec::{Network, User};
use crate::tether::Tether;
use crate::{mounts, network, paths, trees};

/// How long a fork may take altogether before the template is taken to be broken.
const LONGEST_FORK: Duration = Duration::from_secs(5);
/// A template that makes more calls than that which nobody has asked for is ended: each costs us time.
const MOST_UNASKED: u32 = 1_000;
/// How often what a template has started is looked for after its end.
const SWEEPS: u32 = 1_000;
/// How often, and how far apart, a template is looked at before it is given up.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// As `native/fork.rs` has it. What a child is told begins with a small number.
const HURRY: u8 = 0xFF;
/// How many folders of a group's path are of our making.
const GROUP_DEPTH: usize = 3;
/// How deep a child's pid namespace is, seen from here: ours, the template's, its own.
const DEPTH: usize = 3;

/// A template that runs.
struct Warden<'a> {
    order: &'a TemplateOrder,
    status: BorrowedFd<'a>,
    init: i32,
    program: i32,
    pidfd: OwnedFd,
    listener: Listener,
    /// On which its bootstrap hears of forks.
    control: OwnedFd,
    unasked: u32,
    /// In the order in which they were wanted. The template makes one at a time, and each goes on by itself.
    children: VecDeque<Bearing>,
}

/// A child that was wanted ahead of its use.
struct Bearing {
    birth: Birth,
    talk: OwnedFd,
    /// Its end of that, until the template has it.
    theirs: Option<OwnedFd>,
    /// Its namespaces were let through.
    granted: bool,
    /// The template has done its part.
    told: bool,
    /// Its first process' number, when that has spoken.
    pid: Option<i32>,
    stage: Stage,
}

enum Stage {
    /// Its namespaces are being made.
    Unborn,
    /// It has what is its own, and gives up what an instance has not.
    Raised(Born),
    /// It waits to be told what it is for.
    Ready(Born),
}

impl Bearing {
    fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }

    fn kill(&self) {
        if let Stage::Raised(born) | Stage::Ready(born) = &self.stage {
            born.kill();
        }
    }
}

/// The first process: starts the template, keeps it, and outlives it until the last of its children has ended.
pub(crate) fn keep(
    order: TemplateOrder,
    passed: Vec<OwnedFd>,
    status: BorrowedFd<'_>,
) -> Step<Never> {
    die_with_the_server(&order)?;
    if order.make.user == User::Same {
        own_user_namespace(&order)?;
    }
    // What is mounted here is ours: the host's, seen as it was, to bind from.
    // SAFETY: `unshare` takes no pointers; this process has one thread.
    check("unshare the mounts and the pids", unsafe {
        libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWPID)
    })?;
    mounts::keep_to_ourselves()?;
    let (ours, theirs) = channel::pair().map_err(failed("make a channel"))?;
    let (control, inside) = channel::pair().map_err(failed("make a channel"))?;
    rustix::net::sockopt::set_socket_passcred(&ours, true).map_err(failed("ask for names"))?;
    let tether = Tether::new()?;
    // SAFETY: this process has one thread, so the child may do anything.
    match check("fork the init", unsafe { libc::fork() })? {
        0 => {
            drop((ours, control));
            init(order, passed, inside, tether, status, theirs.as_fd())
        }
        init => {
            drop((theirs, inside, passed));
            // Children of a server that is not root are the same user as this process.
            confine::close_memory()?;
            let warden = Warden::meet(&order, status, init, ours.as_fd(), control);
            match warden.and_then(Warden::serve) {
                Ok(()) => {}
                // The server hears it, and what was forked already is not to suffer for it.
                Err(why) => Status::Failed(why).send(status),
            }
            wait_for(init);
            confine::exit(0)
        }
    }
}

/// The first process of the template's namespaces: as an instance's, but it stays until its last child has ended.
fn init(
    mut order: TemplateOrder,
    mut passed: Vec<OwnedFd>,
    control: OwnedFd,
    tether: Tether,
    status: BorrowedFd<'_>,
    listener: BorrowedFd<'_>,
) -> Step<Never> {
    let tether = tether.hold()?;
    join(&order)?;
    let mut namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if let Network::Isolated { .. } = order.make.network {
        namespaces |= libc::CLONE_NEWNET;
    }
    // SAFETY: `unshare` takes no pointers; this process has one thread.
    check("unshare the namespaces", unsafe {
        libc::unshare(namespaces)
    })?;
    if let Network::Isolated { port } = order.make.network {
        let [door, _] = network::open(port)?;
        channel::send(status, &Status::Door, &[door.as_fd()])
            .map_err(failed("hand out the door"))?;
    }
    // Before the host's files are out of sight.
    let trees = trees::open_here(&order.mounts)?;
    mounts::prepare(&order.root)?;
    mounts::own(&order.make)?;
    for (tree, mount) in trees.iter().zip(&order.mounts) {
        trees::place(tree, &mount.target)?;
    }
    drop(trees);
    rustix::system::sethostname(b"sandbox").map_err(failed("set the host name"))?;
    confine::give_up_what_no_instance_has()?;
    confine::give_up_privileges(order.make.user)?;
    tether.hold()?;
    paths::Rules::templates()?.restrict(&[])?;
    passed.push(control);
    order.order.numbers.push(order.control);
    // SAFETY: this process has one thread, so the child may do anything.
    match check("fork the program", unsafe { libc::fork() })? {
        0 => {
            let heard = seccomp::install_listened(&order.root.filter)
                .map_err(failed("filter the calls"))?;
            channel::send_bytes(listener, b"filter", &[heard.as_fd()])
                .map_err(failed("hand out the filter"))?;
            drop(heard);
            confine::program(&order.order, &order.make, &passed, status)
        }
        program => {
            drop(passed);
            // Its own is the one without a door.
            seccomp::install(&seccomp::filter()).map_err(failed("filter the calls"))?;
            confine::close_all_but(status.as_raw_fd());
            let ended = confine::reap_until(program);
            Status::Ended(ended).send(status);
            end_what_it_started();
            reap_all();
            confine::exit(0)
        }
    }
}

/// Of a template that has ended nothing stays but its children, each of which has a pid namespace of its own: what it has
/// started otherwise is in this one. What starts others meanwhile is looked for again.
fn end_what_it_started() {
    for _ in 0..SWEEPS {
        let mut found = false;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.parse::<i32>().ok());
            let Some(pid) = pid.filter(|pid| *pid != 1).and_then(Pid::from_raw) else {
                continue;
            };
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            let is_here = field(&status, "NSpid").split_whitespace().count() == 1;
            if is_here && !field(&status, "State").starts_with('Z') {
                found = true;
                // It may have ended by itself.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        if !found {
            return;
        }
    }
}

impl<'a> Warden<'a> {
    /// Waits for the filter's other end, and learns from who sends it which process is the template.
    fn meet(
        order: &'a TemplateOrder,
        status: BorrowedFd<'a>,
        init: i32,
        from: BorrowedFd<'_>,
        control: OwnedFd,
    ) -> Step<Self> {
        wait_to_read(&[from], LONGEST_FORK)?;
        let (_, mut fds, program) =
            channel::receive_bytes(from).map_err(failed("meet the template"))?;
        let (Some(listener), Some(program)) = (fds.pop(), program) else {
            return Err("the template did not begin".into());
        };
        let pidfd = open_pid(program)?;
        Ok(Self {
            order,
            status,
            init,
            program,
            pidfd,
            listener: Listener::new(listener),
            control,
            unasked: 0,
            children: VecDeque::new(),
        })
    }

    /// Until the template ends or is retired. The template alone goes; its children are its init's.
    fn serve(mut self) -> Step<()> {
        let served = self.wait_until_ready().and_then(|()| self.attend_orders());
        for child in &self.children {
            child.kill();
        }
        self.end();
        served
    }

    fn attend_orders(&mut self) -> Step<()> {
        while self.attend(Some(self.status), None)? {
            let Some((request, fds)) = channel::receive_next::<Request>(self.status).ok() else {
                break;
            };
            match request {
                Request::Retire => break,
                Request::Fork(fork) => self.answer(*fork, &fds)?,
                Request::Spare(birth) => self.begin(birth)?,
            }
        }
        Ok(())
    }

    fn end(&self) {
        // It may have ended by itself.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Its bootstrap says when it runs, and when it has done what a template is for. What has come to be between the two
    /// (threads, files, children, shared memory) is what a fork would not take along, or would share.
    fn wait_until_ready(&mut self) -> Step<()> {
        let booted = self.hear()?;
        let baseline = Seen::of(self.program)?;
        let said = if booted == b"booted" {
            // It waits until it has been looked at.
            channel::send_bytes(self.control.as_fd(), b"seen", &[])
                .map_err(failed("tell the template to go on"))?;
            self.hear()?
        } else {
            booted
        };
        let tolerated = self.order.threads;
        let verdict = match std::str::from_utf8(&said) {
            Ok("ready") => self.look(&baseline, tolerated),
            Ok(why) => Err(why.to_owned()),
            Err(_) => Err("it is not ready, and does not say why".into()),
        };
        Status::Forkable(verdict.map_err(|why| channel::shortened(&why))).send(self.status);
        Ok(())
    }

    /// Looks more than once: a thread that was waited for is there for a moment longer.
    fn look(&self, baseline: &Seen, threads: usize) -> Step<()> {
        let mut verdict = Ok(());
        for _ in 0..LOOKS {
            verdict = baseline.compare(&Seen::of(self.program)?, threads);
            if verdict.is_ok() {
                break;
            }
            poll(&[], Some(BETWEEN_LOOKS))?;
        }
        verdict
    }

    /// The next thing that its bootstrap says.
    fn hear(&mut self) -> Step<Vec<u8>> {
        loop {
            let sources = [self.status, self.listener.as_fd(), self.control.as_fd()];
            let ready = poll(&sources, None)?;
            if ready[1] {
                self.refuse_unasked()?;
            }
            if ready[0] {
                // Nothing is asked of a template that is not ready; so it is to end, or its server has.
                return Err("it was given up".into());
            }
            if ready[2] {
                let (bytes, _, _) = channel::receive_bytes(self.control.as_fd())
                    .map_err(failed("hear the template"))?;
                return match bytes.is_empty() {
                    true => Err("it ended before it was ready".into()),
                    false => Ok(bytes),
                };
            }
        }
    }

    fn refuse_unasked(&mut self) -> Step<()> {
        if self.listener.refuse() {
            self.unasked += 1;
        }
        if self.unasked > MOST_UNASKED {
            return Err("it asked for namespaces, again and again".into());
        }
        Ok(())
    }

    fn answer(&mut self, mut fork: ForkOrder, fds: &[OwnedFd]) -> Step<()> {
        match self.fork(&mut fork, fds) {
            Ok(child) => {
                let mut handed = vec![child.pidfd.as_fd(), child.talk.as_fd()];
                handed.extend(child.door.as_ref().map(AsFd::as_fd));
                let status = Status::Forked(fork.id);
                channel::send(self.status, &status, &handed).map_err(failed("hand over a child"))
            }
            Err(why) => {
                // One that could not be forked once is not tried again: whoever wanted it boots one.
                Status::NotForked(fork.id, channel::shortened(&why)).send(self.status);
                Err(why)
            }
        }
    }

    /// Goes on with the child that was wanted first. Those that are wanted after it are made meanwhile.
    fn fork(&mut self, fork: &mut ForkOrder, fds: &[OwnedFd]) -> Step<Born> {
        for birth in std::mem::take(&mut fork.births) {
            self.begin(birth)?;
        }
        self.hurry()?;
        if !self.attend(None, Some(LONGEST_FORK))? {
            return Err("the template has ended".into());
        }
        let Some(Stage::Ready(child)) = self.children.pop_front().map(|child| child.stage) else {
            return Err("no child was made ahead".into());
        };
        let sent = self.send_off(fork, fds, &child);
        sent.inspect_err(|_| child.kill())?;
        Ok(child)
    }

    /// Has the template make a child that has everything of its own but what its program is to see.
    fn begin(&mut self, birth: Birth) -> Step<()> {
        let (talk, theirs) = channel::pair().map_err(failed("make a channel"))?;
        rustix::net::sockopt::set_socket_passcred(&talk, true).map_err(failed("ask for names"))?;
        self.children.push_back(Bearing {
            birth,
            talk,
            theirs: Some(theirs),
            granted: false,
            told: false,
            pid: None,
            stage: Stage::Unborn,
        });
        self.ask_for_the_next()
    }

    /// Somebody waits for the first of them now: what it would still do ahead it does as it goes.
    fn hurry(&mut self) -> Step<()> {
        let Some(child) = self
            .children
            .front_mut()
            .filter(|child| child.birth.is_ahead)
        else {
            return Ok(());
        };
        child.birth.is_ahead = false;
        match child.stage {
            Stage::Unborn | Stage::Ready(_) => Ok(()),
            Stage::Raised(_) => channel::send_bytes(child.talk.as_fd(), &[HURRY], &[])
                .map_err(failed("hurry a child")),
        }
    }

    /// Once the template has done its part of those before.
    fn ask_for_the_next(&mut self) -> Step<()> {
        let Some(next) = self.children.iter_mut().find(|child| !child.told) else {
            return Ok(());
        };
        let Some(theirs) = next.theirs.take() else {
            return Ok(());
        };
        let isolated = matches!(self.order.make.network, Network::Isolated { .. });
        let word: &[u8] = if isolated { b"n" } else { b"h" };
        channel::send_bytes(self.control.as_fd(), word, &[theirs.as_fd()])
            .map_err(failed("ask for a fork"))
    }

    /// Sees to the template, and to the children that are on their way, until there is something to read from somebody
    /// else; if there is nobody else, until the first of them is ready. Whether the template still is.
    fn attend(&mut self, other: Option<BorrowedFd<'_>>, longest: Option<Duration>) -> Step<bool> {
        loop {
            if other.is_none() && self.children.front().is_none_or(Bearing::is_ready) {
                return Ok(true);
            }
            let mut sources = vec![self.listener.as_fd(), self.control.as_fd()];
            sources.extend(other);
            let of_children = sources.len();
            let speak: Vec<_> = (0..self.children.len())
                .filter(|at| !self.children[*at].is_ready())
                .collect();
            sources.extend(speak.iter().map(|at| self.children[*at].talk.as_fd()));
            let ready = poll(&sources, longest)?;
            if !ready.contains(&true) {
                return Err("it did not fork in time".into());
            }
            if ready[0] {
                self.hear_who_asks()?;
            }
            if ready[1] && !self.hear_the_template()? {
                return Ok(false);
            }
            for (at, _) in speak
                .iter()
                .zip(&ready[of_children..])
                .filter(|(_, is)| **is)
            {
                self.hear_the_child(*at)?;
            }
            for child in 0..self.children.len() {
                self.raise_if_born(child)?;
            }
            if other.is_some() && ready[2] {
                return Ok(true);
            }
        }
    }

    /// One set of namespaces is let through for each child that is wanted.
    fn hear_who_asks(&mut self) -> Step<()> {
        match self.children.iter_mut().find(|child| !child.told) {
            Some(child) if child.theirs.is_none() && !child.granted => {
                child.granted = self.listener.grant();
                Ok(())
            }
            _ => self.refuse_unasked(),
        }
    }

    /// It says nothing unasked: else it has ended, or is broken.
    fn hear_the_template(&mut self) -> Step<bool> {
        let asked = self.children.iter_mut().find(|child| !child.told);
        let Some(child) = asked.filter(|child| child.theirs.is_none()) else {
            return Ok(false);
        };
        let (bytes, _, _) =
            channel::receive_bytes(self.control.as_fd()).map_err(failed("hear the template"))?;
        match <[u8; 4]>::try_from(bytes.as_slice()).map(i32::from_le_bytes) {
            Ok(pid) if pid > 0 => child.told = true,
            Ok(errno) => {
                let cause = std::io::Error::from_raw_os_error(-errno);
                return Err(format!("it could not fork: {cause}"));
            }
            Err(_) => return Err("it ended".into()),
        }
        self.ask_for_the_next()?;
        Ok(true)
    }

    /// First that it was born, and then that its program is there.
    fn hear_the_child(&mut self, at: usize) -> Step<()> {
        let child = &mut self.children[at];
        let (word, _, from) =
            channel::receive_bytes(child.talk.as_fd()).map_err(failed("hear a child"))?;
        let from = from.filter(|pid| *pid > 0);
        let pid = from.ok_or("the child could not give up what it had")?;
        match std::mem::replace(&mut child.stage, Stage::Unborn) {
            Stage::Unborn if word == b"born" && child.pid.is_none() => child.pid = Some(pid),
            Stage::Raised(born) if word == b"here" => {
                born.look().inspect_err(|_| born.kill())?;
                child.stage = Stage::Ready(Born {
                    program: pid,
                    ..born
                });
            }
            stage => {
                // Whatever it is, it is not let go on.
                child.stage = stage;
                return Err("the child says what it should not".into());
            }
        }
        Ok(())
    }

    fn raise_if_born(&mut self, at: usize) -> Step<()> {
        let child = &mut self.children[at];
        let (Stage::Unborn, true, Some(pid)) = (&child.stage, child.told, child.pid) else {
            return Ok(());
        };
        let inside = self.order.make.user.inside();
        let birth = &child.birth;
        let born = Born {
            pid,
            program: pid,
            pidfd: open_pid(pid)?,
            talk: child.talk.try_clone().map_err(failed("hold a channel"))?,
            user: birth.user.unwrap_or(inside),
            groups: match birth.joins {
                true => birth.groups.clone(),
                false => Vec::new(),
            },
            door: None,
        };
        let raised = raise(birth, self.order, self.init, &born);
        let door = raised.inspect_err(|_| born.kill())?;
        child.stage = Stage::Raised(Born { door, ..born });
        Ok(())
    }

    /// Gives it what it is to see, and tells it what it is for.
    fn send_off(&self, fork: &ForkOrder, fds: &[OwnedFd], child: &Born) -> Step<()> {
        bring(child.pidfd.as_fd(), fork)?;
        if let Some(pids) = fork.pids {
            let limit = Rlimit {
                current: Some(pids.into()),
                maximum: Some(pids.into()),
            };
            for pid in [child.pid, child.program] {
                rustix::process::prlimit(Pid::from_raw(pid), Resource::Nproc, limit)
                    .map_err(failed("limit its processes"))?;
            }
        }
        let passed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        channel::send_bytes(child.talk.as_fd(), &fork.message(), &passed)
            .map_err(failed("tell the child what it is for"))
    }
}

/// Makes a child somebody of its own.
fn raise(
    birth: &Birth,
    order: &TemplateOrder,
    init: i32,
    child: &Born,
) -> Step<Option<TcpListener>> {
    let folder = child.folder();
    is_first_of_its_own(&folder, init)?;
    let inside = order.make.user.inside();
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        fs::write(&file, text).map_err(|cause| format!("write {}: {cause}", file.display()))
    };
    write("setgroups", "deny".into())?;
    write("uid_map", format!("{inside} {} 1", child.user))?;
    write("gid_map", format!("{inside} {} 1", child.user))?;
    let door = furnish(child.pidfd.as_fd(), birth.tmp, order.make.network)?;
    let entrances = match birth.joins {
        true => {
            let open = |file: &PathBuf| fs::File::options().write(true).open(file);
            let entrances: Result<Vec<_>, _> = birth.groups.iter().map(open).collect();
            entrances.map_err(failed("open the groups"))?
        }
        false => {
            for file in &birth.groups {
                fs::write(file, child.pid.to_string())
                    .map_err(|cause| format!("join {}: {cause}", file.display()))?;
            }
            Vec::new()
        }
    };
    let entrances: Vec<_> = entrances.iter().map(AsFd::as_fd).collect();
    let mut word = inside.to_le_bytes().to_vec();
    word.push(birth.is_ahead.into());
    channel::send_bytes(child.talk.as_fd(), &word, &entrances)
        .map_err(failed("tell the child who it is"))?;
    Ok(door)
}

/// A child that has what is its own.
struct Born {
    /// Of the first process of its namespaces.
    pid: i32,
    program: i32,
    pidfd: OwnedFd,
    talk: OwnedFd,
    /// Outside.
    user: u32,
    /// Those that it was to join.
    groups: Vec<PathBuf>,
    door: Option<TcpListener>,
}

impl Born {
    fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid))
    }

    /// Before it is given anything: that it is where it should be, and has let go of the rest.
    fn look(&self) -> Step<()> {
        is_in_its_groups(&self.folder(), &self.groups)?;
        has_given_everything_up(&self.folder(), self.user)
    }

    fn kill(&self) {
        // It may have ended by itself.
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL);
    }
}

/// What there is of a process that a fork does not take along, or would share.
struct Seen {
    files: Vec<(String, String)>,
    threads: usize,
    children: bool,
    shared: usize,
    written: bool,
}

impl Seen {
    fn of(pid: i32) -> Step<Self> {
        let folder = format!("/proc/{pid}");
        let folder = Path::new(&folder);
        let list = |name: &str| -> Step<Vec<fs::DirEntry>> {
            let found = fs::read_dir(folder.join(name)).map_err(failed("look at the template"))?;
            Ok(found.flatten().collect())
        };
        let files = list("fd")?.into_iter().filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            Some((
                entry.file_name().to_string_lossy().into_owned(),
                target.to_string_lossy().into_owned(),
            ))
        });
        let threads = list("task")?;
        let children = threads.iter().any(|thread| {
            let children = fs::read_to_string(thread.path().join("children"));
            children.is_ok_and(|pids| !pids.trim().is_empty())
        });
        let maps = fs::read_to_string(folder.join("maps")).map_err(failed("look at its memory"))?;
        let shared = maps.lines().filter(|line| {
            let rights = line.split_whitespace().nth(1).unwrap_or_default();
            rights.contains('w') && rights.ends_with('s')
        });
        let has_some = |place: &str| {
            fs::read_dir(folder.join(place)).is_ok_and(|mut entries| entries.next().is_some())
        };
        Ok(Self {
            files: files.collect(),
            threads: threads.len(),
            children,
            shared: shared.count(),
            written: has_some("root/tmp") || has_some("root/dev/shm"),
        })
    }

    /// Why what was seen later cannot be forked.
    fn compare(&self, later: &Self, threads: usize) -> Step<()> {
        if later.threads > threads.max(self.threads) {
            return Err(format!("it has {} threads", later.threads));
        }
        if later.children {
            return Err("it has started other processes".into());
        }
        if later.shared > self.shared {
            return Err("it has memory that its children would share".into());
        }
        if later.written {
            return Err("it has written to its temporary folder".into());
        }
        let new = |(number, target): &&(String, String)| {
            !self.files.contains(&(number.clone(), target.clone())) && !target.starts_with("/dev/")
        };
        match later.files.iter().find(new) {
            Some((_, target)) => Err(format!("it has {target} open")),
            None => Ok(()),
        }
    }
}

/// Whether a process is the first in the namespaces that were let through, and not something else that speaks in its name.
fn is_first_of_its_own(folder: &Path, init: i32) -> Step<()> {
    let status = read_status(folder)?;
    let pids: Vec<_> = field(&status, "NSpid").split_whitespace().collect();
    let own = pids.len() == DEPTH && pids.last() == Some(&"1");
    if own && field(&status, "PPid") == init.to_string() {
        Ok(())
    } else {
        Err("what came of the fork is not in namespaces of its own".into())
    }
}

/// Whether it has moved itself where it was to. A group's last folders are its own, whatever is above them here.
fn is_in_its_groups(folder: &Path, groups: &[PathBuf]) -> Step<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let found = fs::read_to_string(folder.join("cgroup")).map_err(failed("look at the child"))?;
    let is_in = |file: &PathBuf| {
        let group = file.parent().unwrap_or(file);
        let tail = |path: &Path| -> Vec<_> {
            let last = path.components().rev().take(GROUP_DEPTH);
            last.map(|part| part.as_os_str().to_owned()).collect()
        };
        let controller = group.components().rev().nth(GROUP_DEPTH);
        let controller = controller.map(|part| part.as_os_str().to_string_lossy());
        found.lines().any(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(names), Some(path)) = (parts.next(), parts.next()) else {
                return false;
            };
            let is_of_it = names
                .split(',')
                .any(|name| Some(name) == controller.as_deref());
            is_of_it && tail(Path::new(path)) == tail(group)
        })
    };
    match groups.iter().all(is_in) {
        true => Ok(()),
        false => Err("the child is not in its groups".into()),
    }
}

/// The walls as they are seen from outside.
fn has_given_everything_up(folder: &Path, user: u32) -> Step<()> {
    let status = read_status(folder)?;
    let nothing = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .iter()
        .all(|set| field(&status, set).bytes().all(|digit| digit == b'0'));
    let user = user.to_string();
    let itself = ["Uid", "Gid"]
        .iter()
        .all(|ids| field(&status, ids).split_whitespace().all(|id| id == user));
    let filters: u32 = field(&status, "Seccomp_filters").parse().unwrap_or(0);
    if nothing && itself && filters >= 2 && field(&status, "NoNewPrivs") == "1" {
        Ok(())
    } else {
        Err("the child kept something that it had to give up".into())
    }
}

fn read_status(folder: &Path) -> Step<String> {
    fs::read_to_string(folder.join("status")).map_err(failed("look at the child"))
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim()
}

fn open_pid(pid: i32) -> Step<OwnedFd> {
    let pid = Pid::from_raw(pid).ok_or("there is no such process")?;
    rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(failed("hold a process"))
}

fn wait_to_read(sources: &[BorrowedFd<'_>], longest: Duration) -> Step<()> {
    match poll(sources, Some(longest))?.contains(&true) {
        true => Ok(()),
        false => Err("it took too long".into()),
    }
}

/// Which of them have something to read, or have ended.
fn poll(sources: &[BorrowedFd<'_>], longest: Option<Duration>) -> Step<Vec<bool>> {
    let mut polled: Vec<_> = sources
        .iter()
        .map(|source| PollFd::new(source, PollFlags::IN))
        .collect();
    let longest = longest.map(|longest| rustix::time::Timespec {
        tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: longest.subsec_nanos().into(),
    });
    loop {
        match rustix::event::poll(&mut polled, longest.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            Err(cause) => return Err(format!("wait: {cause}")),
            Ok(_) => return Ok(polled.iter().map(|one| !one.revents().is_empty()).collect()),
        }
    }
}

fn failed<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> String {
    move |cause| format!("{what}: {cause}")
}
