//! Against servers on this machine, which do what servers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::address::ip::Reason;
use crate::delivery::message::Message;
use crate::delivery::prepare::{Endpoint, prepare};
use crate::model::event::Announcement;
use crate::model::event_type::{EventPattern, EventType};
use crate::model::ids::{EventId, TenantId};
use crate::model::retry_policy::RetryPolicy;
use crate::model::subscription::{SignatureStyle, SigningSecrets, Subscription, SubscriptionState};
use crate::signing::seal::StackKeys;

/// What a server does with a request.
type Script = fn() -> Act;

enum Act {
    /// Writes these bytes and waits for the next request.
    Answer(Vec<u8>),
    /// Writes these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Writes these bytes, then nothing, and keeps the connection open.
    Hang(Vec<u8>),
    /// Closes at once.
    Close,
}

struct Server {
    port: u16,
    n_connections: Arc<AtomicUsize>,
    requests: tokio::sync::mpsc::UnboundedReceiver<String>,
}

/// A server on a free port of this machine.
async fn serve(script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (seen, requests) = tokio::sync::mpsc::unbounded_channel();
    let n_connections = Arc::new(AtomicUsize::new(0));
    let counted = n_connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(converse(stream, script, seen.clone()));
        }
    });
    Server { port, n_connections, requests }
}

