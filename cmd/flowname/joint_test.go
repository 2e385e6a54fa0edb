package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"flowname/cmd/flowname/command"
)

// corpusDir is the folder of captures that this project uses but does not own.
const corpusDir = "../shared/corpus"

// corpus is a path in the corpus; the test is skipped where there is none.
func corpus(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(root, corpusDir)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the corpus is not here: %s", corpusDir)
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}

// A truth is a connection that shows its name by itself (TLS or QUIC SNI, HTTP
// Host), with what the capture's DNS says of it.
type truth struct {
	startNs int64
	key     tupleKey
	name    string
	verdict string
}

// A tupleKey is a connection seen from its client.
type tupleKey struct{ proto, client, clientPort, server, serverPort string }

func readTruth(t *testing.T, path string) []truth {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []truth
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) < 10 {
			continue
		}
		seconds, err := strconv.ParseFloat(f[0], 64)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, truth{
			startNs: int64(seconds * 1e9),
			key:     tupleKey{strings.ToUpper(f[2]), f[3], f[4], f[5], f[6]},
			name:    strings.ToLower(strings.TrimSuffix(f[8], ".")),
			verdict: f[9],
		})
	}
	return all
}

// An exported is a line of replay's output as a reader of it sees it.
type exported struct {
	Start    int64  `json:"time_flow_start_ns"`
	Proto    string `json:"proto"`
	Src      string `json:"src_addr"`
	Dst      string `json:"dst_addr"`
	SrcPort  int    `json:"src_port"`
	DstPort  int    `json:"dst_port"`
	SrcName  string `json:"src_name"`
	DstName  string `json:"dst_name"`
	SrcAgeMs int64  `json:"src_name_age_ms"`
	DstAgeMs int64  `json:"dst_name_age_ms"`
	SrcBasis string `json:"src_name_basis"`
	DstBasis string `json:"dst_name_basis"`
	SrcNames []struct{ Name string }
	DstNames []struct{ Name string }
	Unnamed  string `json:"unnamed"`
}

func (e *exported) UnmarshalJSON(b []byte) error {
	type plain exported
	aux := struct {
		*plain
		S []struct{ Name string } `json:"src_names"`
		D []struct{ Name string } `json:"dst_names"`
	}{plain: (*plain)(e)}
	err := json.Unmarshal(b, &aux)
	e.SrcNames, e.DstNames = aux.S, aux.D
	return err
}

// A namedEnd is what a flow says of the server of a truth.
type namedEnd struct {
	name, basis, unnamed string
	names                []string
	startNs, ageMs       int64
}

// server is the server's end of a flow, in whichever direction it is.
func (e *exported) server() (forward, reverse tupleKey) {
	sp, dp := strconv.Itoa(e.SrcPort), strconv.Itoa(e.DstPort)
	return tupleKey{e.Proto, e.Src, sp, e.Dst, dp}, tupleKey{e.Proto, e.Dst, dp, e.Src, sp}
}

func replayFiles(t *testing.T, args ...string) []exported {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(append([]string{"replay"}, args...), command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("replay %v: exit %d: %s", args, code, errs.String())
	}
	var all []exported
	for s := bufio.NewScanner(&out); s.Scan(); {
		var e exported
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatalf("%v: %s", err, s.Text())
		}
		all = append(all, e)
	}
	return all
}

// slack is how far an exported start may lie before the truth's first packet.
const slack = 2_000_000_000

// flowsOf finds the flows of a truth: those of its 5-tuple from its first
// packet until the next truth of the same 5-tuple.
func flowsOf(tr *truth, all []truth, exports []exported) []namedEnd {
	until := int64(1 << 62)
	for i := range all {
		if all[i].key == tr.key && all[i].startNs > tr.startNs && all[i].startNs < until {
			until = all[i].startNs
		}
	}
	var found []namedEnd
	for i := range exports {
		e := &exports[i]
		if e.Start < tr.startNs-slack || e.Start >= until {
			continue
		}
		forward, reverse := e.server()
		switch tr.key {
		case forward:
			found = append(found, endOf(e, e.DstName, e.DstBasis, e.DstAgeMs, e.DstNames))
		case reverse:
			found = append(found, endOf(e, e.SrcName, e.SrcBasis, e.SrcAgeMs, e.SrcNames))
		}
	}
	return found
}

func endOf(e *exported, name, basis string, ageMs int64, names []struct{ Name string }) namedEnd {
	end := namedEnd{name: name, basis: basis, unnamed: e.Unnamed, startNs: e.Start, ageMs: ageMs}
	for _, n := range names {
		end.names = append(end.names, n.Name)
	}
	return end
}

func (e *namedEnd) lists(name string) bool {
	for _, n := range e.names {
		if n == name {
			return true
		}
	}
	return e.name == name
}

// A score is how the flows of truths with one verdict came out.
type score struct {
	flows, right, listed int
	afterStart           int // named client by an answer over a second after the start
	bases                map[string]int
}

