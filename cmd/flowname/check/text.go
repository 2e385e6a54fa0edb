package check

import (
	"fmt"
	"io"
	"strings"
	"time"

	"flowname/cmd/flowname/table"
)

// writeReport writes a report for people.
func writeReport(w io.Writer, r *report) {
	what := r.Title
	if r.Format == "" {
		what = "not known"
	} else {
		what += " [" + r.Format + "]"
	}
	for i := len(r.Packed) - 1; i >= 0; i-- {
		what += ", packed with " + r.Packed[i]
	}
	fmt.Fprintf(w, "%s: %s\n", r.File, what)
	if r.Format != "" {
		r.writeContent(w)
	}
	if r.Problem != "" {
		table.WriteWrapped(w, "problem", strings.TrimPrefix(r.Problem, r.File+": "))
	}
}

func (r *report) writeContent(w io.Writer) {
	t := &r.Tally
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Flows > 0 {
		row(r.Units, "%s", table.Grouped(r.Total))
		row("flows", "%s records, no DNS: give it with --flows", table.Grouped(r.Flows))
	} else {
		row(r.Units, "%s, %s used", table.Grouped(r.Total), table.Grouped(r.Used))
	}
	if t.all() > 0 {
		row("evidence", "%s", t.evidenceText())
		row("clients", "%s", t.clientsText())
	}
	if t.First != nil {
		const form = "2006-01-02 15:04:05"
		text := fmt.Sprintf("%s to %s UTC", t.First.Format(form), t.Last.Format(form))
		if t.disorder >= int64(time.Second) {
			text += ", out of order by up to " + time.Duration(t.disorder).Round(time.Second).String()
		}
		row("times", "%s", text)
	}
	for i, reason := range r.NotUsed {
		name := ""
		if i == 0 {
			name = "not used"
		}
		row(name, "%s %s: %s", table.Grouped(reason.Count), reason.Reason, reasonWords[reason.Reason])
		for _, e := range reason.Examples {
			row("", "  line %d: %s", e.Line, e.Text)
		}
	}
	if r.Caveat != "" {
		table.WriteWrapped(w, "mind", r.Caveat)
	}
}

// evidenceText says how much evidence there is of each kind.
func (t *tally) evidenceText() string {
	var parts []string
	for _, kind := range []struct {
		n    uint64
		text string
	}{
		{t.Answers, fmt.Sprintf("%s answers with %s addresses", table.Grouped(t.Answers), table.Grouped(t.Addresses))},
		{t.Questions, table.Grouped(t.Questions) + " questions"},
		{t.Connections, fmt.Sprintf("%s connections, %s with a name", table.Grouped(t.Connections), table.Grouped(t.Named))},
	} {
		if kind.n > 0 {
			parts = append(parts, kind.text)
		}
	}
	return strings.Join(parts, "; ")
}

// clientsText says how many clients there are, and how much of the evidence is
// of none of them, and so for any client.
func (t *tally) clientsText() string {
	var b strings.Builder
	b.WriteString(table.Grouped(t.Clients))
	if t.Clients == maxClients {
		b.WriteString(" or more")
	}
	before := "; %.3g %% of the evidence is %s"
	for _, part := range []struct {
		n    uint64
		text string
	}{
		{t.Anyone, "for any client"},
		{t.Masked, "of masked addresses"},
		{t.Forwarded, "of forwarders"},
		{t.Sites, "of public addresses, behind which a whole site may be"},
	} {
		if part.n > 0 {
			fmt.Fprintf(&b, before, 100*float64(part.n)/float64(t.all()), part.text)
			before = ", %.3g %% %s"
		}
	}
	return b.String()
}

// reasonWords say why lines, packets, frames and messages are not used.
var reasonWords = map[string]string{
	// lines
	"passed":         "nothing in them names a flow",
	"too_long":       "longer than any line that is read",
	"torn":           "they end before they are complete",
	"not_the_format": "not lines of this kind",
	"bad_columns":    "another number of columns than this kind has",
	"bad_syntax":     "broken quotes, JSON or escapes, or a value that stands twice",
	"bad_time":       "no time, or one that can not be",
	"bad_client":     "who asked is missing or not an address",
	"bad_name":       "a name that can not be one",
	"bad_address":    "an answer or a server that should be an address and is not",
	"unpaired":       "answers whose question the log does not show",
	"site_only":      "questions of a site, without the client behind it",
	"full":           "there was no room to hold them",

	// packets
	"mdns":               "multicast DNS, kept apart",
	"llmnr":              "LLMNR, kept apart",
	"net_bios":           "NetBIOS, kept apart",
	"unmatched":          "responses whose query was not seen; for a tap of one direction there is --accept-unmatched",
	"late":               "responses long after their query",
	"duplicate":          "responses that were there already",
	"conflict":           "second responses to a query, other than the first",
	"case_mismatch":      "responses that change the letter case of the question",
	"wrong_question":     "responses to another question than was asked",
	"wrong_way":          "queries to, or responses from, a port that is not DNS's",
	"not_query":          "updates and notifications",
	"many_questions":     "messages with several questions",
	"bad_question":       "messages whose question can not be read",
	"stream_incomplete":  "messages by TCP of which a part is missing",
	"stream_unsynced":    "TCP segments in which no message begins",
	"stream_bad_length":  "lengths in TCP streams that can not be",
	"stream_implausible": "places in TCP streams where a message should begin",

	// frames
	"bad_protobuf": "no message",
	"too_large":    "larger than any message",
	"not_message":  "not about a DNS message",
	"no_wire":      "without the DNS message: the server has to be told to send it",
	"no_time":      "without a time",

	// messages
	"header":       "shorter than the header of a message",
	"size":         "longer than a message can be",
	"not_response": "queries where responses should be",
	"opcode":       "updates and notifications",
	"no_question":  "without a question",
	"questions":    "with several questions",
	"name":         "a question whose name can not be read",
	"short":        "messages that end in their question",

	"rest": "no DNS, or nothing in it names a flow",
}
