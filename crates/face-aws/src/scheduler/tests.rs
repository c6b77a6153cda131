//! Schedules against the face.
