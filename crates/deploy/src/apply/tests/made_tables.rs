//! Tables and their streams.

use super::*;

const PHOTOS: &str = r"
Resources:
  B: {Type: AWS::S3::Bucket, Properties: {BucketName: uploads}}
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: photos
      AttributeDefinitions:
        - {AttributeName: album, AttributeType: S}
        - {AttributeName: taken, AttributeType: N}
      KeySchema:
        - {AttributeName: album, KeyType: HASH}
        - {AttributeName: taken, KeyType: RANGE}
      ProvisionedThroughput: {ReadCapacityUnits: 3, WriteCapacityUnits: 2}
";

/// The template without its table.
fn no_photos() -> &'static str {
    &PHOTOS[..PHOTOS.find("  T:").unwrap()]
}

fn retained_photos() -> String {
    PHOTOS.replace(
        "    Properties:",
        "    DeletionPolicy: Retain\n    Properties:",
    )
}

fn with_number_key() -> String {
    PHOTOS.replace("album, AttributeType: S", "album, AttributeType: N")
}

#[tokio::test]
async fn a_table_is_made_once_and_provisioned_anew() {
    let world = World::new();
    assert_eq!(
        world.deploy(PHOTOS).await,
        ["create bucket uploads", "create table photos"]
    );
    let made = world.table("photos").unwrap();
    assert_eq!(made.key.partition.name, "album");
    assert_eq!(made.key.partition.r#type, KeyType::String);
    let sort = made.key.sort.as_ref().unwrap();
    assert_eq!(
        (sort.name.as_str(), sort.r#type),
        ("taken", KeyType::Number)
    );
    assert_eq!(made.provisioned, Some(Throughput { read: 3, write: 2 }));

    assert!(world.deploy(PHOTOS).await.is_empty());
    assert_eq!(world.table("photos").as_ref(), Some(&made));

    let faster = PHOTOS.replace("ReadCapacityUnits: 3", "ReadCapacityUnits: 30");
    assert_eq!(world.deploy(&faster).await, ["update table photos"]);
    let provisioned = Some(Throughput { read: 30, write: 2 });
    let mut changed = made;
    changed.provisioned = provisioned;
    assert_eq!(world.table("photos").as_ref(), Some(&changed));

    let per_request = PHOTOS.replace(
        "ProvisionedThroughput: {ReadCapacityUnits: 3, WriteCapacityUnits: 2}",
        "BillingMode: PAY_PER_REQUEST",
    );
    assert_eq!(world.deploy(&per_request).await, ["update table photos"]);
    assert_eq!(world.table("photos").unwrap().provisioned, None);
    assert!(world.deploy(&per_request).await.is_empty());
}

fn streaming_photos(view: &str) -> String {
    let stream = format!("      StreamSpecification: {{StreamViewType: {view}}}\n");
    let output = "Outputs: {Stream: {Value: !GetAtt T.StreamArn}}\n";
    format!("{PHOTOS}{stream}{output}")
}

/// The name that the stack was told, and the one that the engine's feed has.
fn streams(world: &World) -> (String, String) {
    let told = world.deployer.stacks().unwrap()[0].outputs[0].value.clone();
    let feed = world.table("photos").unwrap().feed.unwrap();
    assert!(feed.open);
    let table = "arn:aws:dynamodb:us-east-1:000000000000:table/photos";
    let label = crate::feeds::feed_label(feed.began);
    (told, format!("{table}/stream/{label}"))
}

#[tokio::test]
async fn a_tables_stream_is_known_before_it_is_made_and_changes_its_name_with_its_view() {
    use tables::Images;
    let world = World::new();
    let keys = streaming_photos("KEYS_ONLY");
    assert_eq!(world.deploy(&keys).await.len(), 2);
    let (told, made) = streams(&world);
    assert_eq!(told, made);
    assert!(told.ends_with("/stream/1970-01-01T00:00:01.000"), "{told}");
    assert!(world.deploy(&keys).await.is_empty());
    assert_eq!(streams(&world), (told.clone(), made));

    let both = streaming_photos("NEW_AND_OLD_IMAGES");
    assert_eq!(world.deploy(&both).await, ["update table photos"]);
    let (other, made) = streams(&world);
    assert_eq!(other, made);
    assert_ne!(other, told);
    let images = world.table("photos").unwrap().feed.unwrap().images;
    assert_eq!(images, Images::Both);
    let feeds = || {
        let tables = &world.engines.tables;
        tables.feeds(&world.space, None, None, 9).unwrap().feeds
    };
    assert_eq!(feeds().len(), 2, "the first is read for a while yet");

    let off = Alteration {
        feed: Some(None),
        ..Alteration::default()
    };
    let altered = world.engines.tables.alter(&world.space, "photos", &off);
    altered.await.unwrap();
    assert_eq!(world.deploy(&both).await, ["update table photos"]);
    let (again, made) = streams(&world);
    assert_eq!(again, made, "what somebody switched off is on again");
    assert_ne!(again, other);

    assert_eq!(world.deploy(PHOTOS).await, ["update table photos"]);
    assert!(!world.table("photos").unwrap().feed.unwrap().open);
    world.deployer.destroy("shop").await.unwrap();
    world.deploy(&both).await;
    let (anew, made) = streams(&world);
    assert_eq!(anew, made);
    assert_eq!(feeds().len(), 4);
}

#[tokio::test]
async fn a_table_goes_with_its_template_and_with_its_stack() {
    let world = World::new();
    world.deploy(PHOTOS).await;
    assert_eq!(world.deploy(no_photos()).await, ["remove table photos"]);
    assert_eq!(world.table("photos"), None);
    assert!(world.deploy(no_photos()).await.is_empty());

    world.deploy(PHOTOS).await;
    world.deployer.destroy("shop").await.unwrap();
    assert_eq!(world.table("photos"), None);
    assert!(world.deployer.stacks().unwrap().is_empty());
}

#[tokio::test]
async fn a_table_to_be_retained_stays_and_can_be_had_again() {
    let world = World::new();
    world.deploy(&retained_photos()).await;
    let made = world.table("photos");
    assert_eq!(world.deploy(no_photos()).await, ["retain table photos"]);
    assert_eq!(world.table("photos"), made);
    let other = world.refusal(&with_number_key()).await;
    assert!(
        other.contains("the key of the table `photos` cannot be changed"),
        "{other}"
    );
    assert_eq!(world.deploy(PHOTOS).await, ["update table photos"]);
    assert_eq!(world.table("photos"), made);
}

#[tokio::test]
async fn a_tables_key_cannot_be_changed_in_place_and_its_items_stay() {
    let world = World::new();
    world.deploy(PHOTOS).await;
    let made = world.table("photos");
    put_item(&world, "photos").await;
    let refused = world.refusal(&with_number_key()).await;
    assert!(
        refused.contains("the key of the table `photos` cannot be changed"),
        "{refused}"
    );
    // Nor when its resource is called otherwise.
    let refused = world
        .refusal(&with_number_key().replace("  T:", "  U:"))
        .await;
    assert!(
        refused.contains("the key of the table `photos` cannot be changed"),
        "{refused}"
    );
    assert_eq!(world.table("photos"), made);
    let description = world.engines.tables.describe(&world.space, "photos");
    assert_eq!(description.unwrap().count.items, 1);
    let renamed = with_number_key().replace("TableName: photos", "TableName: pictures");
    assert_eq!(
        world.deploy(&renamed).await,
        ["replace table pictures", "remove table photos"]
    );
    assert_eq!(world.table("photos"), None);
}

#[tokio::test]
async fn a_table_of_somebody_else_is_not_touched() {
    let world = World::new();
    world.deploy(PHOTOS).await;
    let key = tables::KeySchema {
        sort: None,
        ..world.table("photos").unwrap().key
    };
    let theirs = NewTable::new("photos", key);
    world.deployer.destroy("shop").await.unwrap();
    let created = world.engines.tables.create(&world.space, theirs.clone());
    let created = created.await.unwrap().table;
    let refused = world.refusal(PHOTOS).await;
    assert!(
        refused.contains("there is a table `photos` already"),
        "{refused}"
    );
    assert!(world.engines.objects.bucket("uploads").is_err());
    assert_eq!(world.table("photos"), Some(created));
}

const INDEXED: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
        - {AttributeName: at, AttributeType: N}
        - {AttributeName: customer, AttributeType: S}
      KeySchema:
        - {AttributeName: id, KeyType: HASH}
        - {AttributeName: at, KeyType: RANGE}
      GlobalSecondaryIndexes:
        - IndexName: by-customer
          KeySchema:
            - {AttributeName: customer, KeyType: HASH}
            - {AttributeName: at, KeyType: RANGE}
          Projection: {ProjectionType: INCLUDE, NonKeyAttributes: [total]}
      LocalSecondaryIndexes:
        - IndexName: local
          KeySchema:
            - {AttributeName: id, KeyType: HASH}
            - {AttributeName: customer, KeyType: RANGE}
          Projection: {ProjectionType: ALL}
      TimeToLiveSpecification: {AttributeName: end, Enabled: true}
      Tags: [{Key: team, Value: shop}]
"#;

#[tokio::test]
async fn a_global_index_may_have_several_attributes_of_a_role() {
    let world = World::new();
    let one = "            - {AttributeName: customer, KeyType: HASH}\n";
    let two = format!("{one}            - {{AttributeName: id, KeyType: HASH}}\n");
    world.deploy(&INDEXED.replacen(one, &two, 1)).await;
    let table = world.table("orders").unwrap();
    let key = &table.index("by-customer").unwrap().key;
    let names = |keys: &[tables::KeyAttribute]| -> Vec<String> {
        keys.iter().map(|key| key.name.clone()).collect()
    };
    assert_eq!(names(&key.partition), ["customer", "id"]);
    assert_eq!(names(&key.sort), ["at"]);
}

#[tokio::test]
async fn a_tables_indexes_expiry_and_tags_are_as_the_template_says() {
    let world = World::new();
    assert_eq!(world.deploy(INDEXED).await, ["create table orders"]);
    let names = |world: &World| -> Vec<String> {
        let table = world.table("orders").unwrap();
        assert!(table.indexes.iter().all(tables::Index::is_whole));
        table
            .indexes
            .iter()
            .map(|index| index.name.clone())
            .collect()
    };
    let made = world.table("orders").unwrap();
    assert_eq!(names(&world), ["by-customer", "local"]);
    assert_eq!(made.expiry.as_ref().unwrap().attribute, "end");
    let tags = |world: &World| world.engines.tables.tags(&world.space, "orders").unwrap();
    assert_eq!(tags(&world)["team"], "shop");
    assert!(world.deploy(INDEXED).await.is_empty());

    let renamed = INDEXED
        .replace("by-customer", "of-customer")
        .replace(
            "AttributeName: end, Enabled: true",
            "AttributeName: until, Enabled: true",
        )
        .replace("Value: shop", "Value: sales");
    assert_eq!(world.deploy(&renamed).await, ["update table orders"]);
    assert_eq!(names(&world), ["local", "of-customer"]);
    let changed = world.table("orders").unwrap();
    assert_eq!(changed.id, made.id);
    assert_eq!(changed.expiry.unwrap().attribute, "until");
    assert_eq!(tags(&world)["team"], "sales");

    let wider = renamed.replace(
        "NonKeyAttributes: [total]",
        "NonKeyAttributes: [total, note]",
    );
    assert_eq!(world.deploy(&wider).await, ["update table orders"]);
    assert_eq!(world.table("orders").unwrap().id, made.id);

    let other_local = renamed.replace("IndexName: local", "IndexName: other");
    let refused = world.refusal(&other_local).await;
    assert!(refused.contains("cannot be changed"), "{refused}");

    let protected = format!("{renamed}      DeletionProtectionEnabled: true\n");
    assert_eq!(world.deploy(&protected).await, ["update table orders"]);
    assert!(world.deployer.destroy("shop").await.is_err());
    assert!(world.table("orders").is_some());
}

/// The stack's own table was deleted behind its back, and another made with its name.
#[tokio::test]
async fn a_table_that_was_made_anew_with_another_key_stays_as_it_is() {
    let world = World::new();
    world.deploy(PHOTOS).await;
    let tables = &world.engines.tables;
    let ours = tables
        .drop_table(&world.space, "photos")
        .await
        .unwrap()
        .table;
    let key = tables::KeySchema {
        sort: None,
        ..ours.key
    };
    let theirs = NewTable::new("photos", key);
    let theirs = tables.create(&world.space, theirs).await.unwrap().table;
    let faster = PHOTOS.replace("ReadCapacityUnits: 3", "ReadCapacityUnits: 30");
    let failed = world.refusal(&faster).await;
    assert!(
        failed.starts_with("cannot update the table photos: it exists already, with another key"),
        "{failed}"
    );
    assert_eq!(world.table("photos"), Some(theirs));
}

/// An item under the key of the template's table.
async fn put_item(world: &World, table: &str) {
    let item = Item::from([
        ("album".to_owned(), tables::Value::String("summer".into())),
        (
            "taken".to_owned(),
            tables::Value::Number("1".parse().unwrap()),
        ),
    ]);
    let put = world.engines.tables.put(&world.space, table, item);
    put.await.unwrap();
}
