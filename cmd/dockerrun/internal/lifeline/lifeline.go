// Package lifeline makes a call survive, for as long as its container takes to remove,
// the program that asked for it: a program that is killed by SIGKILL can't clean up.
//
// The call is made by a second process of this program, in a session of its own, that
// has the first one's stdio. The first passes signals on and waits. It holds one end of
// a pipe, the lifeline, which nobody writes to: when it dies, however it dies, the second
// sees the end of it, gives the call up, lets go of the stdio, and ends when
// the container is gone.
package lifeline

import (
	"io"
	"os"
)

// Watch calls gone when the process at the other end of the lifeline has died, and then
// puts null devices in the place of this process's stdio: whoever reads its output
// need not wait for the removal. It returns at once.
func Watch(fd int, gone func()) {
	line := os.NewFile(uintptr(fd), "lifeline")
	if line == nil {
		return
	}
	keepFromChildren(fd)
	go func() {
		_, _ = io.Copy(io.Discard, line)
		gone()
		letGo()
	}()
}
