//! How much memory a way takes at its most.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Which of hoist's ways a child of this bench takes, on which repository, with the mirror in which
/// folder, and how often at once.
const WAY: &str = "HOIST_BENCH_WAY";
const URL: &str = "HOIST_BENCH_URL";
const DATA: &str = "HOIST_BENCH_DATA";
const COUNT: &str = "HOIST_BENCH_COUNT";

/// What is not a way's: the server and its Git.
const SERVERS: [&str; 2] = ["nginx", "fcgiwrap"];

const MEBI: u64 = 1024 * 1024;

/// The most that the processes which `work` starts hold at the same time, in MiB.
///
/// It is looked at every few milliseconds: what is shorter than that is not seen.
pub fn of_children(work: impl FnOnce()) -> u64 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::SeqCst) {
                most = most.max(resident_of_children());
                std::thread::sleep(Duration::from_millis(4));
            }
            most
        });
        work();
        done.store(true, Ordering::SeqCst);
        watch.join().unwrap() / MEBI
    })
}

fn resident_of_children() -> u64 {
    let mut children: HashMap<u32, Vec<(u32, String, u64)>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // It may be gone by now.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let (before, after) = stat.rsplit_once(") ").unwrap();
        let name = before.split_once('(').unwrap().1.to_owned();
        let words: Vec<&str> = after.split(' ').collect();
        let pages: u64 = words[21].parse().unwrap();
        children.entry(words[1].parse().unwrap()).or_default().push((pid, name, pages * 4096));
    }
    let (mut sum, mut waiting) = (0, vec![std::process::id()]);
    while let Some(parent) = waiting.pop() {
        for (pid, name, bytes) in children.remove(&parent).unwrap_or_default() {
            if !SERVERS.contains(&name.as_str()) {
                sum += bytes;
                waiting.push(pid);
            }
        }
    }
    sum
}

/// The most that a process holds which opens its mirror and does so many promotions at once by
/// hoist's way and nothing else; how much of what it holds at the end is its own (the rest are pages
/// of packs that the kernel may take back); and the most of the process before it, which made the
/// mirror.
pub fn of_process(way: &str, url: &str, count: usize) -> String {
    let data = tempfile::tempdir().unwrap();
    let memory = |count| {
        let told = child(way, url, data.path(), count);
        let (most, own) = told.split_once(' ').unwrap();
        (most.parse::<u64>().unwrap(), own.parse::<u64>().unwrap())
    };
    let (first, _) = memory(0);
    let (most, own) = memory(count);
    format!("{most} MiB ({own} its own; the first clone {first})")
}

/// What a process tells that does something else, and finds a mirror.
pub fn told_by_child(what: &str, url: &str) -> String {
    let data = tempfile::tempdir().unwrap();
    child("own", url, data.path(), 0);
    child(what, url, data.path(), 0)
}

fn child(way: &str, url: &str, data: &Path, count: usize) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.env(WAY, way).env(URL, url).env(DATA, data).env(COUNT, count.to_string());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What is asked of this process, if it is such a child.
pub struct Asked {
    pub way: String,
    pub url: String,
    pub data: PathBuf,
    pub count: usize,
}

impl Asked {
    pub fn of_us() -> Option<Self> {
        let asked = |name| std::env::var(name).ok();
        let count = asked(COUNT)?.parse().unwrap();
        Some(Self { way: asked(WAY)?, url: asked(URL)?, data: asked(DATA)?.into(), count })
    }
}

/// What this process held at its most, and what it holds now that is its own, in MiB.
pub fn ours() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mebibytes = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    (mebibytes("VmHWM:"), mebibytes("RssAnon:"))
}
