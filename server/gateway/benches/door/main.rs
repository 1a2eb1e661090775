//! What the door for OpenAI's format is measured with, each part a process of its own: a model that answers at once (`upstream`), a plain proxy
//! that parses and writes anew the JSON of both directions and does nothing else (`proxy`), and a load (`load`). `tests/measure_service.py`
//! starts them.

// A measurement talks to whoever runs it, and may fail.
#![allow(clippy::expect_used, clippy::print_stdout)]

mod load;
mod proxy;
mod upstream;

/// The allocator of the service, so that the proxy is not measured with a slower one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // As many threads as the service has.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.as_slice() {
        ["upstream"] => runtime.block_on(upstream::serve()),
        ["proxy", upstream] => runtime.block_on(proxy::serve(upstream)),
        ["load", rest @ ..] => {
            // One thread is enough for it, and leaves the others to what is measured.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            println!("{}", runtime.block_on(load::run(&load::Plan::of(rest))));
        }
        _ => println!(
            "door upstream | door proxy http://HOST:PORT | door load NAME=VALUE…; tests/measure_service.py runs it"
        ),
    }
}

/// Nanoseconds of a clock that all processes of this machine share.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A port of this machine, told to whoever started this.
async fn listener() -> tokio::net::TcpListener {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("http://{}", listener.local_addr().expect("an address"));
    listener
}
