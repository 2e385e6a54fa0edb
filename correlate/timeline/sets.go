package timeline

import "slices"

// Sets of tracks are their numbers in order.

func holds(set []int, x int) bool {
	_, found := slices.BinarySearch(set, x)
	return found
}

// within says whether all of a is in b.
func within(a, b []int) bool {
	for _, x := range a {
		if !holds(b, x) {
			return false
		}
	}
	return true
}

// union is a new set.
func union(a, b []int) []int {
	all := append(append(make([]int, 0, len(a)+len(b)), a...), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
