//! The contract's own example: every key of it is known, built or not.

use super::*;

/// `config/hoist.yaml` of the contract, whole.
const PROCESS: &str = r##"
# config/hoist.yaml
listen: 127.0.0.1:8080
public_url: https://hoist.example.com
store: sqlite://var/hoist.db              # or postgres://hoist@db/hoist for several replicas
data: var                                 # mirrors and the builtin forge live here
pipelines: config/pipelines.yaml          # or {repository: gitops, path: hoist/pipelines.yaml}

repositories:
  gitops:
    forge: github                         # builtin | github | gitlab (forgejo later)
    url: https://github.com/acme/gitops.git
    branch: main
    api: https://api.github.com           # set for GitHub Enterprise, self-managed GitLab, Forgejo
    ca: {file: /etc/ssl/acme.pem}         # optional: a private certificate authority; known_hosts: {file: …} for SSH
    credentials: {app_id: 1234, private_key: {file: /run/secrets/app.pem}}   # or {token: {env: …}}, {username, password}, {ssh_key: …}
    webhook_secret: {env: HOIST_GITHUB_SECRET}

sources:                                  # who may announce artifacts, and which
  ci:
    hmac: {env: HOIST_CI_SECRET}
    images: ["ghcr.io/acme/*"]
  actions:
    oidc: {issuer: https://token.actions.githubusercontent.com, audience: hoist}
    claims: {repository: "acme/{application}", ref: refs/heads/main}
    images: ["ghcr.io/acme/{application}"]

registries:
  ghcr.io: {username: hoist, password: {env: HOIST_REGISTRY_TOKEN}}

argocd:
  main: {url: https://argocd.example.com, token: {env: HOIST_ARGOCD_TOKEN}}

chat:
  slack: {signing_secret: {env: HOIST_SLACK_SECRET}, bot_token: {env: HOIST_SLACK_TOKEN}, channel: "#deploys"}

# may: announce review merge promote rollback hold resume freeze skip-gates status audit
people:                                   # one person, as each system knows them
  alice: {github: alice, gitlab: alice.w, slack: U0A1}
roles:
  developers: {people: [alice], may: [promote, hold, status], environments: [staging]}
  release-managers: {teams: ["github:acme/sre"], may: [promote, rollback, hold, freeze, skip-gates], environments: ["*"]}
tokens:                                   # for the API and the command line; only a SHA-256 is stored
  - {name: ops-laptop, sha256: "…", roles: [release-managers]}
"##;

/// `config/pipelines.yaml` of the contract, whole.
const POLICY: &str = r##"
# config/pipelines.yaml
pipelines:
  services:
    repository: gitops
    applications: discover                # every {application} for which the first environment's files exist; or a list of names
    image: ghcr.io/acme/{application}
    verify: {digest: registry}            # registry | none; later: signatures
    environments:
      - name: staging
        edit:
          - {file: "environments/staging/apps/{application}/kustomization.yaml", kustomize_image: "ghcr.io/acme/{application}"}
        merge: automatic                  # automatic | on-approval | manual
        health: {argocd: main, application: "{application}-staging", project: default}
      - name: prod
        after: [staging]
        edit:
          - {file: "environments/prod/apps/{application}/values.yaml", path: image.tag, value: "{tag}"}
          - {file: "environments/prod/apps/{application}/values.yaml", path: image.digest, value: "{digest}"}
        gates:
          - {soak: 30m}
          - {window: {days: mon-thu, from: "09:00", to: "16:00", zone: Europe/Stockholm}}
          - {approvals: 2}
        review: {reviewers: [alice], teams: [sre], labels: [promotion]}
        merge: on-approval
        health: {argocd: main, application: "{application}-prod", project: default}
        on_unhealthy: rollback            # rollback | hold | nothing
freezes:
  - {name: black-friday, environments: [prod], from: "2026-11-26T00:00", to: "2026-11-30T08:00", zone: Europe/Stockholm}
schedules:
  - {name: nightly, cron: "0 2 * * mon-fri", zone: Europe/Stockholm, pipeline: services, to: prod, group: one-pull-request}
"##;

#[test]
fn all_that_the_contract_shows_is_taken() {
    let desk = Desk::default()
        .file("hoist.yaml", PROCESS)
        .file("config/pipelines.yaml", POLICY)
        .variable("HOIST_CI_SECRET", "a secret of a test")
        .variable("HOIST_ARGOCD_TOKEN", "a token of a test")
        .variable("HOIST_SLACK_SECRET", "a signing secret of a test")
        .variable("HOIST_SLACK_TOKEN", "a bot's token of a test")
        .variable("HOIST_REGISTRY_TOKEN", "a registry's token of a test")
        .variable("HOIST_GITHUB_SECRET", "another secret of a test")
        .file("/run/secrets/app.pem", "a key of a test")
        .file("/etc/ssl/acme.pem", "-----BEGIN CERTIFICATE-----");
    check(
        &desk,
        r#"
hoist.yaml:44:32: tokens[0].sha256: this is no SHA-256, which has 64 hex digits; write what `printf %s "$TOKEN" | sha256sum` prints first
1 problem
"#,
    );
}