func (s *score) add(tr *truth, e *namedEnd) {
	s.flows++
	if e.name == tr.name {
		s.right++
	}
	if e.lists(tr.name) {
		s.listed++
	}
	if e.basis == "client" && e.ageMs < -1000 {
		s.afterStart++
	}
	how := e.basis
	if how == "" {
		how = "(" + e.unnamed + ")"
	}
	if e.name != "" && e.name != tr.name {
		how += "!"
	}
	if s.bases == nil {
		s.bases = map[string]int{}
	}
	s.bases[how]++
}

func (s *score) merge(o *score) {
	s.flows, s.right, s.listed = s.flows+o.flows, s.right+o.right, s.listed+o.listed
	s.afterStart += o.afterStart
	if s.bases == nil {
		s.bases = map[string]int{}
	}
	for how, n := range o.bases {
		s.bases[how] += n
	}
}

// TestJointCaptures replays every capture of the corpus whose packets show their
// own names, with its DNS, and asks how often the truth was told.
func TestJointCaptures(t *testing.T) {
	truths, err := filepath.Glob(corpus(t, "joint", "*.sni.tsv"))
	if err != nil || len(truths) == 0 {
		t.Fatalf("no truths: %v", err)
	}
	for _, kind := range []struct {
		export        string
		right, listed float64 // of the flows whose truth is ok
	}{
		{"router.ipfix", 0.99, 0.995},
		{"router.v9", 0.97, 0.99},
		{"ipfix", 0, 0},
		{"v9", 0, 0},
		{"v5", 0, 0},
	} {
		t.Run(kind.export, func(t *testing.T) {
			verdicts := map[string]*score{}
			var table strings.Builder
			for _, path := range truths {
				base := strings.TrimSuffix(path, ".sni.tsv")
				scoreCapture(t, base, kind.export, &table, verdicts)
			}
			t.Logf("flows / right name / right name or listed, how\n%s", table.String())
			writeScores(&table, "ALL", verdicts)
			t.Logf("all captures\n%s", table.String()[strings.LastIndex(table.String(), "ALL\n"):])
			ok := verdicts["ok"]
			if ok == nil {
				t.Fatal("no flow of an ok truth was exported")
			}
			if share := float64(ok.right) / float64(ok.flows); share < kind.right {
				t.Errorf("right name: got %.4f of %d flows, want at least %.3f", share, ok.flows, kind.right)
			}
			if share := float64(ok.listed) / float64(ok.flows); share < kind.listed {
				t.Errorf("right or listed name: got %.4f of %d flows, want at least %.3f", share, ok.flows, kind.listed)
			}
			checkOtherVerdicts(t, verdicts)
		})
	}
}

// checkOtherVerdicts asks that flows whose truth is not simply the newest answer
// are told as the rules want.
func checkOtherVerdicts(t *testing.T, verdicts map[string]*score) {
	t.Helper()
	if s := verdicts["no_dns"]; s != nil && s.bases["client!"]+s.bases["client_expired!"] > 0 {
		t.Errorf("no_dns: %v: a name that the client never asked for is told as its own", s.bases)
	}
	if s := verdicts["older"]; s == nil || s.listed != s.flows {
		t.Errorf("older: %+v: the older answer's name must be among the candidates", s)
	}
	late := verdicts["late"]
	if late == nil || late.bases["client_later"] == 0 {
		t.Fatalf("late: %+v: an answer after the flow began must be told as client_later", late)
	}
	if late.afterStart > 0 {
		t.Errorf("late: %d flows name an answer from well after their start as client", late.afterStart)
	}
}

func scoreCapture(t *testing.T, base, export string, table io.Writer, verdicts map[string]*score) {
	packets := base + ".pcap"
	if _, err := os.Stat(packets); err != nil {
		packets += "ng"
	}
	exports := base + "." + export + ".pcap"
	if _, err := os.Stat(exports); err != nil {
		return
	}
	flows := replayFiles(t, "--dns", packets, "--flows", exports)
	all := readTruth(t, base+".sni.tsv")
	mine := map[string]*score{}
	for i := range all {
		tr := &all[i]
		found := flowsOf(tr, all, flows)
		first := int64(1 << 62)
		for j := range found {
			if mine[tr.verdict] == nil {
				mine[tr.verdict] = &score{}
			}
			mine[tr.verdict].add(tr, &found[j])
			first = min(first, found[j].startNs)
		}
		if len(found) > 0 && (first > tr.startNs+slack || first < tr.startNs-slack) {
			t.Errorf("%s: %v: the first flow starts %d ms from the first packet, want within 2000",
				filepath.Base(exports), tr.key, (first-tr.startNs)/1e6)
		}
	}
	for verdict, s := range mine {
		if verdicts[verdict] == nil {
			verdicts[verdict] = &score{}
		}
		verdicts[verdict].merge(s)
	}
	writeScores(table, filepath.Base(base), mine)
}

func writeScores(w io.Writer, title string, scores map[string]*score) {
	fmt.Fprintln(w, title)
	for _, verdict := range []string{"ok", "older", "late", "conflict", "name_only", "other_client", "no_dns", "literal"} {
		if s := scores[verdict]; s != nil {
			fmt.Fprintf(w, "    %-13s %5d %5d %5d  %v\n", verdict, s.flows, s.right, s.listed, s.bases)
		}
	}
}
