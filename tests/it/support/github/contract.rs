//! GitHub's own description of its API: what is asked and what is answered is held against it, and
//! answers are filled up with what it requires beside what the simulation knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Map, Value, json};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../fixtures/github/openapi-reduced.json");
    let mut description = serde_json::from_str(text).unwrap();
    modernise(&mut description);
    description
});

/// Compiled once for the whole test binary: a schema refers to hundreds of others.
static VALIDATORS: LazyLock<Mutex<BTreeMap<String, Arc<jsonschema::Validator>>>> =
    LazyLock::new(Mutex::default);

/// What is asked for: the path in the description's words, and the method.
#[derive(Debug, Clone)]
pub struct Operation {
    path: &'static str,
    method: String,
}

impl Operation {
    /// Finds what a request is; none if GitHub has no such thing, or not in the reduced description.
    pub fn find(method: &str, path: &str) -> Option<Self> {
        let method = method.to_lowercase();
        let paths = DESCRIPTION["paths"].as_object().unwrap();
        let fitting =
            paths.iter().filter(|(template, it)| fits(template, path) && it.get(&method).is_some());
        // A fixed segment fits better than a parameter.
        let best =
            fitting.max_by_key(|(template, _)| template.len() - 2 * template.matches('{').count());
        best.map(|(path, _)| Self { path, method })
    }

    fn described(&self) -> &'static Value {
        &DESCRIPTION["paths"][self.path][&self.method]
    }

    /// What is wrong with a request.
    pub fn problems_of_request(&self, query: &[(String, String)], body: &Value) -> Vec<String> {
        let parameters = self.described()["parameters"].as_array().cloned().unwrap_or_default();
        let known: Vec<String> = parameters
            .iter()
            .map(resolve)
            .filter(|it| it["in"] == "query")
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect();
        let mut problems: Vec<String> = query
            .iter()
            .filter(|(name, _)| !known.contains(name))
            .map(|(name, _)| format!("{self}: there is no parameter {name}"))
            .collect();
        let schema = &self.described()["requestBody"]["content"]["application/json"]["schema"];
        match (schema, body) {
            (Value::Null, Value::Null) => {}
            (Value::Null, body) => problems.push(format!("{self}: takes no body: {body}")),
            (schema, body) => {
                let mut schema = schema.clone();
                if schema.get("properties").is_some() {
                    schema["additionalProperties"] = false.into();
                }
                problems.extend(self.problems("request", &schema, body));
            }
        }
        problems
    }

    /// What is wrong with an answer. What any question may be answered is in no description.
    pub fn problems_of_answer(&self, status: u16, body: &Value) -> Vec<String> {
        let answers = &self.described()["responses"];
        let Some(answer) = answers.get(status.to_string()) else {
            if matches!(status, 401 | 403 | 404 | 429 | 500..) {
                return Vec::new();
            }
            return vec![format!("{self}: is never answered with {status}")];
        };
        match self.schema_of(answer) {
            Some(schema) => self.problems(&status.to_string(), &schema, body),
            None if body.is_null() || status >= 400 => Vec::new(),
            None => vec![format!("{self}: {status} has no body: {body}")],
        }
    }

    /// An answer with all that its schema requires, and with what is known.
    pub fn filled(&self, status: u16, known: &Value) -> Value {
        let answer = &self.described()["responses"][status.to_string()];
        match self.schema_of(answer) {
            Some(schema) if !known.is_null() => fill(&schema, Some(known)),
            Some(_) | None => known.clone(),
        }
    }

    fn schema_of(&self, answer: &Value) -> Option<Value> {
        resolve(answer)["content"]["application/json"].get("schema").cloned()
    }

    fn problems(&self, which: &str, schema: &Value, body: &Value) -> Vec<String> {
        let key = format!("{self} {which}");
        let known = VALIDATORS.lock().unwrap().get(&key).cloned();
        let validator = known.unwrap_or_else(|| {
            let made = Arc::new(jsonschema::options().build(&with_components(schema)).unwrap());
            VALIDATORS.lock().unwrap().insert(key, Arc::clone(&made));
            made
        });
        let problem = |error: jsonschema::ValidationError<'_>| {
            format!("{self} {which}: {} at {}", error, error.instance_path())
        };
        validator.iter_errors(body).map(problem).collect()
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method.to_uppercase(), self.path)
    }
}

/// Tells whether a path is one of a template's. A last parameter may span segments: a ref, a path.
fn fits(template: &str, path: &str) -> bool {
    let mut parts = template.split('/');
    let mut given = path.split('/');
    loop {
        match (parts.next(), given.next()) {
            (None, None) => return true,
            (Some("{ref}"), Some(_)) if template.ends_with("{ref}") => return true,
            (Some(part), Some(segment)) if part == segment => {}
            (Some(part), Some(segment)) if part.starts_with('{') && !segment.is_empty() => {}
            (_, _) => return false,
        }
    }
}

