//! What is different in `AWS::Lambda::Function`.

use super::{Reading, files};
use crate::desired::Code;
use crate::template::outcome;
use crate::template::shape::{Fields, Schema, Support};
use crate::template::tree::Value;
use Support::{Access, Notice, Obeyed, Refused};

pub(crate) const PLAIN_PROPERTIES: Schema = &[
    ("Architectures", Obeyed),
    (
        "CapacityProviderConfig",
        Refused("there are no capacity providers"),
    ),
    ("Code", Obeyed),
    (
        "CodeSigningConfigArn",
        Refused("signatures of code are not checked"),
    ),
    ("DeadLetterConfig", Obeyed),
    ("Description", Obeyed),
    ("DurableConfig", Refused("executions are not durable")),
    ("Environment", Obeyed),
    ("EphemeralStorage", Obeyed),
    ("FileSystemConfigs", Refused("no file systems are mounted")),
    ("FunctionName", Obeyed),
    (
        "FunctionScalingConfig",
        Refused("there are no capacity providers"),
    ),
    ("Handler", Obeyed),
    ("ImageConfig", Refused("container images are not run")),
    (
        "KmsKeyArn",
        Refused("the environment would not be encrypted by this key"),
    ),
    ("Layers", Obeyed),
    ("LoggingConfig", Obeyed),
    ("MemorySize", Obeyed),
    ("PackageType", Obeyed),
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
    ("Runtime", Obeyed),
    (
        "RuntimeManagementConfig",
        Notice("the host's own runtimes are used"),
    ),
    ("SnapStart", Obeyed),
    ("Tags", Obeyed),
    ("TenancyConfig", Refused("tenants are not kept apart")),
    ("Timeout", Obeyed),
    ("TracingConfig", Notice("traces are not recorded yet")),
    (
        "VpcConfig",
        Refused("the function would reach more than this allows"),
    ),
];

const CODE: Schema = &[
    ("ImageUri", Refused("container images are not run")),
    ("S3Bucket", Obeyed),
    ("S3Key", Obeyed),
    ("S3ObjectStorageMode", Obeyed),
    (
        "S3ObjectVersion",
        Refused("what is beside the template is used"),
    ),
    (
        "SourceKMSKeyArn",
        Refused("code would not be encrypted by this key"),
    ),
    ("ZipFile", Obeyed),
];
const DEAD_LETTERS: Schema = &[("TargetArn", Obeyed)];

impl Reading<'_> {
    /// A folder's name is what the vendor's command line packages.
    pub(super) fn plain_code(&self) -> Option<Code> {
        let node = self.fields.required("Code")?;
        if let Value::Map(_) = node.value {
            let place = self.fields.place("Code");
            let code = Fields::open(node, place, "Code", CODE, self.findings)?;
            if code.has("ImageUri") {
                return None;
            }
            if code.has("ZipFile") {
                let text = code.required_text("ZipFile")?;
                return self.short(text, "Code");
            }
        }
        files(self.fields, "Code", self.place, self.findings)
    }

    pub(super) fn plain_dead_letters(&self) -> Option<String> {
        let fields = self
            .fields
            .nested("DeadLetterConfig", DEAD_LETTERS, self.findings)?;
        let arn = fields.required_text("TargetArn")?;
        let place = fields.place("TargetArn");
        outcome::place(&arn, &["sqs", "sns"], place, self.findings.report)
    }
}
