//! `AWS::Serverless::Function`; what is different in `AWS::Lambda::Function` is in `function/plain.rs`.

mod plain;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runtimes::Language;

use crate::Context;
use crate::cdk::{Asset, Assets};
use crate::desired::{Architecture, Cloud, Code, Function, LayerUse, Logging, Publish, Retry};
use crate::diagnostic::Finding;
use crate::template::declared::MARK;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::{Node, Value};
use crate::template::{bus, outcome, scalar};
use Support::{Access, Notice, Obeyed, Refused};

pub(crate) use plain::PLAIN_PROPERTIES;

const STAGED: &str = "calls move to a new version at once";

pub(crate) const PROPERTIES: Schema = &[
    ("Architectures", Obeyed),
    ("AssumeRolePolicyDocument", Access),
    ("AutoPublishAlias", Obeyed),
    (
        "AutoPublishAliasAllProperties",
        Notice("every change of the function is published"),
    ),
    (
        "AutoPublishCodeSha256",
        Refused("what is published is told by the code itself"),
    ),
    (
        "CapacityProviderConfig",
        Refused("there are no capacity providers"),
    ),
    (
        "CodeSigningConfigArn",
        Refused("signatures of code are not checked"),
    ),
    ("CodeUri", Obeyed),
    ("DeadLetterQueue", Obeyed),
    ("DeploymentPreference", Refused(STAGED)),
    ("Description", Obeyed),
    ("DurableConfig", Refused("executions are not durable")),
    ("Environment", Obeyed),
    ("EphemeralStorage", Obeyed),
    ("EventInvokeConfig", Obeyed),
    ("Events", Obeyed),
    ("FileSystemConfigs", Refused("no file systems are mounted")),
    ("FunctionName", Obeyed),
    (
        "FunctionScalingConfig",
        Refused("there are no capacity providers"),
    ),
    // Read as a resource of its own: see `gateway.rs`.
    ("FunctionUrlConfig", Obeyed),
    ("Handler", Obeyed),
    ("ImageConfig", Refused("container images are not run")),
    ("ImageUri", Refused("container images are not run")),
    ("InlineCode", Obeyed),
    (
        "KmsKeyArn",
        Refused("the environment would not be encrypted by this key"),
    ),
    ("Layers", Obeyed),
    ("LoggingConfig", Obeyed),
    ("MemorySize", Obeyed),
    ("PackageType", Obeyed),
    ("PermissionsBoundary", Access),
    ("Policies", Access),
    (
        "PropagateTags",
        Notice("the function's tags stay with the function"),
    ),
    ("ProvisionedConcurrencyConfig", Obeyed),
    (
        "PublishToLatestPublished",
        Refused("there are no capacity providers"),
    ),
    (
        "RecursiveLoop",
        Refused("loops of functions are not detected"),
    ),
    ("ReservedConcurrentExecutions", Obeyed),
    ("Role", Access),
    ("RolePath", Access),
    ("Runtime", Obeyed),
    (
        "RuntimeManagementConfig",
        Notice("the host's own runtimes are used"),
    ),
    ("SnapStart", Obeyed),
    (
        "SourceKMSKeyArn",
        Refused("code would not be encrypted by this key"),
    ),
    ("Tags", Obeyed),
    ("TenancyConfig", Refused("tenants are not kept apart")),
    ("Timeout", Obeyed),
    ("Tracing", Notice("traces are not recorded yet")),
    (
        "VersionDeletionPolicy",
        Notice("versions stay as long as their function"),
    ),
    ("VersionDescription", Obeyed),
    (
        "VpcConfig",
        Refused("the function would reach more than this allows"),
    ),
];

