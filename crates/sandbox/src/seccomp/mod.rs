//! The filter of system calls: what `calls.rs` lists, as the small program that the kernel runs before each call.
//!
//! It is a binary search over the calls' numbers. A list that is walked would be slower for each call, and for the
//! installation too: the kernel runs the program once for every number that there is, to know which need no filter.

#[rustfmt::skip]
mod calls;
mod listener;

use std::collections::BTreeMap;
use std::io;

pub(crate) use listener::{Listener, install_listened, listened};

use calls::{ALLOWED, ARCHITECTURE, CHECKED, CHECKED_OLD, GUISE, REFUSED, Rule, Test};

/// As `linux/bpf_common.h` has them: load a word, compare, jump, mask, return.
const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_ANY_BIT: u16 = 0x45;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

/// Where `struct seccomp_data` has the call's number, the architecture and the arguments' low halves.
const NUMBER: u32 = 0;
const MACHINE: u32 = 4;
const ARGUMENTS: u32 = 16;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;

/// One instruction, as the kernel takes it and as it is handed to the child.
pub(crate) type Instruction = (u16, u8, u8, u32);

/// What the filter says to one number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Say(u32),
    /// By its arguments; the index of its rules in the list of all.
    Check(usize),
}

fn error(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | u32::try_from(errno).unwrap_or(0)
}

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).expect("calls have small numbers")
}

/// The whole filter.
pub(crate) fn filter() -> Vec<Instruction> {
    let checked: Vec<&[Rule]> = CHECKED
        .iter()
        .chain(CHECKED_OLD)
        .map(|call| call.rules)
        .collect();
    let mut program = vec![
        (LOAD, 0, 0, MACHINE),
        (IF_EQUAL, 1, 0, ARCHITECTURE),
        // Another architecture's numbers mean other calls. Nothing honest makes them here.
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ];
    if let Some(first) = GUISE {
        program.push((IF_AT_LEAST, 0, 1, first));
        program.push((RETURN, 0, 0, error(libc::ENOSYS)));
    }
    search(&spans(), &checked, &mut program);
    program
}

/// From each of these numbers on, up to the next, the same verdict.
fn spans() -> Vec<(u32, Verdict)> {
    let mut verdicts = BTreeMap::new();
    for group in REFUSED {
        for call in group.calls {
            verdicts.insert(number(*call), Verdict::Say(error(libc::EPERM)));
        }
    }
    for group in ALLOWED {
        for call in group.calls {
            verdicts.insert(number(*call), Verdict::Say(ALLOW));
        }
    }
    for (index, call) in CHECKED.iter().chain(CHECKED_OLD).enumerate() {
        verdicts.insert(number(call.call), Verdict::Check(index));
    }
    let unknown = Verdict::Say(error(libc::ENOSYS));
    let mut spans = vec![(0, unknown)];
    let mut add = |from: u32, verdict: Verdict| match spans.last_mut() {
        Some((last, there)) if *last == from => *there = verdict,
        Some((_, there)) if *there == verdict => {}
        _ => spans.push((from, verdict)),
    };
    for (call, verdict) in verdicts {
        add(call, verdict);
        // Until the next number says otherwise.
        add(call + 1, unknown);
    }
    merged(spans)
}

/// A span that was begun and at once replaced may now say what the one before it says.
fn merged(spans: Vec<(u32, Verdict)>) -> Vec<(u32, Verdict)> {
    let mut merged: Vec<(u32, Verdict)> = Vec::with_capacity(spans.len());
    for (from, verdict) in spans {
        if merged.last().is_none_or(|(_, before)| *before != verdict) {
            merged.push((from, verdict));
        }
    }
    merged
}

/// Finds the accumulator's number among the spans. Every way through it ends in a return.
fn search(spans: &[(u32, Verdict)], checked: &[&[Rule]], program: &mut Vec<Instruction>) {
    if let [(_, verdict)] = spans {
        return match verdict {
            Verdict::Say(action) => program.push((RETURN, 0, 0, *action)),
            Verdict::Check(index) => check(checked[*index], program),
        };
    }
    let (low, high) = spans.split_at(spans.len() / 2);
    program.push((IF_AT_LEAST, 0, 1, high[0].0));
    // Conditional jumps only reach 255 instructions far.
    let jump = program.len();
    program.push((JUMP, 0, 0, 0));
    search(low, checked, program);
    let distance = program.len() - jump - 1;
    program[jump].3 = u32::try_from(distance).expect("a filter has at most 4,096 instructions");
    search(high, checked, program);
}

/// Looks at the arguments: refuses by the first rule that is broken, and otherwise allows.
fn check(rules: &[Rule], program: &mut Vec<Instruction>) {
    for rule in rules {
        let body = rule_body(rule);
        if let Some((argument, value)) = rule.when {
            program.push((LOAD, 0, 0, place(argument)));
            let len = u8::try_from(body.len()).expect("a rule has few instructions");
            program.push((IF_EQUAL, 0, len, value));
        }
        program.extend(body);
    }
    program.push((RETURN, 0, 0, ALLOW));
}

/// Falls through where the rule is kept.
fn rule_body(rule: &Rule) -> Vec<Instruction> {
    let refuse = (RETURN, 0, 0, error(rule.errno));
    let mut body = vec![(LOAD, 0, 0, place(rule.argument))];
    match rule.refused {
        Test::AnyBit(bits) => body.extend([(IF_ANY_BIT, 0, 1, bits), refuse]),
        Test::Masked(mask, values) => {
            body.push((AND, 0, 0, mask));
            for value in values {
                body.extend([(IF_EQUAL, 0, 1, *value), refuse]);
            }
        }
        Test::NoneOf(values) => {
            for (index, value) in values.iter().enumerate() {
                // Over the values that remain, and the refusal.
                let over = u8::try_from(values.len() - index).expect("a rule has few values");
                body.push((IF_EQUAL, over, 0, *value));
            }
            body.push(refuse);
        }
    }
    body
}

fn place(argument: u8) -> u32 {
    ARGUMENTS + 8 * u32::from(argument)
}

/// Puts the filter in force for this thread and all that comes of it. New privileges must be forbidden already.
pub(crate) fn install(filter: &[Instruction]) -> io::Result<()> {
    install_with(filter, 0).map(drop)
}

/// Returns what the call does: with flags, that may be a descriptor.
fn install_with(filter: &[Instruction], flags: libc::c_ulong) -> io::Result<libc::c_long> {
    let filter: Vec<libc::sock_filter> = filter
        .iter()
        .map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k })
        .collect();
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies `len` instructions from `filter`, which outlives the call, and writes to none of them.
    let installed = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const program,
        )
    };
    if installed >= 0 {
        Ok(installed)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests;
