//! ARNs of schedules and their groups.

use base::Space;
use schedules::Whose;

use crate::place::Place;

pub(super) fn schedule_arn(space: &Space, group: &str, name: &str) -> String {
    let Place { account, region } = Place::of(space);
    format!("arn:aws:scheduler:{region}:{account}:schedule/{group}/{name}")
}

pub(super) fn group_arn(space: &Space, name: &str) -> String {
    let Place { account, region } = Place::of(space);
    format!("arn:aws:scheduler:{region}:{account}:schedule-group/{name}")
}

/// The group that an ARN names, if it is of this place.
pub(super) fn read_group<'a>(space: &Space, arn: &'a str) -> Option<&'a str> {
    let name = arn.rsplit('/').next()?;
    (group_arn(space, name) == arn).then_some(name)
}

/// Where a schedule is, and its ARN.
pub(super) fn of(whose: &Whose) -> (&Space, String) {
    match whose {
        Whose::Schedule { space, group, name } => (space, schedule_arn(space, group, name)),
        Whose::Rule { space, bus, rule } => {
            let Place { account, region } = Place::of(space);
            let path = if bus == "default" {
                String::new()
            } else {
                format!("{bus}/")
            };
            (
                space,
                format!("arn:aws:events:{region}:{account}:rule/{path}{rule}"),
            )
        }
    }
}
