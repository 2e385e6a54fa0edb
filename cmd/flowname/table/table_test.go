package table

import (
	"strings"
	"testing"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1<<64 - 1: "18,446,744,073,709,551,615"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestWriteWrapped(t *testing.T) {
	long := strings.Repeat("x", 120)
	for text, want := range map[string]string{
		"":                              "  mind      \n",
		"one  two\nthree":               "  mind      one two three\n",
		strings.Repeat("four ", 20):     "  mind      " + strings.Repeat("four ", 16) + "four\n            four four four\n",
		long + " and what comes behind": "  mind      " + long + "\n            and what comes behind\n",
	} {
		var got strings.Builder
		WriteWrapped(&got, "mind", text)
		if got.String() != want {
			t.Errorf("%q: got\n%swant\n%s", text, got.String(), want)
		}
	}
}
