package follow

import (
	"os"
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
)

// rotations are the ways in which logs are rotated, as step by step as their
// programs do it. Each ends with lines 1 to 6 in the world, 5 and 6 in PATH.
var rotations = []struct {
	name  string
	steps []func(w *following)
}{
	{"rename, the writer goes on", []func(*following){
		func(w *following) { w.rename("query.log", "query.log.1") },
		func(w *following) { w.write("query.log.1", queries(3, 4)) },
		func(w *following) { w.write("query.log.1", queries(4, 5)); w.write("query.log", queries(5, 7)) },
	}},
	{"rename and compress", []func(*following){
		func(w *following) { w.write("query.log", queries(3, 5)) },
		func(w *following) { w.rename("query.log", "query.log.1"); w.write("query.log", queries(5, 6)) },
		func(w *following) { w.compress("query.log.1", ".gz") },
		func(w *following) { w.rename("query.log.1.gz", "query.log.2.gz"); w.write("query.log", queries(6, 7)) },
	}},
	{"a date and zstd at once", []func(*following){
		func(w *following) {
			w.write("query.log", queries(3, 5))
			w.rename("query.log", "query.2026-11-23-10.log")
			w.compress("query.2026-11-23-10.log", ".zst")
			w.write("query.log", queries(5, 7))
		},
	}},
	{"copytruncate", []func(*following){
		func(w *following) { w.write("query.log", queries(3, 4)) },
		func(w *following) {
			w.write("query.log", queries(4, 5))
			w.copy("query.log", "query.log.1")
			w.must(os.Truncate(w.file("query.log"), 0))
		},
		func(w *following) { w.write("query.log", queries(5, 7)) },
	}},
	{"copytruncate, slow, grown past the offset", []func(*following){
		func(w *following) { w.write("query.log", queries(3, 5)); w.copy("query.log", "query.log.1") },
		func(w *following) {},
		func(w *following) {
			w.must(os.Truncate(w.file("query.log"), 0))
			w.write("query.log", queries(5, 7))
		},
	}},
	{"delete and create", []func(*following){
		func(w *following) { w.write("query.log", queries(3, 5)) },
		func(w *following) { w.must(os.Remove(w.file("query.log"))) },
		func(w *following) { w.write("query.log", queries(5, 7)) },
	}},
	{"twice between two looks", []func(*following){
		func(w *following) {
			w.write("query.log", queries(3, 4))
			w.rename("query.log", "query.log.2")
			w.write("query.log", queries(4, 5))
			w.rename("query.log", "query.log.1")
			w.write("query.log", queries(5, 7))
		},
	}},
}

// Each rotation, seen live at every poll, and with kills between any two steps
// and after a time of being down.
func TestRotations(t *testing.T) {
	for _, c := range rotations {
		for _, kills := range []string{"none", "each step", "each step, late", "down"} {
			if kills == "down" && c.name == "delete and create" {
				continue // then nothing can be known of lines 3 and 4
			}
			t.Run(c.name+", kills: "+kills, func(t *testing.T) {
				w := newFollowing(t, "query.log")
				w.write("query.log", queries(1, 3))
				w.run(3 * time.Second)
				w.want(2)
				for _, step := range c.steps {
					if kills == "down" {
						w.kill()
					}
					step(w)
					switch kills {
					case "none":
						w.run(500 * time.Millisecond)
					case "each step":
						w.run(750 * time.Millisecond)
						w.must(w.f.save())
						w.kill()
						w.begin()
					case "each step, late":
						w.run(20 * time.Second)
						w.kill()
						w.begin()
					}
				}
				if kills == "down" {
					w.begin()
				}
				w.run(20 * time.Second)
				w.want(6)
				if kills == "none" {
					w.inOrder()
				}
				w.write("query.log", queries(7, 8))
				w.run(2 * time.Second)
				w.kill()
				w.begin()
				w.run(20 * time.Second)
				w.want(7)
				if s := w.f.Stats(); s.Lost != 0 {
					t.Errorf("%+v, said %q", s, w.said)
				}
			})
		}
	}
}

