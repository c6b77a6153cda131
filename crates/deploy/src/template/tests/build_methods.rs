//! How a template says that code is built.

use std::fs;
use std::path::Path;

use super::context;
use crate::desired::{Code, Function};
use crate::template::{Overrides, Template};
use crate::{How, Recipe};

/// The function, or all that is said against it.
fn read(files: &[&str], properties: &str, metadata: &str) -> Result<Function, String> {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let file = dir.path().join("src").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    let code = match properties.contains("CodeUri") {
        true => "",
        false => "CodeUri: src, ",
    };
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {{{metadata}}}\n    Properties: {{{code}{properties}}}\n"
    );
    let file = dir.path().join("template.yaml");
    let template = Template::parse(&file, text, Overrides::default()).unwrap();
    let desired = template
        .resolve(&context())
        .map_err(|found| found.to_string())?;
    let mut functions = desired.functions();
    let function = functions.next().unwrap().clone();
    if let Code::Made(Recipe { source, .. }) = &function.code {
        assert_eq!(source, &Path::new(dir.path()).join("src"));
    }
    Ok(function)
}

const NODE: &str = "Runtime: nodejs20.x, Handler: src/app.handler";

fn bundle(properties: &str) -> String {
    format!("BuildMethod: esbuild, BuildProperties: {{{properties}}}")
}

#[track_caller]
fn bundled(files: &[&str], properties: &str, metadata: &str) -> (Function, Vec<String>, String) {
    let function = read(files, properties, &bundle(metadata)).unwrap();
    let Code::Made(Recipe {
        how: How::Bundle { entries, options },
        ..
    }) = function.code.clone()
    else {
        panic!("{:?}", function.code);
    };
    (function, entries, options.join(" "))
}

#[test]
fn esbuild_gets_the_properties_and_the_vendor_s_defaults() {
    let all = "EntryPoints: [./src/app], Minify: false, Target: node20, Sourcemap: true, External: [a, '@b/*'], Format: esm, MainFields: 'module,main', Loader: [.png=dataurl], OutExtension: [.js=.mjs], Banner: [js=x], Define: {A: '\"b\"'}, KeepNames: true";
    for (metadata, want) in [
        (
            "EntryPoints: [src/app.ts]",
            "--minify --target=es2020 --format=cjs",
        ),
        (
            all,
            "--target=node20 --sourcemap --external:a --external:@b/* --format=esm --main-fields=module,main --loader:.png=dataurl --out-extension:.js=.mjs --banner:js=x --define:A=\"b\" --keep-names",
        ),
    ] {
        let (_, entries, options) = bundled(&["src/app.ts"], NODE, metadata);
        assert_eq!(entries, ["src/app.ts"]);
        assert_eq!(options, want);
    }
}

#[test]
fn a_handler_is_found_where_its_bundle_is() {
    let named = |handler: &str| format!("Runtime: nodejs20.x, Handler: {handler}");
    let files = ["src/app.ts", "src/b/app.ts", "c.ts"];
    for (entries, handler, want) in [
        ("src/app.ts", "src/app.handler", "app.handler"),
        ("src/app.ts", "app.handler", "app.handler"),
        ("src/app.ts, c.ts", "src/app.handler", "src/app.handler"),
        ("src/app.ts, src/b/app.ts", "b/app.handler", "b/app.handler"),
    ] {
        let metadata = format!("EntryPoints: [{entries}]");
        let (function, ..) = bundled(&files, &named(handler), &metadata);
        assert_eq!(function.handler, want, "{entries} {handler}");
    }
}

#[test]
fn maps_of_sources_are_made_where_they_are_read_and_read_where_they_are_made() {
    let with = |variables: &str| format!("{NODE}, Environment: {{Variables: {{{variables}}}}}");
    for (variables, metadata, options, made) in [
        ("", "", None, false),
        ("", ", Sourcemap: true", Some("--enable-source-maps"), true),
        (
            "NODE_OPTIONS: --a",
            ", Sourcemap: true",
            Some("--a --enable-source-maps"),
            true,
        ),
        (
            "NODE_OPTIONS: --enable-source-maps",
            "",
            Some("--enable-source-maps"),
            true,
        ),
        (
            "NODE_OPTIONS: --enable-source-maps",
            ", Sourcemap: false",
            Some("--enable-source-maps"),
            false,
        ),
    ] {
        let metadata = format!("EntryPoints: [src/app.ts]{metadata}");
        let (function, _, found) = bundled(&["src/app.ts"], &with(variables), &metadata);
        let read = function.environment.get("NODE_OPTIONS").map(String::as_str);
        assert_eq!(
            (read, found.contains("--sourcemap")),
            (options, made),
            "{metadata}"
        );
    }
}

#[test]
fn a_makefile_is_asked_for_the_function() {
    let function = read(&["Makefile"], NODE, "BuildMethod: makefile").unwrap();
    let target = "build-F".to_owned();
    let Code::Made(Recipe { how, .. }) = function.code else {
        panic!("{:?}", function.code);
    };
    assert_eq!(how, How::Make { target });
}

