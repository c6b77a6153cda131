//! What would keep others from what is stored, from the code and from what answers requests.

use super::{Aside, ID, NAME, idle};
use crate::template::declared::Attribute::Made;
use crate::template::shape::Support::{Access, Obeyed};

const UNENCRYPTED: &str =
    "what is stored is not encrypted, and there is no service that does it for functions";
const UNFILTERED: &str = "requests are not filtered";
const UNSIGNED: &str = "signatures of code are not checked";

pub(super) const ALL: &[Aside] = &[
    Aside {
        type_name: "AWS::KMS::Alias",
        name: Some("AliasName"),
        properties: &idle(["AliasName", "TargetKeyId"]),
        reference: NAME,
        attributes: &[],
        why: Some(UNENCRYPTED),
    },
    Aside {
        type_name: "AWS::KMS::Key",
        name: None,
        properties: &idle([
            "BypassPolicyLockoutSafetyCheck",
            "Description",
            "EnableKeyRotation",
            "Enabled",
            "KeyPolicy",
            "KeySpec",
            "KeyUsage",
            "MultiRegion",
            "Origin",
            "PendingWindowInDays",
            "RotationPeriodInDays",
            "Tags",
        ]),
        reference: ID,
        attributes: &[
            (
                "Arn",
                Made("arn:{partition}:kms:{region}:{account}:key/{id}"),
            ),
            ("KeyId", Made(ID)),
        ],
        why: Some(UNENCRYPTED),
    },
    Aside {
        type_name: "AWS::Lambda::CodeSigningConfig",
        name: None,
        properties: &idle([
            "AllowedPublishers",
            "CodeSigningPolicies",
            "Description",
            "Tags",
        ]),
        reference: "arn:{partition}:lambda:{region}:{account}:code-signing-config:csc-{short}",
        attributes: &[
            (
                "CodeSigningConfigArn",
                Made("arn:{partition}:lambda:{region}:{account}:code-signing-config:csc-{short}"),
            ),
            ("CodeSigningConfigId", Made("csc-{short}")),
        ],
        why: Some(UNSIGNED),
    },
    Aside {
        type_name: "AWS::Lambda::LayerVersionPermission",
        name: None,
        properties: &[
            ("Action", Access),
            ("LayerVersionArn", Obeyed),
            ("OrganizationId", Access),
            ("Principal", Access),
        ],
        reference: NAME,
        attributes: &[("Id", Made(NAME))],
        why: None,
    },
    Aside {
        type_name: "AWS::Serverless::Connector",
        name: None,
        properties: &[
            ("Destination", Obeyed),
            ("Permissions", Access),
            ("Source", Obeyed),
            ("SourceReference", Obeyed),
        ],
        reference: NAME,
        attributes: &[],
        why: None,
    },
    Aside {
        type_name: "AWS::Signer::SigningProfile",
        name: None,
        properties: &idle([
            "PlatformId",
            "ProfileName",
            "SignatureValidityPeriod",
            "Tags",
        ]),
        reference: "arn:{partition}:signer:{region}:{account}:/signing-profiles/{short}",
        attributes: &[
            (
                "Arn",
                Made("arn:{partition}:signer:{region}:{account}:/signing-profiles/{short}"),
            ),
            ("ProfileName", Made("{short}")),
            ("ProfileVersion", Made("{short}")),
            (
                "ProfileVersionArn",
                Made("arn:{partition}:signer:{region}:{account}:/signing-profiles/{short}/{short}"),
            ),
        ],
        why: Some(UNSIGNED),
    },
    Aside {
        type_name: "AWS::WAFv2::IPSet",
        name: Some("Name"),
        properties: &idle([
            "Addresses",
            "Description",
            "IPAddressVersion",
            "Name",
            "Scope",
            "Tags",
        ]),
        reference: "{name}|{id}|REGIONAL",
        attributes: &[
            (
                "Arn",
                Made("arn:{partition}:wafv2:{region}:{account}:regional/ipset/{name}/{id}"),
            ),
            ("Id", Made(ID)),
        ],
        why: Some(UNFILTERED),
    },
    Aside {
        type_name: "AWS::WAFv2::LoggingConfiguration",
        name: None,
        properties: &idle([
            "LogDestinationConfigs",
            "LoggingFilter",
            "RedactedFields",
            "ResourceArn",
        ]),
        reference: NAME,
        attributes: &[],
        why: Some(UNFILTERED),
    },
    Aside {
        type_name: "AWS::WAFv2::RegexPatternSet",
        name: Some("Name"),
        properties: &idle([
            "Description",
            "Name",
            "RegularExpressionList",
            "Scope",
            "Tags",
        ]),
        reference: "{name}|{id}|REGIONAL",
        attributes: &[
            (
                "Arn",
                Made(
                    "arn:{partition}:wafv2:{region}:{account}:regional/regexpatternset/{name}/{id}",
                ),
            ),
            ("Id", Made(ID)),
        ],
        why: Some(UNFILTERED),
    },
    Aside {
        type_name: "AWS::WAFv2::RuleGroup",
        name: Some("Name"),
        properties: &idle([
            "AvailableLabels",
            "Capacity",
            "ConsumedLabels",
            "CustomResponseBodies",
            "Description",
            "Name",
            "Rules",
            "Scope",
            "Tags",
            "VisibilityConfig",
        ]),
        reference: "{name}|{id}|REGIONAL",
        attributes: &[
            (
                "Arn",
                Made("arn:{partition}:wafv2:{region}:{account}:regional/rulegroup/{name}/{id}"),
            ),
            ("Id", Made(ID)),
        ],
        why: Some(UNFILTERED),
    },
    Aside {
        type_name: "AWS::WAFv2::WebACL",
        name: Some("Name"),
        properties: &idle([
            "ApplicationConfig",
            "AssociationConfig",
            "CaptchaConfig",
            "ChallengeConfig",
            "CustomResponseBodies",
            "DataProtectionConfig",
            "DefaultAction",
            "Description",
            "Name",
            "OnSourceDDoSProtectionConfig",
            "Rules",
            "Scope",
            "Tags",
            "TokenDomains",
            "VisibilityConfig",
        ]),
        reference: "{name}|{id}|REGIONAL",
        attributes: &[
            (
                "Arn",
                Made("arn:{partition}:wafv2:{region}:{account}:regional/webacl/{name}/{id}"),
            ),
            ("Id", Made(ID)),
        ],
        why: Some(UNFILTERED),
    },
    Aside {
        type_name: "AWS::WAFv2::WebACLAssociation",
        name: None,
        properties: &idle(["ResourceArn", "WebACLArn"]),
        reference: NAME,
        attributes: &[],
        why: Some(UNFILTERED),
    },
];