/// Makes a schema of OpenAPI 3.0 one of JSON Schema: `nullable` is a word of the former alone.
fn modernise(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(modernise),
        Value::Object(map) => {
            map.values_mut().for_each(modernise);
            let is_schema =
                ["type", "$ref", "allOf", "anyOf", "oneOf"].iter().any(|it| map.contains_key(*it));
            if is_schema && map.get("nullable") == Some(&Value::Bool(true)) {
                map.remove("nullable");
                let schema = Value::Object(std::mem::take(map));
                map.insert("anyOf".to_owned(), json!([{"type": "null"}, schema]));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A schema with what it refers to, and nothing else: compiling takes its time.
fn with_components(schema: &Value) -> Value {
    let mut whole = schema.clone();
    let mut wanted = references(schema);
    let mut taken: BTreeSet<String> = BTreeSet::new();
    while let Some(reference) = wanted.pop() {
        if !taken.insert(reference.clone()) {
            continue;
        }
        let target = DESCRIPTION.pointer(reference.trim_start_matches('#')).unwrap();
        wanted.extend(references(target));
        let [_, components, kind, name] = reference.split('/').collect::<Vec<_>>()[..] else {
            panic!("{reference} leads nowhere")
        };
        whole[components][kind][name] = target.clone();
    }
    whole
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn resolve(value: &Value) -> Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => DESCRIPTION.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => value.clone(),
    }
}

/// The least that fits a schema, with what is known in it.
fn fill(schema: &Value, known: Option<&Value>) -> Value {
    let schema = resolve(schema);
    for choice in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let is_null = |it: &&Value| it["type"] == "null";
            return match known {
                None | Some(Value::Null) if choices.iter().any(|it| is_null(&it)) => Value::Null,
                known => fill(choices.iter().find(|it| !is_null(it)).unwrap(), known),
            };
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(part) = fill(part, known) {
                whole.extend(part);
            }
        }
        return Value::Object(whole);
    }
    match (known, schema["type"].as_str()) {
        (Some(Value::Object(known)), _) => object(&schema, known),
        (Some(Value::Array(items)), _) => {
            items.iter().map(|item| fill(&schema["items"], Some(item))).collect()
        }
        (Some(known), _) => known.clone(),
        (None, Some("object")) => object(&schema, &Map::new()),
        (None, Some("array")) => json!([]),
        (None, Some("integer" | "number")) => json!(1),
        (None, Some("boolean")) => json!(false),
        (None, Some("string")) => text(&schema),
        (None, _) => Value::Null,
    }
}

fn object(schema: &Value, known: &Map<String, Value>) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut filled = Map::new();
    for name in required.iter().map(|it| it.as_str().unwrap()) {
        filled.insert(name.to_owned(), fill(&schema["properties"][name], known.get(name)));
    }
    for (name, value) in known.iter().filter(|(name, _)| !required.contains(&json!(name))) {
        filled.insert(name.clone(), fill(&schema["properties"][name], Some(value)));
    }
    Value::Object(filled)
}

fn text(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|it| it.first()) {
        return first.clone();
    }
    json!(match schema["format"].as_str() {
        Some("uri") => "https://github.example/somewhere",
        Some("date-time") => "2026-01-05T09:00:00Z",
        _ => "",
    })
}

#[test]
fn what_github_does_not_know_is_found() {
    let open = Operation::find("POST", "/repos/acme/gitops/pulls").unwrap();
    let good = json!({"title": "shop", "head": "hoist/prod/shop", "base": "main"});
    assert_eq!(open.problems_of_request(&[], &good), [""; 0]);
    let mistyped = json!({"title": "shop", "heads": "hoist/prod/shop", "base": "main"});
    assert_eq!(open.problems_of_request(&[], &mistyped).len(), 2);
    let query = [("page".to_owned(), "1".to_owned())];
    assert_eq!(open.problems_of_request(&query, &good).len(), 1);

    let answer = open.filled(201, &json!({"number": 7, "user": {"login": "hoist"}}));
    assert_eq!(open.problems_of_answer(201, &answer), [""; 0]);
    assert!(!open.problems_of_answer(201, &json!({"number": 7})).is_empty());
    assert_eq!(open.problems_of_answer(204, &Value::Null).len(), 1);
    assert!(Operation::find("POST", "/repos/acme/gitops/pull").is_none());
    let of_a_ref = Operation::find("DELETE", "/repos/acme/gitops/git/refs/heads/hoist/prod/shop");
    assert!(of_a_ref.is_some());
}
