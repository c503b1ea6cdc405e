package podman

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain gives the tests a home of their own: ssh writes to it, and remembers where it
// is.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "home")
	if err == nil {
		err = os.Setenv("HOME", home)
	}
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(home)
		os.Exit(code)
	}))
}
