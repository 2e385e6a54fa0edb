"""One end of a VLAN or GRE link, for kernels that were built without them.

Usage: tunnel.py vlan DEVICE INTERFACE ID [INNER ID]
       tunnel.py gre DEVICE LOCAL REMOTE [KEY]

Makes DEVICE (TAP for vlan, TUN for gre) and carries its frames over the
interface with one or two tags (IEEE 802.1Q, 802.1ad), or in GRE (RFC 2784, with
the key of RFC 2890) between the two addresses, until it is killed.
"""

import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_TAP, IFF_NO_PI = 1, 2, 0x1000
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
VLAN_VALID = 0x10


def device(name, kind):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), kind | IFF_NO_PI))
    return fd


class VLAN:
    kind = IFF_TAP

    def __init__(self, interface, *ids):
        self.ids = [int(i) for i in ids]
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.bind((interface, 3))
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)

    def send(self, frame):
        tags = [0x8100] if len(self.ids) == 1 else [0x88A8, 0x8100]
        header = b"".join(struct.pack("!HH", tag, i) for tag, i in zip(tags, self.ids))
        self.sock.send(frame[:12] + header + frame[12:])

    def receive(self):
        frame, extra, _, sender = self.sock.recvmsg(65536, 256)
        if sender[2] == PACKET_OUTGOING or not extra:
            return None
        # The kernel takes the outer tag out of the frame and tells it aside.
        status, *_, outer, _ = struct.unpack("IIIHHHH", extra[0][2])
        if not status & VLAN_VALID or outer & 0xFFF != self.ids[0]:
            return None
        inner = 4 * (len(self.ids) - 1)
        return frame[:12] + frame[12 + inner:]


class GRE:
    kind = IFF_TUN

    def __init__(self, local, remote, key=None):
        self.key = struct.pack("!I", int(key)) if key else b""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
        self.sock.bind((local, 0))
        self.sock.connect((remote, 0))

    def send(self, packet):
        ether_type = 0x86DD if packet[0] >> 4 == 6 else 0x0800
        flags = 0x2000 if self.key else 0
        self.sock.send(struct.pack("!HH", flags, ether_type) + self.key + packet)

    def receive(self):
        packet = self.sock.recv(65536)
        return packet[(packet[0] & 15) * 4 + 4 + len(self.key):]


link = {"vlan": VLAN, "gre": GRE}[sys.argv[1]](*sys.argv[3:])
fd = device(sys.argv[2], link.kind)
while True:
    for ready in select.select([fd, link.sock], [], [])[0]:
        try:
            if ready == fd:
                link.send(os.read(fd, 65536))
            elif (data := link.receive()) is not None:
                os.write(fd, data)
        except OSError:
            pass  # the other end, or the device, is not up yet
