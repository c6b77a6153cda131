use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::deploy::desired::{Cloud, Code, Kind, Notification};
use ::deploy::{Applied, Desired, Recipe, Template};
use console::Line;
use ledger::Filter;
use runtimes::Packages;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::deploy::{Reached, build, reached, shown};
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
    let outcome = up
        .run(templates.collect(), application, &data_dir, &stop)
        .await;
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
        stop: &CancellationToken,
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
        let mut watch = Watch::start()?;
        let mut apps = Vec::new();
        for template in templates {
            apps.push(self.begin(template, &mut watch).await?);
        }
        let deployed = apps.iter().filter(|app| !app.failed);
        self.output
            .say(&self.what_to_try(&deployed.collect::<Vec<_>>()));
        self.output
            .say("following what the functions print, and their code; Ctrl-C ends\n");
        let mut follow = self.running.ledger.follow(Filter::Everything, end);
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
                () = stop.cancelled() => return Ok(()),
                lines = follow.next() => {
                    let lines = lines.map_err(|error| Failure::new(error.kind(), error.to_string()))?;
                    let lines: Vec<Line> = lines.into_iter().map(Line::from).collect();
                    self.output.events("log", &lines, |line| super::log_line(self.output, line));
                }
                changed = watch.changed() => {
                    let reloaded = match &mut application {
                        Some(application) => self.rewrite(application, &mut apps, data_dir).await,
                        None => self.reload_all(&mut apps, data_dir, &changed).await,
                    };
                    if let Err(failure) = reloaded {
                        // What runs goes on running until the next attempt.
                        self.output.failure(&failure);
                    }
                    look_again(&mut watch, application.as_ref(), &apps);
                }
            }
        }
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
        self.replace(&reload.functions).await
    }

    /// Lets functions run their changed code from now on.
    async fn replace(&self, functions: &BTreeSet<String>) -> Result<()> {
        for name in self.running.deployer.reload(functions).await? {
            self.output
                .event("reloaded", &json!({ "function": name }), || {
                    format!("{} {name}", self.output.paint("32", "reloaded"))
                });
        }
        Ok(())
    }

    /// Lines that work as they stand, in another terminal.
    fn what_to_try(&self, apps: &[&App]) -> String {
        let mut lines = vec!["\nTry it, in another terminal:".to_owned()];
        for app in apps {
            let resources = &app.desired.resources;
            let notifications = resources
                .iter()
                .filter_map(|resource| match &resource.kind {
                    Kind::Notification(notification) => Some(notification),
                    _ => None,
                });
            for notification in notifications {
                let uploads = self.uploads(notification, &app.template);
                lines.extend(uploads.into_iter().flatten());
            }
            lines.extend(self.requests(app));
        }
        let resources = apps.iter().flat_map(|app| &app.desired.resources);
        let functions = resources.filter_map(|resource| match &resource.kind {
            Kind::Function(function) => Some((&resource.logical_id, function)),
            _ => None,
        });
        // Of those, the code that runs is a copy.
        let written = apps.iter().filter(|app| app.template.is_synthesised());
        let written: BTreeSet<&str> = written
            .flat_map(|app| app.desired.function_names())
            .collect();
        for (id, function) in functions {
            match function.cloud {
                Cloud::Google => lines.push(self.posted(&function.handler)),
                Cloud::Azure => lines.extend(self.with_key(&function.handler, apps)),
                Cloud::Aws if lines.len() == 1 => {
                    lines.push(format!("  fulmar invoke {id} --payload '{{}}'"));
                }
                Cloud::Aws => {}
            }
            if written.contains(function.name.as_str()) {
                continue;
            }
            if let Code::Directory(folder) | Code::Made(Recipe { source: folder, .. }) =
                &function.code
            {
                lines.push(format!(
                    "Edit the code of {id}, and the next call uses it: {}",
                    near(folder)
                ));
            }
        }
        match lines.len() {
            1 => String::new(),
            _ => lines.join("\n"),
        }
    }

    fn posted(&self, function: &str) -> String {
        let address = self.args.server.google_listen;
        format!(
            "  curl -H 'content-type: application/json' -d '{{\"name\": \"Fulmar\"}}' http://{address}/{function}"
        )
    }

    /// A request to one of Azure's functions, with the key that it asks for.
    fn with_key(&self, function: &str, apps: &[&App]) -> Option<String> {
        let mut outputs = apps.iter().flat_map(|app| &app.desired.outputs);
        let output = outputs.find(|output| output.name == function)?;
        let how = output.description.as_deref().unwrap_or_default();
        // What is in braces is for whoever calls to choose; what may be left out is.
        let (url, _) = output.value.split_once("/{").unwrap_or((&output.value, ""));
        let mut parameters = vec!["name=Fulmar".to_owned()];
        let ring = match () {
            () if how.contains("master key") => Some("master".to_owned()),
            () if how.contains("with a key") => {
                Some(format!("function/{}", function.to_lowercase()))
            }
            () => None,
        };
        if let Some(ring) = ring {
            let keys = self.running.keyring.on(&face_azure::space(), &ring).ok()?;
            parameters.push(format!("code={}", keys.first()?.value));
        }
        let post = match how.contains("GET") || how.contains("ANY") {
            true => "",
            false => "-d '{\"name\": \"Fulmar\"}' ",
        };
        Some(format!(
            "  curl {post}{}",
            quoted(&format!("{url}?{}", parameters.join("&")))
        ))
    }

    /// A request for each gateway, to a route that needs no parameters, or a connection.
    fn requests(&self, app: &App) -> Vec<String> {
        let facts = json!({ "resources": app.desired.resources, "keys": app.keys });
        let all = reached(&facts, self.running.address.port());
        // Of connections, one route decides about all.
        let guarded = |request: &Reached| {
            let of_it = |other: &&Reached| other.gateway == request.gateway && !other.is_open;
            request.url.starts_with("ws:") && all.iter().any(|other| of_it(&other))
        };
        let plain = |request: &&Reached| {
            request.is_open
                && !guarded(request)
                && !request.url.contains(['{', '*', '?'])
                && request.method != "POST"
        };
        let mut seen = BTreeSet::new();
        all.iter()
            .filter(plain)
            .filter(|request| seen.insert(request.gateway.clone()))
            .map(|request| {
                let url = quoted(&request.url);
                let key = match &request.key {
                    Some(key) => format!("-H {} ", quoted(&format!("x-api-key: {key}"))),
                    None => String::new(),
                };
                match request.method.as_str() {
                    _ if request.url.starts_with("ws:") => format!("  npx wscat {key}-c {url}"),
                    "ANY" | "GET" => format!("  curl {key}{url}"),
                    method => format!("  curl -X {method} {key}{url}"),
                }
            })
            .collect()
    }

    /// Two ways to upload something that the first rule matches.
    fn uploads(&self, notification: &Notification, template: &Template) -> Option<[String; 2]> {
        let rule = notification.rules.first()?;
        let folder = template.path().parent()?;
        let suffix = rule.suffix.as_deref().unwrap_or_default();
        let file = sample(folder, template.path(), suffix)?;
        let name = file.file_name()?.to_string_lossy().into_owned();
        let key = format!("{}{name}", rule.prefix.as_deref().unwrap_or_default());
        let bucket = &notification.bucket;
        let address = self.running.address;
        let running = self.running;
        let url = face_aws::presigned_upload(
            &running.key,
            &address.to_string(),
            &running.region,
            bucket,
            &key,
            running.clock.now(),
        );
        let file = quoted(&near(&file));
        let region = &running.region;
        let id = &running.key.id;
        // A secret that somebody chose is not for the screen.
        let secret = if running.key.secret == "test" {
            "test"
        } else {
            "..."
        };
        Some([
            format!("  curl -T {file} '{url}'"),
            format!(
                "  AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret} AWS_DEFAULT_REGION={region} \\\n    aws --endpoint-url http://{address} s3 cp {file} {}",
                quoted(&format!("s3://{bucket}/{key}"))
            ),
        ])
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

/// A file beside the template that could be uploaded.
fn sample(folder: &Path, template: &Path, suffix: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_file() && path != template && name.ends_with(suffix) && !name.starts_with('.')
    };
    let written_for_people = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        ["md", "yaml", "yml", "toml", "lock"]
            .iter()
            .any(|other| extension == *other)
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(fits).collect();
    files.sort_by_key(|path| (written_for_people(path), path.clone()));
    files.into_iter().next()
}

/// The path as a person in this folder would write it.
fn near(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(here).unwrap_or(path) {
        path if path.as_os_str().is_empty() => ".".to_owned(),
        path => path.display().to_string(),
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=".contains(letter);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_into_a_shell_stays_one_word() {
        assert_eq!(quoted("examples/photo.jpg"), "examples/photo.jpg");
        assert_eq!(quoted("my photo.jpg"), "'my photo.jpg'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn the_folder_one_is_in_is_a_point() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(near(&here), ".");
        assert_eq!(near(&here.join("src")), "src");
    }

    #[test]
    fn a_file_to_try_fits_the_rule_and_is_not_the_template() {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("a.jpg");
        for name in ["a.jpg", ".hidden.jpg", "b.txt", "c.jpg", "README.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |suffix| sample(folder.path(), &template, suffix);
        assert_eq!(found(".jpg"), Some(folder.path().join("c.jpg")));
        assert_eq!(found(""), Some(folder.path().join("b.txt")));
        assert_eq!(found(".png"), None);
    }
}
