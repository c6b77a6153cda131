//! Balancers: from requests over HTTP, by rules, to groups of which a function answers.

use std::net::IpAddr;

use base::Random;

pub use crate::schema::balancer::{
    Action, Balancer, Condition, Forwarded, Group, Listener, Network, QueryPattern, Redirect, Rule,
    Share,
};

use crate::schema::balancer::BALANCERS;
use crate::{Result, Triggers};

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// As it was sent.
    pub path: &'a str,
    /// As it was sent; empty for none.
    pub query: &'a str,
    /// Without the port.
    pub host: &'a str,
    /// Names in small letters.
    pub headers: &'a [(String, String)],
    /// None if it is not known where it came from.
    pub source: Option<IpAddr>,
}

impl Triggers {
    /// Makes the balancer, or makes it what it should be now.
    pub async fn set_balancer(&self, balancer: &Balancer) -> Result<()> {
        let key = BALANCERS.key().str(&balancer.name.to_ascii_lowercase());
        self.store
            .write(|tx| {
                BALANCERS.put(tx, key.clone(), balancer);
                Ok(())
            })
            .await
    }

    pub fn balancer(&self, name: &str) -> Result<Option<Balancer>> {
        let key = BALANCERS.key().str(&name.to_ascii_lowercase());
        Ok(BALANCERS.get(&self.store.read()?, &key)?)
    }

    pub async fn remove_balancer(&self, name: &str) -> Result<()> {
        let key = BALANCERS.key().str(&name.to_ascii_lowercase());
        self.store
            .write(|tx| {
                BALANCERS.delete(tx, key.clone());
                Ok(())
            })
            .await
    }
}

impl Balancer {
    /// The listener of a port; of none, the one that a browser would come to.
    pub fn listener(&self, port: Option<u16>) -> Option<&Listener> {
        let at = |port| self.listeners.iter().find(|one| one.port == port);
        match port {
            Some(port) => at(port),
            None => at(80)
                .or_else(|| at(443))
                .or_else(|| self.listeners.iter().min_by_key(|one| one.port)),
        }
    }

    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == id)
    }
}

impl Listener {
    pub fn action(&self, asked: &Asked<'_>) -> &Action {
        let mut rules = self.rules.iter();
        let fitting = rules.find(|rule| rule.conditions.iter().all(|one| one.holds(asked)));
        fitting.map_or(&self.otherwise, |rule| &rule.action)
    }
}

impl Condition {
    fn holds(&self, asked: &Asked<'_>) -> bool {
        match self {
            Self::Path(patterns) => any(patterns, |one| fits(one, asked.path, Case::Counts)),
            Self::Host(patterns) => any(patterns, |one| fits(one, asked.host, Case::Alike)),
            Self::Method(methods) => methods.iter().any(|one| one == asked.method),
            Self::Header { name, values } => {
                let mut given = asked.headers.iter();
                given.any(|(known, value)| {
                    known.eq_ignore_ascii_case(name)
                        && any(values, |one| fits(one, value, Case::Alike))
                })
            }
            Self::Query(patterns) => patterns.iter().any(|one| one.holds(asked.query)),
            Self::Source(networks) => asked
                .source
                .is_some_and(|source| networks.iter().any(|one| one.holds(source))),
        }
    }
}

fn any(patterns: &[String], fits: impl Fn(&str) -> bool) -> bool {
    patterns.iter().any(|pattern| fits(pattern))
}

impl QueryPattern {
    fn holds(&self, query: &str) -> bool {
        let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs.any(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let named = self.name.as_deref();
            named.is_none_or(|pattern| fits(pattern, name, Case::Alike))
                && fits(&self.value, value, Case::Alike)
        })
    }
}

