"""Buckets as websites: how SDKs set that, and what visitors see."""

import http.client
import json

import botocore.exceptions
import pytest

from conftest import server

TEMPLATE = """\
Resources:
  Site:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: the-site
      AccessControl: PublicRead
      WebsiteConfiguration:
        IndexDocument: index.html
        ErrorDocument: 404.html
        RoutingRules:
          - RoutingRuleCondition: { KeyPrefixEquals: old/ }
            RedirectRule: { ReplaceKeyPrefixWith: docs/ }
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties: { Bucket: !Ref Site, PolicyDocument: { Statement: { Effect: Allow, Principal: { Service: cloudfront.amazonaws.com }, Action: "s3:GetObject", Resource: !Sub "${Site.Arn}/*" } } }
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        Origins:
          - Id: site
            DomainName: !Select [2, !Split ["/", !GetAtt Site.WebsiteURL]]
            CustomOriginConfig: { OriginProtocolPolicy: http-only }
        DefaultCacheBehavior:
          TargetOriginId: site
          ViewerProtocolPolicy: allow-all
          CachePolicyId: 658327ea-f89d-4fab-a63d-7e88639e58f6
Outputs:
  Url: { Value: !GetAtt Site.WebsiteURL }
  Id: { Value: !Ref Distribution }
  Front: { Value: !Sub "https://${Distribution.DomainName}" }
"""


def visit(fulmar, host, path="/", method="GET"):
    connection = http.client.HTTPConnection(fulmar.endpoint.removeprefix("http://"), timeout=30)
    connection.request(method, path, headers={"Host": host})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body.decode(), answer.headers


def failure(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_a_website_is_set_shown_and_removed(fulmar, s3):
    s3.create_bucket(Bucket="set")
    assert failure(s3.get_bucket_website, Bucket="set") == "NoSuchWebsiteConfiguration"
    rules = [
        {
            "Condition": {"KeyPrefixEquals": "a/", "HttpErrorCodeReturnedEquals": "404"},
            "Redirect": {"HostName": "a.example", "Protocol": "https", "HttpRedirectCode": "302", "ReplaceKeyWith": "b"},
        },
        {"Condition": {"KeyPrefixEquals": "c/"}, "Redirect": {"ReplaceKeyPrefixWith": ""}},
    ]
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}, "RoutingRules": rules}
    for said in (site, {"RedirectAllRequestsTo": {"HostName": "a.example", "Protocol": "https"}}):
        s3.put_bucket_website(Bucket="set", WebsiteConfiguration=said)
        found = s3.get_bucket_website(Bucket="set")
        del found["ResponseMetadata"]
        assert found == said
    wrong = {"IndexDocument": {"Suffix": "a/index.html"}}
    assert failure(s3.put_bucket_website, Bucket="set", WebsiteConfiguration=wrong) == "InvalidArgument"
    s3.delete_bucket_website(Bucket="set")
    assert failure(s3.get_bucket_website, Bucket="set") == "NoSuchWebsiteConfiguration"


