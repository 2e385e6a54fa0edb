package dnscache

// AppendLabels appends a name in the form in which keys have it: its labels, top
// first, each ended by a byte 1, so that what is beneath a domain lies together.
// The root has none.
func AppendLabels(b []byte, name string) []byte { return appendLabels(b, name) }

// ReadLabels is AppendLabels undone.
func ReadLabels(b []byte) string { return readLabels(b) }

// ValidName says whether b is a name in presentation form as Response has them.
func ValidName(b []byte) bool { return validName(b) }
