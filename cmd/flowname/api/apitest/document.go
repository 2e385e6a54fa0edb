// Package apitest holds what is written and answered against openapi.yaml: for
// tests only.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"flowname/cmd/flowname/api"
)

// A Document is openapi.yaml, its parts being found by JSON pointers (RFC 6901).
type Document struct {
	t        *testing.T
	root     map[string]any
	compiler *jsonschema.Compiler
}

const apiURL = "mem:///openapi.json"

// Load reads openapi.yaml.
func Load(t *testing.T) *Document {
	t.Helper()
	text, err := yaml.YAMLToJSON([]byte(api.Description()))
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	a := &Document{t, root.(map[string]any), jsonschema.NewCompiler()}
	a.compiler.AssertFormat()
	if err := a.compiler.AddResource(apiURL, root); err != nil {
		t.Fatal(err)
	}
	return a
}

// at is the part at a pointer, and at where its $ref leads to.
func (a *Document) at(pointer string) (part map[string]any, where string) {
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
func (a *Document) schema(pointer string) *jsonschema.Schema {
	a.t.Helper()
	s, err := a.compiler.Compile(apiURL + "#" + (&url.URL{Path: pointer}).EscapedPath())
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

// An Operation is a method of a path in the document.
type Operation struct {
	Method, Path string
	Parameters   []Parameter
	Open         bool   // to those without a password
	where        string // pointer
}

// A Parameter of an operation, with its example as text.
type Parameter struct {
	Name, In string
	Required bool
	Example  string
}

// Operations are all that are described.
func (a *Document) Operations() (all []Operation) {
	for _, path := range sortedKeys(a.root["paths"].(map[string]any)) {
		methods, _ := a.at(below("/paths", path))
		for _, method := range sortedKeys(methods) {
			o := Operation{Method: strings.ToUpper(method), Path: path, where: below("/paths", path, method)}
			part, _ := a.at(o.where)
			if security, ok := part["security"].([]any); ok {
				o.Open = len(security) == 0
			}
			list, _ := part["parameters"].([]any)
			for i := range list {
				p, where := a.at(below(o.where, "parameters", fmt.Sprint(i)))
				if p["example"] == nil || p["description"] == nil {
					a.t.Errorf("%s: want a description and an example", where)
				}
				required, _ := p["required"].(bool)
				o.Parameters = append(o.Parameters, Parameter{p["name"].(string), p["in"].(string), required, fmt.Sprint(p["example"])})
			}
			all = append(all, o)
		}
	}
	return all
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// validate holds a text against the schema of a media type: whole, or each line.
func (a *Document) validate(where, media string, text []byte) (values int, err error) {
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
