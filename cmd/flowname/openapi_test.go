package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/cmd/flowname/api/apitest"
)

// TestEveryRouteIsDescribed compares what is served with what is described.
func TestEveryRouteIsDescribed(t *testing.T) {
	var served, described []string
	for _, r := range new(daemon).routes() {
		served = append(served, r.Method+" "+r.Path)
	}
	operations := apitest.Load(t).Operations()
	for _, o := range operations {
		described = append(described, o.Method+" "+o.Path)
		inPath := 0
		for _, p := range o.Parameters {
			if p.In == "path" {
				inPath++
				if !strings.Contains(o.Path, "{"+p.Name+"}") || !p.Required {
					t.Errorf("%s %s: the parameter %s is not in its path, or not required", o.Method, o.Path, p.Name)
				}
			}
		}
		if inPath != strings.Count(o.Path, "{") {
			t.Errorf("%s %s: its path has a parameter that is not described", o.Method, o.Path)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("routes.go and openapi.yaml differ:\n%s", diff)
	}
}
