//! What names mean and what calls yield, while one template is being resolved.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::diagnostic::{Finding, Report, Source, Span};
use crate::feeds::feed_label;
use crate::template::conditions::{self, Within};
use crate::template::declared::{Declared, Kind, MARK, Target};
use crate::template::tree::{Call, Entry, Node, Value};
use crate::template::{Document, aside, balancer, scalar, table};
use crate::{Context, Others};

mod calls;
mod maker;
mod nested;

pub(crate) use calls::get_att;
pub(crate) use maker::Unanswered;
pub(crate) use nested::Child;

/// Everything that a value of a template can be made from.
pub(crate) struct Scope<'t> {
    pub(crate) report: &'t Report,
    pub(crate) context: &'t Context,
    pub(crate) parameters: BTreeMap<String, Node>,
    document: &'t Document,
    source: &'t Source,
    pub(crate) conditions: &'t [Entry],
    pub(crate) declared: &'t [Declared],
    by_id: HashMap<&'t str, &'t Declared>,
    truths: RefCell<HashMap<String, Option<Option<bool>>>>,
    names: RefCell<HashMap<String, Option<Option<String>>>>,
    /// Whose properties are being evaluated, and what they were found to need.
    owner: RefCell<Option<String>>,
    edges: RefCell<Vec<Edge>>,
    /// Names of what other stacks export that is used.
    imports: RefCell<BTreeSet<String>>,
    lacks_others: Cell<bool>,
    /// Bytes and values that calls have yielded: see [`MAX_YIELD`].
    produced: Cell<usize>,
    unanswered: RefCell<Unanswered>,
    /// What is in nested stacks, by their logical ids; none while that is being found out.
    children: RefCell<HashMap<String, Option<Rc<Child>>>>,
    nesting: Cell<usize>,
    too_deep: Cell<Option<Span>>,
}

/// `from` must come after `to`, because of what stands at `span`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) span: Span,
}

/// How much all calls of a template may yield together. Nested `Fn::Sub` can double a text at each level.
const MAX_YIELD: usize = 16 << 20;
/// How many conditions, names and nested stacks may be made from one another.
const MAX_NESTING: usize = 64;

impl<'t> Scope<'t> {
    pub(crate) fn new(
        report: &'t Report,
        context: &'t Context,
        parameters: BTreeMap<String, Node>,
        document: &'t Document,
        source: &'t Source,
        conditions: &'t [Entry],
        declared: &'t [Declared],
    ) -> Self {
        Self {
            report,
            context,
            parameters,
            document,
            source,
            conditions,
            declared,
            by_id: declared.iter().map(|one| (one.id.as_str(), one)).collect(),
            truths: RefCell::default(),
            names: RefCell::default(),
            owner: RefCell::default(),
            edges: RefCell::default(),
            imports: RefCell::default(),
            lacks_others: Cell::new(false),
            produced: Cell::new(0),
            unanswered: RefCell::default(),
            children: RefCell::default(),
            nesting: Cell::new(0),
            too_deep: Cell::new(None),
        }
    }

    /// Begins so deep in what is made from one another: in a nested stack, where the one that nests it is.
    pub(crate) fn at_depth(self, depth: usize) -> Self {
        self.nesting.set(depth);
        self
    }

    pub(crate) fn edges(&self) -> Vec<Edge> {
        self.edges.borrow().clone()
    }

    pub(crate) fn imports(&self) -> BTreeSet<String> {
        self.imports.borrow().clone()
    }

    /// What other stacks yield, or a note that it was asked for before that was known.
    fn others(&self) -> Option<&Others> {
        let others = self.context.others.as_ref();
        self.lacks_others
            .set(self.lacks_others.get() | others.is_none());
        others
    }

    /// Whether something has no value although nothing is wrong.
    pub(crate) fn is_open(&self) -> bool {
        self.lacks_others.get() || !self.unanswered.borrow().makers.is_empty()
    }

    fn import(&self, name: &str) {
        self.imports.borrow_mut().insert(name.to_owned());
    }

