//! Frames from bytes, from trickles and from silence; time is paused where it matters.

use tokio::io::AsyncWriteExt as _;

use super::*;

const MAX: usize = 1024 * 1024;

fn intake() -> (Intake, Memory) {
    let limits = Limits { request_bytes: MAX, ..Limits::default() };
    let memory = Memory::new(2 * MAX, limits.stalled);
    (Intake::new(limits, memory.clone()), memory)
}

async fn read_all(mut bytes: &[u8]) -> Vec<Result<Option<Bytes>, String>> {
    let mut frames = Vec::new();
    let (intake, _) = intake();
    loop {
        let frame = intake.read(&mut bytes).await.map_err(|error| error.to_string());
        let frame = frame.map(|frame| frame.map(|frame| frame.bytes));
        let last = !matches!(frame, Ok(Some(_)));
        frames.push(frame);
        if last {
            return frames;
        }
    }
}

// Goal: frames are cut where their length says, and a length out of bounds ends the connection.
#[tokio::test]
async fn frames_are_cut_out_and_lies_refused() {
    let frames = read_all(&[0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 9, 1]).await;
    assert_eq!(frames, [Ok(Some(Bytes::from_static(&[1, 2]))), Ok(Some(Bytes::new())), Ok(None)]);
    for announced in [-1, i32::MIN, i32::MAX, 1024 * 1024 + 1] {
        let frames = read_all(&announced.to_be_bytes()).await;
        assert!(matches!(&frames[..], [Err(_)]), "{announced}: {frames:?}");
    }
}

// Goal: a client that sends faster than it is answered holds one largest request in memory, not more, and all
// clients together no more than there is for all.
#[tokio::test]
async fn what_is_read_ahead_is_bounded() {
    let (intake, memory) = intake();
    let frame = |length: usize| {
        let mut bytes = u32::try_from(length).unwrap().to_be_bytes().to_vec();
        bytes.resize(4 + length, 7);
        bytes
    };
    let small = intake.read(&mut &frame(3)[..]).await.unwrap().unwrap();
    let large = intake.read(&mut &frame(OWN_BYTES + 1)[..]).await.unwrap().unwrap();
    assert!(!intake.is_quiet());
    assert_eq!(intake.small.available_permits(), OWN_BYTES - 3);
    assert_eq!(intake.large.available_permits(), MAX - OWN_BYTES - 1);
    assert_eq!(memory.free_to_arrive(), MAX - 1, "the first step is its own");
    drop((small, large));
    assert!(intake.is_quiet());
    assert_eq!(memory.free_to_arrive(), MAX);
}

// Goal: a length alone takes nothing of what all share; what arrives does, and nothing that answers need.
#[tokio::test(start_paused = true)]
async fn room_is_taken_as_a_request_arrives() {
    let (intake, memory) = intake();
    let (mut client, mut server) = tokio::io::duplex(2 * OWN_BYTES);
    let free = || (memory.free_to_arrive(), memory.free());
    let announce = async {
        client.write_all(&u32::try_from(MAX).unwrap().to_be_bytes()).await.unwrap();
        client.write_all(&vec![7; OWN_BYTES - 1]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(free(), (MAX, MAX));
        client.write_all(&[7]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(free(), (MAX - (AHEAD - 1) * OWN_BYTES, MAX));
    };
    tokio::select! {
        ended = intake.read(&mut server) => panic!("{ended:?}"),
        () = announce => {}
    }
    assert_eq!(free(), (MAX, MAX));
}

// Goal: no length makes us hold more than a little ahead of what arrives; and a frame that is there holds no more
// than its bytes, so that handing it on copies nothing.
#[test]
fn room_grows_with_what_arrives() {
    for length in [1, OWN_BYTES, OWN_BYTES + 1, 70 * OWN_BYTES + 3] {
        let mut arrived = 0;
        while arrived < length {
            let more = more(arrived, length);
            assert!(more > 0 && more <= (3 * arrived).max(OWN_BYTES), "{more} of {length}");
            arrived += more;
        }
        assert_eq!(arrived, length);
    }
}

// Goal: half a request is waited for, but not for ever, however it is cut. Method: paused time.
#[tokio::test(start_paused = true)]
async fn half_a_request_ends_the_connection() {
    for half in [&[0][..], &[0, 0, 0, 9, 1, 2]] {
        let (intake, memory) = intake();
        let (mut client, mut server) = tokio::io::duplex(64);
        client.write_all(half).await.unwrap();
        let begin = Instant::now();
        let ended = intake.read(&mut server).await;
        assert!(matches!(ended, Err(FrameError::Stalled)), "{ended:?}");
        assert!(begin.elapsed() >= intake.limits.stalled);
        assert!(intake.is_quiet() && memory.free_to_arrive() == MAX);
    }
}

// Goal: any values of the limits are valid, the largest and the smallest ones too.
#[tokio::test]
async fn no_limit_is_too_far_away() {
    let far = Limits { idle: Duration::MAX, stalled: Duration::MAX, ..Limits::default() };
    let limits = Limits { request_bytes: usize::MAX, memory_bytes: usize::MAX, ..far };
    let memory = Memory::new(limits.memory_bytes, limits.stalled);
    let frame = Intake::new(limits, memory).read(&mut &[0, 0, 0, 1, 7][..]).await.unwrap();
    assert_eq!(frame.unwrap().bytes, [7][..]);
    let none = Limits { request_bytes: 0, memory_bytes: 0, ..far };
    let intake = Intake::new(none, Memory::new(0, Duration::ZERO));
    assert!(intake.read(&mut &[0, 0, 0, 1, 7][..]).await.is_err());
}

// Goal: a trickle is no progress: four MiB have to arrive in time.
#[tokio::test(start_paused = true)]
async fn a_trickle_ends_the_connection() {
    let (intake, _) = intake();
    let (mut client, mut server) = tokio::io::duplex(64);
    let trickle = async {
        client.write_all(&[0, 0, 1, 0]).await.unwrap();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            client.write_all(&[7]).await.unwrap();
        }
    };
    let begin = Instant::now();
    tokio::select! {
        ended = intake.read(&mut server) => assert!(matches!(ended, Err(FrameError::Stalled))),
        () = trickle => unreachable!(),
    }
    assert!(begin.elapsed() < intake.limits.stalled + Duration::from_secs(2));
}

// Goal: an idle connection ends; one that waits for its answer is not idle.
#[tokio::test(start_paused = true)]
async fn only_a_quiet_connection_is_idle() {
    let (intake, _) = intake();
    let (_client, mut server) = tokio::io::duplex(64);
    let parked = intake.read(&mut &[0, 0, 0, 1, 7][..]).await.unwrap().unwrap();
    let idle = intake.limits.idle;
    let answer = async {
        tokio::time::sleep(idle * 5 / 2).await;
        drop(parked);
    };
    let begin = Instant::now();
    let (ended, ()) = tokio::join!(intake.read(&mut server), answer);
    assert!(matches!(ended, Err(FrameError::Idle(_))), "{ended:?}");
    assert!(begin.elapsed() >= 3 * idle);
}
