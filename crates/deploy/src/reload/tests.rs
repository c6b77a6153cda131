use super::*;
use crate::desired::Cloud;
use crate::{Context, Feeds, Overrides};

#[test]
fn a_changed_file_finds_its_functions() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("src/lib")).unwrap();
    std::fs::create_dir_all(dir.path().join("layer")).unwrap();
    let function = |id: &str, code: &str| {
        format!(
            "  {id}: {{Type: AWS::Serverless::Function, Properties: {{FunctionName: {id}, Runtime: nodejs20.x, Handler: index.handler, {code}}}}}\n"
        )
    };
    let text = format!(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n{}{}{}  L: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: layer}}}}\n",
        function("A", "CodeUri: src"),
        function("B", "CodeUri: src/lib"),
        function("C", "InlineCode: x, Layers: [!Ref L]")
    );
    let file = dir.path().join("template.yaml");
    let template = Template::parse(&file, text, Overrides::default()).unwrap();
    let context = Context {
        account: "000000000000".into(),
        region: "us-east-1".into(),
        stack: "shop".into(),
        suffix: "s".into(),
        feeds: Feeds::default(),
        answers: Default::default(),
        endpoint: "http://127.0.0.1:4566".into(),
        others: None,
    };
    let desired = template.resolve(&context).unwrap();
    let of = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
        affected(&template, &desired, paths.iter().map(PathBuf::as_path))
    };
    let functions = |names: &[&str]| -> Vec<String> { of(names).functions.into_iter().collect() };
    assert_eq!(functions(&["src/index.js"]), ["A"]);
    assert_eq!(functions(&["src/lib/x.js"]), ["A", "B"]);
    let layered = of(&["layer/nodejs/node_modules/a/b.js"]);
    assert_eq!(layered.layered, BTreeSet::from(["C".to_owned()]));
    assert!(layered.functions.is_empty());
    let data = dir.path().join("src/data");
    std::fs::create_dir_all(data.join("store")).unwrap();
    runtimes::mark_data_folder(&data).unwrap();
    for nothing in [
        "src/data",
        "src/data/store/log",
        "README.md",
        "src/node_modules/a/b.js",
        "src/__pycache__/index.cpython-312.pyc",
        "src/.index.js.swp",
        "srcs/index.js",
    ] {
        assert!(of(&[nothing]).is_empty(), "{nothing}");
    }
    assert!(of(&["template.yaml"]).template);
    let packages = of(&["src/package.json"]).packages;
    let build = Build {
        folder: dir.path().join("src"),
        runtime: "nodejs20.x".into(),
        cloud: Cloud::Aws,
        how: None,
    };
    assert_eq!(packages, BTreeSet::from([build.clone()]));
    let packages = of(&["src/requirements.txt"]).packages;
    assert_eq!(packages, BTreeSet::from([build.clone()]));
    // It may import what it did not before.
    let packages = of(&["src/index.js"]).packages;
    assert!(packages.contains(&build), "{packages:?}");
    assert_eq!(watched(&template, &desired).len(), 4);
}
