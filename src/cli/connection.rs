//! Where the running hoist is, and who asks it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clap::Args;
use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

use crate::app::ports::{JobTokens, Remote, RemoteError, Server};

use super::World;
use super::failure::Trouble;

/// Reaches the hoist at an address.
pub type Connect<'w> = &'w dyn Fn(Server) -> Result<Arc<dyn Remote>, RemoteError>;

/// For the verbs that talk to a running hoist.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reaching a running hoist")]
pub(super) struct ConnectionArgs {
    /// Where hoist runs.
    #[arg(
        long,
        global = true,
        env = "HOIST_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        value_parser = read_url
    )]
    server: Url,

    /// A file that holds the token to show; without it HOIST_TOKEN holds the token itself.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

fn read_url(text: &str) -> Result<Url, String> {
    let hint = "write it with its scheme, as in http://127.0.0.1:8080";
    let url: Url = text.parse().map_err(|error| format!("{error}; {hint}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(format!("hoist speaks http and https; {hint}")),
    }
}

/// Where the token comes from.
#[derive(Clone, Copy)]
enum TokenFrom {
    File,
    Variable,
    Nowhere,
}

/// A running hoist that can be asked, and the time to judge its answers by.
pub(super) struct Connection<'w> {
    args: ConnectionArgs,
    world: &'w World<'w>,
    token_from: OnceLock<TokenFrom>,
}

impl<'w> Connection<'w> {
    pub(super) fn new(args: ConnectionArgs, world: &'w World<'w>) -> Self {
        Self { args, world, token_from: OnceLock::new() }
    }

    /// The hoist that runs there, asked by whoever holds the token.
    pub(super) fn remote(&self) -> Result<Arc<dyn Remote>, Trouble> {
        let token = self.token()?;
        Ok((self.world.connect)(Server { url: self.args.server.clone(), token })?)
    }

    /// The same, asked by nobody in particular: for what is signed instead.
    pub(super) fn remote_without_token(&self) -> Result<Arc<dyn Remote>, Trouble> {
        Ok((self.world.connect)(Server { url: self.args.server.clone(), token: None })?)
    }

    /// Its address as people may see it: a password in it stays out.
    pub(super) fn address(&self) -> String {
        let mut url = self.args.server.clone();
        if url.password().is_some() {
            // Only an address without a host has no place for one.
            let _ = url.set_password(Some("***"));
        }
        url.as_str().trim_end_matches('/').to_owned()
    }

    /// Who gives the job that runs us its tokens.
    pub(super) fn job_tokens(&self) -> &dyn JobTokens {
        self.world.job_tokens
    }

    pub(super) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// What to do where the running hoist does not know who asks.
    pub(super) fn how_to_be_known(&self) -> &'static str {
        match self.token_from.get() {
            Some(TokenFrom::File) => {
                "put another token into the file of --token-file: one whose SHA-256 stands under \
                 `tokens:` in the configuration"
            }
            Some(TokenFrom::Variable) => {
                "set HOIST_TOKEN to another token: one whose SHA-256 stands under `tokens:` in \
                 the configuration"
            }
            Some(TokenFrom::Nowhere) | None => {
                "set HOIST_TOKEN (or --token-file) to a token whose SHA-256 stands under \
                 `tokens:` in the configuration"
            }
        }
    }

    fn token(&self) -> Result<Option<SecretString>, Trouble> {
        let (token, from) = match &self.args.token_file {
            Some(path) => (Some(secret_file(path, "--token-file")?), TokenFrom::File),
            None => match secret_variable("HOIST_TOKEN") {
                Some(token) => (Some(token), TokenFrom::Variable),
                None => (None, TokenFrom::Nowhere),
            },
        };
        // Asked twice, it is the same answer.
        let _ = self.token_from.set(from);
        Ok(token)
    }
}

/// A variable of the environment; an empty one is none.
#[expect(clippy::disallowed_methods, reason = "the command line's own settings are read here")]
pub(super) fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// A secret from the environment; an empty one is none.
pub(super) fn secret_variable(name: &str) -> Option<SecretString> {
    variable(name).map(SecretString::from)
}

/// A secret from a file, without the line end that editors leave.
pub(super) fn secret_file(path: &Path, flag: &str) -> Result<SecretString, Trouble> {
    let text = fs::read_to_string(path).map_err(|error| {
        let next = format!("give {flag} a file that you may read");
        Trouble::usage(format!("{} cannot be read: {error}", path.display()), next)
    })?;
    match text.trim() {
        "" => {
            let next = format!("give {flag} a file that holds the secret and nothing else");
            Err(Trouble::usage(format!("{} is empty", path.display()), next))
        }
        secret => Ok(SecretString::from(secret)),
    }
}
