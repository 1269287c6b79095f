//! Git's protocol over HTTP, spoken by hoist itself at its floor: a question for the refs, one for
//! what is new, one for a push (`gitprotocol-v2`, `gitprotocol-pack`, `gitprotocol-http`).
//!
//! libgit2 speaks the first version only, in which every question is answered with all refs, and
//! pushes changed folders in full. It stays the way for servers that know no second version, for
//! SSH, and for what a server does not take from us.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{Read, Write as _};
use std::sync::Arc;

use git2::{Oid, Repository};

use super::http::{Exchange, HttpWire, Question, Version};
use super::pack;
use super::packet::{self, DELIMITER, FLUSH, Packet, Packets, text_of};
use super::smart::SmartTransport;
use super::wire::Wire as _;
use super::{
    Kind, RemoteRefs, Transport, TransportError, WORDS_LIMIT, is_mirrored, oid, readable, settle,
};
use crate::app::ports::{RefOutcome, RefUpdate};

/// How we are called on the wire.
const AGENT: &str = concat!("agent=hoist/", env!("CARGO_PKG_VERSION"));

/// Where objects are fetched from.
const UPLOAD: &str = "git-upload-pack";

/// Where objects are pushed to.
const RECEIVE: &str = "git-receive-pack";

/// How many commits of ours a server is told of at most: it sends what leads from any of them to
/// what is wanted, and those that moved come first.
const MOST_KNOWN: usize = 256;

/// How Git names objects where it does not say so.
const USUAL_FORMAT: &str = "object-format=sha1";

/// What a ref that is not there holds.
const NOTHING: &str = "0000000000000000000000000000000000000000";

pub(in super::super) struct NativeTransport {
    wire: Arc<HttpWire>,
    libgit2: SmartTransport,
    /// What the server said it can, asked once.
    fetching: RefCell<Option<Speech>>,
    pushing: RefCell<Pushing>,
}

/// What is known of how a server is pushed to.
#[derive(Debug, Default)]
enum Pushing {
    /// Nobody has asked.
    #[default]
    Unasked,
    /// It did not say when it was asked on the way: whoever pushes asks and is told.
    Untold,
    /// What it can.
    Known(Vec<String>),
}

/// What a server speaks when objects are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    /// The second version, and whether it says how it names objects.
    Second { names_its_format: bool },
    /// An earlier one.
    Earlier,
}

/// What a push was answered.
#[derive(Debug, Default)]
struct Report {
    /// Whether the pack arrived and was understood.
    unpacked: bool,
    answers: BTreeMap<String, Option<String>>,
    words: String,
}

impl NativeTransport {
    pub(super) fn over(wire: Arc<HttpWire>, libgit2: SmartTransport) -> Self {
        Self { wire, libgit2, fetching: RefCell::default(), pushing: RefCell::default() }
    }

    /// What the server speaks. It is asked once, and anew after anything went wrong.
    fn speech(&self) -> Result<Speech, TransportError> {
        if let Some(known) = *self.fetching.borrow() {
            return Ok(known);
        }
        let answer = self.wire.exchange(UPLOAD, Question::WhatIsThere, Version::Second)?;
        let mut packets = Packets::of(answer);
        let first = self.first_line(&mut packets)?;
        let speech = if first.as_deref() == Some("version 2") {
            let abilities = packets.lines().map_err(|cause| self.wire.cut_short(&cause))?;
            self.end(packets)?;
            let format = abilities.iter().find(|it| it.starts_with("object-format="));
            if format.is_some_and(|it| it != USUAL_FORMAT) {
                return Err(TransportError::of_another_format());
            }
            Speech::Second { names_its_format: format.is_some() }
        } else {
            Speech::Earlier
        };
        *self.fetching.borrow_mut() = Some(speech);
        Ok(speech)
    }

    /// The refs that hoist mirrors, as they are now.
    fn list(&self, names_its_format: bool) -> Result<RemoteRefs, TransportError> {
        let prefixes = super::MIRRORED.map(|prefix| format!("ref-prefix {prefix}"));
        let asked = ("ls-refs", names_its_format);
        let question = Question::Work(command(asked, &prefixes));
        let nobody_asked = matches!(&*self.pushing.borrow(), Pushing::Unasked);
        let answer = if nobody_asked {
            // Who fetches is about to push: what that wants to know is asked on the way.
            let beside = (UPLOAD, question, Version::Second);
            let (answer, other) = self.wire.exchange_beside(beside, RECEIVE)?;
            let told = other.and_then(|other| self.read_abilities(other).ok());
            self.pushing.replace(told.map_or(Pushing::Untold, Pushing::Known));
            answer
        } else {
            self.wire.exchange(UPLOAD, question, Version::Second)?
        };
        let mut packets = Packets::of(answer);
        let lines = packets.lines().map_err(|cause| self.wire.cut_short(&cause))?;
        self.end(packets)?;
        mirrored(&lines).map_err(|line| self.strange(line))
    }

