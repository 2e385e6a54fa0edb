"""Takes TCP connections and passes each on by TLS, with a client certificate:
what exporters that speak TCP only have in front of them.

    tlsrelay.py LISTEN-PORT SERVER-PORT CERT KEY CA

Both ports are on 127.0.0.1. Prints "relaying" when it listens.
"""

import socket
import ssl
import sys
import threading

port, server = int(sys.argv[1]), int(sys.argv[2])
cert, key, ca = sys.argv[3:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)


def relay(conn):
    plain = socket.create_connection(("127.0.0.1", server))
    with conn, context.wrap_socket(plain, server_hostname="127.0.0.1") as out:
        while data := conn.recv(65536):
            out.sendall(data)
        out.unwrap()


listener = socket.create_server(("127.0.0.1", port))
print("relaying", flush=True)
while True:
    threading.Thread(target=relay, args=(listener.accept()[0],), daemon=True).start()
