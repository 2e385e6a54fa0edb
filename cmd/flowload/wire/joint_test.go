package wire_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"flowname/cmd/flowload/check"
	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
	"flowname/flows"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
	"flowname/geo"
)

// small is a world of all kinds of flows, whose exporters repeat templates.
func small(t testing.TB) *world.World {
	t.Helper()
	c := world.Default()
	c.Clients, c.Answers, c.Turns, c.Flows, c.Other, c.IPv6 = 40, 6000, 10, 8000, 40, 30
	c.Exporters, c.PerDatagram = 3, 2
	w, err := world.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// openCache opens a cache with a history: an address has more answers in this
// world than an index in memory keeps of one.
func openCache(t *testing.T) *dnscache.Cache {
	t.Helper()
	cache, err := dnscache.Open(dnscache.Config{Seed: 1, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close(time.Now().UnixNano()) })
	return cache
}

// fromCapture files the answers of the world's capture.
func fromCapture(t *testing.T, w *world.World) *dnscache.Cache {
	t.Helper()
	var file bytes.Buffer
	if err := wire.WriteDNS(&file, w); err != nil {
		t.Fatal(err)
	}
	cache, parser := openCache(t), dnswire.NewParser(dnswire.Config{})
	s := sensor.New(sensor.Config{Queries: true})
	frames, err := capture.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	var answers, queries, tcp int
	take := func(m *sensor.Message) {
		if m.TCP {
			tcp++
		}
		if m.Query {
			queries++
			return
		}
		want := w.Answer(answers)
		var r dnscache.Response
		if err := parser.Parse(&r, m.Wire); err != nil {
			t.Fatalf("answer %d: %v", answers, err)
		}
		m.Fill(&r)
		compareAnswer(t, &r, &want)
		cache.File(&r, time.Now().UnixNano())
		answers++
	}
	for {
		f, err := frames.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Frame(f, take)
	}
	if answers != w.Answers() || queries != answers || tcp == 0 {
		t.Errorf("the sensor gave %d answers to %d queries, %d messages by TCP; want %d answers: %+v", answers, queries, tcp, w.Answers(), s.Stats())
	}
	return cache
}

// compareAnswer compares what was read with what was written.
func compareAnswer(t *testing.T, r *dnscache.Response, want *world.Answer) {
	t.Helper()
	if r.TimeNs != want.TimeNs || r.Client != want.Client.Addr() || r.Server != want.Server.Addr() ||
		string(r.Name) != string(want.Name(nil)) || string(r.Canonical) != string(want.Canonical(nil)) ||
		len(r.Addrs) != 1 || r.Addrs[0] != (dnscache.Addr{Addr: want.Addr, TTL: want.TTL}) {
		t.Fatalf("answer %d: got %+v, want %+v %s", want.Number, r, want, want.Name(nil))
	}
}

// fromDnstap files the answers of the world's dnstap stream.
func fromDnstap(t *testing.T, w *world.World) *dnscache.Cache {
	t.Helper()
	var file bytes.Buffer
	if err := wire.WriteDnstap(&file, w); err != nil {
		t.Fatal(err)
	}
	cache, parser := openCache(t), dnswire.NewParser(dnswire.Config{})
	reader, err := dnstap.NewReader(&file, dnstap.Config{})
	if err != nil {
		t.Fatal(err)
	}
	answers := 0
	for ; ; answers++ {
		var m dnstap.Message
		if err := reader.Next(&m); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		var r dnscache.Response
		if e := m.Fill(&r); e != dnstap.EvidenceClient {
			t.Fatalf("answer %d: evidence %v", answers, e)
		}
		if err := parser.Parse(&r, m.Wire); err != nil {
			t.Fatal(err)
		}
		want := w.Answer(answers)
		compareAnswer(t, &r, &want)
		cache.File(&r, time.Now().UnixNano())
	}
	if stats := reader.Stats(); answers != w.Answers() || stats.Stopped != 1 {
		t.Errorf("got %d answers, %+v, want %d and an end", answers, stats, w.Answers())
	}
	return cache
}

// join decodes the messages of a captured format, joins and checks every line.
func join(t *testing.T, w *world.World, f wire.Format, cache *dnscache.Cache, cursor *geo.Cursor) check.Account {
	t.Helper()
	var file bytes.Buffer
	if err := wire.WriteFlows(&file, w, f); err != nil {
		t.Fatal(err)
	}
	frames, err := capture.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	packets := packet.NewDecoder(packet.Config{})
	decode := decoderOf(t, f)
	correlator := correlate.New(correlate.Config{Seed: 1, Wait: 2 * time.Second}, cache, cursor)
	checker := check.New(w, cursor != nil)
	var line []byte
	emit := func(flow *correlate.Flow) {
		line = export.AppendJSON(line[:0], flow)
		checker.Line(line)
	}
	var records []flows.Record
	for {
		frame, err := frames.Next()
		if err == io.EOF {
			break
		}
		var p packet.Packet
		if err != nil || !packets.Decode(frame, &p) {
			t.Fatalf("a frame can not be read: %v", err)
		}
		records = decode(records[:0], &p)
		correlator.Join(records, p.TimeNs, emit)
	}
	correlator.Drain(emit)
	return checker.Account()
}

// decoderOf is the project's own decoder of a format.
func decoderOf(t *testing.T, f wire.Format) func([]flows.Record, *packet.Packet) []flows.Record {
	t.Helper()
	if f == wire.SFlow {
		decoder := sflow.NewDecoder(sflow.Config{})
		t.Cleanup(func() {
			if s := decoder.Stats(); s.BadRecords+s.BadSamples+s.UnknownRecords+s.PaddingBytes > 0 || s.Records == 0 {
				t.Errorf("%v: decoder: %+v", f, s)
			}
		})
		return func(dst []flows.Record, p *packet.Packet) []flows.Record {
			dst, err := decoder.AppendRecords(dst, p.Payload, p.Src, p.TimeNs, nil)
			if err != nil {
				t.Fatal(err)
			}
			return dst
		}
	}
	decoder := netflow.NewDecoder(netflow.Config{})
	t.Cleanup(func() {
		if s := decoder.Stats(); s.UnknownTemplateSets > 0 || s.Records == 0 {
			t.Errorf("%v: decoder: %+v", f, s)
		}
	})
	return func(dst []flows.Record, p *packet.Packet) []flows.Record {
		if version, ok := netflow.Version(p.Payload); !ok || version != uint16(f) {
			t.Fatalf("%v: the payload is of version %d, %v", f, version, ok)
		}
		dst, err := decoder.AppendRecords(dst, p.Payload, p.Src, p.TimeNs)
		if err != nil {
			t.Fatal(err)
		}
		return dst
	}
}

// What is written is read back by the project's own decoders, and each flow of
// each format gets the name that it must get.
func TestEveryNameIsRight(t *testing.T) {
	w := small(t)
	dir := t.TempDir()
	asn, city := filepath.Join(dir, "asn.mmdb"), filepath.Join(dir, "city.mmdb")
	if err := w.WritePlaces(asn, city); err != nil {
		t.Fatal(err)
	}
	places, err := geo.New(asn, city)
	if err != nil {
		t.Fatal(err)
	}
	for source, cache := range map[string]*dnscache.Cache{"capture": fromCapture(t, w), "dnstap": fromDnstap(t, w)} {
		for _, f := range wire.Formats() {
			a := join(t, w, f, cache, places.NewCursor())
			if !a.OK(0) || a.Right == 0 || a.Named == 0 || a.Named == a.Right {
				t.Errorf("%s, %v: %+v", source, f, a)
			}
			if all := uint64(w.Config().Flows); f != wire.V5 && a.Right != all {
				t.Errorf("%s, %v: %d right of %d", source, f, a.Right, all)
			}
		}
	}
}

// A collector that knows only half of the answers does not pass.
func TestWrongNamesAreFound(t *testing.T) {
	w := small(t)
	cache := openCache(t)
	for i := range w.Answers() / 2 {
		a := w.Answer(i)
		cache.File(&dnscache.Response{
			TimeNs: a.TimeNs, Client: a.Client.Addr(), Name: a.Name(nil), Canonical: a.Canonical(nil),
			Addrs: []dnscache.Addr{{Addr: a.Addr, TTL: a.TTL}},
		}, time.Now().UnixNano())
	}
	a := join(t, w, wire.IPFIX, cache, nil)
	if a.Wrong < uint64(w.Config().Flows)/10 || a.Right == 0 || a.Missing > 0 || len(a.Faults) == 0 {
		t.Errorf("got %+v, want many wrong names", a)
	}
}

// The messages are what another implementation takes for DNS.
func TestMessagesAreDNS(t *testing.T) {
	w := small(t)
	for i := range w.Answers() {
		a := w.Answer(i)
		var query, response dns.Msg
		err := errors.Join(query.Unpack(wire.AppendQuery(nil, &a)), response.Unpack(wire.AppendResponse(nil, &a)))
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if !response.Response || response.Id != query.Id || response.Question[0] != query.Question[0] {
			t.Fatalf("answer %d: %v is no response to %v", i, response, query)
		}
	}
}

func TestSameWorldSameBytes(t *testing.T) {
	write := func() []byte {
		var b bytes.Buffer
		w := small(t)
		err := errors.Join(wire.WriteDNS(&b, w), wire.WriteDnstap(&b, w))
		for _, f := range wire.Formats() {
			err = errors.Join(err, wire.WriteFlows(&b, w, f))
		}
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(write(), write()) {
		t.Error("two runs wrote different bytes")
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range wire.Formats() {
		if got, err := wire.ParseFormat(f.String()); got != f || err != nil {
			t.Errorf("%v: got %v, %v", f, got, err)
		}
	}
	if _, err := wire.ParseFormat("v7"); err == nil {
		t.Error("v7 is taken")
	}
}

// A broken pipe ends the writing.
func TestWriteErrorsAreTold(t *testing.T) {
	w := small(t)
	for name, write := range map[string]func(io.Writer) error{
		"dns":    func(out io.Writer) error { return wire.WriteDNS(out, w) },
		"dnstap": func(out io.Writer) error { return wire.WriteDnstap(out, w) },
		"flows":  func(out io.Writer) error { return wire.WriteFlows(out, w, wire.IPFIX) },
	} {
		if err := write(&narrow{room: 10_000}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: got %v, want the writer's error", name, err)
		}
	}
}

type narrow struct{ room int }

func (n *narrow) Write(b []byte) (int, error) {
	if n.room -= len(b); n.room < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func BenchmarkMessages(b *testing.B) {
	c := world.Default()
	c.Flows = 100_000
	w, err := world.New(c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		wire.Messages(w, wire.IPFIX, func(m wire.Message) bool { return true })
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/flow")
}
