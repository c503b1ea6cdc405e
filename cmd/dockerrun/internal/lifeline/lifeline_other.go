//go:build !unix

package lifeline

import (
	"errors"
	"os"
)

// FD is the lifeline's number; there is none.
const FD = 0

// Supported says that Run works on this system.
const Supported = false

// Run fails: a process can't be handed a pipe besides its stdio here.
func Run([]string, <-chan os.Signal) (int, error) {
	return 0, errors.ErrUnsupported
}

func keepFromChildren(int) {}
func letGo()               {}
