// Package counters reads the accounts that other packages keep: plain structs of
// uint64, which it visits by reflection, so that no list of them can miss one, and
// copies of which the owner shows to others.
package counters

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
)

// Each visits the uint64 fields of a Stats struct, those of structs in
// it too, with their names in snake case.
func Each(stats any, visit func(name string, value uint64)) {
	visitCounters("", reflect.ValueOf(stats), visit)
}

func visitCounters(prefix string, v reflect.Value, visit func(string, uint64)) {
	for i := range v.NumField() {
		name := prefix + SnakeCase(v.Type().Field(i).Name)
		switch field := v.Field(i); field.Kind() {
		case reflect.Uint64:
			visit(name, field.Uint())
		case reflect.Struct:
			visitCounters(name+"_", field, visit)
		}
	}
}

// SnakeCase turns a Go name into words joined by underscores; a run of capitals
// is one word.
func SnakeCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			afterLower := !unicode.IsUpper(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Add adds one account to another of the same type.
func Add[T any](sum *T, account T) {
	addFields(reflect.ValueOf(sum).Elem(), reflect.ValueOf(account))
}

func addFields(sum, account reflect.Value) {
	for i := range sum.NumField() {
		switch field := sum.Field(i); field.Kind() {
		case reflect.Uint64:
			field.SetUint(field.Uint() + account.Field(i).Uint())
		case reflect.Struct:
			addFields(field, account.Field(i))
		}
	}
}

// Summarise prints the counters that are not zero, behind a title; nothing where
// all are.
func Summarise(w io.Writer, title string, stats any) {
	var b strings.Builder
	Each(stats, func(name string, v uint64) {
		if v != 0 {
			fmt.Fprintf(&b, " %s=%d", name, v)
		}
	})
	if b.Len() > 0 {
		fmt.Fprintf(w, "%s:%s\n", title, b.String())
	}
}
