use std::fs;

use super::World;
use crate::{Overrides, load};

const TEMPLATE: &str = r#"{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "ab"}}},
    "Outputs": {"F": {"Value": "cd.json"}, "D": {"Value": "KEY"}}}"#;
const LIST: &str = r#"{"files": {
    "ab": {"source": {"path": "site"}, "destinations": {"x": {"bucketName": "assets-${AWS::AccountId}", "objectKey": "ab.zip"}}},
    "cd": {"source": {"path": "data.json"}, "destinations": {"x": {"bucketName": "assets-${AWS::AccountId}", "objectKey": "cd.json"}}},
    "ef": {"source": {"executable": ["make"]}, "destinations": {"x": {"bucketName": "assets-${AWS::AccountId}", "objectKey": "ef.zip"}}}}}"#;
const MANIFEST: &str = r#"{"version": "36.0.0", "artifacts": {"Site": {"type": "aws:cloudformation:stack",
    "properties": {"templateFile": "Site.template.json"}}}}"#;

async fn deployed(world: &World, key: &str) -> Result<(), String> {
    let folder = world.dir.path().join("cdk.out");
    fs::create_dir_all(folder.join("site")).unwrap();
    fs::write(folder.join("site/index.html"), "hello").unwrap();
    fs::write(folder.join("data.json"), "{}").unwrap();
    fs::write(folder.join("manifest.json"), MANIFEST).unwrap();
    fs::write(folder.join("Site.assets.json"), LIST).unwrap();
    let file = folder.join("Site.template.json");
    fs::write(&file, TEMPLATE.replace("KEY", key)).unwrap();
    let template = load(&file, Overrides::default()).unwrap();
    let applied = world.deployer.deploy(&template).await;
    applied.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn files_are_in_the_bucket_before_anything_is_made() {
    let world = World::new();
    let failed = deployed(&world, "ef.zip").await.unwrap_err();
    assert!(
        failed.contains("cannot publish the asset ef.zip of Site"),
        "{failed}"
    );
    assert!(world.deployer.stacks().unwrap().is_empty());
    deployed(&world, "s3://x/ab.zip").await.unwrap();
    let objects = &world.engines.objects;
    let size = |key: &str| objects.head("assets-000000000000", key, None).unwrap().size;
    assert_eq!(size("cd.json"), 2);
    assert!(size("ab.zip") > 0);
    // What is there stays, and nothing else is.
    deployed(&world, "s3://x/ab.zip").await.unwrap();
    assert!(objects.head("assets-000000000000", "ef.zip", None).is_err());
}
