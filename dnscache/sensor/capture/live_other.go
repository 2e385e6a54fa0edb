//go:build !linux

package capture

// A Live gives the frames of a network interface. This system has none.
type Live struct{}

// OpenInterface fails with ErrUnsupported.
func OpenInterface(string, LiveConfig) (*Live, error) { return nil, ErrUnsupported }

// Next fails with ErrUnsupported.
func (l *Live) Next() (Frame, error) { return Frame{}, ErrUnsupported }

// Close does nothing.
func (l *Live) Close() error { return nil }

// Stats is empty.
func (l *Live) Stats() LiveStats { return LiveStats{} }
