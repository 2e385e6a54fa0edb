package logs

import (
	"encoding/json"
	"errors"
	"net/netip"
)

// A passiveState is what rows that follow need: the layout of the columns, and
// the rows of the answer that is not complete.
type passiveState struct {
	Layout         *passiveLayout `json:",omitempty"`
	TimeNs         int64
	Client, Server netip.Addr
	Records        []recordState `json:",omitempty"`
}

// AppendState appends the state, as JSON.
func (p *passiveParser) AppendState(dst []byte) []byte {
	g := &p.group
	state := passiveState{TimeNs: g.ns, Client: g.client, Server: g.server, Records: g.records.state()}
	if p.columns.layout.Delimiter != "" {
		state.Layout = &p.columns.layout
	}
	text, _ := json.Marshal(state) // numbers, texts and addresses always can be
	return append(dst, text...)
}

// errPassiveState says that a state is not one of AppendState's.
var errPassiveState = errors.New("logs: not the state of a PassiveDNS log")

// Restore takes back what AppendState gave.
func (p *passiveParser) Restore(text []byte) error {
	var state passiveState
	if json.Unmarshal(text, &state) != nil || state.TimeNs < 0 ||
		state.Client.IsValid() && !isPlain(state.Client) || state.Server.IsValid() && !isPlain(state.Server) {
		return errPassiveState
	}
	group := passiveGroup{ns: state.TimeNs, client: state.Client, server: state.Server}
	group.records.appendName = appendName
	if !group.records.restore(state.Records) {
		return errPassiveState
	}
	var columns passiveColumns
	if l := state.Layout; l != nil {
		if !l.valid() {
			return errPassiveState
		}
		columns.layout = *l
	}
	p.columns, p.group = columns, group
	return nil
}

// valid says whether the layout can be of a row.
func (l *passiveLayout) valid() bool {
	if l.Delimiter == "" || l.Width > maxPassiveColumns || l.Time < 0 || l.Time >= l.Width {
		return false
	}
	for slot, at := range l.At {
		needed := slot == passiveQuery || slot == passiveType || slot == passiveAnswer
		if at >= l.Width || at < -1 || needed && at < 0 {
			return false
		}
	}
	return true
}
