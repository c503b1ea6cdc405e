package dockercli

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// runArgs is the argv of a call, without the program. Every flag is one word, so that
// nothing a user wrote can turn into a flag, or a flag into the image: what follows
// the image is the command's. spec is resolved and checked.
func (cl *client) runArgs(spec runtime.Spec, env env, now time.Time) []string {
	args := cl.args("run",
		"--rm", "-i",
		"--pull=never", // a pull inside a call would eat its deadline
		"--name="+spec.Name,
	)
	if cl.podman {
		args = append(args, "--detach-keys="+detachKeys(spec.Name))
		if !spec.Deadline.IsZero() {
			args = append(args, "--timeout="+strconv.FormatInt(podmanTimeout(spec.Deadline, now), 10))
		}
	}
	if cl.podman {
		args = append(args, spec.PodmanFlags()...)
	}
	args = append(args, spec.Flags()...)
	args = append(args, spec.Passthrough...)
	args = append(args, env.flags...)
	args = append(args, spec.Image)
	return append(args, spec.Args...)
}

// detachKeys are keys that no input holds. Podman looks for them in any stdin, not only
// a terminal's, and its default of two would cut binary input short; "none" is not an
// answer that it takes when its engine is remote. The name of a container is random.
func detachKeys(name string) string {
	sum := sha256.Sum256([]byte("detach keys of " + name))
	keys := make([]string, 16)
	for i := range keys {
		keys[i] = "ctrl-" + string('a'+rune(sum[i]%26))
	}
	return strings.Join(keys, ",")
}

// podmanTimeout is how many seconds Podman lets the container live. The call's own
// deadline comes first; this is for when nobody is left to keep it.
func podmanTimeout(deadline, now time.Time) int64 {
	const grace = 2 * time.Second
	left := deadline.Add(grace).Sub(now)
	return max(1, int64((left+time.Second-1)/time.Second))
}
