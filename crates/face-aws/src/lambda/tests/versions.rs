//! Versions, aliases, layers, provisioned concurrency and what is set for whole functions.

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
const LAYERS: &str = "/2018-10-31/layers";

fn says(text: &str) -> String {
    format!(
        "exports.handler = async (event, context) => ({{ text: {text:?}, version: context.functionVersion, arn: context.invokedFunctionArn, env: process.env.AWS_LAMBDA_FUNCTION_VERSION, stream: context.logStreamName, why: process.env.AWS_LAMBDA_INITIALIZATION_TYPE, trace: process.env._X_AMZN_TRACE_ID }});"
    )
}

impl World {
    async fn change_code(&self, text: &str) -> Value {
        let code = json!({ "ZipFile": zip(&says(text)) });
        self.put("/f/code", &code).await.json()
    }

    async fn publish(&self, input: Value) -> Answer {
        self.post("/f/versions", &input).await
    }

    async fn said(&self, qualified: &str) -> Value {
        let answer = self.invoke(qualified, &[], "{}").await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()
    }
}

#[tokio::test]
async fn versions_are_published_called_listed_and_deleted() {
    let world = World::new().await;
    let created = world
        .deploy("f", &says("one"), json!({ "Publish": true }))
        .await
        .json();
    assert_eq!(
        (&created["Version"], &created["FunctionArn"]),
        (&json!("1"), &json!(ARN))
    );
    let same = world.publish(json!({})).await.json();
    assert_eq!(same["Version"], "1");
    assert_eq!(same["FunctionArn"], format!("{ARN}:1"));
    let changed = world.change_code("two").await;

    let wrong = world
        .publish(json!({ "CodeSha256": created["CodeSha256"] }))
        .await;
    let (status, code, message) = wrong.error();
    assert_eq!((status, code), (400, "InvalidParameterValueException"));
    let current = changed["CodeSha256"].as_str().unwrap();
    assert!(
        message.ends_with(&format!(
            "CodeSHA256 in $LATEST ({current}). Please try again with the CodeSHA256 in $LATEST."
        )),
        "{message}"
    );
    let stale = world
        .publish(json!({ "RevisionId": created["RevisionId"] }))
        .await;
    assert_eq!(stale.error().1, "PreconditionFailedException");
    let second = world
        .publish(json!({ "CodeSha256": current, "Description": "the second" }))
        .await;
    assert_eq!(second.status, 201);
    let second = second.json();
    assert_eq!(
        (&second["Version"], &second["Description"]),
        (&json!("2"), &json!("the second"))
    );

    let answer = world.invoke("f:1", &[], "{}").await;
    assert_eq!(answer.header("x-amz-executed-version"), "1");
    let said = answer.json();
    assert_eq!(
        (&said["text"], &said["version"], &said["env"]),
        (&json!("one"), &json!("1"), &json!("1"))
    );
    assert_eq!(said["arn"], format!("{ARN}:1"));
    assert!(said["stream"].as_str().unwrap().contains("/[1]"), "{said}");
    assert_eq!(world.said("f").await["text"], "two");
    let path = format!("{FUNCTIONS}/f/invocations?Qualifier=2");
    let by_query = world.send(Method::POST, &path, &[], "{}").await;
    assert_eq!(by_query.header("x-amz-executed-version"), "2");

    let listed = world.get("/f/versions").await.json();
    let versions: Vec<_> = listed["Versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Version"].clone())
        .collect();
    assert_eq!(versions, ["$LATEST", "1", "2"]);
    assert_eq!(
        listed["Versions"][0]["FunctionArn"],
        format!("{ARN}:$LATEST")
    );
    let page = world.get("/f/versions?MaxItems=2").await.json();
    let marker = page["NextMarker"].as_str().unwrap().replace('=', "%3D");
    let rest = world
        .get(&format!("/f/versions?Marker={marker}"))
        .await
        .json();
    assert_eq!(rest["Versions"].as_array().unwrap().len(), 1);
    let all = world.get("?FunctionVersion=ALL").await.json();
    assert_eq!(all["Functions"].as_array().unwrap().len(), 3);

    let got = world.get("/f?Qualifier=1").await.json();
    assert_eq!(got["Configuration"]["CodeSha256"], created["CodeSha256"]);
    let location = got["Code"]["Location"].as_str().unwrap();
    let path = location.strip_prefix("http://localhost:4566").unwrap();
    let package = world.send(Method::GET, path, &[], "").await;
    assert_eq!(STANDARD.encode(&package.body), zip(&says("one")));
    let missing = world.get("/f/configuration?Qualifier=7").await;
    assert_eq!(
        missing.error(),
        (
            404,
            "ResourceNotFoundException",
            format!("Function not found: {ARN}:7")
        )
    );

    let third = world
        .put(
            "/f/code",
            &json!({ "ZipFile": zip(&says("three")), "Publish": true }),
        )
        .await
        .json();
    assert_eq!(
        (&third["Version"], &third["FunctionArn"]),
        (&json!("3"), &json!(format!("{ARN}:3")))
    );
    let refused = world
        .put("/f:1/code", &json!({ "ZipFile": zip("x") }))
        .await;
    assert_eq!(refused.error().1, "InvalidParameterValueException");

    let delete = |query: &'static str| {
        let world = &world;
        async move {
            let path = format!("{FUNCTIONS}/f{query}");
            world.send(Method::DELETE, &path, &[], "").await
        }
    };
    let latest = delete("?Qualifier=$LATEST").await.error().2;
    assert!(
        latest.starts_with("$LATEST version cannot be deleted"),
        "{latest}"
    );
    assert_eq!(delete("?Qualifier=1").await.status, 204);
    assert_eq!(world.get("/f?Qualifier=1").await.status, 404);
    assert_eq!(world.said("f:2").await["text"], "two");
    assert_eq!(delete("").await.status, 204);
    assert_eq!(world.get("/f?Qualifier=2").await.status, 404);
}

