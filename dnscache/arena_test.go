package dnscache

import (
	"reflect"
	"testing"
)

func TestArenaGivesEachWordOnce(t *testing.T) {
	var a arena
	sizes := []int{1, 4096, firstBlock - 1, 5000, 1}
	var all [][]uint64
	for round := range 40 { // through several blocks, of all sizes
		for _, n := range sizes {
			w := a.take(n)
			if len(w) != n || cap(w) != n {
				t.Fatalf("round %d: %d words asked for: got %d, room for %d", round, n, len(w), cap(w))
			}
			if w[0] != 0 || w[n-1] != 0 {
				t.Fatalf("round %d: %d words are not zero", round, n)
			}
			w[0], w[n-1] = uint64(len(all)), uint64(len(all))
			all = append(all, w)
		}
	}
	for i, w := range all {
		if w[0] != uint64(i) || w[len(w)-1] != uint64(i) {
			t.Fatalf("words %d were given twice", i)
		}
	}
}

// What lies in an arena must not have pointers: nothing keeps what they point at.
func TestSlabsHoldNoPointers(t *testing.T) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[version](), reflect.TypeFor[address](), reflect.TypeFor[pair](),
		reflect.TypeFor[nameEntry](), reflect.TypeFor[client](),
	} {
		if hasPointers(of) {
			t.Errorf("%s has pointers", of)
		}
		if of.Align() > 8 {
			t.Errorf("%s is aligned to %d bytes, words are to 8", of, of.Align())
		}
	}
}

func hasPointers(of reflect.Type) bool {
	switch of.Kind() {
	case reflect.Struct:
		for i := range of.NumField() {
			if hasPointers(of.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Array:
		return hasPointers(of.Elem())
	}
	return of.Kind() >= reflect.Chan && of.Kind() != reflect.Struct || of.Kind() == reflect.String
}

func TestSlabFromArena(t *testing.T) {
	var a arena
	s := slab[version]{from: &a}
	other := slab[nameEntry]{from: &a}
	for i := range uint32(3 * slabChunk) {
		n, m := s.alloc(), other.alloc()
		if *s.at(n) != (version{}) || *other.at(m) != (nameEntry{}) {
			t.Fatalf("items %d and %d are not zero", n, m)
		}
		s.at(n).count, other.at(m).off = i, i
	}
	for i := range uint32(3 * slabChunk) {
		if v, e := s.at(i+1), other.at(i+1); v.count != i || e.off != i {
			t.Fatalf("item %d: %d and %d, want %d", i+1, v.count, e.off, i)
		}
	}
}
