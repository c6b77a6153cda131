"""Attempts to escape from a function, and to abuse the machine from inside one: each fails or is contained, and the server
goes on serving.

An attempt is what a function does and what its answer must be. All are tried from Node; those by single system calls from
Python and from a native program too, and those that reach for files and processes from Python in its own words."""

import base64
import concurrent.futures
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import zipfile

import pytest

from conftest import BINARY, eventually, server

ROLE = "arn:aws:iam::000000000000:role/any"
ROOT_USER = os.geteuid() == 0

# Every attempt is a Node expression in an async function: `event` is what the test knows, `sh` runs a shell's words and
# gives all it printed, `attempt` gives a value or the error's code, `native` makes one system call.
NODE = """
const fs = require("node:fs"), net = require("node:net"), os = require("node:os"), child = require("node:child_process");
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sh = (script) => {
  const done = child.spawnSync("/bin/sh", ["-c", script], { encoding: "utf8", timeout: 20000, maxBuffer: 1 << 24 });
  return `${done.stdout}${done.stderr}`;
};
const attempt = (what) => { try { return what(); } catch (error) { return error.code ?? String(error); } };
const native = (...words) => sh(`/var/task/native ${words.join(" ")}`).trim();
const get = (url, headers) => fetch(url, { headers, signal: AbortSignal.timeout(3000) })
  .then(async (answer) => [answer.status, await answer.text()], (error) => [error.cause?.code ?? error.name, ""]);
const connect = (where) => new Promise((resolve) => {
  const socket = net.connect(where, () => { socket.destroy(); resolve("connected"); });
  socket.on("error", (error) => resolve(error.code));
  socket.setTimeout(3000, () => { socket.destroy(); resolve("timeout"); });
});
const attempts = {
%s
};
exports.handler = async (event) => attempts[event.attempt](event);
"""

# Makes one system call, or one trick that a shell cannot do, and prints `ok` or the error's name.
NATIVE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int say(long result) {
  puts(result >= 0 ? "ok" : strerrorname_np(errno));
  return 0;
}

