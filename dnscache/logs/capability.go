package logs

// capabilityNames are in the order of the bits.
var capabilityNames = [...]string{"answers", "any_client", "questions", "connections"}

// Names are those of the capabilities in c, as programs read them.
func (c Capability) Names() []string {
	var names []string
	for i, name := range capabilityNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
