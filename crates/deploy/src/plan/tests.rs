use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::schema::Stack;
use crate::{Context, Error, Feeds, Overrides, Template};

/// A stack, what the engines have, and the template that is deployed next.
#[derive(Default)]
struct World {
    stored: Stored,
    there: BTreeMap<(Noun, String), Presence>,
}

fn desired(text: &str) -> Desired {
    let overrides = Overrides {
        stack: Some("shop".into()),
        ..Overrides::default()
    };
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
    let template = Template::parse(Path::new("/app/template.yaml"), text.into(), overrides);
    let resolved = template.and_then(|template| template.resolve(&context));
    resolved.unwrap_or_else(|found| panic!("{found}"))
}

impl World {
    fn plan(&self, text: &str) -> Result<Plan, Error> {
        decide(&desired(text), "s", &self.stored, |noun, name| {
            let found = self.there.get(&(noun, name.to_owned()));
            Ok(found.copied().unwrap_or(Presence::Missing))
        })
    }

    /// Does what the plan says, without any engine.
    fn follow(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let key = (step.noun, step.name.clone());
            self.stored
                .leftovers
                .retain(|old| (old.noun, &old.name) != (step.noun, &step.name));
            if let Some(wanted) = &step.wanted {
                self.there.entry(key).or_insert(Presence::Present);
                self.stored.leftovers.extend(wanted.replaces.clone());
                let id = step.logical_id.clone().unwrap();
                self.stored.held.insert(id, wanted.record.clone());
                continue;
            }
            if let Some(id) = &step.logical_id {
                self.stored.held.remove(id);
            }
            if step.action == Action::Remove {
                self.there.remove(&key);
            } else {
                self.stored.leftovers.extend(step.old.clone());
            }
        }
        self.stored.stack = Some(Stack {
            suffix: plan.suffix.clone(),
            version: plan.version + 1,
            outputs: Vec::new(),
        });
    }

    /// Plans, follows the plan, checks that nothing is left to do, and tells what was done.
    fn deploy(&mut self, text: &str) -> String {
        let plan = self.plan(text).unwrap();
        self.follow(&plan);
        let again = self.plan(text).unwrap();
        assert!(again.is_empty(), "{again}");
        plan.to_string()
    }
}

const SHOP: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: the-bucket}}
  T: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: the-table}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: f
      Runtime: nodejs22.x
      Handler: index.handler
      InlineCode: exports.handler = async () => 1
      Events:
        Put: {Type: S3, Properties: {Bucket: !Ref B, Events: 's3:ObjectCreated:*'}}
";

#[test]
fn the_first_deployment_creates_the_second_does_nothing() {
    let mut world = World::default();
    assert_eq!(
        world.deploy(SHOP),
        "shop:\n  create  bucket       the-bucket (B)\n  create  table        the-table (T)\n  create  function     f (F)\n  create  notification the-bucket (B.Notification)"
    );
    assert_eq!(world.plan(SHOP).unwrap().to_string(), "shop: nothing to do");
}

#[test]
fn only_what_changed_is_changed() {
    let mut world = World::default();
    world.deploy(SHOP);
    let slower = SHOP.replace("Handler:", "Timeout: 9\n      Handler:");
    assert_eq!(world.deploy(&slower), "shop:\n  update  function     f (F)");
    let renamed = slower.replace("FunctionName: f", "FunctionName: g");
    assert_eq!(
        world.deploy(&renamed),
        "shop:\n  replace function     g (F): in place of f\n  update  notification the-bucket (B.Notification)\n  remove  function     f"
    );
}

#[test]
fn what_is_no_longer_asked_for_goes_last_made_first() {
    let mut world = World::default();
    world.deploy(SHOP);
    let bucket = "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: the-bucket}}}";
    assert_eq!(
        world.deploy(bucket),
        "shop:\n  remove  notification the-bucket (B.Notification)\n  remove  function     f (F)\n  remove  table        the-table (T)"
    );
}

