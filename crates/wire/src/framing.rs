//! What an answer's status and the request's method say about its body, whatever the service says.

use http::{HeaderValue, Method, StatusCode, header};
use http_body::Body as _;

use crate::{Response, empty};

/// An answer as it may be sent: without a body where there must be none (RFC 9110, sections 6.4.1 and 9.3.2), and with no
/// length but its own.
pub(crate) fn fit(asked: &Method, mut response: Response) -> Response {
    let length = response.body().size_hint().exact();
    let has_none = matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if has_none {
        return response.map(|_| empty());
    }
    if asked == Method::HEAD {
        // It is told how long the answer would be, where that is known.
        if let Some(length @ 1..) = length {
            set_length(&mut response, length);
        }
        return response.map(|_| empty());
    }
    let said = response.headers().get(header::CONTENT_LENGTH);
    if let (Some(said), Some(length)) = (said, length)
        && said.as_bytes() != length.to_string().as_bytes()
    {
        set_length(&mut response, length);
    }
    response
}

fn set_length(response: &mut Response, length: u64) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::full;

    fn answer(status: u16, said: Option<&'static str>, body: &'static str) -> Response {
        let mut response = Response::new(full(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if let Some(said) = said {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static(said));
        }
        response
    }

    fn fitted(method: &Method, response: Response) -> (Option<String>, u64) {
        let fitted = fit(method, response);
        let said = fitted.headers().get(header::CONTENT_LENGTH);
        let said = said.map(|said| said.to_str().unwrap().to_owned());
        (said, fitted.body().size_hint().exact().unwrap())
    }

    #[test]
    fn a_head_is_told_the_length_and_nothing_else() {
        let head = |said, body| fitted(&Method::HEAD, answer(200, said, body));
        assert_eq!(head(None, "hello"), (Some("5".into()), 0));
        assert_eq!(head(Some("7"), ""), (Some("7".into()), 0));
        assert_eq!(head(None, ""), (None, 0));
    }

    #[test]
    fn no_content_has_none() {
        assert_eq!(fitted(&Method::GET, answer(204, None, "hello")).1, 0);
        assert_eq!(fitted(&Method::GET, answer(304, None, "hello")).1, 0);
    }

    #[test]
    fn a_length_that_is_not_the_bodys_is_put_right() {
        let get = |said, body| fitted(&Method::GET, answer(200, said, body));
        assert_eq!(get(Some("3"), "hello"), (Some("5".into()), 5));
        assert_eq!(get(Some("5"), "hello"), (Some("5".into()), 5));
        assert_eq!(get(None, "hello"), (None, 5));
    }
}
