//! What follows a verb, sorted into words, clauses and options.

use std::collections::VecDeque;
use std::fmt;

use super::super::freeze::Rollbacks;
use super::super::nearest::nearest;
use super::words::{self, Form, Word};
use super::{
    Age, BadArtifact, Drift, Misunderstanding, Newer, Place, Spread, Step, Until, Utterance, Verb,
};

/// The options, the same as on the command line: what an answer suggests works in a conversation.
const OPTIONS: [&str; 19] = [
    "--allow",
    "--allow-older",
    "--force-bad",
    "--skip",
    "--over-drift",
    "--everywhere",
    "--with-newer",
    "--without-newer",
    "--version",
    "--to",
    "--for",
    "--reason",
    "--digest",
    "--tag",
    "--schedule",
    "--at",
    "--approve",
    "--merge",
    "--close",
];

/// What was heard after a verb and is not used yet.
pub(super) struct Heard {
    verb: Verb,
    words: VecDeque<String>,
    to: Option<String>,
    skips: Vec<String>,
    /// Options without a value.
    flags: Vec<&'static str>,
    /// Only a freeze asks.
    pub(super) rollbacks: Rollbacks,
    pub(super) until: Option<Until>,
    pub(super) schedule: Option<String>,
    pub(super) at: Option<Until>,
    pub(super) reason: Option<String>,
}

impl Heard {
    pub(super) fn read(verb: Verb, text: &str) -> Result<Self, Misunderstanding> {
        let mut heard = Self {
            verb,
            words: VecDeque::new(),
            to: None,
            skips: Vec::new(),
            flags: Vec::new(),
            rollbacks: Rollbacks::Wait,
            until: None,
            schedule: None,
            at: None,
            reason: None,
        };
        let mut rest = text;
        while let Some((word, after)) = words::next(rest)? {
            rest = heard.take(word, after)?;
        }
        Ok(heard)
    }