#[tokio::test]
async fn aliases_are_made_moved_weighted_and_deleted() {
    let world = World::new().await;
    let create = |input: Value| {
        let world = &world;
        async move { world.post("/f/aliases", &input).await }
    };
    let live = json!({ "Name": "live", "FunctionVersion": "1", "Description": "what runs" });
    let (status, _, message) = create(live.clone()).await.error();
    assert_eq!(
        (status, message),
        (404, format!("Function not found: {ARN}"))
    );
    world.deploy("f", &says("one"), json!({})).await;
    assert_eq!(
        create(live.clone()).await.error().2,
        format!("Function not found: {ARN}:1")
    );
    world.publish(json!({})).await;
    world.change_code("two").await;
    world.publish(json!({})).await;
    let created = create(live.clone()).await;
    assert_eq!(created.status, 201);
    let created = created.json();
    assert_eq!(created["AliasArn"], format!("{ARN}:live"));
    let again = create(live).await;
    assert_eq!(
        again.error(),
        (
            409,
            "ResourceConflictException",
            format!("Alias already exists: {ARN}:live")
        )
    );
    for (weights, message) in [
        (
            json!({ "1": 0.5 }),
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
        (
            json!({ "2": 0.5, "3": 0.1 }),
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        (
            json!({ "9": 0.5 }),
            "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f:9",
        ),
    ] {
        let input = json!({ "Name": "bad", "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": weights } });
        assert_eq!(create(input).await.error().2, message);
    }
    let heavy = json!({ "Name": "bad", "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { "2": 1.5 } } });
    assert_eq!(create(heavy).await.error().1, "ValidationException");
    let latest = json!({ "Name": "bad", "FunctionVersion": "$LATEST", "RoutingConfig": { "AdditionalVersionWeights": { "2": 0.5 } } });
    assert_eq!(
        create(latest).await.error().2,
        "$LATEST is not supported for an alias pointing to more than 1 version"
    );
    assert_eq!(
        create(json!({ "Name": "7", "FunctionVersion": "1" }))
            .await
            .status,
        400
    );

    let answer = world.invoke("f:live", &[], "{}").await;
    assert_eq!(answer.header("x-amz-executed-version"), "1");
    assert_eq!(answer.json()["arn"], format!("{ARN}:live"));
    let update = json!({ "FunctionVersion": "2", "RevisionId": created["RevisionId"] });
    let moved = world.put("/f/aliases/live", &update).await.json();
    assert_eq!(
        (&moved["FunctionVersion"], &moved["Description"]),
        (&json!("2"), &json!("what runs"))
    );
    assert_eq!(
        world.put("/f/aliases/live", &update).await.error().1,
        "PreconditionFailedException"
    );
    assert_eq!(world.said("f:live").await["text"], "two");
    let routing = json!({ "RoutingConfig": { "AdditionalVersionWeights": { "1": 0.5 } } });
    let both = world.put("/f/aliases/live", &routing).await.json();
    assert_eq!(both["RoutingConfig"]["AdditionalVersionWeights"]["1"], 0.5);
    let mut first = 0;
    for _ in 0..40 {
        first += u32::from(world.said("f:live").await["text"] == "one");
    }
    assert!((5..35).contains(&first), "{first} of 40");
    let got = world.get("/f?Qualifier=live").await.json();
    assert_eq!(got["Configuration"]["Version"], "2");
    assert_eq!(got["Configuration"]["FunctionArn"], format!("{ARN}:live"));

    let named = world
        .send(
            Method::DELETE,
            &format!("{FUNCTIONS}/f?Qualifier=1"),
            &[],
            "",
        )
        .await;
    let in_use = "Unable to delete version because the following aliases reference it: [live]";
    assert_eq!(
        named.error(),
        (409, "ResourceConflictException", in_use.into())
    );
    let alone = world
        .put("/f/aliases/live", &json!({ "RoutingConfig": {} }))
        .await
        .json();
    assert!(alone.get("RoutingConfig").is_none(), "{alone}");
    let listed = world.get("/f/aliases?FunctionVersion=2").await.json();
    assert_eq!(listed["Aliases"].as_array().unwrap().len(), 1);
    assert_eq!(
        world.get("/f/aliases?FunctionVersion=1").await.json()["Aliases"],
        json!([])
    );

    // What belongs to a qualifier belongs to it alone.
    let permission = json!({ "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com" });
    assert_eq!(
        world
            .post("/f/policy?Qualifier=live", &permission)
            .await
            .status,
        201
    );
    let policy = world.get("/f/policy?Qualifier=live").await.json();
    assert!(
        policy["Policy"]
            .as_str()
            .unwrap()
            .contains(&format!("{ARN}:live"))
    );
    assert_eq!(world.get("/f/policy").await.status, 404);
    let settings = "/2019-09-25/functions/f/event-invoke-config";
    let body = json!({ "MaximumRetryAttempts": 1 }).to_string();
    let path = format!("{settings}?Qualifier=live");
    let set = world
        .send(Method::PUT, &path, &[], body.clone())
        .await
        .json();
    assert_eq!(set["FunctionArn"], format!("{ARN}:live"));
    assert_eq!(world.send(Method::GET, settings, &[], "").await.status, 404);
    world.send(Method::PUT, settings, &[], body).await;
    let listed = world
        .send(Method::GET, &format!("{settings}/list"), &[], "")
        .await
        .json();
    assert_eq!(
        listed["FunctionEventInvokeConfigs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let alias = format!("{FUNCTIONS}/f/aliases/live");
    assert_eq!(
        world.send(Method::DELETE, &alias, &[], "").await.status,
        204
    );
    assert_eq!(
        world.get("/f/aliases/live").await.error().2,
        format!("Cannot find alias arn: {ARN}:live")
    );
    assert_eq!(
        world.put("/f/aliases/live", &update).await.error().2,
        format!("Alias not found: {ARN}:live")
    );
    assert_eq!(
        world.invoke("f:live", &[], "{}").await.error().2,
        format!("Function not found: {ARN}:live")
    );
}

fn layer_zip(files: &[(&str, &str)]) -> String {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    STANDARD.encode(writer.finish().unwrap().into_inner())
}

impl World {
    async fn publish_layer(&self, name: &str, files: &[(&str, &str)]) -> Value {
        let input = json!({
            "Content": { "ZipFile": layer_zip(files) },
            "CompatibleRuntimes": ["nodejs20.x"],
            "LicenseInfo": "MIT",
        });
        let path = format!("{LAYERS}/{name}/versions");
        let answer = self.send(Method::POST, &path, &[], input.to_string()).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.json()
    }
}

#[tokio::test]
async fn layers_are_published_used_and_deleted() {
    let world = World::new().await;
    let module = |text: &str| format!("module.exports = {text:?};");
    let first = world
        .publish_layer(
            "words",
            &[("nodejs/node_modules/word/index.js", &module("first"))],
        )
        .await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:layer:words";
    assert_eq!(
        (&first["LayerArn"], &first["Version"]),
        (&json!(arn), &json!(1))
    );
    assert_eq!(first["LayerVersionArn"], format!("{arn}:1"));
    let second = world
        .publish_layer(
            "words",
            &[("nodejs/node_modules/word/index.js", &module("second"))],
        )
        .await;
    let other = world
        .publish_layer(
            "other",
            &[("nodejs/node_modules/another/index.js", &module("other"))],
        )
        .await;
    assert_eq!(second["Version"], 2);

    let get = |path: &str| {
        let path = format!("{LAYERS}{path}");
        let world = &world;
        async move { world.send(Method::GET, &path, &[], "").await }
    };
    let got = get("/words/versions/1").await.json();
    assert_eq!(got["Content"]["CodeSha256"], first["Content"]["CodeSha256"]);
    let location = got["Content"]["Location"].as_str().unwrap();
    let path = location.strip_prefix("http://localhost:4566").unwrap();
    let package = world.send(Method::GET, path, &[], "").await;
    assert_eq!(
        package.body.len() as u64,
        got["Content"]["CodeSize"].as_u64().unwrap()
    );
    let by_arn = get(&format!("?find=LayerVersion&Arn={arn}:2")).await.json();
    assert_eq!(by_arn["Version"], 2);
    let versions = get("/words/versions").await.json();
    let numbers: Vec<_> = versions["LayerVersions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["Version"].clone())
        .collect();
    assert_eq!(numbers, [2, 1]);
    // One that has none has an empty one where it is told alone.
    assert_eq!(by_arn["Description"], "");
    assert_eq!(versions["LayerVersions"][0].get("Description"), None);
    let layers = get("?CompatibleRuntime=nodejs20.x").await.json();
    assert_eq!(layers["Layers"][1]["LatestMatchingVersion"]["Version"], 2);
    assert_eq!(
        get("?CompatibleRuntime=nodejs18.x").await.json()["Layers"],
        json!([])
    );
    let missing = get("/words/versions/9").await;
    assert_eq!(
        missing.error(),
        (
            404,
            "ResourceNotFoundException",
            "The resource you requested does not exist.".into()
        )
    );

    // Unconfined processes see no /opt; that modules are found there is for the tests with sandboxes.
    let code = "exports.handler = async () => [require('word'), require('another')];";
    let more = json!({ "Layers": [first["LayerVersionArn"], other["LayerVersionArn"]] });
    let created = world.deploy("f", code, more).await.json();
    assert_eq!(created["Layers"][0]["Arn"], first["LayerVersionArn"]);
    assert_eq!(world.said("f").await, json!(["first", "other"]));
    let layers = json!({ "Layers": [second["LayerVersionArn"], other["LayerVersionArn"]] });
    world.put("/f/configuration", &layers).await;
    assert_eq!(world.said("f").await, json!(["second", "other"]));
    let refused = |layers: Vec<String>| {
        let world = &world;
        async move {
            world
                .put("/f/configuration", &json!({ "Layers": layers }))
                .await
                .error()
                .2
        }
    };
    let twice = refused(vec![format!("{arn}:1"), format!("{arn}:2")]).await;
    assert!(
        twice.starts_with("Two different versions of the same layer"),
        "{twice}"
    );
    let many = refused((0..6).map(|n| format!("{arn}{n}:1")).collect()).await;
    assert_eq!(many, "Cannot reference more than 5 layers.");
    assert_eq!(
        refused(vec![format!("{arn}:9")]).await,
        format!("Layer version {arn}:9 does not exist.")
    );

    let policy = format!("{LAYERS}/words/versions/2/policy");
    let body =
        json!({ "StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*" })
            .to_string();
    assert_eq!(world.send(Method::GET, &policy, &[], "").await.status, 404);
    let added = world.send(Method::POST, &policy, &[], body.clone()).await;
    assert_eq!(added.status, 201, "{:?}", added.body);
    assert_eq!(
        world
            .send(Method::POST, &policy, &[], body.clone())
            .await
            .status,
        409
    );
    let stale = world
        .send(Method::POST, &format!("{policy}?RevisionId=x"), &[], body)
        .await;
    assert_eq!(stale.error().1, "PreconditionFailedException");
    let told = world.send(Method::GET, &policy, &[], "").await.json();
    assert!(
        told["Policy"]
            .as_str()
            .unwrap()
            .contains(&format!("{arn}:2"))
    );
    assert_eq!(
        world
            .send(Method::DELETE, &format!("{policy}/all"), &[], "")
            .await
            .status,
        204
    );

    let delete = format!("{LAYERS}/words/versions/2");
    assert_eq!(
        world.send(Method::DELETE, &delete, &[], "").await.status,
        204
    );
    assert_eq!(
        world.send(Method::DELETE, &delete, &[], "").await.status,
        204
    );
    assert_eq!(world.said("f").await, json!(["second", "other"]));
    let third = world.publish_layer("words", &[("a", "b")]).await;
    assert_eq!(third["Version"], 3, "a number is never given again");
}

#[tokio::test]
async fn provisioned_concurrency_becomes_ready_and_is_used() {
    let world = World::new().await;
    world
        .deploy("f", &says("one"), json!({ "Publish": true }))
        .await;
    let functions = world.functions.clone();
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone();
    let worker = tokio::spawn(async move { functions.run_provisioning(stopped).await });
    let path = "/2019-09-30/functions/f/provisioned-concurrency";
    let put = |qualifier: &'static str, instances: u32| {
        let world = &world;
        async move {
            let body = json!({ "ProvisionedConcurrentExecutions": instances }).to_string();
            let path = format!("{path}?Qualifier={qualifier}");
            world.send(Method::PUT, &path, &[], body).await
        }
    };
    let latest = put("$LATEST", 1).await;
    assert_eq!(
        latest.error().2,
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    );
    assert_eq!(put("1", 0).await.error().1, "ValidationException");
    let get = || async {
        world
            .send(Method::GET, &format!("{path}?Qualifier=1"), &[], "")
            .await
    };
    assert_eq!(
        get().await.error().1,
        "ProvisionedConcurrencyConfigNotFoundException"
    );
    let begun = put("1", 2).await;
    assert_eq!(begun.status, 202);
    let begun = begun.json();
    assert_eq!(
        (
            &begun["Status"],
            &begun["AllocatedProvisionedConcurrentExecutions"]
        ),
        (&json!("IN_PROGRESS"), &json!(0))
    );
    let mut ready = begun;
    for _ in 0..500 {
        ready = get().await.json();
        if ready["Status"] == "READY" {
            break;
        }
        SystemClock
            .sleep(std::time::Duration::from_millis(20))
            .await;
    }
    assert_eq!(
        (
            &ready["Status"],
            &ready["AllocatedProvisionedConcurrentExecutions"]
        ),
        (&json!("READY"), &json!(2))
    );
    assert_eq!(world.said("f:1").await["why"], "provisioned-concurrency");
    assert_eq!(world.said("f").await["why"], "on-demand");
    let listed = world
        .send(Method::GET, &format!("{path}?List=ALL"), &[], "")
        .await
        .json();
    assert_eq!(
        listed["ProvisionedConcurrencyConfigs"][0]["FunctionArn"],
        format!("{ARN}:1")
    );
    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    world.post("/f/aliases", &alias).await;
    let twice = put("live", 1).await;
    assert_eq!(
        twice.error().2,
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    );
    let concurrency = "/2017-10-31/functions/f/concurrency";
    let body = json!({ "ReservedConcurrentExecutions": 1 }).to_string();
    let less = world
        .send(Method::PUT, concurrency, &[], body)
        .await
        .error()
        .2;
    assert_eq!(
        less,
        "ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    );
    let settings = world
        .send(Method::GET, "/2016-08-19/account-settings", &[], "")
        .await
        .json();
    assert_eq!(
        settings["AccountLimit"]["UnreservedConcurrentExecutions"],
        998
    );
    let delete = world
        .send(Method::DELETE, &format!("{path}?Qualifier=1"), &[], "")
        .await;
    assert_eq!(delete.status, 204);
    assert_eq!(get().await.status, 404);
    stop.cancel();
    worker.await.unwrap().unwrap();
    world.functions.shutdown().await;
}

#[tokio::test]
async fn what_is_set_for_whole_functions_is_told_and_obeyed() {
    let world = World::new().await;
    world.deploy("f", &says("one"), json!({})).await;
    let get = |path: &'static str| {
        let world = &world;
        async move { world.send(Method::GET, path, &[], "").await }
    };
    let signing = get("/2020-06-30/functions/f/code-signing-config")
        .await
        .json();
    assert_eq!(signing["CodeSigningConfigArn"], "");
    let configuration =
        "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0";
    let path = "/2020-06-30/functions/f/code-signing-config";
    let body = json!({ "CodeSigningConfigArn": configuration }).to_string();
    let refused = world.send(Method::PUT, path, &[], body).await;
    let (status, code, message) = refused.error();
    assert_eq!((status, code), (404, "CodeSigningConfigNotFoundException"));
    assert!(message.contains(configuration), "{message}");
    let all = "/2020-04-22/code-signing-configs";
    assert_eq!(get(all).await.json()["CodeSigningConfigs"], json!([]));
    let one = format!("{all}/{configuration}");
    for (method, path) in [
        (Method::GET, one.clone()),
        (Method::DELETE, one.clone()),
        (Method::GET, format!("{one}/functions")),
    ] {
        let refused = world.send(method, &path, &[], "").await;
        let (status, code, _) = refused.error();
        assert_eq!((status, code), (404, "ResourceNotFoundException"), "{path}");
    }
    let runtime = "/2021-07-20/functions/f/runtime-management-config";
    let told = get(runtime).await.json();
    assert_eq!(told["UpdateRuntimeOn"], "Auto");
    let put = |word: &'static str| {
        let world = &world;
        async move {
            let body = json!({ "UpdateRuntimeOn": word }).to_string();
            world.send(Method::PUT, runtime, &[], body).await.status
        }
    };
    assert_eq!(
        (put("Auto").await.as_u16(), put("Manual").await.as_u16()),
        (200, 501)
    );

    let loops = "/2024-08-31/functions/f/recursion-config";
    assert_eq!(get(loops).await.json()["RecursiveLoop"], "Terminate");
    let mut trace =
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".to_owned();
    for times in 1..=16 {
        let answer = world
            .invoke("f", &[("x-amzn-trace-id", &trace)], "{}")
            .await
            .json();
        trace = answer["trace"].as_str().unwrap().to_owned();
        assert!(trace.ends_with(&format!(":{times}")), "{trace}");
    }
    let headers = [("x-amzn-trace-id", trace.as_str())];
    let cut = world.invoke("f", &headers, "{}").await;
    assert_eq!(
        (cut.status.as_u16(), cut.error().1),
        (400, "RecursiveInvocationException")
    );
    let event = [headers[0], ("x-amz-invocation-type", "Event")];
    assert_eq!(world.invoke("f", &event, "{}").await.status, 202);
    // It waits as any other, and is cut when its turn comes.
    assert_eq!(world.functions.backlog_length(10).unwrap(), 1);
    let body = json!({ "RecursiveLoop": "Allow" }).to_string();
    assert_eq!(world.send(Method::PUT, loops, &[], body).await.status, 200);
    assert_eq!(get(loops).await.json()["RecursiveLoop"], "Allow");
    assert_eq!(world.invoke("f", &headers, "{}").await.status, 200);
}
