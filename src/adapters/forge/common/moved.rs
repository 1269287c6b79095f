//! Where a repository is that was renamed: its forge sends on to it by its number, for good.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

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
}

impl Moved {
    /// A path that begins so, as it is now.
    pub(in crate::adapters::forge) fn path<'p>(&self, before: &str, path: &'p str) -> Cow<'p, str> {
        match (self.place(), rest(before, path)) {
            (Some(Place { beginning, .. }), Some(rest)) => Cow::Owned(beginning + rest),
            _ => Cow::Borrowed(path),
        }
    }

    /// Keeps where an answer sends on to; tells whether that is news.
    ///
    /// Nobody else than the server that was named is gone to, whoever is pointed at.
    pub(in crate::adapters::forge) fn learns(
        &self,
        (api, before): (&Url, &str),
        path: &str,
        (status, headers): (StatusCode, &HeaderMap),
    ) -> bool {
        let is_on = matches!(status.as_u16(), 301 | 302 | 307 | 308);
        let to = headers.get(LOCATION).and_then(|it| it.to_str().ok()).filter(|_| is_on);
        let Some(beginning) = to.and_then(|to| beginning((api, before), path, to)) else {
            return false;
        };
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = place.as_ref().is_none_or(|it| it.beginning != beginning);
        if is_news {
            *place = Some(Place { beginning, name: None });
        }
        is_news
    }

    /// Keeps what it is called now.
    pub(in crate::adapters::forge) fn is_called(&self, name: &str) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = place.as_mut() {
            place.name = Some(name.to_owned());
        }
    }

    /// What it is called now, if it was renamed.
    pub(in crate::adapters::forge) fn name(&self) -> Option<String> {
        self.place()?.name
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
            let is_news = moved.learns((&api, BEFORE), path, told);
            assert!(!moved.learns((&api, BEFORE), path, told), "it is news once");
            assert_eq!(is_news, moved.path(BEFORE, path) != path);
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
    fn what_is_not_its_own_stays_as_it_is() {
        let api: Url = "https://api.github.com".parse().unwrap();
        let moved = Moved::default();
        let to = sent_on("https://api.github.com/repositories/7");
        assert!(moved.learns((&api, BEFORE), BEFORE, (StatusCode::MOVED_PERMANENTLY, &to)));
        moved.is_called("acme/platform");
        assert_eq!(moved.name().unwrap(), "acme/platform");
        for other in ["/repos/acme/gitops-old/pulls", "/user", "/graphql"] {
            assert_eq!(moved.path(BEFORE, other), other);
        }
        assert_eq!(moved.path(BEFORE, "/repos/acme/gitops?x=1"), "/repositories/7?x=1");
    }
}
