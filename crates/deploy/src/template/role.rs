//! Roles and what they may do, declared apart: `AWS::IAM::Role`, `Policy`, `RolePolicy` and `ManagedPolicy`. Whatever runs for
//! somebody else (a schedule, a rule, a function) names a role, so templates hold them; they are checked, and nothing is made
//! of them until access rules are enforced.

use crate::template::shape::{Schema, Support};
use Support::{Access, Notice, Obeyed};

const UNTAGGED: Support = Notice("tags of roles and policies are not kept");

pub(crate) const ROLE: Schema = &[
    ("AssumeRolePolicyDocument", Access),
    ("Description", Obeyed),
    ("ManagedPolicyArns", Access),
    ("MaxSessionDuration", Access),
    ("Path", Obeyed),
    ("PermissionsBoundary", Access),
    ("Policies", Access),
    ("RoleName", Obeyed),
    ("Tags", UNTAGGED),
];

pub(crate) const POLICY: Schema = &[
    ("Groups", Access),
    ("PolicyDocument", Access),
    ("PolicyName", Obeyed),
    ("Roles", Access),
    ("Users", Access),
];

pub(crate) const ROLE_POLICY: Schema = &[
    ("PolicyDocument", Access),
    ("PolicyName", Obeyed),
    ("RoleName", Access),
];

pub(crate) const MANAGED_POLICY: Schema = &[
    ("Description", Obeyed),
    ("Groups", Access),
    ("ManagedPolicyName", Obeyed),
    ("Path", Obeyed),
    ("PolicyDocument", Access),
    ("Roles", Access),
    ("Tags", UNTAGGED),
    ("Users", Access),
];
