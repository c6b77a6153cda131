use super::*;

const VECTORS: &str = include_str!("vectors.txt");

struct Vector<'a> {
    name: String,
    style: PathStyle,
    secret: &'a str,
    parts: Parts,
    body: &'a str,
}

fn vectors() -> Vec<Vector<'static>> {
    VECTORS.split("\n=== ").skip(1).map(vector).collect()
}

fn vector(text: &'static str) -> Vector<'static> {
    let (title, request) = text.split_once('\n').unwrap();
    let title: Vec<&str> = title.split(' ').collect();
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    Vector {
        name: format!("{} {}", title[0], title[1]),
        style: match title[2] {
            "normalized" => PathStyle::Normalized,
            _ => PathStyle::Verbatim,
        },
        secret: title[3],
        parts: parts(head),
        body: body.trim_end_matches('\n'),
    }
}

fn parts(head: &str) -> Parts {
    let mut lines = head.lines();
    let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let mut request = http::Request::builder().method(first[0]).uri(first[1]);
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        request = request.header(name, value.trim());
    }
    request.body(()).unwrap().into_parts().0
}

/// When the vectors were signed: 2015-08-30T12:36:00Z.
fn signed_at() -> Timestamp {
    Timestamp::from_secs(seconds("20150830T123600Z").unwrap())
}

fn check<'a>(
    vector: &'a Vector<'_>,
    now: Timestamp,
    secret: &str,
) -> Result<(Claim<'a>, ()), Error> {
    let expected = Expected {
        now,
        service: "service",
        path: vector.style,
        keys: &SigningKeys::default(),
    };
    let body = sha256(vector.body.as_bytes());
    verify(&vector.parts, body.as_str(), &expected, |_, _| {
        Ok((secret.to_owned(), ()))
    })
}

fn vanilla() -> Vector<'static> {
    let found = vectors()
        .into_iter()
        .find(|v| v.name == "get-vanilla header");
    found.unwrap()
}

fn message(result: Result<(Claim<'_>, ()), Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_published_vectors_verify_and_only_with_their_secret() {
    let vectors = vectors();
    assert!(vectors.len() > 60);
    for vector in vectors {
        let good = check(&vector, signed_at(), vector.secret);
        assert!(good.is_ok(), "{}: {good:?}", vector.name);
        let bad = check(&vector, signed_at(), "another secret");
        assert!(matches!(bad, Err(Error::Invalid(_))), "{}", vector.name);
    }
}

#[test]
fn a_wrong_signature_shows_what_should_have_been_signed() {
    let wrong = message(check(&vanilla(), signed_at(), "another secret"));
    let end = "The Canonical String for this request should have been\n'GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\nbb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63'\n";
    assert!(wrong.ends_with(end), "{wrong}");
}

#[test]
fn a_changed_body_path_or_header_is_noticed() {
    let tamper: [fn(&mut Vector<'_>); 4] = [
        |vector| vector.body = "other",
        |vector| vector.parts.uri = "/other".parse().unwrap(),
        |vector| vector.parts.method = http::Method::PUT,
        |vector| {
            let other = http::HeaderValue::from_static("other.example.com");
            vector.parts.headers.insert("host", other);
        },
    ];
    for change in tamper {
        let mut vector = vanilla();
        change(&mut vector);
        let changed = check(&vector, signed_at(), vector.secret);
        assert!(matches!(changed, Err(Error::Invalid(_))));
    }
}

#[test]
fn headers_are_good_for_fifteen_minutes_either_way() {
    let vector = vanilla();
    let late = signed_at() + Duration::from_secs(901);
    assert_eq!(
        message(check(&vector, late, vector.secret)),
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
    );
    let early = signed_at() - Duration::from_secs(901);
    assert_eq!(
        message(check(&vector, early, vector.secret)),
        "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 min.)"
    );
    for at in [899, 900] {
        let at = signed_at() + Duration::from_secs(at);
        assert!(check(&vector, at, vector.secret).is_ok());
    }
}

#[test]
fn a_presigned_url_lives_as_long_as_it_says() {
    let vectors = vectors();
    let vector = vectors
        .iter()
        .find(|v| v.name == "get-vanilla query")
        .unwrap();
    let in_time = signed_at() + Duration::from_secs(3_600);
    assert!(check(vector, in_time, vector.secret).is_ok());
    let late = signed_at() + Duration::from_secs(3_601);
    assert!(message(check(vector, late, vector.secret)).starts_with("Signature expired"));
}

#[test]
fn malformed_claims_are_told_as_the_service_tells_them() {
    let with = |authorization: &str| {
        let mut parts = parts("GET / HTTP/1.1\nHost:h\nX-Amz-Date:20150830T123600Z");
        if !authorization.is_empty() {
            let value = http::HeaderValue::from_str(authorization).unwrap();
            parts.headers.insert("authorization", value);
        }
        let body = EMPTY_BODY;
        let expected = Expected {
            now: signed_at(),
            service: "dynamodb",
            path: PathStyle::Normalized,
            keys: &SigningKeys::default(),
        };
        verify(&parts, body, &expected, |_, _| {
            Err::<(String, ()), _>(Error::UnknownKey)
        })
        .unwrap_err()
    };
    let claim = |credential: &str| {
        with(&format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
        ))
        .to_string()
    };
    assert_eq!(with(""), Error::Missing);
    assert_eq!(with("Basic abc"), Error::Missing);
    assert_eq!(
        with("AWS4-HMAC-SHA256 Credential=a").to_string(),
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256 Credential=a"
    );
    assert_eq!(
        with("AWS4-HMAC-SHA25 Credential=a,SignedHeaders=host,Signature=b").to_string(),
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). "
    );
    assert!(
        with("AWS4-HMAC-SHA256 Credential")
            .to_string()
            .contains("missing equal-sign")
    );
    assert_eq!(
        claim("a/b/c/d"),
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'"
    );
    assert_eq!(
        claim("a/20150829/us-east-1/s3/aws4_request"),
        "Credential should be scoped to correct service: 'dynamodb'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150829' != '20150830', from '20150830T123600Z'."
    );
    assert_eq!(
        claim("a/20150830/us-east-1/dynamodb/aws4_request"),
        Error::UnknownKey.to_string()
    );
}

#[test]
fn nothing_in_a_head_panics() {
    for authorization in [
        "AWS4-",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ,,,=,=",
        "AWS4-HMAC-SHA256 Credential=é/é/é/é/aws4_request, SignedHeaders=;;, Signature=é",
    ] {
        for date in ["", "é", "20150830T123600Z", "99999999T999999Z"] {
            let mut parts = parts("GET /%ff/../..//.?%=%&=&&x HTTP/1.1\nHost:h");
            for (name, value) in [("authorization", authorization), ("x-amz-date", date)] {
                let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
                parts.headers.insert(name, value);
            }
            let expected = Expected {
                now: signed_at(),
                service: "é",
                path: PathStyle::Normalized,
                keys: &SigningKeys::default(),
            };
            let refused = verify(&parts, EMPTY_BODY, &expected, |_, _| {
                Ok((String::new(), ()))
            });
            assert!(refused.is_err());
        }
    }
}
