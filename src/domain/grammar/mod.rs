//! What people say to hoist in a conversation: one grammar for Slack, Mattermost and comments.
//!
//! An [`Utterance`] is what was said, in the words that were typed: whether there is such an
//! application is for others to say. It shows itself in its own grammar, so that what is answered,
//! stored and suggested can be said again, and the help is made of the same list of [`Verb`]s.

mod heard;
mod time;
mod words;

use std::fmt;
use std::str::FromStr;

use super::command::{Age, Drift, Newer};
use super::freeze::Rollbacks;
use super::nearest::nearest;
use super::promotion::BadArtifact;
use heard::Heard;
pub use time::{InvalidTime, Until};
use words::shown;

/// Longer than any command: whatever is more was pasted by mistake.
pub const LONGEST: usize = 4000;

/// One thing that a person says. Names and versions are as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Utterance {
    /// What can be said.
    Help,
    /// What is where.
    Status {
        /// One application; without it all of them.
        application: Option<String>,
    },
    /// What keeps a version out.
    Why(Place),
    /// Bring a version into an environment.
    Promote {
        /// What, and where to.
        place: Place,
        /// Which; none means the newest that may go.
        version: Option<String>,
        /// Says yes to a version older than the one there.
        age: Age,
        /// Says yes to a version that was rolled back.
        bad: BadArtifact,
        /// Environments before it that are skipped.
        skips: Vec<String>,
        /// Why.
        reason: Option<String>,
    },
    /// Bring the last good version back.
    Rollback {
        /// What, and where.
        place: Place,
        /// To what; none means the last that ran well.
        to: Option<String>,
        /// What becomes of what other hands put there.
        drift: Drift,
        /// Where else.
        spread: Spread,
        /// Why.
        reason: Option<String>,
    },
    /// Keep everything as it is.
    Hold {
        /// What, and where.
        place: Place,
        /// Until when; none means until somebody resumes it.
        until: Option<Until>,
        /// Why.
        reason: Option<String>,
    },
    /// End a hold.
    Resume {
        /// What, and where.
        place: Place,
        /// After a rollback: what becomes of what is newer.
        newer: Option<Newer>,
        /// Why.
        reason: Option<String>,
    },
    /// Stop an environment for every application.
    Freeze {
        /// Which; `*` is all of them.
        environment: String,
        /// Until when; none means until somebody thaws it.
        until: Option<Until>,
        /// Whether rollbacks go in nevertheless: `--allow rollback`.
        rollbacks: Rollbacks,
        /// Why.
        reason: String,
    },
    /// End a freeze.
    Thaw {
        /// Which; `*` is all of them.
        environment: String,
        /// Why.
        reason: Option<String>,
    },
    /// Pass a shut gate.
    Skip {
        /// Its name.
        gate: String,
        /// Of what, and where; none means the promotion that is being talked about.
        place: Option<Place>,
        /// Why.
        reason: String,
    },
    /// What would be done, now or later.
    Plan {
        /// One application; without it all of them.
        application: Option<String>,
        /// A run of this schedule, instead: `--schedule`.
        schedule: Option<String>,
        /// When; none means now: `--at`.
        at: Option<Until>,
    },
    /// Let go what waits for a schedule's run.
    Run {
        /// Which schedule.
        schedule: String,
    },
    /// Do something about a proposal, where hoist is the forge.
    Review {
        /// The promotion that it carries.
        promotion: String,
        /// What.
        step: Step,
        /// A word to the others.
        comment: Option<String>,
    },
    /// What was promoted.
    History {
        /// Which application.
        application: String,
        /// One environment; without it all of them.
        environment: Option<String>,
    },
}

/// An application in an environment, as somebody typed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What.
    pub application: String,
    /// Where.
    pub environment: String,
}

/// Whether a rollback is for one environment, or wherever the same runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spread {
    /// One.
    #[default]
    Here,
    /// Those after it, and beside it, that run the same, too: `--everywhere`.
    Everywhere,
}

