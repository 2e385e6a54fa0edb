package peers

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSumMetrics(t *testing.T) {
	const text = `# HELP a_total Things.
a_total{by="x"} 3
a_total{by="y"} 1e+06
a_total_other 7
b 4
c_total{type="TemplateFlowSet"} 9
c_total{type="DataFlowSet"} 2
`
	for _, c := range []struct {
		names []string
		want  uint64
		fails bool
	}{
		{[]string{"a_total"}, 1_000_003, false},
		{[]string{"a_total", "b"}, 1_000_007, false},
		{[]string{"c_total"}, 2, false},
		{[]string{"none"}, 0, true},
	} {
		got, err := sumMetrics(text, c.names...)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%q: got %d, %v, want %d", c.names, got, err, c.want)
		}
	}
	if _, err := sumMetrics("a x\n", "a"); err == nil {
		t.Error("a metric that is no number is taken")
	}
}

func TestSumColumn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.csv")
	for text, want := range map[string]uint64{
		"SRC,FLOWS,BYTES\na,3,9\nb,4,9\nSRC,FLOWS,BYTES\nc,5,9\n": 12,
		"SRC,BYTES\na,3\n":   0,
		"SRC,FLOWS\na,x\n":   0,
		"SRC,FLOWS\na,2\n\n": 2,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := sumColumn(path, "FLOWS")
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestTable(t *testing.T) {
	result := func(cpu time.Duration, written uint64) Result {
		return Result{CPU: cpu, Took: time.Second, Peak: 5e6, Sent: 500_000, Written: written}
	}
	rows := []Row{
		{Receiver: &Receiver{Name: "flowname", Does: "all"}, Rounds: []Result{
			result(time.Second, 500_000), result(500*time.Millisecond, 500_000), result(9*time.Second, 500_000)}},
		{Receiver: &Receiver{Name: "other", Does: "less"}, Rounds: []Result{
			result(time.Second, 500_000), result(3*time.Second, 499_000)}},
		{Receiver: &Receiver{Name: "none", Absent: "not installed: apt-get install none"}},
	}
	if got := rows[0].CPU(); got != 2 {
		t.Errorf("CPU: got %v s, want the median of 1, 2 and 18", got)
	}
	var b bytes.Buffer
	if err := WriteTable(&b, rows, "flowname"); err != nil {
		t.Fatal(err)
	}
	const want = `RECEIVER  CPU s/1M flows  / flowname  PEAK MB  FLOWS/s  LOST           WHAT IT DOES
flowname  2.000           1.00        5        500000   0 (0.00 %)     all
other     4.000           2.00        5        500000   1000 (0.10 %)  less
none: absent: not installed: apt-get install none
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// The clock, the memory and the end of a process, and of what it starts.
func TestProcess(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	p, err := start(t.Context(), "sh", []string{"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; sleep 9 & wait"}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	if _, err := cpuClock(p.cmd.Process.Pid); err != nil {
		t.Skip(err)
	}
	for !strings.Contains(p.output.text(), "done") || len(p.tree()) < 2 {
		if err := p.sleep(t.Context(), poll); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if cpu, err := p.cpu(); err != nil || cpu <= 0 || cpu > time.Minute {
		t.Errorf("CPU: got %v, %v", cpu, err)
	}
	if err := p.resetPeak(); err != nil {
		t.Error(err)
	}
	if peak, err := p.peak(); err != nil || peak < 1<<16 || peak > 1<<30 {
		t.Errorf("peak: got %d bytes, %v", peak, err)
	}
	if err := p.end(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if err := p.end(syscall.SIGTERM); err == nil || !strings.Contains(err.Error(), "it said: done") {
		t.Errorf("a process that had ended: got %v", err)
	}
}

func TestFailuresAreTold(t *testing.T) {
	for _, r := range []*Receiver{
		{Name: "none", prepare: func(place) ([]string, error) { return []string{"/no/such/program"}, nil }},
		{Name: "false", prepare: func(place) ([]string, error) { return []string{"false"}, nil }},
	} {
		dir := filepath.Join(t.TempDir(), "round")
		_, err := r.Measure(t.Context(), dir, nil)
		if err == nil || !strings.HasPrefix(err.Error(), r.Name+": ") {
			t.Errorf("%s: got %v", r.Name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: its directory is left", r.Name)
		}
	}
	if _, err := run(context.Background(), "", "false"); err == nil {
		t.Error("a program that fails is taken for good")
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var o tail
	for range 1000 {
		o.Write([]byte("0123456789"))
	}
	o.Write([]byte("end"))
	if text := o.text(); len(text) != maxTail || !strings.HasSuffix(text, "789end") {
		t.Errorf("got %d bytes", len(text))
	}
}