async fn converse(mut stream: TcpStream, script: Script, seen: tokio::sync::mpsc::UnboundedSender<String>) {
    while let Some(request) = read_request(&mut stream).await {
        let _ = seen.send(request);
        match script() {
            Act::Answer(bytes) => drop(stream.write_all(&bytes).await),
            Act::AnswerAndClose(bytes) => return drop(stream.write_all(&bytes).await),
            Act::Hang(bytes) => {
                let _ = stream.write_all(&bytes).await;
                std::future::pending::<()>().await;
            }
            Act::Close => return,
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut text, mut buffer) = (String::new(), [0; 8192]);
    loop {
        let n_read = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        text.push_str(&String::from_utf8_lossy(&buffer[..n_read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        if body.len() >= length.parse().unwrap() {
            return Some(text);
        }
    }
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn prepared(url: &str, allowed: &AllowList, timeout_s: u32) -> Prepared {
    let (tenant, now) = (TenantId::default_tenant(), Timestamp::from_second(1_763_800_000).unwrap());
    let keys = StackKeys::parse(&"k".repeat(64)).unwrap();
    let subscription = Subscription {
        id: "sub_1".parse().unwrap(),
        tenant: tenant.clone(),
        url: url.to_owned(),
        events: vec![EventPattern::All],
        connection: None,
        filter: None,
        description: None,
        headers: vec![],
        retry: RetryPolicy::default(),
        rate_limit_per_s: None,
        timeout_s,
        signature: SignatureStyle::Sha256Hex,
        batch: None,
        secrets: SigningSecrets {
            current: keys.seal(b"some secret", &tenant, "sub_1", [1; 24]),
            hint: "cret".to_owned(),
            previous: None,
        },
        state: SubscriptionState::set_by_tenant(true),
        created_at: now,
        updated_at: now,
    };
    let message = Message::of(&Announcement {
        id: EventId::derive(&["a"]),
        tenant,
        event_type: EventType::PaymentReceived,
        at: now,
        data: serde_json::json!({"amount": "1500.00"}),
    });
    prepare(&message, &Endpoint::open(&subscription, &keys, allowed, now).unwrap(), now)
}

/// Sends to a path of the server, which the allow list names.
async fn send(server: &Server, path: &str, timeout_s: u32) -> Sent {
    let allowed = format!("127.0.0.1:{}", server.port).parse().unwrap();
    let prepared = prepared(&format!("http://127.0.0.1:{}{path}", server.port), &allowed, timeout_s);
    Receiver::new(&allowed).unwrap().send(&prepared).await
}

fn code_and_head(sent: &Sent) -> (u16, &[u8]) {
    match &sent.answer {
        Answer::Status { code, head, .. } => (*code, head),
        Answer::Failed(failure) => panic!("{failure}"),
    }
}

fn failed(sent: &Sent) -> Option<TransportFailure> {
    match sent.answer {
        Answer::Failed(failure) => Some(failure),
        Answer::Status { .. } => None,
    }
}

#[tokio::test]
async fn what_goes_over_the_wire() {
    let mut server = serve(|| Act::Answer(ok("thanks"))).await;
    let sent = send(&server, "/hook?x=1", 5).await;
    assert_eq!(code_and_head(&sent), (200, &b"thanks"[..]));
    let request = server.requests.recv().await.unwrap().replace(&server.port.to_string(), "<port>");
    insta::assert_snapshot!(request.replace(env!("CARGO_PKG_VERSION"), "<version>").replace("\r\n", "\n"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut server =
        serve(|| Act::Answer(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec()))
            .await;
    assert_eq!(code_and_head(&send(&server, "/", 5).await).0, 302);
    assert!(server.requests.recv().await.is_some());
    assert!(server.requests.try_recv().is_err());
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_given_up_in_time() {
    let scripts: [Script; 2] = [|| Act::Hang(vec![]), || Act::Hang(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())];
    for script in scripts {
        let sent = send(&serve(script).await, "/", 1).await;
        assert_eq!(failed(&sent), Some(TransportFailure::Timeout));
        assert!(sent.duration >= Duration::from_secs(1) && sent.duration < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn a_status_counts_although_its_body_does_not_end() {
    let server = serve(|| Act::Hang(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nso far".to_vec())).await;
    let sent = send(&server, "/", 1).await;
    assert_eq!(code_and_head(&sent), (200, &b"so far"[..]));
    assert!(sent.duration < Duration::from_secs(3));
}

#[tokio::test]
async fn a_status_counts_although_its_body_breaks_off() {
    let server = serve(|| Act::AnswerAndClose(b"HTTP/1.1 500 Oh\r\ncontent-length: 100\r\n\r\nso far".to_vec())).await;
    assert_eq!(code_and_head(&send(&server, "/", 5).await), (500, &b"so far"[..]));
}

#[tokio::test]
async fn of_a_huge_answer_only_the_head_is_kept_and_little_read() {
    let server = serve(|| {
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n".to_vec();
        answer.resize(50_000_000, b'x');
        Act::Hang(answer)
    })
    .await;
    let sent = send(&server, "/", 20).await;
    assert_eq!(code_and_head(&sent), (200, &[b'x'; MAX_HEAD_BYTES][..]));
    assert!(sent.duration < Duration::from_secs(10), "it did not wait for the end");
}

#[tokio::test]
async fn an_answer_is_not_decompressed() {
    let server = serve(|| {
        Act::Answer(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00".to_vec())
    })
    .await;
    assert_eq!(code_and_head(&send(&server, "/", 5).await), (200, &b"\x1f\x8b\x08\x00"[..]));
}

#[tokio::test]
async fn the_receivers_wish_is_read() {
    let server =
        serve(|| Act::Answer(b"HTTP/1.1 429 No\r\nretry-after: 17\r\ncontent-length: 0\r\n\r\n".to_vec())).await;
    let Answer::Status { retry_after, .. } = send(&server, "/", 5).await.answer else { panic!() };
    assert_eq!(retry_after, Some(RetryAfter::Wait(Duration::from_secs(17))));
}

#[tokio::test]
async fn a_connection_that_is_cut_is_a_reset() {
    let server = serve(|| Act::Close).await;
    assert_eq!(failed(&send(&server, "/", 5).await), Some(TransportFailure::Reset));
    let server = serve(|| Act::AnswerAndClose(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec())).await;
    assert_eq!(failed(&send(&server, "/", 5).await), Some(TransportFailure::Reset));
}

#[tokio::test]
async fn nobody_listening_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let allowed = format!("127.0.0.1:{port}").parse().unwrap();
    let prepared = prepared(&format!("http://127.0.0.1:{port}/"), &allowed, 5);
    let sent = Receiver::new(&allowed).unwrap().send(&prepared).await;
    assert_eq!(failed(&sent), Some(TransportFailure::Connect));
}

#[tokio::test]
async fn a_server_without_tls_is_not_trusted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    let allowed = format!("127.0.0.1:{port}").parse().unwrap();
    let prepared = prepared(&format!("https://127.0.0.1:{port}/"), &allowed, 5);
    let sent = Receiver::new(&allowed).unwrap().send(&prepared).await;
    assert_eq!(failed(&sent), Some(TransportFailure::Tls));
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_when_connecting() {
    let server = serve(|| Act::Answer(ok(""))).await;
    let allowed = format!("localhost:{}", server.port).parse().unwrap();
    let prepared = prepared(&format!("http://localhost:{}/", server.port), &allowed, 5);
    assert!(failed(&Receiver::new(&allowed).unwrap().send(&prepared).await).is_none(), "the allow list names it");
    // To a sender without that list it is a name like any other.
    let refused = Receiver::new(&AllowList::default()).unwrap().send(&prepared).await;
    assert_eq!(failed(&refused), Some(TransportFailure::AddressRefused(Reason::Loopback)));
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_inner_address_is_refused_before_connecting() {
    let server = serve(|| Act::Answer(ok(""))).await;
    let allowed = format!("127.0.0.1:{}", server.port).parse().unwrap();
    let prepared = prepared(&format!("http://127.0.0.1:{}/", server.port), &allowed, 5);
    let refused = Receiver::new(&AllowList::default()).unwrap().send(&prepared).await;
    assert_eq!(failed(&refused), Some(TransportFailure::AddressRefused(Reason::Loopback)));
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_apart() {
    let prepared = prepared("https://no-such-name.invalid/", &AllowList::default(), 5);
    let sent = Receiver::new(&AllowList::default()).unwrap().send(&prepared).await;
    assert_eq!(failed(&sent), Some(TransportFailure::Dns));
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = serve(|| Act::Answer(ok("x"))).await;
    let allowed = format!("127.0.0.1:{}", server.port).parse().unwrap();
    let (receiver, prepared) =
        (Receiver::new(&allowed).unwrap(), prepared(&format!("http://127.0.0.1:{}/", server.port), &allowed, 5));
    for _ in 0..5 {
        assert_eq!(code_and_head(&receiver.send(&prepared).await).0, 200);
    }
    assert_eq!(server.n_connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_does_not_fail_the_attempt() {
    let mut server = serve(|| Act::AnswerAndClose(ok("x"))).await;
    let allowed = format!("127.0.0.1:{}", server.port).parse().unwrap();
    let (receiver, prepared) =
        (Receiver::new(&allowed).unwrap(), prepared(&format!("http://127.0.0.1:{}/", server.port), &allowed, 5));
    for _ in 0..5 {
        assert_eq!(code_and_head(&receiver.send(&prepared).await).0, 200);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut n_requests = 0;
    while server.requests.try_recv().is_ok() {
        n_requests += 1;
    }
    assert_eq!(n_requests, 5, "nothing was sent twice");
}
