package apitest

import (
	"reflect"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// HoldRow compares the members of a row with those that a schema describes. What
// may be absent is what omitempty and omitzero leave out.
func (a *Document) HoldRow(schema string, row any) {
	a.t.Helper()
	part, _ := a.at(below("/components/schemas", schema))
	described := map[string]bool{}
	for name := range part["properties"].(map[string]any) {
		described[name] = false
	}
	for _, name := range part["required"].([]any) {
		described[name.(string)] = true
	}
	written := map[string]bool{}
	addMembers(written, reflect.TypeOf(row))
	if diff := cmp.Diff(written, described); diff != "" {
		a.t.Errorf("members of %T and of %s, true where they are always there, differ:\n%s", row, schema, diff)
	}
}

// addMembers adds the names of a struct's members in JSON, true where they are
// always there.
func addMembers(all map[string]bool, s reflect.Type) {
	for f := range s.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			addMembers(all, f.Type)
		case name != "-":
			all[name] = !strings.Contains(options, "omit")
		}
	}
}
