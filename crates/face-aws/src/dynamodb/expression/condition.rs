//! `ConditionExpression` and `FilterExpression`.
//!
//! ```text
//! any        = all *( "OR" all )
//! all        = not *( "AND" not )
//! not        = *"NOT" comparison
//! comparison = primary [ comparator argument
//!            / "BETWEEN" argument "AND" argument
//!            / "IN" "(" argument *( "," argument ) ")" ]
//! primary    = "(" any ")" / simple
//! argument   = "(" argument ")" / simple
//! simple     = function "(" argument *( "," argument ) ")" / value / path
//! ```
//!
//! What an operand is and what a condition is only shows after it has been read: in `((a) = :b)` the first parenthesis
//! holds a condition and the second a path. So everything is a [`Node`] first, and whoever needs one or the other asks.

use tables::{Comparison, Condition, Operand, Path, Type, Value};

use super::reader::{Rank, Ranks, Reader, shown};
use super::token::Kind;
use crate::dynamodb::attribute::{code, quoted};
use crate::dynamodb::placeholders::Placeholders;
use crate::protocol::Fault;

const PARENTHESES: Rank = (0, 0, 0);
const UNKNOWN_FUNCTION: Rank = (1, 0, 0);
const MISUSED_FUNCTION: Rank = (2, 0, 0);
const RESERVED: Rank = (3, 0, 0);
/// The published limit of what `IN` compares with.
const LONGEST_LIST: usize = 100;

/// What is wrong within one comparison or function. Of several of those, the first is told.
const WITHIN: u8 = 4;

pub(in crate::dynamodb) fn condition(
    parameter: &'static str,
    text: &str,
    placeholders: &mut Placeholders,
) -> Result<Condition, Fault> {
    let mut reader = Conditions {
        reader: Reader::new(parameter, text, placeholders)?,
        comparisons: 0,
    };
    let node = reader.whole()?;
    let condition = reader.condition(node)?;
    reader.reader.finish()?;
    Ok(condition)
}

struct Conditions<'a> {
    reader: Reader<'a>,
    /// How many there were so far.
    comparisons: usize,
}

enum Node {
    Condition(Condition),
    /// A function that says whether something is so.
    Test(String, Condition),
    Operand(Operand),
}

/// What was read within one pair of parentheses.
#[derive(Default)]
struct Level {
    /// Of the next condition.
    negations: usize,
    /// Since the last OR.
    all: Vec<Condition>,
    any: Vec<Condition>,
}

impl Level {
    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.any.is_empty()
    }

    fn close(&mut self) {
        let all = std::mem::take(&mut self.all);
        self.any.push(conjunction(all));
    }

    fn finish(&mut self) -> Condition {
        self.close();
        disjunction(std::mem::take(&mut self.any))
    }
}

