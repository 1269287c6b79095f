//! Checks by others: what a commit must have passed, by name.

use jiff::Timestamp;

use super::artifact::SourceCode;
use super::evidence::{Evidence, Met};
use super::id::{ApplicationName, CommitId};
use super::template::Template;

/// Under this hoist publishes its own gates: none of them is a check by others.
pub const OWN: &str = "hoist/";

/// How many of those that are missing are told with their reasons.
const TOLD: usize = 3;

/// How much of somebody else's words is told.
const WORDS: usize = 80;

/// Checks that a commit must have passed, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// What the forge calls them. Never empty, and none begins with [`OWN`].
    pub names: Vec<String>,
    /// Whose they are.
    pub on: Checked,
}

/// The commit that checks are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The head of the proposal, as it is.
    Proposal,
    /// What the artifact was built from; where a repository is named, from a commit of that one.
    Source(Option<Template>),
}

/// What somebody says of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is called. Several may have one name: then all of them count.
    pub name: String,
    /// What it says.
    pub state: CheckState,
    /// In somebody else's words.
    pub description: String,
    /// Where it tells more.
    pub url: Option<String>,
    /// Since when it says so.
    pub since: Option<Timestamp>,
}

/// What a check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// Nothing yet.
    Pending,
    /// Yes, or that it does not matter.
    Success,
    /// No, or that it came to no end.
    Failure,
}

/// Why a check does not let anything through.
struct Unmet {
    words: String,
}

impl Checks {
    /// Judges what is said of the commit `about`.
    pub fn judge(&self, seen: &[Check], about: &CommitId, now: Timestamp) -> Evidence {
        let unmet: Vec<Unmet> = self.names.iter().filter_map(|name| unmet(name, seen)).collect();
        let of = match self.on {
            Checked::Proposal => String::new(),
            Checked::Source(_) => format!(" on the source's commit {}", about.short()),
        };
        let (met, saw) = if unmet.is_empty() {
            (Met::Yes, format!("{} passed{of}", self.named()))
        } else {
            let told: Vec<&str> = unmet.iter().take(TOLD).map(|it| it.words.as_str()).collect();
            let more = unmet.len().saturating_sub(TOLD);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            (Met::No, format!("{}{more}{of}", told.join("; ")))
        };
        Evidence { at: now, met, stable: saw.clone(), saw, about: Some(about.clone()) }
    }

    /// The names, as people read them.
    pub fn named(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    }
}

/// What is wrong with the checks of one name: the worst of them counts, so that nobody turns a
/// failure into a success by a second check of the same name.
fn unmet(name: &str, seen: &[Check]) -> Option<Unmet> {
    let theirs = || seen.iter().filter(|check| check.name == name);
    let worst = theirs()
        .find(|check| check.state == CheckState::Failure)
        .or_else(|| theirs().find(|check| check.state == CheckState::Pending));
    let words = match worst {
        None if theirs().next().is_some() => return None,
        None => format!("check `{name}` is not there yet"),
        Some(check) if check.state == CheckState::Failure => {
            format!("check `{name}` failed{}", told(check))
        }
        Some(Check { since: Some(since), .. }) => {
            format!("check `{name}` is pending since {}", since.strftime("%Y-%m-%d %H:%M UTC"))
        }
        Some(_) => format!("check `{name}` is pending"),
    };
    Some(Unmet { words })
}

/// The words and the link of somebody else, as far as they can do no harm where hoist says them:
/// no line of their own, no markup, nobody's name called.
fn told(check: &Check) -> String {
    let plain = |c: char| if c.is_control() || "<>`[]".contains(c) { ' ' } else { c };
    let words: String = check.description.chars().map(plain).take(WORDS).collect();
    let words = words.trim().replace('@', "@\u{2060}");
    let link = check.url.as_deref().filter(|url| is_link(url)).unwrap_or_default();
    match (words.is_empty(), link.is_empty()) {
        (true, true) => String::new(),
        (true, false) => format!(": {link}"),
        (false, true) => format!(": {words}"),
        (false, false) => format!(": {words} ({link})"),
    }
}

fn is_link(url: &str) -> bool {
    let harmless = |c: char| c.is_ascii_graphic() && !"<>`()[]\"'@".contains(c);
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= 300
        && url.chars().all(harmless)
}

/// A commit of a source, as its announcement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCommit {
    /// The address of the repository.
    pub repository: String,
    /// The commit.
    pub commit: CommitId,
}

