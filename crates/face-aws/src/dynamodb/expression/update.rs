//! `UpdateExpression`.
//!
//! ```text
//! update   = 1*( "SET" set *( "," set ) / "REMOVE" path *( "," path )
//!          / ( "ADD" / "DELETE" ) path value *( "," path value ) )
//! set      = path "=" term
//! term     = "(" term ")" / operand [ ( "+" / "-" ) operand ]
//! operand  = function "(" operand *( "," operand ) ")" / value / path / "(" operand ")"
//! ```

use tables::{Change, Path, Term, Type, Update, Value};

use super::condition;
use super::reader::{Clash, Rank, Ranks, Reader, clash};
use super::token::Kind;
use crate::dynamodb::placeholders::Placeholders;
use crate::protocol::Fault;

const UNKNOWN_FUNCTION: Rank = (1, 0, 0);
const MISUSED_FUNCTION: Rank = (1, 1, 0);
const SECTION: Rank = (2, 0, 0);
const OVERLAP: Rank = (5, 0, 0);
const CONFLICT: Rank = (6, 0, 0);
const OPERAND: Rank = (7, 0, 0);
const FUNCTION: Rank = (8, 0, 0);
const RANKS: Ranks = Ranks {
    reserved: (0, 0, 0),
    name: (3, 0, 0),
    value: (4, 0, 0),
};

const SECTIONS: [&str; 4] = ["SET", "REMOVE", "ADD", "DELETE"];

pub(in crate::dynamodb) fn update(
    text: &str,
    placeholders: &mut Placeholders,
) -> Result<Update, Fault> {
    let mut updates = Updates {
        reader: Reader::new("UpdateExpression", text, placeholders)?,
        changes: Vec::new(),
    };
    let mut sections = Vec::new();
    while let Some(section) = updates.section() {
        if sections.contains(&section) {
            let message =
                format!("The \"{section}\" section can only be used once in an update expression;");
            updates.reader.blame(SECTION, message);
        }
        sections.push(section);
        updates.changes(section)?;
    }
    if sections.is_empty() {
        return Err(updates.reader.syntax());
    }
    updates.reader.finish()?;
    Ok(Update {
        changes: updates.changes,
    })
}

struct Updates<'a> {
    reader: Reader<'a>,
    changes: Vec<(Path, Change)>,
}

impl Updates<'_> {
    fn section(&mut self) -> Option<&'static str> {
        SECTIONS
            .into_iter()
            .find(|section| self.reader.keyword(section))
    }

    fn changes(&mut self, section: &str) -> Result<(), Fault> {
        loop {
            let path = self.reader.path(RANKS)?;
            let change = match section {
                "SET" => {
                    if self.reader.take(Kind::Comparator)? != "=" {
                        self.reader.back();
                        return Err(self.reader.syntax());
                    }
                    Change::Set(self.term()?)
                }
                "REMOVE" => Change::Remove,
                _ => {
                    let value = self.reader.value(RANKS)?;
                    self.check_operand(section, &value);
                    match section {
                        "ADD" => Change::Add(value),
                        _ => Change::Subtract(value),
                    }
                }
            };
            self.add(path, change);
            if !self.reader.skip(Kind::Comma) {
                return Ok(());
            }
        }
    }

    fn add(&mut self, path: Path, change: Change) {
        for (other, _) in &self.changes {
            if let Some(how) = clash(other, &path) {
                let rank = match how {
                    Clash::Overlap => OVERLAP,
                    Clash::Conflict => CONFLICT,
                };
                let message = how.message(other, &path);
                self.reader.blame(rank, message);
            }
        }
        self.changes.push((path, change));
    }

    fn check_operand(&mut self, operator: &str, value: &Value) {
        let found = match value.r#type() {
            Type::Strings | Type::Numbers | Type::Binaries => return,
            Type::Number if operator == "ADD" => return,
            Type::String => "STRING",
            Type::Number => "NUMBER",
            Type::Binary => "BINARY",
            Type::Bool => "BOOLEAN",
            Type::Null => "NULL",
            Type::List => "LIST",
            Type::Map => "MAP",
        };
        let message = format!(
            "Incorrect operand type for operator or function; operator: {operator}, operand type: {found}, typeSet: ALLOWED_FOR_{operator}_OPERAND"
        );
        self.reader.blame(OPERAND, message);
    }

    fn term(&mut self) -> Result<Term, Fault> {
        let left = self.operand()?;
        let sign = match self.reader.peek() {
            Kind::Plus => "+",
            Kind::Minus => "-",
            _ => return Ok(left),
        };
        self.reader.take(self.reader.peek())?;
        self.reader.count();
        let right = self.operand()?;
        for operand in [&left, &right] {
            self.check_type(sign, operand, Type::Number);
        }
        let (left, right) = (Box::new(left), Box::new(right));
        Ok(match sign {
            "+" => Term::Plus(left, right),
            _ => Term::Minus(left, right),
        })
    }

    fn operand(&mut self) -> Result<Term, Fault> {
        match (self.reader.peek(), self.reader.peek_second()) {
            (Kind::Open, _) => {
                self.reader.take(Kind::Open)?;
                self.reader.enter()?;
                let term = self.term()?;
                self.reader.leave();
                self.reader.take(Kind::Close)?;
                Ok(term)
            }
            (Kind::Value, _) => Ok(Term::Value(self.reader.value(RANKS)?)),
            (Kind::Word, Kind::Open) => self.call(),
            _ => Ok(Term::Path(self.reader.path(RANKS)?)),
        }
    }

    fn call(&mut self) -> Result<Term, Fault> {
        let name = self.reader.take(Kind::Word)?.to_owned();
        self.reader.count();
        self.reader.take(Kind::Open)?;
        let mut arguments = Vec::new();
        loop {
            self.reader.enter()?;
            arguments.push(self.operand()?);
            self.reader.leave();
            if !self.reader.skip(Kind::Comma) {
                break;
            }
        }
        self.reader.take(Kind::Close)?;
        let count = arguments.len();
        let mut arguments = arguments.into_iter();
        let two = (arguments.next(), arguments.next());
        if !["if_not_exists", "list_append"].contains(&name.as_str()) {
            let message = match condition::FUNCTIONS.contains(&name.as_str()) {
                true => "The function is not allowed in an update expression",
                false => "Invalid function name",
            };
            let message = format!("{message}; function: {name}");
            self.reader.blame(UNKNOWN_FUNCTION, message);
            return Ok(Term::Value(Value::Null));
        }
        let (Some(first), Some(second), 2) = (two.0, two.1, count) else {
            let message = format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
            );
            self.reader.blame(FUNCTION, message);
            return Ok(Term::Value(Value::Null));
        };
        if name == "list_append" {
            for operand in [&first, &second] {
                self.check_type(&name, operand, Type::List);
                if matches!(operand, Term::Append(..)) {
                    let message = format!(
                        "The function is not allowed to be used this way in an expression; function: {name}"
                    );
                    self.reader.blame(MISUSED_FUNCTION, message);
                }
            }
            return Ok(Term::Append(Box::new(first), Box::new(second)));
        }
        let Term::Path(path) = first else {
            let message = format!(
                "Operator or function requires a document path; operator or function: {name}"
            );
            self.reader.blame(FUNCTION, message);
            return Ok(Term::Value(Value::Null));
        };
        Ok(Term::Or(path, Box::new(second)))
    }

    fn check_type(&mut self, function: &str, operand: &Term, wanted: Type) {
        if let Term::Value(value) = operand
            && value.r#type() != wanted
        {
            self.reader.blame_type(FUNCTION, function, value.r#type());
        }
    }
}
