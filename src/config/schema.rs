//! The JSON Schemas of both files, from the same tables that the readers use.

use serde_json::{Map, Value, json};

use super::table::{Need, Shape, Table};
use super::tables::{POLICY, PROCESS};

/// The schema of the process file, for editors.
pub fn process_schema() -> Value {
    document(&PROCESS, "hoist: the process file")
}

/// The schema of the pipelines file, for editors.
pub fn policy_schema() -> Value {
    document(&POLICY, "hoist: the pipelines file")
}

fn document(table: &Table, title: &str) -> Value {
    let mut schema = of_table(table);
    // Draft 7: what the YAML language server and most editors read.
    schema.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
    schema.insert("title".into(), title.into());
    Value::Object(schema)
}

fn of_table(table: &Table) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in table.built() {
        let mut property = of_shape(&key.shape);
        property.insert("description".into(), key.says.into());
        properties.insert(key.name.into(), Value::Object(property));
        if key.need == Need::Required {
            required.push(Value::from(key.name));
        }
    }
    let mut schema = object(json!({"type": "object", "additionalProperties": false}));
    schema.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".into(), Value::Array(required));
    }
    schema
}

fn of_shape(shape: &Shape) -> Map<String, Value> {
    match shape {
        Shape::Text(None) => object(json!({"type": "string"})),
        Shape::Text(Some(pattern)) => object(json!({"type": "string", "pattern": pattern})),
        Shape::Word(names) => object(json!({"enum": names()})),
        Shape::Count(least, most) => {
            object(json!({"type": "integer", "minimum": least, "maximum": most}))
        }
        Shape::Keys(table) => of_table(table),
        Shape::Named(value) => {
            let value = of_shape(value);
            object(json!({"type": "object", "additionalProperties": value}))
        }
        Shape::List(item) => object(json!({"type": "array", "items": of_shape(item)})),
        Shape::Either(shapes) => {
            let shapes: Vec<_> = shapes.iter().map(of_shape).collect();
            object(json!({ "anyOf": shapes }))
        }
        Shape::Empty => object(json!({"type": "null"})),
        Shape::Nothing => object(json!({"not": {}})),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