    /// Takes one word, and what belongs to it; answers with what comes after.
    fn take<'t>(&mut self, word: Word, after: &'t str) -> Result<&'t str, Misunderstanding> {
        if let Some(option) = word.option() {
            return self.option(&option, after);
        }
        match word.keyword() {
            Some("because") => {
                let reason = after.trim();
                if reason.is_empty() {
                    return Err(self.missing("a reason after `because`"));
                }
                once(self.verb, &mut self.reason, reason.to_owned())?;
                Ok("")
            }
            Some("to" | "into") => {
                let (value, after) = self.value(after, "a name after `to`")?;
                once(self.verb, &mut self.to, value)?;
                Ok(after)
            }
            // `skip soak for payments in prod`: there is no time in it.
            Some("for") if self.verb == Verb::Skip => Ok(after),
            Some("for") => self.time(after, Until::read_length),
            Some("until") => self.time(after, Until::read_moment),
            // `hold payments in prod`; a word of its own where nothing comes before it.
            Some("in") if !self.words.is_empty() => Ok(after),
            Some(_) | None => {
                if word.text.is_empty() {
                    return Err(self.missing("a word between the quotation marks"));
                }
                self.words.push_back(word.text);
                Ok(after)
            }
        }
    }

    fn option<'t>(&mut self, option: &str, after: &'t str) -> Result<&'t str, Misunderstanding> {
        let Some(known) = OPTIONS.into_iter().find(|it| *it == option) else {
            let nearest = nearest(option, &OPTIONS);
            let nearest = nearest.and_then(|near| OPTIONS.into_iter().find(|it| *it == near));
            let typed = option.to_owned();
            return Err(Misunderstanding::UnknownOption { verb: self.verb, typed, nearest });
        };
        match known {
            "--for" => self.time(after, Until::read_length),
            "--to" => {
                let (value, after) = self.value(after, "a version after `--to`")?;
                once(self.verb, &mut self.to, value)?;
                Ok(after)
            }
            "--schedule" => {
                let (value, after) = self.value(after, "a schedule after `--schedule`")?;
                once(self.verb, &mut self.schedule, value)?;
                Ok(after)
            }
            "--at" => {
                let (at, after) = read_time(after, Until::read_moment)?;
                once(self.verb, &mut self.at, at)?;
                Ok(after)
            }
            // However it is called, a person means one artifact by it.
            "--version" | "--tag" | "--digest" => {
                let (value, after) = self.value(after, "a version after `--version`")?;
                self.words.push_back(value);
                Ok(after)
            }
            "--allow" if self.verb == Verb::Freeze => {
                let (value, after) = self.value(after, "`rollback` after `--allow`")?;
                if !value.eq_ignore_ascii_case("rollback") {
                    return Err(Misunderstanding::Unexpected { verb: self.verb, typed: value });
                }
                self.rollbacks = Rollbacks::Pass;
                Ok(after)
            }
            "--skip" => {
                let (value, after) = self.value(after, "an environment after `--skip`")?;
                self.skips.push(value);
                Ok(after)
            }
            "--reason" => {
                let (value, after) = self.value(after, "a reason after `--reason`")?;
                let reason = value.trim();
                if reason.is_empty() {
                    return Err(self.missing("a reason after `--reason`"));
                }
                once(self.verb, &mut self.reason, reason.to_owned())?;
                Ok(after)
            }
            flag => {
                if !self.flags.contains(&flag) {
                    self.flags.push(flag);
                }
                Ok(after)
            }
        }
    }

    fn value<'t>(
        &self,
        text: &'t str,
        what: &'static str,
    ) -> Result<(String, &'t str), Misunderstanding> {
        match words::next(text)? {
            Some((Word { text, form }, after))
                if !text.is_empty() && (form == Form::Quoted || !text.starts_with("--")) =>
            {
                Ok((text, after))
            }
            Some(_) | None => Err(self.missing(what)),
        }
    }

    fn time<'t>(
        &mut self,
        text: &'t str,
        read: impl Fn(&[&str]) -> Result<(Until, usize), super::InvalidTime>,
    ) -> Result<&'t str, Misunderstanding> {
        let (until, rest) = read_time(text, read)?;
        once(self.verb, &mut self.until, until)?;
        Ok(rest)
    }

    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// The next word, which must be there.
    pub(super) fn word(&mut self, what: &'static str) -> Result<String, Misunderstanding> {
        self.next().ok_or(Misunderstanding::Missing { verb: self.verb, what })
    }

    /// An application and an environment.
    pub(super) fn place(&mut self) -> Result<Place, Misunderstanding> {
        let application = self.word("an application and an environment")?;
        let environment = self.word("an environment after the application")?;
        Ok(Place { application, environment })
    }

    /// A reason, which must be there.
    pub(super) fn because(&mut self) -> Result<String, Misunderstanding> {
        self.reason.take().ok_or(self.missing("a reason: add `because …`"))
    }

    pub(super) fn promote(&mut self) -> Result<Utterance, Misunderstanding> {
        // `promote payments v1.4.2 to prod` is as good as `promote payments to prod v1.4.2`.
        let application = self.word("an application and an environment")?;
        let environment = match self.to.take() {
            Some(environment) => environment,
            None => self.word("an environment after `to`")?,
        };
        let older = self.flag("--allow-older");
        let forced = self.flag("--force-bad");
        Ok(Utterance::Promote {
            place: Place { application, environment },
            version: self.next(),
            age: older.map_or(Age::NewerOnly, |()| Age::OlderToo),
            bad: forced.map_or(BadArtifact::Refused, |()| BadArtifact::Forced),
            skips: std::mem::take(&mut self.skips),
            reason: self.reason.take(),
        })
    }

    pub(super) fn rollback(&mut self) -> Result<Utterance, Misunderstanding> {
        let place = self.place()?;
        let over = self.flag("--over-drift");
        let everywhere = self.flag("--everywhere");
        Ok(Utterance::Rollback {
            place,
            to: self.to.take(),
            drift: over.map_or(Drift::Asks, |()| Drift::TakenBack),
            spread: everywhere.map_or(Spread::Here, |()| Spread::Everywhere),
            reason: self.reason.take(),
        })
    }

    pub(super) fn skip(&mut self) -> Result<Utterance, Misunderstanding> {
        let gate = self.word("the name of a gate")?;
        let place = if self.words.is_empty() { None } else { Some(self.place()?) };
        Ok(Utterance::Skip { gate, place, reason: self.because()? })
    }

    pub(super) fn review(&mut self) -> Result<Utterance, Misunderstanding> {
        let promotion = self.word("the id of a promotion")?;
        let step = Step::ALL.into_iter().find(|it| self.flag(it.option()).is_some());
        let step = step.ok_or(self.missing("`--approve`, `--merge` or `--close`"))?;
        Ok(Utterance::Review { promotion, step, comment: self.reason.take() })
    }

    pub(super) fn newer(&mut self) -> Result<Option<Newer>, Misunderstanding> {
        match (self.flag("--with-newer"), self.flag("--without-newer")) {
            (None, None) => Ok(None),
            (Some(()), None) => Ok(Some(Newer::With)),
            (None, Some(())) => Ok(Some(Newer::Without)),
            (Some(()), Some(())) => {
                let typed = "--without-newer".to_owned();
                Err(Misunderstanding::Unexpected { verb: self.verb, typed })
            }
        }
    }

    fn flag(&mut self, name: &str) -> Option<()> {
        let at = self.flags.iter().position(|flag| *flag == name)?;
        self.flags.remove(at);
        Some(())
    }

    /// Whatever nobody asked for has no place there.
    pub(super) fn finish(self) -> Result<(), Misunderstanding> {
        let until = self.until.or(self.at).map(|until| until.to_string());
        let until = until.or(self.schedule);
        let reason = self.reason.map(|_| "because".to_owned());
        let flag = self.flags.into_iter().next().map(str::to_owned);
        let words = self.words.into_iter().next();
        let left = words.or(self.to).or(self.skips.into_iter().next()).or(flag).or(until);
        // A reason that nothing is done with does no harm to a question.
        let asks = matches!(self.verb, Verb::Status | Verb::Why | Verb::Plan | Verb::History);
        match left.or(reason.filter(|_| !asks)) {
            None => Ok(()),
            Some(typed) => Err(Misunderstanding::Unexpected { verb: self.verb, typed }),
        }
    }

    fn missing(&self, what: &'static str) -> Misunderstanding {
        Misunderstanding::Missing { verb: self.verb, what }
    }
}

/// Keeps what a clause says. Where two of them contradict each other, neither is believed.
fn once<T: fmt::Display>(
    verb: Verb,
    kept: &mut Option<T>,
    said: T,
) -> Result<(), Misunderstanding> {
    if kept.is_some() {
        return Err(Misunderstanding::Twice { verb, typed: said.to_string() });
    }
    *kept = Some(said);
    Ok(())
}

/// Reads a time, and answers with what comes after it.
fn read_time(
    text: &str,
    read: impl Fn(&[&str]) -> Result<(Until, usize), super::InvalidTime>,
) -> Result<(Until, &str), Misunderstanding> {
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    let (until, used) = read(&words)?;
    let mut rest = text.trim_start();
    for word in words.iter().take(used) {
        rest = rest.strip_prefix(word).unwrap_or(rest).trim_start();
    }
    Ok((until, rest))
}
