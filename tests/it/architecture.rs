//! The house's walls: reads every `use` and every path in `src/` with `syn`, and fails on a wrong arrow.
//!
//! What is seen: `use` trees (groups, globs, renames), paths in expressions, types, patterns,
//! visibilities and attributes, and the tokens inside macros (`maud::html!`, `format!`, `json!`,
//! `macro_rules!` bodies); attributes' string literals too, because serde takes paths as text.
//! `crate::`, `self::`, `super::`, `hoist::`, names brought in by `use` and by glob all resolve.
//!
//! What is not seen: method calls (a value may travel further than its type's name), names inside
//! ordinary string literals, what a procedural macro makes up by itself, and through which room a
//! re-export passed: a name counts for the room it is named through.
//! `clippy.toml` covers the calls that matter.
//!
//! [`rules`] holds the tables, [`names`] the reading, [`arrows`] the circles, [`tree`] the files,
//! [`planted`] one violation of each kind, to show that the walls hold.

mod arrows;
mod names;
mod planted;
mod rules;
mod tree;

use std::path::Path;

use rules::judge;
use tree::Tree;

#[test]
fn every_name_in_src_stays_within_the_walls() {
    let tree = Tree::from_disk(Path::new(env!("CARGO_MANIFEST_DIR")));
    let violations = judge(&tree);
    let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(
        told.is_empty(),
        "{} wall(s) broken; docs/architecture.md tells why they stand:\n\n{}\n",
        told.len(),
        told.join("\n")
    );
}

#[test]
fn each_kind_of_violation_is_caught_when_planted() {
    for plant in planted::PLANTS {
        let violations = judge(&planted::clean().with(plant.files));
        let caught = violations
            .iter()
            .any(|it| it.rule == plant.rule && it.to_string().contains(plant.says));
        assert!(
            caught,
            "{}: nothing said {:?} with {:?}; it said {:#?}",
            plant.kind,
            plant.rule,
            plant.says,
            violations.iter().map(ToString::to_string).collect::<Vec<_>>()
        );
    }
}

#[test]
fn each_kind_of_rule_has_a_planted_violation() {
    for rule in rules::Rule::ALL {
        assert!(
            planted::PLANTS.iter().any(|it| it.rule == rule),
            "nothing is planted for {rule:?}"
        );
    }
}

#[test]
fn what_is_allowed_is_let_through() {
    for (kind, files) in planted::ALLOWED {
        let violations = judge(&planted::clean().with(files));
        assert!(
            violations.is_empty(),
            "{kind}: {:#?}",
            violations.iter().map(ToString::to_string).collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_table_of_arrows_has_no_cycle_itself() {
    let allowed = rules::allowed_arrows();
    assert_eq!(arrows::cycle_among(&allowed), None);
}
