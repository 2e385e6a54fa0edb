package findings

import (
	"fmt"
	"slices"
	"strings"
)

// A Code is what a finding is about. The zero Code is none. Codes behind the last
// one that is named here are those of feeds, in the order of Config.Feeds.
type Code uint8

// The codes, but for those of feeds.
const (
	// NewDomain: the registrable domain was first seen a short time ago.
	NewDomain Code = 1 + iota
	// OutsideResolver: a client asked a resolver that is not allowed.
	OutsideResolver
	// NoLookup: a client whose DNS is seen reached an address without having
	// looked up a name for it.
	NoLookup
	// StaleName: a connection was made by an answer that was long past its TTL.
	StaleName
	// NameMoved: a name whose addresses had long been in one network has another.
	NameMoved
	// NullRoutedThenLive: a name that nobody could reach has live addresses.
	NullRoutedThenLive
	// ManyAddresses: a name has addresses in many networks within a day.
	ManyAddresses
	// QueryBurst: a client asks very often beneath a young domain.
	QueryBurst

	numCodes
)

var codeNames = [numCodes]string{
	"", "new_domain", "outside_resolver", "no_lookup", "stale_name", "name_moved", "null_routed_then_live",
	"many_addresses", "query_burst",
}

// String is the text of the code; empty for one that is none of the constants.
func (c Code) String() string {
	if c < numCodes {
		return codeNames[c]
	}
	return ""
}

// Codes are all codes but those of feeds.
func Codes() []Code {
	all := make([]Code, 0, numCodes-1)
	for c := NewDomain; c < numCodes; c++ {
		all = append(all, c)
	}
	return all
}

// feedPrefix is before the name of a feed in the code of its findings.
const feedPrefix = "feed:"

// maxFeeds is how many feeds have codes.
const maxFeeds = 255 - int(numCodes)

// A ConfigError says what is wrong with a configuration.
type ConfigError struct{ text string }

func (e *ConfigError) Error() string { return e.text }

// off reads the texts of codes that are switched off; feed is all feeds.
func off(texts []string, all []string) ([256]bool, error) {
	var no [256]bool
	for _, text := range texts {
		i := slices.Index(all, text)
		switch {
		case text == strings.TrimSuffix(feedPrefix, ":"):
			for i := int(numCodes); i < len(all); i++ {
				no[i] = true
			}
		case text != "" && i >= 0:
			no[i] = true
		default:
			return no, &ConfigError{fmt.Sprintf("%q is no code of a finding: there are %s, feed and feed:NAME of each feed", text, strings.Join(codeNames[1:], ", "))}
		}
	}
	return no, nil
}