impl Conditions<'_> {
    /// The whole, with what is in parentheses on a stack of our own: clients that build expressions put a pair of
    /// parentheses around every AND.
    fn whole(&mut self) -> Result<Node, Fault> {
        let mut outer: Vec<Level> = Vec::new();
        let mut level = Level::default();
        loop {
            if self.reader.keyword("NOT") {
                level.negations += 1;
                self.reader.count();
                continue;
            }
            if self.reader.skip(Kind::Open) {
                outer.push(std::mem::take(&mut level));
                continue;
            }
            let mut node = self.simple()?;
            let mut enclosed = false;
            loop {
                if let Some(condition) = self.comparison(&mut node)? {
                    node = Node::Condition(condition);
                    enclosed = false;
                }
                if level.negations > 0 {
                    // Two of them are none.
                    let condition = self.condition(node)?;
                    node = Node::Condition(match level.negations % 2 {
                        0 => condition,
                        _ => Condition::Not(Box::new(condition)),
                    });
                    level.negations = 0;
                    enclosed = false;
                }
                if self.reader.keyword("AND") {
                    self.reader.count();
                    level.all.push(self.condition(node)?);
                    break;
                }
                if self.reader.keyword("OR") {
                    self.reader.count();
                    level.all.push(self.condition(node)?);
                    level.close();
                    break;
                }
                if !level.is_empty() {
                    level.all.push(self.condition(node)?);
                    node = Node::Condition(level.finish());
                    enclosed = false;
                }
                let Some(next) = outer.pop() else {
                    return Ok(node);
                };
                self.reader.take(Kind::Close)?;
                if enclosed {
                    let message = "The expression has redundant parentheses;";
                    self.reader.blame(PARENTHESES, message);
                }
                level = next;
                enclosed = true;
            }
        }
    }

    /// What follows an operand, if something does, and then the operand is taken.
    fn comparison(&mut self, left: &mut Node) -> Result<Option<Condition>, Fault> {
        let mut take = || std::mem::replace(left, Node::Condition(Condition::Any(Vec::new())));
        if self.reader.peek() == Kind::Comparator {
            let sign = self.reader.take(Kind::Comparator)?;
            let (left, right) = (self.operand(take())?, self.argument()?);
            self.distinct(sign, &[&left, &right]);
            let comparison = comparison(sign);
            if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
                self.ordered(sign, &left);
                self.ordered(sign, &right);
            }
            self.counted();
            return Ok(Some(Condition::Compare(left, comparison, right)));
        }
        if self.reader.keyword("BETWEEN") {
            let value = self.operand(take())?;
            let low = self.argument()?;
            if !self.reader.keyword("AND") {
                return Err(self.reader.syntax());
            }
            let high = self.argument()?;
            self.bounds(&low, &high);
            self.counted();
            return Ok(Some(Condition::Between(value, low, high)));
        }
        if self.reader.keyword("IN") {
            let value = self.operand(take())?;
            let list = self.arguments()?;
            if list.len() > LONGEST_LIST {
                let count = list.len();
                let message = format!(
                    "The IN operator is provided with too many operands; number of operands: {count}"
                );
                self.blame_within(1, message);
            }
            self.counted();
            return Ok(Some(Condition::In(value, list)));
        }
        Ok(None)
    }

    /// A function, a value or a path.
    fn simple(&mut self) -> Result<Node, Fault> {
        match (self.reader.peek(), self.reader.peek_second()) {
            (Kind::Value, _) => {
                let value = self.reader.value(self.ranks())?;
                Ok(Node::Operand(Operand::Value(value)))
            }
            (Kind::Word, _) if self.is_at_keyword() => Err(self.reader.syntax()),
            (Kind::Word, Kind::Open) => {
                let name = self.reader.take(Kind::Word)?.to_owned();
                self.reader.enter()?;
                let arguments = self.arguments()?;
                self.reader.leave();
                Ok(self.call(name, arguments))
            }
            (Kind::Word | Kind::Name, _) => {
                let path = self.reader.path(self.ranks())?;
                Ok(Node::Operand(Operand::Path(path)))
            }
            _ => Err(self.reader.syntax()),
        }
    }

    /// An operand, which may be in parentheses.
    fn argument(&mut self) -> Result<Operand, Fault> {
        let mut open = 0;
        while self.reader.skip(Kind::Open) {
            open += 1;
        }
        let node = self.simple()?;
        for _ in 0..open {
            self.reader.take(Kind::Close)?;
        }
        if open > 1 {
            let message = "The expression has redundant parentheses;";
            self.reader.blame(PARENTHESES, message);
        }
        self.operand(node)
    }

    fn is_at_keyword(&self) -> bool {
        ["AND", "OR", "NOT", "BETWEEN", "IN"]
            .iter()
            .any(|keyword| self.reader.is_at(keyword))
    }

    fn arguments(&mut self) -> Result<Vec<Operand>, Fault> {
        self.reader.take(Kind::Open)?;
        let mut arguments = Vec::new();
        loop {
            arguments.push(self.argument()?);
            if !self.reader.skip(Kind::Comma) {
                break;
            }
        }
        self.reader.take(Kind::Close)?;
        Ok(arguments)
    }

    /// A function. One that is wrong becomes anything, as what is wrong with it will be told.
    fn call(&mut self, name: String, mut arguments: Vec<Operand>) -> Node {
        let expected = match name.as_str() {
            "attribute_exists" | "attribute_not_exists" | "size" => 1,
            "attribute_type" | "begins_with" | "contains" => 2,
            _ => {
                self.reader.blame(UNKNOWN_FUNCTION, foreign(&name));
                return Node::Test(name, Condition::Any(Vec::new()));
            }
        };
        self.counted();
        if arguments.len() != expected {
            let message = format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {}",
                arguments.len()
            );
            self.blame_within(1, message);
            return match arguments.pop() {
                // It stands where an operand does.
                Some(argument) if name == "size" => {
                    Node::Operand(Operand::Size(Box::new(argument)))
                }
                _ => Node::Test(name, Condition::Any(Vec::new())),
            };
        }
        self.distinct(&name, &arguments.iter().collect::<Vec<_>>());
        let mut arguments = arguments.into_iter();
        let (Some(first), second) = (arguments.next(), arguments.next()) else {
            return Node::Test(name, Condition::Any(Vec::new()));
        };
        match (name.as_str(), second) {
            ("size", _) => {
                if let Some(found @ (Type::Number | Type::Bool | Type::Null)) = kind(&first) {
                    self.wrong_type(&name, found);
                }
                Node::Operand(Operand::Size(Box::new(first)))
            }
            ("attribute_type", Some(second)) => {
                let r#type = self.type_named(&second);
                Node::Test(name, Condition::HasType(first, r#type))
            }
            ("begins_with", Some(second)) => {
                for operand in [&first, &second] {
                    if let Some(found) = kind(operand)
                        && !matches!(found, Type::String | Type::Binary)
                    {
                        self.wrong_type(&name, found);
                    }
                }
                Node::Test(name, Condition::BeginsWith(first, second))
            }
            ("contains", Some(second)) => Node::Test(name, Condition::Contains(first, second)),
            (_, _) => {
                let Operand::Path(path) = first else {
                    let message = format!(
                        "Operator or function requires a document path; operator or function: {name}"
                    );
                    self.blame_within(3, message);
                    return Node::Test(name, Condition::Any(Vec::new()));
                };
                let exists = Condition::Exists(path);
                let condition = match name.as_str() {
                    "attribute_not_exists" => Condition::Not(Box::new(exists)),
                    _ => exists,
                };
                Node::Test(name, condition)
            }
        }
    }

    /// A comparison or a function was read.
    fn counted(&mut self) {
        self.comparisons += 1;
        self.reader.count();
    }

    fn type_named(&mut self, operand: &Operand) -> Type {
        let name = match operand {
            Operand::Value(Value::String(name)) => name,
            operand => {
                let found = kind(operand).map_or("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}", code);
                let message = format!(
                    "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: {found}"
                );
                self.blame_within(3, message);
                return Type::Null;
            }
        };
        let found = TYPES.iter().find(|r#type| code(**r#type) == name);
        found.copied().unwrap_or_else(|| {
            let message = format!(
                "Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
            );
            self.blame_within(3, message);
            Type::Null
        })
    }

    fn distinct(&mut self, operator: &str, operands: &[&Operand]) {
        if let [Operand::Path(first), Operand::Path(second)] = operands
            && first == second
        {
            let message = format!(
                "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {}",
                shown(first)
            );
            self.blame_within(2, message);
        }
    }

    fn ordered(&mut self, sign: &str, operand: &Operand) {
        if let Some(found) = literal(operand).filter(|found| !is_ordered(*found)) {
            let message = format!(
                "Incorrect operand type for operator or function; operator: {sign}, operand type: {}",
                code(found)
            );
            self.blame_within(3, message);
        }
    }

    fn bounds(&mut self, low: &Operand, high: &Operand) {
        for bound in [low, high] {
            if let Some(found) = literal(bound).filter(|found| !is_ordered(*found)) {
                let rank = (WITHIN, self.comparisons, 3);
                self.reader.blame_type(rank, "BETWEEN", found);
                return;
            }
        }
        let (Operand::Value(low), Operand::Value(high)) = (low, high) else {
            return;
        };
        let required = if low.r#type() != high.r#type() {
            "same data type for lower and upper bounds"
        } else if low > high {
            "upper bound to be greater than or equal to lower bound"
        } else {
            return;
        };
        let message = format!(
            "The BETWEEN operator requires {required}; lower bound operand: {}, upper bound operand: {}",
            quoted(low),
            quoted(high)
        );
        self.blame_within(3, message);
    }

    fn condition(&mut self, node: Node) -> Result<Condition, Fault> {
        match node {
            Node::Condition(condition) | Node::Test(_, condition) => Ok(condition),
            Node::Operand(Operand::Size(_)) => {
                self.misused("size");
                Ok(Condition::Any(Vec::new()))
            }
            Node::Operand(_) => Err(self.reader.syntax()),
        }
    }

    fn operand(&mut self, node: Node) -> Result<Operand, Fault> {
        match node {
            Node::Operand(operand) => Ok(operand),
            Node::Test(name, _) => {
                self.misused(&name);
                Ok(Operand::Path(Path::attribute(name)))
            }
            Node::Condition(_) => Err(self.reader.syntax()),
        }
    }

    fn misused(&mut self, function: &str) {
        let message = format!(
            "The function is not allowed to be used this way in an expression; function: {function}"
        );
        self.reader.blame(MISUSED_FUNCTION, message);
    }

    fn wrong_type(&mut self, function: &str, found: Type) {
        let rank = (WITHIN, self.comparisons, 3);
        self.reader.blame_type(rank, function, found);
    }

    fn blame_within(&mut self, rank: u8, message: String) {
        self.reader.blame((WITHIN, self.comparisons, rank), message);
    }

    fn ranks(&self) -> Ranks {
        let undefined = (WITHIN, self.comparisons, 0);
        Ranks {
            reserved: RESERVED,
            name: undefined,
            value: undefined,
        }
    }
}

