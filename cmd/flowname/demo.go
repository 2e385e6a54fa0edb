package main

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/history"
	"flowname/correlate"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
	"flowname/flows"
)

// demoFiles were recorded by testdata/demo/record.sh from real programs: a
// resolver's dnstap stream, the export packets of a flow meter on the same
// network, and made-up databases of its addresses.
//
//go:embed demo
var demoFiles embed.FS

// demoTimeout is how long the demo waits for its own flows.
const demoTimeout = 20 * time.Second

type demoCmd struct{}

// Run starts the collector on loopback addresses, plays the recordings to it,
// prints what it makes of them and asks its history.
func (demoCmd) Run(std command.Streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "flowname-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	err = demo(ctx, dir, std.Out)
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

func demo(ctx context.Context, dir string, out io.Writer) error {
	var lines, log bytes.Buffer
	d, err := openDemo(dir, &lines, &log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx, nil) }()

	var history bytes.Buffer
	err = playDemo(ctx, d, out)
	if err == nil {
		err = askDemo(d, &history)
	}
	cancel()
	if err = errors.Join(err, <-ended); err != nil {
		return fmt.Errorf("%w\n%s", err, log.String())
	}
	if err := printFlows(out, lines.Bytes()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\nNext: 'flowname run --help' to collect your own flows, 'flowname replay --help' for captures.\n", history.String())
	return err
}

// openDemo opens the collector of 'flowname run' on addresses of its own.
func openDemo(dir string, lines, log io.Writer) (*daemon, error) {
	var c runCmd
	c.Netflow, c.Dnstap, c.HTTP = "127.0.0.1:0", "tcp:127.0.0.1:0", "127.0.0.1:0"
	c.Data, c.Out = filepath.Join(dir, "data"), "-"
	c.ASN, c.Geo = filepath.Join(dir, "asn.mmdb"), filepath.Join(dir, "city.mmdb")
	c.Wait, c.Retention, c.IndexWindow = time.Second, time.Hour, time.Hour
	c.Sockets, c.ReceiveBuffer = 1, 1<<18
	for _, path := range []string{c.ASN, c.Geo} {
		b, err := demoFiles.ReadFile("demo/" + filepath.Base(path))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return nil, err
		}
	}
	return openDaemon(&c, command.Streams{Out: lines, Err: log}, slog.New(slog.NewTextHandler(log, nil)))
}

// playDemo sends the recordings over loopback and waits until all flows are
// joined.
func playDemo(ctx context.Context, d *daemon, out io.Writer) error {
	fmt.Fprintf(out, `A small network, recorded: three clients, a resolver, a dozen servers.
  the resolver's dnstap goes to a collector on tcp %v
  the router's IPFIX goes to it on udp %v

`, d.sources.DnstapAddr(), d.group.Addr())
	if err := sendDnstap(ctx, d.sources.DnstapAddr().String()); err != nil {
		return err
	}
	// Half a minute is played in no time: without this, flows overtake answers.
	err := waitFor(ctx, "the dnstap stream", func() bool {
		return d.sources.DnstapOver()
	})
	if err != nil {
		return err
	}
	sent, err := sendExports(ctx, d.group.Addr().String())
	if err != nil {
		return err
	}
	return waitFor(ctx, "the flows", func() bool {
		decoded, joined := d.receivers[0].stats.Load(), d.joiners[0].stats.Load()
		return d.receivers[0].socket.Stats().Datagrams == sent && decoded.Records > 0 && joined.Total.Flows == decoded.Records
	})
}

// waitFor waits until something that was sent is through.
func waitFor(ctx context.Context, what string, through func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoTimeout, errors.New(what+" did not arrive over the loopback interface in time"))
	defer cancel()
	tick := time.NewTicker(joinerTick / 2)
	defer tick.Stop()
	for !through() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// sendDnstap sends the resolver's stream as a resolver does.
