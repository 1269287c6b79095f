//! Reads one file with `syn`: every name in it, resolved as far as the file's own text allows.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::tree::ModulePath;

/// A path that a file names, from its crate's name on, and where.
#[derive(Debug)]
pub struct Name {
    pub line: usize,
    pub path: ModulePath,
}

/// Something in a file that is not a name, and that some room, or every room, forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Async,
    /// `#[path]`, `include!`, `extern crate`: they would make this reading wrong.
    Hides(&'static str),
}

/// What one file says.
#[derive(Default)]
pub struct Reading {
    pub names: Vec<Name>,
    pub marks: Vec<(usize, Mark)>,
    /// The `mod` lines in the order they stand, as whole module paths.
    pub declared: Vec<(usize, ModulePath)>,
}

/// Reads `text` as the module `module`; `modules` are all that exist, so that globs resolve.
pub fn read(
    text: &str,
    module: &ModulePath,
    modules: &BTreeSet<ModulePath>,
) -> syn::Result<Reading> {
    let file = syn::parse_file(text)?;
    let mut scopes = Scopes { current: module.clone(), by_module: BTreeMap::new() };
    scopes.visit_file(&file);
    let mut reader = Reader {
        current: module.clone(),
        scopes: scopes.by_module,
        modules,
        found: <_>::default(),
    };
    reader.visit_file(&file);
    Ok(reader.found)
}

/// The `mod` lines of a file alone: read first, because globs need all of them.
pub fn declared_in(text: &str, module: &ModulePath) -> Vec<ModulePath> {
    let Ok(reading) = read(text, module, &BTreeSet::new()) else { return Vec::new() };
    reading.declared.into_iter().map(|(_, path)| path).collect()
}

/// What a module brings into scope. A `use` inside a function counts for its whole module: that can
/// only make us see more.
#[derive(Default)]
struct Scope {
    children: BTreeSet<String>,
    aliases: BTreeMap<String, Written>,
    globs: Vec<Written>,
}

/// A path as it was written.
#[derive(Clone, Default)]
struct Written {
    from_the_outside: bool,
    segments: Vec<String>,
}

struct Scopes {
    current: ModulePath,
    by_module: BTreeMap<ModulePath, Scope>,
}

impl<'ast> Visit<'ast> for Scopes {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.unraw().to_string();
        self.scope().children.insert(name.clone());
        self.current.push(name);
        visit::visit_item_mod(self, item);
        self.current.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for leaf in leaves_of(item) {
            match leaf.kind {
                LeafKind::Glob => self.scope().globs.push(leaf.written),
                LeafKind::Named(name) => {
                    self.scope().aliases.insert(name, leaf.written);
                }
            }
        }
    }
}

impl Scopes {
    fn scope(&mut self) -> &mut Scope {
        self.by_module.entry(self.current.clone()).or_default()
    }
}

struct Leaf {
    line: usize,
    written: Written,
    kind: LeafKind,
}

enum LeafKind {
    Named(String),
    Glob,
}

fn leaves_of(item: &syn::ItemUse) -> Vec<Leaf> {
    let start = Written { from_the_outside: item.leading_colon.is_some(), segments: Vec::new() };
    let mut leaves = Vec::new();
    flatten(&item.tree, &start, &mut leaves);
    leaves
}

fn flatten(tree: &syn::UseTree, so_far: &Written, leaves: &mut Vec<Leaf>) {
    let line = tree.span().start().line;
    let longer = |ident: &Ident| {
        let mut written = so_far.clone();
        // `a::{self}` names `a`; a leading `self::` is a path's own first word.
        if ident != "self" || so_far.segments.is_empty() {
            written.segments.push(ident.unraw().to_string());
        }
        written
    };
    match tree {
        syn::UseTree::Path(it) => flatten(&it.tree, &longer(&it.ident), leaves),
        syn::UseTree::Name(it) => {
            let written = longer(&it.ident);
            let name = written.segments.last().cloned().unwrap_or_default();
            leaves.push(Leaf { line, written, kind: LeafKind::Named(name) });
        }
        syn::UseTree::Rename(it) => {
            let kind = LeafKind::Named(it.rename.unraw().to_string());
            leaves.push(Leaf { line, written: longer(&it.ident), kind });
        }
        syn::UseTree::Glob(_) => {
            leaves.push(Leaf { line, written: so_far.clone(), kind: LeafKind::Glob });
        }
        syn::UseTree::Group(it) => {
            for tree in &it.items {
                flatten(tree, so_far, leaves);
            }
        }
    }
}

