//! `hoist completions`: a script for the shell.

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Trouble;
use super::output::Output;

/// What `hoist completions` is told.
#[derive(Debug, Args)]
#[command(after_help = "For bash: hoist completions bash > \
                        ~/.local/share/bash-completion/completions/hoist")]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self, command: &mut Command, out: &mut Output) -> Result<(), Trouble> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "hoist", &mut script);
        Ok(out.bytes(&script)?)
    }
}
