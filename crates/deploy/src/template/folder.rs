//! All that a folder holds: its own template, applications of the other clouds, and those of the folders in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Builds, Diagnostics, Form, Overrides, Template, alone, load, stack_of, template_in};
use crate::cdk::{Assembly, Member};

/// Everything that the directory `path` holds, itself and in the directories in it; of a file, that file.
///
/// Templates further in are deployed only where the directory has none of its own: below one, they are its parts. Each
/// comes with its [`Template::builds`], and what is wrong with any of them is told of all.
pub fn load_all(
    path: &Path,
    overrides: &Overrides,
) -> Result<Vec<(Template, Builds)>, Vec<Diagnostics>> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut found = Vec::new();
    let mut refused = Vec::new();
    let mut keep = |found: &mut Vec<Template>, one: Result<Template, Diagnostics>| match one {
        Ok(one) => found.push(one),
        Err(diagnostics) => refused.push(diagnostics),
    };
    if let Some(assembly) = Assembly::in_folder(&path) {
        for one in of_assembly(&path, &assembly, overrides) {
            keep(&mut found, one);
        }
    } else if path.is_dir() {
        let own = template_in(&path);
        for folder in below(&path) {
            let template = match folder == path {
                true => own.clone(),
                false => {
                    template_in(&folder).filter(|file| own.is_none() && declares_resources(file))
                }
            };
            if let Some(file) = template {
                let named = named(overrides, &found, &folder, "template");
                keep(&mut found, load(&file, named));
            }
            if let Some(form) = Form::in_folder(&folder) {
                let named = named(overrides, &found, &folder, form.cloud());
                keep(&mut found, Template::of_app(form, named));
            }
        }
    }
    if found.is_empty() && refused.is_empty() {
        // Of a folder without any, it says what was looked for.
        found.push(load(&path, overrides.clone()).map_err(|diagnostics| vec![diagnostics])?);
    }
    leave_out_nested(&mut found);
    // One that cannot be read may declare what the others are then given too, and would be refused for.
    if !refused.is_empty() {
        return Err(refused);
    }
    share_out(&mut found);
    let mut all = Vec::with_capacity(found.len());
    for one in found {
        match one.builds() {
            Ok(builds) => all.push((one, builds)),
            Err(diagnostics) => refused.push(diagnostics),
        }
    }
    match refused.is_empty() {
        true => Ok(all),
        false => Err(refused),
    }
}

/// The stacks of an assembly, in their order, or why it cannot be had.
fn of_assembly(
    path: &Path,
    assembly: &Assembly,
    overrides: &Overrides,
) -> Vec<Result<Template, Diagnostics>> {
    let mut refused = Vec::new();
    if !assembly.missing.is_empty() {
        let message = format!(
            "the application asks for what only a real account knows: {}",
            assembly.missing.join(", ")
        );
        let help =
            "run `cdk synth` once where it may ask; it keeps the answers in cdk.context.json";
        refused.push(Err(alone(path, message, help)));
    }
    let mut seen = BTreeSet::new();
    let mut twins = assembly.members.iter();
    if let Some(twin) = twins.find(|one| !seen.insert(&one.stack)) {
        let message = format!("two stacks are called `{}`", twin.stack);
        let help = "there is one account and one region: give each stack a `stackName` of its own";
        refused.push(Err(alone(path, message, help)));
    }
    if !refused.is_empty() {
        return refused;
    }
    let stacks = assembly.members.iter().enumerate();
    let one = |(at, member): (usize, &Member)| {
        let stack = match (&overrides.stack, at) {
            (Some(stack), 1..) => Some(format!("{stack}-{}", at + 1)),
            (stack, _) => stack.clone(),
        };
        let overrides = Overrides {
            stack,
            ..overrides.clone()
        };
        load(&member.template, overrides)
    };
    stacks.map(one).collect()
}

/// The directory and those in it, but packages and what is hidden.
fn below(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| {
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == "node_modules";
        !hidden && entry.path().is_dir()
    });
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    folders.sort();
    folders.insert(0, path.to_owned());
    folders
}

/// Whether a file with a template's name is one: other tools' files are called so too.
fn declares_resources(file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.contains("\"Resources\"") || text.lines().any(|line| line.starts_with("Resources:"))
}

/// What is said over the next of them: one name is one stack's.
fn named(overrides: &Overrides, found: &[Template], folder: &Path, kind: &str) -> Overrides {
    let taken = |name: &str| found.iter().any(|one| one.stack() == name);
    let own = stack_of(folder);
    let stack = match overrides.stack.clone() {
        Some(stack) if !found.is_empty() => Some(format!("{stack}-{}", found.len() + 1)),
        Some(stack) => Some(stack),
        None if !taken(&own) => None,
        None => Some(format!("{own}-{kind}"))
            .filter(|name| !taken(name))
            .or_else(|| Some(format!("{own}-{}", found.len() + 1))),
    };
    Overrides {
        stack,
        ..overrides.clone()
    }
}

/// What another one nests is a part of that one.
fn leave_out_nested(found: &mut Vec<Template>) {
    let of_others = |one: &Template| {
        let files = one.files().into_iter().map(Path::to_owned);
        files
            .filter(|file| file != one.path())
            .collect::<Vec<PathBuf>>()
    };
    let nested: BTreeSet<PathBuf> = found.iter().flat_map(of_others).collect();
    found.retain(|one| !nested.contains(one.path()));
}

