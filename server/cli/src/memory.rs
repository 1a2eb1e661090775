//! The allocator of the program, and that it gives back what it no longer needs. Knows nothing of what the memory is for.

#[cfg(feature = "service")]
pub(crate) use idle::give_back;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "service")]
mod idle {
    use std::time::Duration;

    /// How often what is free goes back to the system.
    const PAUSE: Duration = Duration::from_secs(2);

    #[allow(unsafe_code, reason = "the crate of the allocator has no name for it")]
    mod ffi {
        unsafe extern "C" {
            // Safe: it takes no pointer, may be called at any time by any thread, and leaves alone what is in use.
            pub(super) safe fn mi_collect(force: bool);
        }
    }

    /// Gives back whole parts that were freed, by whichever thread, again and again, without an end. The allocator does so by itself only while it is asked
    /// for memory, so that a service that has nothing to do would keep what its start took.
    pub(crate) async fn give_back() {
        loop {
            tokio::time::sleep(PAUSE).await;
            ffi::mi_collect(true);
        }
    }
}