struct Reader<'a> {
    current: ModulePath,
    scopes: BTreeMap<ModulePath, Scope>,
    modules: &'a BTreeSet<ModulePath>,
    found: Reading,
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.current.push(item.ident.unraw().to_string());
        self.found.declared.push((item.ident.span().start().line, self.current.clone()));
        visit::visit_item_mod(self, item);
        self.current.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        item.attrs.iter().for_each(|it| self.visit_attribute(it));
        self.visit_visibility(&item.vis);
        for leaf in leaves_of(item) {
            self.record(leaf.line, &leaf.written);
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.mark(item.span().start().line, Mark::Hides("`extern crate`"));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written = Written {
            from_the_outside: path.leading_colon.is_some(),
            segments: path.segments.iter().map(|it| it.ident.unraw().to_string()).collect(),
        };
        // A lone word is a local, a primitive, or a name whose `use` was recorded already.
        if written.segments.len() > 1 {
            self.record(path.span().start().line, &written);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if mac.path.segments.last().is_some_and(|it| it.ident == "include") {
            self.mark(mac.span().start().line, Mark::Hides("`include!`"));
        }
        self.visit_path(&mac.path);
        self.scan(mac.tokens.clone(), &Written::default(), Literals::AreWords);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("path") {
            self.mark(attribute.span().start().line, Mark::Hides("`#[path]`"));
        }
        if let syn::Meta::List(list) = &attribute.meta {
            self.visit_path(&list.path);
            self.scan(list.tokens.clone(), &Written::default(), Literals::MayBePaths);
        } else {
            visit::visit_attribute(self, attribute);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if signature.asyncness.is_some() {
            self.mark(signature.span().start().line, Mark::Async);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, expr: &'ast syn::ExprAsync) {
        self.mark(expr.span().start().line, Mark::Async);
        visit::visit_expr_async(self, expr);
    }

    fn visit_expr_await(&mut self, expr: &'ast syn::ExprAwait) {
        self.mark(expr.span().start().line, Mark::Async);
        visit::visit_expr_await(self, expr);
    }
}

/// How to take a string literal among tokens.
#[derive(Clone, Copy)]
enum Literals {
    AreWords,
    /// In attributes: `#[serde(with = "crate::config::seconds")]`.
    MayBePaths,
}

impl Reader<'_> {
    fn mark(&mut self, line: usize, mark: Mark) {
        self.found.marks.push((line, mark));
    }

    fn record(&mut self, line: usize, written: &Written) {
        if written.segments.first().is_none_or(|it| it == "Self") {
            return;
        }
        let path = self.resolve(written, &mut BTreeSet::new());
        self.found.names.push(Name { line, path });
    }

    /// Turns a path as written into one that starts with a crate's name.
    ///
    /// `seen` ends the walk where a name is brought in under itself (`use anyhow;`, `use jiff::*;`).
    fn resolve(&self, written: &Written, seen: &mut BTreeSet<String>) -> ModulePath {
        let Some((first, rest)) = written.segments.split_first() else { return Vec::new() };
        if written.from_the_outside {
            return written.segments.clone();
        }
        let below = |base: &[String]| base.iter().chain(rest).cloned().collect::<ModulePath>();
        match first.as_str() {
            "crate" => return below(&self.current[..1]),
            "self" | "super" => {
                let mut base = self.current.clone();
                let mut words = written.segments.as_slice();
                while let Some((word, after)) = words.split_first() {
                    match word.as_str() {
                        "self" => (),
                        "super" => drop(base.pop()),
                        _ => break,
                    }
                    words = after;
                }
                base.extend_from_slice(words);
                return base;
            }
            _ => (),
        }
        let Some(scope) = self.scopes.get(&self.current) else { return written.segments.clone() };
        if scope.children.contains(first) {
            return self.current.iter().chain(&written.segments).cloned().collect();
        }
        if let Some(alias) = scope.aliases.get(first)
            && seen.insert(first.clone())
        {
            return below(&self.resolve(alias, seen));
        }
        for glob in &scope.globs {
            // A glob's own first name may be brought in by any glob but itself.
            if !seen.insert(format!("{}::*", glob.segments.join("::"))) {
                continue;
            }
            let mut base = self.resolve(glob, seen);
            base.push(first.clone());
            if self.modules.contains(&base) {
                return below(&base);
            }
        }
        written.segments.clone()
    }

    /// Finds paths among tokens that nothing has parsed: a macro's input, an attribute's arguments.
    fn scan(&mut self, tokens: TokenStream, prefix: &Written, literals: Literals) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let mut written = prefix.clone();
                    if at >= 2 && is_path_separator(&tokens[at - 2..]) {
                        written.from_the_outside = true;
                    }
                    at = self.scan_path(&tokens, at, &mut written, literals);
                    if written.segments.len() > 1 {
                        self.record(line, &written);
                    }
                }
                TokenTree::Group(group) => {
                    self.scan(group.stream(), &Written::default(), literals);
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    if let Literals::MayBePaths = literals {
                        self.scan_literal(literal);
                    }
                    at += 1;
                }
                TokenTree::Punct(_) => at += 1,
            }
        }
    }

    /// Collects `a::b::c` from `at` on, scans a `::{…}` that follows with it as prefix, and tells
    /// where the path ends.
    fn scan_path(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        written: &mut Written,
        literals: Literals,
    ) -> usize {
        while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
            written.segments.push(ident.unraw().to_string());
            at += 1;
            if !is_path_separator(&tokens[at..]) {
                break;
            }
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(_)) => at += 2,
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.scan(group.stream(), written, literals);
                    return at + 3;
                }
                // `a::*`, `a::<T>`: the path so far is the name.
                Some(_) | None => return at + 2,
            }
        }
        at
    }

    fn scan_literal(&mut self, literal: &proc_macro2::Literal) {
        let text = literal.to_string();
        let inner = text.trim_matches('"');
        if inner.contains("::")
            && let Ok(path) = syn::parse_str::<syn::Path>(inner)
        {
            let segments = path.segments.iter().map(|it| it.ident.unraw().to_string()).collect();
            let written = Written { from_the_outside: path.leading_colon.is_some(), segments };
            self.record(literal.span().start().line, &written);
        }
    }
}

fn is_path_separator(tokens: &[TokenTree]) -> bool {
    let colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == ':');
    colon(0) && colon(1)
}
