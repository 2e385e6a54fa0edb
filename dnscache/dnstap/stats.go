package dnstap

import "errors"

// What can go wrong with a stream. Returned errors wrap one of these, and say
// which frame it was.
var (
	// ErrFrame is one frame that can not be used. The stream goes on.
	ErrFrame = errors.New("dnstap: bad frame")
	// ErrStream is the loss of the framing. The stream ends with it.
	ErrStream = errors.New("dnstap: broken stream")
	// ErrNotFrameStream is an input that does not begin like a frame stream.
	ErrNotFrameStream = errors.New("dnstap: not a frame stream")
	// ErrContentType is a frame stream of something else than dnstap.
	ErrContentType = errors.New("dnstap: content type is not " + ContentType)

	errTooLarge = errors.New("frame is too large")
)

// ContentType is what a dnstap frame stream says it holds.
const ContentType = "protobuf:dnstap.Dnstap"

// Stats counts what a Reader, or all connections of a Server, have met.
type Stats struct {
	// Frames is data frames begun. Each is counted in one of the three below or
	// in ByType, but for one that the stream broke in.
	Frames uint64
	// BadProtobuf and TooLarge are frames that ErrFrame was given for,
	// NotMessage such that hold no message and are passed over.
	BadProtobuf, TooLarge, NotMessage uint64
	// ByType counts messages by their type; 0 is types not known.
	ByType [numTypes]uint64

	// NoWire is messages without a DNS message, NoTime those without a time.
	// BadAddress and BadTime had an address, port or time that can not be.
	NoWire, NoTime, BadAddress, BadTime uint64

	// Controls is control frames other than those that begin and end a stream.
	Controls uint64
	// Streams is streams begun, BadStart inputs that are no dnstap frame
	// stream. Of those begun, Stopped ended with STOP, Unstopped where a frame
	// would begin, Broken anywhere else.
	Streams, BadStart, Stopped, Unstopped, Broken uint64
}

// add adds other to s.
func (s *Stats) add(other *Stats) {
	s.Frames += other.Frames
	s.BadProtobuf += other.BadProtobuf
	s.TooLarge += other.TooLarge
	s.NotMessage += other.NotMessage
	for i := range s.ByType {
		s.ByType[i] += other.ByType[i]
	}
	s.NoWire += other.NoWire
	s.NoTime += other.NoTime
	s.BadAddress += other.BadAddress
	s.BadTime += other.BadTime
	s.Controls += other.Controls
	s.Streams += other.Streams
	s.BadStart += other.BadStart
	s.Stopped += other.Stopped
	s.Unstopped += other.Unstopped
	s.Broken += other.Broken
}

// count counts a frame that was decoded.
func (s *Stats) count(m *Message, o odd) {
	s.ByType[m.Type]++
	if len(m.Wire) == 0 {
		s.NoWire++
	}
	if m.TimeNs == 0 {
		s.NoTime++
	}
	if o.address {
		s.BadAddress++
	}
	if o.time {
		s.BadTime++
	}
}
