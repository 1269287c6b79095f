//! GitHub's own description of its other API: a document is held against it, and gets what it asks
//! for of what the simulation knows.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use graphql_parser::query::{
    Definition, Field, OperationDefinition, Selection, SelectionSet, Type, TypeCondition,
    Value as Literal, VariableDefinition,
};
use graphql_parser::schema::{self, InputValue, TypeDefinition};
use serde_json::{Map, Value, json};

static DESCRIPTION: LazyLock<schema::Document<'static, String>> = LazyLock::new(|| {
    let text = include_str!("../../../fixtures/github/graphql-reduced.graphql");
    schema::parse_schema(text).unwrap().into_static()
});

/// A document that fits the schema, with its variables.
pub struct Question {
    document: graphql_parser::query::Document<'static, String>,
    variables: Value,
}

/// What is wrong with a document.
type Problem = String;

/// Its variables, the type that it begins at, and what it asks for.
type Operation<'a> =
    (&'a [VariableDefinition<'static, String>], &'static str, &'a SelectionSet<'static, String>);

impl Question {
    /// Reads what was sent; what does not fit the schema is named.
    pub fn read(body: &Value) -> Result<Self, Problem> {
        let text = body["query"].as_str().ok_or("there is no query")?;
        let document = graphql_parser::parse_query::<String>(text);
        let document = document.map_err(|error| error.to_string())?.into_static();
        let question = Self { document, variables: body["variables"].clone() };
        question.check()?;
        Ok(question)
    }

    /// The one thing that it asks for or does, and with which arguments.
    pub fn about(&self) -> (String, Value) {
        let (_, _, set) = self.operation().unwrap();
        let Selection::Field(field) = &set.items[0] else { panic!("it asks for nothing") };
        (field.name.clone(), arguments(field, &self.variables))
    }

    /// The answer, out of what is known of what it asks for.
    pub fn answer(&self, known: &Value) -> Value {
        let (_, root, set) = self.operation().unwrap();
        let Selection::Field(field) = &set.items[0] else { panic!("it asks for nothing") };
        json!({ field.name.as_str(): known }).pick(set, &named(root).unwrap(), &self.variables)
    }

    fn operation(&self) -> Result<Operation<'_>, Problem> {
        let [Definition::Operation(operation)] = self.document.definitions.as_slice() else {
            return Err("one operation is asked at a time".into());
        };
        match operation {
            OperationDefinition::Query(it) => {
                Ok((&it.variable_definitions, "Query", &it.selection_set))
            }
            OperationDefinition::Mutation(it) => {
                Ok((&it.variable_definitions, "Mutation", &it.selection_set))
            }
            OperationDefinition::SelectionSet(_) | OperationDefinition::Subscription(_) => {
                Err("it is neither a query nor a mutation with a name".into())
            }
        }
    }

    fn check(&self) -> Result<(), Problem> {
        let (variables, root, set) = self.operation()?;
        let declared: BTreeMap<&str, String> =
            variables.iter().map(|it| (it.name.as_str(), it.var_type.to_string())).collect();
        for (name, kind) in &declared {
            let given = &self.variables[*name];
            if kind.ends_with('!') && given.is_null() {
                return Err(format!("the variable ${name} is missing"));
            }
        }
        for name in self.variables.as_object().into_iter().flat_map(Map::keys) {
            if !declared.contains_key(name.as_str()) {
                return Err(format!("the variable ${name} is not declared"));
            }
        }
        check_set(set, &named(root)?, &declared)
    }
}

fn named(name: &str) -> Result<TypeDefinition<'static, String>, Problem> {
    let defined = DESCRIPTION.definitions.iter().find_map(|it| match it {
        schema::Definition::TypeDefinition(kind) if name_of(kind) == name => Some(kind.clone()),
        schema::Definition::SchemaDefinition(_)
        | schema::Definition::TypeDefinition(_)
        | schema::Definition::TypeExtension(_)
        | schema::Definition::DirectiveDefinition(_) => None,
    });
    defined.ok_or_else(|| format!("there is no type {name}"))
}

fn name_of<'a>(kind: &'a TypeDefinition<'static, String>) -> &'a str {
    match kind {
        TypeDefinition::Scalar(it) => &it.name,
        TypeDefinition::Object(it) => &it.name,
        TypeDefinition::Interface(it) => &it.name,
        TypeDefinition::Union(it) => &it.name,
        TypeDefinition::Enum(it) => &it.name,
        TypeDefinition::InputObject(it) => &it.name,
    }
}

