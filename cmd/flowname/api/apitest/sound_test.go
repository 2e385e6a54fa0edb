package apitest

import (
	"fmt"
	"strings"
	"testing"
)

// TestDescriptionIsSound: each reference leads somewhere, each component is
// referred to, and no object is open that does not say so.
func TestDescriptionIsSound(t *testing.T) {
	a := Load(t)
	referred := map[string]bool{}
	ids := map[string]bool{}
	var walk func(where string, v any)
	walk = func(where string, v any) {
		switch v := v.(type) {
		case nil:
			t.Errorf("%s: there is nothing; a text with a comma wants quotes", where)
		case []any:
			for i := range v {
				walk(below(where, fmt.Sprint(i)), v[i])
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				referred[ref] = true
				a.at(strings.TrimPrefix(ref, "#"))
			}
			if v["type"] == "object" && v["additionalProperties"] == nil {
				t.Errorf("%s: say additionalProperties", where)
			}
			if required, ok := v["required"].([]any); ok && v["properties"] != nil {
				for _, name := range required {
					if v["properties"].(map[string]any)[name.(string)] == nil {
						t.Errorf("%s: %s is required and not described", where, name)
					}
				}
			}
			if id, ok := v["operationId"].(string); ok {
				if ids[id] || v["summary"] == nil || v["tags"] == nil {
					t.Errorf("%s: want a summary, tags and an operationId of its own", where)
				}
				ids[id] = true
			}
			for key := range v {
				walk(below(where, key), v[key])
			}
		}
	}
	walk("", a.root)
	for _, kind := range []string{"parameters", "responses", "schemas"} {
		components, _ := a.at(below("/components", kind))
		for name := range components {
			if !referred["#/components/"+kind+"/"+name] {
				t.Errorf("components/%s/%s is not used", kind, name)
			}
			if kind == "schemas" {
				a.schema(below("/components/schemas", name))
			}
		}
	}
	if len(ids) != len(a.Operations()) {
		t.Errorf("%d operations have an operationId, of %d", len(ids), len(a.Operations()))
	}
}
