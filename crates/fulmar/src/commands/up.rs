mod sources;
mod tries;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::deploy::desired::Kind;
use ::deploy::{Applied, Desired, Template};
use console::Line;
use ledger::{Filter, Follow};
use runtimes::Packages;
use serde_json::json;

use super::deploy::{build, shown};
use super::synth::Application;
use super::{ServerArgs, TemplateArgs};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::serve::Running;
use crate::watch::Watch;
use crate::{locate, serve, stop};

/// Start, build, deploy, follow the logs and reload changed code
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application: its template, or the directory that it is in
    #[arg(default_value = ".")]
    path: PathBuf,

    #[command(flatten)]
    template: TemplateArgs,

    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) async fn run(
    args: Args,
    data_dir: Option<PathBuf>,
    output: &Output,
) -> Result<ExitCode> {
    super::trace(*output, "warn");
    let overrides = args.template.overrides();
    let mut application = Application::find(&args.path, &args.server.region, *output)?;
    let templates = match &mut application {
        Some(application) => application.load(&overrides).await?,
        None => ::deploy::load_all(&args.path, &overrides)?,
    };
    let data_dir = locate::data_dir(data_dir, &args.path);
    // What is wrong with any of them is said before anything is installed or started.
    for (template, builds) in &templates {
        output.say(&format!(
            "found {} in {}",
            template.kind(),
            near(template.path())
        ));
        build(builds, &data_dir, *output).await?;
    }
    let stop = stop::on_signal()?;
    let running = serve::start(&args.server, &data_dir, stop.clone()).await?;
    let up = Up {
        args: &args,
        running: &running,
        output: *output,
    };
    let templates = templates.into_iter().map(|(template, _)| template);
    let up = Box::pin(up.run(templates.collect(), application, &data_dir));
    let outcome = tokio::select! {
        outcome = up => outcome,
        // What is under way then is as after a crash: the next deployment goes on from there.
        () = stop.cancelled() => Ok(()),
    };
    let ended = running.end().await;
    outcome.and(ended).map(|()| ExitCode::SUCCESS)
}

struct Up<'a> {
    args: &'a Args,
    running: &'a Running,
    output: Output,
}

