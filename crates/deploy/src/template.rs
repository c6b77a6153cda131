//! From a template file to what it asks for.
//!
//! [`load`] finds and reads the file; [`Template::resolve`] decides everything else: parameters, conditions, names and
//! references, and the properties of each resource. Every error and notice has its place in the file. A template either
//! resolves as a whole or yields the list of all that is wrong with it.

mod admission;
mod aside;
mod balancer;
mod bucket;
mod build_method;
mod bus;
mod conditions;
mod custom;
mod declared;
mod document;
mod edge;
mod events;
mod extensions;
mod folder;
mod function;
mod function_arn;
mod gateway;
mod globals;
mod implied;
mod include;
mod intrinsics;
mod layer;
mod line_subscription;
mod literal;
mod log_group;
mod mapping;
mod nearest;
mod nested;
mod network;
mod order;
mod outcome;
mod parameters;
mod permission;
mod policies;
mod queue;
mod read;
mod references;
mod resolve;
mod role;
mod rules;
mod scalar;
mod schedule;
mod scope;
mod shape;
mod table;
mod topic;
mod tree;
mod version;

#[cfg(test)]
pub(crate) use bucket::EVENTS;
pub use folder::load_all;
pub use function::RESERVED as RESERVED_VARIABLES;
pub(crate) use read::read as read_tree;
pub use schedule::universal_targets;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::build::Builds;
use crate::cdk::{Assets, Member};
use crate::desired::{Desired, Function};
use crate::diagnostic::{Diagnostics, Finding, Source};
use crate::publish::Published;
use crate::{Context, Feeds, azure, cdk, google};
pub(crate) use document::Document;
pub(crate) use tree::{Node, Value};

/// What whoever deploys says over what the template says.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub parameters: BTreeMap<String, String>,
    /// The stack's name; by default made from the name of the template's directory.
    pub stack: Option<String>,
}

/// A template that has been read, but not yet understood.
#[derive(Clone, Debug)]
pub struct Template {
    source: Arc<Source>,
    form: Form,
    /// What was noticed while it was read.
    noticed: Vec<Finding>,
    overrides: Overrides,
    stack: String,
    /// Where it is, as an absolute path if it was loaded.
    file: PathBuf,
    /// The stack of an assembly that it makes.
    member: Option<Arc<Member>>,
}

/// What there is to understand.
#[derive(Clone, Debug)]
enum Form {
    /// A template in the vendor's format.
    Declared(Arc<Document>),
    /// A folder of Google's functions.
    Google(google::App),
    /// A folder of Azure's functions.
    Azure(azure::App),
}

/// How many resources a template may have with all that are nested in it; CloudFormation takes 500 in each.
const MAX_RESOURCES: usize = 2_500;

/// What a template may be called in a directory, in the order in which it is looked for.
const NAMES: &[&str] = &["template.yaml", "template.yml", "template.json"];

/// Reads the template at `path`, or in the directory `path`.
pub fn load(path: &Path, overrides: Overrides) -> Result<Template, Diagnostics> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = if path.is_dir() {
        Form::in_folder(&path)
    } else {
        Form::of_file(&path)
    };
    if let Some(form) = found.filter(|_| template_in(&path).is_none()) {
        return Template::of_app(form, overrides);
    }
    let file = find(&path)?;
    let text = document::text_of(&file).map_err(|finding| {
        let source = Arc::new(Source::new(&shown(&file), String::new()));
        Diagnostics::new(&source, vec![finding])
    })?;
    Template::parse(&file, text, overrides)
}

/// Which file `path` means.
fn find(path: &Path) -> Result<PathBuf, Diagnostics> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    template_in(path).ok_or_else(|| {
            let message = format!("there is no template in {}", path.display());
            let help = format!(
                "looked for {}, for cdk.json, for code that asks for Google's functions framework, and for host.json or functions of Azure's; name the file if it is called otherwise",
                NAMES.join(", ")
            );
            alone(path, message, &help)
        })
}

fn template_in(folder: &Path) -> Option<PathBuf> {
    let mut candidates = NAMES.iter().map(|name| folder.join(name));
    candidates.find(|file| file.is_file())
}

fn alone(path: &Path, message: String, help: &str) -> Diagnostics {
    let source = Arc::new(Source::new(&shown(path), String::new()));
    Diagnostics::new(&source, vec![Finding::placeless(message).help(help)])
}