int main(int count, char **words) {
  const char *what = words[1];
  long pid = count > 2 ? atol(words[2]) : 0;
#define IS(name) if (!strcmp(what, name))
  IS("ptrace") return say(ptrace(PTRACE_ATTACH, pid, 0, 0));
  IS("traceme") return say(ptrace(PTRACE_TRACEME, 0, 0, 0));
  IS("mount") return say(mount("tmpfs", "/tmp", "tmpfs", 0, 0));
  IS("umount") return say(umount2("/var/task", MNT_DETACH));
  IS("remount") return say(mount(0, "/var/task", 0, MS_REMOUNT | MS_BIND, 0));
  IS("chroot") return say(chroot("/tmp"));
  IS("pivot") return say(syscall(SYS_pivot_root, "/tmp", "/tmp"));
  IS("unshare") return say(unshare(CLONE_NEWUSER));
  IS("setns") return say(setns(open("/proc/self/ns/net", O_RDONLY), 0));
  IS("cloneuser") return say(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  IS("mknod") return say(mknod("/tmp/disk", S_IFBLK | 0666, 254 << 8));
  IS("raw") return say(socket(AF_INET, SOCK_RAW, 1));
  IS("packet") return say(socket(AF_PACKET, SOCK_RAW, 0));
  IS("vsock") return say(socket(AF_VSOCK, SOCK_STREAM, 0));
  IS("module") return say(syscall(SYS_init_module, "", 0L, ""));
  IS("bpf") return say(syscall(SYS_bpf, 0, 0, 0));
  IS("keyctl") return say(syscall(SYS_keyctl, 0, -3, 0));
  IS("io_uring") return say(syscall(SYS_io_uring_setup, 1, 0));
  IS("userfaultfd") return say(syscall(SYS_userfaultfd, 0));
  IS("perf") return say(syscall(SYS_perf_event_open, 0, 0, -1, -1, 0));
  IS("kexec") return say(syscall(SYS_kexec_load, 0, 0, 0, 0));
  IS("handle") return say(syscall(SYS_open_by_handle_at, 0, 0, 0));
  IS("reboot") return say(syscall(SYS_reboot, 0, 0, 0, 0));
  IS("hostname") return say(sethostname("mine", 4));
  IS("time") { struct timeval now = {1000000000, 0}; return say(settimeofday(&now, 0)); }
  IS("swapoff") return say(syscall(SYS_swapoff, "/dev/vda"));
  IS("setuid") return say(setuid(0));
  IS("tiocsti") return say(ioctl(0, TIOCSTI, "x"));
  IS("readmem") return say(syscall(SYS_process_vm_readv, pid, 0, 0, 0, 0, 0));
  IS("int80") {
#ifdef __x86_64__
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
    errno = result < 0 ? -result : 0;
    return say(result);
#else
    puts("ENOSYS");
    return 0;
#endif
  }
  IS("crash") { abort(); }
  return 2;
}
"""

ATTEMPTS = []


def attempt(name, code, contained, native=False):
    ATTEMPTS.append(pytest.param(name, contained, native, id=name))
    CODE[name] = code


CODE = {}


def is_in(*values):
    def contained(answer, _):
        assert answer in values, answer
    return contained


def only(*values):
    def contained(answer, _):
        assert answer and all(value in values for value in answer), answer
    return contained


DENIED = ("EACCES", "EPERM", "ENOENT", "EROFS", "ESRCH", "EINVAL")

# --- the host's files
attempt("the data folder", "(e) => attempt(() => fs.readdirSync(e.data_dir))", is_in("ENOENT"))
attempt("the store's files", "(e) => ['store', 'code', 'server.json'].map((f) => attempt(() => fs.statSync(`${e.data_dir}/${f}`)))", only("ENOENT"))
attempt("the passwords", "() => ['/etc/shadow', '/etc/gshadow', '/root', '/home'].map((f) => attempt(() => fs.statSync(f)))", only("ENOENT"))
attempt("a file of the host", "(e) => attempt(() => fs.readFileSync(e.secret, 'utf8'))", is_in("ENOENT"))
attempt("paths upwards", "(e) => attempt(() => fs.readFileSync('/var/task/../../../../../../..' + e.secret, 'utf8'))", is_in("ENOENT"))
attempt("the root of the first process", "(e) => [attempt(() => fs.readFileSync(`/proc/1/root${e.secret}`, 'utf8')), attempt(() => fs.readdirSync('/proc/1/root/work'))]", only(*DENIED))
attempt("writing to the system", "() => ['/usr/x', '/var/task/x', '/opt/x', '/etc/x', '/x', '/var/runtime/x', '/dev/x', '/bin/sh'].map((f) => attempt(() => fs.writeFileSync(f, 'x')))", only(*DENIED))
attempt("changing its own code", "() => [attempt(() => fs.writeFileSync('/var/task/index.js', 'x')), attempt(() => fs.unlinkSync('/var/task/index.js')), attempt(() => fs.chmodSync('/var/task/index.js', 0o777))]", only(*DENIED))
attempt("writing to /sys", "() => [attempt(() => fs.readdirSync('/sys')), attempt(() => fs.writeFileSync('/sys/fs/cgroup/x', ''))]", only("ENOENT"))
attempt("writing to /proc/sys", "() => ['kernel/core_pattern', 'kernel/hostname', 'vm/drop_caches', 'net/ipv4/ip_forward'].map((f) => attempt(() => fs.writeFileSync('/proc/sys/' + f, '1'))).concat(attempt(() => fs.writeFileSync('/proc/sysrq-trigger', 'b')))", only(*DENIED))
attempt("leaving its control group", "() => sh('for f in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do echo 0 > $f && echo escaped; done; cat /proc/1/cgroup').includes('escaped')", is_in(False))
attempt("the kernel's memory", "() => ['/dev/mem', '/dev/kmem', '/proc/kcore', '/dev/vda', '/dev/sda', '/dev/kvm', '/dev/fuse'].map((f) => attempt(() => fs.openSync(f)))", only(*DENIED))
attempt("a link out of /tmp", "(e) => { attempt(() => fs.symlinkSync(e.data_dir, '/tmp/link')); return attempt(() => fs.readdirSync('/tmp/link')); }", is_in("ENOENT"))
attempt("a hard link to a system file", "() => [attempt(() => fs.linkSync('/bin/sh', '/tmp/sh')), attempt(() => fs.linkSync('/var/task/index.js', '/tmp/code'))]", only("EXDEV", *DENIED))
attempt("setuid programs", "() => { const id = sh('for p in /bin/su /usr/bin/su /usr/bin/passwd /bin/mount /usr/bin/sudo; do [ -u $p ] && echo $p; done; cp /bin/sh /tmp/s && chmod 4755 /tmp/s; su -c id root < /dev/null; /tmp/s -p -c \"id -u\"'); return id.split('\\n').includes('0') || id.includes('uid=0'); }", is_in(False))

# --- other processes
attempt("other processes", "() => fs.readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n)).length < 8", is_in(True))
attempt("the server's environment and memory", "(e) => ['environ', 'mem', 'maps', 'cwd', 'fd'].map((f) => attempt(() => { const path = `/proc/${e.server}/${f}`; fs.statSync(path); return fs.readdirSync(path); }))", only("ENOENT"))
# What came of a fork has one memory with the first process: it may see what is its own. Where it begins is not the same in two.
attempt("the first process's memory", "() => ['environ', 'maps', 'mem'].map((f) => { const of = (who) => attempt(() => fs.readFileSync(`/proc/${who}/${f}`, 'latin1').replace(/^[^]*?(\\w+)-\\w+ [^\\n]*\\[heap\\][^]*$/, '$1')); const first = of(1); return first === of('self') ? 'own' : first; })", only("own", *DENIED))
attempt("signalling the server", "(e) => attempt(() => process.kill(e.server, 'SIGKILL'))", is_in("ESRCH"))
attempt("signalling everybody", "() => sh('kill -0 1; (kill -STOP -1) & sleep 0.2; kill -9 1; echo alive').includes('alive')", lambda answer, _: None)
attempt("inherited descriptors", "() => fs.readdirSync('/proc/self/fd').map((fd) => attempt(() => fs.readlinkSync(`/proc/self/fd/${fd}`))).filter((to) => /^\\//.test(to) && !/^\\/(dev\\/null|proc|var\\/task|dev\\/urandom)/.test(to))", lambda answer, _: answer == [] or pytest.fail(str(answer)))
attempt("another function's code and environment", "() => { const seen = sh('cat /proc/*/environ 2>/dev/null | tr \"\\\\0\" \"\\\\n\"; grep -rl VICTIM /var /tmp /opt 2>/dev/null'); return seen.includes('victims-secret'); }", is_in(False))
attempt("another function's credentials", "(e) => Object.values(process.env).some((value) => value.includes('victim'))", is_in(False))
attempt("setting a limit higher", "() => sh('(ulimit -n 4096); (ulimit -c unlimited); ulimit -Hn; ulimit -Hc').trim().split('\\n').slice(0, 2)", lambda answer, _: answer == ["1024", "0"] or pytest.fail(str(answer)))

# --- the kernel, by a native program
CALLS = [
    ("tracing the first process", "ptrace 1", DENIED), ("being traced", "traceme", DENIED), ("mounting", "mount", DENIED),
    ("unmounting", "umount", DENIED), ("mounting again to write", "remount", DENIED), ("changing the root", "chroot", DENIED),
    ("pivoting the root", "pivot", DENIED), ("a new user namespace", "unshare", DENIED), ("another namespace", "setns", DENIED),
    ("a new user namespace by clone", "cloneuser", DENIED), ("making a device", "mknod", DENIED), ("a raw socket", "raw", DENIED),
    ("a packet socket", "packet", ("EAFNOSUPPORT",)), ("the hypervisor's socket", "vsock", ("EAFNOSUPPORT",)),
    ("loading a module", "module", DENIED), ("bpf", "bpf", DENIED), ("the kernel's keys", "keyctl", DENIED),
    ("io_uring", "io_uring", DENIED), ("userfaultfd", "userfaultfd", DENIED), ("performance counters", "perf", DENIED),
    ("another kernel", "kexec", DENIED), ("files by handle", "handle", DENIED), ("rebooting", "reboot", DENIED),
    ("renaming the host", "hostname", DENIED), ("setting the clock", "time", DENIED), ("turning off swap", "swapoff", DENIED),
    ("becoming root", "setuid", DENIED), ("typing into a terminal", "tiocsti", DENIED), ("reading a process's memory", "readmem 1", DENIED),
]
for name, word, allowed in CALLS:
    attempt(name, f"() => native('{word}')", is_in(*allowed), native=True)
attempt("another architecture's calls", "() => native('int80')", is_in("", "ENOSYS", "Bad system call"), native=True)
attempt("a core dump", "() => { sh('cd /tmp; ulimit -c unlimited; /var/task/native crash'); return fs.readdirSync('/tmp').filter((n) => n.startsWith('core')); }", lambda answer, _: answer == [] or pytest.fail(str(answer)), native=True)

# --- using things up
attempt("1,025 open files", "() => { const open = []; try { for (;;) open.push(fs.openSync('/dev/null')); } catch (error) { return [error.code, open.length < 1024]; } finally { open.forEach((fd) => fs.closeSync(fd)); } }", lambda answer, _: answer == ["EMFILE", True] or pytest.fail(str(answer)))
attempt("filling /tmp", "() => sh('head -c 700000000 /dev/zero > /tmp/full; stat -c %s /tmp/full; rm /tmp/full')", lambda answer, _: ("No space left" in answer and (500 << 20) < int(answer.split()[0]) <= (512 << 20)) or pytest.fail(answer))
attempt("filling /tmp with empty files", "() => { let n = 0; try { for (;; n++) fs.writeFileSync(`/tmp/e${n}`, ''); } catch (error) { return [error.code, n < 300000]; } finally { sh('find /tmp -type f -delete'); } }", lambda answer, _: answer == ["ENOSPC", True] or pytest.fail(str(answer)))
attempt("a fork bomb", "() => sh('f() { f | f & }; (f) 2>/dev/null; sleep 1; echo over') && process.exit(1)", lambda answer, _: None)

# --- the network
attempt("the admin API without its token", "(e) => get(e.endpoint + '/_fulmar/health').then(async (health) => [await get(e.endpoint + '/_fulmar/functions'), await get(e.endpoint + '/_fulmar/functions', { authorization: 'Bearer x' })].map(([status]) => status))", lambda answer, _: all(status in (401, 403) for status in answer) or pytest.fail(str(answer)))


def package(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content)
    return out.getvalue()


@pytest.fixture(scope="session")
def native(tmp_path_factory):
    """The native program's bytes, or none where nothing can make it."""
    if not shutil.which("cc"):
        return None
    folder = tmp_path_factory.mktemp("native")
    (folder / "native.c").write_text(NATIVE)
    subprocess.run(["cc", "-static", "-O1", "-w", "-o", folder / "native", folder / "native.c"], check=True)
    return (folder / "native").read_bytes()


def create(fulmar, name, source, files=None, **settings):
    settings = {"Timeout": 30, "MemorySize": 1024, **settings}
    fulmar.client("lambda").create_function(
        FunctionName=name, Runtime="nodejs20.x", Handler="index.handler", Role=ROLE,
        Code={"ZipFile": package({"index.js": source, **(files or {})})}, **settings,
    )


def call(fulmar, name, event=None, **options):
    answer = fulmar.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **options)
    return answer, json.loads(answer["Payload"].read())


