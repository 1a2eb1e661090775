//! Long lists that grow while they are read.

use crate::databases::{Ground, on_both};
use store::accounts::Role;
use store::jobs::JobFilter;

on_both!(a_thousand_jobs_are_paged_while_more_come, accounts_are_paged_from_the_oldest_on);

async fn a_thousand_jobs_are_paged_while_more_come(ground: Ground) {
    let mut made = Vec::new();
    for _ in 0..1_000 {
        made.push(ground.job("ada", 0).await.id);
    }
    made.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = ground.store.jobs(JobFilter::default(), after.as_deref(), 70).await.expect("read");
        assert!(page.items.len() <= 70);
        seen.extend(page.items.into_iter().map(|job| job.id));
        ground.job("bob", 0).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
}

async fn accounts_are_paged_from_the_oldest_on(ground: Ground) {
    let mut made = Vec::new();
    for number in 0..25 {
        made.push(ground.account(&format!("a{number}")).await.id);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    for number in 0.. {
        let page = ground.store.accounts(after.as_deref(), 10).await.expect("read");
        seen.extend(page.items.into_iter().map(|one| one.account.id));
        if number == 0 {
            made.push(ground.store.create_account("late", Role::Viewer, None).await.expect("made").id);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    assert_eq!(ground.store.accounts(None, 0).await.expect("read").items.len(), 1, "a page has something on it");
}
