package findings

import (
	"time"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
)

// StaleAfter is how long past an answer's TTL a connection has to begin to be a
// StaleName. Of the connections that are made by expired answers in captures of a
// day's work, the latest began an hour after the TTL: browsers and proxies keep
// answers for as long as they run.
const StaleAfter = 6 * time.Hour

// StaleNameEvidence is what a StaleName finding rests on.
type StaleNameEvidence struct {
	Answered string `json:"answered"`
	TTL      uint32 `json:"ttl"`
	PastS    int64  `json:"past_ttl_s"`
	Source   string `json:"source"`
}

// Stale says how long past its answer's TTL a flow's connection began; 0 where that
// is not for long, not known, or the flow is not the one that began it: a later slice
// of a connection whose beginning was not seen.
func Stale(f *correlate.Flow) time.Duration {
	server, _, port := f.Server()
	if server.Basis() != correlate.ClientExpired || !begins(f, port) {
		return 0
	}
	c := &server.Candidates[0]
	if c.TTL == dnscache.UnknownTTL || c.AnsweredNs <= 0 {
		return 0
	}
	if past := time.Duration(f.BeganNs - c.AnsweredNs - int64(c.TTL)*1e9); past >= StaleAfter {
		return past
	}
	return 0
}

// begins says whether a flow is the first of its connection: of TCP one with a SYN,
// of QUIC one that the join has not seen a slice of. Other UDP goes on after any
// pause.
func begins(f *correlate.Flow, serverPort uint16) bool {
	switch f.Proto {
	case flows.ProtoTCP:
		return f.TCPFlags&flows.TCPSyn != 0
	case flows.ProtoUDP:
		return serverPort == portHTTPS && f.StartNs-f.BeganNs <= int64(5*time.Second)
	}
	return false
}

// StaleEvidence is what is told of a flow that is past its answer's TTL for so long.
func StaleEvidence(f *correlate.Flow, past time.Duration) StaleNameEvidence {
	server, _, _ := f.Server()
	c := &server.Candidates[0]
	return StaleNameEvidence{
		Answered: time.Unix(0, c.AnsweredNs).UTC().Format(time.RFC3339Nano), TTL: c.TTL, PastS: int64(past / time.Second), Source: c.Source.String(),
	}
}
