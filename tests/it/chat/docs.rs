//! `docs/chat.md`: its list of what can be said is made of the grammar.

use hoist::messages::chat::help;

use crate::generated::assert_current;

const BEGIN: &str = "<!-- Made of the grammar by tests/it/chat/docs.rs: run `HOIST_BLESS=1 cargo test` after a change. -->\n";
const END: &str = "<!-- That was it. -->\n";

#[test]
fn the_page_lists_everything_that_can_be_said() {
    let page = std::fs::read_to_string("docs/chat.md").unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("docs/chat.md has a place for the help");
    let (_, after) = rest.split_once(END).expect("that place has an end");
    let help = help().replace("\n• ", "\n- ").replacen("• ", "- ", 1);
    let (list, note) = help.rsplit_once('\n').unwrap();
    assert_current("docs/chat.md", &format!("{before}{BEGIN}\n{list}\n\n{note}\n\n{END}{after}"));
}
