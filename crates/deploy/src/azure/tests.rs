use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

const HOST: (&str, &str) = ("host.json", r#"{"version": "2.0"}"#);

fn described(bindings: &str) -> String {
    format!(r#"{{"bindings": [{bindings}]}}"#)
}

fn functions(desired: &Desired) -> Vec<&Function> {
    desired.functions().collect()
}

#[test]
fn a_folder_is_told_by_its_files() {
    let http = described(r#"{"type": "httpTrigger", "name": "req"}"#);
    let node = folder(&[HOST, ("Hello/function.json", &http), ("Hello/index.js", "")]);
    let app = in_folder(node.path()).unwrap();
    assert_eq!(app.describe(), "Azure functions in JavaScript");
    assert!(app.trial("s").unwrap().is_none());
    assert!(of_file(&node.path().join("host.json")).is_some());
    assert!(of_file(&node.path().join("other.json")).is_none());
    let python = folder(&[("function_app.py", "import azure.functions")]);
    let app = in_folder(python.path()).unwrap();
    assert_eq!(app.language, Language::Python);
    assert_eq!(app.trial("s").unwrap().unwrap().runtime, "python3.12");
    let described = folder(&[("Hello/function.json", &http), ("Hello/__init__.py", "")]);
    assert_eq!(
        in_folder(described.path()).unwrap().language,
        Language::Python
    );
    let package = r#"{"main": "x.js", "engines": {"node": ">=20"}}"#;
    let registered = folder(&[HOST, ("package.json", package)]);
    let app = in_folder(registered.path()).unwrap();
    assert_eq!(app.trial("s").unwrap().unwrap().runtime, "nodejs20.x");
    assert!(in_folder(folder(&[("index.js", "")]).path()).is_none());
    let other = folder(&[("host.json", r#"{"hosts": []}"#)]);
    assert!(in_folder(other.path()).is_none());
}

#[test]
fn settings_are_those_of_all_functions() {
    let host = r#"{"version": "2.0", "functionTimeout": "00:01:30",
        "extensions": {"http": {"routePrefix": "v1/", "customHeaders": {"X-A": "b"}, "hsts": {"isEnabled": true}}}}"#;
    let local = r#"{"IsEncrypted": false, "Values": {"A": "b", "N": 3, "AzureWebJobs.Off.Disabled": "true"}}"#;
    let http = described(
        r#"{"type": "httpTrigger", "name": "req", "route": "items/{id:int?}", "methods": ["get", "POST"], "authLevel": "anonymous"},
           {"type": "http", "direction": "out", "name": "res"}"#,
    );
    let off = described(r#"{"type": "httpTrigger", "name": "req"}"#);
    let folder = folder(&[
        ("host.json", host),
        ("local.settings.json", local),
        ("Hello/function.json", &http),
        ("Hello/index.js", ""),
        ("Off/function.json", &off),
    ]);
    let desired = in_folder(folder.path()).unwrap().resolve("s").unwrap();
    let [hello] = functions(&desired)[..] else {
        panic!("the other is disabled");
    };
    assert_eq!(hello.name, "azure/Hello");
    assert_eq!(hello.timeout_s, 90);
    assert_eq!(hello.environment["A"], "b");
    assert_eq!(hello.environment["N"], "3");
    assert_eq!(hello.environment["FUNCTIONS_WORKER_RUNTIME"], "node");
    let (path, how) = hello.azure_route().unwrap();
    assert_eq!(
        (path.as_str(), how.as_str()),
        ("v1/items/{id:int?}", "GET,POST")
    );
    let wiring: Value = serde_json::from_str(&hello.tags[WIRING]).unwrap();
    assert_eq!(wiring["headers"]["X-A"], "b");
    let notices = desired.notices.render(false);
    assert!(notices.contains("Off is disabled"), "{notices}");
    assert!(
        notices.contains("hsts in host.json changes nothing"),
        "{notices}"
    );
}

#[test]
fn everything_that_is_not_built_is_said_at_once() {
    let timer = described(r#"{"type": "timerTrigger", "name": "t", "schedule": "0 * * * * *"}"#);
    let queue = described(
        r#"{"type": "httpTrigger", "name": "req"}, {"type": "queue", "direction": "out", "name": "q"}"#,
    );
    let route = described(r#"{"type": "httpTrigger", "name": "req", "route": "a/{b"}"#);
    let level = described(r#"{"type": "httpTrigger", "name": "req", "authLevel": "me"}"#);
    let folder = folder(&[
        HOST,
        ("Tick/function.json", &timer),
        ("Sends/function.json", &queue),
        ("Odd/function.json", &route),
        ("Level/function.json", &level),
        ("None/function.json", "{\"bindings\": []}"),
    ]);
    let app = in_folder(folder.path()).unwrap();
    let said = app.resolve("s").unwrap_err().render(false);
    for part in [
        "Tick has a trigger of type timerTrigger",
        "Sends has a binding of type queue (direction out)",
        "the route `api/a/{b` of Odd does not read",
        "authLevel of Level cannot be me",
        "None has no trigger",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn routes_that_nobody_could_tell_apart_are_refused() {
    let http = |route: &str, methods: &str| {
        described(&format!(
            r#"{{"type": "httpTrigger", "name": "req", "route": "{route}", "methods": [{methods}]}}"#
        ))
    };
    let app = |second: &str, methods: &str| {
        let folder = folder(&[
            HOST,
            ("A/function.json", &http("x/{id}", "\"get\"")),
            ("B/function.json", &http(second, methods)),
        ]);
        in_folder(folder.path()).unwrap().resolve("s").map(drop)
    };
    let said = app("X/{other}", "\"get\", \"post\"")
        .unwrap_err()
        .render(false);
    assert!(said.contains("is that of A"), "{said}");
    app("x/{other}", "\"post\"").unwrap();
    app("x/{other:int}", "\"get\"").unwrap();
}

#[test]
fn what_is_wrong_in_host_json_is_said() {
    for (host, why) in [
        (r#"{"version": "1.0"}"#, "must be \"2.0\""),
        (
            r#"{"version": "2.0", "functionTimeout": "5 minutes"}"#,
            "functionTimeout",
        ),
    ] {
        let http = described(r#"{"type": "httpTrigger", "name": "req"}"#);
        let folder = folder(&[("host.json", host), ("A/function.json", &http)]);
        let app = in_folder(folder.path()).unwrap();
        let said = app.resolve("s").unwrap_err().render(false);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn what_code_registers_is_what_it_says() {
    let folder = folder(&[HOST, ("package.json", r#"{"main": "x.js"}"#)]);
    let app = in_folder(folder.path()).unwrap();
    let said = br#"[{"name": "hello", "bindings": [{"name": "httpTrigger1", "type": "httpTrigger", "direction": "in",
        "authLevel": "anonymous", "methods": ["GET"]}, {"name": "$return", "type": "http", "direction": "out"}]}]"#;
    let desired = app.with_declared(said).unwrap().resolve("s").unwrap();
    assert_eq!(functions(&desired)[0].azure_route().unwrap().0, "api/hello");
    let failed = app.not_declared("Cannot find module 'x'").render(false);
    assert!(
        failed.contains("does not start: Cannot find module 'x'"),
        "{failed}"
    );
    assert!(app.with_declared(b"[]").unwrap().resolve("s").is_err());
}

#[test]
fn other_languages_are_refused_by_name() {
    let folder = folder(&[HOST, ("App.csproj", "")]);
    let app = in_folder(folder.path()).unwrap();
    let said = app.trial("s").unwrap_err().render(false);
    assert!(said.contains("Azure Functions in C#"), "{said}");
}
