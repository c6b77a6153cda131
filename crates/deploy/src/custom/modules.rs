//! The modules that code of one file finds beside it, by which it answers.

use runtimes::Language;

/// A file's name and its text.
type File = (&'static str, &'static str);

const FOR_NODE: File = (
    "node_modules/cfn-response/index.js",
    include_str!("modules/cfn-response.js"),
);
const FOR_PYTHON: File = ("cfnresponse.py", include_str!("modules/cfnresponse.py"));

/// What belongs beside the text: what it names.
pub(crate) fn beside(language: Option<Language>, text: &str) -> Option<File> {
    let (name, file) = match language {
        Some(Language::Python) => ("cfnresponse", FOR_PYTHON),
        _ => ("cfn-response", FOR_NODE),
    };
    text.contains(name).then_some(file)
}