const ENVIRONMENT: Schema = &[("Variables", Obeyed)];
const STORAGE: Schema = &[("Size", Obeyed)];
const PROVISIONED: Schema = &[("ProvisionedConcurrentExecutions", Obeyed)];
const DEAD_LETTERS: Schema = &[("TargetArn", Obeyed), ("Type", Obeyed)];
const INVOKE: Schema = &[
    ("DestinationConfig", Obeyed),
    ("MaximumEventAgeInSeconds", Obeyed),
    ("MaximumRetryAttempts", Obeyed),
];
const LOGGING: Schema = &[
    ("ApplicationLogLevel", Obeyed),
    ("LogFormat", Obeyed),
    ("LogGroup", Obeyed),
    ("SystemLogLevel", Obeyed),
];
const SNAPSHOTS: Schema = &[("ApplyOn", Obeyed)];
const APPLICATION_LEVELS: &[&str] = &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const SYSTEM_LEVELS: &[&str] = &["DEBUG", "INFO", "WARN"];

/// Set by the service in every instance; a function cannot have its own.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// All variables together, names and values.
const MAX_ENVIRONMENT: usize = 4_096;
const MOST_LAYERS: usize = 5;
/// Inline code, as the service takes it.
const MAX_INLINE: usize = 4 << 20;

pub(crate) struct Reading<'a> {
    /// What the template calls it.
    pub(crate) id: &'a str,
    /// How its code is built, as far as the template says it.
    pub(crate) metadata: Option<&'a Node>,
    pub(crate) fields: &'a Fields<'a>,
    pub(crate) findings: &'a Findings<'a>,
    pub(crate) context: &'a Context,
    pub(crate) place: Place<'a>,
    /// Whether it is of the cloud's own type, and not of the transform's.
    pub(crate) is_plain: bool,
}

/// Where the files are that a template names.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Where the template is; paths in it are relative to this.
    pub(crate) dir: &'a Path,
    /// What it finds in a bucket.
    pub(crate) assets: &'a Assets,
}

