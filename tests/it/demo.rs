//! `hoist demo`, as somebody who has just cloned the project types it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

fn demo(folder: &Path) -> Output {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoist"));
    command.args(["demo", "--auto", "--port", &port.to_string(), "--dir"]).arg(folder);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_demo_proves_itself_and_replaces_an_earlier_one() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("hoist-demo");
    for _ in 0..2 {
        let output = demo(&folder);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        std::fs::write(folder.join("left-over"), "of the earlier demo").unwrap();
    }
    let log = Command::new("git")
        .arg("-C")
        .arg(folder.join("gitops.git"))
        .args(["log", "--first-parent", "--reverse", "--format=%s", "main"])
        .output()
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(log.stdout).unwrap(), @"
    Run three applications in staging and prod
    Merge proposal #1: staging: promote payments to v1.4.2
    Merge proposal #2: prod: promote payments to v1.4.2
    Merge proposal #3: staging: promote payments to v1.5.0
    Merge proposal #4: prod: promote payments to v1.5.0
    Merge proposal #5: prod: roll payments back to v1.4.2
    ");
}

#[test]
fn the_demo_leaves_somebody_elses_folder_alone() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("thesis.txt"), "ten years of work").unwrap();
    let output = demo(home.path());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("left alone"), "{}", said(&output));
    let kept = std::fs::read_to_string(home.path().join("thesis.txt")).unwrap();
    assert_eq!(kept, "ten years of work");
}
