//! What to try: lines for another terminal.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ::deploy::desired::{Cloud, Code, Kind, Notification};
use ::deploy::{Recipe, Template};
use serde_json::json;

use super::sources::{self, Try};
use super::{App, Up, near};
use crate::commands::deploy::{Reached, reached};

impl Up<'_> {
    /// Lines that work as they stand, in another terminal.
    pub(super) fn what_to_try(&self, apps: &[&App]) -> String {
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
            let now = self.running.clock.now();
            let sources = sources::of(&app.desired, &self.running.endpoint(), now);
            lines.extend(sources.iter().map(|source| self.event(source)));
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
        let file = near(&file);
        let to = format!("s3://{bucket}/{key}");
        Some([
            format!("  curl -T {} '{url}'", quoted(&file)),
            self.aws(&["s3", "cp", &file, &to]),
        ])
    }

    fn event(&self, source: &Try) -> String {
        match source {
            Try::Aws(words) => self.aws(&words.iter().map(String::as_str).collect::<Vec<_>>()),
            Try::Fulmar(words) => format!("  fulmar {}", words.join(" ")),
        }
    }

    /// The vendor's command line, told where we are.
    fn aws(&self, words: &[&str]) -> String {
        let running = self.running;
        // A secret that somebody chose is not for the screen.
        let secret = match running.key.secret.as_str() {
            "test" => "test",
            _ => "...",
        };
        let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
        format!(
            "  AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={secret} AWS_DEFAULT_REGION={} \\\n    aws --endpoint-url {} {}",
            running.key.id,
            running.region,
            running.endpoint(),
            words.join(" ")
        )
    }
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
