package sources

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/evidence"
	"flowname/dnscache/logs"
	"flowname/dnscache/logs/follow"
)

// stdinLog is the path that means stdin.
const stdinLog = "-"

// A followedLog is a file or a directory that is followed.
type followedLog struct {
	path     string
	follower *follow.Follower
}

// openLogs opens what --dns-log gives.
func (s *Sources) openLogs() error {
	seen := map[string]bool{}
	for _, text := range s.cfg.DNSLog {
		format, path, err := evidence.SplitFormat(text)
		if err != nil {
			return err
		}
		if path != stdinLog {
			if path, err = filepath.Abs(path); err != nil {
				return fmt.Errorf("--dns-log %s: %w", text, err)
			}
		}
		if seen[path] {
			return command.Usagef("--dns-log: %s is given twice", path)
		}
		seen[path] = true
		if path == stdinLog {
			s.stdin = &pipedLog{in: s.cfg.Stdin, stream: logs.NewStream(format, s.cfg.DNS.Logs, s.sink()), log: s.cfg.Log}
			continue
		}
		l, err := s.openLog(path, format)
		if err != nil {
			return err
		}
		s.logs = append(s.logs, l)
	}
	return nil
}

// openLog opens a path to be followed. A state that can not be used is set aside,
// and the log read from its beginning: what is filed twice is filed once.
func (s *Sources) openLog(path string, format *logs.Format) (*followedLog, error) {
	config := follow.Config{
		Path: path, Format: format, Logs: s.cfg.DNS.Logs, Sink: s.sink(),
		StateFile: logStateFile(s.cfg.Data, path),
		// What the state says was read must be in the history before.
		Durable: s.cfg.Flush,
		Say:     func(_ string, err error) { s.cfg.Log.Warn("a log needs a look", "err", err) },
	}
	f, err := follow.New(config)
	if errors.Is(err, follow.ErrState) {
		aside := config.StateFile + ".bad"
		s.cfg.Log.Warn("what was remembered of a log can not be used; it is read from its beginning", "set_aside", aside, "err", err)
		if err := os.Rename(config.StateFile, aside); err != nil {
			return nil, err
		}
		f, err = follow.New(config)
	}
	return &followedLog{path: path, follower: f}, err
}

// logStateFile is where what is remembered of a log lies: beside the history, by
// the log's path.
func logStateFile(data, path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(data, fmt.Sprintf("log-%.40s-%x.state", filepath.Base(path), sum[:6]))
}

// announceLogs tells what is followed.
func (s *Sources) announceLogs() {
	for _, l := range s.logs {
		args := []any{"path", l.path}
		if stats := l.follower.Stats(); stats.Restarts > 0 {
			args = append(args, "lines_before", stats.Read.Lines)
		}
		s.cfg.Log.Info("following a log", args...)
	}
	if s.stdin != nil {
		s.cfg.Log.Info("reading a log from stdin")
	}
}

// A pipedLog is a log that comes by stdin. It has no offsets: what comes while
// nobody reads is the writer's to keep.
type pipedLog struct {
	in  io.Reader
	log *slog.Logger

	mu     sync.Mutex
	stream *logs.Stream
	ended  bool
}

// run reads until ctx or the input ends. A read of stdin can not be broken off: its
// goroutine ends with the process, and files nothing any more.
func (p *pipedLog) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- p.read() }()
	select {
	case <-ctx.Done():
		p.end()
		return nil
	case err := <-done:
		p.end()
		if err != io.EOF {
			return fmt.Errorf("stdin: %w", err)
		}
		stats := p.stats()
		p.log.Info("stdin has ended", "lines", stats.Lines, "used", stats.ByReason[logs.Used])
		return nil
	}
}

func (p *pipedLog) read() error {
	lines := logs.NewLines(p.in)
	for {
		line, _, err := lines.Next()
		if err != nil {
			return err
		}
		if !p.take(line) {
			return io.EOF
		}
	}
}

// take gives a line to the stream, unless that has ended.
func (p *pipedLog) take(line []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.stream.Line(line, time.Now().UnixNano())
	}
	return !p.ended
}

func (p *pipedLog) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.stream.Flush()
	}
	p.ended = true
}

func (p *pipedLog) stats() logs.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stream.Stats()
}
