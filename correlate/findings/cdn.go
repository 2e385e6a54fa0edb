package findings

import (
	_ "embed"
	"strconv"
	"strings"
)

//go:embed cdn.txt
var shippedCDN string

// contentNetworks are autonomous systems that carry other people's names on addresses
// that they choose anew for each answer.
func contentNetworks() map[uint32]bool {
	all := map[uint32]bool{}
	for l := range strings.Lines(shippedCDN) {
		number, _, _ := strings.Cut(l, "#")
		if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32); err == nil {
			all[uint32(n)] = true
		}
	}
	return all
}

// poolNames are the ends of names whose addresses are other people's by intent: pools of
// time servers, and what finds peers.
var poolNames = []string{
	"pool.ntp.org", "ntp.org.cn", "bitcoin.sipa.be", "bluematt.me", "bitcoinstats.com", "bitcoin.jonasschnelli.ch",
	"seed.btc.petertodd.net", "seed.bitcoin.sprovoost.nl", "dnsseed.emzy.de", "seed.bitcoin.wiz.biz", "seed.mainnet.achownodes.xyz",
	"router.bittorrent.com", "router.utorrent.com", "dht.transmissionbt.com",
}

// isPool says whether name is, or is beneath, one of a pool.
func isPool(name []byte) bool {
	for _, end := range poolNames {
		if n := len(name) - len(end); n >= 0 && string(name[n:]) == end && (n == 0 || name[n-1] == '.') {
			return true
		}
	}
	return false
}
