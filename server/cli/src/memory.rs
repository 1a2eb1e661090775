//! The allocator of the program, and that it gives back what it no longer needs. Knows nothing of what the memory is for.

#[cfg(feature = "service")]
pub(crate) use idle::{Usual, begin, collect_before_rest, give_back};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "service")]
mod idle {
    use std::cell::Cell;
    use std::ffi::{c_int, c_long};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    /// How often what is free goes back to the system.
    const PAUSE: Duration = Duration::from_secs(2);

    /// The number of the allocator's option `purge_delay`: after how many milliseconds what is free goes back. It is the same in all its versions since 2.
    const PURGE_DELAY: c_int = 15;

    /// The turns of [`give_back`].
    static TURN: AtomicU32 = AtomicU32::new(1);

    thread_local! {
        /// The last turn in which this thread gave back what is its own.
        static DONE: Cell<u32> = const { Cell::new(0) };
    }

    #[allow(unsafe_code, reason = "the crate of the allocator has no names for them")]
    mod ffi {
        use std::ffi::{c_int, c_long};

        unsafe extern "C" {
            // Safe, all three: they take no pointer, may be called at any time by any thread, and leave alone what is in use.
            pub(super) safe fn mi_collect(force: bool);
            pub(super) safe fn mi_option_get(option: c_int) -> c_long;
            pub(super) safe fn mi_option_set(option: c_int, value: c_long);
        }
    }

    /// What is to be given to [`give_back`]: until then what is freed goes back at once. What a start needs for a moment is many times what stays of it, and
    /// lies between what stays.
    pub(crate) fn begin() -> Usual {
        let usual = ffi::mi_option_get(PURGE_DELAY);
        ffi::mi_option_set(PURGE_DELAY, 0);
        Usual(usual)
    }

    /// How long the allocator waits with what is free.
    pub(crate) struct Usual(c_long);

    /// Gives back whole parts that were freed, again and again, without an end. The allocator does so by itself only while it is asked for memory, so that a
    /// service that has nothing to do would keep what it had once.
    pub(crate) async fn give_back(usual: Usual) {
        tokio::time::sleep(PAUSE).await;
        ffi::mi_option_set(PURGE_DELAY, usual.0);
        loop {
            TURN.fetch_add(1, Ordering::Relaxed);
            ffi::mi_collect(true);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Gives back what is this thread's own, once a turn: each thread has to do that for itself. For threads that have nothing to do for the moment.
    pub(crate) fn collect_before_rest() {
        let turn = TURN.load(Ordering::Relaxed);
        if DONE.replace(turn) != turn {
            ffi::mi_collect(false);
        }
    }
}
