package netflow

import "slices"

// A Counting is what an exporter's sequence numbers count. v5 has to count
// flows, v9 messages (RFC 3954 section 5.1), IPFIX data records (RFC 7011
// section 3.1); not all exporters do.
type Counting uint8

const (
	ofMessages   Counting = iota
	ofRecords             // data records, those of options included
	ofFlows               // data records without them
	ofAll                 // data and template records
	ofFlowsSoFar          // as ofFlows, those of the message itself included: softflowd
	ofNothing             // the number never changes
	countings

	// ofChance is for numbers that follow nothing that is known here.
	ofChance
)

// The countings as others see them.
const (
	CountsMessages = ofMessages
	CountsRecords  = ofRecords
	CountsFlows    = ofFlows
	CountsAll      = ofAll
	CountsSoFar    = ofFlowsSoFar
	CountsNothing  = ofNothing
	CountsByChance = ofChance
)

var countingNames = [...]string{"messages", "data records", "flow records", "data and template records", "flow records so far", "nothing", "by chance"}

// String is the counting in words.
func (c Counting) String() string { return countingNames[c] }

// rightCounting is what the exporters of a version have to count.
func rightCounting(version uint16) Counting {
	if version == 9 {
		return ofMessages
	}
	return ofRecords
}

// counts is what a message holds of each thing that may be counted.
type counts [countings]uint32

func (c *counts) of(unit Counting) uint32 {
	if unit >= countings {
		return 0
	}
	return c[unit]
}

// first is the number that a message's own begin with, by the one that it has.
func (c *counts) first(unit Counting, number uint32) uint32 {
	if unit == ofFlowsSoFar {
		return number - c[unit]
	}
	return number
}

// after is what follows a message's own numbers. Those so far are known also where
// the message could not be counted.
func (c *counts) after(unit Counting, number uint32) uint32 {
	if unit == ofFlowsSoFar {
		return number
	}
	return number + c.of(unit)
}

const (
	// firstTrials is after how many messages it is decided what an exporter
	// counts, moreTrials after how many each time it is looked at again.
	firstTrials = 16
	moreTrials  = 64
	// clearTrials are enough where one counting explains all steps and the one that was
	// taken for it does not.
	clearTrials = 8

	// gapMessages is for how many messages a gap stays open for what comes late.
	gapMessages = 64
	maxGaps     = 8

	// A number this far behind is of another run of the exporter; one this far
	// ahead too. In units of messages and of records.
	behindMessages, aheadMessages = 64, 1 << 16
	behindRecords, aheadRecords   = 1 << 12, 1 << 22

	// repeatsToRestart is how many messages in a row have to repeat numbers, in
	// order, until they count as a new run of the exporter.
	repeatsToRestart = 3
)

// A gap is a run of numbers that did not come.
type gap struct {
	start, n uint32
	at       uint64 // when it was found, in messages
}

// doubts are what was counted before it was decided what the numbers count.
type doubts struct{ reordered, repeated, jumps, restarts uint64 }

// A sequence follows the sequence numbers of an observation domain and says
// what was lost on the way. Gaps stay open for a while, so that messages that
// overtake each other are no loss.
//
// What the exporter counts is tried out: of the messages that followed each
// other, how many numbers grew by what the message before held of messages, of
// records, and so on, or this one. Until that is decided gaps are kept in doubt. What nobody
// can follow, no loss is computed from.
type sequence struct {
	began   bool
	resync  bool // go on from the next message, whatever its number
	decided bool
	sure    bool // the message before could be counted
	unit    Counting
	repeats uint8

	next   uint32 // expected
	number uint32 // of the message before
	held   counts // and what it held
	again  uint32 // what would follow the last repeated number

	trials uint32
	hits   [countings]uint32

	messages uint64
	doubted  uint64 // missing, while undecided
	doubts   doubts // likewise
	gaps     [maxGaps]gap
	open     int
}

// observe takes in the number of a message and what it held. unsure says that the
// records are not all known: a set had no template, or could not be read to its
// end.
func (s *sequence) observe(a *Account, version uint16, number uint32, held *counts, unsure bool) {
	s.messages++
	if !s.began {
		s.began, s.unit = true, rightCounting(version)
		s.follow(number, held)
		s.sure = !unsure
		return
	}
	if s.resync {
		s.follow(number, held)
		s.sure = !unsure
		return
	}
	s.try(a, version, number, held, unsure)
	switch {
	case s.unit == ofNothing || s.unit == ofChance:
		a.Unverified++
		s.follow(number, held)
	case s.unit == ofFlowsSoFar && unsure, s.unit != ofFlowsSoFar && s.unit != ofMessages && !s.sure:
		a.Unverified++
		s.follow(number, held)
	case s.decided:
		s.compare(a, number, held)
	default:
		was := doubts{a.Reordered, a.Repeated, a.SequenceJumps, a.Restarts}
		s.compare(a, number, held)
		s.doubts.reordered += a.Reordered - was.reordered
		s.doubts.repeated += a.Repeated - was.repeated // modulo 2^64: repeats are taken back
		s.doubts.jumps += a.SequenceJumps - was.jumps
		s.doubts.restarts += a.Restarts - was.restarts
	}
	if s.open > 0 && s.messages-s.gaps[0].at > gapMessages {
		s.closeGap(a)
	}
	s.number, s.held, s.sure = number, *held, !unsure
}

// follow goes on from this message.
func (s *sequence) follow(number uint32, held *counts) {
	s.next = held.after(s.unit, number)
	s.number, s.held = number, *held
	s.repeats, s.resync = 0, false
}

