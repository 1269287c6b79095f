//! The walls as tables, and the judge that holds a tree against them.

use std::collections::BTreeSet;
use std::fmt;

use super::arrows::{Arrows, cycle_among};
use super::names::{self, Mark, Name, Reading};
use super::tree::{ModulePath, Tree, module_of};

/// A file longer than this wants a wall.
const LONGEST_FILE: usize = 600;

/// A room of the house, and what of ours it may name besides itself.
struct Room {
    name: &'static str,
    may_name: &'static [&'static str],
}

/// The rooms in reading order, as `docs/architecture.md` draws them.
///
/// `yaml_edit` is a leaf. The last four are not layers: they put the layers together.
const ROOMS: &[Room] = &[
    Room { name: "domain", may_name: &["yaml_edit"] },
    Room { name: "yaml_edit", may_name: &[] },
    Room { name: "messages", may_name: &["domain"] },
    Room { name: "config", may_name: &["domain", "messages", "yaml_edit"] },
    Room { name: "app", may_name: &["domain", "messages", "yaml_edit", "config"] },
    Room { name: "adapters", may_name: &["app", "domain"] },
    Room { name: "http", may_name: &["app", "domain", "messages"] },
    Room { name: "cli", may_name: &["app", "domain", "messages", "config"] },
    Room { name: "scheduler", may_name: &["app", "domain"] },
    Room { name: "telemetry", may_name: &[] },
    Room { name: "wiring", may_name: EVERY_LAYER },
    Room { name: "serve", may_name: EVERY_LAYER },
    Room { name: "demo", may_name: EVERY_LAYER },
    Room { name: "main", may_name: &["cli", "telemetry", "wiring", "serve", "demo"] },
];

const EVERY_LAYER: &[&str] = &[
    "domain",
    "yaml_edit",
    "messages",
    "config",
    "app",
    "adapters",
    "http",
    "cli",
    "scheduler",
    "telemetry",
    "wiring",
    "serve",
    "demo",
];

/// They put the layers together and may name one another: no circle counts that goes through them.
pub const OUTSIDE_THE_LAYERS: &[&str] = &["wiring", "serve", "demo"];

/// Names that a room must not know, by the start of their path.
struct Ban {
    rooms: &'static [&'static str],
    names: &'static [&'static str],
    reason: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        rooms: &["domain", "yaml_edit", "messages"],
        names: &["tokio", "axum", "reqwest", "octocrab", "gitlab", "git2", "sqlx", "rand"],
        reason: "pure: what it says follows from its arguments alone",
    },
    Ban {
        rooms: &["domain", "yaml_edit", "messages"],
        names: &[
            "std::env",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
        ],
        reason: "pure: no I/O and no clock; take what you need as an argument",
    },
    Ban {
        rooms: &["app"],
        names: &["std::env", "std::fs", "std::net", "std::process"],
        reason: "use-cases do I/O through ports only",
    },
    Ban {
        rooms: &["config"],
        names: &["tokio", "std::net", "std::process"],
        reason: "configuration is text made into values; it waits for nothing",
    },
    Ban {
        rooms: &["domain", "yaml_edit", "messages", "app"],
        names: &["clippy::disallowed_methods"],
        reason: "no exception to clippy.toml's list belongs in the core; ask a port",
    },
];

/// A crate whose words stay in a few rooms, so that it can be replaced there and nowhere else.
struct Home {
    of: &'static str,
    rooms: &'static [&'static str],
}

const HOMES: &[Home] = &[
    Home { of: "axum", rooms: &["http"] },
    Home { of: "maud", rooms: &["http"] },
    Home { of: "minijinja", rooms: &["messages"] },
    Home { of: "clap", rooms: &["cli"] },
    Home { of: "clap_complete", rooms: &["cli"] },
    Home { of: "git2", rooms: &["adapters::git"] },
    Home { of: "gitlab", rooms: &["adapters::forge::gitlab"] },
    Home { of: "octocrab", rooms: &["adapters::forge::github"] },
    Home { of: "pgp", rooms: &["adapters::git"] },
    Home { of: "prometheus_client", rooms: &["http"] },
    Home { of: "rand", rooms: &["adapters::clock"] },
    Home { of: "reqwest", rooms: &["adapters"] },
    Home { of: "rustix", rooms: &["serve"] },
    Home { of: "serde_yaml", rooms: &["yaml_edit", "config"] },
    Home { of: "sigstore_verify", rooms: &["domain::trust", "app::examine"] },
    Home { of: "sqlx", rooms: &["adapters::store"] },
    Home { of: "ssh2", rooms: &["adapters::git"] },
    Home { of: "ssh_key", rooms: &["adapters::git"] },
    Home { of: "tracing_subscriber", rooms: &["telemetry"] },
    Home { of: "yaml_rust2", rooms: &["yaml_edit", "config"] },
];

