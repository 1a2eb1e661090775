//! Queues between the two halves of a door, bounded by the bytes of what waits in them: a thousand cancels are nothing, and sixty documents may be half
//! a gigabyte.
//!
//! What finds no room waits, and is never dropped: a change that is lost breaks a document. A message that is larger than the whole room waits until
//! nothing else does, and goes through.

use std::sync::Arc;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// What may wait between a client and its language server, in each direction.
pub const ROOM: u32 = 16 << 20;
/// What a message takes besides its bytes, so that small ones without number are bounded too.
const EACH: usize = 256;

/// Something that waits.
pub trait Weigh {
    /// The bytes that it takes.
    fn bytes(&self) -> usize;
}

impl Weigh for String {
    fn bytes(&self) -> usize {
        self.len()
    }
}

/// Nobody takes messages any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("nobody takes messages any more")]
pub struct Gone;

/// Room for one message, which nobody else gets.
#[derive(Debug)]
pub struct Room {
    _permit: OwnedSemaphorePermit,
}

/// The end of a queue that messages are put into.
#[derive(Debug)]
pub struct Sender<T> {
    queue: mpsc::UnboundedSender<(T, Room)>,
    left: Arc<Semaphore>,
    room: u32,
}

/// The end of a queue that messages are taken from.
#[derive(Debug)]
pub struct Receiver<T> {
    queue: mpsc::UnboundedReceiver<(T, Room)>,
}

/// A queue in which messages of so many bytes may wait.
pub fn queue<T>(room: u32) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let left = Arc::new(Semaphore::new(usize::try_from(room).unwrap_or(usize::MAX)));
    (Sender { queue: sender, left, room }, Receiver { queue: receiver })
}

impl<T> Sender<T> {
    /// Waits for room for so many bytes. Dropping it loses nothing but the place in the line.
    ///
    /// # Errors
    /// If nobody takes messages any more.
    pub async fn room(&self, bytes: usize) -> Result<Room, Gone> {
        // What is larger than all of it takes all of it.
        let wanted = u32::try_from(bytes.saturating_add(EACH)).unwrap_or(u32::MAX).min(self.room);
        let room = tokio::select! {
            biased;
            // What waits goes with the other end, but for what is being put there at that very moment.
            () = self.queue.closed() => return Err(Gone),
            room = self.left.clone().acquire_many_owned(wanted) => room.map_err(|_| Gone)?,
        };
        if self.queue.is_closed() { Err(Gone) } else { Ok(Room { _permit: room }) }
    }

    /// Puts a message into the room that was waited for.
    ///
    /// # Errors
    /// If nobody takes messages any more.
    pub fn put(&self, room: Room, message: T) -> Result<(), Gone> {
        self.queue.send((message, room)).map_err(|_| Gone)
    }
}

impl<T: Weigh> Sender<T> {
    /// Waits for room for a message, and puts it there.
    ///
    /// # Errors
    /// If nobody takes messages any more.
    pub async fn send(&self, message: T) -> Result<(), Gone> {
        let room = self.room(message.bytes()).await?;
        self.put(room, message)
    }
}

impl<T> Receiver<T> {
    /// The next message, whose room is free from then on; `None` where there is none and no more can come. Dropping it loses nothing.
    pub async fn recv(&mut self) -> Option<T> {
        let (message, room) = self.queue.recv().await?;
        drop(room);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn waits<T>(future: impl Future<Output = T>) -> bool {
        tokio::time::timeout(Duration::from_millis(100), future).await.is_err()
    }

    #[tokio::test]
    async fn what_finds_no_room_waits_and_comes_in_its_order() {
        let (sender, mut receiver) = queue(3 * 1024);
        let text = |letter: char| letter.to_string().repeat(1024);
        for letter in ['a', 'b'] {
            sender.send(text(letter)).await.unwrap();
        }
        assert!(waits(sender.send(text('c'))).await, "there is room for two of them");
        let sending = tokio::spawn(async move {
            sender.send("c".repeat(1024)).await.unwrap();
            sender
        });
        assert_eq!(receiver.recv().await, Some(text('a')));
        let sender = sending.await.unwrap();
        for letter in ['b', 'c'] {
            assert_eq!(receiver.recv().await, Some(text(letter)));
        }
        drop(sender);
        assert_eq!(receiver.recv().await, None);
    }

    #[tokio::test]
    async fn small_ones_have_a_bound_too() {
        let (sender, _receiver) = queue(10 * 1024);
        let mut sent = 0;
        while !waits(sender.send(String::new())).await {
            sent += 1;
        }
        assert_eq!(sent, 10 * 1024 / EACH);
    }

    #[tokio::test]
    async fn one_that_is_larger_than_the_room_goes_through_alone() {
        let (sender, mut receiver) = queue(1024);
        sender.send("x".repeat(5000)).await.unwrap();
        assert!(waits(sender.send("y".to_owned())).await, "nothing fits beside it");
        assert_eq!(receiver.recv().await.unwrap().len(), 5000);
        sender.send("y".to_owned()).await.unwrap();
        assert!(waits(sender.send("x".repeat(5000))).await, "it waits until nothing else does");
        assert_eq!(receiver.recv().await.unwrap(), "y");
        sender.send("x".repeat(5000)).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_for_nobody_hears_so() {
        let (sender, receiver) = queue(1024);
        sender.send("x".repeat(5000)).await.unwrap();
        let waiting = tokio::spawn(async move { (sender.send("y".to_owned()).await, sender) });
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(receiver);
        let (sent, sender) = waiting.await.unwrap();
        assert_eq!((sent, sender.send("z".to_owned()).await), (Err(Gone), Err(Gone)));
    }
}
