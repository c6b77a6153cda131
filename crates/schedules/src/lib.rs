mod expression;
mod timetable;
pub use expression::*;
pub use timetable::*;
