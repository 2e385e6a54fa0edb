package logs

import (
	"slices"
	"testing"
)

func TestCapabilityNames(t *testing.T) {
	for c, want := range map[Capability][]string{
		0:                       nil,
		Answers:                 {"answers"},
		Answers | Questions:     {"answers", "questions"},
		AnyClient | Connections: {"any_client", "connections"},
	} {
		if got := c.Names(); !slices.Equal(got, want) {
			t.Errorf("%04b: got %q, want %q", c, got, want)
		}
	}
}
