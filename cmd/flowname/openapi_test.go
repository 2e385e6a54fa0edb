package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// apiDocument is openapi.yaml, its parts being found by JSON pointers (RFC 6901).
type apiDocument struct {
	t        *testing.T
	root     map[string]any
	compiler *jsonschema.Compiler
}

const apiURL = "mem:///openapi.json"

func loadAPI(t *testing.T) *apiDocument {
	t.Helper()
	text, err := yaml.YAMLToJSON(openapiYAML)
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	a := &apiDocument{t, root.(map[string]any), jsonschema.NewCompiler()}
	a.compiler.AssertFormat()
	if err := a.compiler.AddResource(apiURL, root); err != nil {
		t.Fatal(err)
	}
	return a
}

// at is the part at a pointer, and at where its $ref leads to.
func (a *apiDocument) at(pointer string) (part map[string]any, where string) {
	a.t.Helper()
	var found any = a.root
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := found.(type) {
		case map[string]any:
			found = v[token]
		case []any:
			var i int
			if _, err := fmt.Sscan(token, &i); err != nil || i >= len(v) {
				a.t.Fatalf("openapi.yaml has no %s", pointer)
			}
			found = v[i]
		}
	}
	part, ok := found.(map[string]any)
	if !ok {
		a.t.Fatalf("openapi.yaml has no %s", pointer)
	}
	if ref, ok := part["$ref"].(string); ok && !strings.Contains(pointer, "/schemas/") {
		return a.at(strings.TrimPrefix(ref, "#"))
	}
	return part, pointer
}

// below is a pointer to something in the part at another.
func below(pointer string, keys ...string) string {
	for _, key := range keys {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
	}
	return pointer
}

// schema is the schema at a pointer.
func (a *apiDocument) schema(pointer string) *jsonschema.Schema {
	a.t.Helper()
	s, err := a.compiler.Compile(apiURL + "#" + (&url.URL{Path: pointer}).EscapedPath())
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

// An operation is a method of a path in the document.
type operation struct {
	method, path string
	where        string // pointer
	parameters   []parameter
}

// A parameter of an operation, with its example as text.
type parameter struct {
	name, in string
	required bool
	example  string
}

func (a *apiDocument) operations() (all []operation) {
	for _, path := range sortedKeys(a.root["paths"].(map[string]any)) {
		methods, _ := a.at(below("/paths", path))
		for _, method := range sortedKeys(methods) {
			o := operation{method: strings.ToUpper(method), path: path, where: below("/paths", path, method)}
			part, _ := a.at(o.where)
			list, _ := part["parameters"].([]any)
			for i := range list {
				p, where := a.at(below(o.where, "parameters", fmt.Sprint(i)))
				if p["example"] == nil || p["description"] == nil {
					a.t.Errorf("%s: want a description and an example", where)
				}
				required, _ := p["required"].(bool)
				o.parameters = append(o.parameters, parameter{p["name"].(string), p["in"].(string), required, fmt.Sprint(p["example"])})
			}
			all = append(all, o)
		}
	}
	return all
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// TestEveryRouteIsDescribed compares what is served with what is described.
func TestEveryRouteIsDescribed(t *testing.T) {
	var served, described []string
	for _, r := range new(daemon).routes() {
		served = append(served, r.method+" "+r.path)
	}
	operations := loadAPI(t).operations()
	for _, o := range operations {
		described = append(described, o.method+" "+o.path)
		inPath := 0
		for _, p := range o.parameters {
			if p.in == "path" {
				inPath++
				if !strings.Contains(o.path, "{"+p.name+"}") || !p.required {
					t.Errorf("%s %s: the parameter %s is not in its path, or not required", o.method, o.path, p.name)
				}
			}
		}
		if inPath != strings.Count(o.path, "{") {
			t.Errorf("%s %s: its path has a parameter that is not described", o.method, o.path)
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("routes.go and openapi.yaml differ:\n%s", diff)
	}
}

// TestDescriptionIsSound: each reference leads somewhere, each component is
// referred to, and no object is open that does not say so.
func TestDescriptionIsSound(t *testing.T) {
	a := loadAPI(t)
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
	if len(ids) != len(a.operations()) {
		t.Errorf("%d operations have an operationId, of %d", len(ids), len(a.operations()))
	}
}

// TestRowsHaveTheirSchemas compares the members of rows with those described.
// What may be absent is what omitempty and omitzero leave out.
func TestRowsHaveTheirSchemas(t *testing.T) {
	a := loadAPI(t)
	for schema, row := range map[string]any{
		"History": historyRow{}, "Scan": scanRow{}, "Collector": collectorRow{}, "Drops": drops{}, "Exporter": exporterRow{}, "Rate": rateRow{}, "Said": saidRow{},
		"Agent": agentRow{}, "Account": accountRow{}, "Tally": tallyRow{}, "BackfillStats": backfillStats{},
		"Client": clientLine{}, "Network": networkLine{}, "ClientNamed": clientNamed{}, "ClientUnnamed": clientUnnamed{},
		"ClientRecent": clientRecent{}, "ClientDNS": clientDNS{}, "ClientResolver": clientResolver{},
		"TopDomain": topLine{}, "TopSummary": topSummary{},
	} {
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
			t.Errorf("members of %T and of %s, true where they are always there, differ:\n%s", row, schema, diff)
		}
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

// validate holds a text against the schema of a media type: whole, or each line.
func (a *apiDocument) validate(where, media string, text []byte) (values int, err error) {
	a.t.Helper()
	schema := a.schema(below(where, "content", media, "schema"))
	if media == "text/plain" {
		return 1, schema.Validate(string(text))
	}
	for d := json.NewDecoder(bytes.NewReader(text)); d.More(); values++ {
		var value any
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			return values, err
		}
		if err := schema.Validate(value); err != nil {
			return values, err
		}
	}
	if n := bytes.Count(text, []byte("\n")); media == "application/x-ndjson" && n != values {
		return values, fmt.Errorf("%d values in %d lines", values, n)
	}
	return values, nil
}
