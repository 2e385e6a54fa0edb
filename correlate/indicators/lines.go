package indicators

import "strings"

// cutComment takes off what stands behind a comment sign after a space.
func cutComment(line string) string {
	for i := 1; i < len(line); i++ {
		if (line[i] == '#' || line[i] == ';') && (line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i-1]
		}
	}
	return line
}

// readList reads a line of a plain list.
func (r *reading) readList(line string) {
	if line == "" || isComment(line) {
		return
	}
	line = strings.Trim(cutComment(line), `"', `)
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		line = line[:i]
	}
	r.take(line, withBeneath)
}

// hostsOwn are the names that every hosts file has for the machine itself.
var hostsOwn = map[string]bool{
	"localhost": true, "localhost.localdomain": true, "local": true, "broadcasthost": true, "0.0.0.0": true,
	"ip6-localhost": true, "ip6-loopback": true, "ip6-localnet": true, "ip6-mcastprefix": true,
	"ip6-allnodes": true, "ip6-allrouters": true, "ip6-allhosts": true,
}

// readHosts reads a line of a hosts file.
func (r *reading) readHosts(line string) {
	if line == "" || isComment(line) {
		return
	}
	if !isHostsLine(line) {
		r.refuse(NotName, line)
		return
	}
	for _, name := range strings.Fields(cutComment(line))[1:] {
		if !hostsOwn[name] {
			r.take(name, itself)
		}
	}
}