    pub(crate) fn declared(&self, id: &str) -> Option<&'t Declared> {
        self.by_id.get(id).copied()
    }

    /// Evaluates on behalf of a resource: what the values refer to, that resource depends on.
    pub(crate) fn on_behalf<T>(&self, owner: &str, work: impl FnOnce() -> T) -> T {
        let before = self.owner.replace(Some(owner.to_owned()));
        let done = work();
        self.owner.replace(before);
        done
    }

    pub(crate) fn depend(&self, to: &str, span: Span) {
        if self.report.is_hushed() {
            return;
        }
        if let Some(from) = self.owner.borrow().clone() {
            let to = to.to_owned();
            self.edges.borrow_mut().push(Edge { from, to, span });
        }
    }

    /// The value with every call replaced by what it yields, and without what is absent.
    pub(crate) fn eval(&self, node: &Node) -> Node {
        match &node.value {
            Value::List(items) => {
                let items = items.iter().map(|item| self.eval(item));
                let items = items.filter(|item| item.value != Value::Absent).collect();
                Node::new(node.span, Value::List(items))
            }
            Value::Map(entries) => {
                let entries = entries.iter().map(|entry| Entry {
                    key: entry.key.clone(),
                    key_span: entry.key_span,
                    value: self.eval(&entry.value),
                });
                let present = entries.filter(|entry| entry.value.value != Value::Absent);
                Node::new(node.span, Value::Map(present.collect()))
            }
            Value::Call(call) => self.call(call, node.span),
            _ => node.clone(),
        }
    }

    /// Whether the condition of this name holds; none when that cannot be said, which has been reported.
    pub(crate) fn holds(&self, name: &str, span: Span) -> Option<bool> {
        match self.truths.borrow().get(name) {
            Some(Some(known)) => return *known,
            Some(None) => {
                self.report.add(
                    Finding::error(span, format!("the condition `{name}` depends on itself"))
                        .help("write it so that it does not need its own result"),
                );
                return None;
            }
            None => {}
        }
        let entry = self.conditions.iter().find(|entry| entry.key == name)?;
        self.truths.borrow_mut().insert(name.to_owned(), None);
        let truth = self.nested(span, || {
            conditions::truth(self, &entry.value, Within::Conditions)
        });
        // Said again when it is asked for aloud, if it was hushed now and could not be told.
        if truth.is_none() && self.report.is_hushed() {
            self.truths.borrow_mut().remove(name);
        } else {
            self.truths
                .borrow_mut()
                .insert(name.to_owned(), Some(truth));
        }
        truth
    }

    /// What the resource is called in the engines: as its template says, or generated.
    pub(crate) fn physical(&self, declared: &Declared) -> Option<String> {
        match self.names.borrow().get(&declared.id) {
            Some(Some(known)) => return known.clone(),
            // It is named after itself; the circle is reported with the other circles.
            Some(None) => return None,
            None => {}
        }
        self.names.borrow_mut().insert(declared.id.clone(), None);
        // What is wrong in the name is said when all properties are read.
        let name = self.report.hushed(|| {
            self.nested(declared.id_span, || {
                let given = declared.given_name().map(|given| self.eval(given));
                match given {
                    Some(given) if !matches!(given.value, Value::Absent | Value::Null) => {
                        self.text(&given)
                    }
                    _ => {
                        let name = declared.generated_name(self.context);
                        Some(self.with_ending(declared, name))
                    }
                }
            })
        });
        let mut names = self.names.borrow_mut();
        names.insert(declared.id.clone(), Some(name.clone()));
        name
    }

    /// The name of a queue that keeps order says so.
    fn with_ending(&self, declared: &Declared, name: String) -> String {
        const ENDING: &str = ".fifo";
        const LONGEST: usize = 80;
        let ordered = declared.kind == Kind::Queue
            && self.property(declared, "FifoQueue").as_deref() == Some("true");
        if !ordered {
            return name;
        }
        let room = LONGEST - ENDING.len();
        let stem = &name[name.len().saturating_sub(room)..];
        format!("{stem}{ENDING}")
    }

    /// Says where too much is made from one another, which may have been found while the report was hushed. What goes
    /// round has been reported.
    pub(crate) fn check_depth(&self) {
        if let Some(span) = self.too_deep.get()
            && !self.report.has_errors()
        {
            let message = format!(
                "more than {MAX_NESTING} conditions, names or nested stacks are made from one another"
            );
            self.report.add(Finding::error(span, message));
        }
    }

    fn nested<T>(&self, span: Span, work: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.nesting.get() >= MAX_NESTING {
            self.too_deep.set(Some(span));
            return None;
        }
        self.nesting.set(self.nesting.get() + 1);
        let done = work();
        self.nesting.set(self.nesting.get() - 1);
        done
    }

    /// A text that a call yields.
    fn yielded(&self, span: Span, text: String) -> Node {
        if self.charge(span, text.len()) {
            Node::text(span, text)
        } else {
            Node::broken(span)
        }
    }

    /// A value from elsewhere in the template, as it is seen at `span`.
    fn copied(&self, span: Span, node: &Node) -> Node {
        if !self.charge(span, weight(node)) {
            return Node::broken(span);
        }
        let mut copy = node.clone();
        copy.span = span;
        if let Value::List(items) = &mut copy.value {
            for item in items {
                item.span = span;
            }
        }
        copy
    }

    fn charge(&self, span: Span, weight: usize) -> bool {
        let before = self.produced.get();
        let after = before.saturating_add(weight);
        self.produced.set(after);
        if before <= MAX_YIELD && after > MAX_YIELD {
            self.report.add(
                Finding::error(span, "the template's functions yield too much")
                    .why(format!("together at most {MAX_YIELD} bytes")),
            );
        }
        after <= MAX_YIELD
    }

    fn text(&self, node: &Node) -> Option<String> {
        scalar::text(node, self.report)
    }

    /// What a name in `Ref` or `Fn::Sub` yields. A name that is nothing has been reported before.
    fn reference(&self, name: &str, span: Span) -> Node {
        if let Some(pseudo) = pseudo(self.context, name, span) {
            return pseudo;
        }
        if let Some(parameter) = self.parameters.get(name) {
            return self.copied(span, parameter);
        }
        if let Some(custom) = self.custom(name) {
            return self.named_by_maker(custom, span);
        }
        self.of_resource(name, span, |target| match target {
            Target::Resource(declared) => match declared.kind {
                Kind::Layer | Kind::PlainLayer => self.attribute_of(declared, "LayerVersionArn"),
                Kind::Version => self.attribute_of(declared, "FunctionArn"),
                Kind::Alias => self.attribute_of(declared, "AliasArn"),
                Kind::PlainUrl => self.attribute_of(declared, "FunctionArn"),
                Kind::ManagedPolicy => self.attribute_of(declared, "PolicyArn"),
                Kind::Topic => self.attribute_of(declared, "TopicArn"),
                Kind::Balance(part) => self.balance_arn(declared, part),
                Kind::EventRule => {
                    let rule = self.physical(declared)?;
                    Some(match self.bus_of(declared) {
                        Some(bus) => format!("{bus}|{rule}"),
                        None => rule,
                    })
                }
                Kind::Queue => self.attribute_of(declared, "QueueUrl"),
                Kind::Aside(aside) => {
                    let name = self.physical(declared)?;
                    Some(aside::fill(aside.reference, &name, self.context))
                }
                Kind::Nested | Kind::Application => Some(self.inner(declared)?.stack_id()),
                _ => self.physical(declared),
            },
            Target::Role(function) => Some(function.role_name(self.context)),
            Target::Alias(function) => self.alias_arn(function),
            Target::Version(function) => {
                let alias = self.property(function, "AutoPublishAlias")?;
                let name = self.physical(function)?;
                Some(self.function_arn(&format!("{name}:{MARK}:{alias}{MARK}")))
            }
        })
    }

    /// What `Fn::GetAtt` yields.
    fn attribute(&self, id: &str, attribute: &str, span: Span) -> Node {
        if let Some(custom) = self.custom(id) {
            return self.said_by_maker(custom, attribute, span);
        }
        if let Some((id, Some(rest))) = Target::published(self.declared, id, attribute) {
            return self.attribute(&id, rest, span);
        }
        if let Some(nested) = self.nested_stack(id) {
            return self.output(nested, attribute, span);
        }
        self.of_resource(id, span, |target| match target {
            Target::Resource(declared)
                if matches!(declared.kind, Kind::Table | Kind::GlobalTable)
                    && attribute == "StreamArn" =>
            {
                self.stream_arn(declared, span)
            }
            Target::Resource(declared) => self.attribute_of(declared, attribute),
            Target::Alias(function) => self.alias_arn(function),
            Target::Version(function) => {
                let alias = self.property(function, "AutoPublishAlias")?;
                Some(format!("{MARK}:{alias}{MARK}"))
            }
            Target::Role(function) => {
                let name = function.role_name(self.context);
                let arn = || self.context.identity_arn(&format!("role/{name}"));
                (attribute == "Arn").then(arn)
            }
        })
    }

    /// The name that a table's stream has or will have.
    fn stream_arn(&self, table: &Declared, span: Span) -> Option<String> {
        let given = table.properties.get("StreamSpecification");
        let given = given.map(|given| {
            let eval = || self.nested(table.id_span, || Some(self.eval(given)));
            self.report.hushed(eval)
        });
        // What is wrong with it is said where the table is read.
        let specification = match given {
            None => Node::new(span, Value::Absent),
            Some(given) => given?,
        };
        if matches!(specification.value, Value::Absent | Value::Null) {
            self.report.add(
                Finding::error(span, format!("`StreamArn` of `{}` has no value", table.id))
                    .why("the table has no stream")
                    .help("give the table a `StreamSpecification`"),
            );
            return None;
        }
        let view = specification.get("StreamViewType")?;
        let images = table::view(&self.report.hushed(|| self.text(view))?)?;
        let name = self.physical(table)?;
        let label = feed_label(self.context.feeds.began(&name, images));
        let arn = table.kind.attribute("Arn", &name, self.context)?;
        Some(format!("{arn}/stream/{label}"))
    }

    fn attribute_of(&self, declared: &Declared, attribute: &str) -> Option<String> {
        match (declared.kind, attribute) {
            (Kind::Layer | Kind::PlainLayer, "LayerVersionArn") => {
                let name = self.physical(declared)?;
                Some(self.context.arn("lambda", &format!("layer:{name}{MARK}")))
            }
            (Kind::Version, "Version") => Some(format!("{MARK}{}{MARK}", declared.id)),
            (Kind::Version, "FunctionArn") => {
                let function = self.function_of(declared)?;
                Some(self.function_arn(&format!("{function}:{MARK}{}{MARK}", declared.id)))
            }
            (Kind::EventRule, "Arn") => {
                let rule = self.physical(declared)?;
                let path = self
                    .bus_of(declared)
                    .map_or(String::new(), |bus| format!("{bus}/"));
                Some(self.context.arn("events", &format!("rule/{path}{rule}")))
            }
            (Kind::Schedule, "Arn") => {
                let group = self.property(declared, "GroupName");
                let group = group.as_deref().unwrap_or(schedules::DEFAULT);
                let name = self.physical(declared)?;
                let resource = format!("schedule/{group}/{name}");
                Some(self.context.arn("scheduler", &resource))
            }
            (Kind::Alias, "AliasArn") => {
                let function = self.function_of(declared)?;
                let alias = self.property(declared, "Name")?;
                Some(self.function_arn(&format!("{function}:{alias}")))
            }
            (Kind::Role, "Arn") => self.identity_arn(declared, "role"),
            (Kind::ManagedPolicy, "PolicyArn") => self.identity_arn(declared, "policy"),
            (Kind::PlainUrl, "FunctionArn") => {
                let function = self.function_of(declared)?;
                let name = match self.property(declared, "Qualifier") {
                    Some(alias) if !function.contains(':') => format!("{function}:{alias}"),
                    _ => function,
                };
                Some(self.function_arn(&name))
            }
            (Kind::Net(part), _) if let Some(property) = part.repeated(attribute) => {
                self.property(declared, property)
            }
            (Kind::Balance(part), _) => self.of_balance(declared, part, attribute),
            _ => {
                let name = self.physical(declared)?;
                declared.kind.attribute(attribute, &name, self.context)
            }
        }
    }

    /// The ARN of a load balancer or of a piece of one.
    pub(crate) fn balance_arn(&self, declared: &Declared, part: balancer::Part) -> Option<String> {
        let parent = match part.parent() {
            Some(property) => Some(self.property(declared, property)?),
            None => None,
        };
        let name = self.physical(declared)?;
        balancer::arn(part, &declared.id, &name, parent.as_deref(), self.context)
    }

    fn of_balance(
        &self,
        declared: &Declared,
        part: balancer::Part,
        attribute: &str,
    ) -> Option<String> {
        match attribute {
            "LoadBalancerName" | "TargetGroupName" => self.physical(declared),
            "DNSName" => {
                let scheme = self.property(declared, "Scheme");
                let is_internal = scheme.as_deref() == Some("internal");
                let name = self.physical(declared)?;
                let context = self.context;
                Some(balancer::address(&declared.id, &name, is_internal, context))
            }
            "LoadBalancerFullName" => {
                let arn = self.balance_arn(declared, part)?;
                Some(arn.split_once(":loadbalancer/")?.1.to_owned())
            }
            "TargetGroupFullName" => {
                let arn = self.balance_arn(declared, part)?;
                Some(arn.rsplit_once(':')?.1.to_owned())
            }
            _ => self.balance_arn(declared, part),
        }
    }

    /// The ARN of a role or a policy, which has its path in it.
    fn identity_arn(&self, declared: &Declared, noun: &str) -> Option<String> {
        let path = self
            .property(declared, "Path")
            .unwrap_or_else(|| "/".into());
        let name = self.physical(declared)?;
        Some(self.context.identity_arn(&format!("{noun}{path}{name}")))
    }

    /// The ARN of the alias that a function publishes to.
    fn alias_arn(&self, function: &Declared) -> Option<String> {
        let alias = self.property(function, "AutoPublishAlias")?;
        let name = self.physical(function)?;
        Some(self.function_arn(&format!("{name}:{alias}")))
    }

    fn function_arn(&self, qualified: &str) -> String {
        self.context.arn("lambda", &format!("function:{qualified}"))
    }

    /// A property that is text. What is wrong with it is said where the resource is read.
    pub(crate) fn property(&self, declared: &Declared, name: &str) -> Option<String> {
        let given = declared.properties.get(name)?;
        self.report.hushed(|| {
            self.nested(declared.id_span, || {
                let node = self.eval(given);
                self.text(&node)
            })
        })
    }

    /// The bus that a rule is on, unless it is the default one.
    fn bus_of(&self, rule: &Declared) -> Option<String> {
        let given = self.property(rule, "EventBusName")?;
        let name = given
            .rsplit_once('/')
            .map_or(given.as_str(), |(_, name)| name);
        (name != buses::DEFAULT).then(|| name.to_owned())
    }

    /// The function that a version, an alias or a URL belongs to.
    pub(crate) fn function_of(&self, declared: &Declared) -> Option<String> {
        let property = match declared.kind {
            Kind::PlainUrl => "TargetFunctionArn",
            _ => "FunctionName",
        };
        let given = self.property(declared, property)?;
        let start = self.function_arn("");
        Some(given.strip_prefix(&start).unwrap_or(&given).to_owned())
    }

    fn of_resource(
        &self,
        id: &str,
        span: Span,
        value: impl FnOnce(&Target<'t>) -> Option<String>,
    ) -> Node {
        let Some(target) = self.existing(id, span) else {
            return Node::broken(span);
        };
        match value(&target) {
            Some(text) => self.yielded(span, text),
            None => Node::broken(span),
        }
    }

    /// What a reference stands for, which whoever is being evaluated needs from now on. None, which has been reported, if
    /// it is not created.
    fn existing(&self, id: &str, span: Span) -> Option<Target<'t>> {
        let target = Target::find(self.declared, id)?;
        let declared = target.declared();
        if let Some((condition, _)) = &declared.condition
            && self.holds(condition, span) == Some(false)
        {
            self.report.add(
                Finding::error(span, format!("`{id}` is not created"))
                    .why(format!("its condition `{condition}` is false"))
                    .help(format!(
                        "put this value into `!If [{condition}, …, !Ref AWS::NoValue]`"
                    )),
            );
            return None;
        }
        self.depend(&declared.id, span);
        Some(target)
    }
}

