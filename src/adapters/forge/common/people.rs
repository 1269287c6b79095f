//! Who somebody on a forge is to hoist, and the other way round.

use std::collections::BTreeMap;

use crate::domain::id::PersonName;

/// The people of the configuration, by their logins; no forge tells case in these.
#[derive(Debug, Clone)]
pub struct ForgePeople {
    /// The forge's name, which tells its strangers from the people of the configuration.
    forge: &'static str,
    by_login: BTreeMap<String, PersonName>,
    logins: BTreeMap<PersonName, String>,
}

impl ForgePeople {
    /// Takes each person's login on `forge`.
    pub fn new(
        forge: &'static str,
        people: impl IntoIterator<Item = (PersonName, String)>,
    ) -> Self {
        let logins: BTreeMap<_, _> = people.into_iter().collect();
        let by_login = |(name, login): (&PersonName, &String)| (login.to_lowercase(), name.clone());
        Self { forge, by_login: logins.iter().map(by_login).collect(), logins }
    }

    /// Who has a login; none if it is a machine's.
    ///
    /// Whoever is not in the configuration keeps their login, unless it is the name of a person
    /// there who has another one: nobody becomes that person by calling themselves so.
    pub(in crate::adapters::forge) fn person(&self, login: &str) -> Option<PersonName> {
        let known = self.by_login.get(&login.to_lowercase());
        known.cloned().or_else(|| {
            let name: PersonName = login.parse().ok()?;
            let taken = self.logins.keys().any(|it| it.as_str().eq_ignore_ascii_case(login));
            if taken { format!("{login}@{}", self.forge).parse().ok() } else { Some(name) }
        })
    }

    /// The login of a person; who is not in the configuration is meant by it.
    pub(in crate::adapters::forge) fn login<'a>(&'a self, name: &'a str) -> &'a str {
        let known = self.logins.iter().find(|(person, _)| person.as_str() == name);
        known.map_or(name, |(_, login)| login.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_becomes_somebody_by_their_login() {
        let alice: PersonName = "alice".parse().unwrap();
        let people = ForgePeople::new("github", [(alice, "Alice-W".to_owned())]);
        let person = |login: &str| people.person(login).map(|it| it.to_string());
        assert_eq!(person("alice-w").as_deref(), Some("alice"));
        assert_eq!(person("Alice").as_deref(), Some("Alice@github"));
        assert_eq!(person("bob").as_deref(), Some("bob"));
        assert_eq!(person("renovate[bot]"), None);
        assert_eq!((people.login("alice"), people.login("bob")), ("Alice-W", "bob"));
    }
}
