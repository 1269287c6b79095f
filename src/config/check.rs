//! Texts with rules of their own: addresses, branches, files, places.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use url::{Host, Url};

use super::settings::{Remote, StoreAt};
use crate::domain::address::{InvalidSshAddress, SshAddress};
use crate::domain::pattern::Pattern;

/// What is wrong with a text, and what to write instead.
pub(super) type Mistake = (String, String);

fn mistake<T>(what: impl Into<String>, hint: impl Into<String>) -> Result<T, Mistake> {
    Err((what.into(), hint.into()))
}

/// `HOST:PORT`, as the machine's resolver takes it.
pub(super) fn listen_address(text: &str) -> Result<String, Mistake> {
    let hint = "write HOST:PORT, as 127.0.0.1:8080 or [::1]:8080";
    let Some((host, port)) = text.rsplit_once(':') else {
        return mistake(format!("`{text}` is no address to listen on"), hint);
    };
    let host_fits = !host.is_empty()
        && Host::parse(host).is_ok()
        && (host.starts_with('[') || !host.contains(':'));
    if !host_fits || port.parse::<u16>().is_err() || port.starts_with('+') {
        return mistake(format!("`{text}` is no address to listen on"), hint);
    }
    Ok(text.to_owned())
}

/// How a browser on this machine reaches what listens there.
pub(super) fn url_of(listen: &str) -> String {
    let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
    match listen.strip_suffix(port) {
        Some("0.0.0.0:" | "[::]:") => format!("http://localhost:{port}"),
        Some(_) | None => format!("http://{listen}"),
    }
}

/// Where people reach the page.
pub(super) fn public_url(text: &str) -> Result<String, Mistake> {
    let hint = "write http://… or https://…, as https://hoist.example.com";
    match Url::parse(text) {
        Ok(url) if has_user(&url) => mistake("a user or a password stands in it", "remove it"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
            mistake(format!("`{text}` is no address of a page"), hint)
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            mistake(format!("`{text}` goes on after its path"), "remove what starts with ? or #")
        }
        Ok(_) => Ok(text.trim_end_matches('/').to_owned()),
        Err(error) => mistake(format!("`{text}` is no URL: {error}"), hint),
    }
}

/// A server that a token is sent to.
pub(super) fn server(text: &str) -> Result<Url, Mistake> {
    let url = public_url(text)?;
    match Url::parse(&url) {
        Ok(url) if keeps_secrets(&url) => Ok(url),
        Ok(_) | Err(_) => mistake(
            "the token would cross the network in the clear, over http",
            "write an https:// url",
        ),
    }
}

/// Where notifications are sent. They are signed, and hold no secret.
pub(super) fn webhook_url(text: &str) -> Result<Url, Mistake> {
    called_url(text)?;
    Url::parse(text).or_else(|_| mistake(format!("`{text}` is no address"), "write https://…"))
}

/// An address that is called to see whether an application is well.
pub(super) fn called_url(text: &str) -> Result<(), Mistake> {
    let hint = "write http://… or https://…, as https://{application}.example.com/healthz";
    match Url::parse(&text.replace("{application}", "app")) {
        Ok(url) if has_user(&url) => mistake("a user or a password stands in it", "remove it"),
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        Ok(_) | Err(_) => mistake(format!("`{text}` is no address that can be called"), hint),
    }
}

/// `sqlite://PATH`.
pub(super) fn store(text: &str) -> Result<StoreAt, Mistake> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let hint = "use sqlite://PATH until it is";
        return mistake("a PostgreSQL store is planned and not built yet", hint);
    }
    match text.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() && !path.ends_with('/') && !path.contains(['?', '#']) => {
            Ok(StoreAt::Sqlite(PathBuf::from(path)))
        }
        Some(_) | None => mistake(
            format!("`{text}` is no store"),
            "write sqlite://PATH, as sqlite://var/hoist.db, or sqlite:///var/lib/hoist/hoist.db",
        ),
    }
}

/// A repository's `url`.
pub(super) fn remote(text: &str) -> Result<Remote, Mistake> {
    let hint = "write https://HOST/PATH.git, git@HOST:PATH.git, or file:///PATH.git for a bare \
                repository here";
    if SshAddress::is_meant_by(text) {
        return ssh(text);
    }
    let Ok(url) = Url::parse(text) else {
        return mistake("this is no URL", hint);
    };
    if has_user(&url) {
        let hint = "remove it, and write `credentials:`; if this file was shared, replace it";
        return mistake("a user or a password stands in it", hint);
    }
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(Remote::Server(url)),
        "file" => match url.to_file_path() {
            Ok(path) if path != Path::new("/") => Ok(Remote::File(path)),
            Ok(_) | Err(()) => mistake(
                format!("`{text}` names no folder here"),
                "write file:///, three slashes, then the path",
            ),
        },
        other => mistake(format!("`{other}` is no way to reach a repository"), hint),
    }
}

fn ssh(text: &str) -> Result<Remote, Mistake> {
    let why = match text.parse() {
        Ok(address) => return Ok(Remote::Ssh(address)),
        Err(why) => why,
    };
    // The text may hold a password: it is not repeated.
    let hint = match why {
        InvalidSshAddress::Password => {
            "remove it, hoist logs in by a key; if this file was shared, replace it"
        }
        InvalidSshAddress::OtherKind
        | InvalidSshAddress::NoUser
        | InvalidSshAddress::Host
        | InvalidSshAddress::Port
        | InvalidSshAddress::Path => "write ssh://git@HOST/PATH.git, or git@HOST:PATH.git",
    };
    mistake(why.to_string(), hint)
}

