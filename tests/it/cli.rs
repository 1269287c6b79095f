//! The command line, as a person or a pipeline meets it: the real program, its streams, its status.

mod announcing;
mod checking;
mod editing;
mod remote;
mod verify;

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::generated::assert_current;

/// What a run of hoist left behind.
pub struct Ran {
    pub status: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    /// What it printed, as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// Checks that it was refused with `status`, printed nothing, and said all of `words`.
    #[track_caller]
    pub fn refused(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{}", self.err);
        assert_eq!(self.text(), "", "nothing is printed where nothing was done");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in:\n{}", self.err);
        }
    }

    /// Checks that it was done.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.status, 0, "{}", self.err);
        self
    }
}

/// hoist with nothing from outside but what the test gives.
pub struct Hoist(Command);

impl Hoist {
    pub fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoist"));
        command.args(arguments).env_clear().env("NO_PROXY", "*");
        Self(command)
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    pub fn inside(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    pub fn run(self) -> Ran {
        self.run_with(b"")
    }

    pub fn run_with(mut self, input: &[u8]) -> Ran {
        self.0.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        // It may end without having read a word.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Ran {
            status: output.status.code().unwrap(),
            out: output.stdout,
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn hoist<const N: usize>(arguments: [&str; N]) -> Ran {
    Hoist::new(arguments).run()
}

#[test]
fn help_names_every_verb_that_is_built() {
    let ran = hoist(["--help"]).done();
    let verbs = ran.text().split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    insta::assert_snapshot!(verbs, @"
    serve        Run the service
    demo         See it work, in a folder of its own
    check        Read the configuration and tell everything that is wrong with it
    edit         Change values of a YAML or JSON file and not a byte more
    verify       Tell whether only version fields changed between two revisions of a Git repository
    announce     Tell a running hoist that an artifact was built
    promote      Bring a version into an environment
    rollback     Bring back the last version that was good
    hold         Keep an application as it is in an environment
    resume       End a hold
    skip         Let what is on its way into an environment pass one gate
    freeze       Let nothing into an environment, whichever application it is
    thaw         End a freeze
    run          Run a schedule now
    review       Look at a promotion's proposal, and review, merge or close it
    status       Show what is where, and what is on its way
    why          Tell what keeps a version out of an environment, and what can be done about it
    plan         Tell what would be done, now or at a time to come
    history      Show an application's promotions, newest first
    deliveries   Show which announcements came in, newest first
    audit        Check the audit log
    recover      Rebuild a lost store from Git and the forge
    completions  Print a script that completes hoist's commands in a shell
    help         Print this message or the help of the given subcommand(s)
    ");
}

#[test]
fn the_version_is_the_packages() {
    let ran = hoist(["--version"]).done();
    assert_eq!(ran.text(), concat!("hoist ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_ends_with_2() {
    hoist(["promot", "shop", "prod"]).refused(2, &["unrecognized subcommand", "promote"]);
    hoist(["promote", "shop"]).refused(2, &["<ENV>"]);
    hoist(["promote", "shop", "prod", "--tag", "a", "--digest", "b"]).refused(2, &["--digest"]);
    hoist(["promote", "shop", "prod", "--skip", "staging"]).refused(2, &["--reason"]);
    hoist(["hold", "shop", "prod", "--for", "2 fortnights"]).refused(2, &["2 fortnights"]);
    hoist(["review", "x", "--merge", "--close"]).refused(2, &["--close"]);
    hoist(["status", "--server", "localhost:8080"]).refused(2, &["http://127.0.0.1:8080"]);
    hoist(["status", "--token-file", "no/such/file"]).refused(2, &["no/such/file", "next:"]);
}

#[test]
fn what_is_planned_is_told_apart_from_a_mistake() {
    hoist(["init"]).refused(2, &["`init` is planned, not built yet"]);
    hoist(["check", "--online"]).refused(2, &["`--online` is planned, not built yet"]);
    assert!(!hoist(["wy", "shop"]).err.contains("planned"));
}

#[test]
fn a_shell_can_complete_it() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = hoist(["completions", shell]).done();
        assert!(ran.text().contains("rollback"), "{shell}");
    }
    hoist(["completions", "tcsh"]).refused(2, &["possible values"]);
}

#[test]
fn the_committed_configuration_is_good() {
    // In a folder of its own: beside the sources there may be the `var/` of somebody's first try.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    for file in ["hoist.yaml", "pipelines.yaml"] {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(file);
        std::fs::copy(committed, folder.path().join("config").join(file)).unwrap();
    }
    let ran = Hoist::new(["check"]).inside(folder.path()).run().done();
    assert!(ran.text().starts_with("config/hoist.yaml is good: "), "{}", ran.text());
}

#[test]
fn every_problem_with_a_configuration_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listen: 7\nlisen: 127.0.0.1:8080\n";
    std::fs::write(folder.path().join("hoist.yaml"), text).unwrap();
    let check = || Hoist::new(["check", "--config", "hoist.yaml"]).inside(folder.path());
    check().run().refused(1, &["hoist.yaml:1:", "hoist.yaml:2:1:", "next:"]);

    let ran = Hoist::new(["check", "--config", "hoist.yaml", "--output", "json"])
        .inside(folder.path())
        .run();
    assert_eq!(ran.status, 1);
    let view: serde_json::Value = serde_json::from_slice(&ran.out).unwrap();
    assert!(view["problems"].as_array().unwrap().iter().any(|it| it["line"] == 2), "{view}");

    let ran = Hoist::new(["check"]).inside(folder.path()).run();
    ran.refused(1, &["config/hoist.yaml", "--config PATH"]);
}

#[test]
fn every_verb_of_a_conversation_is_a_command_of_that_name() {
    let page = hoist::cli::reference::reference();
    for verb in hoist::domain::grammar::Verb::ALL {
        let said = format!("In a conversation: `{}`.", verb.usage());
        let section = page.split("\n## ").find(|it| it.starts_with(&format!("hoist {verb}\n")));
        let is_told = section.is_some_and(|section| section.contains(&said));
        // Only the help is asked for in another way there.
        assert_eq!(is_told, verb.name() != "help", "{verb}");
    }
}

#[test]
fn docs_commands_md_is_what_the_commands_say() {
    assert_current("docs/commands.md", &hoist::cli::reference::reference());
}
