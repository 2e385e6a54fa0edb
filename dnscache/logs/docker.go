package logs

import "bytes"

// A dockerLine reads the lines of Docker's json-file driver, which hold a
// container's line and its time:
//
//	{"log":"LINE\n","stream":"stdout","time":"2026-11-23T17:17:06.496Z"}
type dockerLine struct{ json jsonLine }

const (
	dockerLog = iota
	dockerTime
)

// dockerTable has the slots in the order of the constants above.
var dockerTable = newJSONTable([]string{"log"}, []string{"time"})

// unwrap gives the line that was written and when. Where reason is not Used the
// line is not Docker's, or torn.
func (d *dockerLine) unwrap(line []byte) (text []byte, ns int64, reason Reason) {
	d.json.table = dockerTable
	if reason := d.json.read(line); reason != Used {
		return nil, 0, reason
	}
	text = d.json.text(dockerLog)
	ns, ok := parseDateTime(d.json.text(dockerTime), nil)
	switch {
	case text == nil:
		return nil, 0, NotTheFormat
	case !ok:
		return nil, 0, BadTime
	}
	return bytes.TrimRight(text, "\r\n"), ns, Used
}