impl Reading<'_> {
    /// Each property is read even when an earlier one is wrong, so that everything is said at once.
    pub(crate) fn read(&self, name: String, own_role: &str) -> Option<Function> {
        let fields = self.fields;
        let name = self.checked_name(name);
        // A container's image has no runtime and no handler of its own to be missed.
        if self.is_image() && self.is_plain {
            return None;
        }
        let (runtime, language) = self.runtime().unzip();
        let handler = self.handler(language);
        let code = self.code();
        let mut environment = self.environment();
        let (handler, code) = match (handler, code) {
            (Some(handler), Some(Code::Directory(dir))) => {
                self.built(handler, dir, language, &mut environment).unzip()
            }
            (Some(handler), Some(Code::Inline(text))) => {
                self.check_inline(language, &handler);
                (Some(handler), Some(Code::Inline(text)))
            }
            other => other,
        };
        let storage = fields.nested("EphemeralStorage", STORAGE, self.findings);
        let scratch_mb = storage.and_then(|storage| {
            storage.required("Size");
            storage.integer("Size", 512..=10_240)
        });
        let role = fields
            .text("Role")
            .unwrap_or_else(|| self.context.identity_arn(&format!("role/{own_role}")));
        Some(Function {
            description: fields.text("Description").unwrap_or_default(),
            timeout_s: fields.integer("Timeout", 1..=900).unwrap_or(3),
            memory_mb: fields.integer("MemorySize", 128..=10_240).unwrap_or(128),
            scratch_mb: scratch_mb.unwrap_or(512),
            environment,
            architecture: self.architecture(),
            reserved_concurrency: fields.integer("ReservedConcurrentExecutions", 0..=1_000),
            role,
            retry: self.retry(),
            tags: self.tags(),
            layers: self.layers(),
            logging: self.logging(),
            snapshots: self.snapshots(runtime.as_deref()),
            dead_letters: self.dead_letters(),
            publish: self.publish(),
            cloud: Cloud::Aws,
            name: name?,
            runtime: runtime?,
            handler: handler?,
            code: code?,
        })
    }

    pub(crate) fn error(&self, property: &str, message: impl Into<String>) -> Finding {
        Finding::error(self.fields.place(property), message)
    }

    pub(crate) fn say(&self, finding: Finding) {
        self.findings.report.add(finding);
    }

    fn checked_name(&self, name: String) -> Option<String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
            return Some(name);
        }
        self.say(
            self.error(
                "FunctionName",
                format!("`{name}` cannot be the name of a function"),
            )
            .why("1 to 64 letters, digits, dashes and underscores"),
        );
        None
    }

    /// Whether it is a container's, which has been said then.
    fn is_image(&self) -> bool {
        let is_image = self.fields.choice("PackageType", &["Zip", "Image"]) == Some("Image");
        if is_image {
            self.say(
                self.error("PackageType", "`PackageType: Image` is not supported yet")
                    .why("container images are not run"),
            );
        }
        is_image
    }

    fn logging(&self) -> Logging {
        let Some(fields) = self.fields.nested("LoggingConfig", LOGGING, self.findings) else {
            return Logging::default();
        };
        let json = fields.choice("LogFormat", &["Text", "JSON"]) == Some("JSON");
        let level = |name: &str, levels: &[&'static str]| {
            let level = fields.choice(name, levels)?;
            if !json {
                self.say(
                    Finding::error(fields.place(name), format!("`{name}` needs JSON"))
                        .why("lines of text have no level that is looked at")
                        .help("set `LogFormat: JSON`"),
                );
            }
            Some(level.to_owned())
        };
        Logging {
            json,
            application_level: level("ApplicationLogLevel", APPLICATION_LEVELS),
            system_level: level("SystemLogLevel", SYSTEM_LEVELS),
            group: fields.text("LogGroup"),
        }
    }

    fn snapshots(&self, runtime: Option<&str>) -> bool {
        let Some(fields) = self.fields.nested("SnapStart", SNAPSHOTS, self.findings) else {
            return false;
        };
        let wanted = fields.choice("ApplyOn", &["PublishedVersions", "None"]);
        let wanted = wanted == Some("PublishedVersions");
        let minor = runtime.and_then(|runtime| runtime.strip_prefix("python3."));
        let supported = minor
            .and_then(|minor| minor.parse::<u32>().ok())
            .is_some_and(|minor| minor >= 12);
        if wanted && runtime.is_some() && !supported {
            self.say(
                self.error(
                    "SnapStart",
                    format!("`{}` takes no snapshots", runtime.unwrap_or_default()),
                )
                .why("the service takes them of Python 3.12 and newer"),
            );
        }
        wanted
    }

    fn runtime(&self) -> Option<(String, Language)> {
        let runtime = self.fields.required_text("Runtime")?;
        match runtimes::check(&runtime) {
            Ok(language) => Some((runtime, language)),
            Err(error) => {
                let place = self.fields.node("Runtime")?.span;
                let finding = Finding::error(place, error.to_string());
                self.say(finding.help("for example nodejs22.x, python3.13 or provided.al2023"));
                None
            }
        }
    }

    fn handler(&self, language: Option<Language>) -> Option<String> {
        let handler = self.fields.required_text("Handler")?;
        let wrong = |why: &str| {
            self.say(
                Finding::error(
                    self.fields.place("Handler"),
                    format!("`{handler}` cannot be a handler"),
                )
                .why(why.to_owned())
                .help("the file and what it exports, as in `index.handler` or `src/app.handler`"),
            );
            None
        };
        if handler.len() > 128 || handler.contains(char::is_whitespace) {
            return wrong("at most 128 characters, without white space");
        }
        // What it means in a custom runtime is the runtime's affair.
        if !handler.contains('.') && language != Some(Language::Custom) {
            return wrong("it names no function in a file");
        }
        Some(handler)
    }

    fn code(&self) -> Option<Code> {
        if self.is_plain {
            return self.plain_code();
        }
        match (self.fields.has("CodeUri"), self.fields.has("InlineCode")) {
            (true, true) => {
                self.say(
                    self.error("InlineCode", "both `CodeUri` and `InlineCode` are given")
                        .help("keep one of them"),
                );
                None
            }
            (true, false) => self.code_uri(),
            (false, true) => self.inline(),
            // As the vendor's tools have it, before they package.
            (false, false) => Some(Code::Directory(normal(self.place.dir))),
        }
    }

    fn inline(&self) -> Option<Code> {
        let code = self.fields.required_text("InlineCode")?;
        self.short(code, "InlineCode")
    }

    fn short(&self, code: String, property: &str) -> Option<Code> {
        if code.len() > MAX_INLINE {
            self.say(self.error(property, "inline code is at most 4 MiB long"));
            return None;
        }
        Some(Code::Inline(code))
    }

    fn code_uri(&self) -> Option<Code> {
        files(self.fields, "CodeUri", self.place, self.findings)
    }

    fn check_inline(&self, language: Option<Language>, handler: &str) {
        let (inline, folder) = match self.is_plain {
            true => ("Code", "Code"),
            false => ("InlineCode", "CodeUri"),
        };
        if language == Some(Language::Custom) {
            self.say(
                self.error(inline, "inline code cannot be a custom runtime")
                    .why("a custom runtime is a program")
                    .help(format!(
                        "set `{folder}` to the directory of the program `bootstrap`"
                    )),
            );
        } else if !handler.starts_with("index.") {
            self.say(
                self.error("Handler", "inline code is in the file `index`")
                    .why(format!("`{handler}` names another file"))
                    .help("write `Handler: index.` and the name of what the code exports"),
            );
        }
    }

    /// Said before the first invocation fails by it. The file may still be built, so it is no error.
    pub(crate) fn look_for_handler(&self, language: Option<Language>, handler: &str, dir: &Path) {
        let (module, _) = handler.rsplit_once('.').unwrap_or((handler, ""));
        let files = match language {
            None | Some(Language::CSharp | Language::Hosted) => return,
            Some(Language::Node) => {
                let file = module_of(handler);
                vec![
                    format!("{file}.js"),
                    format!("{file}.mjs"),
                    format!("{file}.cjs"),
                    file.to_owned(),
                ]
            }
            Some(Language::Python) => {
                let file = module.replace('.', "/");
                vec![format!("{file}.py"), file]
            }
            Some(Language::Custom) => vec!["bootstrap".to_owned()],
        };
        if language == Some(Language::Node) && self.is_typescript(handler, dir) {
            return;
        }
        if !files.iter().any(|file| dir.join(file).exists()) {
            let place = self.fields.place("Handler");
            self.say(
                Finding::notice(
                    place,
                    format!("the handler's file `{}` is not there", files[0]),
                )
                .why(format!("looked in {}", dir.display()))
                .help("build the code before the function is invoked, or correct `Handler`"),
            );
        }
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let fields = self
            .fields
            .nested("Environment", ENVIRONMENT, self.findings);
        let Some(fields) = fields else {
            return BTreeMap::new();
        };
        let variables = fields.texts("Variables");
        let place = |name: &str| {
            let entries = fields.node("Variables").and_then(|node| node.entries());
            let mut entries = entries.unwrap_or_default().iter();
            entries
                .find(|entry| entry.key == name)
                .map_or(fields.place("Variables"), |entry| entry.key_span)
        };
        for name in variables.keys() {
            if RESERVED.contains(&name.as_str()) {
                self.say(
                    Finding::error(place(name), format!("the variable `{name}` is reserved"))
                        .why("every instance gets its own value of it"),
                );
            } else if !is_variable(name) {
                self.say(
                    Finding::error(place(name), format!("`{name}` cannot name a variable"))
                        .why("a letter, then letters, digits and underscores, two or more in all"),
                );
            }
        }
        let size: usize = variables
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MAX_ENVIRONMENT {
            self.say(
                Finding::error(fields.place("Variables"), "the environment is too large").why(
                    format!("{size} bytes; at most {MAX_ENVIRONMENT} are allowed"),
                ),
            );
        }
        variables
    }

    fn architecture(&self) -> Architecture {
        let host = match std::env::consts::ARCH {
            "aarch64" => Architecture::Arm,
            _ => Architecture::X86,
        };
        let Some(items) = self.fields.list("Architectures") else {
            return Architecture::X86;
        };
        let wanted = match items {
            [one] => match one.scalar() {
                Some("x86_64") => Some(Architecture::X86),
                Some("arm64") => Some(Architecture::Arm),
                _ => None,
            },
            _ => None,
        };
        let place = self.fields.place("Architectures");
        let Some(wanted) = wanted else {
            self.say(
                Finding::error(place, "`Architectures` must be `[x86_64]` or `[arm64]`").why(
                    "a function runs on one kind of processor; what Globals give is added to it",
                ),
            );
            return Architecture::X86;
        };
        if wanted != host {
            self.say(
                Finding::notice(place, "the function runs on this host's processor")
                    .why(format!("which is {}", std::env::consts::ARCH))
                    .help("native modules must be installed for this host"),
            );
        }
        wanted
    }

    fn layers(&self) -> Vec<LayerUse> {
        let items = self.fields.list("Layers").unwrap_or_default();
        if items.len() > MOST_LAYERS {
            self.say(self.error(
                "Layers",
                format!("a function has at most {MOST_LAYERS} layers"),
            ));
        }
        items.iter().filter_map(|item| self.layer(item)).collect()
    }

    /// An ARN; that of a layer of the template is without a number, and means its newest version.
    fn layer(&self, node: &Node) -> Option<LayerUse> {
        if node.is_broken() {
            return None;
        }
        let start = self.context.arn("lambda", "layer:");
        let text = scalar::text(node, self.findings.report).unwrap_or_default();
        let name = text.strip_prefix(&start).map(|rest| rest.split_once(':'));
        match (text.strip_suffix(MARK), name) {
            (Some(own), _) if own.starts_with(&start) => Some(LayerUse {
                name: own[start.len()..].to_owned(),
                version: None,
            }),
            (None, Some(Some((name, number)))) if number.parse::<u64>().is_ok() => Some(LayerUse {
                name: name.to_owned(),
                version: number.parse().ok(),
            }),
            _ if is_foreign_layer(&text, &self.context.account) => {
                self.say(
                    Finding::error(node.span, format!("`{text}` is of another account, which is not here"))
                        .help("add the layer's content to the template as an `AWS::Serverless::LayerVersion`, or to the code"),
                );
                None
            }
            _ => {
                self.say(
                    Finding::error(node.span, "`Layers` must name versions of layers")
                        .why(format!("this is {}", node.kind()))
                        .help("write `!Ref TheLayer`, or the ARN of a version of this account and region"),
                );
                None
            }
        }
    }

    fn publish(&self) -> Option<Publish> {
        let provisioned = provisioned(self.fields, self.findings);
        let Some(alias) = self.fields.text("AutoPublishAlias") else {
            for needing in ["ProvisionedConcurrencyConfig", "VersionDescription"] {
                if self.fields.has(needing) && !self.fields.has("AutoPublishAlias") {
                    self.say(
                        self.error(needing, format!("`{needing}` needs `AutoPublishAlias`"))
                            .why("only what is published has versions"),
                    );
                }
            }
            return None;
        };
        if !is_alias(&alias) {
            self.say(self.error(
                "AutoPublishAlias",
                format!("`{alias}` cannot be the name of an alias"),
            ));
            return None;
        }
        Some(Publish {
            alias,
            description: self.fields.text("VersionDescription"),
            provisioned,
        })
    }

    fn retry(&self) -> Retry {
        let fields = self
            .fields
            .nested("EventInvokeConfig", INVOKE, self.findings);
        let Some(fields) = fields else {
            return Retry::default();
        };
        outcome::retry(&fields, self.findings)
    }

    fn tags(&self) -> BTreeMap<String, String> {
        match self.is_plain {
            true => bus::tags(self.fields, self.findings),
            false => self.fields.texts("Tags"),
        }
    }

    fn dead_letters(&self) -> Option<String> {
        if self.is_plain {
            return self.plain_dead_letters();
        }
        let fields = self
            .fields
            .nested("DeadLetterQueue", DEAD_LETTERS, self.findings)?;
        fields.required("Type");
        fields.choice("Type", &["SQS", "SNS"]);
        let arn = fields.required_text("TargetArn")?;
        let place = fields.place("TargetArn");
        outcome::place(&arn, &["sqs", "sns"], place, self.findings.report)
    }
}