def attempts(fulmar, name, native, **settings):
    source = NODE % "\n".join(f"  {json.dumps(key)}: {code}," for key, code in CODE.items())
    create(fulmar, name, source, {"native": native} if native else None, **settings)


@pytest.fixture(scope="module")
def attacker(fulmar, native):
    attempts(fulmar, "attacker", native)
    victim = "// VICTIM\nrequire('fs').writeFileSync('/tmp/secret', 'victims-secret');\nexports.handler = async () => process.env.SECRET;"
    create(fulmar, "victim", victim, Environment={"Variables": {"SECRET": "victims-secret"}})
    # It stays alive, idle, beside all attempts.
    assert call(fulmar, "victim")[1] == "victims-secret"
    return "attacker"


def serves(fulmar):
    assert fulmar.process.poll() is None, "".join(fulmar.log)
    assert call(fulmar, "victim")[1] == "victims-secret"
    fulmar.client("s3").list_buckets()


@pytest.mark.parametrize("name, contained, needs_native", ATTEMPTS)
def test_an_attempt_from_inside(fulmar, attacker, native, tmp_path, name, contained, needs_native):
    if needs_native and not native:
        pytest.skip("no compiler")
    secret = tmp_path / "secret"
    secret.write_text("the host's")
    event = {
        "attempt": name, "data_dir": str(fulmar.data_dir), "server": fulmar.process.pid, "endpoint": fulmar.endpoint, "secret": str(secret),
    }
    hostname = socket.gethostname()
    answer, said = call(fulmar, attacker, event)
    if answer.get("FunctionError"):
        # An attempt may well end its own instance; then it has reached nothing else.
        assert name in ("a fork bomb", "signalling everybody"), said
    else:
        contained(said, event)
    assert socket.gethostname() == hostname and abs(time.time() - os.stat("/proc/self").st_ctime) < 86_400
    serves(fulmar)


