package main

import (
	_ "embed"
	"net/http"

	"github.com/goccy/go-yaml"

	"flowname/cmd/flowname/guard"
)

// openapiYAML describes all that HTTP serves: a test holds it against the routes
// and against what a running daemon answers.
//
//go:embed openapi.yaml
var openapiYAML []byte

// serveOpenAPI gives the description of all routes as JSON.
func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	document, err := yaml.YAMLToJSON(openapiYAML)
	if err != nil {
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document) // the asker may be gone
}