/// Where Node looks for a handler: its file without the ending. What follows may be a way through what it exports.
pub(crate) fn module_of(handler: &str) -> &str {
    let (module, _) = handler.rsplit_once('.').unwrap_or((handler, ""));
    let base = module.rfind('/').map_or(0, |slash| slash + 1);
    let end = module[base..]
        .find('.')
        .map_or(module.len(), |dot| base + dot);
    &module[..end]
}

/// Whether this is the ARN of a layer of somebody else.
fn is_foreign_layer(text: &str, own: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts.as_slice(), ["arn", _, "lambda", _, account, "layer", ..] if *account != own)
}

/// How many instances are to be kept initialised.
pub(crate) fn provisioned(fields: &Fields<'_>, findings: &Findings<'_>) -> Option<u32> {
    let nested = fields.nested("ProvisionedConcurrencyConfig", PROVISIONED, findings)?;
    nested.required("ProvisionedConcurrentExecutions");
    nested.integer("ProvisionedConcurrentExecutions", 1..=900)
}

/// Not a number alone: that would be a version.
pub(crate) fn is_alias(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=128).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() > 1
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The directory or zip file that a property names, relative to the template or as an asset.
pub(crate) fn files(
    fields: &Fields<'_>,
    property: &str,
    place: Place<'_>,
    findings: &Findings<'_>,
) -> Option<Code> {
    let say = |finding| findings.report.add(finding);
    let help = format!("set `{property}` to a directory or a zip file, relative to the template");
    let node = fields.required(property)?;
    if let Value::Map(_) = node.value {
        return match asset(node, place.assets) {
            Some(Asset {
                path: Some(path), ..
            }) => found(node, normal(path), &path.display(), findings),
            Some(_) => {
                say(
                    Finding::error(node.span, "this asset cannot be had before it is published")
                        .why("a program of the application's tools makes it then"),
                );
                None
            }
            None => {
                say(Finding::error(node.span, "code in a bucket is not supported yet").help(help));
                None
            }
        };
    }
    let uri = fields.text(property)?;
    if uri.contains("://") {
        let message = format!("code from `{uri}` is not supported yet");
        say(Finding::error(node.span, message).help(help));
        return None;
    }
    found(node, normal(&place.dir.join(&uri)), &uri, findings)
}

/// What was put beside the template under the key that this place in a bucket has.
fn asset<'a>(place: &Node, assets: &'a Assets) -> Option<&'a Asset> {
    let key = place.get("S3Key").or_else(|| place.get("Key"))?;
    assets.get(key.scalar()?)
}

fn found(
    node: &Node,
    path: PathBuf,
    named: &dyn std::fmt::Display,
    findings: &Findings<'_>,
) -> Option<Code> {
    if path.is_dir() {
        return Some(Code::Directory(path));
    }
    let is_zip = path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("zip") || extension.eq_ignore_ascii_case("jar")
    });
    if path.is_file() && is_zip {
        return Some(Code::Zip(path));
    }
    let what = match path.exists() {
        true => "is neither a directory nor a zip file",
        false => "does not exist",
    };
    findings.report.add(
        Finding::error(node.span, format!("`{named}` {what}"))
            .why(format!("looked for {}", path.display()))
            .help("the path is relative to the template"),
    );
    None
}

/// The path without `.` and `..`, as far as names alone can say.
fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.parent().is_some() => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
