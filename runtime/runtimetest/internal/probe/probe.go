// Package probe holds what the conformance suite's program does, apart from the
// process that it does it in: the real one in a container, or one of the Fake.
package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Exit statuses of the probe itself. They lie outside those that the suite asks for.
const (
	ExitUsage  = 96 // it was called wrongly
	ExitFailed = 97 // what it was asked to do did not work
)

// Ready is the line that a command writes to stdout before it blocks.
const Ready = "ready\n"

// Process is what the probe runs in.
type Process struct {
	Args           []string // from argv[1]
	Env            []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	System
}

// System is the part of a process that goes through the operating system.
type System interface {
	// Kill ends the process with a signal. It returns only if that did not work.
	Kill(signal int) error
	// OOM allocates memory until the kernel kills the process.
	OOM() error
	// Block waits for ever, or until the process is killed.
	Block()
	// Sleep waits for d.
	Sleep(d time.Duration)
	// IgnoreTerm makes SIGTERM do nothing.
	IgnoreTerm()
	// Child starts a process that holds this one's stdin, stdout and stderr and
	// outlives it where it can.
	Child() error
	CloseStdin() error
	CloseStdout() error
	ReadFile(name string) ([]byte, error)
	WriteFile(name string, data []byte) error
	AppendFile(name string, data []byte) error
	Identity() (Identity, error)
}

// Identity is what `probe id` tells of the process, as JSON.
type Identity struct {
	PID        int      `json:"pid"`
	UID        int      `json:"uid"`
	GID        int      `json:"gid"`
	Groups     []int    `json:"groups"`
	Dir        string   `json:"dir"`
	Hostname   string   `json:"hostname"`
	Interfaces []string `json:"interfaces"`
}

// commands are what argv[1] can be. An error other than exit is reported on stderr
// with ExitFailed.
func commands() map[string]func(context.Context, *Process, []string) error {
	return map[string]func(context.Context, *Process, []string) error{
		"append":       appendFile,
		"args":         args,
		"block":        block,
		"both":         both,
		"cat":          cat,
		"child":        child,
		"close-stdin":  closeStdin,
		"close-stdout": closeStdout,
		"complain":     complain,
		"echo":         echo,
		"env":          env,
		"eval":         eval,
		"exit":         exitWith,
		"flood":        flood,
		"hash":         hash,
		"hook":         hook,
		"id":           id,
		"ignore-term":  ignoreTerm,
		"kill":         kill,
		"late":         late,
		"oom":          oom,
		"orphan":       orphan,
		"select":       selectSome,
		"sleep":        sleep,
		"write":        writeFile,
	}
}

// exit is an error that is an exit status.
type exit int

func (e exit) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// Main does what p.Args says and returns the exit status.
func Main(ctx context.Context, p *Process) int {
	if len(p.Args) == 0 {
		return usage(p, "it takes a command")
	}
	cmd, ok := commands()[p.Args[0]]
	if !ok {
		return usage(p, fmt.Sprintf("%q is not a command", p.Args[0]))
	}
	switch err := cmd(ctx, p, p.Args[1:]).(type) {
	case nil:
		return 0
	case exit:
		return int(err)
	default:
		fmt.Fprintf(p.Stderr, "probe: %s: %v\n", p.Args[0], err)
		return ExitFailed
	}
}

func usage(p *Process, text string) int {
	fmt.Fprintln(p.Stderr, "probe: "+text)
	return ExitUsage
}

// word is argument i, or what is used without it.
func word(args []string, i int, without string) string {
	if i < len(args) {
		return args[i]
	}
	return without
}

func number(args []string, i int) (int, error) {
	n, err := strconv.Atoi(word(args, i, ""))
	if err != nil {
		return 0, fmt.Errorf("argument %d: %w", i+1, err)
	}
	return n, nil
}

func writeJSON(w io.Writer, v any) error {
	return json.NewEncoder(w).Encode(v)
}
