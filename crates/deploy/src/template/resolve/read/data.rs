//! Buckets, tables and queues.

use super::One;
use crate::desired::Kind as Made;
use crate::template::resolve::{Harvest, NOTIFICATION};
use crate::template::shape::Fields;
use crate::template::tree::{Node, Value};
use crate::template::{admission, bucket, function_arn, queue, table};

impl<'r> One<'r> {
    pub(super) fn bucket(&self, harvest: &mut Harvest) -> Option<Made> {
        let named = self.named(bucket::PROPERTIES);
        let made = named.and_then(|(fields, name)| bucket::read(&fields, name, self.findings));
        self.own_notification(harvest);
        made.map(Made::Bucket)
    }

    fn own_notification(&self, harvest: &mut Harvest) {
        let (one, resolving) = (self.declared, self.resolving);
        let entries = one.properties.entries().unwrap_or_default();
        let mut entries = entries.iter();
        let Some(entry) = entries.find(|entry| entry.key == "NotificationConfiguration") else {
            return;
        };
        let owner = format!("{}{NOTIFICATION}", one.id);
        let evaluated = || self.scope.eval(&entry.value);
        let node = self.scope.on_behalf(&owner, evaluated);
        if matches!(node.value, Value::Null | Value::Broken | Value::Absent) {
            return;
        }
        let function =
            |node: &Node| function_arn::read("Function", node, resolving.context, resolving.report);
        let (at, findings) = (entry.key_span, self.findings);
        let told = bucket::notification(&node, at, &one.id, findings, function);
        let rules = harvest.rules.entry(one.id.clone()).or_default();
        rules.extend(told);
        if bucket::is_on_bus(&node, findings) {
            harvest.on_bus.insert(one.id.clone());
        }
    }

    pub(super) fn bucket_policy(&self) -> Option<Made> {
        let fields = self.open(bucket::POLICY)?;
        bucket::policy(&fields, self.findings).map(Made::BucketPolicy)
    }

    pub(super) fn table(&self) -> Option<Made> {
        let (fields, name) = self.named(table::PROPERTIES)?;
        self.whole_table(&fields, name)
    }

    pub(super) fn simple_table(&self) -> Option<Made> {
        let (fields, name) = self.named(table::SIMPLE_PROPERTIES)?;
        table::read_simple(&fields, name, self.findings).map(Made::Table)
    }

    /// Read as the table that it is here.
    pub(super) fn global_table(&self) -> Option<Made> {
        let (one, context) = (self.declared, self.resolving.context);
        let fields = self.open(table::GLOBAL_PROPERTIES)?;
        let table = table::as_table(&fields, self.properties, context, self.findings)?;
        let owner = one.kind.type_name();
        let schema = table::PROPERTIES;
        let fields = Fields::open(&table, one.id_span, owner, schema, self.findings)?;
        self.whole_table(&fields, self.name.clone()?)
    }

    fn whole_table<'f>(&self, fields: &Fields<'f>, name: String) -> Option<Made>
    where
        'r: 'f,
    {
        let feeds = &self.resolving.context.feeds;
        table::read(fields, name, feeds, self.findings).map(Made::Table)
    }

    pub(super) fn queue(&self) -> Option<Made> {
        let (fields, name) = self.named(queue::PROPERTIES)?;
        let queue = queue::read(&fields, name, self.findings)?;
        if self.declared.by_transform {
            self.findings.doors.open_queue(&queue.name);
        }
        Some(Made::Queue(queue))
    }

    pub(super) fn queue_policy(&self) {
        if let Some(fields) = self.open(queue::POLICY) {
            admission::read_policy(&fields, "Queues", self.findings);
        }
    }
}
