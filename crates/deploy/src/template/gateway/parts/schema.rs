//! What the pieces of APIs may say, and why some of it is not obeyed.

use super::Part;
use crate::template::gateway::ONE_ADDRESS;
use crate::template::shape::{Schema, Support};
use Support::{Access, Notice, Obeyed, Refused};

const NO_LOG: &str = "accesses are not logged yet";
const NO_CACHE: &str = "answers are not cached";
const NO_CANARY: &str = "all calls go to what was deployed last";
const NO_CERTIFICATE: &str = "functions need no certificate";
const ONLY_ENDPOINT: &str = "it stays open: there is no other endpoint";
const NO_TAGS: &str = "tags of gateways are not kept";
const NOT_THROTTLED: &str = "requests are not throttled by route";
const NO_POOLS: &str = "scopes are for user pools, and there are none yet";
const NO_MAPPING: &str = "requests are not rewritten on their way";
const NO_CONVERSION: &str = "bodies are passed on as they come";

impl Part {
    /// What it may say.
    pub(crate) fn schema(self) -> Schema {
        match self {
            Self::Resource => &[
                ("ParentId", Obeyed),
                ("PathPart", Obeyed),
                ("RestApiId", Obeyed),
            ],
            Self::Method => METHOD,
            Self::Deployment => &[
                ("DeploymentCanarySettings", Notice(NO_CANARY)),
                ("Description", Obeyed),
                ("RestApiId", Obeyed),
                (
                    "StageDescription",
                    Notice("a stage is described where it is declared"),
                ),
                ("StageName", Obeyed),
            ],
            Self::Stage => STAGE,
            Self::Authorizer => AUTHORIZER,
            Self::Model => &[
                ("ContentType", Obeyed),
                ("Description", Obeyed),
                ("Name", Obeyed),
                ("RestApiId", Obeyed),
                ("Schema", Obeyed),
            ],
            Self::Validator => &[
                ("Name", Obeyed),
                ("RestApiId", Obeyed),
                ("ValidateRequestBody", Obeyed),
                ("ValidateRequestParameters", Obeyed),
            ],
            Self::Refusal => &[
                ("ResponseParameters", Obeyed),
                ("ResponseTemplates", Obeyed),
                ("ResponseType", Obeyed),
                ("RestApiId", Obeyed),
                ("StatusCode", Obeyed),
            ],
            Self::Account => &[("CloudWatchRoleArn", Notice(NO_LOG))],
            Self::WebRoute => WEB_ROUTE,
            Self::WebIntegration => WEB_INTEGRATION,
            Self::WebStage => WEB_STAGE,
            Self::WebAuthorizer => WEB_AUTHORIZER,
            Self::WebDeployment => &[
                ("ApiId", Obeyed),
                ("Description", Obeyed),
                ("StageName", Obeyed),
            ],
            Self::WebRouteResponse => &[
                ("ApiId", Obeyed),
                (
                    "ModelSelectionExpression",
                    Refused("answers are not validated"),
                ),
                ("ResponseModels", Refused("answers are not validated")),
                ("ResponseParameters", Refused(NO_MAPPING)),
                ("RouteId", Obeyed),
                ("RouteResponseKey", Obeyed),
            ],
        }
    }
}

