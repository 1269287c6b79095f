//! Where a repository is that was renamed: its forge sends on to it by its number.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

/// What its paths begin with now, instead of what they began with, and what it is called.
#[derive(Default)]
pub(in crate::adapters::forge) struct Moved(RwLock<Option<Place>>);

#[derive(Clone)]
struct Place {
    beginning: String,
    name: Option<String>,
    /// When its name was asked for last.
    asked_at: Option<Timestamp>,
}

/// How long after a name could not be learned it is asked for again.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

impl Moved {
    /// A path that begins so, as it is now.
    pub(in crate::adapters::forge) fn path<'p>(&self, before: &str, path: &'p str) -> Cow<'p, str> {
        match (self.place(), rest(before, path)) {
            (Some(Place { beginning, .. }), Some(rest)) => Cow::Owned(beginning + rest),
            _ => Cow::Borrowed(path),
        }
    }

    /// Where an answer sends on to: what paths begin with there. It is kept where the answer says
    /// that it is for good; what is only there for now is gone to once.
    ///
    /// Nobody else than the server that was named is gone to, whoever is pointed at.
    pub(in crate::adapters::forge) fn leads(
        &self,
        (api, before): (&Url, &str),
        path: &str,
        (status, headers): (StatusCode, &HeaderMap),
    ) -> Option<String> {
        let is_on = matches!(status.as_u16(), 301 | 302 | 307 | 308);
        let to = headers.get(LOCATION).and_then(|it| it.to_str().ok()).filter(|_| is_on)?;
        let beginning = beginning((api, before), path, to)?;
        let mut place = self.place_mut();
        let is_for_good = matches!(status.as_u16(), 301 | 308);
        if is_for_good && place.as_ref().is_none_or(|it| it.beginning != beginning) {
            let beginning = beginning.clone();
            *place = Some(Place { beginning, name: None, asked_at: None });
        }
        Some(beginning)
    }

    /// Tells whether it was renamed and its name is to be asked for now.
    pub(in crate::adapters::forge) fn lacks_a_name(&self, now: Timestamp) -> bool {
        let mut place = self.place_mut();
        let Some(place) = place.as_mut().filter(|it| it.name.is_none()) else { return false };
        let is_time = place.asked_at.is_none_or(|at| now.duration_since(at).abs() >= AGAIN);
        if is_time {
            place.asked_at = Some(now);
        }
        is_time
    }

    /// Keeps what it is called now.
    pub(in crate::adapters::forge) fn is_called(&self, name: &str) {
        if let Some(place) = self.place_mut().as_mut() {
            place.name = Some(name.to_owned());
        }
    }

    /// What it is called now, if it was renamed.
    pub(in crate::adapters::forge) fn name(&self) -> Option<String> {
        self.place()?.name
    }

    fn place_mut(&self) -> RwLockWriteGuard<'_, Option<Place>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> Option<Place> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the paths of a repository begin with at the place that is pointed to.
pub(in crate::adapters::forge) fn beginning(
    (api, before): (&Url, &str),
    path: &str,
    to: &str,
) -> Option<String> {
    let to = api.join(to).ok().filter(|to| to.origin() == api.origin())?;
    let there = to.path().strip_prefix(api.path().trim_end_matches('/'))?;
    let rest = rest(before, path)?.split('?').next()?;
    let beginning = there.strip_suffix(rest)?;
    (beginning.len() > 1 && beginning != before).then(|| beginning.to_owned())
}

/// A path that begins so, where it begins with something else.
pub(in crate::adapters::forge) fn put(beginning: &str, before: &str, path: &str) -> String {
    rest(before, path).map_or_else(|| path.to_owned(), |rest| format!("{beginning}{rest}"))
}

