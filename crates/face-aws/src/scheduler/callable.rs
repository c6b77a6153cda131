//! Universal targets that are called: what changes something in the services that are here.
//!
//! The call is made behind the transaction that takes what is due, by whoever works on what leaves transactions, and
//! made again until it is done or in vain. So it is made once at least, as in the service.

use bytes::Bytes;
use http::request::Parts as Head;
use serde_json::{Map, Value};
use triggers::{Call, Declined};

use super::error::invalid;
use super::object::Object;
use super::universal::Universal;
use crate::callees::{Callee, Callees};
use crate::context::Context;
use crate::protocol::Fault;

/// What of an answer is read.
const LARGEST_ANSWER: base::ByteSize = base::ByteSize::mib(17);

/// As they stand behind `aws-sdk:`, each with its operations. What only reads is called by no schedule, in the service
/// either.
const ALL: [(&str, Callee, &[&str]); 7] = [
    (
        "dynamodb",
        Callee::Tables,
        &[
            "batchExecuteStatement",
            "batchWriteItem",
            "createTable",
            "deleteItem",
            "deleteResourcePolicy",
            "deleteTable",
            "executeStatement",
            "executeTransaction",
            "exportTableToPointInTime",
            "importTable",
            "putItem",
            "putResourcePolicy",
            "tagResource",
            "transactWriteItems",
            "untagResource",
            "updateContinuousBackups",
            "updateItem",
            "updateTable",
            "updateTimeToLive",
        ],
    ),
    (
        "sqs",
        Callee::Queues,
        &[
            "addPermission",
            "cancelMessageMoveTask",
            "changeMessageVisibility",
            "changeMessageVisibilityBatch",
            "createQueue",
            "deleteMessage",
            "deleteMessageBatch",
            "deleteQueue",
            "purgeQueue",
            "removePermission",
            "sendMessageBatch",
            "setQueueAttributes",
            "startMessageMoveTask",
            "tagQueue",
            "untagQueue",
        ],
    ),
    (
        "sns",
        Callee::Topics,
        &[
            "addPermission",
            "confirmSubscription",
            "createPlatformApplication",
            "createPlatformEndpoint",
            "createSMSSandboxPhoneNumber",
            "createTopic",
            "deleteEndpoint",
            "deletePlatformApplication",
            "deleteSMSSandboxPhoneNumber",
            "deleteTopic",
            "publishBatch",
            "removePermission",
            "setEndpointAttributes",
            "setPlatformApplicationAttributes",
            "setSMSAttributes",
            "setSubscriptionAttributes",
            "setTopicAttributes",
            "subscribe",
            "tagResource",
            "unsubscribe",
            "untagResource",
            "verifySMSSandboxPhoneNumber",
        ],
    ),
    (
        "eventbridge",
        Callee::Buses,
        &[
            "cancelReplay",
            "createApiDestination",
            "createArchive",
            "createConnection",
            "createEventBus",
            "deauthorizeConnection",
            "deleteApiDestination",
            "deleteArchive",
            "deleteConnection",
            "deleteEventBus",
            "deleteRule",
            "disableRule",
            "enableRule",
            "putPermission",
            "putRule",
            "putTargets",
            "removePermission",
            "removeTargets",
            "startReplay",
            "tagResource",
            "untagResource",
            "updateApiDestination",
            "updateArchive",
            "updateConnection",
            "updateEventBus",
        ],
    ),
    (
        "scheduler",
        Callee::Schedules,
        &[
            "createSchedule",
            "createScheduleGroup",
            "deleteSchedule",
            "deleteScheduleGroup",
            "tagResource",
            "untagResource",
            "updateSchedule",
        ],
    ),
    (
        "cloudwatchlogs",
        Callee::Lines,
        &[
            "createLogGroup",
            "createLogStream",
            "deleteLogGroup",
            "deleteLogStream",
            "deleteRetentionPolicy",
            "deleteSubscriptionFilter",
            "putLogEvents",
            "putRetentionPolicy",
            "putSubscriptionFilter",
            "tagResource",
            "untagResource",
        ],
    ),
    (
        "lambda",
        Callee::Functions,
        &[
            "addLayerVersionPermission",
            "addPermission",
            "createAlias",
            "createEventSourceMapping",
            "createFunction",
            "createFunctionUrlConfig",
            "deleteAlias",
            "deleteEventSourceMapping",
            "deleteFunction",
            "deleteFunctionCodeSigningConfig",
            "deleteFunctionConcurrency",
            "deleteFunctionEventInvokeConfig",
            "deleteFunctionUrlConfig",
            "deleteLayerVersion",
            "deleteProvisionedConcurrencyConfig",
            "deleteResourcePolicy",
            "invokeAsync",
            "publishLayerVersion",
            "publishVersion",
            "putFunctionCodeSigningConfig",
            "putFunctionConcurrency",
            "putFunctionEventInvokeConfig",
            "putFunctionRecursionConfig",
            "putProvisionedConcurrencyConfig",
            "putResourcePolicy",
            "putRuntimeManagementConfig",
            "removeLayerVersionPermission",
            "removePermission",
            "tagResource",
            "untagResource",
            "updateAlias",
            "updateEventSourceMapping",
            "updateFunctionCode",
            "updateFunctionConfiguration",
            "updateFunctionEventInvokeConfig",
            "updateFunctionUrlConfig",
        ],
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callable {
    /// By its service's model.
    Modelled(Modelled),
    Object(Object),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Modelled {
    service: &'static str,
    of: Callee,
    operation: &'static str,
}

impl Callable {
    pub(super) fn named(text: &str) -> Option<Self> {
        let object = Object::named(text).map(Self::Object);
        object.or_else(|| Modelled::named(text).map(Self::Modelled))
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Modelled(operation) => format!("{}:{}", operation.service, operation.operation),
            Self::Object(operation) => operation.name().to_owned(),
        }
    }

    /// Whether the service would understand it.
    pub(super) fn check(self, input: &str) -> Result<(), Fault> {
        match self {
            Self::Modelled(operation) => operation.check(input),
            Self::Object(operation) => operation.check(input),
        }
    }
}

impl Modelled {
    fn named(text: &str) -> Option<Self> {
        let (service, operation) = text.split_once(':')?;
        let (service, of, operations) = ALL.into_iter().find(|(name, ..)| *name == service)?;
        let operation = operations.iter().find(|known| **known == operation)?;
        Some(Self {
            service,
            of,
            operation,
        })
    }

    fn check(self, input: &str) -> Result<(), Fault> {
        let (head, body) = self.request(input.as_bytes())?;
        let read = self.of.service().read(&head, body);
        read.map(drop).map_err(|fault| {
            let why = fault.message.unwrap_or_else(|| fault.code.into_owned());
            invalid(format!("Provided Input is not valid: {why}"))
        })
    }

    /// As clients make it.
    fn request(self, input: &[u8]) -> Result<(Head, Bytes), Fault> {
        let input: Map<String, Value> = serde_json::from_slice(input)
            .map_err(|cause| invalid(format!("Provided Input is not valid: {cause}.")))?;
        let mut chars = self.operation.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        let operation: String = first.into_iter().chain(chars).collect();
        let request = self.of.service().request(&operation, input);
        request.ok_or_else(|| {
            invalid("Provided Input is not valid: it lacks what the operation is about.")
        })
    }
}

/// All that can be called by `aws-sdk:`.
pub fn universal_targets() -> impl Iterator<Item = String> {
    let sending = Universal::ALL.into_iter().map(|(name, _)| name.to_owned());
    let called = ALL.into_iter().flat_map(|(service, _, operations)| {
        let operations = operations.iter();
        operations.map(move |operation| format!("{service}:{operation}"))
    });
    let objects = Object::names().map(str::to_owned);
    sending.chain(called).chain(objects)
}

/// Calls an operation as its schedule's owner, whoever that is here.
pub(crate) async fn call(callees: &Callees, context: &Context, call: Call) -> Result<(), Declined> {
    let Some(operation) = Callable::named(&call.operation.name) else {
        return Err(Declined {
            code: "NotImplementedException".to_owned(),
            message: format!("the universal target {}", call.operation.name),
            again: false,
        });
    };
    let answer = match operation {
        Callable::Modelled(operation) => ask(callees, context, operation, &call.input).await,
        Callable::Object(operation) => put(callees, context, operation, &call.input).await,
    };
    let answer = answer.map_err(|fault| Declined {
        code: fault.code.into_owned(),
        message: fault.message.unwrap_or_default(),
        again: false,
    })?;
    let (head, body) = answer.into_parts();
    if head.status.is_success() {
        return Ok(());
    }
    let body = wire::collect(body, LARGEST_ANSWER).await;
    Err(declined(&head, &body.unwrap_or_default()))
}

async fn ask(
    callees: &Callees,
    context: &Context,
    operation: Modelled,
    input: &[u8],
) -> Result<wire::Response, Fault> {
    let (head, body) = operation.request(input)?;
    Ok(callees.ask(context, operation.of, &head, body).await)
}

async fn put(
    callees: &Callees,
    context: &Context,
    object: Object,
    input: &[u8],
) -> Result<wire::Response, Fault> {
    let asking = object.asking(input)?;
    callees.objects.ask(&context.region, asking).await
}

/// What its answer says.
fn declined(head: &http::response::Parts, body: &[u8]) -> Declined {
    let (code, message) = match serde_json::from_slice::<Value>(body) {
        Ok(said) => {
            let text = |names: [&str; 2]| {
                let mut found = names.iter().filter_map(|name| said.get(name)?.as_str());
                found.next().unwrap_or_default().to_owned()
            };
            (text(["__type", "code"]), text(["message", "Message"]))
        }
        Err(_) => of_page(body),
    };
    // Where the protocol has it outside of the body.
    let typed = head.headers.get("x-amzn-errortype");
    let typed = typed.and_then(|code| code.to_str().ok());
    let code = if code.is_empty() {
        typed.unwrap_or_default()
    } else {
        &code
    };
    let code = code.rsplit('#').next().unwrap_or_default().to_owned();
    // What is missing may come to be, and load may pass.
    let passing = [
        "Throttl",
        "TooManyRequests",
        "ThroughputExceeded",
        "LimitExceeded",
        "Conflict",
        "InProgress",
        "NotFound",
        "DoesNotExist",
        "NoSuch",
    ];
    Declined {
        again: head.status.is_server_error() && head.status != http::StatusCode::NOT_IMPLEMENTED
            || passing.iter().any(|word| code.contains(word)),
        message,
        code,
    }
}

/// The code and the message of an answer in XML.
fn of_page(body: &[u8]) -> (String, String) {
    let page = String::from_utf8_lossy(body);
    let text = |name: &str| {
        let (_, rest) = page.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        let text = quick_xml::escape::unescape(text).ok()?;
        Some(text.into_owned())
    };
    (
        text("Code").unwrap_or_default(),
        text("Message").unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which file does what, as that file says it.
    fn built(of: Callee) -> &'static str {
        match of {
            Callee::Tables => include_str!("../dynamodb/operations.rs"),
            Callee::Queues => include_str!("../sqs.rs"),
            Callee::Topics => include_str!("../sns/operations.rs"),
            Callee::Buses => include_str!("../events/operations.rs"),
            Callee::Schedules => include_str!("operations.rs"),
            Callee::Lines => include_str!("../logs/operations.rs"),
            Callee::Functions => include_str!("../lambda/operations.rs"),
        }
    }

    #[test]
    fn each_is_built_and_an_operation_of_its_service() {
        // As the manual lists what only reads.
        let reading = [
            "get",
            "describe",
            "list",
            "poll",
            "receive",
            "search",
            "scan",
            "query",
            "select",
            "read",
            "lookup",
            "discover",
            "validate",
            "batchGet",
            "batchDescribe",
            "transactGet",
        ];
        for (service, of, operations) in ALL {
            for operation in operations {
                let (first, rest) = operation.split_at(1);
                let name = format!("{}{rest}", first.to_uppercase());
                let known = built(of).contains(&format!("\"{name}\""));
                assert!(known, "{service}:{operation} is not built");
                let reads = reading.iter().any(|word| operation.starts_with(word));
                assert!(!reads, "{service}:{operation}");
            }
        }
        assert_eq!(Callable::named("dynamodb:getItem"), None);
        assert_eq!(Callable::named("dynamodb"), None);
    }

    #[test]
    fn what_the_service_would_not_understand_is_refused() {
        for (name, good) in [
            (
                "dynamodb:putItem",
                r#"{"TableName": "table", "Item": {"k": {"S": "<aws.scheduler.scheduled-time>"}}}"#,
            ),
            (
                "lambda:putFunctionConcurrency",
                r#"{"FunctionName": "f/x", "ReservedConcurrentExecutions": 3}"#,
            ),
            (
                "cloudwatchlogs:putLogEvents",
                r#"{"LogGroupName": "g", "LogStreamName": "s", "LogEvents": [{"Timestamp": 1, "Message": "m"}]}"#,
            ),
            ("eventbridge:disableRule", r#"{"Name": "r"}"#),
            (
                "sns:setTopicAttributes",
                r#"{"TopicArn": "t", "AttributeName": "DisplayName", "AttributeValue": "a&b"}"#,
            ),
        ] {
            let good = good.replace("f/x", "f");
            let callable = Callable::named(name).unwrap();
            callable.check(&good).unwrap();
            for bad in ["", "{}", "[]"] {
                let fault = callable.check(bad).unwrap_err();
                assert_eq!(fault.code, "ValidationException", "{name} {bad}");
            }
        }
        let put = Callable::named("dynamodb:putItem").unwrap();
        let fault = put.check(r#"{"TableName": 1, "Item": {}}"#).unwrap_err();
        assert_eq!(fault.code, "ValidationException");
    }

    #[test]
    fn a_request_says_what_the_input_does_in_every_protocol() {
        let read = |name: &str, input: Value| {
            let callable = Modelled::named(name).unwrap();
            let (head, body) = callable.request(input.to_string().as_bytes()).unwrap();
            let call = callable.of.service().read(&head, body).unwrap();
            (call.operation.name, Value::Object(call.input))
        };
        let input = serde_json::json!({
            "TopicArn": "arn:aws:sns:us-east-1:000000000000:t&t",
            "Protocol": "sqs",
            "Endpoint": "e",
            "Attributes": { "RawMessageDelivery": "true", "FilterPolicy": "{\"a\": [1]}" },
            "ReturnSubscriptionArn": true,
        });
        assert_eq!(read("sns:subscribe", input.clone()), ("Subscribe", input));
        let input = serde_json::json!({
            "TopicArn": "t",
            "PublishBatchRequestEntries": [
                { "Id": "1", "Message": "a=b", "MessageAttributes": { "k": { "DataType": "String", "StringValue": "v" } } },
                { "Id": "2", "Message": "c" },
            ],
        });
        assert_eq!(
            read("sns:publishBatch", input.clone()),
            ("PublishBatch", input)
        );
        let input = serde_json::json!({
            "FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "Qualifier": "live",
            "ProvisionedConcurrentExecutions": 2,
        });
        let name = "lambda:putProvisionedConcurrencyConfig";
        assert_eq!(
            read(name, input.clone()),
            ("PutProvisionedConcurrencyConfig", input)
        );
        let input = serde_json::json!({
            "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "TagKeys": ["a", "b c"],
        });
        assert_eq!(
            read("lambda:untagResource", input.clone()),
            ("UntagResource", input)
        );
        let written = serde_json::json!({ "LogGroupName": "g", "RetentionInDays": 3 });
        let expected = serde_json::json!({ "logGroupName": "g", "retentionInDays": 3 });
        assert_eq!(
            read("cloudwatchlogs:putRetentionPolicy", written),
            ("PutRetentionPolicy", expected)
        );
    }

    #[test]
    fn an_answer_says_whether_it_is_worth_asking_again() {
        let head = |status: u16, code: Option<&str>| {
            let mut answer = http::Response::builder().status(status);
            if let Some(code) = code {
                answer = answer.header("x-amzn-errortype", code);
            }
            answer.body(()).unwrap().into_parts().0
        };
        let of = |status: u16, code: &str| {
            let body = serde_json::json!({ "__type": format!("com.x#{code}"), "message": "m" });
            declined(&head(status, None), body.to_string().as_bytes())
        };
        let wrong = of(400, "ValidationException");
        let expected = Declined {
            code: "ValidationException".into(),
            message: "m".into(),
            again: false,
        };
        assert_eq!(wrong, expected);
        assert!(of(400, "ResourceNotFoundException").again);
        assert!(of(400, "ProvisionedThroughputExceededException").again);
        assert!(of(500, "InternalServerError").again);
        assert!(!of(501, "NotImplementedException").again);
        let page = b"<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no &lt;t&gt;</Message></Error></ErrorResponse>";
        let expected = Declined {
            code: "NotFound".into(),
            message: "no <t>".into(),
            again: true,
        };
        assert_eq!(declined(&head(404, None), page), expected);
        let typed = head(409, Some("ResourceConflictException"));
        assert_eq!(
            declined(&typed, b"{\"Message\": \"m\"}").code,
            "ResourceConflictException"
        );
    }
}