pub(crate) const PLAIN_REST: Schema = &[
    ("ApiKeySourceType", Obeyed),
    ("BinaryMediaTypes", Obeyed),
    ("Body", Obeyed),
    (
        "BodyS3Location",
        Refused("only what stands in the template is read"),
    ),
    ("CloneFrom", Refused("there is nothing to clone")),
    ("Description", Obeyed),
    ("DisableExecuteApiEndpoint", Notice(ONLY_ENDPOINT)),
    ("EndpointConfiguration", Notice(ONE_ADDRESS)),
    ("FailOnWarnings", Obeyed),
    (
        "MinimumCompressionSize",
        Notice("answers are not compressed"),
    ),
    ("Mode", Obeyed),
    ("Name", Obeyed),
    ("Parameters", Obeyed),
    ("Policy", Access),
    ("Tags", Notice(NO_TAGS)),
];
pub(crate) const PLAIN_API: Schema = &[
    (
        "ApiKeySelectionExpression",
        Refused("keys are for REST APIs"),
    ),
    ("BasePath", Refused("there are no domains of one's own yet")),
    ("Body", Obeyed),
    (
        "BodyS3Location",
        Refused("only what stands in the template is read"),
    ),
    ("CorsConfiguration", Obeyed),
    ("CredentialsArn", Access),
    ("Description", Obeyed),
    ("DisableExecuteApiEndpoint", Notice(ONLY_ENDPOINT)),
    ("DisableSchemaValidation", Obeyed),
    ("FailOnWarnings", Obeyed),
    ("IpAddressType", Notice(ONE_ADDRESS)),
    ("Name", Obeyed),
    ("ProtocolType", Obeyed),
    ("RouteKey", Obeyed),
    ("RouteSelectionExpression", Obeyed),
    ("Tags", Notice(NO_TAGS)),
    ("Target", Obeyed),
    ("Version", Obeyed),
];
const METHOD: Schema = &[
    ("ApiKeyRequired", Obeyed),
    ("AuthorizationScopes", Refused(NO_POOLS)),
    ("AuthorizationType", Obeyed),
    ("AuthorizerId", Obeyed),
    ("HttpMethod", Obeyed),
    ("Integration", Obeyed),
    ("MethodResponses", Obeyed),
    ("OperationName", Obeyed),
    ("RequestModels", Obeyed),
    ("RequestParameters", Obeyed),
    ("RequestValidatorId", Obeyed),
    ("ResourceId", Obeyed),
    ("RestApiId", Obeyed),
];
pub(super) const INTEGRATION: Schema = &[
    ("CacheKeyParameters", Notice(NO_CACHE)),
    ("CacheNamespace", Notice(NO_CACHE)),
    ("ConnectionId", Refused("there are no private networks")),
    ("ConnectionType", Obeyed),
    ("ContentHandling", Obeyed),
    ("Credentials", Access),
    ("IntegrationHttpMethod", Obeyed),
    ("IntegrationResponses", Obeyed),
    ("PassthroughBehavior", Obeyed),
    ("RequestParameters", Obeyed),
    ("RequestTemplates", Obeyed),
    ("ResponseTransferMode", Obeyed),
    ("TimeoutInMillis", Obeyed),
    ("Type", Obeyed),
    ("Uri", Obeyed),
];
pub(super) const INTEGRATION_RESPONSE: Schema = &[
    ("ContentHandling", Obeyed),
    ("ResponseParameters", Obeyed),
    ("ResponseTemplates", Obeyed),
    ("SelectionPattern", Obeyed),
    ("StatusCode", Obeyed),
];
const STAGE: Schema = &[
    ("AccessLogSetting", Notice(NO_LOG)),
    ("CacheClusterEnabled", Notice(NO_CACHE)),
    ("CacheClusterSize", Notice(NO_CACHE)),
    ("CanarySetting", Notice(NO_CANARY)),
    ("ClientCertificateId", Notice(NO_CERTIFICATE)),
    ("DeploymentId", Obeyed),
    ("Description", Obeyed),
    ("DocumentationVersion", Obeyed),
    ("MethodSettings", Notice(NOT_THROTTLED)),
    ("RestApiId", Obeyed),
    ("StageName", Obeyed),
    ("Tags", Notice(NO_TAGS)),
    ("TracingEnabled", Notice("traces are not recorded yet")),
    ("Variables", Obeyed),
];
const AUTHORIZER: Schema = &[
    ("AuthType", Obeyed),
    ("AuthorizerCredentials", Access),
    ("AuthorizerResultTtlInSeconds", Obeyed),
    ("AuthorizerUri", Obeyed),
    ("IdentitySource", Obeyed),
    ("IdentityValidationExpression", Obeyed),
    ("Name", Obeyed),
    ("ProviderARNs", Refused("there are no user pools yet")),
    ("RestApiId", Obeyed),
    ("Type", Obeyed),
];
const WEB_ROUTE: Schema = &[
    ("ApiId", Obeyed),
    ("ApiKeyRequired", Refused("keys are for REST APIs")),
    ("AuthorizationScopes", Obeyed),
    ("AuthorizationType", Obeyed),
    ("AuthorizerId", Obeyed),
    (
        "ModelSelectionExpression",
        Refused("messages are not validated yet"),
    ),
    ("OperationName", Obeyed),
    ("RequestModels", Refused("messages are not validated yet")),
    (
        "RequestParameters",
        Refused("messages are not validated yet"),
    ),
    ("RouteKey", Obeyed),
    ("RouteResponseSelectionExpression", Obeyed),
    ("Target", Obeyed),
];
const WEB_INTEGRATION: Schema = &[
    ("ApiId", Obeyed),
    ("ConnectionId", Refused("there are no private networks")),
    ("ConnectionType", Obeyed),
    ("ContentHandlingStrategy", Refused(NO_CONVERSION)),
    ("CredentialsArn", Access),
    ("Description", Obeyed),
    ("IntegrationMethod", Obeyed),
    ("IntegrationSubtype", Obeyed),
    ("IntegrationType", Obeyed),
    ("IntegrationUri", Obeyed),
    ("PassthroughBehavior", Obeyed),
    ("PayloadFormatVersion", Obeyed),
    ("RequestParameters", Obeyed),
    ("RequestTemplates", Refused(NO_MAPPING)),
    ("ResponseParameters", Obeyed),
    ("TemplateSelectionExpression", Refused(NO_MAPPING)),
    ("TimeoutInMillis", Obeyed),
    ("TlsConfig", Refused("functions need no certificate")),
];
pub(super) const CHANGES: Schema = &[("ResponseParameters", Obeyed)];
pub(super) const CHANGE: Schema = &[("Destination", Obeyed), ("Source", Obeyed)];
const WEB_STAGE: Schema = &[
    ("AccessLogSettings", Notice(NO_LOG)),
    ("AccessPolicyId", Obeyed),
    ("ApiId", Obeyed),
    ("AutoDeploy", Obeyed),
    ("ClientCertificateId", Notice(NO_CERTIFICATE)),
    ("DefaultRouteSettings", Notice(NOT_THROTTLED)),
    ("DeploymentId", Obeyed),
    ("Description", Obeyed),
    ("RouteSettings", Notice(NOT_THROTTLED)),
    ("StageName", Obeyed),
    ("StageVariables", Obeyed),
    ("Tags", Notice(NO_TAGS)),
];
const WEB_AUTHORIZER: Schema = &[
    ("ApiId", Obeyed),
    ("AuthorizerCredentialsArn", Access),
    ("AuthorizerPayloadFormatVersion", Obeyed),
    ("AuthorizerResultTtlInSeconds", Obeyed),
    ("AuthorizerType", Obeyed),
    ("AuthorizerUri", Obeyed),
    ("EnableSimpleResponses", Obeyed),
    ("IdentitySource", Obeyed),
    ("IdentityValidationExpression", Obeyed),
    ("JwtConfiguration", Obeyed),
    ("Name", Obeyed),
];
pub(super) const WEB_JWT: Schema = &[("Audience", Obeyed), ("Issuer", Obeyed)];
