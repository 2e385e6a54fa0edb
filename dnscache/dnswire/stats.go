package dnswire

import "errors"

// What can be wrong with a message. Only ErrTruncated comes with evidence.
var (
	ErrHeader      = errors.New("dnswire: message shorter than its header")
	ErrSize        = errors.New("dnswire: message longer than 65535 octets")
	ErrNotResponse = errors.New("dnswire: message is a query")
	ErrOpcode      = errors.New("dnswire: opcode is not QUERY")
	// ErrNoQuestion is a message with no question. A server that could not read
	// the query may answer so with FORMERR; the RCODE is in the Response.
	ErrNoQuestion = errors.New("dnswire: message has no question")
	ErrQuestions  = errors.New("dnswire: message has more than one question")
	ErrName       = errors.New("dnswire: question's name is malformed")
	ErrShort      = errors.New("dnswire: message ends in its question")
	// ErrTruncated is an answer section with fewer records than the header
	// promises. The Response is filled from those that are whole.
	ErrTruncated = errors.New("dnswire: message ends in its answer section")
)

// Stats counts what a Parser has met since it was made.
type Stats struct {
	// Messages is the calls of Parse; each is one of the refused below or
	// gives a Response.
	Messages uint64

	// Refused, by the error of that name. Cut ones give a Response all the same.
	Header, Size, NotResponse, Opcode, NoQuestion, Questions, Name, Short uint64
	// AnswerCut is ErrTruncated. TailCut is messages that end, or can not be
	// read on, after the answer section: their evidence is whole.
	AnswerCut, TailCut uint64

	// Named is responses with an address, Addresses those addresses. Failed is
	// responses with an RCODE other than NOERROR, OtherQuestion those whose
	// question's type or class names no address, TC those a server cut short.
	Named, Addresses, Failed, OtherQuestion, TC uint64

	// Records of answers: OffChain are whole but owned by a name that is not on
	// the chain, BadOwner have a malformed owner, BadData malformed data.
	// Beyond is what came after the bounds on records, links and addresses.
	OffChain, BadOwner, BadData, Beyond uint64

	// Chains: Loops closed, LongChains went on after 16 steps, Synthesised are
	// DNAME targets made here, DNS64 the IPv4 addresses found in AAAA records.
	Loops, LongChains, Synthesised, DNS64 uint64
}
