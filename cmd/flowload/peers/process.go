package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"flowname/cmd/flowload/feed"
)

const (
	poll = 5 * time.Millisecond
	// A process is idle that uses less than idleShare of two windows in a row.
	idleWindow = 100 * time.Millisecond
	idleShare  = 0.04
	// startPatience is how long a receiver may load, endPatience how long it may
	// take to end.
	startPatience = 10 * time.Minute
	endPatience   = 60 * time.Second
)

// A process is a running receiver with the processes that it started.
type process struct {
	name   string
	cmd    *exec.Cmd
	output tail
	exited chan struct{} // closed when it has ended
	err    error         // how; valid then
}

func start(ctx context.Context, name string, args []string, dir string) (*process, error) {
	return startTo(ctx, name, args, dir, nil)
}

// startTo is start with what the program writes to its standard output in a
// file, unless that is nil.
func startTo(ctx context.Context, name string, args []string, dir string, out *os.File) (*process, error) {
	p := &process{name: name, cmd: exec.CommandContext(ctx, args[0], args[1:]...), exited: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.WaitDelay = time.Second // a child may outlive it and hold its output
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if out != nil {
		p.cmd.Stdout = out
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// ready waits until the port is bound.
func (p *process) ready(ctx context.Context, port *feed.Port) error {
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); {
		s, err := port.Socket()
		if err != nil || s.Bound {
			return err
		}
		if err := p.sleep(ctx, poll); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s does not listen after %v%s", p.name, startPatience, p.output.said())
}

// idle waits until the processes do nothing.
func (p *process) idle(ctx context.Context) error {
	had, quiet := time.Duration(0), 0
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); {
		used, err := p.cpu()
		if err != nil {
			return err
		}
		if used-had < time.Duration(idleShare*float64(idleWindow)) {
			if quiet++; quiet == 2 {
				return nil
			}
		} else {
			quiet = 0
		}
		had = used
		if err := p.sleep(ctx, idleWindow); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s does not become idle in %v", p.name, startPatience)
}

// sleep waits; it is an error when the process ends meanwhile.
func (p *process) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.exited:
		return fmt.Errorf("%s has ended: %v%s", p.name, p.err, p.output.said())
	case <-time.After(d):
		return nil
	}
}

// end asks the process to end and waits for it; one that does not is killed.
func (p *process) end(signal syscall.Signal) error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s had ended before: %v%s", p.name, p.err, p.output.said())
	default:
	}
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	select {
	case <-p.exited:
		return nil // some end with an error by a signal they catch
	case <-time.After(endPatience):
		p.kill()
		return fmt.Errorf("%s did not end in %v and was killed", p.name, endPatience)
	}
}

// kill ends the process at once, and waits.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.exited
}

// cpu is what the processes have used.
func (p *process) cpu() (sum time.Duration, err error) {
	for _, pid := range p.tree() {
		used, err := cpuClock(pid)
		if err != nil && pid == p.cmd.Process.Pid {
			return 0, fmt.Errorf("CPU time of %s: %w%s", p.name, err, p.output.said())
		}
		sum += used
	}
	return sum, nil
}

// resetPeak makes the present memory of the processes their peak.
func (p *process) resetPeak() error {
	for _, pid := range p.tree() {
		if err := os.WriteFile(procPath(pid, "clear_refs"), []byte("5"), 0); err != nil {
			return err
		}
	}
	return nil
}

// peak is the sum of the peaks of resident memory, in bytes.
func (p *process) peak() (sum uint64, err error) {
	for _, pid := range p.tree() {
		b, err := os.ReadFile(procPath(pid, "status"))
		if err != nil {
			return 0, err
		}
		_, rest, _ := bytes.Cut(b, []byte("VmHWM:"))
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			return 0, fmt.Errorf("%s: no VmHWM in /proc/%d/status", p.name, pid)
		}
		kb, err := strconv.ParseUint(string(fields[0]), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kb << 10
	}
	return sum, nil
}

func procPath(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// tree is the process and its children.
func (p *process) tree() []int {
	pids := []int{p.cmd.Process.Pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name, in brackets, may hold anything; state and parent follow it.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(fields) > 1 && string(fields[1]) == strconv.Itoa(pids[0]) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// run runs a program that ends by itself and returns what it prints.
func run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	var errs tail
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w%s", strings.Join(args, " "), err, errs.said())
	}
	return string(out), nil
}

// found is the path of a program; empty where it is not installed.
func found(name string) string {
	path, err := exec.LookPath(name)
	if err != nil && !errors.Is(err, exec.ErrDot) {
		// Daemons are outside the usual path of a user.
		if path, err = exec.LookPath(filepath.Join("/usr/sbin", name)); err != nil {
			return ""
		}
	}
	return path
}
