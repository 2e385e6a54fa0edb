package peers

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuClock is the time that a process has used, user and system, of all its
// threads, also those that have ended.
func cpuClock(pid int) (time.Duration, error) {
	// The clock of a process as clock_getcpuclockid(3) makes it: the process
	// id's complement and CPUCLOCK_SCHED.
	const sched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return 0, err
	}
	return time.Duration(ts.Nano()), nil
}