// What a parser remembers goes with the log into its next file, and through
// restarts: the question of one file and its answer in the next.
func TestAnswerInNextFile(t *testing.T) {
	const serial = "Nov 23 17:16:35 dnsmasq[7]: 1 192.0.2.7/4242 "
	for _, kill := range []string{"never", "before", "between", "after"} {
		w := newFollowing(t, "dnsmasq.log")
		dies := func(when string) {
			if when == kill {
				w.run(10 * time.Second)
				w.kill()
				w.begin()
			}
		}
		var answers []string
		w.cfg.Sink.Response = func(r *dnscache.Response) {
			if len(r.Addrs) > 0 {
				answers = append(answers, string(r.Name)+" "+r.Client.String()+" "+r.Addrs[0].Addr.String())
			}
		}
		w.begin()
		w.write("dnsmasq.log", strings.Repeat(serial+"query[A] other.example from 192.0.2.7\n", 30)+serial+"query[A] n1.example from 192.0.2.7\n")
		w.run(2 * time.Second)
		dies("before")
		w.rename("dnsmasq.log", "dnsmasq.log.1")
		w.write("dnsmasq.log", "")
		dies("between")
		w.write("dnsmasq.log", serial+"reply n1.example is 198.51.100.1\n")
		dies("after")
		w.run(20 * time.Second)
		if got := strings.Join(answers, ", "); got != "n1.example 192.0.2.7 198.51.100.1" {
			t.Errorf("killed %s: got %q", kill, got)
		}
	}
}

// The columns that a file's first lines name are known after restarts, and when
// a file grows that was finished long ago.
func TestColumns(t *testing.T) {
	const head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tssl\n" +
		"#fields\tts\tserver_name\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tversion\n#types\ttime\tstring\taddr\tport\taddr\tport\tstring\n"
	const row = "1795454226.5\tn1.example\t192.0.2.7\t4242\t198.51.100.1\t443\tTLSv12\n"
	w := newFollowing(t, "zeek")
	n := 0
	w.cfg.Sink.Connection = func(c *dnscache.Connection) {
		if string(c.Name) == "n1.example" && c.ServerPort == 443 {
			n++
		}
	}
	w.begin()
	w.must(os.Mkdir(w.path, 0o700))
	w.write("zeek/ssl.log", head+row)
	for i := range 4 {
		w.run([]time.Duration{10 * time.Second, time.Hour}[i%2])
		if i > 1 {
			w.kill()
			w.begin()
		}
		w.write("zeek/ssl.log", row)
	}
	w.run(5 * time.Second)
	if s := w.f.Stats(); n != 5 || s.Read.Connections != 5 || s.Read.Lines != 12 {
		t.Errorf("%d rows came, %+v, said %q", n, s.Read, w.said)
	}
}

// Evidence in the next file does not wait long: flows wait two seconds for it.
func TestNextFileAtOnce(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log", queries(1, 3))
	w.run(10 * time.Second)
	w.rename("query.log", "query.log.1")
	w.write("query.log.1", queries(3, 4))
	w.run(2 * time.Second)
	w.write("query.log", queries(4, 5))
	w.run(time.Second)
	w.want(4)
	w.inOrder()
	w.write("query.log.1", queries(5, 6)) // a thread of the writer that was behind
	w.run(20 * time.Second)
	w.want(5)
}

// So also where the old content is gone: nobody kept a copy of it.
func TestTruncatedAtOnce(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log", queries(1, 4))
	w.run(10 * time.Second)
	w.must(os.Truncate(w.file("query.log"), 0))
	w.run(10 * time.Second)
	w.write("query.log", queries(4, 5))
	w.run(1500 * time.Millisecond)
	w.want(4)
	w.must(os.Truncate(w.file("query.log"), 0))
	w.write("query.log", queries(5, 6))
	w.run(1500 * time.Millisecond)
	w.want(5)
}
