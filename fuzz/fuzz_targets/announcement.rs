//! Announcements, CloudEvents, package URLs, tokens and forges' events of any bytes.
#![no_main]

use hoist::app::forge_event;
use hoist::app::ingest::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for text in fuzzing::announcement(body).into_iter().flatten() {
        assert!(text.len() <= 2048 && !text.chars().any(char::is_control), "{text:?}");
    }
    if let Ok(text) = std::str::from_utf8(body) {
        drop(fuzzing::token(text));
    }
    forge_event::read_any(body);
});
