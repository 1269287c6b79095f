//! What a job of GitHub Actions writes on its page.

use std::io::Write as _;

use crate::app::ingest::send::Outgoing;
use crate::messages::ci;

use super::connection::variable;
use super::failure::Trouble;
use super::follow::Followed;
use super::output::Output;

/// What became of an announcement.
pub(super) enum Became<'a> {
    /// hoist did not take it.
    NotTaken(&'a Trouble),
    /// hoist took it, and nobody waits for more.
    Taken {
        /// Why it does not go by itself, where it does not.
        why: Option<&'a str>,
    },
    /// It was followed.
    Followed(&'a Followed),
    /// hoist took it, and it could not be followed.
    Lost(&'a Trouble),
}

/// Adds it to the page of the job, where there is one.
pub(super) fn write(outgoing: &Outgoing, became: &Became<'_>, out: &mut Output) {
    let Some(path) = variable("GITHUB_STEP_SUMMARY") else { return };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(text(outgoing, became).as_bytes()));
    if let Err(error) = written {
        out.note(&format!("no summary could be written to {path}: {error}"));
    }
}

fn text(outgoing: &Outgoing, became: &Became<'_>) -> String {
    let version = outgoing.version.as_deref().or(outgoing.tag.as_ref().map(|tag| tag.as_str()));
    let taken = match became {
        Became::NotTaken(_) => ci::NOT_TAKEN,
        Became::Taken { .. } | Became::Followed(_) | Became::Lost(_) => ci::TAKEN,
    };
    let mut text = ci::summary(taken, &outgoing.image, &outgoing.digest, version);
    match became {
        Became::NotTaken(trouble) | Became::Lost(trouble) => {
            text.push_str(&ci::summary_failure(&trouble.to_string()));
        }
        Became::Taken { why } => {
            text.extend(why.iter().map(|why| ci::summary_remark(why)));
        }
        Became::Followed(followed) => {
            text.extend(followed.applications().iter().map(|it| {
                let stands = ci::stands(&it.application, &it.state, &it.told);
                ci::summary_line(&it.environment, &stands, it.url.as_deref())
            }));
            if let Err(trouble) = followed.outcome() {
                text.push_str(&ci::summary_failure(&trouble.to_string()));
            }
        }
    }
    text
}
