//! The library as an addon: the stable part of the interpreter's C interface, by hand. Every symbol here is the
//! interpreter's own, and is found when it loads this; one that lacks any of them refuses to.

use core::ffi::{c_char, c_int, c_void};

use crate::empty;
use crate::fork::{self, fulmar_pair, fulmar_serve, fulmar_told};
use crate::pool;
use crate::rehearsal::{fulmar_learn, fulmar_rehearse};

pub type Env = *mut c_void;
pub type Value = *mut c_void;
type Callback = unsafe extern "C" fn(Env, *mut c_void) -> Value;

unsafe extern "C" {
    fn napi_create_function(
        env: Env,
        name: *const c_char,
        length: usize,
        callback: Callback,
        data: *mut c_void,
        result: *mut Value,
    ) -> c_int;
    fn napi_set_named_property(env: Env, object: Value, name: *const c_char, value: Value) -> c_int;
    fn napi_get_cb_info(
        env: Env,
        info: *mut c_void,
        count: *mut usize,
        values: *mut Value,
        this: *mut Value,
        data: *mut *mut c_void,
    ) -> c_int;
    fn napi_create_string_utf8(env: Env, text: *const u8, length: usize, result: *mut Value) -> c_int;
    fn napi_create_int32(env: Env, number: i32, result: *mut Value) -> c_int;
    fn napi_get_value_int32(env: Env, value: Value, result: *mut i32) -> c_int;
    fn napi_get_uv_event_loop(env: Env, event_loop: *mut *mut c_void) -> c_int;
    fn napi_throw_error(env: Env, code: *const c_char, message: *const c_char) -> c_int;
    fn uv_loop_fork(event_loop: *mut c_void) -> c_int;
    fn RAND_add(bytes: *const c_void, count: c_int, entropy: f64);
    fn RAND_poll() -> c_int;
}

/// What a child is told.
const ROOM: usize = 192 << 10;
static mut TOLD: [u8; ROOM] = [0; ROOM];

const AUTO_LENGTH: usize = usize::MAX;

/// # Safety
/// For the interpreter, when it loads this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(env: Env, exports: Value) -> Value {
    // SAFETY: nothing of a program's runs before this is there, and the interpreter's helper threads are idle.
    unsafe {
        if !pool::has_no_threads() {
            let why = c"its engine cannot be told that there are no helper threads";
            napi_throw_error(env, core::ptr::null(), why.as_ptr());
            return exports;
        }
    }
    let functions: [(&[u8], Callback); 9] = [
        (b"serve\0", serve),
        (b"told\0", told),
        (b"rehearse\0", rehearse),
        (b"learn\0", learn),
        (b"pair\0", pair),
        (b"pid\0", pid),
        (b"leave\0", leave),
        (b"whenEmpty\0", when_empty),
        (b"requests\0", requests),
    ];
    for (name, callback) in functions {
        let mut function = core::ptr::null_mut();
        // SAFETY: the environment is that of the caller, and the names end in a zero.
        unsafe {
            let name = name.as_ptr().cast();
            napi_create_function(env, name, AUTO_LENGTH, callback, core::ptr::null_mut(), &raw mut function);
            napi_set_named_property(env, exports, name, function);
        }
    }
    exports
}

/// Waits on a socket to be forked. Returns in a child.
unsafe extern "C" fn serve(env: Env, info: *mut c_void) -> Value {
    // SAFETY: as the interpreter calls it.
    let control = unsafe { number(env, info) };
    // The interpreter marks its heap as not for children.
    fork::share_all_with_children();
    // SAFETY: this process has one thread that runs, before and after.
    unsafe {
        fulmar_serve(control);
        freshen(env);
    }
    core::ptr::null_mut()
}

/// In a child: waits until it is told what it is for, and returns that.
unsafe extern "C" fn told(env: Env, _: *mut c_void) -> Value {
    let mut result = core::ptr::null_mut();
    // SAFETY: the room is as large as is said and stays, and this process has one thread that runs.
    unsafe {
        let length = fulmar_told((&raw mut TOLD).cast(), ROOM);
        napi_create_string_utf8(env, (&raw const TOLD).cast(), length as usize, &raw mut result);
    }
    result
}

