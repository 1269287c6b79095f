//! Templates of what a proposal says: Jinja, as minijinja reads it.
//!
//! What comes from outside (versions, names of people, reasons, addresses) is made harmless where it
//! is put in, whatever the template does with it; there is no filter that lets it through.

use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, UndefinedBehavior, Value};

use super::super::{one_line, outside_line, quoted};
use super::facts::Facts;

/// The body of a proposal where the policy has no template of its own.
const BODY: &str = include_str!("body.md.j2");

/// The title of a proposal where the policy has no template of its own.
const TITLE: &str = "{{ subject }}";

/// How much work one text may be: some 50,000 instructions, or 3 MB of text, by minijinja's measure.
const FUEL: u64 = 50_000;

/// The two texts of a proposal that a policy may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// One line.
    Title,
    /// Markdown.
    Body,
}

impl Text {
    /// The key in `review:` that holds the template.
    pub fn key(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Body => "body",
        }
    }

    fn default(self) -> &'static str {
        match self {
            Self::Title => TITLE,
            Self::Body => BODY,
        }
    }

    /// A text from outside, as it may stand here.
    fn harmless(self, text: &str) -> String {
        match self {
            // Forges show no markup in titles; but a title may become a commit's first line, and
            // there a name behind `@` is called: what joins two words keeps it a word.
            Self::Title => outside_line(text),
            Self::Body => quoted(text),
        }
    }
}

/// Tries a template of the policy with everything that can be told, and with next to nothing.
///
/// # Errors
/// What is wrong with it, and in which of its lines.
pub fn check(text: Text, template: &str) -> Result<(), String> {
    if let Some(name) = unknown(text, template) {
        return Err(format!("`{name}` is not known"));
    }
    for (facts, when) in [(Facts::many(), ""), (Facts::few(), ", where little is known")] {
        let told =
            fill(text, template, &facts).map_err(|error| format!("{}{when}", Wrong(error)))?;
        if told.trim().is_empty() {
            return Err(format!("nothing is left of it{when}"));
        }
    }
    Ok(())
}

/// The text of a proposal, by the policy's template if it has one.
///
/// A template is checked when it is read. Should it fail all the same, the proposal says so, in
/// hoist's own words.
pub(super) fn write(text: Text, template: Option<&str>, facts: &Facts) -> String {
    let default =
        || fill(text, text.default(), facts).unwrap_or_else(|error| Wrong(error).to_string());
    let Some(template) = template else { return default() };
    match fill(text, template, facts) {
        Ok(told) if !told.trim().is_empty() => told,
        Err(error) if text == Text::Body => {
            let why = quoted(&Wrong(error).to_string());
            format!("{}\nThe policy's own `review.body` cannot be filled: {why}\n", default())
        }
        Ok(_) | Err(_) => default(),
    }
}

/// A name in a template that stands for nothing.
fn unknown(text: Text, template: &str) -> Option<String> {
    let world = environment(text);
    let names = world.template_from_str(template).ok()?.undeclared_variables(true);
    let known = Value::from(Serde(Facts::many()));
    let stands_for_nothing = |name: &String| {
        let mut parts = name.split('.');
        let is_function = world.globals().any(|(global, _)| global == name);
        !is_function
            && parts
                .try_fold(known.clone(), |it, part| it.get_attr(part).ok())
                .is_none_or(|it| it.is_undefined())
    };
    names.into_iter().filter(stands_for_nothing).min()
}

fn fill(text: Text, template: &str, facts: &Facts) -> Result<String, Error> {
    // Within such a block some filters make one safe text of safe and unsafe ones.
    if template.contains("autoescape") {
        let why = "autoescape has no place here: what comes from outside is always made harmless";
        return Err(Error::new(ErrorKind::SyntaxError, why));
    }
    let told = environment(text).render_str(template, Value::from(Serde(facts)))?;
    Ok(match text {
        Text::Title => one_line(&told),
        Text::Body => told,
    })
}

/// A template's world: blocks leave no blank lines, nothing unknown is passed over, and no filter
/// makes anything from outside pass for our own.
fn environment(text: Text) -> Environment<'static> {
    let mut world = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    if let Ok(syntax) = syntax.trim_blocks(true).lstrip_blocks(true).build() {
        world.set_syntax(syntax);
    }
    world.set_undefined_behavior(UndefinedBehavior::Strict);
    world.set_auto_escape_callback(|_| AutoEscape::None);
    world.set_fuel(Some(FUEL));
    for filter in ["safe", "escape", "e"] {
        world.remove_filter(filter);
    }
    world.set_formatter(move |out, _, value| put(text, out, value));
    world
}

