use super::World;
use crate::{Overrides, Template};

const EXPORTING: &str = "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: bbb}}}\nOutputs: {O: {Value: !Ref B, Export: {Name: the-bucket}}}\n";
const IMPORTING: &str = "Resources: {C: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub ['${B}-copy', {B: !ImportValue the-bucket}]}}}\n";

impl World {
    fn stack(&self, name: &str, text: &str) -> Template {
        let overrides = Overrides {
            stack: Some(name.into()),
            ..Overrides::default()
        };
        let file = self.dir.path().join("template.yaml");
        Template::parse(&file, text.to_owned(), overrides).unwrap()
    }

    async fn tried(&self, name: &str, text: &str) -> String {
        match self.deployer.deploy(&self.stack(name, text)).await {
            Ok(applied) => applied
                .notices
                .iter()
                .map(|one| one.message.as_str())
                .collect(),
            Err(error) => error.to_string(),
        }
    }
}

#[tokio::test]
async fn a_stack_uses_what_another_one_exports_and_holds_it() {
    let world = World::new();
    let refused = world.tried("copies", IMPORTING).await;
    assert!(
        refused.contains("no stack exports `the-bucket`"),
        "{refused}"
    );
    assert_eq!(world.tried("data", EXPORTING).await, "");
    assert_eq!(world.tried("copies", IMPORTING).await, "");
    let stacks = world.deployer.stacks().unwrap();
    assert_eq!(stacks[0].resources[0].2, "bbb-copy");

    let taken = world.tried("more", &EXPORTING.replace("bbb", "ccc")).await;
    assert_eq!(taken, "`the-bucket` is exported by the stack data already");
    let used = "the stack copies uses the export `the-bucket`, which would be gone";
    let gone = world.tried("data", &EXPORTING.replace("the-", "a-")).await;
    assert_eq!(gone, used);
    let kept = world.deployer.destroy("data").await.unwrap_err();
    assert_eq!(kept.to_string(), used);
    let other = world
        .tried("data", &EXPORTING.replace("!Ref B", "ddd"))
        .await;
    let old = "the stack copies uses the old value of `the-bucket` until it is deployed again";
    assert_eq!(other, old);
    assert_eq!(world.tried("copies", IMPORTING).await, "");
    let stacks = world.deployer.stacks().unwrap();
    assert_eq!(stacks[0].resources[0].2, "ddd-copy");

    world.deployer.destroy("copies").await.unwrap();
    world.deployer.destroy("data").await.unwrap();
    let refused = world.tried("copies", IMPORTING).await;
    assert!(
        refused.contains("no stack exports `the-bucket`"),
        "{refused}"
    );
}
