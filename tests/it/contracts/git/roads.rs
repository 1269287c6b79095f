//! Bad roads to a server: what is stuck, slow or cut ends in time, and the next one passes.

use std::path::PathBuf;
use std::time::Duration;

use hoist::adapters::git::{Bounds, HostKeys, Mirror, RemoteSettings, Trust};
use hoist::app::ports::{CommitSpec, Git, GitError, RefOutcome, RefUpdate};
use hoist::domain::id::CommitId;

use super::refusals::over_each_server;
use crate::support::detour::{Detour, Road};
use crate::support::git::{Remote, spec, update};

over_each_server! {
    a_fetch_that_is_stuck_slow_or_cut_frees_the_worker,
    a_push_that_is_stuck_slow_or_cut_frees_the_worker,
    a_push_that_nobody_takes_frees_the_worker,
    a_fetch_that_comes_along_is_not_begun_anew,
    a_fetch_that_came_along_and_is_slow_now_frees_the_worker,
    a_connection_that_ended_meanwhile_is_not_missed,
}

const MAIN: &str = "refs/heads/main";

/// How long these tests wait for an answer: long enough for a login by SSH on a busy machine.
const WAIT: Duration = Duration::from_secs(4);

/// A remote with a commit, and a road to it that may be bad.
pub(super) struct Behind {
    pub(super) first: CommitId,
    pub(super) detour: Detour,
    pub(super) settings: RemoteSettings,
    data: tempfile::TempDir,
}

impl Behind {
    pub(super) async fn a_detour(remote: &Remote) -> Self {
        let mirror = remote.mirror();
        let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
        mirror.push(vec![update(MAIN, None, Some(&first))]).await.unwrap();
        Self::one_more(remote, first)
    }

    /// One more road to the same remote.
    fn one_more(remote: &Remote, first: CommitId) -> Self {
        let mut settings = remote.settings();
        let port = match (&remote.server, &remote.ssh) {
            (Some(server), _) => server.port,
            (None, Some(ssh)) => {
                // It is the same server, wherever the road to it begins.
                let keys = HostKeys::Fingerprints(vec![ssh.fingerprint("host_ed25519")]);
                settings.trust = Trust { host_keys: Some(keys), ..Trust::default() };
                ssh.port
            }
            (None, None) => panic!("there is no road to a repository on this machine"),
        };
        let detour = Detour::to(port);
        settings.url = settings.url.replace(&port.to_string(), &detour.port.to_string());
        Self { first, detour, settings, data: tempfile::tempdir().unwrap() }
    }

    /// A mirror at the other end of the road, which waits for some seconds and no longer.
    pub(super) fn mirror(&self) -> Mirror {
        self.mirror_within(Bounds::default())
    }

    /// The same, within these bounds otherwise.
    pub(super) fn mirror_within(&self, bounds: Bounds) -> Mirror {
        let bounds = Bounds { wait: WAIT, ..bounds };
        Mirror::open_within(self.settings.clone(), self.data.path(), bounds).unwrap()
    }

    /// That mirror's directory.
    pub(super) fn mirror_path(&self) -> PathBuf {
        self.data.path().join("mirrors/gitops.git")
    }
}

/// On each bad road at the same time, because each test waits for nothing to happen.
async fn on_each(remote: &Remote, test: impl AsyncFn(Road, Behind)) {
    let first = Behind::a_detour(remote).await.first;
    let roads = [Road::Stuck, Road::Slow, Road::Cut];
    let tests = roads.map(|road| test(road, Behind::one_more(remote, first.clone())));
    futures::future::join_all(tests).await;
}

/// By the same thread, which a blocked read would hold for another minute.
async fn soon<T>(work: impl AsyncFn() -> Result<T, GitError>) -> T {
    for _ in 0..10 {
        match work().await {
            Ok(done) => return done,
            Err(GitError::Unreachable(_)) => (),
            Err(error) => panic!("{error:?}"),
        }
    }
    work().await.unwrap()
}

async fn a_fetch_that_is_stuck_slow_or_cut_frees_the_worker(remote: Remote) {
    on_each(&remote, async |road, behind| {
        let mirror = behind.mirror();
        behind.detour.take(road);
        let error = mirror.fetch().await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable(_)), "{road:?}: {error:?}");
        behind.detour.take(Road::Good);
        soon(async || mirror.fetch().await).await;
        assert_eq!(mirror.refs(MAIN).await.unwrap()[MAIN], behind.first, "{road:?}");
    })
    .await;
}