/// Puts a value in: our own words as they are, and everything else made harmless.
fn put(text: Text, out: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    let is_ours = value.is_safe() || matches!(value.kind(), ValueKind::Bool | ValueKind::Number);
    let told = value.to_string();
    out.write_str(&if is_ours { told } else { text.harmless(&told) }).map_err(Error::from)
}

/// An error in a template, for the person who wrote it.
struct Wrong(Error);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        if let Some(line) = error.line() {
            write!(f, "line {line}: ")?;
        }
        write!(f, "{}", error.kind())?;
        match error.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(template: &str) -> String {
        fill(Text::Title, template, &Facts::many()).unwrap()
    }

    fn body(template: &str) -> String {
        fill(Text::Body, template, &Facts::many()).unwrap()
    }

    #[test]
    fn our_own_templates_can_be_filled() {
        for text in [Text::Title, Text::Body] {
            assert_eq!(check(text, text.default()), Ok(()));
        }
    }

    #[test]
    fn what_is_from_outside_is_harmless_whatever_a_template_does() {
        for template in [
            "{{ version }}",
            "{% set it = version %}{{ it }}",
            "{% with it = version ~ '' %}{{ it }}{% endwith %}",
            "{{ [version] | first }}",
            "{{ artifact.tag | string }}",
        ] {
            assert_eq!(body(template), "`v1.5.0`", "{template}");
        }
        assert_eq!(
            body("{{ [url, version] | join(' ') }}"),
            "`https://example.com/promotions/1 v1.5.0`"
        );
        for mixed in ["{{ [version] | join(url) }}", "{{ version | replace('v', url) }}"] {
            assert!(body(mixed).starts_with('`'), "{}", body(mixed));
        }
        assert_eq!(body("{{ artifact.found }}").matches('`').count(), 2);
        for filter in ["safe", "escape", "e"] {
            let template = format!("{{{{ version | {filter} }}}}");
            assert!(check(Text::Body, &template).is_err(), "{template}");
        }
        assert_eq!(title("{{ 'call @bob' }}: fixes #1"), "call @\u{2060}bob: fixes #1");
        assert_eq!(title("{{ 'fixes #1' }}"), "fixes\u{a0}#1");
    }

    #[test]
    fn a_template_that_cannot_be_filled_is_told_with_its_line() {
        for (template, told) in [
            ("a\n{{ versoin }} {{ zoo }}", "`versoin` is not known"),
            ("{{ artifact.tga }}", "`artifact.tga` is not known"),
            ("{% for it in edits %}\n{{ it.fiel }}{% endfor %}", "line 2: undefined value"),
            ("{{ artifact.tag }}", "line 1: undefined value, where little is known"),
            (
                "{% if reason %}",
                "line 1: syntax error: unexpected end of input, expected end of block",
            ),
            ("{{ version | shout }}", "line 1: unknown filter: filter shout is unknown"),
            (
                "{% for a in range(9000) %}{% for b in range(9000) %}x{% endfor %}{% endfor %}",
                "line 1: engine ran out of fuel",
            ),
            ("{% if forced %}x{% endif %}", "nothing is left of it, where little is known"),
            (
                "{% autoescape true %}{{ version }}{% endautoescape %}",
                "syntax error: autoescape has no place here: what comes from outside is always \
                 made harmless",
            ),
            ("{% include 'x' %}", "line 1: syntax error: unknown statement include"),
        ] {
            assert_eq!(check(Text::Body, template), Err(told.to_owned()), "{template}");
        }
    }

    #[test]
    fn a_text_that_fails_after_all_is_told_and_stops_nothing() {
        let facts = Facts::few();
        let told = write(Text::Body, Some("{{ artifact.tag }}"), &facts);
        assert!(told.starts_with("**shop** in **prod**: `v1.4.2` → `v1.5.0`\n"), "{told}");
        assert!(
            told.ends_with("`review.body` cannot be filled: `line 1: undefined value`\n"),
            "{told}"
        );
        for template in ["{{ artifact.tag }}", "{{ '' }}"] {
            assert_eq!(write(Text::Title, Some(template), &facts), "prod: promote shop to v1.5.0");
        }
    }
}
