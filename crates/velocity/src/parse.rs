//! Text, references and statements.

use crate::Misread;
use crate::expression::{self, Expression, Reference};
use crate::reader::Reader;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Reference(Reference),
    Set(Reference, Expression),
    /// The first whose condition is true; the last may have none.
    If(Vec<(Option<Expression>, Vec<Piece>)>),
    Foreach {
        name: String,
        over: Expression,
        body: Vec<Piece>,
    },
    Break,
    Stop,
}

/// They reach outside of the template, or define what does.
const REFUSED: [&str; 6] = ["define", "evaluate", "include", "macro", "parse", "return"];

/// Where a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Template,
    Block,
    Else,
    ElseIf,
}

pub(crate) fn template(text: &str) -> Result<Vec<Piece>, Misread> {
    let mut reader = Reader::new(text);
    whole(&mut reader)
}

/// All that is left, which may hold no end of something that begins before it.
pub(crate) fn whole(reader: &mut Reader<'_>) -> Result<Vec<Piece>, Misread> {
    let (pieces, end) = block(reader)?;
    match end {
        End::Template => Ok(pieces),
        End::Block => Err(reader.wrong("`#end` ends nothing")),
        End::Else | End::ElseIf => Err(reader.wrong("`#else` belongs to no `#if`")),
    }
}

fn block(reader: &mut Reader<'_>) -> Result<(Vec<Piece>, End), Misread> {
    let mut pieces = Pieces::default();
    while let Some(next) = reader.peek() {
        match next {
            '$' => match expression::reference(reader)? {
                Some(reference) => pieces.push(Piece::Reference(reference)),
                None => pieces.text("$", reader),
            },
            '#' => {
                if let Some(end) = statement(reader, &mut pieces)? {
                    return Ok((pieces.all, end));
                }
            }
            '\\' => escaped(reader, &mut pieces)?,
            _ => {
                let plain = reader.while_is(|letter| !matches!(letter, '$' | '#' | '\\'));
                pieces.append(plain);
            }
        }
    }
    Ok((pieces.all, End::Template))
}

/// A backslash takes the meaning from what follows, if that has one.
fn escaped(reader: &mut Reader<'_>, pieces: &mut Pieces) -> Result<(), Misread> {
    reader.take("\\");
    let start = reader.rest();
    if reader.peek() != Some('$') || expression::reference(reader)?.is_none() {
        pieces.append("\\");
        return Ok(());
    }
    pieces.append(&start[..start.len() - reader.rest().len()]);
    Ok(())
}

#[derive(Debug, Default)]
struct Pieces {
    all: Vec<Piece>,
}

impl Pieces {
    fn push(&mut self, piece: Piece) {
        self.all.push(piece);
    }

    fn append(&mut self, text: &str) {
        match self.all.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ => self.all.push(Piece::Text(text.to_owned())),
        }
    }

    fn text(&mut self, token: &str, reader: &mut Reader<'_>) {
        reader.take(token);
        self.append(token);
    }
}

fn statement(reader: &mut Reader<'_>, pieces: &mut Pieces) -> Result<Option<End>, Misread> {
    if reader.take("##") {
        reader.while_is(|letter| letter != '\n');
        reader.take("\n");
        return Ok(None);
    }
    if reader.take("#*") {
        let past = reader.until("*#");
        return past
            .map(|_| None)
            .ok_or_else(|| reader.wrong("a comment `#*` does not end"));
    }
    if reader.take("#[[") {
        let text = reader.until("]]#");
        pieces.append(text.ok_or_else(|| reader.wrong("`#[[` does not end"))?);
        return Ok(None);
    }
    let Some(word) = word(reader) else {
        pieces.text("#", reader);
        return Ok(None);
    };
    match word {
        "set" => pieces.push(set(reader)?),
        "if" => pieces.push(choice(reader)?),
        "foreach" => pieces.push(foreach(reader)?),
        "break" => pieces.push(Piece::Break),
        "stop" => pieces.push(Piece::Stop),
        "end" => {
            reader.skip_line_end();
            return Ok(Some(End::Block));
        }
        "else" => return Ok(Some(End::Else)),
        "elseif" => return Ok(Some(End::ElseIf)),
        refused => return Err(reader.wrong(format!("the statement `#{refused}` is not built"))),
    }
    Ok(None)
}

/// A statement's name, which is gone past; none if it is text.
fn word<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    const KNOWN: [&str; 8] = [
        "break", "else", "elseif", "end", "foreach", "if", "set", "stop",
    ];
    let mut ahead = *reader;
    ahead.take("#");
    let in_braces = ahead.take("{");
    let letters = ahead.while_is(|letter| letter.is_ascii_alphabetic());
    if in_braces && !ahead.take("}") {
        return None;
    }
    let is_known = KNOWN.contains(&letters);
    // A colour or the like of it has no arguments.
    let is_refused =
        REFUSED.contains(&letters) && ahead.rest().trim_start_matches(' ').starts_with('(');
    (is_known || is_refused).then(|| {
        *reader = ahead;
        letters
    })
}

fn open(reader: &mut Reader<'_>) -> Result<(), Misread> {
    reader.skip_spaces();
    reader.want("(")?;
    reader.skip_spaces();
    Ok(())
}

fn close(reader: &mut Reader<'_>) -> Result<(), Misread> {
    reader.skip_spaces();
    reader.want(")")?;
    reader.skip_line_end();
    Ok(())
}

fn set(reader: &mut Reader<'_>) -> Result<Piece, Misread> {
    open(reader)?;
    let target = expression::reference(reader)?;
    let target = target.ok_or_else(|| reader.wrong("`#set` sets a reference: `#set($x = 1)`"))?;
    if !target.can_be_set() {
        return Err(reader.wrong("what a method answers cannot be set"));
    }
    reader.skip_spaces();
    reader.want("=")?;
    let value = expression::read(reader)?;
    close(reader)?;
    Ok(Piece::Set(target, value))
}

fn choice(reader: &mut Reader<'_>) -> Result<Piece, Misread> {
    reader.deeper()?;
    let mut ways = Vec::new();
    let mut condition = Some(condition(reader)?);
    loop {
        let is_last = condition.is_none();
        let (body, end) = block(reader)?;
        ways.push((condition, body));
        condition = match end {
            End::Block => break,
            End::Else if !is_last => None,
            End::ElseIf if !is_last => Some(self::condition(reader)?),
            End::Else | End::ElseIf => return Err(reader.wrong("`#else` must be the last")),
            End::Template => return Err(reader.wrong("an `#if` has no `#end`")),
        };
    }
    reader.depth -= 1;
    Ok(Piece::If(ways))
}

fn condition(reader: &mut Reader<'_>) -> Result<Expression, Misread> {
    open(reader)?;
    let condition = expression::read(reader)?;
    close(reader)?;
    Ok(condition)
}

fn foreach(reader: &mut Reader<'_>) -> Result<Piece, Misread> {
    reader.deeper()?;
    open(reader)?;
    let item = expression::reference(reader)?;
    let name = item.and_then(Reference::into_name);
    let name = name.ok_or_else(|| reader.wrong("a loop is written `#foreach($item in $items)`"))?;
    reader.skip_spaces();
    reader.want("in")?;
    let over = expression::read(reader)?;
    close(reader)?;
    let (body, end) = block(reader)?;
    if end != End::Block {
        return Err(reader.wrong("a `#foreach` has no `#end`"));
    }
    reader.depth -= 1;
    Ok(Piece::Foreach { name, over, body })
}