/// What somebody does about a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Says yes.
    Approve,
    /// Merges it.
    Merge,
    /// Closes it.
    Close,
}

impl Step {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Merge, Self::Close];

    /// Its option.
    pub fn option(self) -> &'static str {
        match self {
            Self::Approve => "--approve",
            Self::Merge => "--merge",
            Self::Close => "--close",
        }
    }
}

/// The first word of an utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// What is where.
    Status,
    /// What keeps a version out.
    Why,
    /// Bring a version in.
    Promote,
    /// Bring the last good version back.
    Rollback,
    /// Keep everything as it is.
    Hold,
    /// End a hold.
    Resume,
    /// Stop an environment.
    Freeze,
    /// End a freeze.
    Thaw,
    /// Pass a gate.
    Skip,
    /// What would be done.
    Plan,
    /// Let go what waits for a schedule.
    Run,
    /// Do something about a proposal.
    Review,
    /// What was done.
    History,
    /// What can be said.
    Help,
}

impl Verb {
    /// All of them, as the help lists them.
    pub const ALL: [Self; 14] = [
        Self::Status,
        Self::Why,
        Self::Promote,
        Self::Rollback,
        Self::Hold,
        Self::Resume,
        Self::Freeze,
        Self::Thaw,
        Self::Skip,
        Self::Plan,
        Self::Run,
        Self::Review,
        Self::History,
        Self::Help,
    ];