/// The type of a field of a type, and what it takes.
fn field_of(
    kind: &TypeDefinition<'static, String>,
    name: &str,
) -> Result<schema::Field<'static, String>, Problem> {
    let fields = match kind {
        TypeDefinition::Object(it) => it.fields.clone(),
        TypeDefinition::Interface(it) => it.fields.clone(),
        TypeDefinition::Scalar(_)
        | TypeDefinition::Union(_)
        | TypeDefinition::Enum(_)
        | TypeDefinition::InputObject(_) => Vec::new(),
    };
    let found = fields.into_iter().find(|it| it.name == name);
    found.ok_or_else(|| format!("{} has no field {name}", name_of(kind)))
}

fn inner<'a>(kind: &'a Type<'static, String>) -> &'a str {
    match kind {
        Type::NamedType(name) => name,
        Type::ListType(kind) | Type::NonNullType(kind) => inner(kind),
    }
}

fn check_set(
    set: &SelectionSet<'static, String>,
    kind: &TypeDefinition<'static, String>,
    declared: &BTreeMap<&str, String>,
) -> Result<(), Problem> {
    for item in &set.items {
        match item {
            Selection::Field(field) if field.name == "__typename" => {}
            Selection::Field(field) => {
                let of = field_of(kind, &field.name)?;
                check_arguments(field, &of.arguments, declared)?;
                if !field.selection_set.items.is_empty() {
                    check_set(&field.selection_set, &named(inner(&of.field_type))?, declared)?;
                }
            }
            Selection::InlineFragment(fragment) => {
                let Some(TypeCondition::On(name)) = &fragment.type_condition else {
                    return Err("a fragment on nothing".into());
                };
                if let TypeDefinition::Union(union) = kind
                    && !union.types.contains(name)
                {
                    return Err(format!("{name} is no {}", union.name));
                }
                check_set(&fragment.selection_set, &named(name)?, declared)?;
            }
            Selection::FragmentSpread(_) => return Err("a fragment by its name".into()),
        }
    }
    Ok(())
}

