//! How registries are reached: `registries` of the process file.

use super::*;

fn desk(registries: &str) -> Desk {
    let process = format!(
        "pipelines: pipelines.yaml\nsources: {{}}\nrepositories: {{gitops: {{forge: builtin}}}}\n\
         registries:\n{registries}\n"
    );
    Desk::with(&process, POLICY)
        .file("ca.pem", "-----BEGIN CERTIFICATE-----\n")
        .variable("TOKEN", "hunter2")
}

#[test]
fn a_registry_has_a_login_an_authority_and_mirrors() {
    let desk = desk("  Registry.Example.com:5000:
    {url: \"https://10.0.0.1\", username: hoist, password: {env: TOKEN}, ca: {file: ca.pem}, \
     token_server: \"https://gitlab.example.com\", mirrors: [harbor.example.com/dockerhub, m:5000]}");
    let settings = desk.load().map_err(|it| it.to_string()).unwrap().settings;
    let one = &settings.registries[&"registry.example.com:5000".parse().unwrap()];
    let (username, password) = one.login.as_ref().unwrap();
    assert_eq!((username.as_str(), password.expose_secret()), ("hoist", "hunter2"));
    assert_eq!(one.url.as_ref().unwrap().as_str(), "https://10.0.0.1/");
    assert_eq!(one.token_server.as_ref().unwrap().as_str(), "https://gitlab.example.com/");
    let mirrors = one.mirrors.iter().map(|it| format!("{} {}", it.registry, it.prefix));
    assert_eq!(mirrors.collect::<Vec<_>>(), ["harbor.example.com dockerhub", "m:5000 "]);
    assert!(one.ca.is_some() && !format!("{one:?}").contains("hunter2"));
}

#[test]
fn what_is_wrong_with_a_registry_is_told() {
    let problems = desk(
        "  a b: {}
  one: {username: hoist}
  two: {url: \"http://registry.example.com\", mirrors: [\"https://mirror\", \"m/A B\"]}
  three: {password: hunter2, usernam: a}",
    )
    .problems();
    insta::assert_snapshot!(problems, @r#"
    hoist.yaml:5:3: "a b" is no registry: write its host as images name it, as ghcr.io or localhost:5000; choose another name
    hoist.yaml:6:19: registries.one.username: `username` and `password` belong together; write both, or neither for what everybody may read
    hoist.yaml:7:14: registries.two.url: the token would cross the network in the clear, over http; write an https:// url
    hoist.yaml:7:55: registries.two.mirrors[0]: `https://mirror` is no mirror; write HOST or HOST/PREFIX, as harbor.example.com/dockerhub; how the host is reached is an entry of `registries` of its own
    hoist.yaml:7:73: registries.two.mirrors[1]: `m/A B` is no mirror; write HOST or HOST/PREFIX, as harbor.example.com/dockerhub; how the host is reached is an entry of `registries` of its own
    hoist.yaml:8:21: registries.three.password: `username` and `password` belong together; write both, or neither for what everybody may read
    hoist.yaml:8:30: unknown key `usernam` in registries.three; did you mean `username`?
    7 problems
    "#);
    assert!(!problems.contains("hunter2"));
}
