//! `docs/chat.md`: its list of what can be said is made of the grammar.

use hoist::domain::grammar::Utterance;
use hoist::messages::chat::{ELSEWHERE, help};

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

/// Each command in full that any message suggests.
#[test]
fn what_is_suggested_can_be_said_in_a_conversation() {
    let mut found = 0;
    for file in std::fs::read_dir("src/messages").unwrap() {
        let path = file.unwrap().path();
        let Ok(source) = std::fs::read_to_string(&path) else { continue };
        let code = source.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n").replace("\\\n", "");
        for rest in code.split("`hoist ").skip(1) {
            let suggested = rest.split('`').next().unwrap();
            let words: Vec<&str> = suggested.split_whitespace().collect();
            let is_mentioned = words.len() < 2 || suggested.contains("--check");
            if is_mentioned || ELSEWHERE.contains(&words[0]) || words[0] == "init" {
                continue;
            }
            // Whatever is filled in there is a word.
            let said = suggested.split('{').map(|it| it.split_once('}').map_or(it, |(_, it)| it));
            let said = said.collect::<Vec<_>>().join("x").replace("'*'", "*");
            assert!(said.parse::<Utterance>().is_ok(), "{}: {suggested}", path.display());
            found += 1;
        }
    }
    assert!(found > 15, "{found} suggestions were found");
}
