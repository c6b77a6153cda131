//! Documents that s3s cannot write as the service does.

use quick_xml::escape::escape;

#[derive(Default)]
pub(super) struct Xml(String);

impl Xml {
    pub(super) fn open(&mut self, name: &str) {
        self.0.push_str(&format!("<{name}>"));
    }

    pub(super) fn close(&mut self, name: &str) {
        self.0.push_str(&format!("</{name}>"));
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.0
            .push_str(&format!("<{name}>{}</{name}>", escape(text)));
    }

    pub(super) fn some(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}
