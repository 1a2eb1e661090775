//! What the orchestrator promises.

use super::*;
use std::sync::mpsc;

fn orchestrator(threads: usize, limit: usize) -> TaskOrchestrator {
    TaskOrchestrator::new(threads, limit, Arc::new(MetricsCollector::default()))
}

fn spec(class: Class, client: &str) -> TaskSpec {
    TaskSpec { name: "test", class, client: client.into(), key: None, deadline: None, correlation: 0 }
}

fn keyed(key: &str) -> TaskSpec {
    TaskSpec { key: Some(key.into()), ..spec(Class::Interactive, "a") }
}

/// Holds a thread until the sender is dropped.
fn occupy(tasks: &TaskOrchestrator, class: Class) -> (mpsc::Sender<()>, TaskHandle<()>) {
    let (release, wait) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel();
    let handle = tasks
        .submit(spec(class, "occupier"), move |_| {
            started.send(()).ok();
            wait.recv().ok();
        })
        .unwrap();
    running.recv().unwrap();
    (release, handle)
}

fn spin_until(mut condition: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(10), "it never came true");
        std::thread::sleep(Duration::from_millis(1));
    }
    began.elapsed()
}

#[tokio::test]
async fn a_task_gives_its_result() {
    let tasks = orchestrator(2, 8);
    assert_eq!(tasks.submit(spec(Class::Bulk, "a"), |_| 6 * 7).unwrap().await, Ok(42));
}

#[tokio::test]
async fn classes_come_in_their_order_and_clients_in_turn() {
    let tasks = orchestrator(1, 64);
    let (release, _occupied) = occupy(&tasks, Class::Interactive);
    let (say, heard) = mpsc::channel();
    let mut handles = Vec::new();
    let jobs = [
        (Class::Bulk, "x", "bulk"),
        (Class::Background, "a", "a1"),
        (Class::Background, "a", "a2"),
        (Class::Background, "a", "a3"),
        (Class::Background, "b", "b1"),
        (Class::Interactive, "a", "now"),
    ];
    for (class, client, word) in jobs {
        let say = say.clone();
        handles.push(tasks.submit(spec(class, client), move |_| say.send(word).unwrap()).unwrap());
    }
    drop(release);
    for handle in handles {
        handle.await.unwrap();
    }
    drop(say);
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["now", "a1", "b1", "a2", "a3", "bulk"]);
}

#[tokio::test]
async fn long_work_never_holds_up_what_somebody_waits_for() {
    let tasks = orchestrator(2, 64);
    let (_release, _occupied) = occupy(&tasks, Class::Bulk);
    let _second = tasks.submit(spec(Class::Bulk, "b"), |_| ()).unwrap();
    let quick = tasks.submit(spec(Class::Interactive, "c"), |_| "here").unwrap();
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), quick).await, Ok(Ok("here")));
    assert_eq!(tasks.load().waiting, [0, 0, 1]);
}

#[tokio::test]
async fn a_newer_task_of_the_same_key_replaces_a_waiting_and_a_running_one() {
    let tasks = orchestrator(1, 64);
    let (started, running) = mpsc::channel();
    let first = tasks
        .submit(keyed("diagnose:a"), move |cancel| {
            started.send(()).unwrap();
            spin_until(|| cancel.is_set())
        })
        .unwrap();
    running.recv().unwrap();
    let second = tasks.submit(keyed("diagnose:a"), |_| "second").unwrap();
    assert_eq!(first.await, Err(TaskError::Replaced));
    assert_eq!(second.await, Ok("second"));
    let (release, _occupied) = occupy(&tasks, Class::Interactive);
    let third = tasks.submit(keyed("diagnose:a"), |_| "third").unwrap();
    let other = tasks.submit(keyed("diagnose:b"), |_| "other").unwrap();
    let fourth = tasks.submit(keyed("diagnose:a"), |_| "fourth").unwrap();
    assert_eq!(third.await, Err(TaskError::Replaced));
    drop(release);
    assert_eq!((other.await, fourth.await), (Ok("other"), Ok("fourth")));
}

