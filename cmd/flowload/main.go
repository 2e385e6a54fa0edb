// Command flowload loads flowname and compares it with others: a made-up world
// whose every truth is known, sent as flows and DNS, and its names checked.
//
// The files: one for each command (write, send, check, compare, together,
// history, floor), flags.go
// for what they share. The packages beneath: world is the truth, wire writes it,
// feed sends it, check verifies what became of it, peers measures receivers.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit codes of the command.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

type cli struct {
	Write    writeCmd    `cmd:"" help:"Write a world: DNS captures, dnstap streams, captures of exports, databases."`
	Send     sendCmd     `cmd:"" help:"Send a world's answers by dnstap and its flows by UDP."`
	Check    checkCmd    `cmd:"" help:"Verify every line of flowname's output against the world."`
	Compare  compareCmd  `cmd:"" help:"Measure flowname beside nfcapd, nfacctd and goflow2 on the same flows."`
	Together togetherCmd `cmd:"" help:"Load flowname with flows and answers at a time, and check every line."`
	History  historyCmd  `cmd:"" help:"Build a history of many versions, or measure one."`
	Floor    floorCmd    `cmd:"" hidden:"" help:"Read datagrams and drop them."`
}

const description = `flowload loads flowname with a made-up world of which every truth is known.

Start with 'flowload compare'. 'flowload COMMAND --help' tells the rest.`

// streams are where a command writes: data goes to stdout, all else to stderr.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	os.Exit(execute(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

func execute(args []string, std streams) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("flowload"),
		kong.Description(description),
		kong.Writers(std.out, std.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Help(helpWithExamples),
	)
	if err != nil {
		panic(err) // the command line's own definition is wrong: a test catches it
	}
	ctx, err := parser.Parse(twoDashes(args))
	if err != nil {
		fmt.Fprintf(std.err, "flowload: %v; see 'flowload%s --help'\n", err, commandOf(err))
		return exitUsage
	}
	if err := ctx.Run(std); err != nil {
		fmt.Fprintf(std.err, "flowload: %v\n", err)
		var usage *usageError
		if errors.As(err, &usage) {
			return exitUsage
		}
		return exitFailure
	}
	return exitOK
}

// twoDashes lets long flags be written with one dash, as go's own are: no flag
// here has a single letter but -h.
func twoDashes(args []string) []string {
	all := make([]string, len(args))
	for i, a := range args {
		if len(a) > 2 && a[0] == '-' && (a[1] >= 'a' && a[1] <= 'z') {
			a = "-" + a
		}
		all[i] = a
	}
	return all
}

// commandOf is the command that a parse error is about, with a space before
// it; empty where there is none.
func commandOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			return " " + node.Name
		}
	}
	return ""
}

// A usageError is a wrong use of the command line that only the command
// itself can see.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// examples are printed at the end of a command's help.
var examples = map[string]string{
	"write": `Examples:
  flowload write --dir w
      A small world: w/world.json, dns.pcap, dns.dnstap, flows.v5.pcap, flows.v9.pcap, flows.ipfix.pcap, flows.sflow.pcap, asn.mmdb, city.mmdb.
  flowname replay --dns w/dns.pcap --flows w/flows.ipfix.pcap --asn w/asn.mmdb --geo w/city.mmdb --out w/out.jsonl
  flowload check --expect w/world.json --places w/out.jsonl
      Have it named, and see that each name is right.
`,
	"send": `Examples:
  flowload send --expect w/world.json --dnstap unix:/run/flowname/dnstap.sock --to 127.0.0.1:2055
      All answers, then all flows as IPFIX, as fast as the receiver reads: nothing is lost.
  flowload send --expect w/world.json --to 127.0.0.1:2055 --format v9 --rate 50000
      Flows only, 50,000 a second.
`,
	"check": `Examples:
  flowload check --expect w/world.json --places out.jsonl
  flowload check --expect w/world.json --lost 10 - < out.jsonl
`,
	"together": `Examples:
  flowload together
      500,000 flows/s and 75,000 DNS answers/s for a minute.
  flowload together --flows 100000 --answers 15000 --time 10s --highest
      A small run, then the highest rate that holds.
`,
	"history": `Examples:
  flowload history --data h --versions 10000000
      Build a history of 10 million versions: bytes a version, bytes written, CPU an answer.
  flowload history --data h --measure
      How long questions to it take, and a start.
  flowname history --data h www1.site7.example
      Ask it as a user.
`,
	"compare": `Examples:
  flowload compare -flows 1000000
  flowload compare -flows 1000000 -answers 1000000 --rounds 5
      With a million answers in the index.
  flowload compare -flows 1000000 -answers 1000000 --watched --only flowname --only bare --limit bare=1.2
      What findings, first sightings, feeds, clients and baselines cost the whole process.
  flowload compare -flows 1000000 --limit nfcapd=3 --limit goflow2=0.083
      Fail where flowname takes over 3 times nfcapd's CPU, or over a twelfth of goflow2's.

The others: apt-get install nfdump pmacct; goflow2 is built where it is not in PATH.
`,
}

// helpWithExamples prints kong's help, then the command's examples.
func helpWithExamples(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	if node := ctx.Selected(); node != nil {
		if text := strings.TrimRight(examples[node.Name], "\n"); text != "" {
			fmt.Fprintf(ctx.Stdout, "\n%s\n", text)
		}
	}
	return nil
}