/// How much of [`MAX_YIELD`] a value takes.
fn weight(node: &Node) -> usize {
    match &node.value {
        Value::Text(text) | Value::Plain(text) => 16 + text.len(),
        Value::List(items) => 16 + items.iter().map(weight).sum::<usize>(),
        Value::Map(entries) => {
            let one = |entry: &Entry| 16 + entry.key.len() + weight(&entry.value);
            16 + entries.iter().map(one).sum::<usize>()
        }
        _ => 16,
    }
}

pub(crate) const PSEUDO: &[&str] = &[
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

fn pseudo(context: &Context, name: &str, span: Span) -> Option<Node> {
    let text = match name {
        "AWS::AccountId" => context.account.clone(),
        "AWS::Partition" => context.partition().to_owned(),
        "AWS::Region" => context.region.clone(),
        "AWS::StackId" => context.stack_id(),
        "AWS::StackName" => context.stack.clone(),
        "AWS::URLSuffix" => context.url_suffix().to_owned(),
        "AWS::NoValue" => return Some(Node::new(span, Value::Absent)),
        "AWS::NotificationARNs" => return Some(Node::new(span, Value::List(Vec::new()))),
        _ => return None,
    };
    Some(Node::text(span, text))
}

impl Scope<'_> {
    fn call(&self, call: &Call, span: Span) -> Node {
        calls::call(self, call, span)
    }
}
