package api

import (
	_ "embed"
	"net/http"

	"github.com/goccy/go-yaml"

	"flowname/cmd/flowname/guard"
)

//go:embed openapi.yaml
var description string

// Description describes all that HTTP serves, as YAML: tests hold it against the
// routes and against what a running daemon answers.
func Description() string { return description }

// ServeDescription gives the description of all routes as JSON.
func ServeDescription(w http.ResponseWriter, _ *http.Request) {
	document, err := yaml.YAMLToJSON([]byte(description))
	if err != nil {
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document) // the asker may be gone
}