    /// Brings what `refs` hold and the mirror does not have, in one question.
    fn bring(
        &self,
        mirror: &Repository,
        refs: &RemoteRefs,
        names_its_format: bool,
    ) -> Result<(), TransportError> {
        let ours = |cause: &git2::Error| TransportError::mirror("reading the mirror", cause);
        let odb = mirror.odb().map_err(|cause| ours(&cause))?;
        let wanted: BTreeSet<Oid> = refs.values().copied().filter(|id| !odb.exists(*id)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut arguments = vec!["thin-pack".to_owned(), "ofs-delta".into(), "no-progress".into()];
        arguments.extend(wanted.iter().map(|id| format!("want {id}")));
        let known = known(mirror, refs).map_err(|cause| ours(&cause))?;
        arguments.extend(known.iter().map(|id| format!("have {id}")));
        // What we have is told at once: there is nothing to negotiate.
        arguments.push("done".into());
        let question = Question::Work(command(("fetch", names_its_format), &arguments));
        let answer = self.wire.exchange(UPLOAD, question, Version::Second)?;
        let mut packets = Packets::of(answer);
        while self.line(&mut packets)? != "packfile" {
            while let Packet::Data(_) = self.packet(&mut packets)? {}
        }
        let writing = |cause: &dyn std::fmt::Display| {
            TransportError::new(Kind::Mirror, format!("writing what was fetched: {cause}"))
        };
        let mut writer = odb.packwriter().map_err(|cause| writing(&cause))?;
        while let Packet::Data(bytes) = self.packet(&mut packets)? {
            match bytes.split_first() {
                Some((1, bytes)) => writer.write_all(bytes).map_err(|cause| writing(&cause))?,
                Some((3, words)) => return Err(self.refused(words)),
                Some(_) | None => (),
            }
        }
        writer.commit().map_err(|cause| writing(&cause))?;
        self.end(packets)
    }

    /// What the server can when it is pushed to. Asked once: the answer holds every ref.
    fn abilities(&self) -> Result<Vec<String>, TransportError> {
        if let Pushing::Known(known) = &*self.pushing.borrow() {
            return Ok(known.clone());
        }
        let answer = self.wire.exchange(RECEIVE, Question::WhatIsThere, Version::Any)?;
        let abilities = self.read_abilities(answer)?;
        self.pushing.replace(Pushing::Known(abilities.clone()));
        Ok(abilities)
    }

    fn read_abilities(&self, answer: Exchange) -> Result<Vec<String>, TransportError> {
        let mut packets = Packets::of(answer);
        let first = self.first_line(&mut packets)?.unwrap_or_default();
        let abilities = first.split_once('\0').map(|(_, abilities)| abilities).unwrap_or_default();
        Ok(abilities.split(' ').map(str::to_owned).collect())
    }

    /// One push of updates, each with the value that it expects: the server compares and swaps.
    fn try_push(
        &self,
        mirror: &Repository,
        updates: &[RefUpdate],
    ) -> Result<Report, TransportError> {
        let abilities = self.abilities()?;
        let mut wishes = vec![AGENT.to_owned()];
        let known = ["report-status", "side-band-64k", USUAL_FORMAT];
        wishes.extend(known.iter().filter(|it| has(&abilities, it)).map(|it| (*it).to_owned()));
        let mut body = Vec::new();
        for (place, update) in updates.iter().enumerate() {
            let value = |id: &Option<_>| match id {
                Some(id) => oid(id).map(|id| id.to_string()),
                None => Ok(NOTHING.to_owned()),
            };
            let mut line =
                format!("{} {} {}", value(&update.expected)?, value(&update.new)?, update.name);
            if place == 0 {
                line.push('\0');
                line.push_str(&wishes.join(" "));
            }
            packet::write(&mut body, &line);
        }
        body.extend_from_slice(FLUSH);
        if updates.iter().any(|update| update.new.is_some()) {
            body.extend(new_objects(mirror, updates)?);
        }
        let answer = self.wire.exchange(RECEIVE, Question::Work(body), Version::Any)?;
        if has(&abilities, "side-band-64k") {
            self.apart(Packets::of(answer))
        } else {
            self.report(Packets::of(answer), String::new())
        }
    }

    /// Reads a report that comes beside what the server says to people.
    fn apart(&self, mut packets: Packets<impl Read>) -> Result<Report, TransportError> {
        let (mut told, mut words) = (Vec::new(), Vec::new());
        while let Packet::Data(bytes) = self.packet(&mut packets)? {
            match bytes.split_first() {
                Some((1, bytes)) => told.extend_from_slice(bytes),
                Some((2, bytes)) => {
                    let room = WORDS_LIMIT.saturating_sub(words.len());
                    words.extend(bytes.iter().take(room));
                }
                Some((3, words)) => return Err(self.refused(words)),
                Some(_) | None => (),
            }
        }
        self.end(packets)?;
        let words = readable(&self.wire.scrub(&String::from_utf8_lossy(&words)));
        self.report(Packets::of(told.as_slice()), words)
    }

    /// Reads what became of the pack and of each ref.
    fn report(
        &self,
        mut packets: Packets<impl Read>,
        words: String,
    ) -> Result<Report, TransportError> {
        let mut report = Report { words, ..Report::default() };
        for line in packets.lines().map_err(|cause| self.wire.cut_short(&cause))? {
            match line.split_once(' ') {
                Some(("unpack", "ok")) => report.unpacked = true,
                Some(("ok", name)) => {
                    report.answers.insert(name.to_owned(), None);
                }
                Some(("ng", rest)) => {
                    let (name, reason) = rest.split_once(' ').unwrap_or((rest, "refused"));
                    let reason = readable(&self.wire.scrub(reason));
                    report.answers.insert(name.to_owned(), Some(reason));
                }
                Some(_) | None => (),
            }
        }
        Ok(report)
    }

    /// What a server says first of what it can; some name the service before that. None where it
    /// has nothing to say: before there were versions, of a repository without refs.
    fn first_line(
        &self,
        packets: &mut Packets<impl Read>,
    ) -> Result<Option<String>, TransportError> {
        let first = self.line(packets)?;
        if !first.starts_with("# service=") {
            return Ok(Some(first));
        }
        self.packet(packets)?;
        Ok(match self.packet(packets)? {
            Packet::Data(bytes) => Some(text_of(&bytes)),
            Packet::Delimiter | Packet::Flush => None,
        })
    }

    fn end(&self, packets: Packets<impl Read>) -> Result<(), TransportError> {
        packets.end().map_err(|cause| self.wire.cut_short(&cause))
    }

    fn packet(&self, packets: &mut Packets<impl Read>) -> Result<Packet, TransportError> {
        packets.next().map_err(|cause| self.wire.cut_short(&cause))
    }

    /// A packet that must hold a text.
    fn line(&self, packets: &mut Packets<impl Read>) -> Result<String, TransportError> {
        match self.packet(packets)? {
            Packet::Data(bytes) => Ok(text_of(&bytes)),
            Packet::Delimiter | Packet::Flush => Err(self.strange("nothing")),
        }
    }

    fn refused(&self, words: &[u8]) -> TransportError {
        let words = readable(&self.wire.scrub(&String::from_utf8_lossy(words)));
        TransportError::new(Kind::Unreachable, format!("the Git server gave up: {words}"))
    }

    fn strange(&self, said: &str) -> TransportError {
        let said = readable(&self.wire.scrub(said));
        TransportError::new(
            Kind::Unreachable,
            format!("the Git server said {said:?}, which is no answer"),
        )
    }
}

impl Transport for NativeTransport {
    fn fetch(&self, mirror: &Repository) -> Result<RemoteRefs, TransportError> {
        let Speech::Second { names_its_format } = self.speech()? else {
            return self.libgit2.fetch(mirror);
        };
        let refs = self.list(names_its_format)?;
        self.bring(mirror, &refs, names_its_format).inspect_err(|_| {
            // It may be another server by the next time.
            self.fetching.take();
        })?;
        Ok(refs)
    }

