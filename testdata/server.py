"""Servers for the recordings: HTTP and UDP on every address of the host.

Usage: server.py [UDP port ...]

GET /N answers with N bytes; GET /slow/S with some bytes a second, for S
seconds. Each UDP port echoes what it gets, from the address it was sent to.
"""

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTTP_PORTS = (80, 443, 8080)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        parts = self.path.strip("/").split("/")
        if parts[0] == "slow":
            for _ in range(int(parts[1]) * 2):
                self.wfile.write(b"x" * 700)
                self.wfile.flush()
                time.sleep(0.5)
        else:
            self.wfile.write(b"x" * int(parts[0] or 1000))


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6  # and IPv4 by mapped addresses


def echo(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: to answer from the address asked
    sock.bind(("0.0.0.0", port))
    while True:
        data, info, _, peer = sock.recvmsg(2048, 256)
        sock.sendmsg([data], info, 0, peer)


for port in HTTP_PORTS:
    threading.Thread(target=Server(("::", port), Handler).serve_forever).start()
for port in sys.argv[1:]:
    threading.Thread(target=echo, args=(int(port),)).start()
print("serving", flush=True)
