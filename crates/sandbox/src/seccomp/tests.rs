use std::collections::BTreeSet;

use super::*;

/// Runs the filter as the kernel does.
fn say(filter: &[Instruction], machine: u32, number: u32, arguments: [u32; 6]) -> u32 {
    let (mut at, mut value) = (0_usize, 0_u32);
    loop {
        let (code, jt, jf, k) = filter[at];
        at += 1;
        let mut jump = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            LOAD if k == NUMBER => value = number,
            LOAD if k == MACHINE => value = machine,
            LOAD => value = arguments[((k - ARGUMENTS) / 8) as usize],
            AND => value &= k,
            JUMP => at += k as usize,
            IF_EQUAL => jump(value == k),
            IF_AT_LEAST => jump(value >= k),
            IF_ANY_BIT => jump(value & k != 0),
            RETURN => return k,
            _ => panic!("no such instruction: {code:#x}"),
        }
    }
}

fn asked(call: libc::c_long, arguments: [u32; 6]) -> u32 {
    say(&filter(), ARCHITECTURE, number(call), arguments)
}

#[test]
fn every_number_gets_what_the_lists_say() {
    let filter = filter();
    let listed = |groups: &[calls::Group]| -> BTreeSet<u32> {
        let calls = groups.iter().flat_map(|group| group.calls);
        calls.map(|call| number(*call)).collect()
    };
    let (allowed, refused) = (listed(ALLOWED), listed(REFUSED));
    let checked: BTreeSet<u32> = CHECKED
        .iter()
        .chain(CHECKED_OLD)
        .map(|call| number(call.call))
        .collect();
    for call in (0..1_024).filter(|call| !checked.contains(call)) {
        let wanted = match (allowed.contains(&call), refused.contains(&call)) {
            (true, false) => ALLOW,
            (false, true) => error(libc::EPERM),
            (false, false) => error(libc::ENOSYS),
            (true, true) => panic!("{call} is in both lists"),
        };
        assert_eq!(say(&filter, ARCHITECTURE, call, [0; 6]), wanted, "{call}");
    }
    assert!(allowed.is_disjoint(&checked) && refused.is_disjoint(&checked));
    assert!(filter.len() < 1_000, "{} instructions", filter.len());
}

#[test]
fn no_call_is_listed_twice_and_every_group_has_a_reason() {
    let mut seen = BTreeSet::new();
    for group in ALLOWED.iter().chain(REFUSED) {
        assert!(group.reason.len() > 10);
        for call in group.calls {
            assert!(seen.insert(call), "{call} under {:?}", group.reason);
        }
    }
    assert!(
        CHECKED
            .iter()
            .all(|call| call.reason.len() > 10 && !call.rules.is_empty())
    );
}

#[test]
fn other_architectures_and_guises_are_refused() {
    assert_eq!(
        say(&filter(), 0x4000_0003, number(libc::SYS_read), [0; 6]),
        KILL
    );
    if let Some(first) = GUISE {
        let disguised = first + number(libc::SYS_read);
        assert_eq!(
            say(&filter(), ARCHITECTURE, disguised, [0; 6]),
            error(libc::ENOSYS)
        );
    }
    assert_eq!(
        say(&filter(), ARCHITECTURE, u32::MAX, [0; 6]),
        error(libc::ENOSYS)
    );
}

#[test]
fn arguments_are_looked_at() {
    let refused = error(libc::EPERM);
    let first = |argument| [argument, 0, 0, 0, 0, 0];
    let second = |argument| [0, argument, 0, 0, 0, 0];
    let third = |argument| [0, 0, argument, 0, 0, 0];

    let thread = 0x003d_0f00; // What `pthread_create` asks for.
    assert_eq!(asked(libc::SYS_clone, first(thread)), ALLOW);
    assert_eq!(asked(libc::SYS_clone, first(17)), ALLOW);
    for namespace in [
        0x0002_0000,
        0x0200_0000,
        0x0400_0000,
        0x0800_0000,
        0x1000_0000,
        0x2000_0000,
        0x4000_0000,
    ] {
        assert_eq!(asked(libc::SYS_clone, first(namespace | 17)), refused);
    }
    assert_eq!(asked(libc::SYS_clone3, [0; 6]), error(libc::ENOSYS));

    assert_eq!(asked(libc::SYS_ioctl, second(0x5412)), refused);
    assert_eq!(asked(libc::SYS_ioctl, second(0x541C)), refused);
    assert_eq!(asked(libc::SYS_ioctl, second(0x5401)), ALLOW);

    for family in [1, 2, 10] {
        assert_eq!(asked(libc::SYS_socket, [family, 1, 77, 0, 0, 0]), ALLOW);
    }
    for family in [0, 3, 17, 31, 38, 40, 44] {
        let said = asked(libc::SYS_socket, first(family));
        assert_eq!(said, error(libc::EAFNOSUPPORT), "{family}");
    }
    assert_eq!(asked(libc::SYS_socket, [16, 3, 0, 0, 0, 0]), ALLOW);
    for protocol in [2, 4, 9, 12, 15, 16] {
        assert_eq!(
            asked(libc::SYS_socket, [16, 3, protocol, 0, 0, 0]),
            error(libc::EPROTONOSUPPORT)
        );
    }

    assert_eq!(asked(libc::SYS_mknodat, third(0o010_644)), ALLOW);
    assert_eq!(asked(libc::SYS_mknodat, third(0o020_644)), refused);
    assert_eq!(asked(libc::SYS_mknodat, third(0o060_644)), refused);

    assert_eq!(asked(libc::SYS_personality, first(u32::MAX)), ALLOW);
    assert_eq!(asked(libc::SYS_personality, first(0)), ALLOW);
    assert_eq!(asked(libc::SYS_personality, first(0x0040_0000)), refused);
}
