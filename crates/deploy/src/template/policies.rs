//! `Policies` of a function: managed policies by name, statements, or policy templates. Nothing enforces them yet, but
//! what is misspelt is said now and not when they are.

use crate::diagnostic::{Finding, Report};
use crate::template::nearest::did_you_mean;
use crate::template::tree::{Entry, Node, Value};

pub(crate) fn check(node: &Node, report: &Report) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| check_one(item, report)),
        _ => check_one(node, report),
    }
}

fn check_one(node: &Node, report: &Report) {
    match &node.value {
        Value::Text(_) | Value::Plain(_) | Value::Broken => {}
        Value::Map(entries) if entries.iter().any(|entry| entry.key == "Statement") => {}
        Value::Map(entries) => match entries.as_slice() {
            [template] => check_template(template, report),
            _ => report.add(
                Finding::error(node.span, "this is no policy")
                    .help("a policy has `Statement`; a policy template stands alone in its item"),
            ),
        },
        _ => report.add(
            Finding::error(node.span, "a policy is a name or a mapping")
                .why(format!("this is {}", node.kind())),
        ),
    }
}

fn check_template(template: &Entry, report: &Report) {
    let name = template.key.as_str();
    let Some((_, parameters)) = TEMPLATES.iter().find(|(known, _)| *known == name) else {
        let names = TEMPLATES.iter().map(|(name, _)| *name);
        report.add(
            Finding::error(
                template.key_span,
                format!("there is no policy template `{name}`"),
            )
            .maybe_help(did_you_mean(name, names)),
        );
        return;
    };
    let given = template.value.entries().unwrap_or_default();
    for entry in given {
        if !parameters.contains(&entry.key.as_str()) {
            report.add(
                Finding::error(
                    entry.key_span,
                    format!("`{name}` has no parameter `{}`", entry.key),
                )
                .maybe_help(did_you_mean(&entry.key, parameters.iter().copied())),
            );
        }
    }
    for parameter in *parameters {
        if !given.iter().any(|entry| entry.key == *parameter) {
            report.add(Finding::error(
                template.key_span,
                format!("`{name}` needs the parameter `{parameter}`"),
            ));
        }
    }
}

