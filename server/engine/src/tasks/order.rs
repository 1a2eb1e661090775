//! Many items on many threads, with the results in the order of the items. Nothing outlives the call.

use super::{STACK, lock, panic_message};
use rustc_hash::FxHashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Condvar, Mutex, PoisonError};

/// Runs `work` over `items` on `threads` threads and hands each result to `take` in the order of the items, on the calling thread.
///
/// At most a window of results is ahead of the slowest item, so that memory stays bounded. A panic in `work` is turned into `failed`.
pub fn in_order<I: Sync, R: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&I) -> R + Sync,
    failed: impl Fn(&I, String) -> R + Sync,
    mut take: impl FnMut(usize, R),
) {
    const WINDOW: usize = 256;
    let guarded = |item: &I| match std::panic::catch_unwind(AssertUnwindSafe(|| work(item))) {
        Ok(result) => result,
        Err(panic) => failed(item, panic_message(&*panic)),
    };
    struct Line<R> {
        next: usize,
        taken: usize,
        done: FxHashMap<usize, R>,
    }
    let line = Mutex::new(Line { next: 0, taken: 0, done: FxHashMap::default() });
    let (ready, room) = (Condvar::new(), Condvar::new());
    let serve = || {
        let mut state = lock(&line);
        loop {
            while state.next < items.len() && state.next >= state.taken + WINDOW {
                state = room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let number = state.next;
            let Some(item) = items.get(number) else { return };
            state.next += 1;
            drop(state);
            let result = guarded(item);
            state = lock(&line);
            state.done.insert(number, result);
            if state.taken == number {
                ready.notify_one();
            }
        }
    };
    std::thread::scope(|scope| {
        let wanted = threads.clamp(1, items.len().max(1));
        let spawn = |number: usize| {
            std::thread::Builder::new()
                .name(format!("batch-{number}"))
                .stack_size(STACK)
                .spawn_scoped(scope, serve)
                .is_ok()
        };
        if !(0..wanted).map(spawn).fold(false, |any, started| any | started) {
            // Without a single thread to be had, the calling one does the work.
            items.iter().enumerate().for_each(|(number, item)| take(number, guarded(item)));
            return;
        }
        for number in 0..items.len() {
            let mut state = lock(&line);
            let result = loop {
                match state.done.remove(&number) {
                    Some(result) => break result,
                    None => state = ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            state.taken = number + 1;
            drop(state);
            room.notify_all();
            take(number, result);
        }
    });
}