#[test]
fn a_full_bucket_and_what_the_template_retains_stay_and_can_come_back() {
    let mut world = World::default();
    let kept = SHOP.replace("T: {Type", "T: {DeletionPolicy: Retain, Type");
    world.deploy(&kept);
    let key = (Noun::Bucket, "the-bucket".to_owned());
    world.there.insert(key.clone(), Presence::Filled);
    let other = "Resources: {O: {Type: AWS::S3::Bucket, Properties: {BucketName: other}}}";
    assert_eq!(
        world.deploy(other),
        "shop:\n  create  bucket       other (O)\n  remove  notification the-bucket (B.Notification)\n  remove  function     f (F)\n  retain  table        the-table (T): the template says so\n  retain  bucket       the-bucket (B): it is not empty"
    );
    assert_eq!(
        world.plan(other).unwrap().to_string(),
        "shop: nothing to do"
    );
    assert_eq!(world.stored.leftovers.len(), 2);
    assert_eq!(
        world.deploy(&kept).lines().nth(1).unwrap().trim(),
        "update  bucket       the-bucket (B): it was left over from before"
    );
    assert!(world.stored.leftovers.is_empty());
    // Once it has been emptied it goes.
    world.deploy(other);
    world.there.insert(key, Presence::Present);
    assert_eq!(
        world.deploy(other),
        "shop:\n  remove  bucket       the-bucket"
    );
    assert_eq!(world.stored.leftovers.len(), 1);
}

#[test]
fn what_is_gone_is_made_again_and_what_was_interrupted_too() {
    let mut world = World::default();
    world.deploy(SHOP);
    world.there.remove(&(Noun::Bucket, "the-bucket".to_owned()));
    world.stored.held.get_mut("F").unwrap().fingerprint = None;
    assert_eq!(
        world.deploy(SHOP),
        "shop:\n  create  bucket       the-bucket (B): it was deleted meanwhile\n  update  function     f (F)"
    );
}

#[test]
fn another_ones_things_are_not_taken() {
    let mut world = World::default();
    let key = (Noun::Bucket, "the-bucket".to_owned());
    world.there.insert(key, Presence::Present);
    let error = world.plan(SHOP).unwrap_err().to_string();
    assert!(
        error.starts_with("error: there is a bucket `the-bucket` already"),
        "{error}"
    );
    assert!(error.contains("template.yaml:4:3"), "{error}");
}

#[test]
fn a_tables_key_stays_what_it_is() {
    let mut world = World::default();
    world.deploy(SHOP);
    let other = SHOP.replace(
        "the-table}",
        "the-table, PrimaryKey: {Name: k, Type: String}}",
    );
    let error = world.plan(&other).unwrap_err().to_string();
    assert!(error.contains("the key of the table `the-table` cannot be changed"));
    let renamed = other.replace("the-table", "next-table");
    assert_eq!(
        world.deploy(&renamed),
        "shop:\n  replace table        next-table (T): in place of the-table\n  remove  table        the-table"
    );
}

#[test]
fn two_resources_can_exchange_their_names() {
    let mut world = World::default();
    let text = |a: &str, b: &str| {
        format!(
            "Resources: {{A: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {a}}}}}, B: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {b}}}}}}}"
        )
    };
    world.deploy(&text("one", "two"));
    world.deploy(&text("two", "one"));
    assert_eq!(world.there.len(), 2);
    assert!(world.stored.leftovers.is_empty());
}

#[test]
fn a_zip_file_counts_by_its_content() {
    let dir = tempfile::tempdir().unwrap();
    let zip = dir.path().join("code.zip");
    fs::write(&zip, "one").unwrap();
    let path = format!("CodeUri: {}", zip.display());
    let text = SHOP.replace("InlineCode: exports.handler = async () => 1", &path);
    let mut world = World::default();
    world.deploy(&text);
    fs::write(&zip, "two").unwrap();
    assert_eq!(world.deploy(&text), "shop:\n  update  function     f (F)");
}

#[test]
fn a_stack_can_be_removed_as_a_whole() {
    let mut world = World::default();
    world.deploy(SHOP);
    let presence = |_: Noun, _: &str| Ok::<_, Error>(Presence::Present);
    let plan = removal("shop", &world.stored, presence).unwrap();
    let nouns: Vec<&str> = plan.steps.iter().map(|step| step.noun.as_str()).collect();
    assert_eq!(nouns, ["notification", "function", "table", "bucket"]);
    world.follow(&plan);
    assert!(world.there.is_empty() && world.stored.held.is_empty());
}