#[tokio::test]
async fn a_full_queue_refuses_clearly() {
    let tasks = orchestrator(1, 2);
    let (_release, _occupied) = occupy(&tasks, Class::Interactive);
    let _waiting: Vec<_> = (0..2).map(|_| tasks.submit(spec(Class::Bulk, "a"), |_| ()).unwrap()).collect();
    let refused = tasks.submit(spec(Class::Bulk, "b"), |_| ()).err();
    assert_eq!(refused, Some(TaskError::Busy { waiting: 2 }));
    assert!(tasks.submit(spec(Class::Interactive, "b"), |_| ()).is_ok(), "each class has its own bound");
}

#[tokio::test]
async fn dropping_the_handle_stops_a_running_task_within_fifty_milliseconds() {
    let tasks = orchestrator(1, 8);
    let (started, running) = mpsc::channel();
    let (stopped, end) = mpsc::channel();
    let handle = tasks
        .submit(spec(Class::Interactive, "a"), move |cancel| {
            started.send(()).unwrap();
            spin_until(|| cancel.is_set());
            stopped.send(Instant::now()).unwrap();
        })
        .unwrap();
    running.recv().unwrap();
    let dropped = Instant::now();
    drop(handle);
    assert!(end.recv().unwrap() - dropped < Duration::from_millis(50));
}

#[tokio::test]
async fn dropping_the_handle_of_a_waiting_task_frees_what_it_holds_at_once() {
    let tasks = orchestrator(1, 8);
    let (_release, _occupied) = occupy(&tasks, Class::Interactive);
    let held = Arc::new(());
    let inside = held.clone();
    let handle = tasks.submit(spec(Class::Bulk, "a"), move |_| drop(inside)).unwrap();
    drop(handle);
    assert_eq!((Arc::strong_count(&held), tasks.load().waiting), (1, [0, 0, 0]));
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_thread_lives_on() {
    let tasks = orchestrator(1, 8);
    let panicked = tasks.submit(spec(Class::Interactive, "a"), |_| -> () { panic!("oh dear") }).unwrap();
    assert_eq!(panicked.await, Err(TaskError::Panicked { message: "oh dear".into() }));
    assert_eq!(tasks.submit(spec(Class::Interactive, "a"), |_| 1).unwrap().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_waiting_and_the_task() {
    let tasks = orchestrator(1, 8);
    let (started, running) = mpsc::channel();
    let (stopped, end) = mpsc::channel();
    let slow = TaskSpec { deadline: Some(Duration::from_secs(30)), ..spec(Class::Interactive, "a") };
    let handle = tasks
        .submit(slow, move |cancel| {
            started.send(()).unwrap();
            spin_until(|| cancel.is_set());
            stopped.send(()).unwrap();
        })
        .unwrap();
    running.recv().unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(handle.await, Err(TaskError::Deadline));
    assert_eq!(began.elapsed().as_secs(), 30);
    end.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[tokio::test]
async fn dropping_the_orchestrator_answers_everybody() {
    let tasks = orchestrator(1, 8);
    let (_release, running) = occupy(&tasks, Class::Interactive);
    let waiting = tasks.submit(spec(Class::Bulk, "a"), |_| ()).unwrap();
    drop(tasks);
    assert_eq!((running.await, waiting.await), (Err(TaskError::Cancelled), Err(TaskError::Cancelled)));
}

#[test]
fn results_of_many_threads_come_in_order() {
    let items: Vec<u64> = (0..1000).collect();
    let mut taken = Vec::new();
    let work = |item: &u64| {
        if item.is_multiple_of(100) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(*item != 500, "five hundred");
        item * 2
    };
    in_order(&items, 4, work, |_, message| message.len() as u64, |number, result| taken.push((number, result)));
    let expected = |number: usize| if number == 500 { "five hundred".len() as u64 } else { number as u64 * 2 };
    assert!(taken.iter().enumerate().all(|(number, &got)| got == (number, expected(number))) && taken.len() == 1000);
    in_order(&[] as &[u64], 4, work, |_, _| 0, |_, _| unreachable!());
}
