//! Where a repository is when it is reached by SSH.

use std::fmt;
use std::str::FromStr;

/// `ssh://git@host:22/path.git`, or `git@host:path.git` as Git writes it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAddress {
    /// The account on the server; `git` on most.
    pub user: String,
    /// The server: a name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The repository, as the server is asked for it.
    pub path: String,
}

/// Why a text is no address of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSshAddress {
    /// It is of another kind.
    #[error("it is no address that SSH could reach")]
    OtherKind,
    /// Who we are there is left open.
    #[error("it names no user")]
    NoUser,
    /// A password stands in it, which belongs elsewhere and is not repeated.
    #[error("a password stands in it")]
    Password,
    /// No server, or none that could be one.
    #[error("it names no server")]
    Host,
    /// A port that is none.
    #[error("its port is no number from 1 to 65535")]
    Port,
    /// No repository, or one that a server could take for an option or for several words.
    #[error("it names no repository, or one with characters that hoist does not send")]
    Path,
}

/// The port that SSH listens on unless something else is said.
const SSH_PORT: u16 = 22;

impl SshAddress {
    /// Tells whether a text was meant to be one: `ssh://…`, or `user@host:path`.
    pub fn is_meant_by(text: &str) -> bool {
        strip_scheme(text).is_some() || (!text.contains("://") && text.contains('@'))
    }

    fn of_url(rest: &str) -> Result<Self, InvalidSshAddress> {
        let (place, path) = rest.split_once('/').ok_or(InvalidSshAddress::Path)?;
        let (user, server) = place.rsplit_once('@').ok_or(InvalidSshAddress::NoUser)?;
        let (host, port) = match server.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or(port))),
            None => match server.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (server, None),
            },
        };
        let port = match port {
            Some(port) => {
                let number = port.parse().ok().filter(|number| *number > 0);
                number.ok_or(InvalidSshAddress::Port)?
            }
            None => SSH_PORT,
        };
        // `/~ada/x.git` is in Ada's home, not in a folder of that name.
        let path = if path.starts_with('~') { path.to_owned() } else { format!("/{path}") };
        Self::checked((user, host), port, path)
    }

    fn of_pair(text: &str) -> Result<Self, InvalidSshAddress> {
        let (user, rest) = text.split_once('@').ok_or(InvalidSshAddress::NoUser)?;
        let (host, path) = match rest.strip_prefix('[').and_then(|it| it.split_once("]:")) {
            Some(parts) => parts,
            None => rest.split_once(':').ok_or(InvalidSshAddress::Path)?,
        };
        Self::checked((user, host), SSH_PORT, path.to_owned())
    }

    fn checked(
        (user, host): (&str, &str),
        port: u16,
        path: String,
    ) -> Result<Self, InvalidSshAddress> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '%' | '\\');
        if user.contains(':') {
            return Err(InvalidSshAddress::Password);
        }
        if user.is_empty() || user.starts_with('-') || user.contains(|c| odd(c) || c == '/') {
            return Err(InvalidSshAddress::NoUser);
        }
        let no_host = |c: char| odd(c) || matches!(c, '/' | '@' | '[' | ']');
        if host.is_empty() || host.starts_with('-') || host.contains(no_host) {
            return Err(InvalidSshAddress::Host);
        }
        let names_none = path.trim_matches('/').is_empty();
        if names_none || path.starts_with('-') || path.contains(odd) {
            return Err(InvalidSshAddress::Path);
        }
        Ok(Self { user: user.to_owned(), host: host.to_owned(), port, path })
    }
}

fn strip_scheme(text: &str) -> Option<&str> {
    ["ssh://", "git+ssh://", "ssh+git://"].iter().find_map(|scheme| text.strip_prefix(scheme))
}

impl FromStr for SshAddress {
    type Err = InvalidSshAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match strip_scheme(text) {
            Some(rest) => Self::of_url(rest),
            None if text.contains("://") => Err(InvalidSshAddress::OtherKind),
            None => Self::of_pair(text),
        }
    }
}

/// The form that can be read again: a URL, unless the path starts in the user's home.
impl fmt::Display for SshAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, host, port, path } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        match path.as_str() {
            rooted if rooted.starts_with('/') && *port == SSH_PORT => {
                write!(f, "ssh://{user}@{host}{rooted}")
            }
            rooted if rooted.starts_with('/') => write!(f, "ssh://{user}@{host}:{port}{rooted}"),
            home if *port == SSH_PORT => write!(f, "{user}@{host}:{home}"),
            home => write!(f, "ssh://{user}@{host}:{port}/{home}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_git_reads_it() {
        let cases = [
            ("git@github.com:acme/gitops.git", "git github.com 22 acme/gitops.git"),
            ("ssh://git@github.com/acme/gitops.git", "git github.com 22 /acme/gitops.git"),
            ("ssh://git@git.example.com:2222/a.git", "git git.example.com 2222 /a.git"),
            ("ssh://git@[::1]:2222/a.git", "git ::1 2222 /a.git"),
            ("git@[::1]:a.git", "git ::1 22 a.git"),
            ("ssh://ada@host/~ada/a.git", "ada host 22 ~ada/a.git"),
            ("git@host:/srv/a.git", "git host 22 /srv/a.git"),
        ];
        for (text, expected) in cases {
            let address: SshAddress = text.parse().unwrap();
            let SshAddress { user, host, port, path } = &address;
            assert_eq!(format!("{user} {host} {port} {path}"), expected);
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_ssh_cannot_reach_is_refused() {
        use InvalidSshAddress::{Host, NoUser, OtherKind, Password, Path, Port};
        let cases = [
            ("https://host/a.git", OtherKind),
            ("ssh://host/a.git", NoUser),
            ("host:a.git", NoUser),
            ("ssh://git:hunter2@host/a.git", Password),
            ("ssh://git@host:0/a.git", Port),
            ("ssh://git@host:99999/a.git", Port),
            ("ssh://git@/a.git", Host),
            ("git@-oProxyCommand=x:a.git", Host),
            ("ssh://-l@host/a.git", NoUser),
            ("git@host:--upload-pack=x", Path),
            ("git@host:", Path),
            ("ssh://git@host/", Path),
            ("ssh://git@host", Path),
            ("git@host:a b.git", Path),
            ("git@host:a%20b.git", Path),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<SshAddress>(), Err(error), "{text}");
        }
    }
}
