//! Authorizers of either kind of API.

use super::schema::WEB_JWT;
use super::{Assembly, Piece};
use crate::desired::{Asks, FunctionGuard, GatewayKind, Guard, GuardKind, Source, TokenGuard};
use crate::template::gateway::auth::{self, Auth};
use crate::template::gateway::integration::function_of;
use crate::template::shape::Fields;

impl<'f> Assembly<'_, 'f> {
    pub(super) fn authorizer(
        &self,
        piece: &Piece,
        fields: &Fields<'f>,
        auth: &mut Auth,
    ) -> Option<()> {
        let types = ["TOKEN", "REQUEST", "COGNITO_USER_POOLS"];
        fields.required("Type")?;
        let asks = match fields.choice("Type", &types)? {
            "TOKEN" => Asks::Token,
            "REQUEST" => Asks::Request(functions::HttpForm::Detailed),
            _ => return None,
        };
        let text = fields.text("IdentitySource").unwrap_or_default();
        let sources = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let sources: Vec<Source> = sources.filter_map(auth::read_source).collect();
        let mut guard = self.function_guard(fields, asks, sources)?;
        guard.remember_s = fields
            .integer("AuthorizerResultTtlInSeconds", 0..=3_600)
            .unwrap_or(300);
        let kind = GuardKind::Function(guard);
        auth.guards.push(Guard {
            name: piece.id.clone(),
            kind,
        });
        Some(())
    }

    pub(super) fn web_authorizer(
        &self,
        piece: &Piece,
        fields: &Fields<'f>,
        kind: GatewayKind,
        auth: &mut Auth,
    ) -> Option<()> {
        fields.required("AuthorizerType")?;
        let sources = fields.strings("IdentitySource");
        let sources: Vec<Source> = sources
            .iter()
            .filter_map(|text| auth::read_source(text))
            .collect();
        let kind = match fields.choice("AuthorizerType", &["REQUEST", "JWT"])? {
            "JWT" => {
                fields.required("JwtConfiguration")?;
                let jwt = fields.nested("JwtConfiguration", WEB_JWT, self.findings)?;
                GuardKind::Token(TokenGuard {
                    source: sources.into_iter().next()?,
                    issuer: jwt.required_text("Issuer")?,
                    audiences: jwt.strings("Audience"),
                })
            }
            _ => {
                let version = fields.choice("AuthorizerPayloadFormatVersion", &["1.0", "2.0"]);
                let asks = Asks::Request(match (kind, version) {
                    (GatewayKind::Http, Some("2.0")) => functions::HttpForm::Compact,
                    _ => functions::HttpForm::Detailed,
                });
                let mut guard = self.function_guard(fields, asks, sources)?;
                guard.simple = fields.boolean("EnableSimpleResponses").unwrap_or(false);
                guard.remember_s = fields
                    .integer("AuthorizerResultTtlInSeconds", 0..=3_600)
                    .unwrap_or(0);
                GuardKind::Function(guard)
            }
        };
        auth.guards.push(Guard {
            name: piece.id.clone(),
            kind,
        });
        Some(())
    }

    fn function_guard(
        &self,
        fields: &Fields<'f>,
        asks: Asks,
        sources: Vec<Source>,
    ) -> Option<FunctionGuard> {
        let uri = fields.required_text("AuthorizerUri")?;
        let place = fields.place("AuthorizerUri");
        let (function, qualifier) = function_of(Some(&uri), self.context, self.findings, place)?;
        let pattern = fields.text("IdentityValidationExpression");
        let pattern = pattern.filter(|pattern| !pattern.is_empty());
        if let (Some(pattern), Some(node)) = (&pattern, fields.node("IdentityValidationExpression"))
        {
            auth::check_pattern(pattern, node, self.findings);
        }
        Some(FunctionGuard {
            function,
            qualifier,
            asks,
            simple: false,
            sources,
            pattern,
            remember_s: 0,
        })
    }
}