/// Forks the rehearsal: zero in it, and another number in the template, when it is over.
unsafe extern "C" fn rehearse(env: Env, _: *mut c_void) -> Value {
    fork::share_all_with_children();
    // SAFETY: this process has one thread that runs, before and after.
    unsafe {
        let is_over = fulmar_rehearse();
        if is_over == 0 {
            freshen(env);
        }
        whole(env, is_over)
    }
}

/// Ends the rehearsal.
unsafe extern "C" fn learn(_: Env, _: *mut c_void) -> Value {
    // SAFETY: this process has one thread that runs.
    unsafe { fulmar_learn() }
}

/// What the interpreter's libraries must have anew in a child.
///
/// # Safety
/// This is the one thread that there is, in a process that came of a fork.
unsafe fn freshen(env: Env) {
    let mut event_loop = core::ptr::null_mut();
    let mut fresh = [0_u8; 48];
    fork::chance(&mut fresh);
    // SAFETY: the caller vouches for the process; the bytes outlive the call.
    unsafe {
        if napi_get_uv_event_loop(env, &raw mut event_loop) != 0 || uv_loop_fork(event_loop) != 0 {
            fork::leave(1);
        }
        RAND_poll();
        RAND_add(fresh.as_ptr().cast(), 48, 48.0);
    }
}

/// Two connected sockets, as one number: the second's is one more, or it is none.
unsafe extern "C" fn pair(env: Env, _: *mut c_void) -> Value {
    // SAFETY: the environment is that of the caller.
    unsafe { whole(env, fulmar_pair()) }
}

unsafe extern "C" fn pid(env: Env, _: *mut c_void) -> Value {
    // SAFETY: the environment is that of the caller.
    unsafe { whole(env, fork::pid()) }
}

/// Ends the process at once: what the interpreter would wait for at its end is not there after a fork.
unsafe extern "C" fn leave(env: Env, info: *mut c_void) -> Value {
    // SAFETY: as the interpreter calls it.
    fork::leave(unsafe { number(env, info) })
}

/// Has a function told when the event loop would end, in a child. A child that cannot have that ends: another way to start
/// an instance is found.
unsafe extern "C" fn when_empty(env: Env, info: *mut c_void) -> Value {
    // SAFETY: as the interpreter calls it, in a process that came of a fork.
    unsafe {
        if !empty::watch(env, first(env, info)) {
            fork::leave(1);
        }
    }
    core::ptr::null_mut()
}

/// How many requests the event loop waits for: files that are read, names that are looked up, work of the pool of threads.
unsafe extern "C" fn requests(env: Env, _: *mut c_void) -> Value {
    let mut event_loop = core::ptr::null_mut();
    // SAFETY: the environment is that of the caller; a loop begins with what `Loop` says.
    unsafe {
        let count = match napi_get_uv_event_loop(env, &raw mut event_loop) {
            0 => (*event_loop.cast::<Loop>()).requests,
            _ => 0,
        };
        whole(env, count as i32)
    }
}

/// The public part of libuv's `uv_loop_t`, which is the same in all of its first major version.
#[repr(C)]
struct Loop {
    data: *mut c_void,
    handles: u32,
    queue: [*mut c_void; 2],
    requests: u32,
}

unsafe fn number(env: Env, info: *mut c_void) -> i32 {
    let mut number = 0;
    // SAFETY: the environment and the call are those of the caller.
    unsafe { napi_get_value_int32(env, first(env, info), &raw mut number) };
    number
}

/// The first of what a function is given.
unsafe fn first(env: Env, info: *mut c_void) -> Value {
    let (mut count, mut value) = (1, core::ptr::null_mut());
    let none = core::ptr::null_mut();
    // SAFETY: the environment and the call are those of the caller.
    unsafe { napi_get_cb_info(env, info, &raw mut count, &raw mut value, none, core::ptr::null_mut()) };
    value
}

unsafe fn whole(env: Env, number: i32) -> Value {
    let mut result = core::ptr::null_mut();
    // SAFETY: the environment is that of the caller.
    unsafe { napi_create_int32(env, number, &raw mut result) };
    result
}
