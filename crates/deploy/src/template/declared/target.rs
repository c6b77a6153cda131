//! What references are to: resources, and what stands in no template but comes with a function.

use super::{Attribute, Attributes, Declared, Kind};

/// Stands around what is known only when it is made: the number of a version.
pub(crate) const MARK: char = '\u{e000}';

/// What a logical id in a reference stands for.
pub(crate) enum Target<'a> {
    Resource(&'a Declared),
    /// `<Function>Role`, which is written nowhere but can be referred to.
    Role(&'a Declared),
    /// `<Function>.Alias`, the alias that is published to with each deployment.
    Alias(&'a Declared),
    /// `<Function>.Version`, the version that the alias is moved to.
    Version(&'a Declared),
}

impl<'a> Target<'a> {
    pub(crate) fn find(declared: &'a [Declared], id: &str) -> Option<Self> {
        let named = |id: &str| declared.iter().find(|one| one.id == id);
        if let Some(resource) = named(id) {
            return Some(Self::Resource(resource));
        }
        let publishing = |id: &str| {
            named(id).filter(|one| {
                one.kind == Kind::Function && one.properties.get("AutoPublishAlias").is_some()
            })
        };
        if let Some(id) = id.strip_suffix(".Alias") {
            return publishing(id).map(Self::Alias);
        }
        if let Some(id) = id.strip_suffix(".Version") {
            return publishing(id).map(Self::Version);
        }
        let function = named(id.strip_suffix("Role")?)?;
        let makes_role =
            function.kind == Kind::Function && function.properties.get("Role").is_none();
        makes_role.then_some(Self::Role(function))
    }

    /// What `!GetAtt Function.Version.Version` and `${Function.Alias}` name with a dot in it: the whole, and what is left to ask
    /// of it.
    pub(crate) fn published<'n>(
        declared: &'a [Declared],
        id: &str,
        attribute: &'n str,
    ) -> Option<(String, Option<&'n str>)> {
        let (made, rest) = match attribute.split_once('.') {
            Some((made, rest)) => (made, Some(rest)),
            None => (attribute, None),
        };
        let whole = format!("{id}.{made}");
        Self::find(declared, &whole)?;
        Some((whole, rest))
    }

    pub(crate) fn declared(&self) -> &'a Declared {
        match self {
            Self::Resource(declared)
            | Self::Role(declared)
            | Self::Alias(declared)
            | Self::Version(declared) => declared,
        }
    }

    /// The attributes that can be asked for; none when that is not known.
    pub(crate) fn attributes(&self) -> Option<Attributes> {
        match self {
            Self::Resource(declared) => declared.kind.attributes(),
            Self::Role(_) => Some(&[("Arn", Attribute::Obeyed)]),
            Self::Alias(_) => Some(&[("AliasArn", Attribute::Obeyed)]),
            Self::Version(_) => Some(&[("Version", Attribute::Obeyed)]),
        }
    }
}