/// The policy templates and their parameters.
const TEMPLATES: &[(&str, &[&str])] = &[
    ("AMIDescribePolicy", &[]),
    ("AWSSecretsManagerGetSecretValuePolicy", &["SecretArn"]),
    ("AWSSecretsManagerRotationPolicy", &["FunctionName"]),
    ("AcmGetCertificatePolicy", &["CertificateArn"]),
    ("AthenaQueryPolicy", &["WorkGroupName"]),
    ("CloudFormationDescribeStacksPolicy", &[]),
    ("CloudWatchDashboardPolicy", &[]),
    ("CloudWatchDescribeAlarmHistoryPolicy", &[]),
    ("CloudWatchPutMetricPolicy", &[]),
    ("CodeCommitCrudPolicy", &["RepositoryName"]),
    ("CodeCommitReadPolicy", &["RepositoryName"]),
    ("CodePipelineLambdaExecutionPolicy", &[]),
    ("CodePipelineReadOnlyPolicy", &["PipelineName"]),
    ("ComprehendBasicAccessPolicy", &[]),
    ("CostExplorerReadOnlyPolicy", &[]),
    ("DynamoDBBackupFullAccessPolicy", &["TableName"]),
    ("DynamoDBCrudPolicy", &["TableName"]),
    ("DynamoDBReadPolicy", &["TableName"]),
    ("DynamoDBReconfigurePolicy", &["TableName"]),
    ("DynamoDBRestoreFromBackupPolicy", &["TableName"]),
    ("DynamoDBStreamReadPolicy", &["StreamName", "TableName"]),
    ("DynamoDBWritePolicy", &["TableName"]),
    ("EC2CopyImagePolicy", &["ImageId"]),
    ("EC2DescribePolicy", &[]),
    ("EFSWriteAccessPolicy", &["AccessPoint", "FileSystem"]),
    ("EKSDescribePolicy", &[]),
    ("EcsRunTaskPolicy", &["TaskDefinition"]),
    ("ElasticMapReduceAddJobFlowStepsPolicy", &["ClusterId"]),
    ("ElasticMapReduceCancelStepsPolicy", &["ClusterId"]),
    ("ElasticMapReduceModifyInstanceFleetPolicy", &["ClusterId"]),
    ("ElasticMapReduceModifyInstanceGroupsPolicy", &["ClusterId"]),
    (
        "ElasticMapReduceSetTerminationProtectionPolicy",
        &["ClusterId"],
    ),
    ("ElasticMapReduceTerminateJobFlowsPolicy", &["ClusterId"]),
    ("ElasticsearchHttpPostPolicy", &["DomainName"]),
    ("EventBridgePutEventsPolicy", &["EventBusName"]),
    ("FilterLogEventsPolicy", &["LogGroupName"]),
    ("FirehoseCrudPolicy", &["DeliveryStreamName"]),
    ("FirehoseWritePolicy", &["DeliveryStreamName"]),
    ("KMSDecryptPolicy", &["KeyId"]),
    ("KMSEncryptPolicy", &["KeyId"]),
    ("KMSEncryptPolicy_v2", &["KeyId"]),
    ("KinesisCrudPolicy", &["StreamName"]),
    ("KinesisStreamReadPolicy", &["StreamName"]),
    ("LambdaInvokePolicy", &["FunctionName"]),
    ("MobileAnalyticsWriteOnlyAccessPolicy", &[]),
    ("OrganizationsListAccountsPolicy", &[]),
    ("PinpointEndpointAccessPolicy", &["PinpointApplicationId"]),
    ("PollyFullAccessPolicy", &["LexiconName"]),
    ("RekognitionDetectOnlyPolicy", &[]),
    ("RekognitionFacesManagementPolicy", &["CollectionId"]),
    ("RekognitionFacesPolicy", &[]),
    ("RekognitionLabelsPolicy", &[]),
    ("RekognitionNoDataAccessPolicy", &["CollectionId"]),
    ("RekognitionReadPolicy", &["CollectionId"]),
    ("RekognitionWriteOnlyAccessPolicy", &["CollectionId"]),
    ("Route53ChangeResourceRecordSetsPolicy", &["HostedZoneId"]),
    ("S3CrudPolicy", &["BucketName"]),
    ("S3FullAccessPolicy", &["BucketName"]),
    ("S3ReadPolicy", &["BucketName"]),
    ("S3WritePolicy", &["BucketName"]),
    ("SESBulkTemplatedCrudPolicy", &["IdentityName"]),
    (
        "SESBulkTemplatedCrudPolicy_v2",
        &["IdentityName", "TemplateName"],
    ),
    ("SESCrudPolicy", &["IdentityName"]),
    ("SESEmailTemplateCrudPolicy", &[]),
    ("SESSendBouncePolicy", &["IdentityName"]),
    ("SNSCrudPolicy", &["TopicName"]),
    ("SNSPublishMessagePolicy", &["TopicName"]),
    ("SQSPollerPolicy", &["QueueName"]),
    ("SQSSendMessagePolicy", &["QueueName"]),
    ("SSMParameterReadPolicy", &["ParameterName"]),
    ("SSMParameterWithSlashPrefixReadPolicy", &["ParameterName"]),
    (
        "SageMakerCreateEndpointConfigPolicy",
        &["EndpointConfigName"],
    ),
    ("SageMakerCreateEndpointPolicy", &["EndpointName"]),
    ("ServerlessRepoReadWriteAccessPolicy", &[]),
    ("StepFunctionsCallbackPolicy", &["StateMachineName"]),
    ("StepFunctionsExecutionPolicy", &["StateMachineName"]),
    ("StepFunctionsExecutionPolicy_v2", &["StateMachineName"]),
    ("TextractDetectAnalyzePolicy", &[]),
    ("TextractGetResultPolicy", &[]),
    ("TextractPolicy", &[]),
    ("VPCAccessPolicy", &[]),
];
