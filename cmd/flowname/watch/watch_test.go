package watch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/correlate/feeds"
	"flowname/dnscache"
	"flowname/geo"
)

// everything is a watch with all of it switched on, as openDaemon makes it, and a feed
// of some of the world's names and addresses and many others.
func everything(tb testing.TB, cache *dnscache.Cache) *Watch {
	tb.Helper()
	w := &Watch{}
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	places, err := geo.New("../demo/asn.mmdb", "../demo/city.mmdb")
	must(err)
	keeps := FirstSeenFlags{FirstSeen: true, WarmUp: 24 * time.Hour, NewDomain: 72 * time.Hour}
	w.seen, err = openSightings(&keeps, cache, 1, exportstest.Start*1e9)
	must(err)
	all := []feeds.Feed{{Name: "feed", Path: wideFeed(tb)}}
	finds := FindingFlags{Resolver: []string{"10.255.255.53"}, Inside: []string{"192.0.2.0/24"}}
	w.reporter, err = openReporter(&finds, reporterConfig{
		cache: cache, places: places, seen: w.seen, young: keeps.NewDomain, seed: 1, feeds: feedNames(all),
	})
	must(err)
	w.reporter.pass(exportstest.Start * 1e9)
	w.clients, err = openClientBook(clientConfig{
		flags: &ClientFlags{MaxClients: 1_000_000}, cache: cache, reporter: w.reporter, seed: 1,
	})
	must(err)
	w.feeds, err = w.openFeeds(all, cache, exportstest.Start*1e9)
	must(err)
	w.usual, err = openBaselines(&BaselineFlags{Baseline: true, BaselineDays: 400}, cache, 1, 0)
	must(err)
	return w
}

// wideFeed writes a feed.
func wideFeed(tb testing.TB) string {
	tb.Helper()
	var b bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&b, "bad%d.feed%d.example\n198.51.%d.%d\n", i, i%1000, i>>8&0xff, i&0xff)
	}
	b.WriteString("shop7.example\n198.16.0.9\n")
	path := filepath.Join(tb.TempDir(), "feed.txt")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
