//! Reads how hoist commits into a repository: who makes the commits, whom they name, and by which key
//! they are signed.

use secrecy::{ExposeSecret, SecretString};

use super::check::Mistake;
use super::credentials::private_key;
use super::fields::{Fields, checked, entries};
use super::problem::Notes;
use super::secret::Vault;
use super::settings::{Commits, CommitsBy, SecretKey, SignOff, SigningKey};
use super::table::Words;
use super::tables::{COMMITS, SIGNING};
use super::tree::{Kind, Node};

pub(super) const MAKERS: Words<CommitsBy> =
    Words { built: &[("git", CommitsBy::Git), ("api", CommitsBy::Api)], planned: &[] };

/// What a commit that GitHub makes and signs says by itself.
const LEFT_TO_GITHUB: [&str; 4] = ["name", "email", "sign_off", "sign"];

pub(super) const SIGN_OFFS: Words<SignOff> =
    Words { built: &[("committer", SignOff::Committer)], planned: &[] };

/// Trailers that hoist writes and reads again.
const OWN: [&str; 4] = ["artifact", "source-commit", "requested-by", "signed-off-by"];

/// Reads `commits` of a repository.
pub(super) fn commits(vault: &Vault<'_>, node: &Node, notes: &mut Notes<'_>) -> Option<Commits> {
    if let Kind::Text(_) = &node.kind {
        return MAKERS.read(node, notes).map(|by| Commits { by, ..Commits::default() });
    }
    let fields = Fields::open(node, &COMMITS, notes)?;
    let by = fields.get("by").map(|node| MAKERS.read(node, notes));
    let name = fields.get("name").map(|node| checked(node, identity, notes));
    let email = fields.get("email").map(|node| checked(node, email, notes));
    let mut trailers = Vec::new();
    if let Some(node) = fields.get("trailers") {
        for entry in entries(node, notes).unwrap_or_default() {
            if let Err((what, hint)) = trailer(&entry.key) {
                notes.add(entry.place, format!("{}: {what}", node.path), hint);
            }
            let value = checked(&entry.value, one_line, notes);
            trailers.push(value.map(|value| (entry.key.clone(), value)));
        }
    }
    let sign_off = fields.get("sign_off").map(|node| SIGN_OFFS.read(node, notes));
    let sign = fields.get("sign").map(|node| signing_key(vault, node, notes));
    let if_any = |read: Option<Option<String>>| read.map_or(Some(None), |it| it.map(Some));
    let by = by.unwrap_or(Some(CommitsBy::Git))?;
    if by == CommitsBy::Api {
        check_left_to_github(&fields, notes);
    }
    Some(Commits {
        by,
        name: if_any(name)?,
        email: if_any(email)?,
        trailers: trailers.into_iter().collect::<Option<_>>()?,
        sign_off: sign_off.unwrap_or(Some(SignOff::Nobody))?,
        sign: sign.map_or(Some(None), |it| it.map(Some))?,
    })
}

/// Notes what GitHub would not sign, or signs itself.
fn check_left_to_github(fields: &Fields<'_>, notes: &mut Notes<'_>) {
    for node in LEFT_TO_GITHUB.iter().filter_map(|name| fields.get(name)) {
        let what = format!(
            "{}: a commit that GitHub makes names the App and has GitHub's signature",
            node.path
        );
        notes.add(node.place, what, "remove it, or leave out `by: api`");
    }
}

fn signing_key(vault: &Vault<'_>, node: &Node, notes: &mut Notes<'_>) -> Option<SigningKey> {
    let fields = Fields::open(node, &SIGNING, notes)?;
    let passphrase = fields.get("passphrase").map(|node| vault.secret(node, notes));
    let key = match (fields.get("ssh_key"), fields.get("gpg_key")) {
        (Some(node), None) => private_key(vault, node, notes).map(SecretKey::Ssh),
        (None, Some(node)) => gpg_key(vault, node, notes).map(SecretKey::Gpg),
        (None, None) | (Some(_), Some(_)) => {
            let what = format!("{}: one key signs, and this names none or two", node.path);
            notes.add(node.place, what, "write `ssh_key: {file: PATH}` or `gpg_key: {file: PATH}`");
            None
        }
    };
    Some(SigningKey { key: key?, passphrase: passphrase.map_or(Some(None), |it| it.map(Some))? })
}

fn gpg_key(vault: &Vault<'_>, node: &Node, notes: &mut Notes<'_>) -> Option<SecretString> {
    let key = vault.secret(node, notes)?;
    if key.expose_secret().contains("BEGIN PGP PRIVATE KEY BLOCK-----") {
        return Some(key);
    }
    let what = format!("{}: there is no private key of GPG's in it", node.path);
    let hint = "name the file that `gpg --armor --export-secret-keys KEY > FILE` makes";
    notes.add(node.place, what, hint);
    None
}

fn identity(text: &str) -> Result<String, Mistake> {
    if text.contains(|c: char| c.is_control() || matches!(c, '<' | '>')) {
        let hint = "write a name on one line, without < and >";
        return Err((format!("`{text}` is no name that Git can hold"), hint.into()));
    }
    Ok(text.to_owned())
}

fn email(text: &str) -> Result<String, Mistake> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>');
    let around = text.split_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty());
    if !around || text.contains(odd) {
        let hint = "write NAME@DOMAIN, as hoist@example.com";
        return Err((format!("`{text}` is no mail address"), hint.into()));
    }
    Ok(text.to_owned())
}

fn trailer(name: &str) -> Result<(), Mistake> {
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits || name.is_empty() || name.starts_with('-') {
        let hint = "write letters, digits and `-`, as Change-Type";
        return Err((format!("Git knows no trailer named `{name}`"), hint.into()));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("hoist-") || OWN.contains(&lower.as_str()) {
        let hint = "choose another name; for Signed-off-by write `sign_off: committer`";
        return Err((format!("hoist writes the trailer `{name}` itself"), hint.into()));
    }
    Ok(())
}

fn one_line(text: &str) -> Result<String, Mistake> {
    if text.contains(char::is_control) {
        return Err(("a trailer has one line".into(), "write its value on one".into()));
    }
    Ok(text.to_owned())
}
