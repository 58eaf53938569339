//! The sandbox as a process: `SANDBOX_BIND` (default 127.0.0.1), `SANDBOX_PORT` (default 4600; 0 picks a free port).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context;
use gancho_tests::sandbox::{self, Credentials};

const DEFAULT_PORT: u16 = 4600;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bind = match std::env::var("SANDBOX_BIND") {
        Ok(text) => text.parse().context("SANDBOX_BIND is not an IP address")?,
        Err(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
    };
    let port = match std::env::var("SANDBOX_PORT") {
        Ok(text) => text.parse().context("SANDBOX_PORT is not a port")?,
        Err(_) => DEFAULT_PORT,
    };
    let running = sandbox::start(SocketAddr::new(bind, port), Credentials::from_env())
        .await
        .with_context(|| format!("cannot listen on {bind}:{port}"))?;
    announce(running.url());
    running.until_stopped().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "whoever starts the sandbox reads the port from this line")]
fn announce(url: &str) {
    println!("listening on {url}");
}