    /// The word itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Why => "why",
            Self::Promote => "promote",
            Self::Rollback => "rollback",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Skip => "skip",
            Self::Plan => "plan",
            Self::Run => "run",
            Self::Review => "review",
            Self::History => "history",
            Self::Help => "help",
        }
    }

    /// How it is said.
    pub fn usage(self) -> &'static str {
        match self {
            Self::Status => "status [APP]",
            Self::Why => "why APP ENV",
            Self::Promote => {
                "promote APP to ENV [VERSION] [--allow-older] [--force-bad] [--skip ENV] \
                 [because …]"
            }
            Self::Rollback => {
                "rollback APP ENV [to VERSION] [--over-drift] [--everywhere] [because …]"
            }
            Self::Hold => "hold APP ENV [for 2h | until 17:00] [because …]",
            Self::Resume => "resume APP ENV [--with-newer | --without-newer] [because …]",
            Self::Freeze => "freeze ENV [for 2h | until 17:00] [--allow rollback] because …",
            Self::Thaw => "thaw ENV [because …]",
            Self::Skip => "skip GATE [APP ENV] because …",
            Self::Plan => "plan [APP | --schedule NAME] [--at 17:00]",
            Self::Run => "run SCHEDULE",
            Self::Review => "review PROMOTION --approve | --merge | --close [because …]",
            Self::History => "history APP [ENV]",
            Self::Help => "help",
        }
    }

    /// The verb of that name, however it is written.
    fn of(typed: &str) -> Option<Self> {
        // Two that people say, and that mean one thing only.
        let typed = match typed.to_ascii_lowercase().as_str() {
            "unfreeze" => Self::Thaw.name(),
            "unhold" => Self::Resume.name(),
            _ => typed,
        };
        Self::ALL.into_iter().find(|verb| verb.name().eq_ignore_ascii_case(typed))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why what was said is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misunderstanding {
    /// It begins with no verb that is known.
    #[error("{typed:?} is nothing that hoist understands")]
    UnknownVerb {
        /// The first word.
        typed: String,
        /// The whole with the nearest verb in its place, where that makes sense.
        meant: Option<Box<Utterance>>,
    },
    /// Something is missing.
    #[error("{verb} needs {what}")]
    Missing {
        /// Of which verb.
        verb: Verb,
        /// What.
        what: &'static str,
    },
    /// Something has no place there.
    #[error("{typed:?} has no place in a {verb}")]
    Unexpected {
        /// In which verb.
        verb: Verb,
        /// What.
        typed: String,
    },
    /// It says another thing of what was said before.
    #[error("{typed:?} contradicts what was said before it")]
    Twice {
        /// In which verb.
        verb: Verb,
        /// What.
        typed: String,
    },
    /// An option is not known.
    #[error("{typed:?} is no option")]
    UnknownOption {
        /// Of which verb.
        verb: Verb,
        /// What.
        typed: String,
        /// The nearest that is.
        nearest: Option<&'static str>,
    },
    /// A time cannot be read.
    #[error(transparent)]
    Time(#[from] InvalidTime),
    /// A quoted word has no end.
    #[error("a quotation mark is opened and never closed")]
    OpenQuote,
    /// It is longer than anybody would say.
    #[error("that is longer than {LONGEST} bytes")]
    TooLong,
}

impl FromStr for Utterance {
    type Err = Misunderstanding;

    fn from_str(text: &str) -> Result<Self, Misunderstanding> {
        if text.len() > LONGEST {
            return Err(Misunderstanding::TooLong);
        }
        let Some((typed, rest)) = words::verb(text)? else { return Ok(Self::Help) };
        match Verb::of(&typed) {
            Some(verb) => Self::of(verb, rest),
            None => {
                let names = Verb::ALL.map(Verb::name);
                let verb = nearest(&typed, &names).and_then(Verb::of);
                let meant = verb.and_then(|verb| Self::of(verb, rest).ok()).map(Box::new);
                Err(Misunderstanding::UnknownVerb { typed, meant })
            }
        }
    }
}

impl Utterance {
    /// The same, said where it is known what is being talked about.
    #[must_use]
    pub fn about(mut self, known: Option<Place>) -> Self {
        if let Self::Skip { place: place @ None, .. } = &mut self {
            *place = known;
        }
        self
    }

    fn of(verb: Verb, rest: &str) -> Result<Self, Misunderstanding> {
        let mut heard = Heard::read(verb, rest)?;
        let utterance = match verb {
            Verb::Help => {
                // Whoever asks for help with something gets all of it.
                return Ok(Self::Help);
            }
            Verb::Status => Self::Status { application: heard.next() },
            Verb::Plan => Self::Plan {
                schedule: heard.schedule.take(),
                at: heard.at.take(),
                application: heard.next(),
            },
            Verb::Run => Self::Run { schedule: heard.word("the name of a schedule")? },
            Verb::Review => heard.review()?,
            Verb::Why => Self::Why(heard.place()?),
            Verb::Promote => heard.promote()?,
            Verb::Rollback => heard.rollback()?,
            Verb::Hold => Self::Hold {
                place: heard.place()?,
                until: heard.until.take(),
                reason: heard.reason.take(),
            },
            Verb::Resume => Self::Resume {
                place: heard.place()?,
                newer: heard.newer()?,
                reason: heard.reason.take(),
            },
            Verb::Freeze => Self::Freeze {
                environment: heard.word("an environment")?,
                until: heard.until.take(),
                rollbacks: heard.rollbacks,
                reason: heard.because()?,
            },
            Verb::Thaw => Self::Thaw {
                environment: heard.word("an environment")?,
                reason: heard.reason.take(),
            },
            Verb::Skip => heard.skip()?,
            Verb::History => Self::History {
                application: heard.word("an application")?,
                environment: heard.next(),
            },
        };
        heard.finish()?;
        Ok(utterance)
    }

    /// Its first word.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Help => Verb::Help,
            Self::Status { .. } => Verb::Status,
            Self::Why(_) => Verb::Why,
            Self::Promote { .. } => Verb::Promote,
            Self::Rollback { .. } => Verb::Rollback,
            Self::Hold { .. } => Verb::Hold,
            Self::Resume { .. } => Verb::Resume,
            Self::Freeze { .. } => Verb::Freeze,
            Self::Thaw { .. } => Verb::Thaw,
            Self::Skip { .. } => Verb::Skip,
            Self::Plan { .. } => Verb::Plan,
            Self::Run { .. } => Verb::Run,
            Self::Review { .. } => Verb::Review,
            Self::History { .. } => Verb::History,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", shown(&self.application), shown(&self.environment))
    }
}

impl fmt::Display for Utterance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verb())?;
        match self {
            Self::Help => Ok(()),
            Self::Status { application } => word(f, application),
            Self::Plan { application, schedule, at } => {
                word(f, application)?;
                if let Some(schedule) = schedule {
                    write!(f, " --schedule {}", shown(schedule))?;
                }
                at.as_ref().map_or(Ok(()), |at| write!(f, " --at {}", at.moment()))
            }
            Self::Run { schedule } => write!(f, " {}", shown(schedule)),
            Self::Review { promotion, step, comment } => {
                write!(f, " {} {}", shown(promotion), step.option())?;
                because(f, comment.as_deref())
            }
            Self::Why(place) => write!(f, " {place}"),
            Self::Promote { place, version, age, bad, skips, reason } => {
                write!(f, " {} to {}", shown(&place.application), shown(&place.environment))?;
                word(f, version)?;
                option(f, (*age == Age::OlderToo).then_some("--allow-older"))?;
                option(f, (*bad == BadArtifact::Forced).then_some("--force-bad"))?;
                for skip in skips {
                    write!(f, " --skip {}", shown(skip))?;
                }
                because(f, reason.as_deref())
            }
            Self::Rollback { place, to, drift, spread, reason } => {
                write!(f, " {place}")?;
                if let Some(to) = to {
                    write!(f, " to {}", shown(to))?;
                }
                option(f, (*drift == Drift::TakenBack).then_some("--over-drift"))?;
                option(f, (*spread == Spread::Everywhere).then_some("--everywhere"))?;
                because(f, reason.as_deref())
            }
            Self::Hold { place, until, reason } => {
                write!(f, " {place}")?;
                time(f, until.as_ref())?;
                because(f, reason.as_deref())
            }
            Self::Resume { place, newer, reason } => {
                write!(f, " {place}")?;
                option(f, (*newer == Some(Newer::With)).then_some("--with-newer"))?;
                option(f, (*newer == Some(Newer::Without)).then_some("--without-newer"))?;
                because(f, reason.as_deref())
            }
            Self::Freeze { environment, until, rollbacks, reason } => {
                write!(f, " {}", shown(environment))?;
                time(f, until.as_ref())?;
                option(f, (*rollbacks == Rollbacks::Pass).then_some("--allow rollback"))?;
                because(f, Some(reason))
            }
            Self::Thaw { environment, reason } => {
                write!(f, " {}", shown(environment))?;
                because(f, reason.as_deref())
            }
            Self::Skip { gate, place, reason } => {
                write!(f, " {}", shown(gate))?;
                if let Some(place) = place {
                    write!(f, " {place}")?;
                }
                because(f, Some(reason))
            }
            Self::History { application, environment } => {
                write!(f, " {}", shown(application))?;
                word(f, environment)
            }
        }
    }
}

fn word(f: &mut fmt::Formatter<'_>, word: &Option<String>) -> fmt::Result {
    word.as_ref().map_or(Ok(()), |word| write!(f, " {}", shown(word)))
}

fn option(f: &mut fmt::Formatter<'_>, said: Option<&str>) -> fmt::Result {
    said.map_or(Ok(()), |name| write!(f, " {name}"))
}

fn time(f: &mut fmt::Formatter<'_>, until: Option<&Until>) -> fmt::Result {
    until.map_or(Ok(()), |until| write!(f, " {until}"))
}

fn because(f: &mut fmt::Formatter<'_>, reason: Option<&str>) -> fmt::Result {
    reason.map_or(Ok(()), |reason| write!(f, " because {reason}"))
}

#[cfg(test)]
mod tests;
