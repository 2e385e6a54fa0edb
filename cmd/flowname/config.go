package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// configFile is a configuration file: each key is a flag's name without its
// dashes. The command line outranks it.
type configFile map[string]any

// loadConfig reads a configuration file for kong.
func loadConfig(r io.Reader) (kong.Resolver, error) {
	config := configFile{}
	err := yaml.NewDecoder(r).Decode(&config)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("config file: %s", yaml.FormatError(err, false, false))
	}
	return config, nil
}

// Validate refuses keys that are not flags of run.
func (c configFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Children {
		if command.Name != "run" {
			continue
		}
		for _, flag := range command.Flags {
			known[flag.Name] = true
		}
		delete(known, "config")
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if !known[key] {
			return fmt.Errorf("config file: unknown key %q; the keys are %s",
				key, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
	return nil
}

// Resolve finds the value of a flag.
func (c configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	v, ok := c[flag.Name]
	if !ok {
		return nil, nil
	}
	switch v := v.(type) {
	case string, bool, []any:
		return v, nil
	case int64, uint64, float64:
		return fmt.Sprint(v), nil
	}
	return nil, fmt.Errorf("config file: key %q: a text, a number, true or false, or a list of texts is wanted", flag.Name)
}
