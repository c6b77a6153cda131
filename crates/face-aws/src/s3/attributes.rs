//! What is asked of an object by attribute.

use http::StatusCode;
use objects::{Checksum, Object, ObjectPart};
use s3s::dto::{GetObjectAttributesInput, GetObjectAttributesOutput, ObjectAttributes};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};
use super::version::{self, Asked};
use super::xml::Xml;
use super::{checksum, headers, list};

const KNOWN: [&str; 5] = [
    ObjectAttributes::ETAG,
    ObjectAttributes::CHECKSUM,
    ObjectAttributes::OBJECT_PARTS,
    ObjectAttributes::STORAGE_CLASS,
    ObjectAttributes::OBJECT_SIZE,
];

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetObjectAttributesInput>,
) -> Result<S3Response<GetObjectAttributesOutput>> {
    let input = request.input;
    let which = Asked::read(call, &input.bucket, &input.key, input.version_id.as_deref())?;
    let page = Page::of(input.max_parts, input.part_number_marker)?;
    let (object, parts) = which.head_parts()?;
    let asked = asked(call)?;
    // Written here, because the tag has no quotes around it in this one document.
    let xml = document(&asked, &object, &parts, &page);
    *call.content.lock() = Some((StatusCode::OK, wire::full(xml)));
    Ok(S3Response::new(GetObjectAttributesOutput {
        last_modified: Some(headers::wire_time(object.modified)),
        version_id: version::text(&object),
        ..GetObjectAttributesOutput::default()
    }))
}

fn asked(call: &Call) -> Result<Vec<String>> {
    let values = call.headers.get_all("x-amz-object-attributes").iter();
    let text = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect::<Vec<_>>()
        .join(",");
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().all(|name| KNOWN.contains(&name.as_str())) {
        return Ok(names);
    }
    Err(Fault::invalid_argument(
        "x-amz-object-attributes",
        &text,
        "Invalid attribute name specified.",
    ))
}

/// Which of the parts are shown.
struct Page {
    after: usize,
    limit: usize,
}

impl Page {
    fn of(limit: Option<i32>, after: Option<i32>) -> Result<Self> {
        Ok(Self {
            after: list::size(list::natural(after, "part-number-marker")?.unwrap_or_default()),
            limit: list::size(list::page(limit, "max-parts")?),
        })
    }
}

fn document(asked: &[String], object: &Object, parts: &[ObjectPart], page: &Page) -> String {
    let wanted = |name: &str| asked.iter().any(|each| each == name);
    let mut xml = Xml::default();
    xml.open("GetObjectAttributesResponse xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
    if wanted(ObjectAttributes::ETAG) {
        xml.text("ETag", &object.etag.to_string());
    }
    if wanted(ObjectAttributes::CHECKSUM)
        && let Some(checksum) = &object.checksum
    {
        xml.open("Checksum");
        print_checksum(&mut xml, checksum);
        xml.text("ChecksumType", checksum::type_name(checksum.coverage));
        xml.close("Checksum");
    }
    if wanted(ObjectAttributes::OBJECT_PARTS) && !parts.is_empty() {
        print_parts(&mut xml, parts, page);
    }
    if wanted(ObjectAttributes::STORAGE_CLASS) {
        xml.text("StorageClass", "STANDARD");
    }
    if wanted(ObjectAttributes::OBJECT_SIZE) {
        xml.text("ObjectSize", &object.size.to_string());
    }
    xml.close("GetObjectAttributesResponse");
    xml.finish()
}

/// Only parts with checksums are told one by one; of others it is said how many they are.
fn print_parts(xml: &mut Xml, parts: &[ObjectPart], page: &Page) {
    xml.open("ObjectParts");
    if parts.iter().all(|part| part.checksum.is_some()) {
        let shown = parts.iter().zip(1_usize..).skip(page.after);
        let shown: Vec<_> = shown.take(page.limit).collect();
        let last = shown.last().map_or(page.after, |(_, number)| *number);
        xml.text("IsTruncated", &(last < parts.len()).to_string());
        xml.text("MaxParts", &page.limit.to_string());
        xml.text("NextPartNumberMarker", &last.to_string());
        xml.text("PartNumberMarker", &page.after.to_string());
        for (part, number) in shown {
            xml.open("Part");
            xml.text("PartNumber", &number.to_string());
            xml.text("Size", &part.size.to_string());
            part.checksum.iter().for_each(|it| print_checksum(xml, it));
            xml.close("Part");
        }
    }
    xml.text("PartsCount", &parts.len().to_string());
    xml.close("ObjectParts");
}

/// Without the number of parts, which headers put behind it.
fn print_checksum(xml: &mut Xml, checksum: &Checksum) {
    let name = format!("Checksum{}", checksum::name(checksum.algorithm));
    xml.text(&name, &checksum::encode(&checksum.value));
}
