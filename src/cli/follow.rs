//! Following what was announced until it is where it was to go.

use std::time::Duration;

use jiff::SignedDuration;

use crate::app::views::{Arrival, ArrivalView, ProgressView};
use crate::config::parse_duration;
use crate::domain::id::EnvironmentName;
use crate::messages::ci;

use super::announce::{Failed, Sending};
use super::failure::Trouble;
use super::output::Output;

/// The first pause between two questions; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// No pause is longer: a person may be watching.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How many questions in a row may fail: hoist may be restarting meanwhile.
const MOST_FAILURES: u32 = 12;

/// What became of waiting.
pub(super) struct Followed {
    environment: EnvironmentName,
    applications: Vec<ArrivalView>,
    /// Why it is not decided yet, where it is not.
    why: Option<String>,
    timeout: String,
}

impl Followed {
    fn arrival(&self) -> Arrival {
        let ended = |it: &&ArrivalView| it.arrival == Arrival::Ended;
        if self.applications.iter().any(|it| ended(&it)) {
            return Arrival::Ended;
        }
        let all = self.applications.iter().all(|it| it.arrival == Arrival::Arrived);
        if all && !self.applications.is_empty() { Arrival::Arrived } else { Arrival::OnItsWay }
    }

    /// Success where it arrived everywhere, and else the reason why not.
    pub(super) fn outcome(&self) -> Result<(), Trouble> {
        let told = self.told();
        match self.arrival() {
            Arrival::Arrived => Ok(()),
            Arrival::OnItsWay => {
                let what = ci::too_slow(&self.environment, &self.timeout, &told);
                Err(Trouble::failed(what, ci::STILL_ON_ITS_WAY))
            }
            Arrival::Ended => {
                let what = ci::did_not_arrive(&self.environment, &told);
                Err(Trouble::failed(what, ci::LOOK_AT_PROMOTION))
            }
        }
    }

    /// Where each application stands.
    pub(super) fn applications(&self) -> &[ArrivalView] {
        &self.applications
    }

    /// The same in words, a line each.
    fn told(&self) -> String {
        let line = |it: &ArrivalView| ci::stands(&it.application, &it.state, &it.told);
        let lines: Vec<_> = self.applications.iter().map(line).chain(self.why.clone()).collect();
        lines.join("\n")
    }
}

/// Asks until what was announced is in the environment, has ended elsewhere, or time is up.
pub(super) async fn until_there(
    sending: &Sending<'_>,
    environment: &EnvironmentName,
    timeout: &str,
    out: &mut Output,
) -> Result<Followed, Trouble> {
    let longest = parse_duration(timeout).unwrap_or(SignedDuration::ZERO).unsigned_abs();
    let mut followed = Followed {
        environment: environment.clone(),
        applications: Vec::new(),
        why: None,
        timeout: timeout.to_owned(),
    };
    // What is over when its time is up is what was last seen.
    let waiting = tokio::time::timeout(longest, watch(sending, &mut followed, out));
    match waiting.await {
        Ok(Err(trouble)) => Err(trouble),
        Ok(Ok(())) | Err(_) => Ok(followed),
    }
}

async fn watch(
    sending: &Sending<'_>,
    followed: &mut Followed,
    out: &mut Output,
) -> Result<(), Trouble> {
    let (mut pause, mut failures) = (FIRST_PAUSE, 0);
    let mut shown = String::new();
    loop {
        match ask(sending, &followed.environment).await {
            Ok(ProgressView { why, applications }) => {
                failures = 0;
                (followed.why, followed.applications) = (why, applications);
            }
            Err(Failed::ForNow { trouble, .. }) if failures < MOST_FAILURES => {
                failures += 1;
                out.note(&trouble.to_string());
            }
            Err(Failed::ForNow { trouble, .. } | Failed::ForGood(trouble)) => return Err(trouble),
        }
        let told = followed.told();
        if told != shown && failures == 0 {
            out.note(&told);
            shown = told;
        }
        match followed.arrival() {
            Arrival::Arrived | Arrival::Ended => return Ok(()),
            Arrival::OnItsWay => tokio::time::sleep(pause).await,
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

async fn ask(sending: &Sending<'_>, environment: &EnvironmentName) -> Result<ProgressView, Failed> {
    let signed = sending.proof.put_on(sending.outgoing, sending.tokens).await?;
    Ok(sending.remote.progress(&signed, environment.as_str()).await?)
}
