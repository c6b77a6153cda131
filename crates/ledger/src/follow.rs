//! Following lines as they are printed.

use std::collections::{BTreeSet, HashMap};

use base::Space;
use store::{Position, View};

use crate::lines::{Logged, NEWS_KEPT, decode_news, news, read_after};
use crate::schema::Group;
use crate::{Ledger, Result};

/// Whose lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    Everything,
    Space(Space),
    Group(Group),
}

impl Filter {
    fn wants(&self, group: &Group) -> bool {
        match self {
            Self::Everything => true,
            Self::Space(space) => group.space == *space,
            Self::Group(one) => one == group,
        }
    }
}

/// Which groups got lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    These(BTreeSet<Group>),
    /// More than are remembered: any may have.
    Any,
}

impl Heard {
    pub fn names(&self, group: &Group) -> bool {
        match self {
            Self::These(groups) => groups.contains(group),
            Self::Any => true,
        }
    }
}

/// A reader that waits for what comes.
#[derive(Debug)]
pub struct Follow {
    ledger: Ledger,
    filter: Filter,
    /// Up to where the news were read.
    heard: Position,
    /// Up to where each group was read, if further than `from`. Positions of one store can be compared across logs.
    cursors: HashMap<Group, Position>,
    from: Position,
}

/// How many appends of one group are handed out at once.
const BATCHES: usize = 64;

impl Ledger {
    /// Follows lines that are printed after `from`.
    pub fn follow(&self, filter: Filter, from: Position) -> Follow {
        Follow {
            ledger: self.clone(),
            filter,
            heard: from,
            cursors: HashMap::new(),
            from,
        }
    }

    /// Waits until lines come after `heard`, and says of which groups, and up to where it is heard then.
    pub async fn hear(&self, heard: Position) -> Result<(Heard, Position)> {
        loop {
            self.store().appended(&news(), heard).await?;
            if let Some(new) = news_after(&self.store().read()?, heard)? {
                return Ok(new);
            }
        }
    }

    /// After every line that there is: where one who wants only what comes begins.
    pub fn end(&self) -> Result<Position> {
        let newest = news().newest(&self.store().read()?)?;
        Ok(newest.unwrap_or(Position::START))
    }

    /// The last `limit` lines that pass the filter, oldest first, and the place to go on following from.
    pub fn newest(&self, filter: &Filter, limit: usize) -> Result<(Vec<Logged>, Position)> {
        let end = self.end()?;
        let mut lines = Vec::new();
        for facts in self.every_group()? {
            if filter.wants(&facts.group) {
                lines.extend(self.newest_lines(&facts.group, limit)?);
            }
        }
        // What came after `end` was read is left to the one who follows.
        lines.retain(|logged| logged.position <= end);
        lines.sort_by_key(|logged| logged.position);
        lines.drain(..lines.len().saturating_sub(limit));
        Ok((lines, end))
    }
}

impl Follow {
    /// The next lines, as soon as there are any; of several groups in the order of their appends. Nothing is lost
    /// when the wait is given up.
    pub async fn next(&mut self) -> Result<Vec<Logged>> {
        loop {
            let store = self.ledger.store();
            store.appended(&news(), self.heard).await?;
            let view = store.read()?;
            let lines = self.read(&view)?;
            if !lines.is_empty() {
                return Ok(lines);
            }
        }
    }

    /// Reads what is new in `view`, at most a bounded part of it.
    fn read(&mut self, view: &View) -> Result<Vec<Logged>> {
        let Some((heard, last)) = news_after(view, self.heard)? else {
            return Ok(Vec::new());
        };
        let groups: BTreeSet<Group> = match heard {
            Heard::These(groups) => groups,
            Heard::Any => {
                let all = self.ledger.every_group()?.into_iter();
                all.map(|facts| facts.group).collect()
            }
        };
        let mut lines = Vec::new();
        let mut all = true;
        for group in groups.into_iter().filter(|group| self.filter.wants(group)) {
            let cursor = self.cursors.get(&group).copied().unwrap_or(self.from);
            let (found, next) = read_after(view, &group, cursor, BATCHES)?;
            all &= read_after(view, &group, next, 1)?.0.is_empty();
            lines.extend(found);
            self.cursors.insert(group, next);
        }
        if all {
            self.heard = last;
        }
        lines.sort_by_key(|logged| logged.position);
        Ok(lines)
    }
}

/// None if there is nothing new.
fn news_after(view: &View, heard: Position) -> Result<Option<(Heard, Position)>> {
    let entries = news().read(view, heard, NEWS_KEPT)?;
    let Some(last) = entries.last().map(|entry| entry.position) else {
        return Ok(None);
    };
    if entries.len() == NEWS_KEPT {
        // Older news may be gone already.
        return Ok(Some((Heard::Any, last)));
    }
    let groups = entries.iter().map(|entry| decode_news(&entry.body));
    let groups = groups.collect::<Result<_>>()?;
    Ok(Some((Heard::These(groups), last)))
}

#[cfg(test)]
mod tests {
    use base::{Random, Timestamp};
    use store::Store;

    use super::*;
    use crate::{Limits, Line};

    async fn print(ledger: &Ledger, space: &str, group: &str, text: &str) {
        let group = Group {
            space: Space::new(space),
            name: group.into(),
        };
        let line = Line {
            at: Timestamp::from_secs(1),
            text: text.into(),
        };
        let writer = ledger.writer(group, "s".into(), "f".into());
        writer.print(vec![line]).await;
        ledger.caught_up().await;
    }

    async fn texts(follow: &mut Follow) -> Vec<String> {
        let lines = follow.next().await.unwrap();
        lines.into_iter().map(|logged| logged.line.text).collect()
    }

    #[tokio::test]
    async fn one_who_follows_sees_each_line_once_and_in_order() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default());
        print(&ledger, "a", "g", "before").await;
        let (newest, end) = ledger.newest(&Filter::Everything, 10).unwrap();
        assert_eq!(newest.len(), 1);
        let mut follow = ledger.follow(Filter::Everything, end);
        print(&ledger, "a", "g", "1").await;
        print(&ledger, "a", "h", "2").await;
        print(&ledger, "b", "g", "3").await;
        print(&ledger, "a", "g", "4").await;
        assert_eq!(texts(&mut follow).await, ["1", "2", "3", "4"]);
        print(&ledger, "a", "g", "5").await;
        assert_eq!(texts(&mut follow).await, ["5"]);
    }

    #[tokio::test]
    async fn a_filter_waits_past_what_it_does_not_want() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default());
        let end = ledger.end().unwrap();
        let mut follow = ledger.follow(Filter::Space(Space::new("b")), end);
        for n in 0..200 {
            print(&ledger, "a", "g", "no").await;
            if n % 2 == 0 {
                print(&ledger, "b", "g", &n.to_string()).await;
            }
        }
        let mut seen = Vec::new();
        while seen.len() < 100 {
            seen.extend(texts(&mut follow).await);
        }
        let wanted: Vec<String> = (0..100).map(|n| (2 * n).to_string()).collect();
        assert_eq!(seen, wanted);
    }
}
