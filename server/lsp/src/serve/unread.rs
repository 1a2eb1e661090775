//! What was said to the client and is not written yet: how much that is, and what follows from it.
//!
//! Where it is much, nothing new is begun until some of it is written, so a client that reads slowly is served slowly. What was begun before is answered
//! still; a client for whom even that gathers reads too little, and is left. Nothing is kept for it without bound.

use engine::queue::ROOM;
use tokio::sync::watch;

/// Above so many bytes nothing new is begun: as much as may wait in the other direction.
const MUCH: usize = ROOM as usize;
/// Above so many the client is left. Editors ask for less than that at one time by far.
const TOO_MUCH: usize = 4 * MUCH;
/// What a message takes besides its bytes.
const EACH: usize = 256;

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    /// The client says nothing more, so that there is nothing to be begun.
    is_last: bool,
    is_too_much: bool,
}

/// What is not written yet.
#[derive(Debug)]
pub(super) struct Unread {
    state: watch::Sender<State>,
}

/// What a message counts as. One that is larger than all that may wait counts as all of it: it goes through, and others may stand beside it.
fn weight(bytes: usize) -> usize {
    bytes.saturating_add(EACH).min(MUCH)
}

impl Unread {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }

    /// A message of so many bytes is to wait; whether it may.
    pub(super) fn add(&self, bytes: usize) -> bool {
        let mut may_wait = false;
        self.state.send_if_modified(|state| {
            may_wait = state.bytes <= TOO_MUCH;
            if may_wait {
                state.bytes += weight(bytes);
                return false;
            }
            !std::mem::replace(&mut state.is_too_much, true)
        });
        may_wait
    }

    /// A message of so many bytes was written.
    pub(super) fn written(&self, bytes: usize) {
        self.state.send_if_modified(|state| {
            let was_much = state.bytes > MUCH;
            state.bytes = state.bytes.saturating_sub(weight(bytes));
            was_much && state.bytes <= MUCH
        });
    }

    /// The client said its last word. What it asked before is not held up by what it does not read.
    pub(super) fn hears_no_more(&self) {
        self.state.send_modify(|state| state.is_last = true);
    }

    /// Whether nothing new is begun for what waits.
    pub(super) fn is_much(&self) -> bool {
        self.state.borrow().bytes > MUCH
    }

    /// The client is left, whatever waits.
    pub(super) fn leave(&self) {
        self.state.send_modify(|state| state.is_too_much = true);
    }

    /// Waits until something new may be begun.
    pub(super) async fn room(&self) {
        let may_begin = |state: &State| state.bytes <= MUCH || state.is_last || state.is_too_much;
        // The sender lives as long as this.
        let _ = self.state.subscribe().wait_for(may_begin).await;
    }

    /// Waits until it is too much.
    pub(super) async fn too_much(&self) {
        let _ = self.state.subscribe().wait_for(|state| state.is_too_much).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn may_begin(unread: &Unread) -> bool {
        unread.room().now_or_never().is_some()
    }

    fn is_too_much(unread: &Unread) -> bool {
        unread.too_much().now_or_never().is_some()
    }

    #[test]
    fn much_holds_up_what_is_new_and_too_much_ends_it() {
        let unread = Unread::new();
        let bytes = (1 << 20) - EACH;
        for _ in 0..16 {
            assert!(unread.add(bytes) && may_begin(&unread));
        }
        for _ in 16..65 {
            assert!(unread.add(bytes) && !may_begin(&unread) && !is_too_much(&unread));
        }
        assert!(!unread.add(0) && is_too_much(&unread));
        assert!(may_begin(&unread), "nobody waits for what does not come");
    }

    #[test]
    fn what_is_written_makes_room() {
        let unread = Unread::new();
        for _ in 0..1000 {
            assert!(unread.add(30 << 10));
        }
        assert!(!may_begin(&unread));
        let mut left = 1000;
        while !may_begin(&unread) {
            unread.written(30 << 10);
            left -= 1;
        }
        assert_eq!(left, MUCH / ((30 << 10) + EACH));
    }

    #[test]
    fn small_messages_count_too() {
        let unread = Unread::new();
        let mut count = 0;
        while unread.add(0) {
            count += 1;
        }
        assert_eq!(count, TOO_MUCH / EACH + 1);
    }

    #[test]
    fn a_message_that_is_larger_than_all_of_it_goes_through_with_others_beside_it() {
        let unread = Unread::new();
        assert!(unread.add(10 * TOO_MUCH));
        assert!(may_begin(&unread) && unread.add(100) && !may_begin(&unread) && !is_too_much(&unread));
        unread.written(10 * TOO_MUCH);
        assert!(may_begin(&unread));
        unread.written(100);
        assert_eq!(unread.state.borrow().bytes, 0);
    }

    #[test]
    fn the_last_words_of_a_client_are_not_held_up() {
        let unread = Unread::new();
        while may_begin(&unread) {
            assert!(unread.add(1 << 20));
        }
        unread.hears_no_more();
        assert!(may_begin(&unread));
    }
}
