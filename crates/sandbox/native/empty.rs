//! When a child has nothing left to wait for.
//!
//! When its event loop has ended the interpreter ends, and waits for its helper threads to end. After a fork there are
//! none: it would wait for ever. So the loop of a child does not end. A handle of ours holds it, and asks before each wait
//! whether anything else does, or has just come: what the engine has done is told to the loop, and does not hold it.

use core::ffi::{c_int, c_void};

use crate::node::{Env, Value};
use crate::rehearsal::has_something;

unsafe extern "C" {
    fn napi_create_reference(env: Env, value: Value, count: u32, result: *mut *mut c_void) -> c_int;
    fn napi_get_reference_value(env: Env, reference: *mut c_void, result: *mut Value) -> c_int;
    fn napi_open_handle_scope(env: Env, result: *mut *mut c_void) -> c_int;
    fn napi_close_handle_scope(env: Env, scope: *mut c_void) -> c_int;
    fn napi_get_global(env: Env, result: *mut Value) -> c_int;
    fn napi_get_boolean(env: Env, value: bool, result: *mut Value) -> c_int;
    fn napi_make_callback(
        env: Env,
        context: *mut c_void,
        receiver: Value,
        function: Value,
        count: usize,
        values: *const Value,
        result: *mut Value,
    ) -> c_int;
    fn napi_get_and_clear_last_exception(env: Env, result: *mut Value) -> c_int;
    fn napi_fatal_exception(env: Env, error: Value) -> c_int;
    fn napi_get_uv_event_loop(env: Env, event_loop: *mut *mut c_void) -> c_int;
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_prepare_init(event_loop: *mut c_void, handle: *mut c_void) -> c_int;
    fn uv_prepare_start(handle: *mut c_void, callback: unsafe extern "C" fn(*mut c_void)) -> c_int;
    fn uv_ref(handle: *mut c_void);
    fn uv_unref(handle: *mut c_void);
    fn uv_loop_alive(event_loop: *const c_void) -> c_int;
    fn uv_backend_fd(event_loop: *const c_void) -> c_int;
}

/// What the interpreter's library calls a handle that is asked before each wait.
const UV_PREPARE: c_int = 9;
const PENDING_EXCEPTION: c_int = 10;
const ROOM: usize = 512;

/// The handle has its place in it, and must stay where it is.
#[repr(align(16))]
struct Place([u8; ROOM]);

static mut HANDLE: Place = Place([0; ROOM]);
static mut WATCH: Watch = Watch {
    env: core::ptr::null_mut(),
    event_loop: core::ptr::null_mut(),
    told: core::ptr::null_mut(),
};

#[derive(Clone, Copy)]
struct Watch {
    env: Env,
    event_loop: *mut c_void,
    /// A reference to the function that is told.
    told: *mut c_void,
}

/// From here on the loop does not end: a function is told `false` when nothing holds it any more, and `true` if that has
/// changed nothing. False where that cannot be.
///
/// # Safety
/// This is the one thread that there is, in a process that came of a fork, and it is called once there.
pub unsafe fn watch(env: Env, function: Value) -> bool {
    let mut watch = Watch {
        env,
        event_loop: core::ptr::null_mut(),
        told: core::ptr::null_mut(),
    };
    let handle = (&raw mut HANDLE).cast();
    // SAFETY: the environment is that of the caller; the handle has room, and stays.
    unsafe {
        if uv_handle_size(UV_PREPARE) > ROOM
            || napi_create_reference(env, function, 1, &raw mut watch.told) != 0
            || napi_get_uv_event_loop(env, &raw mut watch.event_loop) != 0
            || uv_prepare_init(watch.event_loop, handle) != 0
        {
            return false;
        }
        WATCH = watch;
        uv_prepare_start(handle, before_waiting) == 0
    }
}

unsafe extern "C" fn before_waiting(handle: *mut c_void) {
    // SAFETY: it was set before the handle was started, and this is the thread that did.
    unsafe {
        let watch = WATCH;
        for again in [false, true] {
            if is_held_by_another(watch, handle) || has_something(uv_backend_fd(watch.event_loop), 0) {
                return;
            }
            tell(watch, again);
        }
    }
}

unsafe fn is_held_by_another(watch: Watch, handle: *mut c_void) -> bool {
    // SAFETY: the caller vouches for both.
    unsafe {
        uv_unref(handle);
        let is = uv_loop_alive(watch.event_loop) != 0;
        uv_ref(handle);
        is
    }
}

unsafe fn tell(Watch { env, told, .. }: Watch, again: bool) {
    let none = core::ptr::null_mut;
    let (mut scope, mut global, mut function, mut value, mut result) = (none(), none(), none(), none(), none());
    // SAFETY: the environment is the one that the reference is of; what is made here ends with the scope.
    unsafe {
        if napi_open_handle_scope(env, &raw mut scope) != 0 {
            return;
        }
        napi_get_global(env, &raw mut global);
        napi_get_reference_value(env, told, &raw mut function);
        napi_get_boolean(env, again, &raw mut value);
        let said = napi_make_callback(env, none(), global, function, 1, &raw const value, &raw mut result);
        if said == PENDING_EXCEPTION && napi_get_and_clear_last_exception(env, &raw mut result) == 0 {
            napi_fatal_exception(env, result);
        }
        napi_close_handle_scope(env, scope);
    }
}