fn check_arguments(
    field: &Field<'static, String>,
    taken: &[InputValue<'static, String>],
    declared: &BTreeMap<&str, String>,
) -> Result<(), Problem> {
    for (name, value) in &field.arguments {
        let of = taken.iter().find(|it| &it.name == name);
        let of = of.ok_or_else(|| format!("{} takes no {name}", field.name))?;
        check_value(value, &of.value_type, declared)?;
    }
    let is_given =
        |it: &InputValue<'static, String>| field.arguments.iter().any(|(n, _)| *n == it.name);
    match taken.iter().find(|it| is_required(it) && !is_given(it)) {
        Some(missing) => Err(format!("{} lacks {}", field.name, missing.name)),
        None => Ok(()),
    }
}

fn is_required(value: &InputValue<'static, String>) -> bool {
    matches!(value.value_type, Type::NonNullType(_)) && value.default_value.is_none()
}

fn check_value(
    value: &Literal<'static, String>,
    kind: &Type<'static, String>,
    declared: &BTreeMap<&str, String>,
) -> Result<(), Problem> {
    match value {
        Literal::Variable(name) => {
            let given = declared.get(name.as_str()).ok_or(format!("${name} is not declared"))?;
            let (given, wanted) = (given.trim_end_matches('!'), kind.to_string());
            if given == wanted.trim_end_matches('!') {
                Ok(())
            } else {
                Err(format!("${name} is {given}, and {wanted} is wanted"))
            }
        }
        Literal::List(items) => items.iter().try_for_each(|item| {
            check_value(item, &Type::NamedType(inner(kind).to_owned()), declared)
        }),
        Literal::Enum(word) => {
            let known = named(inner(kind))?;
            let is_known = matches!(&known, TypeDefinition::Enum(it)
                if it.values.iter().any(|value| &value.name == word));
            if is_known { Ok(()) } else { Err(format!("{word} is no {}", name_of(&known))) }
        }
        Literal::Object(fields) => {
            let TypeDefinition::InputObject(input) = named(inner(kind))? else {
                return Err(format!("{kind} takes no fields"));
            };
            for (name, value) in fields {
                let of = input.fields.iter().find(|it| &it.name == name);
                let of = of.ok_or_else(|| format!("{} has no {name}", input.name))?;
                check_value(value, &of.value_type, declared)?;
            }
            match input.fields.iter().find(|it| is_required(it) && !fields.contains_key(&it.name)) {
                Some(missing) => Err(format!("{} lacks {}", input.name, missing.name)),
                None => Ok(()),
            }
        }
        Literal::Int(_)
        | Literal::Float(_)
        | Literal::String(_)
        | Literal::Boolean(_)
        | Literal::Null => Ok(()),
    }
}

fn arguments(field: &Field<'static, String>, variables: &Value) -> Value {
    let pairs = field.arguments.iter().map(|(name, value)| (name.clone(), meant(value, variables)));
    Value::Object(pairs.collect())
}

/// A value as it is meant.
fn meant(value: &Literal<'static, String>, variables: &Value) -> Value {
    match value {
        Literal::Variable(name) => variables[name.as_str()].clone(),
        Literal::Int(number) => number.as_i64().into(),
        Literal::Float(number) => (*number).into(),
        Literal::String(text) | Literal::Enum(text) => text.clone().into(),
        Literal::Boolean(flag) => (*flag).into(),
        Literal::Null => Value::Null,
        Literal::List(items) => items.iter().map(|it| meant(it, variables)).collect(),
        Literal::Object(fields) => {
            let pairs = fields.iter().map(|(name, value)| (name.clone(), meant(value, variables)));
            Value::Object(pairs.collect())
        }
    }
}

/// What is known, of which a question picks what it asks for.
trait Pick {
    fn pick(
        &self,
        set: &SelectionSet<'static, String>,
        kind: &TypeDefinition<'static, String>,
        variables: &Value,
    ) -> Value;
}

impl Pick for Value {
    fn pick(
        &self,
        set: &SelectionSet<'static, String>,
        kind: &TypeDefinition<'static, String>,
        variables: &Value,
    ) -> Value {
        let mut picked = Map::new();
        for item in &set.items {
            match item {
                Selection::Field(field) if field.name == "__typename" => {
                    let name = self.get("__typename").cloned();
                    let name = name.unwrap_or_else(|| name_of(kind).into());
                    picked.insert("__typename".into(), name);
                }
                Selection::Field(field) => {
                    let value = of_field(&self[field.name.as_str()], field, kind, variables);
                    let key = field.alias.as_ref().unwrap_or(&field.name);
                    picked.insert(key.clone(), value);
                }
                Selection::InlineFragment(fragment) => {
                    let Some(TypeCondition::On(name)) = &fragment.type_condition else { continue };
                    if self["__typename"] == name.as_str() {
                        let kind = named(name).unwrap();
                        let more = self.pick(&fragment.selection_set, &kind, variables);
                        picked.extend(more.as_object().unwrap().clone());
                    }
                }
                Selection::FragmentSpread(_) => unreachable!("it was checked"),
            }
        }
        Value::Object(picked)
    }
}

fn of_field(
    value: &Value,
    field: &Field<'static, String>,
    kind: &TypeDefinition<'static, String>,
    variables: &Value,
) -> Value {
    let of = field_of(kind, &field.name).unwrap();
    let is_required = matches!(of.field_type, Type::NonNullType(_));
    assert!(!value.is_null() || !is_required, "{} lacks {}", name_of(kind), field.name);
    let value = chosen(value, &arguments(field, variables));
    if value.is_null() || field.selection_set.items.is_empty() {
        return value;
    }
    let inner = named(inner(&of.field_type)).unwrap();
    let pick = |item: &Value| item.pick(&field.selection_set, &inner, variables);
    value.as_array().map_or_else(|| pick(&value), |items| items.iter().map(pick).collect())
}

/// A connection's part that is asked for: of these types, the first or the last ones.
fn chosen(value: &Value, arguments: &Value) -> Value {
    let Some(nodes) = value.get("nodes").and_then(Value::as_array) else { return value.clone() };
    let types = arguments["itemTypes"].as_array();
    let fits = |node: &&Value| {
        types
            .is_none_or(|types| types.iter().any(|it| *it == shouted(&node["__typename"]).as_str()))
    };
    let mut found: Vec<Value> = nodes.iter().filter(fits).cloned().collect();
    let count = found.len();
    let number = |name: &str| arguments[name].as_u64().and_then(|it| usize::try_from(it).ok());
    if let Some(last) = number("last") {
        found = found.split_off(count.saturating_sub(last));
    }
    found.truncate(number("first").unwrap_or(count));
    json!({ "nodes": found, "totalCount": count })
}

/// A type's name as GitHub's enumeration has it: `HeadRefForcePushedEvent`, in capitals.
fn shouted(name: &Value) -> String {
    let mut text = String::new();
    for c in name.as_str().unwrap_or_default().chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_uppercase());
    }
    text
}
