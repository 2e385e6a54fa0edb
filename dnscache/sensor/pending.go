package sensor

// minPending is what the table starts with. It doubles up to the limit while
// the oldest queries are still young.
const minPending = 4096

// maxSameKey bounds how many questions wait under one id of one port: a hash
// chain that anybody could make longer would cost everybody time.
const maxSameKey = 16

// query is one that was seen. It stays after its answer, to know a second one.
type query struct {
	key      uint64 // hash of client, server, transport and id
	question question
	timeNs   int64
	reply    uint64 // hash of the message that answered
	next     int32  // in the bucket's chain; -1 ends it
	answered bool
}

// verdict is what a response is to the queries that were seen.
type verdict uint8

const (
	matched verdict = iota
	unmatched
	duplicate
	conflict
	caseMismatch
	wrongQuestion
	late
)

// pending is the table of queries: a ring in the order they came, and over it a
// hash table of chains.
type pending struct {
	limit   int
	ageNs   int64
	ring    []query
	head    int // the oldest
	size    int
	buckets []int32 // a power of two, twice the ring's length at least
	stats   *Stats
}

func (t *pending) bucket(key uint64) *int32 { return &t.buckets[key&uint64(len(t.buckets)-1)] }

func (t *pending) near(q *query, timeNs int64) bool {
	d := timeNs - q.timeNs
	return d <= t.ageNs && d >= -t.ageNs
}

// ask files a query. It is false for one that is asked again while it waits.
func (t *pending) ask(key uint64, asked question, timeNs int64) bool {
	if t.size == 0 && len(t.ring) == 0 {
		t.resize(min(minPending, t.limit))
	}
	var same *query // the oldest with this key: chains begin with the newest
	count := 0
	for i := *t.bucket(key); i >= 0; i = t.ring[i].next {
		q := &t.ring[i]
		if q.key != key {
			continue
		}
		if q.question == asked {
			again := !q.answered && t.near(q, timeNs)
			q.timeNs, q.answered = timeNs, false
			return !again
		}
		same = q
		count++
	}
	if count >= maxSameKey {
		t.lose(same, timeNs)
		same.question, same.timeNs, same.answered = asked, timeNs, false
		return true
	}
	t.room(timeNs)
	at := (t.head + t.size) % len(t.ring)
	first := t.bucket(key)
	t.ring[at] = query{key: key, question: asked, timeNs: timeNs, next: *first}
	*first = int32(at)
	t.size++
	return true
}

// room makes a place in the ring: the oldest's when it is past its age, a new
// one while the limit allows, the oldest's at last.
func (t *pending) room(timeNs int64) {
	if t.size < len(t.ring) {
		return
	}
	oldest := &t.ring[t.head]
	if t.near(oldest, timeNs) && !oldest.answered && len(t.ring) < t.limit {
		t.resize(min(2*len(t.ring), t.limit))
		return
	}
	t.lose(oldest, timeNs)
	t.removeOldest()
}

// lose counts a query whose place is taken.
func (t *pending) lose(q *query, timeNs int64) {
	switch {
	case q.answered:
	case t.near(q, timeNs):
		t.stats.QueriesEvicted++
	default:
		t.stats.QueriesUnanswered++
	}
}

func (t *pending) removeOldest() {
	oldest := int32(t.head)
	link := t.bucket(t.ring[oldest].key)
	for *link != oldest {
		link = &t.ring[*link].next
	}
	*link = t.ring[oldest].next
	t.head = (t.head + 1) % len(t.ring)
	t.size--
}

func (t *pending) resize(n int) {
	ring := make([]query, n)
	for i := range t.size {
		ring[i] = t.ring[(t.head+i)%len(t.ring)]
	}
	t.ring, t.head = ring, 0
	count := 1
	for count < 2*n {
		count *= 2
	}
	t.buckets = make([]int32, count)
	for i := range t.buckets {
		t.buckets[i] = -1
	}
	for i := range t.size {
		first := t.bucket(t.ring[i].key)
		t.ring[i].next = *first
		*first = int32(i)
	}
}

// answer looks for the query of a response, whose hash is reply, and marks it
// as answered.
func (t *pending) answer(key uint64, said question, timeNs int64, reply uint64) verdict {
	result := unmatched
	if t.size == 0 {
		return result
	}
	for i := *t.bucket(key); i >= 0; i = t.ring[i].next {
		q := &t.ring[i]
		if q.key != key {
			continue
		}
		switch {
		case !t.near(q, timeNs):
			if q.question == said && result == unmatched {
				result = late
			}
		case q.question == said:
			return q.settle(reply)
		case q.question.folded == said.folded:
			result = caseMismatch
		case result != caseMismatch:
			result = wrongQuestion
		}
	}
	return result
}

func (q *query) settle(reply uint64) verdict {
	switch {
	case !q.answered:
		q.answered, q.reply = true, reply
		return matched
	case q.reply == reply:
		return duplicate
	}
	return conflict
}

// unanswered is how many queries wait.
func (t *pending) unanswered() uint64 {
	n := uint64(0)
	for i := range t.size {
		if !t.ring[(t.head+i)%len(t.ring)].answered {
			n++
		}
	}
	return n
}

func (t *pending) clear() {
	for i := range t.buckets {
		t.buckets[i] = -1
	}
	t.head, t.size = 0, 0
}
