//! Clients that do not read what they asked for.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

/// A connection from `source`, an address of this machine, that takes no more of an answer than a small buffer holds until it
/// is read.
pub fn slow_connection(address: SocketAddr, source: Ipv4Addr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.bind(&SocketAddr::from((source, 0)).into()).expect("an address of this machine");
    socket.connect(&address.into()).expect("a connection");
    TcpStream::from(socket)
}