impl Network {
    fn holds(&self, source: IpAddr) -> bool {
        let alike = |a: u128, b: u128, width: u32| {
            let other = width - u32::from(self.bits).min(width);
            a.checked_shr(other) == b.checked_shr(other)
        };
        match (self.address, source.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => alike(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => alike(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// One of the groups, each as often as its weight says; none where all weigh nothing.
pub fn pick<'a>(shares: &'a [Share], random: &Random) -> Option<&'a str> {
    let whole: u64 = shares.iter().map(|share| u64::from(share.weight)).sum();
    if whole == 0 {
        return None;
    }
    let mut left = random.below(whole);
    let mut shares = shares.iter();
    let taken = shares.find(|share| match left.checked_sub(share.weight.into()) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    taken.map(|share| share.group.as_str())
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Counts,
    Alike,
}

/// Whether a text fits a pattern with `*` for any letters, `?` for one, and `\` before what stands for itself.
pub fn fits(pattern: &str, text: &str, case: Case) -> bool {
    let (pattern, text) = (pieces(pattern), text.as_bytes());
    let same = |a: u8, b: u8| match case {
        Case::Counts => a == b,
        Case::Alike => a.eq_ignore_ascii_case(&b),
    };
    // Where to go on after the last `*`, should what follows it not fit: it takes one letter more. This is quadratic at worst.
    let (mut at, mut read, mut back) = (0, 0, None);
    loop {
        match (pattern.get(at), text.get(read)) {
            (Some(Piece::Any), _) => {
                back = Some((at + 1, read));
                at += 1;
            }
            (Some(Piece::One), Some(_)) => (at, read) = (at + 1, read + 1),
            (Some(Piece::Letter(wanted)), Some(&letter)) if same(*wanted, letter) => {
                (at, read) = (at + 1, read + 1);
            }
            (None, None) => return true,
            _ => match back {
                Some((after, taken)) if taken < text.len() => {
                    (at, read) = (after, taken + 1);
                    back = Some((after, taken + 1));
                }
                _ => return false,
            },
        }
    }
}

enum Piece {
    Any,
    One,
    Letter(u8),
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut bytes = pattern.bytes();
    let mut pieces = Vec::with_capacity(pattern.len());
    while let Some(byte) = bytes.next() {
        pieces.push(match byte {
            b'*' => Piece::Any,
            b'?' => Piece::One,
            b'\\' => Piece::Letter(bytes.next().unwrap_or(b'\\')),
            letter => Piece::Letter(letter),
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::gateway::FixedAnswer;

    #[test]
    fn patterns_fit_whole_texts() {
        for (pattern, text, fit) in [
            ("/img/*", "/img/a/b.png", true),
            ("/img/*/pics", "/img/a/b/pics", true),
            ("/img/*/pics", "/img/a/b/pic", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "example.com", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxa", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("/A", "/a", false),
        ] {
            assert_eq!(fits(pattern, text, Case::Counts), fit, "{pattern} {text}");
        }
        assert!(fits("*.Example.com", "A.example.COM", Case::Alike));
    }

    fn holds(condition: &Condition, asked: &Asked<'_>) -> bool {
        condition.holds(asked)
    }

    #[test]
    fn conditions_look_at_all_of_a_request() {
        let headers = [("user-agent".to_owned(), "Chrome/1".to_owned())];
        let asked = Asked {
            method: "GET",
            path: "/a/b",
            query: "version=v1&x=",
            host: "shop.example.com",
            headers: &headers,
            source: Some([10, 1, 2, 3].into()),
        };
        let texts = |texts: &[&str]| texts.iter().map(|one| (*one).to_owned()).collect();
        let query = |name: Option<&str>, value: &str| {
            Condition::Query(vec![QueryPattern {
                name: name.map(str::to_owned),
                value: value.into(),
            }])
        };
        let network = |address: [u8; 4], bits| {
            Condition::Source(vec![Network {
                address: address.into(),
                bits,
            }])
        };
        let header = |name: &str, value: &str| Condition::Header {
            name: name.into(),
            values: texts(&[value]),
        };
        for (condition, expected) in [
            (Condition::Path(texts(&["/x", "/a/*"])), true),
            (Condition::Path(texts(&["/A/*"])), false),
            (Condition::Host(texts(&["*.EXAMPLE.com"])), true),
            (Condition::Method(texts(&["POST", "GET"])), true),
            (Condition::Method(texts(&["get"])), false),
            (header("User-Agent", "*chrome*"), true),
            (header("accept", "*"), false),
            (query(Some("version"), "v?"), true),
            (query(None, "V1"), true),
            (query(Some("x"), ""), true),
            (query(Some("y"), "*"), false),
            (network([10, 1, 0, 0], 16), true),
            (network([10, 2, 0, 0], 16), false),
            (network([0, 0, 0, 0], 0), true),
            (network([10, 1, 2, 3], 32), true),
            (network([10, 1, 2, 4], 32), false),
        ] {
            assert_eq!(holds(&condition, &asked), expected, "{condition:?}");
        }
    }

    #[test]
    fn the_first_rule_of_which_all_conditions_hold_acts() {
        let answer = |body: &str| {
            Action::Answer(FixedAnswer {
                status: 200,
                headers: Vec::new(),
                body: body.into(),
            })
        };
        let rule = |path: &str, method: &str, body: &str| Rule {
            conditions: vec![
                Condition::Path(vec![path.into()]),
                Condition::Method(vec![method.into()]),
            ],
            action: answer(body),
        };
        let listener = Listener {
            port: 80,
            secure: false,
            rules: vec![rule("/a*", "GET", "first"), rule("*", "GET", "second")],
            otherwise: answer("otherwise"),
        };
        let taken = |method, path| {
            let asked = Asked {
                method,
                path,
                query: "",
                host: "",
                headers: &[],
                source: None,
            };
            listener.action(&asked).clone()
        };
        assert_eq!(taken("GET", "/ab"), answer("first"));
        assert_eq!(taken("GET", "/b"), answer("second"));
        assert_eq!(taken("POST", "/ab"), answer("otherwise"));
    }

    #[test]
    fn groups_are_taken_by_their_weight() {
        let share = |group: &str, weight| Share {
            group: group.into(),
            weight,
        };
        let shares = [share("a", 1), share("b", 0), share("c", 3)];
        let random = Random::seeded(7);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..4_000 {
            *counts.entry(pick(&shares, &random).unwrap()).or_insert(0) += 1;
        }
        assert!(!counts.contains_key("b"), "{counts:?}");
        assert!((900..1_100).contains(&counts["a"]), "{counts:?}");
        assert_eq!(pick(&[share("a", 0)], &random), None);
    }
}
