package datadir

import (
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenHistory(dir); err == nil || !strings.Contains(err.Error(), dir+" holds no history: give the directory") {
		t.Errorf("an empty directory: got %v", err)
	}
	cache, err := Open(dnscache.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(time.Now().UnixNano())
	if _, err := Open(dnscache.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir+" is in use by another flowname: stop it") {
		t.Errorf("a directory in use, to add to it: got %v", err)
	}
	if _, err := OpenHistory(dir); err == nil || !strings.Contains(err.Error(), dir+" is in use by a running flowname: ask it") {
		t.Errorf("a directory in use, to read it: got %v", err)
	}
}