impl Template {
    /// Reads a template from its text; relative paths in it are relative to the directory of `file`.
    pub fn parse(file: &Path, text: String, overrides: Overrides) -> Result<Self, Diagnostics> {
        let source = Source::new(&shown(file), document::without_mark(text));
        let member = Member::of(file);
        let own = member.as_ref().map(|member| member.stack.as_str());
        let stack = named(&overrides, file, own)?;
        let dir = file.parent().unwrap_or(Path::new("."));
        let (root, mut noticed) = match document::tree(&source, dir) {
            Ok(read) => read,
            Err(findings) => return Err(Diagnostics::new(&Arc::new(source), findings)),
        };
        let mut reader = nested::Reader::new(file, &source);
        let document = reader.document(root, file, Arc::new(cdk::assets_beside(file)));
        let (sources, found) = reader.into_parts();
        noticed.extend(found);
        let source = Arc::new(source.with_nested(sources));
        if document.resources > MAX_RESOURCES {
            let message = format!("more than {MAX_RESOURCES} resources are nested in one another");
            return Err(Diagnostics::new(&source, vec![Finding::placeless(message)]));
        }
        Ok(Self {
            source,
            form: Form::Declared(Arc::new(document)),
            noticed,
            overrides,
            stack,
            file: file.to_owned(),
            member: member.map(Arc::new),
        })
    }

    fn of_app(form: Form, overrides: Overrides) -> Result<Self, Diagnostics> {
        let file = form.file();
        Ok(Self {
            source: Arc::new(Source::new(&shown(&file), String::new())),
            stack: named(&overrides, &file, None)?,
            form,
            noticed: Vec::new(),
            overrides,
            file,
            member: None,
        })
    }

    /// What was found, for whoever wonders.
    pub fn kind(&self) -> &'static str {
        match &self.form {
            Form::Declared(_) if self.is_synthesised() => "a stack of the CDK",
            Form::Declared(_) => "a template",
            Form::Google(_) => "Google functions",
            Form::Azure(app) => app.describe(),
        }
    }

    /// Whether a program has written it, and the code beside it.
    pub fn is_synthesised(&self) -> bool {
        self.member.is_some()
    }

    /// Whether a change of this file may change what is asked for.
    pub fn reads(&self, file: &Path) -> bool {
        match &self.form {
            Form::Declared(document) => document.all().iter().any(|one| one.file == file),
            Form::Google(app) => app.reads(file),
            Form::Azure(app) => app.reads(file),
        }
    }

    /// The name of the stack that this template makes.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// What it is read with, to read it again or elsewhere.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            stack: Some(self.stack.clone()),
            ..self.overrides.clone()
        }
    }

    /// The file that was read.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Every file that was read as a template: this one, and those that are nested in it.
    pub(crate) fn files(&self) -> Vec<&Path> {
        match &self.form {
            Form::Declared(document) => document.all().into_iter().map(|one| &*one.file).collect(),
            Form::Google(_) | Form::Azure(_) => vec![&self.file],
        }
    }

    /// What is to be made before the template is deployed. This resolves the template with
    /// made-up names, so it also says everything that is wrong with it.
    pub fn builds(&self) -> Result<Builds, Diagnostics> {
        if let Form::Azure(app) = &self.form {
            // What such code asks for may only be known when it runs, and for that it needs its packages.
            app.trial(&self.stack)?;
            return Ok(Builds {
                code: BTreeSet::from([app.build()]),
                ..Builds::default()
            });
        }
        let context = Context {
            account: "000000000000".into(),
            region: "us-east-1".into(),
            stack: self.stack.clone(),
            suffix: String::new(),
            feeds: Feeds::default(),
            answers: Default::default(),
            endpoint: "http://localhost".into(),
            others: None,
        };
        Ok(self.resolve(&context)?.builds())
    }

    /// What must be run to learn what is asked for, if anything must be.
    pub(crate) fn trial(&self) -> Result<Option<Function>, Diagnostics> {
        match &self.form {
            Form::Azure(app) => app.trial(&self.stack),
            Form::Declared(_) | Form::Google(_) => Ok(None),
        }
    }

    /// That it cannot be had, for these reasons.
    pub(crate) fn refused(&self, findings: Vec<Finding>) -> Diagnostics {
        Diagnostics::new(&self.source, findings)
    }

    /// The template with what its code said when it was run, or why it did not.
    pub(crate) fn with_said(&self, said: Result<&[u8], &str>) -> Result<Self, Diagnostics> {
        let form = match (&self.form, said) {
            (Form::Azure(app), Ok(said)) => Form::Azure(app.with_declared(said)?),
            (Form::Azure(app), Err(why)) => return Err(app.not_declared(why)),
            (other, _) => other.clone(),
        };
        Ok(Self {
            form,
            ..self.clone()
        })
    }

    /// Decides what the template asks for. Nothing outside is touched but to see which files of code there are.
    pub fn resolve(&self, context: &Context) -> Result<Desired, Diagnostics> {
        match &self.form {
            Form::Declared(document) => self.declared(document, context),
            Form::Google(app) => app.resolve(&context.stack),
            Form::Azure(app) => app.resolve(&context.stack),
        }
    }
}