# Attempts in Python's own words: `tried` gives a value or the error's name.
PYTHON = """
import errno, glob, os, resource, signal, socket, subprocess

def tried(what):
    try:
        return what()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))

def read(path):
    with open(path, "rb") as file:
        return file.read(64).decode("latin-1")

def first_or_own(name):
    # What came of a fork has one memory with the first process. Its first line says where it is.
    first, own = (tried(lambda: read(f"/proc/{who}/{name}")) for who in ("1", "self"))
    return "own" if first == own else first

def write(path):
    with open(path, "w") as file:
        return file.write("x")

def limit():
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    except ValueError:
        return "EPERM"

attempts = {
    "the data folder": lambda e: [tried(lambda: os.listdir(e["data_dir"]))],
    "a file of the host": lambda e: [tried(lambda: read(e["secret"])), tried(lambda: read("/proc/1/root" + e["secret"]))],
    "the passwords": lambda e: [tried(lambda: read(f)) for f in ("/etc/shadow", "/etc/gshadow", "/root/.profile")],
    "writing to the system": lambda e: [tried(lambda: write(f + "/x")) for f in ("/usr", "/var/task", "/etc", "", "/dev", "/proc/sys/kernel")],
    "changing its own code": lambda e: [tried(lambda: os.unlink("/var/task/app.py")), tried(lambda: os.chmod("/var/task/app.py", 0o777))],
    "the kernel's memory": lambda e: [tried(lambda: read(f)) for f in ("/dev/mem", "/proc/kcore", "/dev/vda", "/dev/kvm")],
    "the server's environment and memory": lambda e: [tried(lambda: read(f"/proc/{e['server']}/{f}")) for f in ("environ", "mem", "maps")],
    "the first process's memory": lambda e: [first_or_own(f) for f in ("environ", "mem", "maps")],
    "signalling the server": lambda e: [tried(lambda: os.kill(e["server"], signal.SIGKILL))],
    "another function's environment": lambda e: ["ENOENT" if not any("victims-secret" in str(tried(lambda: read(f))) for f in glob.glob("/proc/*/environ")) else "seen"],
    "becoming root": lambda e: [tried(lambda: os.setuid(0)), tried(lambda: os.setgroups([0]))],
    "a raw socket": lambda e: [tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and None)],
    "setting a limit higher": lambda e: [limit()],
    "a hard link to a system file": lambda e: [tried(lambda: os.link("/bin/sh", "/tmp/sh"))],
}

def handler(event, context):
    if "words" in event:
        return subprocess.run(["/var/task/native", *event["words"].split()], capture_output=True, text=True).stdout.strip()
    return attempts[event["attempt"]](event)
"""

