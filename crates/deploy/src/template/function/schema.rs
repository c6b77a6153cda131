//! What functions may say, in either type, and why some of it is not obeyed.

use crate::template::shape::{Schema, Support};
use Support::{Access, Notice, Obeyed, Refused};

const NO_PROVIDERS: Support = Refused("there are no capacity providers");
const NO_SIGNATURES: Support = Notice("signatures of code are not checked");
const NOT_DURABLE: Support = Refused("executions are not durable");
const NO_FILE_SYSTEMS: Support = Refused("no file systems are mounted");
const NO_IMAGES: Support = Refused("container images are not run");
const ENVIRONMENT_IN_PLAIN: Support = Notice("what is stored is not encrypted");
const NO_LOOPS: Support = Notice("loops of functions are not detected");
const OWN_RUNTIMES: Support = Notice("the host's own runtimes are used");
const CODE_IN_PLAIN: Support = Notice("what is stored is not encrypted");
const NO_TENANTS: Support = Refused("tenants are not kept apart");
const NO_TRACES: Support = Notice("traces are not recorded yet");
const NO_WALLS: Support =
    Notice("there is no network of one's own: functions reach whatever the server lets them reach");

/// Of `AWS::Serverless::Function`.
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
    ("CapacityProviderConfig", NO_PROVIDERS),
    ("CodeSigningConfigArn", NO_SIGNATURES),
    ("CodeUri", Obeyed),
    ("DeadLetterQueue", Obeyed),
    (
        "DeploymentPreference",
        Notice("calls move to a new version at once, and no hooks are called"),
    ),
    ("Description", Obeyed),
    ("DurableConfig", NOT_DURABLE),
    ("Environment", Obeyed),
    ("EphemeralStorage", Obeyed),
    ("EventInvokeConfig", Obeyed),
    ("Events", Obeyed),
    ("FileSystemConfigs", NO_FILE_SYSTEMS),
    ("FunctionName", Obeyed),
    ("FunctionScalingConfig", NO_PROVIDERS),
    // Read as a resource of its own: see `gateway.rs`.
    ("FunctionUrlConfig", Obeyed),
    ("Handler", Obeyed),
    ("ImageConfig", NO_IMAGES),
    ("ImageUri", NO_IMAGES),
    ("InlineCode", Obeyed),
    ("KmsKeyArn", ENVIRONMENT_IN_PLAIN),
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
    ("PublishToLatestPublished", NO_PROVIDERS),
    ("RecursiveLoop", NO_LOOPS),
    ("ReservedConcurrentExecutions", Obeyed),
    ("Role", Access),
    ("RolePath", Access),
    ("Runtime", Obeyed),
    ("RuntimeManagementConfig", OWN_RUNTIMES),
    ("SnapStart", Obeyed),
    ("SourceKMSKeyArn", CODE_IN_PLAIN),
    ("Tags", Obeyed),
    ("TenancyConfig", NO_TENANTS),
    ("Timeout", Obeyed),
    ("Tracing", NO_TRACES),
    (
        "VersionDeletionPolicy",
        Notice("versions stay as long as their function"),
    ),
    ("VersionDescription", Obeyed),
    ("VpcConfig", NO_WALLS),
];

/// Of `AWS::Lambda::Function`.
pub(crate) const PLAIN_PROPERTIES: Schema = &[
    ("Architectures", Obeyed),
    ("CapacityProviderConfig", NO_PROVIDERS),
    ("Code", Obeyed),
    ("CodeSigningConfigArn", NO_SIGNATURES),
    ("DeadLetterConfig", Obeyed),
    ("Description", Obeyed),
    ("DurableConfig", NOT_DURABLE),
    ("Environment", Obeyed),
    ("EphemeralStorage", Obeyed),
    ("FileSystemConfigs", NO_FILE_SYSTEMS),
    ("FunctionName", Obeyed),
    ("FunctionScalingConfig", NO_PROVIDERS),
    ("Handler", Obeyed),
    ("ImageConfig", NO_IMAGES),
    ("KmsKeyArn", ENVIRONMENT_IN_PLAIN),
    ("Layers", Obeyed),
    ("LoggingConfig", Obeyed),
    ("MemorySize", Obeyed),
    ("PackageType", Obeyed),
    ("PublishToLatestPublished", NO_PROVIDERS),
    ("RecursiveLoop", NO_LOOPS),
    ("ReservedConcurrentExecutions", Obeyed),
    ("Role", Access),
    ("Runtime", Obeyed),
    ("RuntimeManagementConfig", OWN_RUNTIMES),
    ("SnapStart", Obeyed),
    ("Tags", Obeyed),
    ("TenancyConfig", NO_TENANTS),
    ("Timeout", Obeyed),
    ("TracingConfig", NO_TRACES),
    ("VpcConfig", NO_WALLS),
];

/// Of its `Code`.
pub(super) const CODE: Schema = &[
    ("ImageUri", NO_IMAGES),
    ("S3Bucket", Obeyed),
    ("S3Key", Obeyed),
    ("S3ObjectStorageMode", Obeyed),
    (
        "S3ObjectVersion",
        Refused("what is beside the template is used"),
    ),
    ("SourceKMSKeyArn", CODE_IN_PLAIN),
    ("ZipFile", Obeyed),
];