/// Folders under `adapters` whose members are adapters of their own; the folder's own module holds
/// what its members share, and names none of them.
const GROUPS_OF_ADAPTERS: &[&str] = &["forge", "store", "health", "chat"];

/// The one name under `adapters` (or a group) that is not an adapter but shared ground.
const SHARED_GROUND: &str = "common";

/// The kinds of violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Unreadable,
    UnknownRoom,
    WrongArrow,
    AdapterNamesAdapter,
    BannedName,
    CrateOutsideItsHome,
    AsyncInPureCode,
    HiddenCode,
    ModuleNobodyDeclares,
    ReadingOrder,
    TooLong,
    Cycle,
}

impl Rule {
    pub const ALL: [Self; 12] = [
        Self::Unreadable,
        Self::UnknownRoom,
        Self::WrongArrow,
        Self::AdapterNamesAdapter,
        Self::BannedName,
        Self::CrateOutsideItsHome,
        Self::AsyncInPureCode,
        Self::HiddenCode,
        Self::ModuleNobodyDeclares,
        Self::ReadingOrder,
        Self::TooLong,
        Self::Cycle,
    ];
}

/// One thing to mend, with its place.
pub struct Violation {
    pub rule: Rule,
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Holds every file of `tree` against the tables above.
pub fn judge(tree: &Tree) -> Vec<Violation> {
    let mut declared: BTreeSet<ModulePath> = BTreeSet::new();
    for (file, text) in &tree.files {
        declared.extend(names::declared_in(text, &module_of(file)));
    }
    let mut violations = Vec::new();
    let mut arrows = Arrows::new();
    for (file, text) in &tree.files {
        let module = module_of(file);
        let judged = Judged { file, room: room_of(&module), module, modules: &declared };
        judged.whole_file(text, &mut violations);
        match names::read(text, &judged.module, &declared) {
            Ok(reading) => judged.reading(&reading, &mut violations, &mut arrows),
            Err(error) => violations.push(judged.violation(
                Rule::Unreadable,
                error.span().start().line,
                format!("cannot be parsed ({error}), so its names are unknown"),
            )),
        }
    }
    if let Some(cycle) = cycle_among(&arrows) {
        let file = arrows[&(cycle[0].clone(), cycle[1].clone())].clone();
        let what = format!("the layers go in a circle: {}", cycle.join(" → "));
        violations.push(Violation { rule: Rule::Cycle, file, line: 1, what });
    }
    violations
}

/// One file before the judge.
struct Judged<'a> {
    file: &'a str,
    room: String,
    module: ModulePath,
    modules: &'a BTreeSet<ModulePath>,
}