# A custom runtime: it asks for work, does it in a child, and answers with what the child printed.
BOOTSTRAP = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[65536];

static void talk(const char *request) {
  char host[64], *port;
  snprintf(host, sizeof host, "%s", getenv("AWS_LAMBDA_RUNTIME_API"));
  port = strchr(host, ':');
  *port++ = 0;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  inet_pton(AF_INET, host, &at.sin_addr);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(s, (struct sockaddr *)&at, sizeof at) || write(s, request, strlen(request)) < 0) exit(3);
  size_t got = 0;
  for (ssize_t n; got < sizeof answer - 1 && (n = read(s, answer + got, sizeof answer - 1 - got)) > 0;) got += n;
  answer[got] = 0;
  close(s);
}

int main(void) {
  for (;;) {
    char id[64], command[256], said[512] = "", request[2048];
    talk("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    char *at = strcasestr(answer, "lambda-runtime-aws-request-id:");
    if (!at || sscanf(at + 30, " %63[^\r]", id) != 1) return 4;
    at = strstr(answer, "{\"words\": \"");
    char words[128] = "";
    if (at) sscanf(at + 11, "%127[^\"]", words);
    snprintf(command, sizeof command, "/var/task/native %s", words);
    FILE *child = popen(command, "r");
    size_t n = fread(said, 1, sizeof said - 1, child);
    pclose(child);
    while (n && said[n - 1] == '\n') n--;
    said[n] = 0;
    snprintf(request, sizeof request,
      "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n\"%s\"",
      id, n + 2, said);
    talk(request);
  }
}
"""


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory):
    """A native custom runtime's bytes, or none where nothing can make it."""
    if not shutil.which("cc"):
        return None
    folder = tmp_path_factory.mktemp("bootstrap")
    (folder / "bootstrap.c").write_text("#define _GNU_SOURCE\n" + BOOTSTRAP)
    subprocess.run(["cc", "-static", "-O1", "-w", "-o", folder / "bootstrap", folder / "bootstrap.c"], check=True)
    return (folder / "bootstrap").read_bytes()


def make(fulmar, name, runtime, files):
    fulmar.client("lambda").create_function(
        FunctionName=name, Runtime=runtime, Handler="app.handler", Role=ROLE, Code={"ZipFile": package(files)}, Timeout=30, MemorySize=512,
    )


@pytest.fixture(scope="module")
def others(fulmar, attacker, native, bootstrap):
    """What else attacks, beside the one in Node."""
    if not native:
        pytest.skip("no compiler")
    make(fulmar, "python-attacker", "python3.12", {"app.py": PYTHON, "native": native})
    make(fulmar, "native-attacker", "provided.al2023", {"bootstrap": bootstrap, "native": native})


@pytest.mark.parametrize("language", ["python", "native"])
@pytest.mark.parametrize("name, words, allowed", CALLS, ids=[name for name, _, _ in CALLS])
def test_a_system_call_from_another_language(fulmar, others, language, name, words, allowed):
    answer, said = call(fulmar, f"{language}-attacker", {"words": words})
    assert "FunctionError" not in answer, said
    assert said in allowed, said
    serves(fulmar)


PYTHON_ATTEMPTS = [line.split('"')[1] for line in PYTHON.splitlines() if line.startswith('    "')]


@pytest.mark.parametrize("name", PYTHON_ATTEMPTS)
def test_an_attempt_in_python(fulmar, others, tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_text("the host's")
    event = {"attempt": name, "data_dir": str(fulmar.data_dir), "server": fulmar.process.pid, "secret": str(secret)}
    answer, said = call(fulmar, "python-attacker", event)
    assert "FunctionError" not in answer, said
    assert said and all(one in ("EXDEV", "own", *DENIED) for one in said), said
    serves(fulmar)


def test_memory_over_the_limit_ends_the_instance_as_on_the_real_service(fulmar, attacker):
    create(fulmar, "hungry", "const all = []; exports.handler = async () => { for (;;) all.push(Buffer.alloc(8 << 20, 1)); };", MemorySize=256)
    answer, said = call(fulmar, "hungry", LogType="Tail")
    request = answer["ResponseMetadata"]["RequestId"]
    assert said == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request} Error: Runtime exited with error: signal: killed"}
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "Memory Size: 256 MB" in tail
    assert tail.rstrip().endswith("Status: error\tError Type: Runtime.OutOfMemory") and "\nRuntime.ExitError\n" in tail
    used = int(tail.split("Max Memory Used: ")[1].split(" MB")[0])
    assert 200 <= used <= 256, tail
    serves(fulmar)


def test_a_spinning_function_has_its_share_and_no_more(fulmar, attacker):
    spin = """
    const { Worker } = require("node:worker_threads");
    exports.handler = async () => {
      const used = process.cpuUsage(), start = process.hrtime.bigint();
      const workers = [1, 2].map(() => new Worker("for (;;);", { eval: true }));
      await new Promise((resolve) => setTimeout(resolve, 3000));
      const { user, system } = process.cpuUsage(used), took = Number(process.hrtime.bigint() - start) / 1000;
      workers.forEach((worker) => worker.terminate());
      return (user + system) / took;
    };"""
    create(fulmar, "spinner", spin, MemorySize=512)
    share = call(fulmar, "spinner")[1]
    if isinstance(share, float) and ROOT_USER:
        assert share < 512 / 1769 * 1.5, share
    serves(fulmar)


def test_nothing_is_left_of_an_instance_for_the_next(fulmar, attacker):
    source = """
    const fs = require("fs"), child = require("child_process");
    exports.handler = async (event) => {
      const before = fs.readdirSync("/tmp");
      fs.writeFileSync("/tmp/mine", "x");
      fs.writeFileSync("/dev/shm/mine", "x");
      if (event === "leave") child.spawn("/bin/sleep", ["98765"], { detached: true, stdio: "ignore" }).unref();
      if (event === "leave") process.exit(1);
      return [before, fs.readdirSync("/dev/shm")];
    };"""
    create(fulmar, "leaver", source)
    call(fulmar, "leaver", "leave")

    def gone():
        for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if line.read_bytes() == b"/bin/sleep\x0098765\x00":
                    return False
            except OSError:
                pass
        return True

    time.sleep(0.3)
    eventually(gone)
    assert call(fulmar, "leaver", "look")[1] == [[], ["mine"]]
    serves(fulmar)


def users_of_instances():
    """Who runs Node now, of the users that belong to nobody else."""
    found = set()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            status, command = (folder / "status").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        user = int(status.split("Uid:")[1].split()[0])
        if user >= 2_000_000_000 and b"node" in command:
            found.add(user)
    return found


def test_instances_at_the_same_time_share_nothing(fulmar, attacker):
    source = """
    const fs = require("fs"), own = Math.random().toString();
    exports.handler = async () => {
      fs.writeFileSync("/tmp/own", own);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return [own, fs.readFileSync("/tmp/own", "utf8"), fs.readdirSync("/proc").filter((n) => /^[0-9]+$/.test(n)).length, process.getuid()];
    };"""
    create(fulmar, "twins", source)
    users = set()
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(call, fulmar, "twins") for _ in range(4)]
        while not all(one.done() for one in calls):
            users |= users_of_instances()
        seen = [one.result()[1] for one in calls]
    assert len({own for own, *_ in seen}) == 4
    assert all(own == found and processes <= 3 for own, found, processes, _ in seen), seen
    if ROOT_USER:
        # Inside they may take themselves for the same one.
        assert len(users) >= 4, "each is another user"


