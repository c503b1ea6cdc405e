//go:build linux

// Command probe is what the conformance suite of package runtimetest runs in
// containers: one static program with a subcommand for everything that a command can
// do to its runtime. Build it with CGO_ENABLED=0 and put it into an image as /probe.
package main

import (
	"context"
	"os"

	"github.com/AltairaLabs/dockerrun/runtime/runtimetest/internal/probe"
)

func main() {
	os.Exit(probe.Main(context.Background(), &probe.Process{
		Args:   os.Args[1:],
		Env:    os.Environ(),
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		System: system{},
	}))
}
