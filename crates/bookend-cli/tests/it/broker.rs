//! The built-in broker alone.

use std::{io::Write, net::TcpStream};

use crate::process::{PATIENCE, bookend};

/// `ApiVersions` in its first version, of a client without a name.
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];

// Goal: a client that leaves is no trouble. Method: one that closes its connection without reading the answer, which
// resets it.
#[test]
fn a_client_may_leave_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut broker = bookend(&["broker", "--port", "0", "--data", data]);
    let mut client = TcpStream::connect(broker.address("broker")).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(&API_VERSIONS).unwrap();
    client.peek(&mut [0]).unwrap();
    drop(client);
    let said = broker.complains("a client left without a word");
    assert!(said.contains("DEBUG"), "{said}");
    let end = broker.stop();
    assert_eq!(end.code(), 0);
    assert!(!end.complaint().contains("WARN"), "{end:?}");
}

// Goal: a broker for other machines can be used by the address that they reach it at. Method: one that listens on all
// addresses, asked at another than the one for this host's own use.
#[test]
fn it_may_listen_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut broker = bookend(&["broker", "--listen", "0.0.0.0", "--port", "0", "--data", data]);
    let addr = broker.address("broker");
    let port = addr.strip_prefix("0.0.0.0:").unwrap();
    let reached = format!("127.0.0.2:{port}");
    let end = bookend(&["topics", "create", "A", "--brokers", &reached]).end();
    assert_eq!((end.code(), end.stdout), (0, vec!["created A".to_owned()]));
    let end = bookend(&["tail", "A", "--exit", "--from", "earliest", "--brokers", &reached]).end();
    assert_eq!(end.code(), 0, "{end:?}");

    let second = bookend(&["broker", "--port", "0", "--data", data]).end();
    assert_eq!(second.code(), 2, "{second:?}");
    let said = second.complaint();
    assert!(
        said.contains("in use by another process; choose another folder with --data"),
        "{said}"
    );
    let end = broker.stop();
    assert!(end.complaint().contains("has no authentication"), "{end:?}");
}