/// Of several templates, each is given the values that are its own; one that nobody asks for stays with all, and is refused.
fn share_out(found: &mut [Template]) {
    let declares = |one: &Template, name: &str| match &one.form {
        Form::Declared(document) => document
            .root
            .get("Parameters")
            .is_some_and(|parameters| parameters.get(name).is_some()),
        _ => false,
    };
    let all: Vec<String> = found
        .iter()
        .flat_map(|one| one.overrides.parameters.keys().cloned())
        .filter(|name| found.iter().any(|one| declares(one, name)))
        .collect();
    for one in found.iter_mut() {
        let others: Vec<&String> = all.iter().filter(|name| !declares(one, name)).collect();
        for name in others {
            one.overrides.parameters.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "Parameters: { %: { Type: String, Default: x } }\nResources:\n  Q: { Type: AWS::SQS::Queue }\n";

    fn write(folder: &Path, file: &str, text: &str) {
        let file = folder.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn stacks(folder: &Path, overrides: &Overrides) -> Vec<(String, &'static str)> {
        let found = load_all(folder, overrides).unwrap();
        let stacks = found.iter();
        stacks
            .map(|(one, _)| (one.stack().to_owned(), one.kind()))
            .collect()
    }

    fn shop() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            "orders/template.yaml",
            &TEMPLATE.replace('%', "A"),
        );
        write(
            folder.path(),
            "stock/template.yml",
            &TEMPLATE.replace('%', "B"),
        );
        write(folder.path(), "front/host.json", r#"{"version": "2.0"}"#);
        write(
            folder.path(),
            "front/F/function.json",
            r#"{"bindings": []}"#,
        );
        write(folder.path(), "mail/template.yaml", "subject: hello\n");
        write(
            folder.path(),
            ".aws-sam/template.yaml",
            &TEMPLATE.replace('%', "A"),
        );
        folder
    }

    #[test]
    fn templates_in_folders_are_found_beside_other_applications() {
        let folder = shop();
        let found = stacks(folder.path(), &Overrides::default());
        let names: Vec<&str> = found.iter().map(|(stack, _)| stack.as_str()).collect();
        assert_eq!(names, ["front", "orders", "stock"]);
        assert_eq!(found[1].1, "a template");
        let overrides = Overrides {
            stack: Some("shop".to_owned()),
            ..Overrides::default()
        };
        let named = stacks(folder.path(), &overrides);
        let names: Vec<&str> = named.iter().map(|(stack, _)| stack.as_str()).collect();
        assert_eq!(names, ["shop", "shop-2", "shop-3"]);
    }

    #[test]
    fn what_is_below_a_template_is_its_own_but_for_other_clouds() {
        let folder = shop();
        write(folder.path(), "template.yaml", &TEMPLATE.replace('%', "A"));
        let found = stacks(folder.path(), &Overrides::default());
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].1, found[1].0.as_str()), ("a template", "front"));
    }

    #[test]
    fn what_one_nests_is_no_stack_of_its_own() {
        let folder = shop();
        let nests = "Resources:\n  In: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: ../orders } }\n";
        write(folder.path(), "zone/template.yaml", nests);
        let found = stacks(folder.path(), &Overrides::default());
        let names: Vec<&str> = found.iter().map(|(stack, _)| stack.as_str()).collect();
        assert_eq!(names, ["front", "stock", "zone"]);
    }

    #[test]
    fn each_template_is_given_its_own_parameters() {
        let folder = shop();
        let text = |text: &str| text.to_owned();
        let overrides = |values: &[(&str, &str)]| Overrides {
            parameters: values
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            stack: None,
        };
        let found = load_all(folder.path(), &overrides(&[("A", "1"), ("B", "2")])).unwrap();
        let given = |at: usize| {
            let parameters = found[at].0.overrides().parameters;
            parameters.into_keys().collect::<String>()
        };
        assert_eq!((given(1), given(2)), (text("A"), text("B")));
        // What no template has is refused by each.
        let refused = load_all(folder.path(), &overrides(&[("C", "3")])).unwrap_err();
        assert_eq!(refused.len(), 2);
    }

    #[test]
    fn what_is_wrong_with_any_is_said_at_once() {
        let folder = shop();
        write(
            folder.path(),
            "bad/template.yaml",
            "Resources:\n  A: { Type: AWS::No::Thing }\n",
        );
        write(
            folder.path(),
            "worse/template.yaml",
            "Resources:\n  B: { Type: AWS::No::Thing }\n",
        );
        let refused = load_all(folder.path(), &Overrides::default()).unwrap_err();
        let files: Vec<String> = refused.iter().map(|one| one.render(false)).collect();
        assert_eq!(files.len(), 2);
        assert!(
            files[0].contains("bad/template.yaml:2") && files[1].contains("worse/template.yaml:2")
        );
    }

    #[test]
    fn two_of_one_name_are_two_stacks() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("app");
        write(&app, "template.yaml", &TEMPLATE.replace('%', "A"));
        write(&app, "host.json", r#"{"version": "2.0"}"#);
        write(&app, "app/host.json", r#"{"version": "2.0"}"#);
        let found = stacks(&app, &Overrides::default());
        let names: Vec<&str> = found.iter().map(|(stack, _)| stack.as_str()).collect();
        assert_eq!(names, ["app", "app-azure", "app-3"]);
    }
}
