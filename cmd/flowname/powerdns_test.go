package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"flowname/cmd/flowname/command"
)

// powerDNSFrame is a response to 192.0.2.7, n1.example and so on, framed.
func powerDNSFrame(i int) []byte {
	num := func(b []byte, field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
	}
	text := func(b []byte, field protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
	}
	name := fmt.Sprintf("n%d.example.", i)
	record := text(num(num(num(text(nil, 1, name), 2, 1), 3, 1), 4, 300), 5, string([]byte{198, 51, 100, byte(i)}))
	m := num(num(nil, 1, 2), 9, 1795454226)
	m = text(text(m, 6, "\xc0\x00\x02\x07"), 7, "\xc0\x00\x02\x35")
	m = text(m, 12, string(num(num(text(nil, 1, name), 2, 1), 3, 1)))
	m = text(m, 13, string(text(num(nil, 1, 0), 2, string(record))))
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
}

func TestReplayAndCheckPowerDNS(t *testing.T) {
	path := filepath.Join(t.TempDir(), "messages.bin")
	if err := os.WriteFile(path, append(append(powerDNSFrame(1), powerDNSFrame(2)...), powerDNSFrame(3)[:20]...), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	if code := execute([]string{"replay", "--dns", path, "--data", filepath.Join(t.TempDir(), "data")}, command.Streams{Out: &out, Err: &stderr}); code != exitOK {
		t.Errorf("%d: %s", code, stderr.String())
	}
	for _, want := range []string{"powerdns: frames=3 streams=1 broken=1", "responses=2", "unexpected EOF: what came before is used"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in %s", want, stderr.String())
		}
	}
	out.Reset()
	if code := execute([]string{"check", path}, command.Streams{Out: &out, Err: &stderr}); code != exitOK || !strings.Contains(out.String(), "PowerDNS") {
		t.Errorf("%d: %s", code, out.String())
	}
}