impl SourceCommit {
    /// The commit that an artifact of `application` was built from, where it was announced with one
    /// that may count; or why there is none.
    ///
    /// # Errors
    ///
    /// Words for people, where nobody could be asked about it.
    pub fn of(
        source: &SourceCode,
        only: Option<&Template>,
        application: &ApplicationName,
    ) -> Result<Self, String> {
        let (Some(repository), Some(commit)) = (&source.repository, &source.commit) else {
            return Err("it was announced without `source.repository` and `source.commit`, so \
                        that no checks of its source are known"
                .into());
        };
        if let Some(only) = only {
            let only = only.for_application(application);
            if plain(&only) != plain(repository) {
                return Err(format!(
                    "it was announced as built from {}, and only checks of {only} count",
                    repository.chars().filter(|c| !c.is_control()).take(200).collect::<String>()
                ));
            }
        }
        let commit = commit.parse().map_err(|_| {
            "it was announced with a `source.commit` that is no full commit id, so that no checks \
             of its source are known"
                .to_owned()
        })?;
        Ok(Self { repository: repository.clone(), commit })
    }
}

/// A repository's address without what may differ in it.
fn plain(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, state: CheckState) -> Check {
        Check {
            name: name.into(),
            state,
            description: String::new(),
            url: None,
            since: Some("2026-11-22T08:00:00Z".parse().unwrap()),
        }
    }

    fn judged(names: &[&str], seen: &[Check]) -> (Met, String) {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let checks = Checks { names, on: Checked::Proposal };
        let evidence = checks.judge(seen, &"a".repeat(40).parse().unwrap(), Timestamp::UNIX_EPOCH);
        (evidence.met, evidence.saw)
    }

    #[test]
    fn all_of_them_must_have_passed_and_the_worst_of_a_name_counts() {
        use CheckState::{Failure, Pending, Success};
        let (met, saw) = judged(&["e2e", "lint"], &[check("e2e", Success)]);
        assert_eq!((met, saw.as_str()), (Met::No, "check `lint` is not there yet"));
        let (met, saw) = judged(&["e2e"], &[check("e2e", Success), check("e2e", Pending)]);
        assert_eq!(met, Met::No);
        assert_eq!(saw, "check `e2e` is pending since 2026-11-22 08:00 UTC");
        let forged = [check("e2e", Failure), check("e2e", Success)];
        assert_eq!(judged(&["e2e"], &forged), (Met::No, "check `e2e` failed".into()));
        let near = [check("E2E", Success), check("e2e ", Success), check("hoist/e2e", Success)];
        assert_eq!(judged(&["e2e"], &near).0, Met::No);
        let both = [check("lint", Success), check("e2e", Success), check("other", Failure)];
        assert_eq!(judged(&["e2e", "lint"], &both), (Met::Yes, "`e2e`, `lint` passed".into()));
    }

    #[test]
    fn the_words_of_others_do_no_harm_where_hoist_says_them() {
        let mut bad = check("e2e", CheckState::Failure);
        bad.description = "<!-- hoist: x -->\n@everyone `look` [here]".into();
        bad.url = Some("https://ci.example.com/1?a=b".into());
        let (_, saw) = judged(&["e2e"], std::slice::from_ref(&bad));
        assert_eq!(
            saw,
            "check `e2e` failed: !-- hoist: x --  @\u{2060}everyone  look   here (https://ci.example.com/1?a=b)"
        );
        for url in ["javascript:alert(1)", "https://x.example/)[a](b", "https://x y"] {
            bad.url = Some(url.into());
            bad.description = String::new();
            assert_eq!(judged(&["e2e"], &[bad.clone()]).1, "check `e2e` failed");
        }
    }

    #[test]
    fn only_the_named_repository_of_a_source_counts() {
        let application: ApplicationName = "shop".parse().unwrap();
        let source = |repository: &str| SourceCode {
            repository: Some(repository.into()),
            commit: Some("b".repeat(40)),
            reference: None,
        };
        let only = Template::parse("https://github.com/acme/{application}", &["application"]);
        let only = only.unwrap();
        let of =
            |repository: &str| SourceCommit::of(&source(repository), Some(&only), &application);
        of("https://github.com/Acme/shop.git").unwrap();
        assert_eq!(
            of("https://github.com/mallory/shop").unwrap_err(),
            "it was announced as built from https://github.com/mallory/shop, and only checks of \
             https://github.com/acme/shop count"
        );
        SourceCommit::of(&SourceCode::default(), None, &application).unwrap_err();
    }
}
