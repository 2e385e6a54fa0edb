package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/history"
)

// TestCraftedHistories: what captures with one trap each leave in the history, as
// "name address client day".
func TestCraftedHistories(t *testing.T) {
	var ten []string
	for i := range 10 {
		ten = append(ten, fmt.Sprintf("shared.example.com 192.0.2.29 10.0.0.%d 2023-11-14", 10+i))
	}
	for _, c := range []struct {
		file string
		want []string
	}{
		{"03_two_clients_same_answer", []string{"shared.example.com 192.0.2.3 10.0.0.10 2023-11-14", "shared.example.com 192.0.2.3 10.0.0.20 2023-11-14"}},
		{"29_ten_clients_same_answer", ten},
		{"31_c2_addresses_over_time", []string{
			"c2.example 0.0.0.0 10.0.0.10 2023-11-14", "c2.example 127.0.0.1 10.0.0.10 2023-11-17",
			"c2.example 198.51.100.31 10.0.0.10 2023-11-15", "c2.example 203.0.113.31 10.0.0.10 2023-11-16",
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "history")
			var out, errs bytes.Buffer
			args := []string{"replay", "--dns", corpus(t, "dnslogs", "crafted", c.file+".pcap"), "--data", data}
			if code := execute(args, command.Streams{Out: &out, Err: &errs}); code != exitOK {
				t.Fatalf("%q: exit %d: %s", args, code, errs.String())
			}
			var got []string
			for line := range strings.Lines(askHistory(t, "*", "--data", data)) {
				var r history.Row
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				got = append(got, r.Name+" "+r.Addr+" "+r.Client+" "+r.FirstSeen.Format(time.DateOnly))
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}
