//! Who waits: by priority, and within a priority the clients in turn, so that one client's flood does not hold the others up.

use crate::request::Priority;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use tokio::sync::oneshot;

#[derive(Debug)]
struct Waiter<T> {
    sender: oneshot::Sender<T>,
    bytes: usize,
}

/// The clients of one priority.
#[derive(Debug)]
struct Line<T> {
    by_client: FxHashMap<String, VecDeque<Waiter<T>>>,
    /// Whose turn it is.
    turns: VecDeque<String>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { by_client: FxHashMap::default(), turns: VecDeque::new() }
    }
}

/// All who wait for one target.
#[derive(Debug)]
pub(super) struct Queue<T> {
    lines: [Line<T>; 3],
    entries: usize,
    /// Entries whose owner left and which were not taken out yet, at the least.
    left: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { lines: Default::default(), entries: 0, left: 0 }
    }
}

impl<T> Queue<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.entries.saturating_sub(self.left)
    }

    /// Whether nobody of this priority or a higher one waits.
    pub fn is_empty_down_to(&self, priority: Priority) -> bool {
        self.lines.iter().take(priority as usize + 1).all(|line| line.turns.is_empty())
    }

    /// Whether anybody of this priority waits.
    pub fn has(&self, priority: Priority) -> bool {
        self.lines.get(priority as usize).is_some_and(|line| !line.turns.is_empty())
    }

    /// Puts one more at the end.
    pub fn push(&mut self, priority: Priority, client: &str, bytes: usize) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let Some(line) = self.lines.get_mut(priority as usize) else { return receiver };
        match line.by_client.get_mut(client) {
            Some(waiters) => waiters.push_back(Waiter { sender, bytes }),
            None => {
                line.by_client.insert(client.to_owned(), VecDeque::from([Waiter { sender, bytes }]));
                line.turns.push_back(client.to_owned());
            }
        }
        self.entries += 1;
        receiver
    }

    /// The next of this priority who still waits, and the bytes of his prompt.
    pub fn pop(&mut self, priority: Priority) -> Option<(oneshot::Sender<T>, usize)> {
        let line = self.lines.get_mut(priority as usize)?;
        loop {
            let client = line.turns.pop_front()?;
            let Some(waiters) = line.by_client.get_mut(&client) else { continue };
            let next = waiters.pop_front();
            if waiters.is_empty() {
                line.by_client.remove(&client);
            } else {
                line.turns.push_back(client);
            }
            let Some(next) = next else { continue };
            self.entries -= 1;
            if next.sender.is_closed() {
                self.left = self.left.saturating_sub(1);
                continue;
            }
            return Some((next.sender, next.bytes));
        }
    }

    /// Somebody left. Entries of those who left are taken out when they become many.
    pub fn sweep(&mut self) {
        self.left += 1;
        if self.left * 2 <= self.entries + 16 {
            return;
        }
        self.entries = 0;
        for line in &mut self.lines {
            for waiters in line.by_client.values_mut() {
                waiters.retain(|waiter| !waiter.sender.is_closed());
                self.entries += waiters.len();
            }
            line.by_client.retain(|_, waiters| !waiters.is_empty());
            let by_client = &line.by_client;
            line.turns.retain(|client| by_client.contains_key(client));
        }
        self.left = 0;
    }
}
