// Command guard is a tool hook: it lets the model call the tools that its arguments name,
// and no other. Built without cgo it is one static file that runs in any image.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

type call struct {
	Phase   string `json:"phase"`
	Request struct{ Name string }
}

type answer struct {
	Allow  bool   `json:"allow"`
	Reason string `json:"reason,omitempty"`
}

func main() {
	var c call
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		fmt.Fprintln(os.Stderr, "guard: stdin is no hook request:", err)
		os.Exit(1)
	}
	a := answer{Allow: slices.Contains(os.Args[1:], c.Request.Name)}
	if !a.Allow {
		a.Reason = fmt.Sprintf("the tool %q is not on the list", c.Request.Name)
	}
	if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		os.Exit(1)
	}
}
