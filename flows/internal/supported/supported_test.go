package supported

import "testing"

func TestMarkdown(t *testing.T) {
	tb := Table{Name: "x", Head: []string{"a", "b"}, Rows: []Row{{Cells: []string{"1", "2"}}, {Cells: []string{"3", "4"}}}}
	const want = "| a | b |\n|--|--|\n| 1 | 2 |\n| 3 | 4 |\n"
	if got := tb.markdown(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
