//! What is understood of what people say can be said again, and means the same.
#![no_main]

use hoist::domain::grammar::{LONGEST, Utterance};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(heard) = text.parse::<Utterance>() else { return };
    let said = heard.to_string();
    // Said again it has quotation marks, which what was typed may not have needed.
    if said.len() <= LONGEST {
        assert_eq!(said.parse(), Ok(heard), "{said}");
    }
});
