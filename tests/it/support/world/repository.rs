//! What stands in the Git repository and in the files of the world.

use std::fmt::Write as _;

use super::Bot;
use super::telling::plain;

impl Bot {
    /// A person adds applications to an environment.
    pub fn add_applications(&self, environment: &str, names: &[String]) {
        let files = names.iter().map(|it| (file(environment, it), kustomization(it, "v1.0.0")));
        self.remote.add_files(&files.collect::<Vec<_>>());
    }

    /// A person changes a file on main.
    pub fn edit_main(&self, path: &str, from: &str, to: &str) {
        self.edit("main", path, from, to);
    }

    /// A person changes a file on a branch.
    pub fn edit(&self, branch: &str, path: &str, from: &str, to: &str) {
        let text = self.file_on(branch, path);
        assert!(text.contains(from), "{path} on {branch} has no {from:?}:\n{text}");
        self.remote.push(branch, branch, path, &text.replacen(from, to, 1));
    }

    /// A file as the repository has it.
    pub fn file_on(&self, branch: &str, path: &str) -> String {
        self.remote.ask(&["show", &format!("{branch}:{path}")]) + "\n"
    }

    /// The line of the shop's file that holds its version, on main.
    pub fn version_line(&self, environment: &str) -> String {
        self.version_line_of(environment, "shop")
    }

    /// The same of another application.
    pub fn version_line_of(&self, environment: &str, application: &str) -> String {
        let text = self.file_on("main", &file(environment, application));
        text.lines().find(|line| line.contains("newTag")).unwrap().trim().to_owned()
    }

    /// What is on main, oldest first, one line a merge.
    pub fn git_log(&self) -> String {
        self.remote.ask(&["log", "--first-parent", "--reverse", "--format=%s", "main"])
    }

    /// The whole message of the newest commit on a branch.
    pub fn message_on(&self, branch: &str) -> String {
        plain(&self.remote.ask(&["log", "-1", "--format=%B", branch]))
    }

    /// Takes the repository away, as an outage does; [`Bot::the_remote_comes_back`] ends it.
    pub fn the_remote_goes_away(&self) {
        std::fs::rename(self.remote.path(), self.home.path().join("away.git")).unwrap();
    }

    pub fn the_remote_comes_back(&self) {
        std::fs::rename(self.home.path().join("away.git"), self.remote.path()).unwrap();
    }
}

/// The shop's file, and everybody else's.
pub fn file(environment: &str, application: &str) -> String {
    format!("environments/{environment}/apps/{application}/kustomization.yaml")
}

pub(super) fn kustomization(application: &str, version: &str) -> String {
    format!(
        "# {application}: asked for by the shop's team\n\
         resources:\n  - ../../../../base/{application}\n\
         images:\n  - name: ghcr.io/acme/{application}\n    \
         newTag: {version} # hoist writes this\n\
         labels:\n  - pairs: {{team: shop}}\n\n\
         replicas:\n  - name: {application}\n    count: 2 # two are enough\n"
    )
}

pub(super) fn pipelines(environments: &[(&str, &str)]) -> String {
    let mut text =
        "pipelines:\n  services:\n    repository: gitops\n    applications: discover\n    \
                    verify: {digest: none}\n    image: ghcr.io/acme/{application}\n    environments:\n"
            .to_owned();
    for (name, rest) in environments {
        let path = file(name, "{application}");
        let _ = writeln!(
            text,
            "      - {{name: {name}, edit: [{{file: \"{path}\", \
             kustomize_image: \"ghcr.io/acme/{{application}}\"}}], {rest}}}"
        );
    }
    text
}