    fn push(
        &self,
        mirror: &Repository,
        updates: &[RefUpdate],
    ) -> Result<Vec<RefOutcome>, TransportError> {
        let report = self.try_push(mirror, updates).inspect_err(|_| {
            self.pushing.replace(Pushing::Untold);
        })?;
        if !report.unpacked {
            // It may lack what the pack builds upon: libgit2 takes nothing for granted.
            tracing::debug!("the Git server did not take a thin pack: {}", report.words);
            match self.libgit2.push(mirror, updates) {
                Ok(outcomes) => return Ok(outcomes),
                // What the refs are now tells whether that was the way, or the server's word.
                Err(error) => tracing::debug!("and no whole one: {error}"),
            }
        }
        let mut outcomes = BTreeMap::new();
        for update in updates {
            if let Some(None) = report.answers.get(&update.name) {
                outcomes.insert(update.name.as_str(), RefOutcome::Moved);
            }
        }
        settle(updates, &mut outcomes, (&report.answers, &report.words), || {
            match self.speech()? {
                Speech::Second { names_its_format } => self.list(names_its_format),
                Speech::Earlier => self.libgit2.list(mirror),
            }
        })?;
        Ok(updates.iter().filter_map(|update| outcomes.remove(update.name.as_str())).collect())
    }
}

/// What a server tells of the refs that hoist mirrors: it may tell of all others as well, because
/// what was asked for is only a hint to it. The line that nobody understands, if there is one.
fn mirrored(lines: &[String]) -> Result<RemoteRefs, &str> {
    let mut refs = RemoteRefs::new();
    for line in lines {
        let mut words = line.split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else { continue };
        if is_mirrored(name) {
            refs.insert(name.to_owned(), Oid::from_str(id).map_err(|_| line.as_str())?);
        }
    }
    Ok(refs)
}

/// A question of the second version.
fn command((name, names_its_format): (&str, bool), arguments: &[String]) -> Vec<u8> {
    let mut body = Vec::new();
    packet::write(&mut body, &format!("command={name}\n"));
    packet::write(&mut body, &format!("{AGENT}\n"));
    if names_its_format {
        packet::write(&mut body, &format!("{USUAL_FORMAT}\n"));
    }
    body.extend_from_slice(DELIMITER);
    arguments.iter().for_each(|argument| packet::write(&mut body, &format!("{argument}\n")));
    body.extend_from_slice(FLUSH);
    body
}

fn has(abilities: &[String], wanted: &str) -> bool {
    abilities.iter().any(|ability| ability == wanted)
}

/// What we have that the server may know: what the refs held that have moved, then the others.
fn known(mirror: &Repository, refs: &RemoteRefs) -> Result<Vec<Oid>, git2::Error> {
    let (mut moved, mut still) = (Vec::new(), Vec::new());
    for reference in mirror.references()? {
        let reference = reference?;
        let Some(held) = reference.target() else { continue };
        let now = refs.get(reference.name()?);
        if now == Some(&held) { still.push(held) } else { moved.push(held) }
    }
    let mut seen = HashSet::new();
    let known = moved.into_iter().chain(still).filter(|id| seen.insert(*id));
    Ok(known.take(MOST_KNOWN).collect())
}

/// The pack of what the updates bring, beyond what the refs of the mirror hold: those are the
/// remote's, as of the last fetch.
fn new_objects(mirror: &Repository, updates: &[RefUpdate]) -> Result<Vec<u8>, TransportError> {
    let ours = |cause: anyhow::Error| TransportError::disk(&cause.context("writing a pack"));
    let mut there = HashSet::new();
    let references = mirror.references().map_err(|cause| ours(cause.into()))?;
    for reference in references {
        let reference = reference.map_err(|cause| ours(cause.into()))?;
        there.extend(reference.target());
    }
    let tips = updates.iter().filter_map(|update| update.new.as_ref()).map(oid);
    let tips = tips.collect::<Result<Vec<Oid>, TransportError>>()?;
    pack::thin(mirror, &tips, &there).map_err(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_tells_beyond_what_it_was_asked_is_not_mirrored() {
        let id = "2b5e3ac4f1f6ab1c3f5c7a7e2b1c0d9e8f7a6b5c";
        let line = |rest: &str| format!("{id} {rest}");
        let names = ["HEAD symref-target:refs/heads/main", "refs/heads/main", "refs/hoist/audit"];
        let others = ["refs/pull/7/head", "refs/tags/v1 peeled:0", "refs/headship", "refs/notes/n"];
        let mut lines: Vec<String> = names.into_iter().chain(others).map(line).collect();
        lines.push("unborn HEAD symref-target:refs/heads/main".into());
        let refs = mirrored(&lines).unwrap();
        assert_eq!(refs.keys().collect::<Vec<_>>(), ["refs/heads/main", "refs/hoist/audit"]);
        assert!(refs.values().all(|held| held.to_string() == id));
        lines.push("rubbish refs/heads/other".into());
        assert_eq!(mirrored(&lines), Err("rubbish refs/heads/other"));
    }
}