impl Judged<'_> {
    fn violation(&self, rule: Rule, line: usize, what: String) -> Violation {
        Violation { rule, file: self.file.to_owned(), line, what }
    }

    fn whole_file(&self, text: &str, violations: &mut Vec<Violation>) {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            let what = format!("{lines} lines: past {LONGEST_FILE} a room wants a wall");
            violations.push(self.violation(Rule::TooLong, LONGEST_FILE, what));
        }
        if self.room != "lib" && !ROOMS.iter().any(|it| it.name == self.room) {
            let what = format!(
                "`{}` is no room of docs/architecture.md: move the file, or give the room its \
                 place there and in {}",
                self.room,
                file!()
            );
            violations.push(self.violation(Rule::UnknownRoom, 1, what));
        }
        let is_root = self.module.len() == 1;
        if !is_root && !self.modules.contains(&self.module) {
            let what = "no `mod` line leads here, so it is never compiled".to_owned();
            violations.push(self.violation(Rule::ModuleNobodyDeclares, 1, what));
        }
    }

    fn reading(&self, reading: &Reading, violations: &mut Vec<Violation>, arrows: &mut Arrows) {
        for (line, mark) in &reading.marks {
            violations.extend(self.mark(*line, *mark));
        }
        if self.room == "lib" {
            violations.extend(self.reading_order(reading));
        }
        let mut told = BTreeSet::new();
        for name in &reading.names {
            for violation in self.name(name, arrows) {
                // One complaint per thing named is enough to mend a file by.
                if told.insert(violation.what.clone()) {
                    violations.push(violation);
                }
            }
        }
    }

    fn mark(&self, line: usize, mark: Mark) -> Option<Violation> {
        match mark {
            Mark::Async => {
                let pure = ["domain", "yaml_edit", "messages"].contains(&self.room.as_str());
                let what = format!("`async` in {}, which is pure: it waits for nothing", self.room);
                pure.then(|| self.violation(Rule::AsyncInPureCode, line, what))
            }
            Mark::Hides(how) => {
                let what = format!("{how} hides code or renames a crate: this test could not see");
                Some(self.violation(Rule::HiddenCode, line, what))
            }
        }
    }

    /// `lib.rs` is the code map: one `mod` line per room, in reading order.
    fn reading_order(&self, reading: &Reading) -> Option<Violation> {
        let place = |path: &ModulePath| ROOMS.iter().position(|it| it.name == path[1]);
        let out_of_order = |pair: &&[(usize, ModulePath)]| place(&pair[0].1) > place(&pair[1].1);
        let pair = reading.declared.windows(2).find(out_of_order)?;
        let [(_, before), (line, after)] = pair else { return None };
        let what = format!("`mod {}` reads before `mod {}`", after[1], before[1]);
        Some(self.violation(Rule::ReadingOrder, *line, what))
    }

    fn name(&self, name: &Name, arrows: &mut Arrows) -> Vec<Violation> {
        let Some(first) = name.path.first() else { return Vec::new() };
        match first.as_str() {
            "hoist" => self.name_of_ours(name, arrows).into_iter().collect(),
            "main" => Vec::new(),
            _ => self.name_of_others(name),
        }
    }

    fn name_of_ours(&self, name: &Name, arrows: &mut Arrows) -> Option<Violation> {
        let target = room_of(&name.path);
        let named = name.path.join("::").replacen("hoist", "crate", 1);
        if target == self.room {
            return self.adapter_of_another(name, &named);
        }
        arrows.entry((self.room.clone(), target.clone())).or_insert_with(|| self.file.to_owned());
        let allowed =
            ROOMS.iter().find(|it| it.name == self.room).map_or(&[][..], |it| it.may_name);
        if allowed.contains(&target.as_str()) {
            return None;
        }
        let what = format!(
            "{} must not name {target} (`{named}`); of ours it may name {}",
            self.room,
            if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") }
        );
        Some(self.violation(Rule::WrongArrow, name.line, what))
    }

    fn adapter_of_another(&self, name: &Name, named: &str) -> Option<Violation> {
        if self.room != "adapters" {
            return None;
        }
        let (ours, theirs) = (self.adapter(&self.module), self.adapter(&name.path));
        if ours.starts_with(&theirs) {
            return None;
        }
        let what = format!(
            "an adapter names another (`{named}`): they meet in ports; what two share stands in \
             the module above them, or in `{SHARED_GROUND}`"
        );
        Some(self.violation(Rule::AdapterNamesAdapter, name.line, what))
    }

    /// The adapter that a path belongs to: `["git"]`, `["forge", "github"]`; what is shared by a
    /// group is `["forge"]`, and by all of them `[]`.
    fn adapter(&self, path: &ModulePath) -> Vec<String> {
        let mut adapter = Vec::new();
        for depth in 3..=path.len().min(4) {
            let (folder, word) = (&path[depth - 2], &path[depth - 1]);
            let members_are_adapters = depth == 3 || GROUPS_OF_ADAPTERS.contains(&folder.as_str());
            let is_module = self.modules.contains(&path[..depth]);
            if !members_are_adapters || !is_module || word == SHARED_GROUND {
                break;
            }
            adapter.push(word.clone());
        }
        adapter
    }

    fn name_of_others(&self, name: &Name) -> Vec<Violation> {
        let named = name.path.join("::");
        let mut violations = Vec::new();
        for ban in BANS.iter().filter(|it| it.rooms.contains(&self.room.as_str())) {
            for banned in ban.names.iter().filter(|it| starts_path(&named, it)) {
                let what = format!("{} must not name `{banned}`: {}", self.room, ban.reason);
                violations.push(self.violation(Rule::BannedName, name.line, what));
            }
        }
        let here = self.module[1..].join("::");
        let is_layer = self.room != "main" && !OUTSIDE_THE_LAYERS.contains(&self.room.as_str());
        let home = HOMES.iter().find(|it| starts_path(&named, it.of)).filter(|_| is_layer);
        if let Some(home) = home
            && !home.rooms.iter().any(|it| starts_path(&here, it))
        {
            let what = format!(
                "`{}` is named here, and its home is {}: translate it once, there",
                home.of,
                home.rooms.join(", ")
            );
            violations.push(self.violation(Rule::CrateOutsideItsHome, name.line, what));
        }
        violations
    }
}

/// The room a module or item is in; `lib` for what stands in `lib.rs` itself, which is only a map.
fn room_of(path: &ModulePath) -> String {
    match path.as_slice() {
        [root] if root == "hoist" => "lib".to_owned(),
        [root, ..] if root == "main" => "main".to_owned(),
        [_, room, ..] => room.clone(),
        [_] | [] => "lib".to_owned(),
    }
}

fn starts_path(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The table's arrows, to show that the table itself has no cycle.
pub fn allowed_arrows() -> Arrows {
    let arrow = |from: &str, to: &str| ((from.to_owned(), to.to_owned()), String::new());
    ROOMS.iter().flat_map(|room| room.may_name.iter().map(|to| arrow(room.name, to))).collect()
}
