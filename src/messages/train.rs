//! Words of a train's proposal, and about what it waits for.

use std::fmt::Write;

use crate::domain::artifact::Artifact;
use crate::domain::id::{CommitId, EnvironmentName, PersonName, ProposalNumber, ScheduleName};
use crate::domain::plan::{Reason, Shut};
use crate::domain::promotion::Promotion;
use crate::domain::snapshot::StatusWord;

use super::{commit, one_line, quoted};

/// Every commit was proved before it was pushed.
pub const ONLY_VERSIONS: &str =
    "Only version fields change, each application's by a commit of its own";
/// Nobody but a person merges there.
pub const MANUAL: &str = "a person has to merge it: the policy is manual";
/// What is merged is recorded before.
pub const JOINING: &str = "it goes in as soon as each application has recorded its place";
/// Something moved meanwhile.
pub const LOOKS_AGAIN: &str = "something moved meanwhile: hoist looks again";
/// It is in.
pub const MERGED: &str = "it is merged";

/// Which train it is: its schedule, and where it goes.
type Name<'a> = (&'a ScheduleName, &'a EnvironmentName);

/// One line of the proposal's table.
pub struct Row<'a> {
    /// What goes.
    pub promotion: &'a Promotion,
    /// What is there now.
    pub from: Option<&'a Promotion>,
    /// What that brings, where it is known.
    pub artifact: Option<&'a Artifact>,
    /// Where its story is told.
    pub url: String,
}

/// One that a run has let go and that does not ride.
pub struct Staying {
    /// Which.
    pub application: String,
    /// Why, in a word.
    pub reason: Reason,
    /// Why, in a sentence.
    pub why: String,
}

/// How many have a line with all that is known of them: forges take a text of some length only.
const IN_FULL: usize = 150;

/// How many of those who stay are named.
const NAMED: usize = 50;

/// One line: what goes where.
pub fn title((schedule, to): Name<'_>, count: usize) -> String {
    let what = if count == 1 { "application" } else { "applications" };
    format!("{to}: promote {count} {what} with {schedule}")
}

/// Who rides, who does not and why, and how to bring one down again.
pub fn body((schedule, to): Name<'_>, rows: &[Row<'_>], staying: &[Staying]) -> String {
    let mut text =
        format!("The train **{schedule}** into **{to}**, with a commit for each application.\n\n");
    match rows.len() <= IN_FULL {
        true => in_full(&mut text, rows),
        false => in_short(&mut text, rows),
    }
    if !staying.is_empty() {
        text.push_str("\nNot in it:\n\n");
        for Staying { application, reason, why } in staying.iter().take(NAMED) {
            let _ = writeln!(text, "- {application} ({}): {}", reason.name(), quoted(why));
        }
        if staying.len() > NAMED {
            let _ = writeln!(text, "- … and {} more", staying.len() - NAMED);
        }
    }
    let _ = write!(
        text,
        "\nWho cannot go leaves the train, and the others go on; an approval counts for what was \
         approved.\nTo bring one down again: `hoist rollback APPLICATION {to}`.\n"
    );
    text
}

/// All that is known of each.
fn in_full(text: &mut String, rows: &[Row<'_>]) {
    text.push_str(
        "| application | from | to | image | digest | asked for by |\n|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let promotion = row.promotion;
        let from = from(row);
        let image = row.artifact.map(|it| cell(it.image.as_str())).unwrap_or_default();
        let digest = row.artifact.map(|it| cell(it.digest.as_str())).unwrap_or_default();
        let _ = writeln!(
            text,
            "| [{}]({}) | {} | {} | {image} | {digest} | {} |",
            promotion.application.application,
            row.url,
            cell(&from),
            cell(&promotion.version),
            cell(&promotion.requested_by.name),
        );
    }
}

/// What goes, and no more: the commits say the rest.
fn in_short(text: &mut String, rows: &[Row<'_>]) {
    text.push_str("| application | from | to |\n|---|---|---|\n");
    for row in rows {
        let (application, to) = (&row.promotion.application.application, &row.promotion.version);
        let _ = writeln!(text, "| {application} | {} | {} |", cell(&from(row)), cell(to));
    }
    text.push_str("\nEach commit names its image, its digest and who asked for it.\n");
}

/// What is there now.
fn from(row: &Row<'_>) -> String {
    row.from.map_or_else(|| "nothing known".into(), |it| quoted(&it.version))
}

/// A table's cell: a bar would begin another.
fn cell(text: &str) -> String {
    if text.starts_with('`') { text.replace('|', "¦") } else { quoted(text).replace('|', "¦") }
}

/// The merge commit's message.
pub fn merge(title: &str, number: ProposalNumber, passage: &commit::Passage<'_>) -> String {
    let mut text = format!("Merge proposal {number}: {}\n\n", one_line(title));
    commit::pass(&mut text, passage);
    text
}

/// The message of the commit that a train becomes where the forge squashes: `own`, what the
/// riders' own commits say, one after the other, for their history is rebuilt from nothing else.
pub fn squashed(
    title: &str,
    number: ProposalNumber,
    own: &[String],
    passage: &commit::Passage<'_>,
) -> String {
    let mut text = format!("Merge proposal {number}: {}\n\n{}", one_line(title), own.join("\n"));
    commit::pass(&mut text, passage);
    text
}

/// What keeps a whole train.
pub fn waits(shut: Shut<'_>) -> String {
    format!("{} gate of {}: {}", shut.judged.name, shut.application, shut.judged.saw)
}

/// What a gate's status says of all riders.
pub fn gate(shut: Option<Shut<'_>>) -> (StatusWord, String) {
    let Some(Shut { application, judged, count }) = shut else {
        return (StatusWord::Success, "open for all of them".to_owned());
    };
    let told = judged.stable.as_ref().unwrap_or(&judged.saw);
    let whose =
        if count == 1 { application.to_owned() } else { format!("{count} wait, as {application}") };
    (StatusWord::Pending, format!("{whose}: {told}"))
}

/// People asked for changes.
pub fn objections(people: &[PersonName]) -> String {
    let names: Vec<&str> = people.iter().map(|it| it.as_str()).collect();
    format!("{} asked for changes", names.join(", "))
}

/// Somebody else's commit is on the branch.
pub fn foreign(head: &CommitId) -> String {
    format!(
        "somebody pushed {} to its branch: take it off again, or delete the branch",
        head.short()
    )
}

/// Who does not ride any more: the first of them, and how many more there are.
pub fn left(staying: &[Staying]) -> Option<String> {
    let (Staying { application, why, .. }, others) = staying.split_first()?;
    Some(match others.len() {
        0 => format!("{application} stays: {why}"),
        more => format!("{application} and {more} more stay: {why}"),
    })
}

/// All have left it.
pub fn nobody_rides(schedule: &ScheduleName) -> String {
    format!("nothing rides with {schedule} any more")
}

/// At most 140 characters: what forges take as a status's description.
pub fn short(text: &str) -> String {
    let text = one_line(text);
    if text.chars().count() <= 140 {
        return text;
    }
    let head: String = text.chars().take(139).collect();
    format!("{head}…")
}
