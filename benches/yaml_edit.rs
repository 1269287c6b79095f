//! The editor on files of 60, 500 and 20,000 lines, its whole proof included, beside its peers in one run.
//!
//! `cargo bench --bench yaml_edit` runs it; `sed` and Python's `ruamel.yaml` take part where they are
//! installed. What came out stands in `docs/performance.md`.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark may fail loudly, and starts its peers as processes"
)]

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::str::FromStr as _;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use hoist::yaml_edit::{Edit, Place, Rule, Which, edit, find};

const LINES: [usize; 3] = [60, 500, 20_000];

/// A file of about this many lines, as charts' values look; the version stands near the start.
fn sample(lines: usize) -> String {
    let mut text = String::from(
        "kind: Deployment\nmetadata:\n  name: shop\nimage:\n  repository: ghcr.io/acme/shop   # ours\n  \
         tag: v1.0.0   # set by hoist\ncontainers:\n",
    );
    let container = [
        "  - name: container-N\n",
        "    image: \"ghcr.io/acme/sidecar-N:v1.2.3\"\n",
        "    # how it is started\n",
        "    args: [--port=8080, --verbose]\n",
        "    env:\n",
        "    - name: LOG_LEVEL\n",
        "      value: 'debug'\n",
        "    resources:\n",
        "      limits: {cpu: 500m, memory: 128Mi}   # measured\n",
        "    ports:\n",
        "    - containerPort: 8080\n",
        "      protocol: TCP\n",
    ];
    for line in 0..lines - 7 {
        let number = (line / container.len()).to_string();
        text.push_str(&container[line % container.len()].replace('N', &number));
    }
    text
}

fn editors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("editor");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.sample_size(10);
    for lines in LINES {
        let text = sample(lines);
        let rule = Rule::path("image.tag").unwrap();
        let place = Place { document: 0, pointer: "/image/tag".to_owned() };
        let edits = [Edit { place, expect: "v1.0.0".to_owned(), value: "v1.1.0".to_owned() }];
        group.bench_with_input(BenchmarkId::new("hoist edit, proved", lines), &text, |b, text| {
            b.iter(|| edit(black_box(text.as_bytes()), &edits).unwrap());
        });
        group.bench_with_input(
            BenchmarkId::new("hoist edit, not proved", lines),
            &text,
            |b, text| {
                b.iter(|| found_and_replaced(black_box(text), &rule));
            },
        );
        let last = format!("{text}last:\n  tag: v1.0.0\n");
        let at_the_end = Place { document: 0, pointer: "/last/tag".to_owned() };
        let edits_at_the_end = [Edit { place: at_the_end, ..edits[0].clone() }];
        group.bench_with_input(
            BenchmarkId::new("hoist edit at the end", lines),
            &last,
            |b, text| {
                b.iter(|| edit(black_box(text.as_bytes()), &edits_at_the_end).unwrap());
            },
        );
        group.bench_with_input(BenchmarkId::new("yaml-edit", lines), &text, |b, text| {
            b.iter(|| {
                let document = yaml_edit::Document::from_str(black_box(text)).unwrap();
                document.get_mapping("image").unwrap().set("tag", "v1.1.0");
                document.to_string()
            });
        });
        if sed(&text).is_some() {
            group.bench_with_input(BenchmarkId::new("sed", lines), &text, |b, text| {
                b.iter(|| sed(black_box(text)).unwrap());
            });
        }
        if ruamel(&text, 1).is_some() {
            group.bench_with_input(BenchmarkId::new("ruamel.yaml", lines), &text, |b, text| {
                b.iter_custom(|rounds| ruamel(text, rounds).unwrap());
            });
            let name = "ruamel.yaml, as a process";
            group.bench_with_input(BenchmarkId::new(name, lines), &text, |b, text| {
                b.iter(|| ruamel(black_box(text), 1).unwrap());
            });
        }
    }
    group.finish();
}

/// What an editor that proves nothing would do: find the field, and put the value in its place.
fn found_and_replaced(text: &str, rule: &Rule) -> String {
    let fields = find(text.as_bytes(), rule, &Which::Matching).unwrap();
    let field = &fields[0];
    let line: usize = text.split_inclusive('\n').take(field.line - 1).map(str::len).sum();
    let start = line + field.column - 1;
    let end = start + field.value.len();
    [&text[..start], "v1.1.0", &text[end..]].concat()
}

/// One run of `sed`, its start included: that is how it is used.
fn sed(text: &str) -> Option<Vec<u8>> {
    piped(Command::new("sed").arg("s/tag: v1.0.0/tag: v1.1.0/"), text)
}

/// So many edits inside one Python process, and how long these took it, without its start.
fn ruamel(text: &str, rounds: u64) -> Option<Duration> {
    let script = "import io, sys, time\n\
                  from ruamel.yaml import YAML\n\
                  text = sys.stdin.read()\n\
                  begin = time.perf_counter()\n\
                  for _ in range(int(sys.argv[1])):\n    \
                      yaml = YAML()\n    \
                      document = yaml.load(text)\n    \
                      document['image']['tag'] = 'v1.1.0'\n    \
                      yaml.dump(document, io.StringIO())\n\
                  print(time.perf_counter() - begin)\n";
    let seconds = piped(Command::new("python3").args(["-c", script, &rounds.to_string()]), text)?;
    let seconds: f64 = String::from_utf8(seconds).ok()?.trim().parse().ok()?;
    Some(Duration::from_secs_f64(seconds))
}

/// What a process answers to a text; nothing where it cannot be started or fails.
fn piped(command: &mut Command, text: &str) -> Option<Vec<u8>> {
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut input = process.stdin.take()?;
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = process.wait_with_output().ok()?;
    let _ = writer.join();
    output.status.success().then_some(output.stdout)
}

criterion_group!(benches, editors);
criterion_main!(benches);
