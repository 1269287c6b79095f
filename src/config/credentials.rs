//! Reads what a repository's servers ask for: an account, a key for SSH, or both.

use secrecy::{ExposeSecret, SecretString};

use super::check;
use super::fields::{Fields, checked, text};
use super::problem::Notes;
use super::repository::Kind;
use super::secret::Vault;
use super::settings::{Account, Credentials, Remote, SshLogin};
use super::tables::CREDENTIALS;
use super::tree::Node;

/// Which keys are of an account, and which of SSH.
const OF_AN_ACCOUNT: [&str; 5] = ["token", "username", "password", "app_id", "private_key"];
const OF_SSH: [&str; 3] = ["ssh_key", "passphrase", "ssh_agent"];

/// Reads the entry `credentials` of a repository.
pub(super) fn credentials(
    vault: &Vault<'_>,
    node: &Node,
    notes: &mut Notes<'_>,
) -> Option<Credentials> {
    let fields = Fields::open(node, &CREDENTIALS, notes)?;
    let given = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| fields.get(name).is_some()).collect()
    };
    let (account, ssh) = (given(&OF_AN_ACCOUNT), given(&OF_SSH));
    let is_account = matches!(
        account.as_slice(),
        [] | ["token"] | ["username", "password"] | ["app_id", "private_key"]
    );
    let is_ssh =
        matches!(ssh.as_slice(), [] | ["ssh_key"] | ["ssh_key", "passphrase"] | ["ssh_agent"]);
    if is_account && is_ssh && !(account.is_empty() && ssh.is_empty()) {
        let account = read_account(vault, (&fields, &account), notes);
        let ssh = read_ssh(vault, (&fields, &ssh), notes);
        return Some(Credentials { account: account?, ssh: ssh? });
    }
    if fields.all_known() {
        let what = format!("{}: these are no credentials", node.path);
        let hint = "write either `token`, or `username` and `password`, or `app_id` and \
                    `private_key`; and for SSH `ssh_key` with its `passphrase` if it has one, or \
                    `ssh_agent`";
        notes.add(node.place, what, hint);
    }
    None
}

fn read_account(
    vault: &Vault<'_>,
    (fields, given): (&Fields<'_>, &[&str]),
    notes: &mut Notes<'_>,
) -> Option<Option<Account>> {
    let secret = |name: &str, notes: &mut Notes<'_>| vault.secret(fields.get(name)?, notes);
    match given {
        ["token"] => secret("token", notes).map(|token| Some(Account::Token(token))),
        ["username", _] => {
            let username = text(fields.get("username")?, notes).map(str::to_owned);
            let password = secret("password", notes);
            Some(Some(Account::Password { username: username?, password: password? }))
        }
        ["app_id", _] => {
            let app_id = checked(fields.get("app_id")?, check::app_id, notes);
            let private_key = secret("private_key", notes);
            Some(Some(Account::App { app_id: app_id?, private_key: private_key? }))
        }
        _ => Some(None),
    }
}

fn read_ssh(
    vault: &Vault<'_>,
    (fields, given): (&Fields<'_>, &[&str]),
    notes: &mut Notes<'_>,
) -> Option<Option<SshLogin>> {
    match given {
        ["ssh_key", ..] => {
            let passphrase = fields.get("passphrase").map(|node| vault.secret(node, notes));
            let key = private_key(vault, fields.get("ssh_key")?, notes);
            let passphrase = match passphrase {
                None => None,
                Some(read) => Some(read?),
            };
            Some(Some(SshLogin::Key { key: key?, passphrase }))
        }
        ["ssh_agent"] => {
            let socket = checked(fields.get("ssh_agent")?, check::socket, notes);
            socket.map(|socket| Some(SshLogin::Agent(socket)))
        }
        _ => Some(None),
    }
}

/// Reads a private key for SSH.
pub(super) fn private_key(
    vault: &Vault<'_>,
    node: &Node,
    notes: &mut Notes<'_>,
) -> Option<SecretString> {
    let key = vault.secret(node, notes)?;
    if key.expose_secret().contains("PRIVATE KEY-----") {
        return Some(key);
    }
    let what = format!("{}: there is no private key in it", node.path);
    let hint = "name the file that `ssh-keygen -t ed25519 -f FILE` makes, without `.pub`";
    notes.add(node.place, what, hint);
    None
}

/// Notes credentials that nobody would ask for.
pub(super) fn check_use_of_credentials(
    node: &Node,
    (kind, remote, credentials): (Kind, &Remote, Option<&Credentials>),
    notes: &mut Notes<'_>,
) {
    let account = credentials.and_then(|it| it.account.as_ref());
    let ssh = credentials.and_then(|it| it.ssh.as_ref());
    let (what, hint) = match remote {
        Remote::Ssh(_) if credentials.is_none() => return,
        Remote::Ssh(_) if ssh.is_none() && kind == Kind::Builtin => {
            ("have no use by SSH", "write `{ssh_key: {file: PATH}}`, or an https:// url")
        }
        Remote::Ssh(_) if account.is_some() && kind == Kind::Builtin => {
            ("are asked for by nobody beside the key", "remove all but the key for SSH")
        }
        Remote::Ssh(_) if ssh.is_none() => (
            "let nobody into its Git, which is reached by SSH",
            "write `ssh_key: {file: PATH}` beside them, or an https:// url",
        ),
        Remote::Server(_) if ssh.is_some() => {
            ("have no use by https", "write `{token: {env: NAME}}`, or `url: git@HOST:PATH.git`")
        }
        Remote::Server(url) if !check::keeps_secrets(url) => {
            ("would cross the network in the clear, over http", "write an https:// url")
        }
        Remote::Own(_) | Remote::File(_) => (
            "have no use for a repository on this machine",
            "remove them, or write an https:// url",
        ),
        Remote::Server(_) | Remote::Ssh(_) => return,
    };
    notes.add(node.place, format!("{}: these {what}", node.path), hint);
}
