package powerdns

// Stats counts what a Reader, or all connections of a Server, have met.
type Stats struct {
	// Frames is frames begun. Each is counted in BadProtobuf or in ByType, but
	// for one that the stream broke in.
	Frames, BadProtobuf uint64
	// ByType counts messages by their type; 0 is types not known.
	ByType [numTypes]uint64
	// NoTime messages have no time. In BadAddress, BadName and BadRecord
	// messages something could not be, and is left out: records of other types
	// and classes than those of addresses are in BadRecord too.
	NoTime, BadAddress, BadName, BadRecord uint64
	// Of the streams begun, Ended ended between two frames, Broken within one.
	Streams, Ended, Broken uint64
}

func (s *Stats) add(o *Stats) {
	s.Frames += o.Frames
	s.BadProtobuf += o.BadProtobuf
	for i := range s.ByType {
		s.ByType[i] += o.ByType[i]
	}
	s.NoTime += o.NoTime
	s.BadAddress += o.BadAddress
	s.BadName += o.BadName
	s.BadRecord += o.BadRecord
	s.Streams += o.Streams
	s.Ended += o.Ended
	s.Broken += o.Broken
}

func (s *Stats) count(m *Message, o odd) {
	s.ByType[m.Type]++
	for _, x := range []struct {
		is bool
		n  *uint64
	}{{m.TimeNs == 0, &s.NoTime}, {o.address, &s.BadAddress}, {o.name, &s.BadName}, {o.record, &s.BadRecord}} {
		if x.is {
			*x.n++
		}
	}
}