def test_a_killed_server_leaves_nothing_behind(native):
    with server() as fulmar:
        create(fulmar, "victim", "exports.handler = async () => 'victims-secret'")
        stay = "require('child_process').spawn('/bin/sleep', ['87654'], { detached: true }); exports.handler = async () => process.pid;"
        create(fulmar, "stays", stay)
        call(fulmar, "stays")
        mounts = pathlib.Path("/proc/self/mounts").read_text()
        assert str(fulmar.data_dir) not in mounts
        pid = fulmar.process.pid
        fulmar.kill()

        def alone():
            lines = [line.read_bytes() for line in pathlib.Path("/proc").glob("[0-9]*/cmdline") if line.exists()]
            return not [line for line in lines if b"87654" in line or str(fulmar.data_dir).encode() in line]

        eventually(alone)
        fulmar.restart()
        assert not list(pathlib.Path("/sys/fs/cgroup").glob(f"*/fulmar/{pid}-*")), "the next start sweeps"
        assert os.listdir(fulmar.data_dir / "sandbox") == []
        serves(fulmar)


@pytest.fixture(scope="module")
def isolated():
    with server("--network", "isolated") as running:
        create(running, "victim", "exports.handler = async () => 'victims-secret'")
        yield running


REACH = """
const net = require("node:net");
const connect = (where) => new Promise((resolve) => {
  const socket = net.connect(where, () => { socket.destroy(); resolve("connected"); });
  socket.on("error", (error) => resolve(error.code));
});
exports.handler = async (event) => ({
  endpoint: await fetch(process.env.AWS_ENDPOINT_URL).then((answer) => answer.status),
  loopback: await connect({ host: "127.0.0.1", port: event.port }),
  outside: await connect({ host: "192.0.2.1", port: 80 }),
  interfaces: Object.keys(require("node:os").networkInterfaces()),
  abstract: require("node:child_process").spawnSync("/usr/bin/python3", ["-c",
    `import socket; socket.socket(socket.AF_UNIX).connect("\\\\0${event.name}")`], { encoding: "utf8" }).stderr,
});
"""


