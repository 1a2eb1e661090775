//! Who is next: classes in their order, clients of a class in turn, tasks of a client as they came. It runs nothing.

use super::{Class, Ticket, Work};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// A task that waits.
pub(super) struct Waiting {
    pub ticket: Ticket,
    pub work: Work,
    pub since: Instant,
}

/// The tasks of one class: each client's own line, the client that is next in front. No line is empty.
#[derive(Default)]
struct Lines {
    lines: VecDeque<(Arc<str>, VecDeque<Waiting>)>,
    len: usize,
}

/// All tasks that wait.
#[derive(Default)]
pub(super) struct Queue {
    interactive: Lines,
    background: Lines,
    bulk: Lines,
}

impl Queue {
    pub fn push(&mut self, waiting: Waiting) {
        let client = waiting.ticket.spec.client.clone();
        let lines = self.lines(waiting.ticket.spec.class);
        lines.len += 1;
        match lines.lines.iter_mut().find(|(known, _)| *known == client) {
            Some((_, line)) => line.push_back(waiting),
            None => lines.lines.push_back((client, VecDeque::from([waiting]))),
        }
    }

    /// The next task; only an interactive one unless `unhurried` ones may run as well.
    pub fn pop(&mut self, unhurried: bool) -> Option<Waiting> {
        let interactive = self.interactive.pop();
        if interactive.is_some() || !unhurried {
            return interactive;
        }
        self.background.pop().or_else(|| self.bulk.pop())
    }

    /// Takes out the first task that answers the description.
    pub fn remove(&mut self, is_it: impl Fn(&Ticket) -> bool) -> Option<Waiting> {
        [&mut self.interactive, &mut self.background, &mut self.bulk].into_iter().find_map(|lines| lines.remove(&is_it))
    }

    /// Takes out all tasks.
    pub fn drain(&mut self) -> Vec<Waiting> {
        std::iter::from_fn(|| self.pop(true)).collect()
    }

    pub fn len(&self, class: Class) -> usize {
        match class {
            Class::Interactive => self.interactive.len,
            Class::Background => self.background.len,
            Class::Bulk => self.bulk.len,
        }
    }

    /// How many wait in all.
    pub fn total(&self) -> usize {
        self.interactive.len + self.background.len + self.bulk.len
    }

    fn lines(&mut self, class: Class) -> &mut Lines {
        match class {
            Class::Interactive => &mut self.interactive,
            Class::Background => &mut self.background,
            Class::Bulk => &mut self.bulk,
        }
    }
}

impl Lines {
    fn pop(&mut self) -> Option<Waiting> {
        let (client, mut line) = self.lines.pop_front()?;
        let waiting = line.pop_front()?;
        self.len -= 1;
        if !line.is_empty() {
            self.lines.push_back((client, line));
        }
        Some(waiting)
    }

    fn remove(&mut self, is_it: &impl Fn(&Ticket) -> bool) -> Option<Waiting> {
        for number in 0..self.lines.len() {
            let (_, line) = self.lines.get_mut(number)?;
            let Some(place) = line.iter().position(|waiting| is_it(&waiting.ticket)) else { continue };
            let waiting = line.remove(place)?;
            self.len -= 1;
            if line.is_empty() {
                self.lines.remove(number);
            }
            return Some(waiting);
        }
        None
    }
}
