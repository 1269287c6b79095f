//! Where hoist's repository is, and who watches it: forges, registries, Argo CD.

use std::sync::Arc;

use url::Url;

use super::super::argocd::{self, ArgoCd};
use super::super::github::{self, GitHub, Key};
use super::super::gitlab::{self, GitLab};
use super::super::ssh_server::SshServer;
use super::{Bot, SECRET};

impl Bot {
    /// The same, with its images in a registry at that address.
    pub async fn with_registry(rule: &str, url: &str) -> Self {
        let mut bot = Self::with_rule(rule).await;
        let entry = format!("registries: {{ghcr.io: {{url: \"{url}\"}}}}\n");
        std::fs::write(bot.config(), bot.process_file() + &entry).unwrap();
        bot.restart().await;
        bot
    }

    /// Runs with an Argo CD, which `health: {argocd: main, …}` means.
    pub async fn with_argocd(environments: &[(&str, &str)], argocd: &ArgoCd) -> Self {
        let bot = Self::asleep(environments);
        let token = bot.home.path().join("argocd-token");
        std::fs::write(&token, argocd::TOKEN).unwrap();
        let entry = format!(
            "argocd:\n  main: {{url: \"{}\", token: {{file: \"{1}\"}}, \
             webhook_secret: {{file: \"{1}\"}}}}\n",
            argocd.url(),
            token.display()
        );
        std::fs::write(bot.config(), bot.process_file() + &entry).unwrap();
        let app = bot.wake(None).await;
        Self { app: Some(Arc::new(app)), ..bot }
    }

    /// Runs with its repository on a GitHub, which knows bob by another name.
    pub async fn on_github(environments: &[(&str, &str)]) -> (Self, GitHub) {
        Self::on_github_merging(environments, "merge").await
    }

    /// The same, with the method by which GitHub merges.
    pub async fn on_github_merging(environments: &[(&str, &str)], method: &str) -> (Self, GitHub) {
        let bot = Self::asleep(environments);
        let hub = GitHub::start(bot.remote.path()).await;
        let at = format!("github, url: \"{}\", api: \"{}\"", hub.git(), hub.api());
        bot.move_to(&at, github::TOKEN, method);
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, hub)
    }

    /// The same, where hoist is an App whose tokens end.
    pub async fn on_github_as_an_app(environments: &[(&str, &str)]) -> (Self, GitHub) {
        let bot = Self::asleep(environments);
        let hub = GitHub::start(bot.remote.path()).await;
        let key = Key::make();
        hub.install_app(1234, &key);
        let at = format!("github, url: \"{}\", api: \"{}\"", hub.git(), hub.api());
        bot.move_to(&at, &key.private, "merge");
        let text = std::fs::read_to_string(bot.config()).unwrap();
        let text = text.replace("{token: {file", "{app_id: 1234, private_key: {file");
        std::fs::write(bot.config(), text).unwrap();
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, hub)
    }

    /// The same, where GitHub makes the commits for the App.
    pub async fn on_github_that_commits(environments: &[(&str, &str)]) -> (Self, GitHub) {
        let (mut bot, hub) = Self::on_github_as_an_app(environments).await;
        bot.change_the_process_file(|text| {
            text.replace("webhook_secret: ", "commits: api, webhook_secret: ")
        })
        .await;
        (bot, hub)
    }

    /// The same, where Git goes by SSH and only questions by https.
    pub async fn on_github_by_ssh(environments: &[(&str, &str)]) -> (Self, GitHub, SshServer) {
        let bot = Self::asleep(environments);
        let hub = GitHub::start(bot.remote.path()).await;
        let ssh = bot.move_behind_ssh("github", "acme/gitops.git", (hub.api(), github::TOKEN));
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, hub, ssh)
    }

    /// The same on a GitLab.
    pub async fn on_gitlab_by_ssh(environments: &[(&str, &str)]) -> (Self, GitLab, SshServer) {
        let bot = Self::asleep(environments);
        let lab = GitLab::start(bot.remote.path()).await;
        let path = format!("{}.git", gitlab::PROJECT);
        let ssh = bot.move_behind_ssh("gitlab", &path, (lab.api(), gitlab::TOKEN));
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, lab, ssh)
    }

    pub(super) fn move_behind_ssh(
        &self,
        forge: &str,
        path: &str,
        (api, token): (Url, &str),
    ) -> SshServer {
        let ssh = SshServer::start(self.home.path());
        ssh.name(path, self.remote.path());
        let at = format!(
            "{forge}, url: \"ssh://{}@127.0.0.1:{}/{path}\", api: \"{api}\", \
             known_hosts: [\"{}\"]",
            ssh.user,
            ssh.port,
            ssh.fingerprint("host_ed25519"),
        );
        self.move_to(&at, token, "merge");
        let key = format!("credentials: {{ssh_key: {{file: \"{}\"}}, ", ssh.file("key").display());
        let text = std::fs::read_to_string(self.config()).unwrap().replace("credentials: {", &key);
        std::fs::write(self.config(), text).unwrap();
        ssh
    }

    /// Runs with its repository on a GitLab, which knows bob by another name.
    pub async fn on_gitlab(environments: &[(&str, &str)]) -> (Self, GitLab) {
        let bot = Self::asleep(environments);
        let lab = GitLab::start(bot.remote.path()).await;
        let at = format!("gitlab, url: \"{}\", api: \"{}\"", lab.git(), lab.api());
        bot.move_to(&at, gitlab::TOKEN, "merge");
        let app = bot.wake(None).await;
        (Self { app: Some(Arc::new(app)), ..bot }, lab)
    }

    /// Writes into its process file that its repository is on a forge.
    pub(super) fn move_to(&self, at: &str, token: &str, method: &str) {
        let place = |name: &str| self.home.path().join(name);
        std::fs::write(place("forge-token"), token).unwrap();
        std::fs::write(place("forge-secret"), SECRET).unwrap();
        let builtin = format!("{{forge: builtin, url: \"{}\", branch: main}}", self.remote.url());
        let there = format!(
            "{{forge: {at}, credentials: {{token: {{file: \"{}\"}}}}, \
             webhook_secret: {{file: \"{}\"}}, merge_method: {method}}}",
            place("forge-token").display(),
            place("forge-secret").display(),
        );
        let text = self.process_file();
        assert!(text.contains(&builtin) && text.contains("bob: {}, carol: {}, dora: {}"), "{text}");
        let text = text
            .replace(&builtin, &there)
            .replace("bob: {}", "bob: {github: Bobby, gitlab: Bobby}")
            .replace("dora: {}", "dora: {github: dora, gitlab: dora}");
        std::fs::write(self.config(), text).unwrap();
    }
}