impl Up<'_> {
    async fn run(
        &self,
        templates: Vec<Template>,
        mut application: Option<Application>,
        data_dir: &Path,
    ) -> Result<()> {
        let endpoint = self.running.endpoint();
        let version = env!("CARGO_PKG_VERSION");
        self.output.event(
            "ready",
            &json!({ "endpoint": endpoint, "data_dir": data_dir, "region": self.running.region }),
            || {
                format!(
                    "Fulmar {version} serves {endpoint}, with its data in {}",
                    data_dir.display()
                )
            },
        );
        if self.args.server.is_open() {
            self.output.say(
                "warning: everybody who reaches this address can use the key that everybody knows",
            );
        }
        // From before the deployment, so that nothing that it causes is missed.
        let end = self
            .running
            .ledger
            .end()
            .map_err(|error| Failure::new(error.kind(), error.to_string()))?;
        let mut follow = self.running.ledger.follow(Filter::Everything, end);
        let mut watch = Watch::start()?;
        let mut apps = Vec::new();
        for template in templates {
            let begun = Box::pin(self.begin(template, &mut watch));
            apps.push(self.telling(&mut follow, begun).await?);
        }
        let deployed = apps.iter().filter(|app| !app.failed);
        self.output
            .say(&self.what_to_try(&deployed.collect::<Vec<_>>()));
        self.output
            .say("following what the functions print, and their code; Ctrl-C ends\n");
        look_again(&mut watch, application.as_ref(), &apps);
        // What was edited between the deployment and now has been seen by neither.
        let resources = apps.iter().flat_map(|app| &app.desired.resources);
        let functions = resources.filter_map(|resource| match &resource.kind {
            Kind::Function(function) => Some(function.name.clone()),
            _ => None,
        });
        self.replace(&functions.collect()).await?;
        loop {
            tokio::select! {
                lines = follow.next() => self.tell_lines(lines)?,
                changed = watch.changed() => {
                    let reloaded = Box::pin(async {
                        match &mut application {
                            Some(application) => self.rewrite(application, &mut apps, data_dir).await,
                            None => self.reload_all(&mut apps, data_dir, &changed).await,
                        }
                    });
                    if let Err(failure) = self.telling(&mut follow, reloaded).await {
                        // What runs goes on running until the next attempt.
                        self.output.failure(&failure);
                    }
                    look_again(&mut watch, application.as_ref(), &apps);
                }
            }
        }
    }

    /// Functions that a deployment calls are heard while it waits for them.
    async fn telling<T>(
        &self,
        follow: &mut Follow,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                lines = follow.next() => self.tell_lines(lines)?,
            }
        }
    }

    fn tell_lines(&self, lines: ledger::Result<Vec<ledger::Logged>>) -> Result<()> {
        let lines = lines.map_err(|error| Failure::new(error.kind(), error.to_string()))?;
        let lines: Vec<Line> = lines.into_iter().map(Line::from).collect();
        self.output
            .events("log", &lines, |line| super::log_line(self.output, line));
        Ok(())
    }

    /// A deployment that fails is tried again when something of it has changed.
    async fn begin(&self, template: Template, watch: &mut Watch) -> Result<App> {
        let failure = match self.deploy(&template).await {
            Ok(applied) => {
                return Ok(App {
                    template,
                    desired: applied.desired,
                    keys: applied.keys,
                    failed: false,
                });
            }
            Err(failure) => failure,
        };
        let context = self.running.deployer.context(template.stack())?;
        // Without knowing what is asked for, there is nothing to wait for.
        let Ok(desired) = template.resolve(&context) else {
            return Err(failure);
        };
        // Whoever mends it as soon as it is told is heard.
        watch.look_again(&template, &desired);
        self.output.failure(&failure);
        Ok(App {
            template,
            desired,
            keys: BTreeMap::new(),
            failed: true,
        })
    }

    async fn deploy(&self, template: &Template) -> Result<Applied> {
        let applied = self.running.deployer.deploy(template).await?;
        self.tell(&applied);
        Ok(applied)
    }

    fn tell(&self, applied: &Applied) {
        self.output.event("deployed", applied, || {
            let facts = serde_json::to_value(applied).unwrap_or_default();
            shown(&facts, self.running.address, self.output)
        });
    }

    /// Each is reloaded, also when another one fails.
    async fn reload_all(
        &self,
        apps: &mut [App],
        data_dir: &Path,
        changed: &[PathBuf],
    ) -> Result<()> {
        for app in apps {
            if let Err(failure) = self.reload(app, data_dir, changed).await {
                self.output.failure(&failure);
            }
        }
        Ok(())
    }

    /// Lets an application say again what it wants, if its sources have changed, and deploys that.
    async fn rewrite(
        &self,
        application: &mut Application,
        apps: &mut Vec<App>,
        data_dir: &Path,
    ) -> Result<()> {
        if !application.has_changed()? {
            return Ok(());
        }
        let overrides = self.args.template.overrides();
        for (template, builds) in application.load(&overrides).await? {
            build(&builds, data_dir, self.output).await?;
            let applied = self.running.deployer.deploy(&template).await?;
            // Of several stacks, most are as they were.
            if !applied.changes.is_empty() {
                self.tell(&applied);
            }
            let known = apps
                .iter_mut()
                .find(|app| app.template.stack() == template.stack());
            let app = App {
                template,
                desired: applied.desired,
                keys: applied.keys,
                failed: false,
            };
            match known {
                Some(known) => *known = app,
                None => apps.push(app),
            }
        }
        Ok(())
    }

    async fn reload(&self, app: &mut App, data_dir: &Path, changed: &[PathBuf]) -> Result<()> {
        let paths = changed.iter().map(PathBuf::as_path);
        let reload = ::deploy::affected(&app.template, &app.desired, paths);
        if reload.is_empty() {
            return Ok(());
        }
        let tell = |line: &str| self.output.say(line);
        for code in &reload.packages {
            ::deploy::build(code, &Packages::of_server(data_dir), tell).await?;
        }
        if reload.template || reload.archives || app.failed {
            let template = ::deploy::load(app.template.path(), app.template.overrides())?;
            build(&template.builds()?, data_dir, self.output).await?;
            app.failed = true;
            app.desired = self.deploy(&template).await?.desired;
            app.template = template;
            app.failed = false;
        }
        self.replace(&reload.functions).await?;
        self.tell_reloaded(self.running.deployer.restart(&reload.layered).await?);
        Ok(())
    }

    /// Lets functions run their changed code from now on.
    async fn replace(&self, functions: &BTreeSet<String>) -> Result<()> {
        self.tell_reloaded(self.running.deployer.reload(functions).await?);
        Ok(())
    }

    fn tell_reloaded(&self, functions: Vec<String>) {
        for name in functions {
            self.output
                .event("reloaded", &json!({ "function": name }), || {
                    format!("{} {name}", self.output.paint("32", "reloaded"))
                });
        }
    }
}

/// Watches what has come up since.
fn look_again(watch: &mut Watch, application: Option<&Application>, apps: &[App]) {
    match application {
        Some(application) => application
            .folders()
            .into_iter()
            .for_each(|folder| watch.look_at(folder)),
        None => apps
            .iter()
            .for_each(|app| watch.look_again(&app.template, &app.desired)),
    }
}

/// What is deployed.
struct App {
    template: Template,
    desired: Desired,
    /// Of gateways, by their ids.
    keys: BTreeMap<String, String>,
    /// Whether its last deployment did not come to its end.
    failed: bool,
}

/// The path as a person in this folder would write it.
fn near(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(here).unwrap_or(path) {
        path if path.as_os_str().is_empty() => ".".to_owned(),
        path => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_one_is_in_is_a_point() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(near(&here), ".");
        assert_eq!(near(&here.join("src")), "src");
    }
}
