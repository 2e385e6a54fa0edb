package dnscache

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mappedTables is how many tables in dir are mapped into memory, and of how many the
// kernel knows that they are read here and there.
func mappedTables(t *testing.T, dir string) (all, scattered int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	table := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "VmFlags:"):
			if table && strings.Contains(line, " rr") {
				scattered++
			}
			table = false
		case strings.Contains(line, dir+"/") && strings.HasSuffix(line, ".sst"):
			table = true
			all++
		}
	}
	return all, scattered
}

// TestTablesAreScattered checks what the kernel is told of tables, by those who look
// up, by scans, and by what keeps house.
func TestTablesAreScattered(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	for i := range 2 {
		c := openDisk(t, dir, Config{})
		fileAt(c, now, alice, t0+int64(i)*10*sec, "a.example", server)
		closeDisk(t, c, now)
	}
	want := func(when string, scattered bool) {
		t.Helper()
		all, n := mappedTables(t, dir)
		if all == 0 || scattered && n != all || !scattered && n != 0 {
			t.Errorf("%s: %d of %d tables are read here and there, want all: %v", when, n, all, scattered)
		}
	}
	c := openDisk(t, dir, Config{})
	want("after Open", true)
	first, second := c.store.scanned(), c.store.scanned()
	want("in a scan", false)
	first()
	c.Maintain(now)
	want("in the other scan", false)
	second()
	want("after both", true)
	adviseTables(dir, false)
	c.Maintain(now)
	want("after Maintain", true)
	if rows := rowsOf(t, c, Query{Name: "*."}); len(rows) != 1 {
		t.Errorf("rows %v", rows)
	}
	want("after a query for all names", true)
	closeDisk(t, c, now)

	h, err := OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	want("after OpenHistory", true)
}

// TestEachTable reads a list of mappings as the kernel writes it.
func TestEachTable(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "maps")
	text := "c000000000-c004000000 rw-p 00000000 00:00 0 \n" +
		"7f0000001000-7f0000003000 r--s 00000000 fd:01 17 " + dir + "/000001.sst\n" +
		"7f0000004000-7f0000005000 r--s 00000000 fd:01 18 " + dir + "/sub/000002.sst\n" +
		"7f0000006000-7f0000007000 rw-s 00000000 fd:01 19 " + dir + "/00001.mem\n" +
		"7f0000008000-7f0000009000 r--s 00000000 fd:01 20 " + dir + "/000003.sst (deleted)\n" +
		"zz-1 r--s 00000000 fd:01 21 " + dir + "/000004.sst\n" +
		"\n7f000000a000-7f000000b000 rw-s 00000000 fd:01 22     " + dir + "/000005.sst\n"
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []uint64
	eachTable(dir, list, func(start, end uint64) { got = append(got, start, end) })
	want := []uint64{0x7f0000001000, 0x7f0000003000, 0x7f000000a000, 0x7f000000b000}
	if len(got) != len(want) {
		t.Fatalf("got %x, want %x", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %x, want %x", got, want)
		}
	}
	none := func(start, end uint64) { t.Errorf("a mapping from %x to %x", start, end) }
	eachTable(filepath.Join(dir, "not there"), list, none)
	eachTable(dir, filepath.Join(dir, "not there"), none)
}
