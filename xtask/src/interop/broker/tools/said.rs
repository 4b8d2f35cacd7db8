//! What console tools say, read.

use serde_json::Value;

/// The sum of `LAG` over the partitions of `topic`, in what `consumer-groups --describe` says.
pub(super) fn lag(said: &str, topic: &str) -> Option<u64> {
    let rows = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_topic = rows.filter(|row| row.get(1) == Some(&topic));
    sum(of_topic.map(|row| row.get(5)?.parse().ok()))
}

/// The sum over the partitions of `topic`, in what `get-offsets` says: `TOPIC:PARTITION:OFFSET`.
pub(super) fn offsets(said: &str, topic: &str) -> Option<u64> {
    let rows = said.lines().map(|line| line.trim().split(':').collect::<Vec<_>>());
    let of_topic = rows.filter(|row| row.first() == Some(&topic));
    sum(of_topic.map(|row| row.get(2)?.parse().ok()))
}

/// Of none there is no sum, nor where one is missing.
fn sum(numbers: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let numbers: Vec<u64> = numbers.collect::<Option<_>>()?;
    (!numbers.is_empty()).then(|| numbers.iter().sum())
}

/// The lines of JSON that are called `name`, of the verifiable tools.
pub(super) fn events(said: &str, name: &str) -> Vec<Value> {
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["name"] == name).collect()
}

/// Whether a line is exactly this.
pub(super) fn has_line(said: &str, line: &str) -> bool {
    said.lines().any(|it| it.trim() == line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_summed_over_partitions() {
        let said = "\nConsumer group 'g' has no active members.\n\n\
            GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID\n\
            g     t     0         60             100            40  -           -    -\n\
            g     t     1         0              2              2   -           -    -\n\
            g     other 0         0              9              9   -           -    -\n";
        assert_eq!(lag(said, "t"), Some(42));
        assert_eq!(lag(said, "absent"), None);
        assert_eq!(lag(&said.replace("40", "-"), "t"), None);
    }

    #[test]
    fn offsets_are_summed_over_partitions() {
        assert_eq!(offsets("t:0:7\nt:1:3\nother:0:9\n", "t"), Some(10));
        assert_eq!(offsets("t:0:\n", "t"), None);
        assert_eq!(offsets("", "t"), None);
    }

    #[test]
    fn events_go_by_name() {
        let said = "noise\n{\"name\":\"tool_data\",\"acked\":3}\n{\"name\":\"startup_complete\"}\n";
        assert_eq!(events(said, "tool_data")[0]["acked"], 3);
        assert_eq!(events(said, "absent").len(), 0);
    }

    #[test]
    fn a_line_is_a_whole_line() {
        assert!(has_line("ab\n a \n", "a"));
        assert!(!has_line("ab\n", "a"));
    }
}