func sendDnstap(ctx context.Context, addr string) error {
	stream, err := demoFiles.ReadFile("demo/dnstap.fstrm")
	if err != nil {
		return err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	_, err = conn.Write(stream)
	return errors.Join(err, conn.Close())
}

// sendExports sends the router's datagrams and says how many.
func sendExports(ctx context.Context, addr string) (sent uint64, err error) {
	file, err := demoFiles.Open("demo/flows.pcap")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	conn, err := new(net.Dialer).DialContext(ctx, "udp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	frames, err := capture.NewReader(bufio.NewReader(file))
	if err != nil {
		return 0, err
	}
	packets := packet.NewDecoder(packet.Config{})
	var p packet.Packet
	var sendErr error
	for {
		frame, err := frames.Next()
		if err == io.EOF || sendErr != nil {
			return sent, sendErr
		}
		if err != nil {
			return sent, err
		}
		if packets.Decode(frame, &p) && p.Proto == flows.ProtoUDP {
			_, sendErr = conn.Write(p.Payload)
			sent++
		}
	}
}

// askDemo asks the running collector for histories, as 'flowname history' does.
func askDemo(d *daemon, out io.Writer) error {
	server := "http://" + d.http.Addr().String()
	for _, subject := range []string{"198.51.100.10", "beacon.badsite.test"} {
		fmt.Fprintf(out, "\n$ flowname history %s\n", subject)
		c := history.Cmd{Subject: subject, Server: server, Format: "table"}
		if err := c.Run(command.Streams{Out: out, Err: out}); err != nil {
			return err
		}
	}
	return nil
}

// A demoFlow is what the demo shows of an enriched flow.
type demoFlow struct {
	Proto    string `json:"proto"`
	Bytes    uint64 `json:"bytes"`
	Src      string `json:"src_addr"`
	Dst      string `json:"dst_addr"`
	DstPort  int    `json:"dst_port"`
	SrcName  string `json:"src_name"`
	Name     string `json:"dst_name"`
	Basis    string `json:"dst_name_basis"`
	AgeMs    int64  `json:"dst_name_age_ms"`
	Unnamed  string `json:"unnamed"`
	ASN      uint32 `json:"dst_asn"`
	Org      string `json:"dst_as_org"`
	Country  string `json:"dst_country"`
	DstNames []struct {
		Name string `json:"name"`
	} `json:"dst_names"`
}

// printFlows prints the flows towards servers as a table, and one of them
// whole.
func printFlows(out io.Writer, lines []byte) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CLIENT\tSERVER\tBYTES\tNAME, OR WHY NONE\tEVIDENCE\tNETWORK")
	var whole []byte
	replies := 0
	for s := bufio.NewScanner(bytes.NewReader(lines)); s.Scan(); {
		var f demoFlow
		if err := json.Unmarshal(s.Bytes(), &f); err != nil {
			return err
		}
		if f.Name == "" && (f.SrcName != "" || f.Unnamed != "" && f.DstPort > 32767) {
			replies++
			continue
		}
		if whole == nil && f.Basis == correlate.Client.String() {
			whole = bytes.Clone(s.Bytes())
		}
		name, evidence := f.explain()
		network := ""
		if f.ASN != 0 {
			network = fmt.Sprintf("AS%d %s %s", f.ASN, f.Org, f.Country)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", f.Src, net.JoinHostPort(f.Dst, fmt.Sprint(f.DstPort)), f.Bytes, name, evidence, network)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "(and %d flows of the other direction, named at their other end)\n\nOne of them as programs read it:\n%s\n", replies, whole)
	return err
}

// explain tells a flow's name and how it is known, or why it has none.
func (f *demoFlow) explain() (name, evidence string) {
	switch {
	case f.Name == "" && f.Unnamed == correlate.Ambiguous.String():
		name = "none: " + f.Unnamed
		for i, n := range f.DstNames {
			if i == 0 {
				evidence = "others asked for " + n.Name
			} else {
				evidence += ", " + n.Name
			}
		}
		return name, evidence
	case f.Name == "":
		return "none: " + f.Unnamed, "-"
	}
	evidence = f.Basis + ", " + ageText(f.AgeMs)
	if len(f.DstNames) > 1 {
		evidence += "; also " + f.DstNames[1].Name
	}
	return f.Name, evidence
}

// ageText tells how long before the flow, or after it, the answer was.
func ageText(ms int64) string {
	age := time.Duration(ms) * time.Millisecond
	switch {
	case age == 0:
		return "under 1ms before"
	case age < 0:
		return (-age).String() + " after"
	}
	return age.String() + " before"
}
