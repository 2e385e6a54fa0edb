package logs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"flowname/dnscache"
)

// fields makes a protobuf message of numbers and values: whole numbers, texts.
func fields(pairs ...any) string {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		number := protowire.Number(pairs[i].(int))
		switch v := pairs[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), v)
		}
	}
	return string(b)
}

func powerDNSFrames(messages ...string) []byte {
	var b []byte
	for _, m := range messages {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	return b
}

const (
	powerDNSClient = "\x0a\x09\x00\x07"
	powerDNSServer = "\x0a\x09\x00\x35"
	powerDNSAddr   = "\xc6\x33\x64\x07"
)

// powerDNSMessageOf is a message of a kind about shop.test with a response part.
func powerDNSMessageOf(kind int, response string, more ...any) string {
	return fields(append([]any{1, kind, 2, "0123456789abcdef", 6, powerDNSClient, 7, powerDNSServer, 9, 1795458600, 10, 250000,
		12, fields(1, "Shop.Test.", 2, 1, 3, 1), 13, response}, more...)...)
}

func powerDNSTold(stream []byte) (told []string, stats PowerDNSStats, err error) {
	r := NewPowerDNSReader(bufio.NewReader(bytes.NewReader(stream)))
	to := &Sink{Response: func(x *dnscache.Response) { told = append(told, toldResponse(x)) }}
	for err == nil {
		err = r.Next(to)
	}
	return told, r.Stats(), err
}

func TestPowerDNS(t *testing.T) {
	const asked = "2026-11-23T18:30:00.25 powerdns 10.9.0.7 @10.9.0.53 1 shop.test"
	address := fields(1, "edge.test.", 2, 1, 3, 1, 4, 60, 5, powerDNSAddr)
	alias := fields(1, "shop.test.", 2, 5, 3, 1, 4, 30, 5, "Edge.Test.")
	own := fields(1, "shop.test.", 2, 1, 3, 1, 4, 60, 5, powerDNSAddr)
	for _, c := range []struct {
		name, message string
		want          []string
		counter       string
	}{
		{"answer", powerDNSMessageOf(2, fields(1, 0, 2, own)), []string{asked + " 198.51.100.7/60"}, "Answers"},
		{"chain", powerDNSMessageOf(2, fields(1, 0, 2, alias, 2, address)), []string{asked + " ~edge.test 198.51.100.7/30"}, "Answers"},
		{"chain in another order", powerDNSMessageOf(2, fields(1, 0, 2, address, 2, alias)), []string{asked + " ~edge.test 198.51.100.7/30"}, "Answers"},
		{"chain without its CNAMEs, as old dnsdists send it", powerDNSMessageOf(2, fields(1, 0, 2, address)), []string{asked + " 198.51.100.7/60"}, "Answers"},
		{"off the chain", powerDNSMessageOf(2, fields(1, 0, 2, alias, 2, fields(1, "bank.test.", 2, 1, 4, 60, 5, powerDNSAddr))), []string{asked}, "Answers"},
		{"the last of two times counts", powerDNSMessageOf(2, fields(1, 0, 2, own), 9, 1795458601, 10, 500000), []string{"2026-11-23T18:30:01.5 powerdns 10.9.0.7 @10.9.0.53 1 shop.test 198.51.100.7/60"}, "Answers"},
		{"mapped", powerDNSMessageOf(2, fields(1, 0, 2, fields(1, "shop.test.", 2, 28, 4, 60, 5, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff"+powerDNSAddr))), []string{asked + " 198.51.100.7/60"}, "Answers"},
		{"null-routed", powerDNSMessageOf(2, fields(1, 0, 2, fields(1, "shop.test.", 2, 1, 4, 60, 5, "\x00\x00\x00\x00"))), []string{asked + " 0.0.0.0/60"}, "Answers"},
		{"NXDOMAIN", powerDNSMessageOf(2, fields(1, 3)), []string{asked + " !3"}, "Answers"},
		{"network error", powerDNSMessageOf(2, fields(1, 65536)), []string{asked + " !2"}, "Answers"},
		{"client behind a forwarder", powerDNSMessageOf(2, fields(1, 0), 14, "\x0a\x08\x00\x09"), []string{asked + " ecs 10.8.0.9/32"}, "Answers"},
		{"masked client subnet", powerDNSMessageOf(2, fields(1, 0), 14, "\x0a\x08\x00\x00"), []string{asked}, "Answers"},
		{"query", powerDNSMessageOf(1, ""), []string{asked + " ?"}, "Asked"},
		{"to the resolver", powerDNSMessageOf(4, fields(1, 0, 2, own)), []string{"2026-11-23T18:30:00.25 powerdns anyone @10.9.0.53 1 shop.test 198.51.100.7/60"}, "AnyClient"},
		{"of the resolver", powerDNSMessageOf(3, ""), nil, "Passed"},
		{"no such kind", powerDNSMessageOf(5, ""), nil, "BadProtobuf"},
		{"broken part", powerDNSMessageOf(2, "\x08"), nil, "BadProtobuf"},
		{"broken record", powerDNSMessageOf(2, fields(2, "\x0a\x7f")), nil, "BadProtobuf"},
		{"broken question", powerDNSMessageOf(2, "", 12, "\x0a\x7f"), nil, "BadProtobuf"},
		{"no time", powerDNSMessageOf(2, "", 9, 0), nil, "BadTime"},
		{"no client", powerDNSMessageOf(2, "", 6, ""), nil, "BadClient"},
		{"no such name", powerDNSMessageOf(2, "", 12, fields(1, "a..b.")), nil, "BadName"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, stats, err := powerDNSTold(powerDNSFrames(c.message))
			if diff := cmp.Diff(c.want, got); diff != "" || err != io.EOF {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			counts := map[string]uint64{
				"Answers": stats.Answers, "AnyClient": stats.AnyClient, "Asked": stats.Asked, "Passed": stats.Passed,
				"BadProtobuf": stats.BadProtobuf, "BadTime": stats.BadTime, "BadClient": stats.BadClient, "BadName": stats.BadName,
			}
			if counts[c.counter] != 1 || stats.Messages != 1 {
				t.Errorf("%+v, want one of %s", stats, c.counter)
			}
		})
	}
}

// A torn frame ends with an error at its offset, a bad message between good ones
// does not end the stream.
func TestPowerDNSFraming(t *testing.T) {
	good := powerDNSMessageOf(2, fields(1, 0))
	bad := powerDNSMessageOf(9, "")
	stream := powerDNSFrames(good, bad, good)
	if got, stats, err := powerDNSTold(stream); len(got) != 2 || stats.Messages != 3 || err != io.EOF {
		t.Errorf("got %d, %+v, %v", len(got), stats, err)
	}
	for cut := 1; cut < len(good)+2; cut++ {
		_, _, err := powerDNSTold(stream[:len(stream)-cut])
		if !errors.Is(err, ErrPowerDNS) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut by %d: %v", cut, err)
		}
	}
	_, _, err := powerDNSTold(append(bytes.Clone(stream), 0, 0, 1))
	if want := "logs: broken stream of PowerDNS messages: at offset "; !errors.Is(err, ErrPowerDNS) || err.Error()[:len(want)] != want {
		t.Errorf("empty message: %v", err)
	}
	four := append(binary.BigEndian.AppendUint32(nil, uint32(len(good))), good...)
	if got, _, err := powerDNSTold(append(four, four...)); len(got) != 2 || err != io.EOF {
		t.Errorf("lengths of four octets: %d, %v", len(got), err)
	}
	if _, _, err := powerDNSTold(append(four, 0xff, 0xff, 0xff, 0xff)); !errors.Is(err, ErrPowerDNS) {
		t.Errorf("too long: %v", err)
	}
}

func TestIsPowerDNS(t *testing.T) {
	message := powerDNSMessageOf(1, "")
	two := string(powerDNSFrames(message))
	four := string(binary.BigEndian.AppendUint32(nil, uint32(len(message)))) + message
	for head, want := range map[string]bool{
		two: true, four: true, two + two: true,
		two[:len(two)-2]: true, // the head ends in the message
		two[:6]:          false, "": false, "hello world": false,
		"\x00\x04\x08\x01\x20\x01":             true,
		"\x00\x04\x08\x05\x20\x01":             false, // no such kind
		"\x00\x05\x08\x01\x20\x01\x07":         false, // not protobuf
		"\x00\x00\x00\x00\x00\x00\x00\x22\x00": false, // a frame stream
	} {
		if got := IsPowerDNS([]byte(head)); got != want {
			t.Errorf("%q: got %t, want %t", head, got, want)
		}
	}
}

// TestPowerDNSLive: what the live run's Recursor and dnsdist sent equals what the
// capture has of them.
func TestPowerDNSLive(t *testing.T) {
	for file, server := range map[string]string{
		"dnsdist_1.7.3_protobuf_2byteframed.bin":  "127.0.1.6",
		"recursor_4.8.8_protobuf_2byteframed.bin": "127.0.1.7",
	} {
		t.Run(file, func(t *testing.T) {
			stream, err := os.ReadFile(filepath.Join(logCorpus(t), "powerdns", file))
			if err != nil {
				t.Fatal(err)
			}
			if !IsPowerDNS(stream[:1024]) {
				t.Error("not told by its head")
			}
			got, r := map[string]bool{}, NewPowerDNSReader(bufio.NewReader(bytes.NewReader(stream)))
			to := &Sink{Response: func(x *dnscache.Response) {
				if err := checkResponse(x); err != nil {
					t.Error(err)
				}
				for _, a := range x.Addrs {
					if x.Type == typeA || x.Type == typeAAAA {
						got[x.Client.String()+" "+a.Addr.String()+" "+string(x.Name)] = true
					}
				}
			}}
			for err == nil {
				err = r.Next(to)
			}
			if diff := cmp.Diff(liveAnswers(t, server), got); diff != "" || err != io.EOF {
				t.Errorf("%v, %+v (-capture +stream):\n%s", err, r.Stats(), diff)
			}
		})
	}
}

func FuzzPowerDNS(f *testing.F) {
	f.Add(powerDNSFrames(powerDNSMessageOf(2, fields(1, 0, 2, fields(1, "shop.test.", 2, 5, 5, "a.")))))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewPowerDNSReader(bufio.NewReader(bytes.NewReader(stream)))
		to := &Sink{Response: func(x *dnscache.Response) {
			if err := checkResponse(x); err != nil {
				t.Error(err)
			}
		}}
		for n := 0; r.Next(to) == nil; n++ {
			if n > len(stream) {
				t.Fatal("it spins")
			}
		}
	})
}

func TestPowerDNSAllocs(t *testing.T) {
	p := NewPowerDNSReader(bufio.NewReader(bytes.NewReader(nil)))
	message := []byte(powerDNSMessageOf(2, fields(1, 0, 2, fields(1, "shop.test.", 2, 5, 4, 9, 5, "a."), 2, fields(1, "a.", 2, 1, 4, 9, 5, powerDNSAddr))))
	to := &Sink{Response: func(*dnscache.Response) {}}
	if n := testing.AllocsPerRun(100, func() { p.read(message, to) }); n != 0 {
		t.Errorf("%g allocations a message, want none", n)
	}
}

func BenchmarkPowerDNS(b *testing.B) {
	p := NewPowerDNSReader(bufio.NewReader(bytes.NewReader(nil)))
	message := []byte(powerDNSMessageOf(2, fields(1, 0, 2, fields(1, "shop.test.", 2, 5, 4, 9, 5, "a."), 2, fields(1, "a.", 2, 1, 4, 9, 5, powerDNSAddr))))
	to := &Sink{Response: func(*dnscache.Response) {}}
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		p.read(message, to)
	}
}
