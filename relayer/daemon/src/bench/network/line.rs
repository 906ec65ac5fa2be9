//! The line between hosts: every frame waits here before it goes on, as it would on its way between two cities.
//!
//! Hosts hand their frames over as VXLAN (RFC 7348), each to a port of its own, so an ordinary socket is all this needs: no
//! privilege, no module of the kernel that delays. Delay is one way and the same for all; nothing is lost or reordered unless a
//! queue overflows, which is counted, or the line is cut.

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

/// Frames of one host that may wait: at 9,000 bytes 147 MB, a second of a line of 1.2 Gbit/s.
const WAITING: usize = 16_384;
/// Header of VXLAN, then the frame's destination.
const HEADER: usize = 8;
/// How often a thread without frames looks whether it is over.
const LOOK: Duration = Duration::from_millis(200);
/// Longest datagram.
const LARGEST: usize = 65_535;

/// A frame on its way.
struct Frame {
    due: Instant,
    bytes: Vec<u8>,
}

/// What went over it, and what of it may.
#[derive(Debug, Default)]
struct State {
    over: AtomicBool,
    /// Hosts from this number on hear nothing of those before it, and the other way round; 0: all hear each other.
    cut: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
}

/// A running line. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Line {
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
}

impl Line {
    /// Carries frames between `hosts` hosts.
    ///
    /// # Errors
    /// Fails when a port is taken.
    pub(super) fn start(hosts: u8, delay: Duration) -> anyhow::Result<Self> {
        let state = Arc::new(State::default());
        let mut threads = Vec::new();
        for host in 0..hosts {
            let socket = UdpSocket::bind((super::hosts::OFFICE, super::hosts::port(host)))
                .context("a port of the line")?;
            socket.set_read_timeout(Some(LOOK))?;
            let out = socket.try_clone().context("the line's other end")?;
            let (sender, receiver) = sync_channel(WAITING);
            let shared = Arc::clone(&state);
            threads.push(thread::spawn(move || {
                hear(&socket, &sender, delay, &shared);
            }));
            let shared = Arc::clone(&state);
            threads.push(thread::spawn(move || {
                pass(&out, &receiver, host, hosts, &shared);
            }));
        }
        Ok(Self { state, threads })
    }

    /// Cuts the hosts from `first` on off from the others.
    ///
    /// # Errors
    /// Fails when that leaves one side empty.
    pub(super) fn cut(&self, first: u8) -> anyhow::Result<()> {
        ensure!(first > 0, "a cut has two sides");
        self.state.cut.store(first.into(), Ordering::Relaxed);
        Ok(())
    }

    /// Mends it.
    pub(super) fn mend(&self) {
        self.state.cut.store(0, Ordering::Relaxed);
    }

    /// Bytes that went over it so far, with their Ethernet headers.
    pub(super) fn bytes(&self) -> u64 {
        self.state.bytes.load(Ordering::Relaxed)
    }

    /// Frames that found a queue full.
    pub(super) fn dropped(&self) -> u64 {
        self.state.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so on stderr.
            let _ = thread.join();
        }
    }
}

fn hear(socket: &UdpSocket, queue: &SyncSender<Frame>, delay: Duration, state: &State) {
    let mut buffer = vec![0; LARGEST];
    while !state.over.load(Ordering::Relaxed) {
        let Ok(length) = socket.recv(&mut buffer) else {
            continue; // nothing came in time, or a host is gone: the next one tells
        };
        let frame = Frame {
            due: Instant::now() + delay,
            bytes: buffer.get(..length).unwrap_or_default().to_vec(),
        };
        match queue.try_send(frame) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                state.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(_)) => return,
        }
    }
}

fn pass(socket: &UdpSocket, queue: &Receiver<Frame>, from: u8, hosts: u8, state: &State) {
    // Ends when the hearing half does.
    while let Ok(frame) = queue.recv() {
        thread::sleep(frame.due.saturating_duration_since(Instant::now()));
        for to in destinations(&frame.bytes, from, hosts) {
            let cut = state.cut.load(Ordering::Relaxed);
            if (u64::from(from) < cut) != (u64::from(to) < cut) {
                continue;
            }
            let sent = frame.bytes.len().saturating_sub(HEADER) as u64;
            state.bytes.fetch_add(sent, Ordering::Relaxed);
            // A host that is gone hears nothing; the others go on.
            let _ = socket.send_to(&frame.bytes, (address_of(to), super::hosts::port(to)));
        }
    }
}

fn address_of(host: u8) -> Ipv4Addr {
    super::hosts::office_address(host)
}

/// Hosts that a frame is for: one by its address, all others if it is for everybody.
fn destinations(vxlan: &[u8], from: u8, hosts: u8) -> Vec<u8> {
    match vxlan.get(HEADER..HEADER + 6) {
        Some([2, 0, 0, 0, 0, last]) => last
            .checked_sub(1)
            .filter(|host| *host < hosts)
            .into_iter()
            .collect(),
        Some([first, ..]) if first & 1 == 1 => (0..hosts).filter(|host| *host != from).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(to: [u8; 6]) -> Vec<u8> {
        [&[8, 0, 0, 0, 0, 0, 7, 0][..], &to, &[0; 8]].concat()
    }

    #[test]
    fn a_frame_goes_to_the_host_it_names_and_a_broadcast_to_all_others() {
        assert_eq!(
            destinations(&frame([2, 0, 0, 0, 0, 3]), 0, 4),
            [2],
            "02:00:00:00:00:03 is host 2"
        );
        assert_eq!(destinations(&frame([0xff; 6]), 1, 4), [0, 2, 3]);
        assert!(
            destinations(&frame([2, 0, 0, 0, 0, 5]), 0, 4).is_empty(),
            "there is no fifth host"
        );
        assert!(destinations(&frame([2, 0, 0, 0, 0, 0]), 0, 4).is_empty());
        assert!(
            destinations(&frame([4, 0, 0, 0, 0, 1]), 0, 4).is_empty(),
            "no host of ours"
        );
        assert!(destinations(&[8, 0, 0], 0, 4).is_empty(), "cut short");
    }
}
