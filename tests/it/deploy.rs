//! The files in `deploy/` and the Dockerfile agree with each other, and the image's health check works.
//!
//! No container is built here; what needs no daemon is really run.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;

use serde_yaml::Value;

/// The user that the image runs as, and that owns the volume.
const USER: u64 = 10001;
const DATA: &str = "/var/lib/hoist";

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&text(path)).unwrap()
}

/// The last argument of the Dockerfile's `HEALTHCHECK CMD ["bash", "-c", …]`.
fn health_check() -> String {
    let dockerfile = text("Dockerfile");
    let line = dockerfile.lines().find_map(|it| it.trim().strip_prefix("CMD [\"bash\"")).unwrap();
    let command: Vec<String> = serde_json::from_str(&format!("[\"bash\"{line}")).unwrap();
    let [_, _, script] = command.try_into().unwrap();
    script
}

/// Runs the health check against a service that answers `/healthz` with `response`.
fn health_check_against(response: &'static str) -> ExitStatus {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        // bash writes line by line: the request has ended with its empty line.
        let mut request = String::new();
        let mut lines = BufReader::new(&stream);
        while !request.ends_with("\r\n\r\n") {
            assert_ne!(lines.read_line(&mut request).unwrap(), 0, "cut off: {request:?}");
        }
        (&stream).write_all(response.as_bytes()).unwrap();
        request
    });
    let status = run_health_check(port);
    assert!(service.join().unwrap().starts_with("GET /healthz HTTP/1.1\r\nHost: "));
    status
}

fn run_health_check(port: u16) -> ExitStatus {
    let port = port.to_string();
    let output =
        Command::new("bash").args(["-c", &health_check()]).env("HOIST_PORT", port).output();
    output.unwrap().status
}

#[test]
fn the_image_is_healthy_when_the_service_says_so() {
    assert!(health_check_against("HTTP/1.1 200 OK\r\n\r\n").success());
}

#[test]
fn the_image_is_sick_when_the_service_is_or_is_silent_or_gone() {
    assert!(!health_check_against("HTTP/1.1 503 Service Unavailable\r\n\r\n").success());
    assert!(!health_check_against("").success());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(!run_health_check(nobody).success());
}

#[test]
fn the_image_the_manifests_and_the_configuration_agree() {
    let dockerfile = text("Dockerfile");
    for line in [
        format!("USER {USER}:{USER}"),
        format!("VOLUME {DATA}"),
        format!("WORKDIR {DATA}"),
        "EXPOSE 8080".to_owned(),
    ] {
        assert!(dockerfile.lines().any(|it| it == line), "the Dockerfile lacks `{line}`");
    }

    let config = yaml("deploy/config/hoist.yaml");
    assert_eq!(config["listen"], "0.0.0.0:8080");
    assert_eq!(config["data"], DATA);
    assert_eq!(config["store"], format!("sqlite://{DATA}/hoist.db"));
    assert_eq!(config["pipelines"], "/etc/hoist/pipelines.yaml");

    let pod = &yaml("deploy/kubernetes/deployment.yaml")["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsUser"], USER);
    assert_eq!(pod["securityContext"]["fsGroup"], USER);
    let container = &pod["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"], 8080);
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    let mounts = container["volumeMounts"].as_sequence().unwrap();
    let mounted = |path: &str| mounts.iter().any(|it| it["mountPath"] == path);
    assert!(mounted(DATA) && mounted("/etc/hoist") && mounted("/tmp"), "{mounts:?}");
    assert_eq!(container["env"][0]["name"], config["sources"]["ci"]["hmac"]["env"]);

    let service = &yaml("deploy/compose.yaml")["services"]["hoist"];
    let secret = config["sources"]["ci"]["hmac"]["env"].as_str().unwrap();
    assert!(service["environment"].get(secret).is_some(), "compose passes {secret} on");
    assert_eq!(service["volumes"][1], format!("data:{DATA}"));
}

#[test]
fn every_file_to_deploy_is_yaml_and_every_kustomize_resource_is_there() {
    let kustomization = yaml("deploy/kustomization.yaml");
    for resource in kustomization["resources"].as_sequence().unwrap() {
        let resource = yaml(&format!("deploy/{}", resource.as_str().unwrap()));
        assert!(resource["kind"].is_string());
    }
    for file in kustomization["configMapGenerator"][0]["files"].as_sequence().unwrap() {
        assert!(yaml(&format!("deploy/{}", file.as_str().unwrap())).is_mapping());
    }
}

#[test]
fn the_notification_for_argo_cd_is_json_with_every_promised_field() {
    let config = yaml("deploy/argocd/notifications.yaml");
    let data = |key: &str| -> Value {
        serde_yaml::from_str(config["data"][key].as_str().unwrap()).unwrap()
    };
    let mut body = data("template.hoist")["webhook"]["hoist"]["body"].as_str().unwrap().to_owned();
    // What the template engine would put there.
    while let Some((before, rest)) = body.split_once("{{") {
        let after = rest.split_once("}}").unwrap().1;
        body = format!("{before}{after}");
    }
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["app", "health", "phase", "project", "revision", "sync"]);
    let service = data("service.webhook.hoist");
    assert!(service["url"].as_str().unwrap().ends_with("/hooks/argocd"));
    assert_eq!(service["headers"][0]["value"], "Bearer $hoist-secret");
    let triggers = data("trigger.on-hoist");
    assert!(triggers.as_sequence().unwrap().iter().all(|it| it["send"][0] == "hoist"));
    assert_eq!(data("subscriptions")[0]["triggers"][0], "on-hoist");
}