/// A conjunction of conjunctions is one, so a long chain is not a deep one.
fn conjunction(parts: Vec<Condition>) -> Condition {
    let flat = parts.into_iter().flat_map(|part| match part {
        Condition::All(inner) => inner,
        part => vec![part],
    });
    only(flat.collect(), Condition::All)
}

fn disjunction(parts: Vec<Condition>) -> Condition {
    let flat = parts.into_iter().flat_map(|part| match part {
        Condition::Any(inner) => inner,
        part => vec![part],
    });
    only(flat.collect(), Condition::Any)
}

/// One thing is that thing, and not a list of it.
pub(in crate::dynamodb) fn only(
    mut parts: Vec<Condition>,
    join: fn(Vec<Condition>) -> Condition,
) -> Condition {
    match (parts.len(), parts.pop()) {
        (1, Some(part)) => part,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// What conditions call.
pub(super) const FUNCTIONS: [&str; 6] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
];

/// What is said of a function that is none of those.
pub(super) fn foreign(function: &str) -> String {
    let wrong = match function {
        "if_not_exists" | "list_append" => "The function is not allowed in a condition expression",
        _ => "Invalid function name",
    };
    format!("{wrong}; function: {function}")
}

/// Every type that a test may name.
pub(in crate::dynamodb) const TYPES: [Type; 10] = [
    Type::String,
    Type::Number,
    Type::Binary,
    Type::Bool,
    Type::Null,
    Type::List,
    Type::Map,
    Type::Strings,
    Type::Numbers,
    Type::Binaries,
];

/// Whether of two values of a type one is the lesser.
pub(super) fn is_ordered(of: Type) -> bool {
    matches!(of, Type::String | Type::Number | Type::Binary)
}

/// The type of an operand that has one whatever the item is.
fn kind(operand: &Operand) -> Option<Type> {
    match operand {
        Operand::Size(_) => Some(Type::Number),
        operand => literal(operand),
    }
}

fn literal(operand: &Operand) -> Option<Type> {
    match operand {
        Operand::Value(value) => Some(value.r#type()),
        Operand::Path(_) | Operand::Size(_) => None,
    }
}

fn comparison(sign: &str) -> Comparison {
    match sign {
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        "<>" => Comparison::NotEqual,
        _ => Comparison::Equal,
    }
}
