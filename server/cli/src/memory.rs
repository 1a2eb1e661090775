//! The allocator of the program, and that it gives back what it no longer needs, also of its own code. Knows nothing of what the memory is for.

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
        #[cfg(target_os = "linux")]
        super::code::let_go();
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

#[cfg(all(feature = "service", target_os = "linux"))]
mod code {
    use rustix::mm::{Advice, madvise};
    use std::ops::Range;

    /// Lets go of the program's code, once: half of what a start reads of it is needed for the start alone. What is needed again comes back by itself, out
    /// of what the system keeps of the program's file; breakpoints that were set in it by then do not.
    pub(super) fn let_go() {
        let Some(place) = own() else { return };
        // SAFETY: the place is the whole of a private mapping of the program's file, which is read and executed and was never written: code that may lie
        // anywhere has nothing in it that the loader changes. So what comes back is what was there, and a thread that is in it waits for that moment.
        #[allow(unsafe_code, reason = "to the compiler, memory that is let go of may be any")]
        let let_go = unsafe { madvise(place.start as *mut _, place.len(), Advice::LinuxDontNeed) };
        if let Err(error) = let_go {
            tracing::debug!(%error, "The code of the start stays in memory.");
        }
    }

    /// Where this very code is, with all of its mapping; nothing where that is not of the program's file, as in a program that unpacks itself.
    fn own() -> Option<Range<usize>> {
        let here = own as *const () as usize;
        // Both say it where the file was taken away meanwhile.
        let program = std::fs::read_link("/proc/self/exe").ok()?;
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        maps.lines().filter_map(|line| place(line, program.to_str()?)).find(|place| place.contains(&here))
    }

    /// The place in a line of `/proc/self/maps` (proc_pid_maps(5)), if that is a private one of this file, and read and executed only.
    fn place(line: &str, file: &str) -> Option<Range<usize>> {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let is_code = rest.starts_with("r-xp ") && rest.strip_suffix(file).is_some_and(|rest| rest.ends_with(' '));
        is_code.then_some(address(start)?..address(end)?)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Kilobytes of this program's code that are in memory.
        fn resident() -> u64 {
            let (own, smaps) = (own().unwrap(), std::fs::read_to_string("/proc/self/smaps").unwrap());
            let start = format!("{:x}-{:x} ", own.start, own.end);
            let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&start));
            lines.find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap()
        }

        #[test]
        fn code_is_let_go_of_and_comes_back() {
            let place = own().unwrap();
            // SAFETY: reading all of it changes nothing.
            #[allow(unsafe_code, reason = "to the compiler, memory that is advised on may be any")]
            unsafe { madvise(place.start as *mut _, place.len(), Advice::LinuxPopulateRead) }.unwrap();
            let before = resident();
            let_go();
            let after = resident();
            assert!(after * 2 < before, "{before} kB before, {after} kB after");
            assert!((1..100).map(|number| number.to_string().len()).sum::<usize>() == 189, "it still runs");
        }

        #[test]
        fn only_code_that_nobody_writes_is_let_go_of() {
            let file = "/usr/bin/code-agent (deleted)";
            let line = |rights: &str, file: &str| {
                format!("55d0ae54a000-55d0b006f000 {rights} 0100d000 fe:00 10570734  {file}")
            };
            assert_eq!(place(&line("r-xp", file), file), Some(0x55d0_ae54_a000..0x55d0_b006_f000));
            for rights in ["r--p", "rw-p", "rwxp", "r-xs", "---p"] {
                assert_eq!(place(&line(rights, file), file), None, "{rights}");
            }
            // Code that was unpacked into memory, or moved there, is in no file.
            for other in ["", "[anon]", "/usr/bin/code-agent", "/opt/usr/bin/code-agent (deleted)"] {
                assert_eq!(place(&line("r-xp", other), file), None, "{other}");
            }
            assert_eq!(
                (place("", file), place("x", file), place(&format!("1-g r-xp {file}"), file)),
                (None, None, None)
            );
        }
    }
}
