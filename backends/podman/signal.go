package podman

import (
	"fmt"
	"slices"
	"strings"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// signalNumber gives Linux's number for a signal, as the service's host has it
// whatever this program runs on.
func signalNumber(name string) (int, error) {
	names := strings.Fields(`HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM
		STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS`)
	var n int
	if _, err := fmt.Sscanf(name, "%d", &n); err == nil && fmt.Sprint(n) == name {
		if n < 1 || n > maxSignal {
			return 0, invalid("stop-signal: %q: takes a signal's name, or 1 to %d", name, maxSignal)
		}
		return n, nil
	}
	short := strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if i := slices.Index(names, short); i >= 0 {
		return i + 1, nil
	}
	switch short {
	case "IOT":
		return 6, nil
	case "CLD":
		return 17, nil
	case "POLL":
		return 29, nil
	}
	var offset int
	switch {
	case short == "RTMIN":
		return rtMin, nil
	case short == "RTMAX":
		return maxSignal, nil
	case scan(short, "RTMIN+%d", &offset) && rtMin+offset <= maxSignal:
		return rtMin + offset, nil
	case scan(short, "RTMAX-%d", &offset) && maxSignal-offset >= rtMin:
		return maxSignal - offset, nil
	}
	return 0, invalid("stop-signal: %q: takes a signal's name, or 1 to %d", name, maxSignal)
}

const (
	rtMin     = 34 // the first that glibc leaves to programs
	maxSignal = 64
)

func scan(s, format string, n *int) bool {
	_, err := fmt.Sscanf(s, format, n)
	return err == nil && fmt.Sprintf(format, *n) == s && *n >= 0
}

func setStopSignal(req *createRequest, spec runtime.Spec, _ service) error {
	if spec.StopSignal == "" {
		return nil
	}
	n, err := signalNumber(spec.StopSignal)
	req.StopSignal = n
	return err
}
