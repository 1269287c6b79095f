//! The committed examples and schemas are what the code reads today.

use super::*;

fn committed(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn pretty(schema: &serde_json::Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(schema).unwrap())
}

#[test]
fn the_committed_schemas_are_current() {
    assert_current("config/hoist.schema.json", &pretty(&config::process_schema()));
    assert_current("config/pipelines.schema.json", &pretty(&config::policy_schema()));
}

#[test]
fn the_committed_examples_are_good() {
    for folder in ["config", "deploy/config"] {
        let policy =
            if folder == "config" { "config/pipelines.yaml" } else { "/etc/hoist/pipelines.yaml" };
        let desk = Desk::default()
            .file("hoist.yaml", &committed(&format!("{folder}/hoist.yaml")))
            .file(policy, &committed(&format!("{folder}/pipelines.yaml")))
            .variable("HOIST_CI_SECRET", "a secret of a test");
        check(&desk, "no problem");
    }
}

/// Holds a YAML text against a schema with a validator that is not ours.
fn fits(schema: &serde_json::Value, text: &str) -> Result<(), String> {
    let value: serde_json::Value = serde_yaml::from_str(text).unwrap();
    let validator = jsonschema::validator_for(schema).unwrap();
    validator.validate(&value).map_err(|error| error.to_string())
}

#[test]
fn the_schemas_accept_what_the_reader_accepts() {
    for folder in ["config", "deploy/config"] {
        fits(&config::process_schema(), &committed(&format!("{folder}/hoist.yaml"))).unwrap();
        fits(&config::policy_schema(), &committed(&format!("{folder}/pipelines.yaml"))).unwrap();
    }
    fits(&config::process_schema(), process::EVERYTHING).unwrap();
    fits(&config::policy_schema(), policy::EVERYTHING).unwrap();
}

#[test]
fn the_schemas_refuse_what_is_not_built() {
    for bad in ["argocd: {}", "repositories: {a: {forge: github}}", "sources: {a: {hmac: secret}}"]
    {
        assert!(fits(&config::process_schema(), bad).is_err(), "{bad}");
    }
    assert!(fits(&config::policy_schema(), "{pipelines: {}, schedules: [{group: one}]}").is_err());
}