impl Template {
    /// What the application looks for in a bucket, and is not run from where it is. Nothing where nobody names it.
    pub(crate) fn published(&self, context: &Context) -> Vec<Published<'_>> {
        let (Form::Declared(document), Some(member)) = (&self.form, &self.member) else {
            return Vec::new();
        };
        let mut named = BTreeSet::new();
        for one in document.all() {
            name_assets(&one.root, &document.assets, &mut named);
        }
        let one = |key: &'_ str| {
            let (key, asset) = document.assets.get_key_value(key)?;
            Some(Published {
                bucket: member.environment.bucket(&asset.bucket, context),
                key,
                path: asset.path.as_deref(),
            })
        };
        named.into_iter().filter_map(one).collect()
    }

    fn declared(&self, document: &Document, context: &Context) -> Result<Desired, Diagnostics> {
        let environment = self.member.as_ref().map(|member| &member.environment);
        let moved = environment.and_then(|environment| environment.moved(document, context));
        let Some((document, changes)) = moved else {
            return resolve::resolve(self, document, context);
        };
        let mut desired = resolve::resolve(self, &document, context)?;
        desired.notices.note(format!(
            "the stack is written for another account or region: {changes} here"
        ));
        Ok(desired)
    }
}

impl Form {
    /// The application without a template that is in this folder.
    fn in_folder(folder: &Path) -> Option<Self> {
        let google = google::in_folder(folder).map(Self::Google);
        google.or_else(|| azure::in_folder(folder).map(Self::Azure))
    }

    fn of_file(file: &Path) -> Option<Self> {
        let google = google::of_file(file).map(Self::Google);
        google.or_else(|| azure::of_file(file).map(Self::Azure))
    }

    /// By which it is named. A template has its own.
    fn file(&self) -> PathBuf {
        match self {
            Self::Declared(_) => PathBuf::new(),
            Self::Google(app) => app.file(),
            Self::Azure(app) => app.file(),
        }
    }

    fn cloud(&self) -> &'static str {
        match self {
            Self::Declared(_) => "template",
            Self::Google(_) => "google",
            Self::Azure(_) => "azure",
        }
    }
}

/// What names an asset that is read where it is.
const READ_IN_PLACE: [&str; 5] = ["Code", "CodeUri", "Content", "ContentUri", "TemplateURL"];

/// Which assets are named but as the code of a function or of a layer, or as a template.
fn name_assets<'a>(node: &Node, assets: &'a Assets, named: &mut BTreeSet<&'a str>) {
    match &node.value {
        Value::Text(text) => {
            let keys = assets.keys().map(String::as_str);
            named.extend(keys.filter(|key| text.contains(key)));
        }
        Value::List(items) => items
            .iter()
            .for_each(|item| name_assets(item, assets, named)),
        Value::Map(entries) => entries
            .iter()
            .filter(|entry| !READ_IN_PLACE.contains(&&*entry.key))
            .for_each(|entry| name_assets(&entry.value, assets, named)),
        Value::Call(call) => name_assets(&call.argument, assets, named),
        Value::Plain(_) | Value::Null | Value::Absent | Value::Broken => {}
    }
}

/// The path as a person in the current directory would write it.
fn shown(file: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    match file.strip_prefix(&here) {
        Ok(inner) if !here.as_os_str().is_empty() => inner.to_owned(),
        _ => file.to_owned(),
    }
}

/// The stack's name: as whoever deploys says, else as the template's assembly, else that of the directory.
fn named(overrides: &Overrides, file: &Path, own: Option<&str>) -> Result<String, Diagnostics> {
    let stack = match (&overrides.stack, own) {
        (Some(stack), _) => stack.clone(),
        (None, Some(own)) => own.to_owned(),
        (None, None) => stack_of(file.parent().unwrap_or(Path::new("."))),
    };
    if !is_stack_name(&stack) {
        let message = format!("`{stack}` cannot be the name of a stack");
        let help = "a letter, then letters, digits and dashes, at most 128 in all";
        return Err(alone(file, message, help));
    }
    Ok(stack)
}

fn stack_of(dir: &Path) -> String {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let dashed = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let trimmed = dashed.trim_matches('-');
    let start = trimmed.trim_start_matches(|letter: char| !letter.is_ascii_alphabetic());
    let name: String = start.chars().take(64).collect();
    match name.is_empty() {
        true => "app".to_owned(),
        false => name,
    }
}

fn is_stack_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 128
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests;
