package dnscache

import "golang.org/x/net/publicsuffix"

// Domain is the registrable domain of a name in presentation form: the label
// beneath its public suffix and that suffix (the public suffix list, with the
// suffixes that companies give out). It is the end of name's own text, and empty where
// name is a public suffix or has one label only.
func Domain(name string) string {
	suffix, _ := publicsuffix.PublicSuffix(name)
	end := len(name) - len(suffix) - 1
	if end <= 0 || escaped(name, end) {
		return ""
	}
	start := end
	for start > 0 && !(name[start-1] == '.' && !escaped(name, start-1)) {
		start--
	}
	return name[start:]
}

// escaped says whether name[i] is part of an escape: an odd number of backslashes
// stands before it.
func escaped(name string, i int) bool {
	odd := false
	for ; i > 0 && name[i-1] == '\\'; i-- {
		odd = !odd
	}
	return odd
}

// domainAt is where in a name its registrable domain begins, counted from 1;
// behind its end where it has none. Names are shorter than 64 KB.
func domainAt(name string) uint16 { return uint16(len(name) - len(Domain(name)) + 1) }

// DomainOf is the registrable domain of a name, by DomainAt of where the name was
// found; ok is false where that is not known.
func DomainOf(name string, domainAt uint16) (domain string, ok bool) {
	if domainAt == 0 || int(domainAt) > len(name)+1 {
		return "", false
	}
	return name[domainAt-1:], true
}
