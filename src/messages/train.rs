//! Words of a train's proposal, and about what it waits for.

use std::fmt::Write;

use crate::domain::artifact::Artifact;
use crate::domain::id::{CommitId, EnvironmentName, PersonName, ProposalNumber, ScheduleName};
use crate::domain::plan::Shut;
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

/// One line: what goes where.
pub fn title((schedule, to): Name<'_>, count: usize) -> String {
    let what = if count == 1 { "application" } else { "applications" };
    format!("{to}: promote {count} {what} with {schedule}")
}

/// Who rides, who does not and why, and how to bring one down again.
pub fn body((schedule, to): Name<'_>, rows: &[Row<'_>], staying: &[(String, String)]) -> String {
    let mut text = format!(
        "The train **{schedule}** into **{to}**, with a commit for each application.\n\n\
         | application | from | to | image | digest | asked for by |\n|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let promotion = row.promotion;
        let from = row.from.map_or_else(|| "nothing known".into(), |it| quoted(&it.version));
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
    if !staying.is_empty() {
        text.push_str("\nNot in it:\n\n");
        for (application, why) in staying {
            let _ = writeln!(text, "- {application}: {}", quoted(why));
        }
    }
    let _ = write!(
        text,
        "\nWho cannot go leaves the train, and the others go on; an approval counts for what was \
         approved.\nTo bring one down again: `hoist rollback APPLICATION {to}`.\n"
    );
    text
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