def test_an_isolated_function_reaches_the_server_and_nothing_else(isolated):
    create(isolated, "reach", REACH)
    name = f"fulmar-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as other, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0" + name)
        abstract.listen()
        event = {"port": other.getsockname()[1], "name": name}
        answer, said = call(isolated, "reach", event)
    assert "FunctionError" not in answer, said
    assert said["endpoint"] in (200, 403), said
    assert (said["loopback"], said["outside"], said["interfaces"]) == ("ECONNREFUSED", "ENETUNREACH", ["lo"])
    if pathlib.Path("/usr/bin/python3").exists():
        assert "Error" in said["abstract"]
    serves(isolated)


def test_isolated_functions_do_not_reach_each_other(isolated):
    listens = "require('net').createServer().listen(7777, '127.0.0.1'); exports.handler = async () => 'listens';"
    create(isolated, "listens", listens)
    assert call(isolated, "listens")[1] == "listens"
    create(isolated, "calls", REACH)
    assert call(isolated, "calls", {"port": 7777, "name": "x"})[1]["loopback"] == "ECONNREFUSED"
    serves(isolated)


def test_a_custom_runtime_runs_in_a_network_of_its_own(isolated, native, bootstrap):
    if not bootstrap:
        pytest.skip("no compiler")
    make(isolated, "custom", "provided.al2023", {"bootstrap": bootstrap, "native": native})
    for _ in range(2):
        answer, said = call(isolated, "custom", {"words": "mount"})
        assert "FunctionError" not in answer and said in DENIED, said
    # What has another way to be spoken to has nothing there.
    create(isolated, "listener", REACH)
    assert call(isolated, "listener", {"port": 9001, "name": "x"})[1]["loopback"] == "ECONNREFUSED"


def test_isolation_needs_a_sandbox(tmp_path):
    done = subprocess.run(
        [BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", tmp_path / "data", "--network", "isolated", "--sandbox", "off"],
        capture_output=True, text=True, timeout=30,
    )
    assert done.returncode == 3 and "cannot be isolated" in done.stderr, done.stderr


@pytest.mark.parametrize("language", ["python", "node"])
def test_a_killed_server_takes_plain_processes_with_it(language):
    """Between calls they are stopped, and would see no end of their socket."""
    with server("--sandbox", "off") as plain:
        if language == "node":
            create(plain, "whoami", "exports.handler = async () => process.pid;")
        else:
            make(plain, "whoami", "python3.12", {"app.py": "import os\ndef handler(event, context):\n    return os.getpid()\n"})
        _, pid = call(plain, "whoami")
        stat = pathlib.Path(f"/proc/{pid}/stat")
        state = lambda: stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else "gone"
        eventually(lambda: state() == "T")
        plain.kill()
        # Whoever adopts it may not look after it.
        eventually(lambda: state() in ("gone", "Z"))
