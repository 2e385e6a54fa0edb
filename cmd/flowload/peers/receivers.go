package peers

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A place is where a round of a receiver happens.
type place struct {
	dir        string // its own, empty at the beginning
	port, http uint16 // free at the beginning
	output     func() string
}

// A Receiver is one that can be measured.
type Receiver struct {
	Name string
	// Does is what becomes of the flows.
	Does string
	// Absent says why it can not be measured, and how to get it; empty where it
	// can.
	Absent string

	// buffer is how many bytes it asks of the kernel; 0: it does not ask.
	buffer int
	// prepare writes its files and returns its command line.
	prepare func(place) ([]string, error)
	signal  syscall.Signal // that ends it
	// Flows written: asked of it while it runs, or of what it leaves behind.
	asked, left func(context.Context, place) (uint64, error)
	// datagrams says that what it counts are those.
	datagrams bool
}

// wantBuffer is what those ask of the kernel that can: what most kernels give.
const wantBuffer = 4 << 20

func loopback(port uint16) string { return "127.0.0.1:" + strconv.Itoa(int(port)) }

// Ours is flowname: named JSON lines to out. It is run with further flags.
func Ours(program, evidence, asn, city string, versions int, out string, flags ...string) *Receiver {
	return &Receiver{
		Name: "flowname", Does: "names and places each flow, JSON lines to " + out,
		buffer: wantBuffer, signal: syscall.SIGTERM,
		prepare: func(p place) ([]string, error) {
			return append([]string{program, "run", "--netflow", loopback(p.port), "--http", loopback(p.http),
				"--dns", evidence, "--asn", asn, "--geo", city, "--data", filepath.Join(p.dir, "data"),
				"--out", out, "--receive-buffer", strconv.Itoa(wantBuffer),
				"--index-versions", strconv.Itoa(versions)}, flags...), nil
		},
		asked: func(ctx context.Context, p place) (uint64, error) {
			// Lines are written a moment after they are counted as joined.
			return metric(ctx, p, "flowname_flows_named_total", "flowname_flows_unnamed_total")
		},
	}
}

// Floor is a bare reader: itself with a command that reads and drops.
func Floor(name, does string, command ...string) *Receiver {
	return &Receiver{
		Name: name, Does: does, buffer: wantBuffer, signal: syscall.SIGTERM, datagrams: true,
		prepare: func(p place) ([]string, error) { return append(command, loopback(p.port)), nil },
		left: func(_ context.Context, p place) (uint64, error) {
			return strconv.ParseUint(strings.TrimSpace(p.output()), 10, 64)
		},
	}
}

// Nfcapd is nfdump's collector.
func Nfcapd() *Receiver {
	r := &Receiver{
		Name: "nfcapd", Does: "stores flows in its own format, names nothing",
		buffer: wantBuffer, signal: syscall.SIGTERM,
		prepare: func(p place) ([]string, error) {
			return []string{found("nfcapd"), "-w", p.dir, "-b", "127.0.0.1", "-p", strconv.Itoa(int(p.port)),
				"-B", strconv.Itoa(wantBuffer), "-t", "3600"}, nil
		},
		left: func(ctx context.Context, p place) (uint64, error) {
			text, err := run(ctx, p.dir, found("nfdump"), "-I", "-R", p.dir)
			if err != nil {
				return 0, err
			}
			for line := range strings.Lines(text) {
				if n, ok := strings.CutPrefix(line, "Flows:"); ok {
					return strconv.ParseUint(strings.TrimSpace(n), 10, 64)
				}
			}
			return 0, fmt.Errorf("nfdump -I does not say how many flows: %q", text)
		},
	}
	if found("nfcapd") == "" || found("nfdump") == "" {
		r.Absent = "not installed: apt-get install nfdump"
	}
	return r
}

// nfacctdConfig is for an address, a port, a buffer and an output file.
const nfacctdConfig = `daemonize: false
nfacctd_ip: 127.0.0.1
nfacctd_port: %d
nfacctd_pipe_size: %d
plugins: print[flows]
aggregate[flows]: dst_host, dst_port, proto, flows
print_output[flows]: csv
print_output_file[flows]: %s
print_output_file_append[flows]: true
print_refresh_time[flows]: 3600
print_cache_entries[flows]: 65521
plugin_pipe_size[flows]: 536870912
plugin_buffer_size[flows]: 65536
`

