//! A process that is killed at any moment of its work with a mirror.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use hoist::adapters::git::{
    Bounds, Credentials, HostKeys, Login, Mirror, RemoteSettings, Speaker, Trust,
};
use hoist::app::ports::{Git, RefOutcome};

use crate::support::git::{Remote, basic, spec, update};
use crate::support::git_server::PASSWORD;

const MAIN: &str = "refs/heads/main";

/// Where a test finds its remote when it runs as its own child.
const URL: &str = "HOIST_TEST_KILLED_URL";
/// And where its mirror is.
const DATA: &str = "HOIST_TEST_KILLED_DATA";
/// By SSH, where its key is, and which key the server shows.
const KEY: &str = "HOIST_TEST_KILLED_KEY";
const HOST_KEY: &str = "HOIST_TEST_KILLED_HOST_KEY";

#[tokio::test]
async fn a_kill_at_any_moment_leaves_a_mirror_that_goes_on_over_file() {
    if let Ok(url) = std::env::var(URL) {
        return work(settings(url, Credentials::None)).await;
    }
    survive(&Remote::local(), "a_kill_at_any_moment_leaves_a_mirror_that_goes_on_over_file").await;
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_a_mirror_that_goes_on_over_http() {
    if let Ok(url) = std::env::var(URL) {
        return work(settings(url, basic(PASSWORD))).await;
    }
    survive(&Remote::http(), "a_kill_at_any_moment_leaves_a_mirror_that_goes_on_over_http").await;
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_a_mirror_that_goes_on_by_libgit2() {
    if let Ok(url) = std::env::var(URL) {
        let settings = settings(url, basic(PASSWORD));
        return work(RemoteSettings { speaker: Speaker::LibGit2, ..settings }).await;
    }
    let remote = Remote::http_by_libgit2();
    survive(&remote, "a_kill_at_any_moment_leaves_a_mirror_that_goes_on_by_libgit2").await;
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_a_mirror_that_goes_on_over_ssh() {
    if let Ok(url) = std::env::var(URL) {
        let key = std::fs::read_to_string(std::env::var(KEY).unwrap()).unwrap().into();
        let login = Credentials::Ssh(Login::Key { key, passphrase: None });
        let host_keys = Some(HostKeys::Fingerprints(vec![std::env::var(HOST_KEY).unwrap()]));
        let trust = Trust { host_keys, ..Trust::default() };
        return work(RemoteSettings { trust, ..settings(url, login) }).await;
    }
    survive(&Remote::ssh(), "a_kill_at_any_moment_leaves_a_mirror_that_goes_on_over_ssh").await;
}

/// The same while the mirror is built anew again and again.
#[tokio::test]
async fn a_kill_at_any_moment_of_building_anew_leaves_a_mirror_that_goes_on() {
    if let Ok(url) = std::env::var(URL) {
        return renew(settings(url, basic(PASSWORD))).await;
    }
    let name = "a_kill_at_any_moment_of_building_anew_leaves_a_mirror_that_goes_on";
    survive(&Remote::http(), name).await;
}

fn settings(url: String, credentials: Credentials) -> RemoteSettings {
    let (name, trust) = ("gitops".parse().unwrap(), Trust::default());
    RemoteSettings { name, url, credentials, trust, speaker: Speaker::Own, pushes: None }
}

/// Clones, fetches, commits and pushes until it is killed.
async fn work(settings: RemoteSettings) {
    let data = PathBuf::from(std::env::var(DATA).unwrap());
    for round in 0.. {
        if round % 3 == 0 {
            // At once, as nobody but a test does it: half a mirror is another test's matter.
            let gone = data.join(format!("gone-{}-{round}", std::process::id()));
            drop(std::fs::rename(data.join("mirrors/gitops.git"), gone));
        }
        let mirror = Mirror::open(settings.clone(), &data).unwrap();
        for number in 0..4 {
            // A remote's own lock may stand in the way: whoever is killed leaves that, too.
            if mirror.fetch().await.is_err() {
                continue;
            }
            let Some(tip) = mirror.refs(MAIN).await.unwrap().get(MAIN).cloned() else { continue };
            let text = format!("{} {round} {number}\n", std::process::id()).repeat(200);
            let path = format!("apps/{}/{number}.yaml", round % 5);
            let next = mirror.commit(spec(&[&tip], &[(&path, Some(&text))])).await.unwrap();
            drop(mirror.push(vec![update(MAIN, Some(&tip), Some(&next))]).await);
        }
    }
}

/// Fetches, commits and pushes with a mirror that has always grown too far, until it is killed.
async fn renew(settings: RemoteSettings) {
    let data = PathBuf::from(std::env::var(DATA).unwrap());
    let bounds = Bounds { slack: 0, packs: 0, ..Bounds::default() };
    for round in 0.. {
        let mirror = Mirror::open_within(settings.clone(), &data, bounds).unwrap();
        for number in 0..20 {
            mirror.fetch().await.unwrap();
            let tip = mirror.tip(MAIN).await.unwrap().unwrap();
            let text = format!("{} {round} {number}\n", std::process::id()).repeat(200);
            let next = mirror.commit(spec(&[&tip], &[("v.yaml", Some(&text))])).await.unwrap();
            drop(mirror.push(vec![update(MAIN, Some(&tip), Some(&next))]).await);
        }
    }
}

async fn survive(remote: &Remote, own_name: &str) {
    let data = remote.data();
    let first = {
        let mirror = remote.mirror();
        let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
        first
    };
    // A login takes longer than all the rest.
    let steps = if remote.ssh.is_some() { 3 } else { 1 };
    for round in 0..14_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", &format!("contracts::git::killed::{own_name}"), "--nocapture"]);
        child.env(URL, remote.settings().url).env(DATA, &data);
        if let Some(ssh) = &remote.ssh {
            child.env(KEY, ssh.file("key")).env(HOST_KEY, ssh.fingerprint("host_ed25519"));
        }
        let mut child =
            child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over its start, its first clone, and the rounds after it.
        std::thread::sleep(Duration::from_millis(steps * (60 + round * round * 7 % 500)));
        child.kill().unwrap();
        child.wait().unwrap();

        let mirror = remote.mirror();
        assert_eq!(leftovers(&data.join("mirrors")), Vec::<PathBuf>::new(), "round {round}");
        mirror.fetch().await.unwrap();
        let tip = mirror.refs(MAIN).await.unwrap()[MAIN].clone();
        assert!(mirror.contains(&tip, &first).await.unwrap());
        mirror.list(&tip, "apps/*/*.yaml").await.unwrap();
    }
    // What the last one locked in a repository of this machine is for a person to remove.
    drop(std::fs::remove_file(remote.bare().join("refs/heads/main.lock")));
    let mirror = remote.mirror();
    // A server may still be at work for the one who was killed last.
    for attempt in 0.. {
        mirror.fetch().await.unwrap();
        let tip = mirror.refs(MAIN).await.unwrap()[MAIN].clone();
        let last = mirror.commit(spec(&[&tip], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
        let pushed = mirror.push(vec![update(MAIN, Some(&tip), Some(&last))]).await.unwrap();
        if pushed == [RefOutcome::Moved] {
            break;
        }
        assert!(attempt < 20, "{pushed:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
    remote.git(&["fsck", "--strict", "--connectivity-only"]);
}

/// What a killed process leaves and the next one removes.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".git.new") || name.ends_with(".git.old") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(leftovers(&path));
        } else if name.ends_with(".lock") || name.contains("git2_") || name.starts_with("tmp_") {
            found.push(path);
        }
    }
    found
}