@pytest.fixture(scope="module")
def site(fulmar, s3, tmp_path_factory):
    """As people publish one."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in [("index.html", "front"), ("docs/index.html", "docs"), ("error.html", "own page")]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    fulmar.aws("s3", "mb", "s3://site")
    fulmar.aws("s3", "sync", folder, "s3://site")
    fulmar.aws("s3", "website", "s3://site", "--index-document", "index.html", "--error-document", "error.html")
    s3.put_object(Bucket="site", Key="away", Body=b"", WebsiteRedirectLocation="/docs/")
    return "site"


@pytest.mark.parametrize(
    "host",
    [
        "site.s3-website.localhost:4566",
        "site.s3-website-us-east-1.localhost:4566",
        "site.s3-website.eu-central-1.amazonaws.com",
        "site.s3-website-us-east-1.localhost.localstack.cloud:4566",
    ],
)
def test_a_published_site_is_visited(fulmar, site, host):
    for path, status, body in [("/", 200, "front"), ("/docs/", 200, "docs"), ("/nothing", 404, "own page")]:
        found = visit(fulmar, host, path)
        assert found[:2] == (status, body)
        assert found[2]["content-type"] == "text/html"
    assert visit(fulmar, host, "/docs")[2]["location"] == "/docs/"


def test_a_site_is_visited_by_its_path(fulmar, site):
    front = f"/_aws/s3-website/{site}"
    assert visit(fulmar, "127.0.0.1", front)[1] == "front"
    status, body, headers = visit(fulmar, "127.0.0.1", f"{front}/away")
    assert (status, body, headers["location"]) == (301, "", f"{front}/docs/")


def test_heads_and_what_a_site_does_not_take(fulmar, site):
    host = f"{site}.s3-website.localhost"
    status, body, headers = visit(fulmar, host, "/", "HEAD")
    assert (status, body, headers["content-length"]) == (200, "", "5")
    assert visit(fulmar, host, "/nothing", "HEAD")[:2] == (404, "")
    for method in ("PUT", "POST", "DELETE", "OPTIONS"):
        status, body, _ = visit(fulmar, host, "/", method)
        assert status == 405 and f"<li>Method: {method}</li>" in body


def test_an_object_says_where_visitors_are_sent(s3, site):
    assert s3.head_object(Bucket=site, Key="away")["WebsiteRedirectLocation"] == "/docs/"
    assert s3.get_object(Bucket=site, Key="away")["WebsiteRedirectLocation"] == "/docs/"
    wrong = {"Bucket": site, "Key": "x", "WebsiteRedirectLocation": "docs"}
    assert failure(s3.put_object, **wrong) == "InvalidRedirectLocation"


def test_a_template_s_website_and_the_distribution_before_it(tmp_path):
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE)
    with server() as fulmar:
        shown = fulmar.cli("deploy", tmp_path).stdout
        port = fulmar.endpoint.rsplit(":", 1)[1]
        host = f"the-site.s3-website.localhost:{port}"
        outputs = json.loads(fulmar.cli("deploy", tmp_path, "--json").stdout)["outputs"]
        outputs = {output["name"]: output["value"] for output in outputs}
        assert outputs["Url"] == "http://the-site.s3-website-us-east-1.amazonaws.com"
        assert f"Url    http://{host}\n" in shown and f"GET     http://{host}/" in shown
        s3 = fulmar.client("s3")
        s3.put_object(Bucket="the-site", Key="index.html", Body=b"front")
        s3.put_object(Bucket="the-site", Key="docs/index.html", Body=b"docs")
        assert f"Front  {outputs['Front'].replace('https', 'http').replace('.net', f'.localhost:{port}')}\n" in shown
        front = f"{outputs['Id'].lower()}.cloudfront.localhost:{port}"
        for name in (host, front):
            assert visit(fulmar, name)[:2] == (200, "front")
            assert visit(fulmar, name, "/docs/")[:2] == (200, "docs")
            assert visit(fulmar, name, "/docs")[2]["location"] == "/docs/"
            status, body, _ = visit(fulmar, name, "/nothing")
            assert status == 404 and "<li>Key: 404.html</li>" in body
        assert visit(fulmar, host, "/old/")[2]["location"] == f"http://{host}/docs/"

        changed = TEMPLATE.replace("ErrorDocument: 404.html", "ErrorDocument: index.html")
        file.write_text(changed)
        fulmar.cli("deploy", tmp_path)
        assert visit(fulmar, host, "/nothing")[:2] == (404, "front")

        resources = TEMPLATE[: TEMPLATE.index("      AccessControl")]
        file.write_text(resources)
        fulmar.cli("deploy", tmp_path)
        status, body, _ = visit(fulmar, host)
        assert status == 404 and "<li>Code: NoSuchWebsiteConfiguration</li>" in body
