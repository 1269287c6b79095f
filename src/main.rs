//! Reads the command line and calls what does the work.

use std::process::ExitCode;

use hoist::cli::output::Output;
use hoist::cli::{self, Errand, Typed, World};
use hoist::serve::Mode;
use hoist::{demo, serve, telemetry, wiring};
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let (typed, mut out) = match cli::read() {
        Ok(read) => read,
        Err(status) => return status,
    };
    match typed {
        Typed::Serve(args) => {
            telemetry::start(LevelFilter::INFO);
            let mode = if args.read_only { Mode::ReadOnly } else { Mode::Active };
            work(serve::run(&args.config, args.listen.as_deref(), mode), &mut out)
        }
        Typed::Demo(args) => {
            telemetry::start(LevelFilter::ERROR);
            let mode = if args.auto { demo::Mode::Auto } else { demo::Mode::Person };
            work(demo::run(&args.dir, args.port, mode), &mut out)
        }
        Typed::Errand(errand) => run(*errand, &mut out),
    }
}

/// One thread is enough to ask one question.
fn run(errand: Errand, out: &mut Output) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let clock = wiring::clock();
            let job_tokens = wiring::job_tokens();
            let world = World {
                connect: &wiring::remote,
                job_tokens: &job_tokens,
                clock: &clock,
                open_checkout: &wiring::checkout,
                try_keys: &wiring::unfit_keys,
                open_app: &wiring::open_app,
                work_off: &serve::once,
            };
            runtime.block_on(errand.run(&world, out))
        }
        Err(error) => {
            out.complain(&format!("nothing can be started here: {error}"), None);
            ExitCode::FAILURE
        }
    }
}

/// All the machine's threads: to serve is to do many things at once.
fn work(task: impl Future<Output = anyhow::Result<()>>, out: &mut Output) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            out.complain(&format!("{error:#}"), None);
            ExitCode::FAILURE
        }
    }
}
