//! `AWS::Serverless::LayerVersion` and `AWS::Lambda::LayerVersion`.

use crate::desired::Layer;
use crate::diagnostic::Finding;
use crate::template::function::{Place, files};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::{scalar, tree::Node};
use Support::{Notice, Obeyed, Refused};

pub(crate) const PROPERTIES: Schema = &[
    ("CompatibleArchitectures", Obeyed),
    ("CompatibleRuntimes", Obeyed),
    ("ContentUri", Obeyed),
    ("Description", Obeyed),
    ("LayerName", Obeyed),
    ("LicenseInfo", Obeyed),
    (
        "PublishLambdaVersion",
        Refused("a layer is always published"),
    ),
    (
        "RetentionPolicy",
        Notice("a layer goes with the template that declares it"),
    ),
];

pub(crate) const PLAIN_PROPERTIES: Schema = &[
    ("CompatibleArchitectures", Obeyed),
    ("CompatibleRuntimes", Obeyed),
    ("Content", Obeyed),
    ("Description", Obeyed),
    ("LayerName", Obeyed),
    ("LicenseInfo", Obeyed),
];

/// `content` is the property that names the files.
pub(crate) fn read(
    fields: &Fields<'_>,
    content: &str,
    name: String,
    place: Place<'_>,
    findings: &Findings<'_>,
) -> Option<Layer> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(1..=140).contains(&name.len()) || !name.bytes().all(allowed) {
        let message = format!("`{name}` cannot be the name of a layer");
        let finding = Finding::error(fields.place("LayerName"), message);
        findings
            .report
            .add(finding.why("1 to 140 letters, digits, dashes and underscores"));
        return None;
    }
    let texts = |property: &str| -> Vec<String> {
        let items = fields.list(property).unwrap_or_default().iter();
        let text = |item: &Node| {
            let text = scalar::text(item, findings.report);
            text.or_else(|| fields.wrong(property, item, "a list of strings"))
        };
        items.filter_map(text).collect()
    };
    Some(Layer {
        description: fields.text("Description").unwrap_or_default(),
        license: fields.text("LicenseInfo"),
        runtimes: texts("CompatibleRuntimes"),
        architectures: texts("CompatibleArchitectures"),
        code: files(fields, content, place, findings)?,
        name,
    })
}
