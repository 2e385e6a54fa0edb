package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"flowname/cmd/flowload/feed"
)

// A Live is a flowname that runs, with its lines in a pipe.
type Live struct {
	// Netflow is where it takes flows, by UDP; Dnstap where it takes answers.
	Netflow, Dnstap string
	// Lines is its output. It ends after End.
	Lines *os.File

	proc  *process
	place place
}

// StartLive starts flowname with a data directory beneath dir and an index of
// so many versions, and waits until it listens.
func StartLive(ctx context.Context, program, dir, asn, city string, versions int) (l *Live, err error) {
	r := Receiver{}
	p, err := r.place(dir)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	growPipe(write)
	l = &Live{
		Netflow: loopback(p.port), Dnstap: "unix:" + filepath.Join(dir, "dnstap.sock"), Lines: read, place: p,
	}
	args := []string{program, "run", "--netflow", l.Netflow, "--http", loopback(p.http), "--dnstap", l.Dnstap,
		"--asn", asn, "--geo", city, "--data", filepath.Join(dir, "data"), "--out", "-",
		"--index-versions", strconv.Itoa(versions)}
	l.proc, err = startTo(ctx, "flowname", args, dir, write)
	if err = errors.Join(err, write.Close()); err != nil {
		read.Close()
		return nil, err
	}
	port, err := feed.OpenPort(p.port)
	if err == nil {
		defer port.Close()
		err = l.proc.ready(ctx, port)
	}
	if err != nil {
		l.Kill()
		return nil, err
	}
	return l, nil
}

// Idle waits until it does nothing.
func (l *Live) Idle(ctx context.Context) error { return l.proc.idle(ctx) }

// CPU is what it has used.
func (l *Live) CPU() (time.Duration, error) { return l.proc.cpu() }

// Peak is the peak of its resident memory, in bytes, since ResetPeak.
func (l *Live) Peak() (uint64, error) { return l.proc.peak() }

// ResetPeak makes its present memory the peak.
func (l *Live) ResetPeak() error { return l.proc.resetPeak() }

// Queue is how much a sender may leave in its receive queue.
func (l *Live) Queue() uint64 { return (&Receiver{buffer: wantBuffer}).queue() }

// A Ledger is what flowname itself says that it lost.
type Ledger struct {
	// KernelDrops counts datagrams, Lost the flows that the exporters' sequence
	// numbers say are missing; LostLines could not be written.
	KernelDrops, Lost, LostLines uint64
}

// Ledger asks for its account.
func (l *Live) Ledger(ctx context.Context) (Ledger, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+loopback(l.place.http)+"/api/v1/exporters", nil)
	if err != nil {
		return Ledger{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Ledger{}, err
	}
	defer response.Body.Close()
	var row struct {
		KernelDrops uint64 `json:"kernel_drops"`
		LostLines   uint64 `json:"lost_lines"`
		Account     struct {
			Lost    uint64 `json:"lost"`
			Missing uint64 `json:"missing"`
		} `json:"account"`
	}
	// The first line is the whole collector's.
	if err := json.NewDecoder(response.Body).Decode(&row); err != nil {
		return Ledger{}, fmt.Errorf("the ledger: %w", err)
	}
	return Ledger{row.KernelDrops, row.Account.Lost + row.Account.Missing, row.LostLines}, nil
}

// End asks it to end and waits until it has; Lines ends then.
func (l *Live) End() error { return l.proc.end(syscall.SIGTERM) }

// Kill ends it at once; it may have ended.
func (l *Live) Kill() {
	l.proc.kill()
	l.Lines.Close()
}
