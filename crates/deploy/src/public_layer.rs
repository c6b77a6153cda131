//! Layers of other accounts that everybody may use and that hold nothing but public packages. Such an account is not here, so
//! they are made of the packages.

use serde::Serialize;

/// Which layers these are. Each holds what its publishers say that it does, and what they leave to the real runtime and
/// need themselves.
const LAYERS: &[Known] = &[
    Known {
        account: "017000801446",
        name: "AWSLambdaPowertoolsPythonV3",
        packages: Listed::Pip(&["aws-lambda-powertools[all,aws-sdk]~=3.0"]),
    },
    Known {
        account: "017000801446",
        name: "AWSLambdaPowertoolsPythonV2",
        packages: Listed::Pip(&["aws-lambda-powertools[all,aws-sdk]~=2.0"]),
    },
    Known {
        account: "017000801446",
        name: "AWSLambdaPowertoolsPython",
        // Its list of what is optional was shorter.
        packages: Listed::Pip(&["aws-lambda-powertools[pydantic]~=1.0"]),
    },
    Known {
        account: "094274105915",
        name: "AWSLambdaPowertoolsTypeScriptV2",
        packages: Listed::Npm(&[
            ("@aws-lambda-powertools/commons", "^2"),
            ("@aws-lambda-powertools/batch", "^2"),
            ("@aws-lambda-powertools/event-handler", "^2"),
            ("@aws-lambda-powertools/idempotency", "^2"),
            ("@aws-lambda-powertools/jmespath", "^2"),
            ("@aws-lambda-powertools/logger", "^2"),
            ("@aws-lambda-powertools/metrics", "^2"),
            ("@aws-lambda-powertools/parameters", "^2"),
            ("@aws-lambda-powertools/parser", "^2"),
            ("@aws-lambda-powertools/tracer", "^2"),
            ("zod", "^4"),
            ("@aws-sdk/client-appconfigdata", "^3"),
            ("@aws-sdk/client-dynamodb", "^3"),
            ("@aws-sdk/client-secrets-manager", "^3"),
            ("@aws-sdk/client-ssm", "^3"),
            ("@aws-sdk/lib-dynamodb", "^3"),
            ("@aws-sdk/util-dynamodb", "^3"),
        ]),
    },
    Known {
        account: "094274105915",
        name: "AWSLambdaPowertoolsTypeScript",
        packages: Listed::Npm(&[
            ("@aws-lambda-powertools/commons", "^1"),
            ("@aws-lambda-powertools/batch", "^1"),
            ("@aws-lambda-powertools/idempotency", "^1"),
            ("@aws-lambda-powertools/logger", "^1"),
            ("@aws-lambda-powertools/metrics", "^1"),
            ("@aws-lambda-powertools/parameters", "^1"),
            ("@aws-lambda-powertools/tracer", "^1"),
            ("@aws-sdk/client-appconfigdata", "^3"),
            ("@aws-sdk/client-dynamodb", "^3"),
            ("@aws-sdk/client-secrets-manager", "^3"),
            ("@aws-sdk/client-ssm", "^3"),
            ("@aws-sdk/lib-dynamodb", "^3"),
            ("@aws-sdk/util-dynamodb", "^3"),
        ]),
    },
];

struct Known {
    account: &'static str,
    /// What languages and processors it is for may follow, behind dashes.
    name: &'static str,
    packages: Listed,
}

enum Listed {
    Pip(&'static [&'static str]),
    Npm(&'static [(&'static str, &'static str)]),
}

/// A layer of another account, as a function names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicLayer {
    pub account: String,
    pub content: Content,
}

/// The packages that a layer is made of: the newest that fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// For this runtime: some are compiled for one version of the language.
    Pip {
        runtime: String,
        packages: Vec<String>,
    },
    /// Names and versions, at least one.
    Npm { packages: Vec<(String, String)> },
}

impl PublicLayer {
    /// The layer of that name, if it is one of these; `runtime` is that of the function which uses it.
    pub(crate) fn find(account: &str, name: &str, runtime: &str) -> Option<Self> {
        let known = LAYERS.iter().find(|known| known.is(account, name))?;
        Some(Self {
            account: account.to_owned(),
            content: match known.packages {
                Listed::Pip(packages) => Content::Pip {
                    runtime: python_in(name).unwrap_or_else(|| runtime.to_owned()),
                    packages: packages.iter().map(|&one| one.to_owned()).collect(),
                },
                Listed::Npm(packages) => Content::Npm {
                    packages: packages
                        .iter()
                        .map(|&(name, version)| (name.to_owned(), version.to_owned()))
                        .collect(),
                },
            },
        })
    }
}

impl Known {
    fn is(&self, account: &str, name: &str) -> bool {
        let rest = name.strip_prefix(self.name);
        self.account == account && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl Content {
    /// The packages that the layer is known for, as people name them.
    pub(crate) fn said(&self) -> String {
        match self {
            Self::Pip { packages, .. } => format!("{} of PyPI", packages.join(" ")),
            Self::Npm { packages } => {
                let (name, version) = &packages[0];
                match name.split_once('/') {
                    Some((scope, _)) => format!("{scope}/*@{version} of npm"),
                    None => format!("{name}@{version} of npm"),
                }
            }
        }
    }
}

/// The language's version that a layer's name says: `…-python312-…` is for `python3.12`.
fn python_in(name: &str) -> Option<String> {
    name.to_ascii_lowercase().split('-').find_map(|part| {
        let digits = part.strip_prefix("python")?;
        let (major, minor) = digits.split_at_checked(1)?;
        let is_number = |text: &str| text.parse::<u8>().is_ok();
        (is_number(major) && is_number(minor)).then(|| format!("python{major}.{minor}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_known_by_account_and_name() {
        let content = |account: &str, name: &str| {
            PublicLayer::find(account, name, "python3.11").map(|layer| layer.content)
        };
        let python = "017000801446";
        for (name, runtime, package) in [
            (
                "AWSLambdaPowertoolsPythonV3-python312-x86_64",
                "python3.12",
                "aws-lambda-powertools[all,aws-sdk]~=3.0",
            ),
            (
                "AWSLambdaPowertoolsPythonV2",
                "python3.11",
                "aws-lambda-powertools[all,aws-sdk]~=2.0",
            ),
            (
                "AWSLambdaPowertoolsPythonV2-Arm64",
                "python3.11",
                "aws-lambda-powertools[all,aws-sdk]~=2.0",
            ),
            (
                "AWSLambdaPowertoolsPython",
                "python3.11",
                "aws-lambda-powertools[pydantic]~=1.0",
            ),
        ] {
            let expected = Content::Pip {
                runtime: runtime.to_owned(),
                packages: vec![package.to_owned()],
            };
            assert_eq!(content(python, name), Some(expected), "{name}");
        }
        for (name, version) in [
            ("AWSLambdaPowertoolsTypeScriptV2", "^2"),
            ("AWSLambdaPowertoolsTypeScript", "^1"),
        ] {
            let Some(Content::Npm { packages }) = content("094274105915", name) else {
                panic!("{name} is not of npm");
            };
            let logger = (
                "@aws-lambda-powertools/logger".to_owned(),
                version.to_owned(),
            );
            assert!(packages.contains(&logger), "{name}");
        }
        for (account, name) in [
            ("580247275435", "LambdaInsightsExtension"),
            ("000000000000", "AWSLambdaPowertoolsPythonV2"),
            (python, "AWSLambdaPowertoolsPythonV4"),
            (python, "AWSLambdaPowertoolsPythonV31"),
        ] {
            assert_eq!(content(account, name), None, "{name}");
        }
    }
}
