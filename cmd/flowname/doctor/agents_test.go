package doctor

import (
	"strings"
	"testing"

	"flowname/cmd/flowname/ledger"
)

// agentCases has, for each rule, a change beyond its threshold and words of what is
// said then.
var agentCases = map[string]struct {
	change func(*ledger.Agent)
	say    string
}{
	"agent_bad_version":   {func(a *ledger.Agent) { a.Refused["bad_version"] = ledger.Tally{Count: 3, Bytes: 90} }, "3 of its datagrams are not sFlow v5"},
	"agent_silent":        {func(a *ledger.Agent) { a.SilentS = 301 }, "for 5m1s (more than 5m0s)"},
	"agent_loss":          {func(a *ledger.Agent) { a.Lost = 1000 }, "50 % of its datagrams were lost"},
	"agent_dropped":       {func(a *ledger.Agent) { a.SamplesDropped = 4000 }, "could not make 50 % of its samples"},
	"agent_rate":          {func(a *ledger.Agent) { a.RateInEffect = 1024 }, "It takes 100 % fewer samples"},
	"agent_numbers_still": {func(a *ledger.Agent) { a.NumbersStill = true }, "stand still"},
	"agent_malformed":     {func(a *ledger.Agent) { a.Refused["cut_short"] = ledger.Tally{Count: 9, Bytes: 1000} }, "of its bytes can not be read"},
	"agent_restarts":      {func(a *ledger.Agent) { a.Restarts = 4 }, "anew 4 times (more than 3)"},
}

func TestAgentRules(t *testing.T) {
	well := func() ledger.Agent {
		return ledger.Agent{Datagrams: 1000, Flows: 4000, Bytes: 100_000, HeaderBytes: 28_000, FlowBytes: 72_000, SamplingRate: 512, RateInEffect: 512.3, Refused: map[string]ledger.Tally{}}
	}
	row := well()
	if found := applied(agentRules, &row); len(found) != 0 {
		t.Errorf("of an agent that is well: %v", found)
	}
	for _, r := range agentRules {
		c, ok := agentCases[r.code]
		if !ok {
			t.Errorf("rule %s has no test", r.code)
			continue
		}
		row := well()
		c.change(&row)
		found := applied(agentRules, &row)
		if len(found) != 1 || found[0].Code != r.code || !strings.Contains(found[0].Text, c.say) || strings.Contains(found[0].Text, "%!") {
			t.Errorf("%s: got %v, want %q", r.code, found, c.say)
		}
	}
}