#[test]
fn programs_are_compiled() {
    let custom = "Runtime: provided.al2023, Handler: bootstrap";
    let below = "Runtime: provided.al2023, Handler: bootstrap, CodeUri: src/cmd/api";
    let go = |package: &str| How::Go {
        package: package.into(),
    };
    let cargo = |binary: Option<&str>| How::Cargo {
        binary: binary.map(str::to_owned),
    };
    for (files, properties, metadata, want) in [
        (
            &["go.mod", "main.go"][..],
            custom,
            "BuildMethod: go1.x",
            go("./"),
        ),
        (
            &["go.mod", "cmd/api/main.go"],
            below,
            "BuildMethod: go1.x",
            go("./cmd/api"),
        ),
        (&["main.go"], "Runtime: go1.x, Handler: hello", "", go("./")),
        (
            &["Cargo.toml"],
            custom,
            "BuildMethod: rust-cargolambda",
            cargo(None),
        ),
        (
            &["Cargo.toml"],
            custom,
            "BuildMethod: rust-cargolambda, BuildProperties: {Binary: api}",
            cargo(Some("api")),
        ),
    ] {
        let function = read(files, properties, metadata).unwrap();
        let Code::Made(Recipe { how, .. }) = function.code else {
            panic!("{:?}", function.code);
        };
        assert_eq!(how, want, "{metadata}");
    }
}

#[test]
fn what_is_built_already_is_run_as_it_is() {
    let python = "Runtime: python3.12, Handler: app.handler";
    let custom = "Runtime: provided.al2023, Handler: bootstrap";
    let esbuild = bundle("EntryPoints: [src/app.ts]");
    for (file, properties, metadata) in [
        ("src/app.js", NODE, "SamResourceId: F"),
        ("src/app.js", NODE, "BuildMethod: nodejs20.x"),
        ("src/app.js", NODE, esbuild.as_str()),
        ("src/app.js", NODE, "BuildMethod: esbuild, SkipBuild: true"),
        ("app.py", python, "BuildMethod: python3.12"),
        ("app.py", python, "BuildMethod: makefile"),
        ("bootstrap", custom, "BuildMethod: go1.x"),
    ] {
        let function = read(&[file], properties, metadata).unwrap();
        assert!(matches!(function.code, Code::Directory(_)), "{metadata}");
    }
}

#[test]
fn what_would_fail_at_each_call_is_refused() {
    let python = "Runtime: python3.12, Handler: app.handler";
    let custom = "Runtime: provided.al2023, Handler: bootstrap";
    let ts = bundle("EntryPoints: [src/app.ts]");
    for (files, properties, metadata, want) in [
        (&["src/app.ts"][..], NODE, "", "`src/app.ts` is TypeScript"),
        (
            &["src/app.ts"],
            NODE,
            "BuildMethod: esbuild",
            "`EntryPoints` is missing",
        ),
        (&["src/b.ts"], NODE, &ts, "`src/app.ts` does not exist"),
        (
            &["src/b.ts"],
            NODE,
            &bundle("EntryPoints: [src/b.ts]"),
            "no entry point makes the handler's file `src/app.js`",
        ),
        (
            &["src/app.ts"],
            NODE,
            &bundle("EntryPoints: [src/app.ts], Minify: maybe"),
            "`Minify` must be true or false",
        ),
        (
            &["app.py"],
            python,
            &ts,
            "`BuildMethod: esbuild` cannot be obeyed",
        ),
        (
            &["app.py"],
            python,
            "BuildMethod: python-uv",
            "`BuildMethod: python-uv` cannot be obeyed",
        ),
        (
            &["x.py"],
            python,
            "BuildMethod: go1.x",
            "it makes a program, which is a custom runtime",
        ),
        (
            &["main.c"],
            custom,
            "BuildMethod: go1.x",
            "there are no sources in Go in",
        ),
        (
            &["hello"],
            "Runtime: go1.x, Handler: hello",
            "",
            "there are no sources in Go in",
        ),
        (
            &["main.go"],
            custom,
            "BuildMethod: go1.x, BuildProperties: {Flags: [a]}",
            "`BuildProperties` has no property `Flags`",
        ),
        (
            &["main.rs"],
            custom,
            "BuildMethod: rust-cargolambda, WorkingDirectory: ..",
            "`WorkingDirectory` is not supported yet",
        ),
        (
            &["x"],
            custom,
            "BuildMethod: makefile",
            "there is no Makefile in",
        ),
        (
            &["Makefile"],
            custom,
            "BuildMethod: makefile, WorkingDirectory: ..",
            "`WorkingDirectory` is not supported yet",
        ),
    ] {
        let said = read(files, properties, metadata).unwrap_err();
        assert!(said.contains(want), "{metadata}: {said}");
    }
}

#[test]
fn layers_are_built_by_their_language_s_own_tool() {
    let layer = |method: &str| {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        let text = format!(
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  L:\n    Type: AWS::Serverless::LayerVersion\n    Metadata: {{BuildMethod: {method}}}\n    Properties: {{ContentUri: src}}\n"
        );
        let file = dir.path().join("template.yaml");
        let template = Template::parse(&file, text, Overrides::default()).unwrap();
        let desired = template.resolve(&context());
        let desired = desired.map_err(|found| found.to_string())?;
        let code = desired.layers().next().unwrap().code.clone();
        Ok::<_, String>(code)
    };
    for runtime in ["python3.12", "nodejs22.x"] {
        let Ok(Code::Made(Recipe { how, .. })) = layer(runtime) else {
            panic!("{runtime}");
        };
        let runtime = runtime.to_owned();
        assert_eq!(how, How::Layer { runtime });
    }
    for method in ["java17", "ruby3.3", "provided.al2023", "python2.7"] {
        let said = layer(method).unwrap_err();
        assert!(said.contains("layers are not built in this way"), "{said}");
    }
}
