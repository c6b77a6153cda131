//! Buckets as websites: how that is set.

use http::{Method, StatusCode};

use super::{Answer, Ask, World};

pub(super) const SITE: &str = "<WebsiteConfiguration>\
<IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
<ErrorDocument><Key>error.html</Key></ErrorDocument>\
<RoutingRules>\
<RoutingRule><Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>\
<Redirect><ReplaceKeyPrefixWith>#!/new/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
<RoutingRule><Condition><KeyPrefixEquals>both/</KeyPrefixEquals>\
<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>\
<Redirect><HostName>a.example</HostName><Protocol>https</Protocol>\
<HttpRedirectCode>307</HttpRedirectCode><ReplaceKeyWith>both.html</ReplaceKeyWith></Redirect></RoutingRule>\
</RoutingRules></WebsiteConfiguration>";

impl World {
    pub(super) async fn with_site(site: &str) -> Self {
        let world = Self::new().await;
        let set = world.set_site(site).await;
        assert_eq!(set.status, StatusCode::OK, "{}", set.body);
        world
    }

    pub(super) async fn set_site(&self, site: &str) -> Answer {
        let ask = Ask::new(Method::PUT, "/bucket?website").with(site.to_owned());
        self.send(ask).await
    }
}

#[tokio::test]
async fn a_website_is_set_read_and_removed() {
    let world = World::new().await;
    let none = (404, "NoSuchWebsiteConfiguration".to_owned());
    let read = || Ask::new(Method::GET, "/bucket?website");
    assert_eq!(world.fails(read()).await, none);
    world.set_site(SITE).await;
    let found = world.send(read()).await;
    for part in [
        "<Suffix>index.html</Suffix>",
        "<Key>error.html</Key>",
        "<Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>",
        "<ReplaceKeyPrefixWith>#!/new/</ReplaceKeyPrefixWith>",
        "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>",
        "<Protocol>https</Protocol>",
        "<HttpRedirectCode>307</HttpRedirectCode>",
        "<ReplaceKeyWith>both.html</ReplaceKeyWith>",
    ] {
        assert!(found.body.contains(part), "{part} in {}", found.body);
    }
    let gone = world
        .send(Ask::new(Method::DELETE, "/bucket?website"))
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(world.fails(read()).await, none);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let ask = Ask::new(method, "/nobody?website").with(SITE);
        assert_eq!(world.fails(ask).await, (404, "NoSuchBucket".into()));
    }
}

#[tokio::test]
async fn a_website_goes_with_its_bucket() {
    let world = World::with_site(SITE).await;
    world.send(Ask::new(Method::DELETE, "/bucket")).await;
    world.send(Ask::new(Method::PUT, "/bucket")).await;
    let read = Ask::new(Method::GET, "/bucket?website");
    assert_eq!(world.fails(read).await.1, "NoSuchWebsiteConfiguration");
}

#[tokio::test]
async fn websites_that_there_cannot_be() {
    let world = World::new().await;
    const INDEX: &str = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";
    let site = |inner: &str| format!("<WebsiteConfiguration>{inner}</WebsiteConfiguration>");
    let rules = |count: usize, rule: &str| {
        let rules = format!("<RoutingRule>{rule}</RoutingRule>").repeat(count);
        site(&format!("{INDEX}<RoutingRules>{rules}</RoutingRules>"))
    };
    let redirect = |inner: &str| rules(1, &format!("<Redirect>{inner}</Redirect>"));
    let condition = |inner: &str| {
        rules(
            1,
            &format!("<Condition>{inner}</Condition><Redirect><HostName>a</HostName></Redirect>"),
        )
    };
    let elsewhere = |inner: &str| format!("<RedirectAllRequestsTo>{inner}</RedirectAllRequestsTo>");
    let malformed =
        "The XML you provided was not well-formed or did not validate against our published schema";
    let protocol = "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.";
    for (document, code, message) in [
        (
            site(""),
            "InvalidArgument",
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
        ),
        (
            site("<IndexDocument><Suffix></Suffix></IndexDocument>"),
            "InvalidArgument",
            "The IndexDocument Suffix is not well formed",
        ),
        (
            site("<IndexDocument><Suffix>a/index.html</Suffix></IndexDocument>"),
            "InvalidArgument",
            "The IndexDocument Suffix is not well formed",
        ),
        (
            site(&format!(
                "{INDEX}<ErrorDocument><Key></Key></ErrorDocument>"
            )),
            "MalformedXML",
            malformed,
        ),
        (rules(0, ""), "MalformedXML", malformed),
        (
            rules(51, "<Redirect><HostName>a</HostName></Redirect>"),
            "InvalidRequest",
            "51 routing rules provided, the number of routing rules in a website configuration is limited to 50.",
        ),
        (
            site(&format!("{INDEX}{}", elsewhere("<HostName>a</HostName>"))),
            "InvalidArgument",
            "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
        ),
        (
            site(&elsewhere("<HostName></HostName>")),
            "InvalidRequest",
            "A host name must be provided to redirect all requests (e.g. \"example.com\").",
        ),
        (
            site(&elsewhere("<HostName>a</HostName><Protocol>ftp</Protocol>")),
            "InvalidRequest",
            protocol,
        ),
        (
            redirect("<Protocol>ftp</Protocol>"),
            "InvalidRequest",
            protocol,
        ),
        (
            redirect(
                "<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>a</ReplaceKeyPrefixWith>",
            ),
            "InvalidRequest",
            "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
        ),
        (
            redirect("<HttpRedirectCode>300</HttpRedirectCode>"),
            "InvalidRequest",
            "The provided HTTP redirect code (300) is not valid. Valid codes are 3XX except 300.",
        ),
        (
            condition("<HttpErrorCodeReturnedEquals>302</HttpErrorCodeReturnedEquals>"),
            "InvalidRequest",
            "The provided HTTP error code (302) is not valid. Valid codes are 4XX or 5XX.",
        ),
        (
            condition(""),
            "InvalidRequest",
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
        ),
    ] {
        let refused = world.set_site(&document).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{document}");
        let said = refused.element("Message").replace("&quot;", "\"");
        let said = said.replace("&apos;", "'");
        assert_eq!((refused.code().as_str(), said.as_str()), (code, message));
    }
    let read = Ask::new(Method::GET, "/bucket?website");
    assert_eq!(world.fails(read).await.1, "NoSuchWebsiteConfiguration");
}