// try notes what would explain the step from the number before, and decides
// when there are enough.
func (s *sequence) try(a *Account, version uint16, number uint32, held *counts, unsure bool) {
	if !s.sure || unsure {
		return
	}
	s.held[ofFlowsSoFar] = held[ofFlowsSoFar] // which say of this message what the others say of the one before
	step := number - s.number
	for unit, n := range s.held {
		if step == n {
			s.hits[unit]++
		}
	}
	s.trials++
	if s.trials < firstTrials && !s.clear() || s.decided && s.trials < moreTrials {
		return
	}
	s.decide(a, version)
	s.trials, s.hits = 0, [countings]uint32{}
}

// clear says whether it is decided soon that the exporter counts otherwise than it
// was taken for.
func (s *sequence) clear() bool {
	return !s.decided && s.trials >= clearTrials && s.hits[s.unit] < s.trials && slices.Contains(s.hits[:], s.trials)
}

// decide chooses what is counted: what explains the most steps. What has to be
// counted wins a tie. A change of an earlier decision needs a quarter more.
func (s *sequence) decide(a *Account, version uint16) {
	right := rightCounting(version)
	best := right
	for unit := range countings {
		if s.hits[unit] > s.hits[best] {
			best = unit
		}
	}
	switch {
	case s.hits[best] < s.trials/4:
		best = ofChance
	case s.decided && s.unit < countings && s.hits[best] < s.hits[s.unit]+s.trials/4:
		best = s.unit
	}
	if best == s.unit {
		a.Lost += s.doubted
		a.Missing -= s.doubted
	} else {
		a.Missing -= s.doubted + s.missing()
		a.Reordered -= s.doubts.reordered
		a.Repeated -= s.doubts.repeated
		a.SequenceJumps -= s.doubts.jumps
		a.Restarts -= s.doubts.restarts
		s.open = 0
		s.next = s.held.after(best, s.number)
	}
	s.doubted, s.doubts, s.decided, s.unit = 0, doubts{}, true, best
}

// missing is how much the open gaps hold.
func (s *sequence) missing() uint64 {
	var sum uint64
	for _, g := range s.gaps[:s.open] {
		sum += uint64(g.n)
	}
	return sum
}

// compare files a number against the one that was expected.
func (s *sequence) compare(a *Account, number uint32, held *counts) {
	n, first := held.of(s.unit), held.first(s.unit, number)
	behind, ahead := int32(behindRecords), int32(aheadRecords)
	if s.unit == ofMessages {
		behind, ahead = behindMessages, aheadMessages
	}
	switch diff := int32(first - s.next); {
	case diff == 0:
		s.next += n
		s.repeats = 0
	case diff > ahead:
		a.SequenceJumps++
		s.follow(number, held)
	case diff > 0:
		s.openGap(a, gap{s.next, uint32(diff), s.messages})
		s.next = first + n
		s.repeats = 0
	case s.fill(a, first, n):
		a.Reordered++
	case diff < -behind:
		a.Restarts++
		s.restart(a)
		s.follow(number, held)
	default:
		s.repeat(a, number, held)
	}
}

// repeat files a number that was there already. Some in a row are an exporter
// that began anew soon after its start.
func (s *sequence) repeat(a *Account, number uint32, held *counts) {
	if s.repeats == 0 || held.first(s.unit, number) != s.again {
		s.repeats = 0
	}
	s.repeats++
	s.again = held.after(s.unit, number)
	if s.repeats < repeatsToRestart || held.of(s.unit) == 0 {
		a.Repeated++
		return
	}
	a.Repeated -= uint64(s.repeats) - 1
	a.Restarts++
	s.restart(a)
	s.follow(number, held)
}

func (s *sequence) openGap(a *Account, g gap) {
	if s.open == maxGaps {
		s.closeGap(a)
	}
	s.gaps[s.open] = g
	s.open++
	a.Missing += uint64(g.n)
}

// closeGap gives the oldest gap up.
func (s *sequence) closeGap(a *Account) {
	n := uint64(s.gaps[0].n)
	copy(s.gaps[:], s.gaps[1:s.open])
	s.open--
	if !s.decided {
		s.doubted += n
		return
	}
	a.Missing -= n
	a.Lost += n
}

// fill takes a late message's numbers out of the gap that they are of. The gap
// becomes two where they were in its middle; with no room for both, the larger
// one stays and the other is lost.
func (s *sequence) fill(a *Account, number, n uint32) bool {
	for i := range s.gaps[:s.open] {
		g := &s.gaps[i]
		into := number - g.start
		if into >= g.n {
			continue
		}
		n = min(n, g.n-into)
		a.Missing -= uint64(n)
		rest := gap{number + n, g.n - into - n, g.at}
		g.n = into
		switch {
		case rest.n == 0:
		case g.n == 0:
			*g = rest
		case s.open < maxGaps:
			copy(s.gaps[i+2:], s.gaps[i+1:s.open])
			s.gaps[i+1] = rest
			s.open++
		default:
			if rest.n > g.n {
				*g, rest = rest, *g
			}
			a.Missing -= uint64(rest.n)
			a.Lost += uint64(rest.n)
		}
		if s.gaps[i].n == 0 {
			copy(s.gaps[i:], s.gaps[i+1:s.open])
			s.open--
		}
		return true
	}
	return false
}

// restart begins anew with the next message: what is open still is lost.
func (s *sequence) restart(a *Account) {
	for s.open > 0 {
		s.closeGap(a)
	}
	s.resync, s.repeats = true, 0
}

// settle ends the account of a domain that is forgotten.
func (s *sequence) settle(a *Account) {
	s.restart(a)
	a.Lost += s.doubted
	a.Missing -= s.doubted
	s.doubted = 0
}
