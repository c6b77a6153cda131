//! What visitors see where the bucket has nothing else for them to see.

use http::StatusCode;
use quick_xml::escape::escape;
use wire::Response;

use crate::s3::fault::Fault;
use crate::s3::headers;
use crate::s3::ids::Ids;

/// A page about an error, and about another one that there was when the bucket's own page was to be shown.
pub(super) fn print(fault: &Fault, other: Option<&Fault>, is_head: bool, ids: &Ids) -> Response {
    let without_body = is_head || fault.status == StatusCode::NOT_MODIFIED;
    let mut response = match without_body {
        true => Response::new(wire::empty()),
        false => Response::new(wire::full(html(fault, other, ids))),
    };
    *response.status_mut() = fault.status;
    name(fault, &mut response);
    let fields = response.headers_mut();
    if fault.status != StatusCode::NOT_MODIFIED {
        headers::set(fields, "content-type", "text/html; charset=utf-8");
    }
    for (name, value) in &fault.headers {
        fields.insert(name.clone(), value.clone());
    }
    response
}

/// Says in an answer's headers what the error is.
pub(super) fn name(fault: &Fault, response: &mut Response) {
    let fields = response.headers_mut();
    headers::set(fields, "x-amz-error-code", &fault.code);
    headers::set(fields, "x-amz-error-message", &fault.message);
    for (name, value) in &fault.fields {
        headers::set(fields, &format!("x-amz-error-detail-{name}"), value);
    }
}

fn html(fault: &Fault, other: Option<&Fault>, ids: &Ids) -> String {
    let title = format!(
        "{} {}",
        fault.status.as_u16(),
        fault.status.canonical_reason().unwrap_or_default()
    );
    let ids = [
        ("RequestId", ids.request.as_str()),
        ("HostId", ids.host.as_str()),
    ];
    let mut body = format!("<h1>{title}</h1>\n{}", list(fault, &ids));
    if let Some(other) = other {
        body.push_str(
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n",
        );
        body.push_str(&list(other, &[]));
    }
    format!("<html>\n<head><title>{title}</title></head>\n<body>\n{body}<hr/>\n</body>\n</html>\n")
}

fn list(fault: &Fault, more: &[(&str, &str)]) -> String {
    let own = [("Code", &*fault.code), ("Message", &*fault.message)];
    let fields = fault.fields.iter();
    let fields = fields.map(|(name, value)| (*name, value.as_str()));
    let all = own.into_iter().chain(fields).chain(more.iter().copied());
    let items: String = all
        .map(|(name, value)| format!("<li>{name}: {}</li>\n", escape(value)))
        .collect();
    format!("<ul>\n{items}</ul>\n")
}
