use synthetic_core::Reason;

use super::*;
use crate::page::fake::{document, loaded, main_frame, page, page_of_a_browser_that_hangs, request, response, tab};

fn tally() -> Tally {
    Tally::new(main_frame(), Dialogs::default())
}

fn exception(text: &str) -> Event {
    Event::Exception { text: text.to_owned(), url: String::new(), line: 1, column: 1, stack: String::new() }
}

#[test]
fn the_last_errors_are_kept_and_those_of_the_document_are_told_apart() {
    let mut tally = tally();
    tally.take_in(exception("before"));
    tally.take_in(document("one"));
    for n in 0..=MOST_MESSAGES {
        tally.take_in(exception(&n.to_string()));
    }
    let recent: Vec<&str> = tally.recent_exceptions().iter().map(|error| &*error.text).collect();
    assert_eq!((recent.len(), recent[0], tally.exceptions_left_out), (MOST_MESSAGES, "1", 2));
}

#[test]
fn bodies_of_requests_and_urls_of_data_are_bounded() {
    let mut tally = tally();
    for n in 0..100 {
        let mut request = request(&n.to_string());
        request.body = Some(vec![b'x'; 256 * 1024].into());
        request.url = format!("data:text/html,{}", "é".repeat(LONGEST_URL));
        tally.take_in(Event::Request(request));
    }
    let kept: usize = tally.requests.iter().filter_map(|one| one.request.body.as_ref()).map(|body| body.len()).sum();
    assert_eq!((tally.requests.len(), kept), (100, MOST_BODIES));
    assert!(tally.requests.iter().all(|one| one.request.url.len() <= LONGEST_URL + '…'.len_utf8()));
}

#[tokio::test(start_paused = true)]
async fn a_popup_that_nobody_takes_has_its_dialogs_answered() {
    let (answered, others) = (Arc::default(), Arc::default());
    let (opener, happens) = tab(&others);
    let (_tab, watch) = Watch::new(opener, Dialogs::default());
    for n in 0..40 {
        let (popup, of_popup) = tab(&answered);
        happens.send(Event::Popup(popup)).unwrap();
        watch.until(|tally| (tally.popups.len() == n + 1).then_some(())).await;
        let opened = Event::DialogOpened { kind: "alert".into(), message: "Hello".into(), default: String::new() };
        of_popup.send(opened).unwrap();
    }
    while answered.lock().unwrap().len() < 40 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_told_after_its_document_is_judged() {
    for status in [200, 503] {
        let page = page(move |happens| {
            happens.send(document("one")).unwrap();
            happens.send(loaded("one")).unwrap();
            let happens = happens.clone();
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                happens.send(Event::Request(request("1"))).unwrap();
                happens.send(response("1", status)).unwrap();
            });
        });
        let went = page.goto("http://shop.example/").await;
        match (status, went) {
            (200, Ok(())) => {}
            (503, Err(failure)) => assert!(failure.to_string().contains("503"), "{failure}"),
            (status, went) => panic!("{status}: {went:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_whose_answer_is_never_told_of_is_no_check_that_held() {
    let page = page(|happens| {
        happens.send(Event::Request(request("1"))).unwrap();
        happens.send(document("one")).unwrap();
        happens.send(loaded("one")).unwrap();
    });
    let failure = page.goto("http://shop.example/").await.unwrap_err();
    assert!(failure.to_string().contains("did not tell what was answered"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_is_the_targets_failure_only_where_the_browser_answers() {
    // A document that never comes.
    let failure = page(|_| {}).goto("http://shop.example/").await.unwrap_err();
    assert_eq!((failure.is_error(), failure.reason()), (false, Reason::Timeout), "{failure:?}");
    let failure = page_of_a_browser_that_hangs(|_| {}).goto("http://shop.example/").await.unwrap_err();
    assert_eq!((failure.is_error(), failure.subject()), (true, "the browser does not answer"), "{failure:?}");
    assert!(format!("{failure:?}").contains("noticed by: goto http://shop.example/"), "{failure:?}");
    // What is waited for in vain in a page that does not answer.
    for hangs in [false, true] {
        let page = if hangs { page_of_a_browser_that_hangs(|_| {}) } else { page(|_| {}) };
        let failure = page.popup(async { Ok(()) }).await.unwrap_err();
        assert_eq!(failure.is_error(), hangs, "{failure:?}");
    }
}
