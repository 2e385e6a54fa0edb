package logs

// A Reason is what became of a line.
type Reason uint8

// What becomes of lines.
const (
	// Used lines gave evidence, or will when later lines complete them.
	Used Reason = iota
	// Passed over: comments, headers, events that name nothing.
	Passed
	// TooLong lines are over MaxLine bytes.
	TooLong
	// Torn lines end before they are complete.
	Torn
	// NotTheFormat: the line is not one of this log at all.
	NotTheFormat
	// BadColumns: another number of columns than the format or its header says.
	BadColumns
	// BadSyntax: broken quoting, JSON, escapes or encodings.
	BadSyntax
	// BadTime: no time, or one that can not be.
	BadTime
	// BadClient: who asked is missing or not an address.
	BadClient
	// BadName: a name that can not be one, or that the log's writer garbled.
	BadName
	// BadAddress: an answer or a server that should be an address and is not.
	BadAddress
	// Unpaired: an answer whose question the log did not show, in a format where
	// it can not be told without.
	Unpaired
	// SiteOnly: the log tells which site asked, not which of its clients, and
	// nothing of the answer.
	SiteOnly
	// Full: the parser's bounds did not allow to hold the line.
	Full

	numReasons
)

var reasonNames = [numReasons]string{
	"used", "passed", "too_long", "torn", "not_the_format", "bad_columns", "bad_syntax", "bad_time",
	"bad_client", "bad_name", "bad_address", "unpaired", "site_only", "full",
}

// String is the reason as metrics carry it.
func (r Reason) String() string { return reasonNames[r] }

// Reasons are all reasons for which a line is not used.
func Reasons() []Reason {
	var all []Reason
	for r := Used + 1; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}
