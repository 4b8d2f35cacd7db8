//! What people and machines see of a Kafka: topics, groups, records. Nothing here asks; it takes answers and makes text.
//!
//! Up the stream the commands `topics`, `groups` and `tail` ask; down the stream is stdout.

mod paint;
mod table;
mod text;
mod highlight;
mod time;
mod seek;
mod record;
mod line;
mod lag;
mod bounds;
mod missing;

pub(crate) use self::{
    bounds::Bounds,
    lag::{Lag, all, lags, total},
    line::line,
    missing::no_such,
    paint::Paint,
    record::Show,
    seek::{Seek, resolve, seek},
    table::Table,
    text::plain,
};
