use synthetic_core::Reason;

use super::bound::{LONGEST_MESSAGE, LONGEST_URL, LONGEST_WORD, Left, MOST_OF_MESSAGE};
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
    assert_eq!((tally.requests.len(), kept), (100, Left::default().bodies));
    assert!(tally.requests.iter().all(|one| one.request.url.len() <= LONGEST_URL + '…'.len_utf8()));
}

#[test]
fn what_a_page_may_write_as_long_as_it_likes_is_kept_cut() {
    let mut tally = tally();
    let long = || "é".repeat(1024 * 1024);
    let is_cut = |text: &str, most: usize| text.len() <= most + '…'.len_utf8() && text.ends_with('…');
    let message = ConsoleMessage { at: 0.0, level: "log".to_owned(), text: long(), url: long(), line: 1 };
    tally.take_in(Event::Console(message));
    assert!(is_cut(&tally.console[0].text, LONGEST_MESSAGE) && is_cut(&tally.console[0].url, LONGEST_URL));
    tally.take_in(Event::Exception { text: long(), url: long(), line: 1, column: 1, stack: long() });
    let exception = &tally.exceptions[0];
    assert!(is_cut(&exception.text, LONGEST_MESSAGE) && is_cut(&exception.stack, LONGEST_MESSAGE));
    assert!(is_cut(&exception.url, LONGEST_URL));

    let frame = FrameId("inner".into());
    let document = DocumentId("one".into());
    tally.take_in(Event::Navigated { frame: frame.clone(), document, url: long() });
    assert!(is_cut(&tally.frames[&frame].url, LONGEST_URL));
    tally.take_in(Event::NavigatedWithin { frame: frame.clone(), url: long() });
    assert!(is_cut(&tally.frames[&frame].url, LONGEST_URL));
    // What the page is at is told whole.
    tally.take_in(Event::NavigatedWithin { frame: main_frame(), url: long() });
    assert_eq!(tally.main_frame().url, long());

    let mut one = request("1");
    (one.method, one.initiator) = (long(), long());
    tally.take_in(Event::Request(one));
    let Event::Response(mut answer) = response("1", 200) else { unreachable!() };
    (answer.url, answer.status_text, answer.mime_type) = (long(), long(), long());
    tally.take_in(Event::Response(answer));
    let Exchange { request, response, .. } = &tally.requests[0];
    assert!(is_cut(&request.method, LONGEST_WORD) && is_cut(&request.initiator, LONGEST_URL));
    let answer = response.as_ref().unwrap();
    assert!(is_cut(&answer.url, LONGEST_URL));
    assert!(is_cut(&answer.status_text, LONGEST_WORD) && is_cut(&answer.mime_type, LONGEST_WORD));
}

#[test]
fn headers_are_bounded_each_in_a_message_and_in_all() {
    let mut tally = tally();
    let headers = || vec![("x".repeat(1000), "y".repeat(100_000)); 100];
    let size =
        |headers: &[(String, String)]| headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    for n in 0..200 {
        let mut next = request(&n.to_string());
        next.headers = headers();
        let Event::Response(mut answer) = response(&n.to_string(), 200) else { unreachable!() };
        answer.headers = headers();
        tally.take_in(Event::Request(next));
        tally.take_in(Event::Response(answer));
    }
    let of_one = |one: &Exchange| [size(&one.request.headers), size(&one.response.as_ref().unwrap().headers)];
    let kept: Vec<usize> = tally.requests.iter().flat_map(of_one).collect();
    assert!(kept[0] > MOST_OF_MESSAGE / 2 && kept.iter().all(|size| *size <= MOST_OF_MESSAGE), "{kept:?}");
    let most = Left::default().headers;
    assert!((most / 2..=most).contains(&kept.iter().sum()), "{kept:?}");
    let (name, value) = &tally.requests[0].request.headers[0];
    assert!(name.len() <= LONGEST_WORD + '…'.len_utf8() && value.len() <= LONGEST_MESSAGE + '…'.len_utf8());
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
