//! `AWS::Serverless::Function` and `AWS::Lambda::Function`: the whole of a function, and what of it is short.

mod code;
mod environment;
mod files;
mod layers;
mod logging;
mod publish;
mod schema;

use std::collections::BTreeMap;

use runtimes::Language;

use crate::Context;
use crate::desired::{Architecture, Cloud, Code, Function, Retry};
use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Findings, Schema, Support::Obeyed};
use crate::template::tree::Node;
use crate::template::{bus, outcome};

pub(crate) use code::module_of;
pub use environment::RESERVED;
pub(crate) use files::{Place, files, normal};
pub(crate) use publish::{is_alias, provisioned};
pub(crate) use schema::{PLAIN_PROPERTIES, PROPERTIES};

const STORAGE: Schema = &[("Size", Obeyed)];
const INVOKE: Schema = &[
    ("DestinationConfig", Obeyed),
    ("MaximumEventAgeInSeconds", Obeyed),
    ("MaximumRetryAttempts", Obeyed),
];
const DEAD_LETTERS: Schema = &[("TargetArn", Obeyed), ("Type", Obeyed)];
const PLAIN_DEAD_LETTERS: Schema = &[("TargetArn", Obeyed)];

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
        let fields = match self.is_plain {
            true => self
                .fields
                .nested("DeadLetterConfig", PLAIN_DEAD_LETTERS, self.findings)?,
            false => {
                let fields = self
                    .fields
                    .nested("DeadLetterQueue", DEAD_LETTERS, self.findings)?;
                fields.required("Type");
                fields.choice("Type", &["SQS", "SNS"]);
                fields
            }
        };
        let arn = fields.required_text("TargetArn")?;
        let place = fields.place("TargetArn");
        outcome::place(&arn, &["sqs", "sns"], place, self.findings.report)
    }
}
