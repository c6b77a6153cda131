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
fn what_changes_an_application_is_looked_at_again() {
    let http = described(r#"{"type": "httpTrigger", "name": "req"}"#);
    let files = folder(&[
        HOST,
        ("Hello/function.json", &http),
        ("Hello/index.js", ""),
        ("x.txt", ""),
    ]);
    let app = in_folder(files.path()).unwrap();
    let reads = |name: &str| app.reads(&files.path().join(name));
    // A folder that is new, and one that is gone.
    for name in ["host.json", "Hello/function.json", "Hello", "Gone"] {
        assert!(reads(name), "{name}");
    }
    for name in [
        "Hello/index.js",
        "x.txt",
        "node_modules/a/package.json",
        ".git",
        "Hello/lib",
    ] {
        assert!(!reads(name), "{name}");
    }
    let python = folder(&[HOST, ("function_app.py", "")]);
    let app = in_folder(python.path()).unwrap();
    assert!(app.reads(&python.path().join("more.py")));
    assert!(!app.reads(&python.path().join("more.txt")));
}

#[test]
fn settings_are_those_of_all_functions() {
    let host = r#"{"version": "2.0", "functionTimeout": "00:01:30",
        "extensions": {"http": {"routePrefix": "v1/", "customHeaders": {"X-A": "b"}, "maxOutstandingRequests": 20, "maxConcurrentRequests": -1, "hsts": {"isEnabled": true}}}}"#;
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
    let crowd = serde_json::json!({"app": "s", "outstanding": 20, "at_once": null});
    assert_eq!(wiring["crowd"], crowd);
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
fn csharp_is_compiled_or_built() {
    let sources = folder(&[HOST, ("App.csproj", ""), ("Hello.cs", "")]);
    let app = in_folder(sources.path()).unwrap();
    let asked = app.trial("s").unwrap().unwrap();
    assert_eq!(asked.runtime, "csharp");
    assert_eq!(asked.environment["FUNCTIONS_WORKER_RUNTIME"], "dotnet");
    assert!(!asked.environment.contains_key(ASSEMBLY));
    let described = r#"{"bindings": [], "scriptFile": "../bin/App.dll", "entryPoint": "A.B.Run"}"#;
    let built = folder(&[HOST, ("Hello/function.json", described)]);
    let asked = in_folder(built.path())
        .unwrap()
        .trial("s")
        .unwrap()
        .unwrap();
    assert_eq!(asked.environment[ASSEMBLY], "bin/App.dll");
}

#[test]
fn other_languages_are_refused_by_name() {
    for (file, text, name) in [("pom.xml", "", "Java"), ("Hello/run.csx", "", "C# script")] {
        let http = described(r#"{"type": "httpTrigger", "name": "req"}"#)
            .replace("{\"bindings", r#"{"scriptFile": "run.csx", "bindings"#);
        let mut files = vec![HOST, (file, text)];
        if name == "C# script" {
            files.push(("Hello/function.json", &http));
        }
        let folder = folder(&files);
        let app = in_folder(folder.path()).unwrap();
        let said = app.trial("s").unwrap_err().render(false);
        assert!(
            said.contains(&format!("Azure Functions in {name}")),
            "{said}"
        );
    }
}

#[test]
fn sources_of_the_isolated_model_are_to_be_published_first() {
    let project = r#"<PackageReference Include="Microsoft.Azure.Functions.Worker" />"#;
    let folder = folder(&[HOST, ("App.csproj", project)]);
    let app = in_folder(folder.path()).unwrap();
    let said = app.trial("s").unwrap_err().render(false);
    assert!(said.contains("dotnet publish -o out"), "{said}");
}

const WORKER: &str = r#"{"description": {"language": "dotnet-isolated", "defaultExecutablePath": "{WorkerRoot}App", "workerIndexing": "true"}}"#;

#[test]
fn a_published_application_is_run_by_its_own_worker() {
    let published = folder(&[HOST, ("worker.config.json", WORKER), ("App", "")]);
    let app = in_folder(published.path()).unwrap();
    assert_eq!(app.describe(), "Azure functions with their vendor's worker");
    let asked = app.trial("s").unwrap().unwrap();
    assert_eq!(asked.runtime, "hosted");
    assert_eq!(
        asked.environment["FUNCTIONS_WORKER_RUNTIME"],
        "dotnet-isolated"
    );
    assert!(!asked.environment.contains_key("FULMAR_WORKER"));
    let list = r#"[{"name": "Hello", "bindings": [{"type": "httpTrigger", "name": "req"}, {"type": "http", "direction": "Out", "name": "$return"}]}]"#;
    let older = WORKER.replace("true", "false");
    let listed = folder(&[
        HOST,
        ("worker.config.json", &older),
        ("functions.metadata", list),
    ]);
    let app = in_folder(listed.path()).unwrap();
    assert!(app.trial("s").unwrap().is_none());
    assert_eq!(functions(&app.resolve("s").unwrap())[0].name, "azure/Hello");
    assert!(app.reads(&listed.path().join("functions.metadata")));
    let needing = WORKER.replace("{WorkerRoot}App", "no-such-program");
    let needing = folder(&[HOST, ("worker.config.json", &needing)]);
    let said = in_folder(needing.path()).unwrap().trial("s").unwrap_err();
    let said = said.render(false);
    assert!(said.contains("runs on `no-such-program`"), "{said}");
}

#[test]
fn an_installed_worker_is_named_by_a_setting() {
    let worker = r#"{"description": {"language": "python", "defaultExecutablePath": "python", "workerIndexing": true}}"#;
    let settings = |name: &str, place: &str| {
        format!(r#"{{"Values": {{"FUNCTIONS_WORKER_RUNTIME": "python", "{name}": "{place}"}}}}"#)
    };
    let with = |settings: &str| {
        folder(&[
            HOST,
            ("function_app.py", ""),
            (".python-version", "3.11.4"),
            ("local.settings.json", settings),
            ("worker/worker.config.json", worker),
        ])
    };
    for name in [
        "languageWorkers__python__workerDirectory",
        "LanguageWorkers:Python:workerDirectory",
    ] {
        let files = with(&settings(name, "worker"));
        let app = in_folder(files.path()).unwrap();
        let asked = app.trial("s").unwrap().unwrap();
        assert_eq!(asked.runtime, "hosted/python3.11");
        assert_eq!(app.build().runtime, "python3.11");
        let place = files.path().join("worker").canonicalize().unwrap();
        assert_eq!(
            asked.environment["FULMAR_WORKER"],
            place.display().to_string()
        );
    }
    let gone = with(&settings(
        "languageWorkers__python__workerDirectory",
        "gone",
    ));
    let said = in_folder(gone.path()).unwrap().trial("s").unwrap_err();
    assert!(
        said.render(false)
            .contains("there is no worker.config.json in")
    );
    let another = with(&settings(
        "languageWorkers__node__workerDirectory",
        "worker",
    ));
    let app = in_folder(another.path()).unwrap();
    assert_eq!(app.language, Language::Python);
}

#[test]
fn a_custom_handler_runs_what_is_described() {
    let host = r#"{"version": "2.0", "customHandler": {"description": {"defaultExecutablePath": "handler"}}}"#;
    let http = described(r#"{"type": "httpTrigger", "name": "req"}"#);
    let files = folder(&[
        ("host.json", host),
        ("handler", ""),
        ("Hello/function.json", &http),
        (
            "local.settings.json",
            r#"{"Values": {"FUNCTIONS_WORKER_RUNTIME": "custom"}}"#,
        ),
    ]);
    let app = in_folder(files.path()).unwrap();
    assert_eq!(app.describe(), "Azure functions with a custom handler");
    let desired = app.resolve("s").unwrap();
    let [hello] = functions(&desired)[..] else {
        panic!("there is one");
    };
    assert_eq!((&*hello.runtime, &*hello.handler), ("hosted", "Hello"));
    assert_eq!(hello.environment["FUNCTIONS_WORKER_RUNTIME"], "custom");
}