// Nfacctd is pmacct's collector.
func Nfacctd() *Receiver {
	out := func(p place) string { return filepath.Join(p.dir, "flows.csv") }
	r := &Receiver{
		Name: "nfacctd", Does: "sums flows by server address and port in memory, names nothing",
		buffer: wantBuffer, signal: syscall.SIGINT,
		prepare: func(p place) ([]string, error) {
			conf := filepath.Join(p.dir, "nfacctd.conf")
			text := fmt.Sprintf(nfacctdConfig, p.port, wantBuffer, out(p))
			return []string{found("nfacctd"), "-f", conf}, os.WriteFile(conf, []byte(text), 0o644)
		},
		left: func(_ context.Context, p place) (uint64, error) { return sumColumn(out(p), "FLOWS") },
	}
	if found("nfacctd") == "" {
		r.Absent = "not installed: apt-get install pmacct"
	}
	return r
}

// goflow2Mapping has goflow2 write the fields that flowname's lines of these flows
// have before anything is added. Without it it writes all that it knows, some sixty,
// and takes twice as long: it finds each by its name, by reflection.
const goflow2Mapping = `formatter:
  fields: [type, time_received_ns, sequence_num, sampling_rate, sampler_address, time_flow_start_ns, time_flow_end_ns,
    bytes, packets, src_addr, dst_addr, etype, proto, src_port, dst_port, in_if, out_if, tcp_flags, ip_tos,
    src_as, dst_as, next_hop, src_net, dst_net, observation_domain_id]
`

// goflow2Env takes a tenth off goflow2, which makes garbage of each flow.
const goflow2Env = "GOGC=400"

// Goflow2 is goflow2 as it is fastest; absent says why there is no program.
func Goflow2(program, absent string) *Receiver {
	return &Receiver{
		Name: "goflow2", Does: "JSON lines of the same fields to /dev/null, names nothing", Absent: absent,
		signal: syscall.SIGTERM,
		prepare: func(p place) ([]string, error) {
			// Blocking, so that what it can not take stays in the kernel's
			// queue, where the sender sees it.
			mapping := filepath.Join(p.dir, "mapping.yaml")
			return []string{"env", goflow2Env, program, "-listen", "netflow://" + loopback(p.port) + "?blocking=true&queue_size=1000",
				"-mapping", mapping, "-addr", loopback(p.http), "-transport.file", os.DevNull}, os.WriteFile(mapping, []byte(goflow2Mapping), 0o644)
		},
		asked: func(ctx context.Context, p place) (uint64, error) {
			return metric(ctx, p, "goflow2_flow_process_nf_flowset_records_total")
		},
	}
}

// metric adds up the values of the metrics that begin so, of those that count
// data where they tell.
func metric(ctx context.Context, p place, names ...string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+loopback(p.http)+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	return sumMetrics(string(text), names...)
}

func sumMetrics(text string, names ...string) (uint64, error) {
	sum, any := 0.0, false
	for line := range strings.Lines(text) {
		if strings.Contains(line, "TemplateFlowSet") {
			continue // records of templates
		}
		for _, name := range names {
			rest, ok := strings.CutPrefix(line, name)
			if !ok || rest[0] != '{' && rest[0] != ' ' {
				continue
			}
			at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
			v, err := strconv.ParseFloat(strings.TrimSpace(line)[at+1:], 64)
			if err != nil {
				return 0, fmt.Errorf("metric %q: %w", line, err)
			}
			sum, any = sum+v, true
		}
	}
	if !any {
		return 0, fmt.Errorf("no metric %s", strings.Join(names, ", "))
	}
	return uint64(sum), nil
}

// sumColumn adds up a column of a CSV file with a header.
func sumColumn(path, column string) (sum uint64, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	at := -1
	for line := range bytes.Lines(b) {
		cells := bytes.Split(bytes.TrimSpace(line), []byte(","))
		if at < 0 {
			for i, c := range cells {
				if string(c) == column {
					at = i
				}
			}
			if at < 0 {
				return 0, fmt.Errorf("%s: no column %s", path, column)
			}
			continue
		}
		if at >= len(cells) || string(cells[at]) == column {
			continue // the header again, of a file that was appended to
		}
		n, err := strconv.ParseUint(string(cells[at]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		sum += n
	}
	return sum, nil
}
