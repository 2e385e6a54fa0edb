package powerdns

import (
	"bufio"
	"bytes"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowname/dnscache"
	"flowname/dnscache/dnswire"
)

// corpusDir is the shared corpus beside the project's root.
func corpusDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	corpus := filepath.Join(filepath.Dir(dir), "shared", "corpus", "dnslogs")
	if _, err := os.Stat(corpus); err != nil {
		t.Skipf("the shared corpus is not at %s", corpus)
	}
	return corpus
}

// answersOf are the answers to clients in a stream: client, address, name.
func answersOf(t *testing.T, r *Reader) (got map[string]bool, m Message) {
	t.Helper()
	got = map[string]bool{}
	p := dnswire.NewParser(dnswire.Config{})
	var x dnscache.Response
	for {
		err := r.Next(&m)
		if err == io.EOF {
			return got, m
		}
		if err != nil {
			t.Fatal(err)
		}
		if m.Fill(&x) != EvidenceClient {
			continue
		}
		if err := p.Parse(&x, m.Wire); err != nil {
			t.Errorf("%x: %v", m.Wire, err)
		}
		for _, a := range x.Addrs {
			got[x.Client.String()+" "+a.Addr.String()+" "+string(x.Name)] = true
		}
	}
}

// tsharkNames are how tshark writes the odd names of the recordings, and how we
// do; a pipe in a name is not to be taken for a column's end.
var (
	tsharkNames = strings.NewReplacer(`sp ace`, `sp\032ace`, `nl\nx`, `nl\010x`, `esc\033x`, `esc\027x`, `a"b||c`, `a"b<pipe><pipe>c`)
	pipes       = strings.NewReplacer("<pipe>", "|")
)

// The recordings tell what the packets of the same lookups told.
func TestCorpus(t *testing.T) {
	corpus := corpusDir(t)
	truth, err := os.ReadFile(filepath.Join(corpus, "live", "live_tshark_answers.psv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, server string }{
		{"dnsdist_1.7.3_protobuf_2byteframed.bin", "127.0.1.6"},
		{"recursor_4.8.8_protobuf_2byteframed.bin", "127.0.1.7"},
	} {
		b, err := os.ReadFile(filepath.Join(corpus, "powerdns", c.file))
		if err != nil {
			t.Fatal(err)
		}
		if !Is(b[:64]) || !Is(b) {
			t.Errorf("%s is not told", c.file)
		}
		r := NewReader(bytes.NewReader(b))
		got, _ := answersOf(t, r)
		want := map[string]bool{}
		for s := bufio.NewScanner(bytes.NewReader(truth)); s.Scan(); {
			f := strings.Split(tsharkNames.Replace(s.Text()), "|")
			if len(f) < 8 || !strings.HasPrefix(f[1], "127.0.2.") || f[2] != c.server {
				continue
			}
			for _, a := range strings.Split(f[6]+","+f[7], ",") {
				// tshark gives the addresses of the additional section too.
				if addr, err := netip.ParseAddr(a); err == nil && f[4] != "mx.example" {
					want[f[1]+" "+addr.String()+" "+strings.ToLower(pipes.Replace(f[4]))] = true
				}
			}
		}
		for x := range want {
			if !got[x] {
				t.Errorf("%s: %s is missing", c.file, x)
			}
		}
		for x := range got {
			if !want[x] {
				t.Errorf("%s: %s is too much", c.file, x)
			}
		}
		t.Logf("%s: %d answers, %+v", c.file, len(got), r.Stats())
	}
}

// No other file of the corpus is taken for a stream of messages.
func TestIsNothingElse(t *testing.T) {
	corpus := filepath.Dir(corpusDir(t))
	err := filepath.WalkDir(corpus, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		head := make([]byte, 64<<10)
		n, _ := io.ReadFull(f, head)
		if want := strings.Contains(path, "protobuf_"); Is(head[:n]) != want {
			t.Errorf("%s: %t", path, !want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