/// What of a path stands behind its beginning.
fn rest<'p>(before: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(before)?;
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "/repos/acme/gitops";

    fn sent_on(to: &str) -> HeaderMap {
        HeaderMap::from_iter([(LOCATION, to.parse().unwrap())])
    }

    #[test]
    fn it_is_followed_on_the_same_server_and_nowhere_else() {
        let api: Url = "https://git.example.com/api/v3".parse().unwrap();
        let learns = |to: &str| {
            let moved = Moved::default();
            let path = "/repos/acme/gitops/pulls?state=open";
            let told = (StatusCode::MOVED_PERMANENTLY, &sent_on(to));
            let leads = moved.leads((&api, BEFORE), path, told);
            assert_eq!(leads.is_some(), moved.path(BEFORE, path) != path);
            moved.path(BEFORE, "/repos/acme/gitops/pulls/7").into_owned()
        };
        let there = "/repositories/7/pulls/7";
        assert_eq!(learns("https://git.example.com/api/v3/repositories/7/pulls?state=open"), there);
        assert_eq!(learns("/api/v3/repositories/7/pulls?state=open"), there);
        for elsewhere in [
            "https://evil.example/api/v3/repositories/7/pulls",
            "http://git.example.com/api/v3/repositories/7/pulls",
            "https://git.example.com:8443/api/v3/repositories/7/pulls",
            "https://git.example.com/repositories/7/pulls",
            "https://git.example.com/api/v3/repositories/7/issues",
            "https://git.example.com/api/v3/pulls",
            "//evil.example/api/v3/repositories/7/pulls",
        ] {
            assert_eq!(learns(elsewhere), "/repos/acme/gitops/pulls/7", "{elsewhere}");
        }
    }

    #[test]
    fn only_what_is_for_good_is_kept() {
        let api: Url = "https://api.github.com".parse().unwrap();
        let to = sent_on("https://api.github.com/repositories/7");
        for (status, is_kept) in [(301, true), (308, true), (302, false), (307, false)] {
            let moved = Moved::default();
            let told = (StatusCode::from_u16(status).unwrap(), &to);
            let led = moved.leads((&api, BEFORE), BEFORE, told).unwrap();
            assert_eq!(put(&led, BEFORE, "/repos/acme/gitops/pulls"), "/repositories/7/pulls");
            assert_eq!(moved.path(BEFORE, BEFORE) != BEFORE, is_kept, "{status}");
        }
        assert_eq!(Moved::default().leads((&api, BEFORE), BEFORE, (StatusCode::OK, &to)), None);
    }

    #[test]
    fn a_name_that_could_not_be_learned_is_asked_for_again() {
        let at = |seconds: i64| Timestamp::from_second(1_795_000_000 + seconds).unwrap();
        let api: Url = "https://api.github.com".parse().unwrap();
        let moved = Moved::default();
        assert!(!moved.lacks_a_name(at(0)), "it was not renamed");
        let to = sent_on("https://api.github.com/repositories/7");
        moved.leads((&api, BEFORE), BEFORE, (StatusCode::MOVED_PERMANENTLY, &to)).unwrap();
        let asked: Vec<bool> = [0, 1, 59, 60, 61].map(|it| moved.lacks_a_name(at(it))).into();
        assert_eq!(asked, [true, false, false, true, false]);
        moved.is_called("acme/platform");
        assert!(!moved.lacks_a_name(at(1000)));
    }

    #[test]
    fn what_is_not_its_own_stays_as_it_is() {
        let api: Url = "https://api.github.com".parse().unwrap();
        let moved = Moved::default();
        let to = sent_on("https://api.github.com/repositories/7");
        assert!(
            moved.leads((&api, BEFORE), BEFORE, (StatusCode::MOVED_PERMANENTLY, &to)).is_some()
        );
        moved.is_called("acme/platform");
        assert_eq!(moved.name().unwrap(), "acme/platform");
        for other in ["/repos/acme/gitops-old/pulls", "/user", "/graphql"] {
            assert_eq!(moved.path(BEFORE, other), other);
        }
        assert_eq!(moved.path(BEFORE, "/repos/acme/gitops?x=1"), "/repositories/7?x=1");
    }
}
