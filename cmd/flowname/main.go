// Command flowname puts names on network flows.
//
// A command that asks has a package of its own name beneath this one: history,
// timeline, firstseen, hunt, clients, top and backfill hold the command, its rows, and
// the daemon's answer to the same question; doctor reads the ledger; check and formats
// are about files. How they ask and answer is in api, what all commands have in
// common in command.
//
// Here are the two that join. daemon.go wires the stages of the running collector
// together and holds their shutdown order: sources bring evidence, *path.go bring
// flows and join them, watch looks at both, server and routes.go are what others see
// of it. pipeline.go does the same over files, which evidence and exports read.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"flowname/cmd/flowname/backfill"
	"flowname/cmd/flowname/check"
	"flowname/cmd/flowname/clients"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/doctor"
	"flowname/cmd/flowname/firstseen"
	"flowname/cmd/flowname/formats"
	"flowname/cmd/flowname/history"
	"flowname/cmd/flowname/hunt"
	"flowname/cmd/flowname/timeline"
	"flowname/cmd/flowname/top"
)

// Exit codes of the command.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

type cli struct {
	Run       runCmd        `cmd:"" help:"Collect flows, watch DNS, join them and write enriched flows."`
	Replay    replayCmd     `cmd:"" help:"The same over files, in event-time order."`
	History   history.Cmd   `cmd:"" help:"Ask which names an address had, for whom, when; or where a name pointed."`
	Timeline  timeline.Cmd  `cmd:"" help:"Show what became of a name over time, phase by phase; or which names an address carried."`
	FirstSeen firstseen.Cmd `cmd:"" name:"first-seen" help:"Ask when domains and names were first seen in this network, and by whom."`
	Hunt      hunt.Cmd      `cmd:"" help:"Look for indicators of compromise in the history and in exported flows."`
	Clients   clients.Cmd   `cmd:"" help:"Show for each client what share of its flows has names, how its DNS is seen, and why not."`
	Top       top.Cmd       `cmd:"" help:"List the domains that most clients ask for, or that move most bytes, on a day; what is new since another."`
	Backfill  backfill.Cmd  `cmd:"" help:"Give enriched flows the names that became known after they were written."`
	Doctor    doctor.Cmd    `cmd:"" help:"Ask the running daemon what its exporters send, what is lost and what to change."`
	Check     check.Cmd     `cmd:"" help:"Say what files of DNS evidence are, how much of each is used, and why the rest is not."`
	Formats   formats.Cmd   `cmd:"" help:"List the kinds of files and logs that are read, and what to configure for them."`
	Demo      demoCmd       `cmd:"" help:"Show it all on bundled captures, over loopback sockets; ends by itself."`
	Version   versionCmd    `cmd:"" help:"Print the version."`
}

const description = `flowname puts names on network flows: it joins NetFlow and IPFIX to the DNS answers
that each client had got when the flow began.

Start with 'flowname demo'. 'flowname COMMAND --help' tells the rest.`

func main() {
	os.Exit(execute(os.Args[1:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

func execute(args []string, std command.Streams) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("flowname"),
		kong.Description(description),
		kong.Writers(std.Out, std.Err),
		kong.Configuration(loadConfig),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Help(helpWithExamples),
	)
	if err != nil {
		panic(err) // the command line's own definition is wrong: a test catches it
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(std.Err, "flowname: %v; see 'flowname%s --help'\n", err, commandOf(err))
		return exitUsage
	}
	if err := ctx.Run(std); err != nil {
		fmt.Fprintf(std.Err, "flowname: %v\n", err)
		var usage *command.UsageError
		if errors.As(err, &usage) {
			return exitUsage
		}
		return exitFailure
	}
	return exitOK
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

type versionCmd struct{}

// Run prints the module's version and what it was built with.
func (versionCmd) Run(std command.Streams) error {
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
		version += revision + " " + info.GoVersion
	}
	_, err := fmt.Fprintf(std.Out, "flowname %s\n", version)
	return err
}
