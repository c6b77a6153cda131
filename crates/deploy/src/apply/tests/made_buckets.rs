//! What buckets are told.

use super::*;

const OPEN: &str = r#"
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: uploads
      Tags: [{Key: team, Value: shop}]
      CorsConfiguration:
        CorsRules:
          - Id: pages
            AllowedOrigins: ['https://*.shop.example']
            AllowedMethods: [GET, PUT]
            AllowedHeaders: ['*']
            ExposedHeaders: [ETag]
            MaxAge: 600
"#;

#[tokio::test]
async fn a_bucket_s_tags_and_rules_for_other_origins_are_as_the_template_says() {
    let world = World::new();
    assert_eq!(world.deploy(OPEN).await, ["create bucket uploads"]);
    let objects = &world.engines.objects;
    let tags = || objects.bucket_tags("uploads").unwrap();
    let rules = || objects.origin_rules("uploads").unwrap();
    assert_eq!(tags()["team"], "shop");
    let rule = objects::OriginRule {
        id: Some("pages".into()),
        origins: vec!["https://*.shop.example".into()],
        methods: vec!["GET".into(), "PUT".into()],
        headers: vec!["*".into()],
        exposed: vec!["ETag".into()],
        max_age_s: Some(600),
    };
    assert_eq!(rules(), std::slice::from_ref(&rule));
    assert!(world.deploy(OPEN).await.is_empty());

    let other = OPEN
        .replace("Value: shop", "Value: sales")
        .replace("MaxAge: 600", "MaxAge: 5");
    assert_eq!(world.deploy(&other).await, ["update bucket uploads"]);
    assert_eq!(tags()["team"], "sales");
    assert_eq!(rules()[0].max_age_s, Some(5));

    let (bare, _) = OPEN.split_once("      Tags").unwrap();
    assert_eq!(world.deploy(bare).await, ["update bucket uploads"]);
    assert!(tags().is_empty() && rules().is_empty());
}

#[tokio::test]
async fn a_bucket_keeps_versions_as_the_template_says_and_those_that_there_are() {
    const PLAIN: &str =
        "Resources: {R: {Type: AWS::S3::Bucket, Properties: {BucketName: uploads}}}";
    let with = |status: &str| {
        let setting = format!("uploads, VersioningConfiguration: {{Status: {status}}}");
        PLAIN.replace("uploads", &setting)
    };
    let world = World::new();
    let versioning = || world.engines.objects.versioning("uploads").unwrap();
    world.deploy(&with("Enabled")).await;
    assert_eq!(versioning(), Versioning::Enabled);
    assert!(world.deploy(&with("Enabled")).await.is_empty());
    assert_eq!(world.deploy(PLAIN).await, ["update bucket uploads"]);
    assert_eq!(versioning(), Versioning::Suspended, "there may be versions");
    world.deploy(&with("Suspended")).await;
    world.deploy(&with("Enabled")).await;
    put_object(&world, "uploads", "a.jpg").await;
    delete_object(&world, "uploads", "a.jpg").await;
    world.deployer.destroy("shop").await.unwrap();
    assert_eq!(versioning(), Versioning::Enabled, "a version is left");
}

const SITE: &str = r#"
Resources:
  Site:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: site
      WebsiteConfiguration:
        IndexDocument: index.html
        ErrorDocument: 404.html
        RoutingRules:
          - RoutingRuleCondition: {KeyPrefixEquals: old/, HttpErrorCodeReturnedEquals: '404'}
            RedirectRule: {HostName: a.example, Protocol: https, HttpRedirectCode: '307', ReplaceKeyPrefixWith: new/}
          - RedirectRule: {ReplaceKeyWith: page.html}
"#;

#[tokio::test]
async fn a_bucket_is_the_website_that_the_template_says() {
    use objects::{NewKey, Pages, Redirect, Rule, Scheme, Website};
    let world = World::new();
    assert_eq!(world.deploy(SITE).await, ["create bucket site"]);
    let website = || world.engines.objects.website("site").unwrap();
    let rules = vec![
        Rule {
            prefix: Some("old/".into()),
            error: Some(404),
            redirect: Redirect {
                host: Some("a.example".into()),
                scheme: Some(Scheme::Https),
                status: Some(307),
                key: Some(NewKey::Prefix("new/".into())),
            },
        },
        Rule {
            redirect: Redirect {
                key: Some(NewKey::Whole("page.html".into())),
                ..Redirect::default()
            },
            ..Rule::default()
        },
    ];
    let expected = Website::Pages(Pages {
        index: "index.html".into(),
        error: Some("404.html".into()),
        rules,
    });
    assert_eq!(website().as_deref(), Some(&expected));
    assert!(world.deploy(SITE).await.is_empty());

    let (front, _) = SITE.split_once("        IndexDocument").unwrap();
    let other = format!("{front}        RedirectAllRequestsTo: {{HostName: b.example}}\n");
    assert_eq!(world.deploy(&other).await, ["update bucket site"]);
    let expected = Website::Elsewhere {
        host: "b.example".into(),
        scheme: None,
    };
    assert_eq!(website().as_deref(), Some(&expected));

    let (bare, _) = SITE.split_once("      WebsiteConfiguration").unwrap();
    assert_eq!(world.deploy(bare).await, ["update bucket site"]);
    assert_eq!(website(), None);
}

#[test]
fn every_kind_of_event_that_a_template_may_name_is_known() {
    for event in crate::template::EVENTS {
        assert!(crate::engines::event_kind(event).is_some(), "{event}");
    }
}

const POLICY: &str = "
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: site
      PolicyDocument: {Statement: {Effect: Deny, Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::site/*'}}
";

#[tokio::test]
async fn a_policy_is_its_bucket_s_while_the_template_says_so() {
    let world = World::new();
    let alone = format!("Resources:{POLICY}");
    let refused = world.refusal(&alone).await;
    assert!(refused.contains("there is no bucket `site`"), "{refused}");
    let both = format!("{}{POLICY}", SITE.trim_end());
    let made = world.deploy(&both).await;
    assert_eq!(made, ["create bucket site", "create bucket policy site"]);
    let policy = || world.engines.objects.access("site").unwrap().policy;
    assert!(policy().is_some_and(|policy| policy.contains("arn:aws:s3:::site/*")));
    let other = both.replace("Deny", "Allow");
    assert_eq!(world.deploy(&other).await, ["update bucket policy site"]);
    assert_eq!(world.deploy(SITE).await, ["remove bucket policy site"]);
    assert_eq!(policy(), None);
    world.deploy(&both).await;
    world.deployer.destroy("shop").await.unwrap();
    assert!(world.engines.objects.bucket("site").is_err());
}
