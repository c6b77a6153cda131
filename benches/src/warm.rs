//! A call of a function that does nothing and has an instance that waits, over the least that its transport takes.
//!
//! The floor is one round trip over HTTP to another process, by the same client, and one over a unix socket to a third:
//! no function behind HTTP in a process of its own can be faster.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::client::{Connection, signed};
use crate::server::Server;
use crate::stats::{Times, ratio};

/// The names that this program has as a child of itself: as a function, it is the package's `bootstrap`.
pub(crate) const HTTP_FLOOR: &str = "__http-floor";
pub(crate) const SOCKET_FLOOR: &str = "__socket-floor";

const CALLS: usize = 2_000;
/// Of those that come after a pause, in which instances are held.
const CALLS_APART: usize = 400;
const APART: Duration = Duration::from_millis(5);
const PAYLOAD: &[u8] = b"{}";

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Native:
    Type: AWS::Serverless::Function
    Properties: { FunctionName: native, CodeUri: native, Handler: bootstrap, Runtime: provided.al2023 }
  Node:
    Type: AWS::Serverless::Function
    Properties: { FunctionName: node, CodeUri: node, Handler: index.handler, Runtime: nodejs20.x }
  Python:
    Type: AWS::Serverless::Function
    Properties: { FunctionName: python, CodeUri: python, Handler: index.handler, Runtime: python3.11 }
";

pub(crate) fn measure(binary: &Path, work: &Path) -> Result<()> {
    let app = work.join("warm");
    for folder in ["native", "node", "python"] {
        std::fs::create_dir_all(app.join(folder))?;
    }
    std::fs::write(app.join("template.yaml"), TEMPLATE)?;
    std::fs::copy(std::env::current_exe()?, app.join("native/bootstrap"))?;
    std::fs::write(
        app.join("node/index.js"),
        "exports.handler = async () => null;\n",
    )?;
    std::fs::write(
        app.join("python/index.py"),
        "def handler(event, context):\n    return None\n",
    )?;
    let mut server = Server::spawn(binary, &["up", &app.display().to_string()])?;
    server.wait_for("deployed")?;

    let (http, mut socket) = (HttpFloor::start()?, SocketFloor::start()?);
    let mut floor = Connection::open(&http.host)?;
    let mut connection = Connection::open(&server.host)?;
    let request = |host: &str, function: &str| {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        signed("lambda", "POST", host, &path, PAYLOAD)
    };
    for function in ["native", "node", "python"] {
        let (plain, ours) = (
            request(&http.host, function),
            request(&server.host, function),
        );
        // The first starts the instance.
        connection.exchange(&ours)?;
        for (count, pause) in [(CALLS, Duration::ZERO), (CALLS_APART, APART)] {
            let (mut floors, mut calls) = (Vec::new(), Vec::new());
            // By turns, so that both meet the same machine.
            for _ in 0..count {
                std::thread::sleep(pause);
                let over_http = timed(|| floor.exchange(&plain).map(drop))?;
                floors.push(over_http + timed(|| socket.exchange())?);
                std::thread::sleep(pause);
                calls.push(timed(|| connection.exchange(&ours).map(drop))?);
            }
            print(function, pause, &Times::new(calls), &Times::new(floors));
        }
    }
    Ok(())
}

fn print(function: &str, pause: Duration, calls: &Times, floors: &Times) {
    let (apart, wanted) = match (pause.is_zero(), function) {
        (true, "native") => ("", "≤ 1.5×"),
        (true, _) => ("", ""),
        (false, _) => (", each after a pause of 5 ms", ""),
    };
    println!(
        "| warm no-op, {function}, signed call{apart}: p50 (min) | {} ({}) | HTTP + unix socket: {} ({}) | {} | {wanted} |",
        micros(calls.p50()),
        micros(calls.min()),
        micros(floors.p50()),
        micros(floors.min()),
        ratio(calls.p50(), floors.p50()),
    );
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let started = Instant::now();
    run()?;
    Ok(started.elapsed())
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

/// Ends with its handle.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct HttpFloor {
    host: String,
    _child: Ended,
}

impl HttpFloor {
    fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(HTTP_FLOOR)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut host = String::new();
        let stdout = child.stdout.take().context("it has an output")?;
        BufReader::new(stdout).read_line(&mut host)?;
        Ok(Self {
            host: host.trim().to_owned(),
            _child: Ended(child),
        })
    }
}

/// Answers every request on one connection after the other with four bytes, and looks at nothing but its end.
pub(crate) fn serve_http() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let mut stream = stream?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; 64 << 10];
        let mut held = 0;
        loop {
            let read = stream.read(&mut buffer[held..])?;
            if read == 0 {
                break;
            }
            held += read;
            // The client's bodies end so, and nothing else in its requests does.
            if buffer[..held].ends_with(PAYLOAD) {
                held = 0;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull")?;
            }
        }
    }
    Ok(())
}

struct SocketFloor {
    stream: UnixStream,
    _child: Ended,
}

impl SocketFloor {
    fn start() -> Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(std::env::current_exe()?)
            .arg(SOCKET_FLOOR)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .spawn()?;
        Ok(Self {
            stream: ours,
            _child: Ended(child),
        })
    }

    fn exchange(&mut self) -> Result<()> {
        let mut message = [b'x'; 512];
        self.stream.write_all(&message)?;
        self.stream.read_exact(&mut message)?;
        Ok(())
    }
}

/// Sends back what comes, 512 bytes at a time.
pub(crate) fn serve_socket() -> Result<()> {
    use std::os::fd::AsFd;
    let mut stream = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut message = [0; 512];
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message)?;
    }
    Ok(())
}

/// The function: the worker protocol on one connection, as short as it can be.
pub(crate) fn bootstrap() -> Result<()> {
    let host = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let stream = TcpStream::connect(&host)?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let mut message = next.clone();
    loop {
        stream.get_mut().write_all(message.as_bytes())?;
        let id = loop {
            let head = read_message(&mut stream)?;
            // Else it is what is said to our answer.
            if let Some(id) = header(&head, "lambda-runtime-aws-request-id") {
                break id.to_owned();
            }
        };
        // The answer and the next request in one.
        message = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: {host}\r\ncontent-length: 4\r\n\r\nnull{next}"
        );
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}

/// Reads a head and the body that it announces; returns the head.
fn read_message(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        ensure!(stream.read_line(&mut head)? > 0, "the connection has ended");
    }
    let length = header(&head, "content-length").unwrap_or("0").parse()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(head)
}