/// A host key's fingerprint, as `ssh-keygen -l` prints it.
pub(super) fn fingerprint(text: &str) -> Result<String, Mistake> {
    let hash = text.strip_prefix("SHA256:").map(|hash| hash.trim_end_matches('='));
    match hash.map(|hash| (hash, STANDARD_NO_PAD.decode(hash))) {
        Some((hash, Ok(bytes))) if bytes.len() == 32 => Ok(format!("SHA256:{hash}")),
        Some(_) | None => mistake(
            format!("`{text}` is no fingerprint of a host key"),
            "write SHA256: and 43 characters, as the second column of `ssh-keygen -l` has it",
        ),
    }
}

/// A socket, by its absolute path: where hoist was started says nothing of it.
pub(super) fn socket(text: &str) -> Result<PathBuf, Mistake> {
    let path = PathBuf::from(text);
    if path.is_absolute() {
        return Ok(path);
    }
    mistake(
        format!("`{text}` is no absolute path"),
        "write the path of the agent's socket, which `echo $SSH_AUTH_SOCK` prints",
    )
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Tells whether what is sent there stays on this machine or is encrypted.
pub(super) fn keeps_secrets(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_here
}

/// The number of a GitHub App.
pub(super) fn app_id(text: &str) -> Result<u64, Mistake> {
    let hint = "write the number that the App's page shows as its App ID";
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        Ok(_) | Err(_) => mistake(format!("`{text}` is no App ID"), hint),
    }
}

/// A branch's name (git-check-ref-format(1)).
pub(super) fn branch(text: &str) -> Result<String, Mistake> {
    let forbidden = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\\' | '~' | '^' | ':' | '?' | '*' | '[')
    };
    let part_fits =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let fits = text.len() <= 200
        && !text.chars().any(forbidden)
        && !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && text != "@"
        && text.split('/').all(part_fits);
    if text.starts_with("refs/") {
        return mistake(format!("`{text}` is a ref"), "write the branch's name alone, as main");
    }
    if text.starts_with("hoist/") {
        let hint = "proposals' branches are named hoist/…; choose another";
        return mistake(format!("`{text}` is one of hoist's own branches"), hint);
    }
    if !fits {
        return mistake(format!("Git accepts no branch named `{text}`"), "write its name, as main");
    }
    Ok(text.to_owned())
}

/// A file inside a repository, or the template of one.
pub(super) fn repository_file(text: &str) -> Result<(), Mistake> {
    let odd = |part: &str| matches!(part, "" | "." | ".." | ".git");
    if text.starts_with('/') {
        return mistake(format!("`{text}` starts with `/`"), "write it from the repository's root");
    }
    if text.contains('\\') || text.chars().any(char::is_control) || text.split('/').any(odd) {
        let hint = "write the file's path with single `/`, without `.`, `..` and `\\`";
        return mistake(format!("`{text}` is no file of a repository"), hint);
    }
    Ok(())
}

/// An image pattern of a source.
pub(super) fn image_pattern(text: &str) -> Result<Pattern, Mistake> {
    let hint = "write REGISTRY/PATH, with `*` for a part of a segment, as ghcr.io/acme/*";
    let pattern: Pattern = match text.parse() {
        Ok(pattern) => pattern,
        Err(error) => return mistake(error.to_string(), hint),
    };
    let example = text.replace('*', "a").replace("{application}", "a");
    match example.parse::<crate::domain::artifact::ImageName>() {
        Ok(_) => Ok(pattern),
        Err(_) => mistake(format!("`{text}` is no image without tag and digest"), hint),
    }
}

/// Who makes tokens: an address whose keys nobody can change on the way.
pub(super) fn issuer(text: &str) -> Result<String, Mistake> {
    let hint = "write what stands in the tokens' `iss`, as https://gitlab.example.com";
    match Url::parse(text) {
        Ok(url) if has_user(&url) || url.query().is_some() || url.fragment().is_some() => {
            mistake("an issuer has no user, no `?` and no `#`", hint)
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && keeps_secrets(&url) => {
            Ok(text.to_owned())
        }
        Ok(url) if url.scheme() == "http" => mistake(
            "its keys would cross the network over http, where anybody can put their own",
            "write an https:// url",
        ),
        Ok(_) | Err(_) => mistake(format!("`{text}` is no issuer"), hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_has_host_and_port() {
        for good in ["127.0.0.1:8080", "[::1]:80", "localhost:0", "0.0.0.0:65535"] {
            assert!(listen_address(good).is_ok(), "{good}");
        }
        for bad in ["8080", ":8080", "::1:80", "host:", "host:65536", "a b:1", "host:+1"] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_listens_everywhere_is_reached_as_localhost() {
        assert_eq!(url_of("0.0.0.0:80"), "http://localhost:80");
        assert_eq!(url_of("[::]:80"), "http://localhost:80");
        assert_eq!(url_of("127.0.0.1:8080"), "http://127.0.0.1:8080");
    }

    #[test]
    fn a_branch_is_what_git_accepts() {
        for good in ["main", "env/prod", "release-1.2", "a@b"] {
            assert!(branch(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a b", "a..b", "/a", "a/", "a//b", "a.lock", "-a", "@", "a~1", "refs/x", "hoist/x"]
        {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_stays_in_its_repository() {
        assert!(repository_file("environments/{application}/a.yaml").is_ok());
        for bad in ["/etc/passwd", "../a", "a/../b", "a//b", ".git/config", "a\\b", "a\nb", "./a"] {
            assert!(repository_file(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_go_over_plain_http_to_this_machine_only() {
        let keeps = |text: &str| keeps_secrets(&Url::parse(text).unwrap());
        assert!(keeps("https://git.example.com/a") && keeps("http://127.0.0.1:3000/a"));
        assert!(!keeps("http://git.example.com/a") && !keeps("http://10.0.0.1/a"));
    }
}
