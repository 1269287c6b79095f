//! What a registry asks for when it answers 401 (RFC 9110, section 11.6.1).

/// One way to get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token, which somebody else gives out.
    Bearer {
        /// Who.
        realm: String,
        /// For whom the token is to be, in their words.
        service: Option<String>,
    },
    /// A user and a password.
    Basic,
}

impl Challenge {
    /// Reads one header; ways that nobody here knows are left out.
    pub(super) fn read(header: &str) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rest = header.trim_start();
        while !rest.is_empty() {
            let (scheme, parameters) = rest.split_once(' ').unwrap_or((rest, ""));
            let (pairs, after) = pairs(parameters);
            let value = |name: &str| {
                let pair = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                pair.map(|(_, value)| value.clone())
            };
            if scheme.trim_end_matches(',').eq_ignore_ascii_case("basic") {
                found.push(Self::Basic);
            } else if let (true, Some(realm)) =
                (scheme.eq_ignore_ascii_case("bearer"), value("realm"))
            {
                found.push(Self::Bearer { realm, service: value("service") });
            }
            rest = after.trim_start();
        }
        found
    }
}

/// `name="value"` pairs up to the next scheme, and what follows them.
fn pairs(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        // A name has no space in it: what has is the next scheme with its first parameter.
        if name.is_empty() || name.trim_end().contains([' ', ',']) {
            break;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = after.find([',', ' ']).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        found.push((name.trim_end().to_owned(), value));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    (found, rest)
}

/// The text before the closing quote, and what follows it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned) }
    }

    #[test]
    fn a_challenge_is_read_as_servers_write_it() {
        let docker = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let read = Challenge::read(docker);
        assert_eq!(read, [bearer("https://auth.docker.io/token", Some("registry.docker.io"))]);
        assert_eq!(Challenge::read(r#"Basic realm="a, b=c""#), [Challenge::Basic]);
        assert_eq!(Challenge::read("basic"), [Challenge::Basic]);
        let both = r#"Negotiate, bearer realm="r" , Basic realm="x""#;
        assert_eq!(Challenge::read(both), [bearer("r", None), Challenge::Basic]);
    }

    proptest::proptest! {
        #[test]
        fn no_header_is_read_without_end(header in r#"((Bearer|Basic|Digest|[a-z]{1,4}) |realm=|service=|"|\\\\|,|=| |[a-zé]){0,40}"#) {
            let found = Challenge::read(&header);
            proptest::prop_assert!(found.len() <= header.len());
        }
    }

    #[test]
    fn what_is_no_challenge_is_none() {
        for odd in ["", " ", "=", "Bearer", "Bearer realm", "Bearer realm=\"a", ",,,", "a=b=c \"\\"]
        {
            let _whatever = Challenge::read(odd);
        }
        assert_eq!(Challenge::read("Digest realm=\"x\", nonce=\"y\""), []);
        assert_eq!(Challenge::read("Bearer service=\"x\""), []);
    }
}