async fn a_push_that_is_stuck_slow_or_cut_frees_the_worker(remote: Remote) {
    on_each(&remote, async |road, behind| {
        let mirror = behind.mirror();
        soon(async || mirror.fetch().await).await;
        let text = format!("{road:?}\n");
        let commit = spec(&[&behind.first], &[("v.yaml", Some(&text))]);
        let next = mirror.commit(commit).await.unwrap();
        let branch = format!("refs/heads/by-{road:?}");
        let create = vec![update(&branch, None, Some(&next))];
        behind.detour.take(road);
        let error = mirror.push(create.clone()).await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable(_)), "{road:?}: {error:?}");
        behind.detour.take(Road::Good);
        let pushed = soon(async || mirror.push(create.clone()).await).await;
        // The first may have arrived, although nothing came back.
        let arrived = [RefOutcome::Moved, RefOutcome::AlreadyThere];
        assert!(arrived.contains(&pushed[0]), "{road:?}: {pushed:?}");
        assert_eq!(remote.git(&["rev-parse", &branch]), next.as_str(), "{road:?}");
    })
    .await;
}

/// More than anybody on the way keeps for a server that does not read.
const MUCH: usize = 24 * 1024 * 1024;

/// A commit with so many bytes that do not compress.
fn noisy(parent: &CommitId, length: usize) -> CommitSpec {
    let mut state = 1_u64;
    let mut noise = Vec::with_capacity(length);
    while noise.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.extend_from_slice(&state.to_le_bytes());
    }
    let mut commit = spec(&[parent], &[]);
    commit.files.insert("noise".into(), Some(noise));
    commit
}

async fn a_push_that_nobody_takes_frees_the_worker(remote: Remote) {
    let behind = Behind::a_detour(&remote).await;
    let mirror = behind.mirror();
    soon(async || mirror.fetch().await).await;
    let next = mirror.commit(noisy(&behind.first, MUCH)).await.unwrap();
    let create: Vec<RefUpdate> = vec![update("refs/heads/big", None, Some(&next))];
    behind.detour.take(Road::Clogged);
    let error = mirror.push(create).await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable(_)), "{error:?}");
    behind.detour.take(Road::Good);
    soon(async || mirror.fetch().await).await;
    assert_eq!(remote.git(&["for-each-ref", "refs/heads/big"]), "");
}

/// It takes longer than anybody waits: whoever ended it each time would never have it.
async fn a_fetch_that_comes_along_is_not_begun_anew(remote: Remote) {
    let behind = Behind::a_detour(&remote).await;
    let theirs = remote.mirror();
    let big = theirs.commit(noisy(&behind.first, 1024 * 1024)).await.unwrap();
    theirs.push(vec![update(MAIN, Some(&behind.first), Some(&big))]).await.unwrap();
    behind.detour.take(Road::Narrow);
    let mirror = behind.mirror();
    let mut told = Vec::new();
    while let Err(error) = mirror.fetch().await {
        assert!(matches!(error, GitError::Unreachable(_)), "{error:?}");
        told.push(format!("{:#}", anyhow::Error::from(error)));
        assert!(told.len() < 10, "{told:#?}");
    }
    assert!(told.iter().any(|it| it.contains("the transfer goes on")), "{told:?}");
    assert_eq!(mirror.refs(MAIN).await.unwrap()[MAIN], big);
}

/// What came fast buys no time for what trickles after it.
async fn a_fetch_that_came_along_and_is_slow_now_frees_the_worker(remote: Remote) {
    let behind = Behind::a_detour(&remote).await;
    let theirs = remote.mirror();
    let big = theirs.commit(noisy(&behind.first, 2 * 1024 * 1024)).await.unwrap();
    theirs.push(vec![update(MAIN, Some(&behind.first), Some(&big))]).await.unwrap();
    behind.detour.take(Road::Narrow);
    let mirror = behind.mirror();
    let goes_on = async || {
        let error = mirror.fetch().await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable(_)), "{error:?}");
        format!("{:#}", anyhow::Error::from(error)).contains("the transfer goes on")
    };
    assert!(goes_on().await, "160 KiB a second are enough");
    behind.detour.take(Road::Slow);
    let mut looks = 0;
    while goes_on().await {
        looks += 1;
        assert!(looks < 3, "ten bytes a second are not enough");
    }
    behind.detour.take(Road::Good);
    soon(async || mirror.fetch().await).await;
    assert_eq!(mirror.tip(MAIN).await.unwrap(), Some(big));
}

/// Servers end what nobody has used for some seconds, and nobody says goodbye.
async fn a_connection_that_ended_meanwhile_is_not_missed(remote: Remote) {
    let behind = Behind::a_detour(&remote).await;
    let mirror = behind.mirror();
    soon(async || mirror.fetch().await).await;
    for round in 0..5 {
        behind.detour.hang_up();
        let text = format!("tag: {round}\n");
        let next = mirror.commit(spec(&[&behind.first], &[("v.yaml", Some(&text))])).await.unwrap();
        let branch = format!("refs/heads/after-{round}");
        let pushed = mirror.push(vec![update(&branch, None, Some(&next))]).await.unwrap();
        assert_eq!(pushed, [RefOutcome::Moved]);
        behind.detour.hang_up();
        mirror.fetch().await.unwrap();
    }
}
